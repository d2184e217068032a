//! Retention: conversations that have been closed for long are deleted, where the installation says so.

use rozmowa_db::{Row, Tx, params};
use uuid::Uuid;

use super::erase;
use crate::act::Act;
use crate::clock;
use crate::http::Error;
use crate::setting::Amount;

const DAY: clock::Millis = 24 * 60 * 60 * 1000;
/// Conversations that one step takes at most, and the events that these may have together, unless one alone has more.
const STEP: i64 = 10;
const EVENTS_MAX: i64 = 200;

rozmowa_db::statements! {
    /// The oldest first. Who was closed that long ago had started before.
    /// Who is being reopened stays.
    OLD = {
        sqlite: "SELECT id, seq FROM conversation WHERE status = 2 AND id < $1 AND closed_at <= $2 ORDER BY id LIMIT $3",
        postgres: "SELECT id, seq FROM conversation WHERE status = 2 AND id < $1 AND closed_at <= $2 ORDER BY id LIMIT $3
            FOR UPDATE SKIP LOCKED",
    };
}

/// Deletes a step's worth; says whether there may be more.
pub fn step(tx: &mut Tx<'_>, act: &Act<'_>) -> Result<bool, Error> {
    let days = Amount::RetentionDays.get(tx)?;
    if days <= 0 {
        return Ok(false);
    }
    let until = act.now - days * DAY;
    let row = |row: &Row<'_>| Ok((row.get::<Uuid>(0)?, row.get::<i64>(1)?));
    let old = tx.query(&OLD, params![&clock::first_id_at(until + 1), until, STEP], row)?;
    let mut events = 0;
    for (place, (id, seq)) in old.iter().enumerate() {
        events += seq;
        if place > 0 && events > EVENTS_MAX {
            return Ok(true);
        }
        match erase::conversation(tx, act, id) {
            // Somebody else was first.
            Err(error) if error.status() == http::StatusCode::NOT_FOUND => {}
            done => done?,
        }
    }
    Ok(old.len() as u64 == STEP.unsigned_abs())
}
