//! Conversations in which nobody says anything any more.

use rozmowa_db::{Row, Tx, params};
use uuid::Uuid;

use super::log::Speaker;
use super::{Status, close};
use crate::act::Act;
use crate::clock::{self, Millis};
use crate::http::Error;
use crate::queue::settings::{IdleFrom, Settings};
use crate::timer;

rozmowa_db::statements! {
    /// What is decided by what was read stays so until the transaction's end.
    IDLE = {
        sqlite: "SELECT c.status, c.client_at, c.page_closed_at, q.settings, c.reopened_at
            FROM conversation c JOIN chat_queue q ON q.id = c.chat_queue_id WHERE c.id = $1",
        postgres: "SELECT c.status, c.client_at, c.page_closed_at, q.settings, c.reopened_at
            FROM conversation c JOIN chat_queue q ON q.id = c.chat_queue_id WHERE c.id = $1 FOR UPDATE OF c",
    };
}

/// When a new conversation is looked at first.
pub fn set(tx: &mut Tx<'_>, settings: &Settings, id: &Uuid, from: Millis) -> Result<(), Error> {
    match settings.idle_close() {
        Some(after) => timer::set(tx, from + after, timer::Kind::Idle, id),
        None => Ok(()),
    }
}

/// Closes an idle conversation, or looks again when it will be idle.
pub fn look(tx: &mut Tx<'_>, act: &Act<'_>, id: &Uuid) -> Result<(), Error> {
    let row = |row: &Row<'_>| {
        Ok((
            row.get::<i64>(0)?,
            row.get::<Option<Millis>>(1)?,
            row.get::<Option<Millis>>(2)?,
            Settings::from_stored(&row.get::<String>(3)?),
            row.get::<Option<Millis>>(4)?,
        ))
    };
    let Some((status, client_at, page_closed_at, settings, reopened_at)) =
        tx.query_opt(&IDLE, params![id], row)?
    else {
        return Ok(());
    };
    let Some(after) = settings.idle_close().filter(|_| status != Status::Closed.number()) else {
        return Ok(());
    };
    let spoken_at = client_at.unwrap_or_else(|| clock::made_at(id));
    let from = match (settings.idle_from, page_closed_at) {
        // Of a page that is open this is in the future.
        (IdleFrom::PageClose, Some(closed_at)) => closed_at.max(spoken_at),
        _ => spoken_at,
    };
    // Whoever opens it again gives it the whole time.
    let from = from.max(reopened_at.unwrap_or(from));
    if from + after > act.now {
        return set(tx, &settings, id, from);
    }
    close(tx, act, id, Speaker::System)
}
