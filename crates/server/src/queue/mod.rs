//! Chat queues: where conversations wait and what they belong to.

pub mod agents;
pub mod api;
pub mod console;
pub mod given;
pub mod hours;
pub mod settings;
pub mod staff;
pub mod widget;

use rozmowa_db::{Row, Tx, params};
use serde::Serialize;

use crate::act::Act;
use crate::audit;
use crate::http::{Code, Error, Fault};
use crate::live::ToRoute;
pub use settings::Settings;

rozmowa_db::statements! {
    FIND = "SELECT id, name, is_enabled, settings FROM chat_queue WHERE id = $1";
    LIST = "SELECT id, name, is_enabled, settings FROM chat_queue ORDER BY id LIMIT 10000";
    ADD = "INSERT INTO chat_queue (id, name, is_enabled, created_at) VALUES ($1, $2, 1, $3) ON CONFLICT DO NOTHING";
    /// What is decided by what was read stays so until the transaction's end.
    HOLD = {
        sqlite: "SELECT id, name, is_enabled, settings FROM chat_queue WHERE id = $1",
        postgres: "SELECT id, name, is_enabled, settings FROM chat_queue WHERE id = $1 FOR UPDATE",
    };
    NAMED = "SELECT id, name, is_enabled, settings FROM chat_queue WHERE name = $1";
    CHANGE = "UPDATE chat_queue SET name = $2, is_enabled = $3, settings = $4 WHERE id = $1";
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Queue {
    pub id: i64,
    pub name: String,
    pub is_enabled: bool,
    pub settings: Settings,
}

fn read(row: &Row<'_>) -> Result<Queue, rozmowa_db::Error> {
    Ok(Queue {
        id: row.get(0)?,
        name: row.get(1)?,
        is_enabled: row.get(2)?,
        settings: Settings::from_stored(&row.get::<String>(3)?),
    })
}

pub fn find(tx: &mut Tx<'_>, id: i64) -> Result<Option<Queue>, Error> {
    Ok(tx.query_opt(&FIND, params![id], read)?)
}

/// The queue, which is there.
fn known(tx: &mut Tx<'_>, id: i64) -> Result<Queue, Error> {
    find(tx, id)?.ok_or_else(|| fault(Code::UnknownQueue, id))
}

/// The queue, which nobody else changes until this transaction has ended.
fn hold(tx: &mut Tx<'_>, id: i64) -> Result<Queue, Error> {
    tx.query_opt(&HOLD, params![id], read)?.ok_or_else(|| fault(Code::UnknownQueue, id))
}

pub fn fault(code: Code, id: i64) -> Error {
    Fault::new(code).with("id", id).into()
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
    hold_names(tx)?;
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
    let settings = Settings::default();
    let queue = Queue { id, name: name.to_owned(), is_enabled: true, settings };
    audit::record(tx, act, "queue.add", &subject(id), None::<&Queue>, Some(&queue))?;
    Ok(Some(id))
}

/// What is to be changed; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    pub name: Option<String>,
    pub is_enabled: Option<bool>,
    pub settings: Option<Settings>,
}

pub fn change(tx: &mut Tx<'_>, act: &Act<'_>, id: i64, changes: &Changes) -> Result<(), Error> {
    let apply = |queue: &mut Queue| {
        queue.name = changes.name.clone().unwrap_or_else(|| queue.name.clone());
        queue.is_enabled = changes.is_enabled.unwrap_or(queue.is_enabled);
        queue.settings = changes.settings.clone().unwrap_or_else(|| queue.settings.clone());
    };
    change_by(tx, act, id, apply).map(|_| ())
}

/// What becomes of it is decided by what it is. Gives that.
pub fn change_by(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: i64,
    change: impl FnOnce(&mut Queue),
) -> Result<Queue, Error> {
    hold_names(tx)?;
    let was = hold(tx, id)?;
    let mut becomes = was.clone();
    change(&mut becomes);
    if becomes == was {
        return Ok(was);
    }
    if becomes.name != was.name && tx.query_opt(&NAMED, params![&becomes.name], read)?.is_some() {
        return Err(Fault::new(Code::QueueTaken).about("name").into());
    }
    tx.execute(
        &CHANGE,
        params![id, &becomes.name, becomes.is_enabled, &becomes.settings.to_stored()],
    )?;
    tx.publish(ToRoute(None));
    audit::record(tx, act, "queue.change", &subject(id), Some(&was), Some(&becomes))?;
    Ok(becomes)
}

pub fn set_enabled(tx: &mut Tx<'_>, act: &Act<'_>, id: i64, is_enabled: bool) -> Result<(), Error> {
    change(tx, act, id, &Changes { is_enabled: Some(is_enabled), ..Changes::default() })
}

/// A name given by an update can't be settled by `ON CONFLICT`: whoever gives one holds all names.
fn hold_names(tx: &mut Tx<'_>) -> Result<(), Error> {
    Ok(tx.lock(&["queue names"])?)
}

fn subject(id: i64) -> String {
    format!("queue {id}")
}
