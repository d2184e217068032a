//! Canned answers: texts that agents say often, under a shortcut.
//!
//! `{client_name}` and `{agent_name}` are filled in by whoever shows them; behind a bar stands what is said when there is
//! nothing to fill in: `{client_name|Państwo}`.

pub mod console;

use rozmowa_db::{Row, Tx, params};
use serde::Serialize;

use crate::act::Act;
use crate::audit;
use crate::http::{Code, Error, Fault};
use crate::queue;

rozmowa_db::statements! {
    FIND = "SELECT id, shortcut, text, chat_queue_id FROM canned_answer WHERE id = $1";
    NAMED = "SELECT id, shortcut, text, chat_queue_id FROM canned_answer WHERE shortcut = $1";
    LIST = "SELECT id, shortcut, text, chat_queue_id FROM canned_answer
        WHERE chat_queue_id IS NULL OR chat_queue_id = $1 OR $1 = 0 ORDER BY shortcut, id LIMIT 1000 OFFSET $2";
    ADD = "INSERT INTO canned_answer (id, shortcut, text, chat_queue_id, updated_at) VALUES ($1, $2, $3, $4, $5)";
    CHANGE = "UPDATE canned_answer SET shortcut = $2, text = $3, chat_queue_id = $4, updated_at = $5 WHERE id = $1";
    REMOVE = "DELETE FROM canned_answer WHERE id = $1";
}

const PLACEHOLDERS: [&str; 2] = ["client_name", "agent_name"];

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Canned {
    pub id: i64,
    pub shortcut: String,
    pub text: String,
    /// None: for all queues.
    pub chat_queue_id: Option<i64>,
}

fn read(row: &Row<'_>) -> Result<Canned, rozmowa_db::Error> {
    Ok(Canned {
        id: row.get(0)?,
        shortcut: row.get(1)?,
        text: row.get(2)?,
        chat_queue_id: row.get(3)?,
    })
}

/// By shortcut: those for all queues and for the given one, or all. Up to 1,000.
pub fn list(
    tx: &mut Tx<'_>,
    chat_queue_id: Option<i64>,
    offset: i64,
) -> Result<Vec<Canned>, Error> {
    // No queue has the number 0.
    Ok(tx.query(&LIST, params![chat_queue_id.unwrap_or(0), offset], read)?)
}

fn find(tx: &mut Tx<'_>, id: i64) -> Result<Canned, Error> {
    tx.query_opt(&FIND, params![id], read)?.ok_or_else(|| unknown(id))
}

pub fn unknown(id: impl ToString) -> Error {
    Fault::new(Code::UnknownCannedAnswer).with("id", id).into()
}

/// Gives the number.
pub fn add(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    shortcut: &str,
    text: &str,
    chat_queue_id: Option<i64>,
) -> Result<i64, Error> {
    hold_shortcuts(tx)?;
    check(tx, chat_queue_id)?;
    check_free(tx, shortcut)?;
    let id = crate::counter::next(tx, "canned_answer")?;
    tx.execute(&ADD, params![id, shortcut, text, chat_queue_id, act.now])?;
    let canned = Canned { id, shortcut: shortcut.to_owned(), text: text.to_owned(), chat_queue_id };
    audit::record(tx, act, "canned.add", &subject(id), None::<&Canned>, Some(&canned))?;
    Ok(id)
}

/// What is to be another; the rest stays.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    pub shortcut: Option<String>,
    pub text: Option<String>,
    /// None within: for all queues.
    pub chat_queue_id: Option<Option<i64>>,
}

pub fn change(tx: &mut Tx<'_>, act: &Act<'_>, id: i64, changes: &Changes) -> Result<(), Error> {
    hold_shortcuts(tx)?;
    let was = find(tx, id)?;
    let becomes = Canned {
        id,
        shortcut: changes.shortcut.as_ref().unwrap_or(&was.shortcut).clone(),
        text: changes.text.as_ref().unwrap_or(&was.text).clone(),
        chat_queue_id: changes.chat_queue_id.unwrap_or(was.chat_queue_id),
    };
    if becomes == was {
        return Ok(());
    }
    if becomes.chat_queue_id != was.chat_queue_id {
        check(tx, becomes.chat_queue_id)?;
    }
    if becomes.shortcut != was.shortcut {
        check_free(tx, &becomes.shortcut)?;
    }
    let row = params![id, &becomes.shortcut, &becomes.text, becomes.chat_queue_id, act.now];
    tx.execute(&CHANGE, row)?;
    audit::record(tx, act, "canned.change", &subject(id), Some(&was), Some(&becomes))
}

pub fn remove(tx: &mut Tx<'_>, act: &Act<'_>, id: i64) -> Result<(), Error> {
    hold_shortcuts(tx)?;
    let was = find(tx, id)?;
    tx.execute(&REMOVE, params![id])?;
    audit::record(tx, act, "canned.remove", &subject(id), Some(&was), None::<&Canned>)
}

/// A shortcut given by an update can't be settled by `ON CONFLICT`: whoever gives one holds all.
fn hold_shortcuts(tx: &mut Tx<'_>) -> Result<(), Error> {
    Ok(tx.lock(&["canned shortcuts"])?)
}

fn check(tx: &mut Tx<'_>, chat_queue_id: Option<i64>) -> Result<(), Error> {
    match chat_queue_id {
        Some(id) if queue::find(tx, id)?.is_none() => Err(queue::fault(Code::UnknownQueue, id)),
        _ => Ok(()),
    }
}

fn check_free(tx: &mut Tx<'_>, shortcut: &str) -> Result<(), Error> {
    match tx.query_opt(&NAMED, params![shortcut], read)? {
        Some(_) => {
            Err(Fault::new(Code::ShortcutTaken).about("shortcut").with("shortcut", shortcut).into())
        }
        None => Ok(()),
    }
}

fn subject(id: i64) -> String {
    format!("canned answer {id}")
}

/// The first thing in braces that nothing would be filled in for. A brace that no letter follows is only a brace.
pub fn unknown_placeholder(text: &str) -> Option<String> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('{') {
        rest = after;
        if !after.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            continue;
        }
        let end = after.find(['}', '{', '\n']);
        let is_closed = end.is_some_and(|end| after[end..].starts_with('}'));
        let inner = &after[..end.unwrap_or(after.len())];
        let name = inner.split_once('|').map_or(inner, |(name, _)| name);
        if !is_closed || !PLACEHOLDERS.contains(&name) {
            return Some(name.chars().take(40).collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_filled_in_may_stand_in_braces() {
        for good in [
            "",
            "Dzień dobry",
            "Dzień dobry, {client_name}!",
            "{client_name|Państwo}, tu {agent_name}.",
            "{agent_name|}",
            "a { b } {} {1} }{",
        ] {
            assert_eq!(unknown_placeholder(good), None, "{good}");
        }
        for (wrong, told) in [
            ("{name}", "name"),
            ("{client_name} {Client_name}", "Client_name"),
            ("{client_name", "client_name"),
            ("{client_name|a{agent_name}", "client_name"),
            ("{client_name|a\nb}", "client_name"),
            ("{client_name }", "client_name "),
            ("{żółć|x}", "żółć"),
        ] {
            assert_eq!(unknown_placeholder(wrong).as_deref(), Some(told), "{wrong}");
        }
    }
}
