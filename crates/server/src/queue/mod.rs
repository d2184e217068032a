//! Chat queues: where conversations wait and what they belong to.

pub mod api;

use rozmowa_db::{Row, Tx, params};
use serde::Serialize;

use crate::act::Act;
use crate::audit;
use crate::http::Error;

rozmowa_db::statements! {
    FIND = "SELECT id, name, is_enabled FROM chat_queue WHERE id = $1";
    LIST = "SELECT id, name, is_enabled FROM chat_queue ORDER BY id LIMIT 10000";
    ADD = "INSERT INTO chat_queue (id, name, is_enabled, created_at) VALUES ($1, $2, 1, $3) ON CONFLICT DO NOTHING";
    SET_ENABLED = "UPDATE chat_queue SET is_enabled = $2 WHERE id = $1";
}

#[derive(Debug, Clone, Serialize)]
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
    act: &Act<'_>,
    id: Option<i64>,
    name: &str,
) -> Result<Option<i64>, Error> {
    let id = match id {
        Some(id) => {
            crate::counter::raise(tx, "chat_queue", id)?;
            id
        }
        None => crate::counter::next(tx, "chat_queue")?,
    };
    let added = tx.execute(&ADD, params![id, name, act.now])?;
    if added == 0 {
        return Ok(None);
    }
    let queue = Queue { id, name: name.to_owned(), is_enabled: true };
    audit::record(tx, act, "queue.add", &subject(id), None::<&Queue>, Some(&queue))?;
    Ok(Some(id))
}

/// False when there is no such queue.
pub fn set_enabled(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: i64,
    is_enabled: bool,
) -> Result<bool, Error> {
    let Some(was) = find(tx, id)? else { return Ok(false) };
    if was.is_enabled == is_enabled {
        return Ok(true);
    }
    tx.execute(&SET_ENABLED, params![id, is_enabled])?;
    let becomes = Queue { is_enabled, ..was.clone() };
    audit::record(tx, act, "queue.change", &subject(id), Some(&was), Some(&becomes))?;
    Ok(true)
}

fn subject(id: i64) -> String {
    format!("queue {id}")
}
