//! Reasons to pause.

pub mod api;
pub mod console;
pub mod given;

use rozmowa_db::{Row, Tx, params};
use serde::Serialize;

use crate::act::Act;
use crate::audit;
use crate::http::{Code, Error, Fault};

rozmowa_db::statements! {
    FIND = "SELECT id, name, is_enabled FROM pause WHERE id = $1";
    FIND_BY_NAME = "SELECT id, name, is_enabled FROM pause WHERE name = $1";
    LIST = "SELECT id, name, is_enabled FROM pause ORDER BY id LIMIT 10000";
    ADD = "INSERT INTO pause (id, name, is_enabled) VALUES ($1, $2, 1)";
    CHANGE = "UPDATE pause SET name = $2, is_enabled = $3 WHERE id = $1";
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pause {
    pub id: i64,
    pub name: String,
    pub is_enabled: bool,
}

fn read(row: &Row<'_>) -> Result<Pause, rozmowa_db::Error> {
    Ok(Pause { id: row.get(0)?, name: row.get(1)?, is_enabled: row.get(2)? })
}

pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Pause>, Error> {
    Ok(tx.query(&LIST, params![], read)?)
}

fn find(tx: &mut Tx<'_>, id: i64) -> Result<Pause, Error> {
    tx.query_opt(&FIND, params![id], read)?.ok_or_else(|| fault(Code::UnknownPause, id))
}

/// Fails when nobody can pause for this reason.
pub fn check_usable(tx: &mut Tx<'_>, id: i64) -> Result<(), Error> {
    if find(tx, id)?.is_enabled { Ok(()) } else { Err(fault(Code::PauseDisabled, id)) }
}

fn fault(code: Code, id: i64) -> Error {
    Fault::new(code).with("id", id).into()
}

/// Gives the number.
pub fn add(tx: &mut Tx<'_>, act: &Act<'_>, name: &str) -> Result<i64, Error> {
    hold_names(tx)?;
    check_free(tx, name)?;
    let id = crate::counter::next(tx, "pause")?;
    tx.execute(&ADD, params![id, name])?;
    let pause = Pause { id, name: name.to_owned(), is_enabled: true };
    audit::record(tx, act, "pause.add", &subject(id), None::<&Pause>, Some(&pause))?;
    Ok(id)
}

/// What is given changes; the rest stays.
pub fn change(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: i64,
    name: Option<&str>,
    is_enabled: Option<bool>,
) -> Result<(), Error> {
    hold_names(tx)?;
    let was = find(tx, id)?;
    let becomes = Pause {
        id,
        name: name.unwrap_or(&was.name).to_owned(),
        is_enabled: is_enabled.unwrap_or(was.is_enabled),
    };
    if becomes == was {
        return Ok(());
    }
    if becomes.name != was.name {
        check_free(tx, &becomes.name)?;
    }
    tx.execute(&CHANGE, params![id, &becomes.name, becomes.is_enabled])?;
    audit::record(tx, act, "pause.change", &subject(id), Some(&was), Some(&becomes))
}

/// A name given by an update can't be settled by `ON CONFLICT`: whoever gives one holds all names.
fn hold_names(tx: &mut Tx<'_>) -> Result<(), Error> {
    Ok(tx.lock(&["pause names"])?)
}

fn check_free(tx: &mut Tx<'_>, name: &str) -> Result<(), Error> {
    match tx.query_opt(&FIND_BY_NAME, params![name], read)? {
        Some(_) => Err(Fault::new(Code::PauseNameTaken).about("name").with("name", name).into()),
        None => Ok(()),
    }
}

fn subject(id: i64) -> String {
    format!("pause {id}")
}
