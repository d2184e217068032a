//! Chat queues: where conversations wait and what they belong to.

pub mod api;

use rozmowa_db::{Row, Tx, params};

use crate::clock::Millis;
use crate::http::Error;

rozmowa_db::statements! {
    FIND = "SELECT id, name, is_enabled FROM chat_queue WHERE id = $1";
    LIST = "SELECT id, name, is_enabled FROM chat_queue ORDER BY id LIMIT 10000";
    ADD = "INSERT INTO chat_queue (id, name, is_enabled, created_at) VALUES ($1, $2, 1, $3) ON CONFLICT DO NOTHING";
    SET_ENABLED = "UPDATE chat_queue SET is_enabled = $2 WHERE id = $1";
}

#[derive(Debug, Clone)]
pub struct Queue {
    pub id: i64,
    pub name: String,
    pub is_enabled: bool,
}

fn read(row: &Row<'_>) -> Result<Queue, rozmowa_db::Error> {
    Ok(Queue { id: row.get(0)?, name: row.get(1)?, is_enabled: row.get(2)? })
}

pub fn find(tx: &mut Tx<'_>, id: i64) -> Result<Option<Queue>, Error> {
    Ok(tx.query_opt(&FIND, params![id], read)?)
}

pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Queue>, Error> {
    Ok(tx.query(&LIST, params![], read)?)
}

/// Under the next free number, or a given one, so that an installation keeps the numbers its clients know. `None` when
/// the name or the number is taken.
pub fn add(
    tx: &mut Tx<'_>,
    id: Option<i64>,
    name: &str,
    now: Millis,
) -> Result<Option<i64>, Error> {
    let id = match id {
        Some(id) => {
            crate::counter::raise(tx, "chat_queue", id)?;
            id
        }
        None => crate::counter::next(tx, "chat_queue")?,
    };
    let added = tx.execute(&ADD, params![id, name, now])?;
    Ok((added == 1).then_some(id))
}

/// False when there is no such queue.
pub fn set_enabled(tx: &mut Tx<'_>, id: i64, is_enabled: bool) -> Result<bool, Error> {
    Ok(tx.execute(&SET_ENABLED, params![id, is_enabled])? == 1)
}
