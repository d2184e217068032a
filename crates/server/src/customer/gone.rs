//! Deleting customers. Their row goes first: from that commit on nobody finds them and nothing of them is shown. What hangs on
//! them goes in steps: the first in the same transaction, the rest before the answer if that is soon, else by the tidying task.
//! Conversations are kept, and are with nobody whom the CRM knows.

use std::time::{Duration, Instant};

use rozmowa_db::{Tx, params};
use uuid::Uuid;

use super::{change, company, find};
use crate::act::{Act, Actor};
use crate::app::App;
use crate::audit;
use crate::conversation;
use crate::http::Error;

rozmowa_db::statements! {
    REMOVE = "DELETE FROM customer WHERE id = $1 RETURNING is_company, company_id";
    REMOVE_LINKING = "DELETE FROM linking WHERE customer_id = $1";
    REMOVE_IMPORTED = "DELETE FROM imported_line WHERE customer_id = $1";
    MARK = "INSERT INTO customer_gone (customer_id, company_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    MARKED = "SELECT company_id FROM customer_gone WHERE customer_id = $1";
    FIRST = "SELECT min(customer_id) FROM customer_gone";
    UNMARK = "DELETE FROM customer_gone WHERE customer_id = $1";
    SOME_VALUES = "DELETE FROM custom_value WHERE customer_id = $1 AND (field_id, position) IN
        (SELECT field_id, position FROM custom_value WHERE customer_id = $1 LIMIT 200)";
    SOME_RECORDS = "DELETE FROM feed_record WHERE customer_id = $1 AND id IN
        (SELECT id FROM feed_record WHERE customer_id = $1 LIMIT 200)";
    ITEMS = "SELECT id FROM field_item WHERE customer_id = $1 ORDER BY group_id, id LIMIT 20";
    REMOVE_ITEM = "DELETE FROM field_item WHERE id = $1";
    REMOVE_ITEM_VALUES = "DELETE FROM field_item_value WHERE item_id = $1";
    CONVERSATIONS = "SELECT id FROM conversation WHERE customer_id = $1 ORDER BY id LIMIT 100";
    PEOPLE = "SELECT id FROM customer WHERE company_id = $1 ORDER BY id LIMIT 20";
}

const ROWS_OF_STEP: u64 = 200;
const ITEMS_OF_STEP: usize = 20;
const CONVERSATIONS_OF_STEP: usize = 100;
const PEOPLE_OF_STEP: usize = 20;
/// How long an answer waits for the steps.
const PATIENCE: Duration = Duration::from_secs(5);

/// False when there is no such customer.
pub fn remove(tx: &mut Tx<'_>, act: &Act<'_>, id: i64) -> Result<bool, Error> {
    let row = |row: &rozmowa_db::Row<'_>| Ok((row.get::<bool>(0)?, row.get::<Option<i64>>(1)?));
    let Some((is_company, company_id)) = tx.query_opt(&REMOVE, params![id], row)? else {
        return Ok(false);
    };
    let company_id = company_id.filter(|_| is_company);
    if let Some(company_id) = company_id {
        company::forget(tx, company_id)?;
    }
    // Whoever starts a conversation looks for addresses.
    change::forget(tx, id)?;
    tx.put(&REMOVE_LINKING, params![id])?;
    tx.put(&REMOVE_IMPORTED, params![id])?;
    tx.put(&MARK, params![id, company_id])?;
    let subject = format!("customer {id}");
    audit::record(tx, act, "customer.delete", &subject, None::<&()>, None::<&()>)?;
    step(tx, act, id)?;
    Ok(true)
}

/// Takes away some of what is left of a deleted customer, and says whether there may be more.
fn step(tx: &mut Tx<'_>, act: &Act<'_>, id: i64) -> Result<bool, Error> {
    let marked = tx.query_opt(&MARKED, params![id], |row| row.get::<Option<i64>>(0))?;
    let Some(company_id) = marked else { return Ok(false) };
    if find::forget_some(tx, id)? == ROWS_OF_STEP
        || tx.execute(&SOME_VALUES, params![id])? == ROWS_OF_STEP
        || tx.execute(&SOME_RECORDS, params![id])? == ROWS_OF_STEP
    {
        return Ok(true);
    }
    let items = tx.query(&ITEMS, params![id], |row| row.get::<i64>(0))?;
    for item in &items {
        tx.put(&REMOVE_ITEM_VALUES, params![*item])?;
        tx.put(&REMOVE_ITEM, params![*item])?;
    }
    if items.len() == ITEMS_OF_STEP {
        return Ok(true);
    }
    let conversations = tx.query(&CONVERSATIONS, params![id], |row| row.get::<Uuid>(0))?;
    for conversation in &conversations {
        conversation::link::forget(tx, act, conversation, id)?;
    }
    if conversations.len() == CONVERSATIONS_OF_STEP {
        return Ok(true);
    }
    if let Some(company_id) = company_id {
        let people = tx.query(&PEOPLE, params![company_id], |row| row.get::<i64>(0))?;
        for person in &people {
            change::change(tx, act, *person, |customer| customer.company_id = None)?;
        }
        if people.len() == PEOPLE_OF_STEP {
            return Ok(true);
        }
    }
    tx.put(&UNMARK, params![id])?;
    Ok(false)
}

/// Goes on with whoever is being taken away; false when nobody is.
pub fn more(tx: &mut Tx<'_>, act: &Act<'_>) -> Result<bool, Error> {
    let Some(id) = tx.query_one(&FIRST, params![], |row| row.get::<Option<i64>>(0))? else {
        return Ok(false);
    };
    step(tx, act, id)?;
    Ok(true)
}

/// Takes the steps that are left, as far as an answer can wait for them.
pub async fn finish(app: &App, id: i64) {
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        let (own, actor) = (app.clone(), Actor::system());
        let done = app.db.write(move |tx| {
            let act = Act::of(tx, &own, &actor)?;
            step(tx, &act, id)
        });
        match done.await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                return tracing::warn!(cause = error.cause(), "the rest is taken away later");
            }
        }
    }
}
