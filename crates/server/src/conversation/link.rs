//! Saying by hand which customer a conversation is with.

use rozmowa_db::{Row, Tx, params};
use serde_json::json;
use uuid::Uuid;

use super::log::{self, Event, Kind, Place, Speaker, Turn};
use crate::act::Act;
use crate::http::{Code, Error, Fault};

rozmowa_db::statements! {
    CUSTOMER = "SELECT u.name, u.surname,
            (SELECT a.email FROM customer_email a WHERE a.customer_id = u.id ORDER BY a.position LIMIT 1)
        FROM customer u WHERE u.id = $1";
    /// What the client has said of themselves stays.
    SET = "UPDATE conversation SET seq = seq + 1, updated_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END, customer_id = $3,
            client_name = CASE WHEN client_name = '' AND client_surname = '' THEN $4 ELSE client_name END,
            client_surname = CASE WHEN client_name = '' AND client_surname = '' THEN $5 ELSE client_surname END,
            client_email = CASE WHEN client_email = '' THEN $6 ELSE client_email END
        WHERE id = $1 AND customer_id IS DISTINCT FROM $3 RETURNING seq, updated_at, chat_queue_id, agent_id, status";
    CLEAR = "UPDATE conversation SET seq = seq + 1, updated_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END,
            customer_id = NULL
        WHERE id = $1 AND customer_id IS NOT NULL RETURNING seq, updated_at, chat_queue_id, agent_id, status";
    FORGET = "UPDATE conversation SET seq = seq + 1, updated_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END,
            customer_id = NULL
        WHERE id = $1 AND customer_id = $3 RETURNING seq, updated_at, chat_queue_id, agent_id, status";
}

/// Links a conversation, which the caller holds, to a customer, in place of the one it had. None when it was so already.
pub fn set(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    by: i64,
    customer_id: i64,
) -> Result<Option<Place>, Error> {
    let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get::<Option<String>>(2)?));
    let known = tx.query_opt(&CUSTOMER, params![customer_id], row)?;
    let unknown = || Fault::new(Code::UnknownCustomer).with("id", customer_id);
    let (name, surname, email): (String, String, Option<String>) = known.ok_or_else(unknown)?;
    let email = email.unwrap_or_default();
    let row = params![id, act.now, customer_id, &name, &surname, &email];
    let Some(turn) = tx.query_opt(&SET, row, Turn::read)? else { return Ok(None) };
    tell(tx, act, id, by, turn, Some(customer_id)).map(Some)
}

/// Takes the link away. None when there was none.
pub fn clear(tx: &mut Tx<'_>, act: &Act<'_>, id: &Uuid, by: i64) -> Result<Option<Place>, Error> {
    let Some(turn) = tx.query_opt(&CLEAR, params![id, act.now], Turn::read)? else {
        return Ok(None);
    };
    tell(tx, act, id, by, turn, None).map(Some)
}

/// Takes the link to a customer away who is there no more.
pub fn forget(tx: &mut Tx<'_>, act: &Act<'_>, id: &Uuid, customer_id: i64) -> Result<(), Error> {
    let row = params![id, act.now, customer_id];
    if let Some(turn) = tx.query_opt(&FORGET, row, Turn::read)? {
        let event = Event::of(Kind::Linked, Speaker::System);
        log::append(tx, act, id, turn, &event.with(&json!({ "customer_id": null })))?;
    }
    Ok(())
}

fn tell(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    by: i64,
    turn: Turn,
    customer_id: Option<i64>,
) -> Result<Place, Error> {
    let event = Event::by(Kind::Linked, Some(by)).with(&json!({ "customer_id": customer_id }));
    log::append(tx, act, id, turn, &event)?;
    Ok(turn.place())
}
