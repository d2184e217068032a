//! Opening a conversation again.

use rozmowa_db::{Row, Tx, params};
use uuid::Uuid;

use super::log::{self, Event, Kind, Place, Turn};
use super::{Status, assign, idle};
use crate::act::Act;
use crate::agent;
use crate::agent::presence::{self, Status as Duty};
use crate::http::{Code, Error};
use crate::live::{ToRoute, Was};
use crate::queue;

rozmowa_db::statements! {
    /// What is decided by what was read stays so until the transaction's end.
    HOLD = {
        sqlite: "SELECT c.status, c.chat_queue_id, c.agent_id, a.login
            FROM conversation c LEFT JOIN agent a ON a.id = c.agent_id WHERE c.id = $1",
        postgres: "SELECT c.status, c.chat_queue_id, c.agent_id, a.login
            FROM conversation c LEFT JOIN agent a ON a.id = c.agent_id WHERE c.id = $1 FOR UPDATE OF c",
    };
    REOPEN = "UPDATE conversation SET seq = seq + 1, updated_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END,
            status = CASE WHEN first_agent_at IS NULL THEN 0 ELSE 1 END, closed_at = NULL, reopened_at = $2,
            agent_id = NULL, bot_id = NULL, assigned_at = NULL, is_missed = 0, waiting_rank = 1, waiting_since = $2
        WHERE id = $1 AND status = 2 RETURNING seq, updated_at, chat_queue_id, agent_id, status";
    FORGET_MISSED = "DELETE FROM missed WHERE conversation_id = $1";
}

struct Held {
    chat_queue_id: i64,
    agent_id: Option<i64>,
    login: Option<String>,
}

/// Opens a conversation that was closed, for an agent or for a program. It goes back to the agent who had it, if that one
/// is free and has room, and never to the absent; else it waits in its queue. One that is open stays as it is.
pub fn reopen(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    by: Option<i64>,
    client_key: Option<Uuid>,
) -> Result<Option<Place>, Error> {
    if let Some(place) = log::once(tx, id, client_key)? {
        return Ok(Some(place));
    }
    let Some(held) = hold(tx, id)? else { return Ok(None) };
    let turn = tx.query_one(&REOPEN, params![id, act.now], Turn::read)?;
    tx.put(&FORGET_MISSED, params![id])?;
    let was = Was { agent_id: held.agent_id, chat_queue_id: None };
    let event = Event::by(Kind::Reopened, by).numbered(client_key).from(was);
    log::append(tx, act, id, turn, &event)?;
    if let Some(queue) = queue::find(tx, held.chat_queue_id)? {
        idle::set(tx, &queue.settings, id, act.now)?;
    }
    match held.login {
        Some(login) if can_have(tx, act, &login)? => assign::assign(tx, act, id, &login)?,
        _ => tx.publish(ToRoute(Some(held.chat_queue_id))),
    }
    Ok(Some(turn.place()))
}

/// None when it is open.
fn hold(tx: &mut Tx<'_>, id: &Uuid) -> Result<Option<Held>, Error> {
    let held = tx.query_opt(&HOLD, params![id], |row: &Row<'_>| {
        let held = Held { chat_queue_id: row.get(1)?, agent_id: row.get(2)?, login: row.get(3)? };
        Ok((row.get::<i64>(0)?, held))
    })?;
    let (status, held) = held.ok_or(Code::UnknownConversation)?;
    Ok((status == Status::Closed.number()).then_some(held))
}

/// The agent is held, so that nobody fills up or leaves in between.
fn can_have(tx: &mut Tx<'_>, act: &Act<'_>, login: &str) -> Result<bool, Error> {
    let agent = agent::hold(tx, login)?;
    if !agent.is_active || agent.is_full() {
        return Ok(false);
    }
    Ok(presence::find(tx, agent.id, act.now)?.status == Duty::Free)
}
