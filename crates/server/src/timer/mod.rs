//! Timers: what is to be looked at later.
//!
//! A row in the order of time. Whoever deletes it acts, in the same transaction: so a timer fires once, however many nodes
//! run them, and also when no server was up at its time. Nobody cancels or moves one: when it fires, the conversation's row
//! says whether there is something to do, and when to look again.

pub mod worker;

use rozmowa_db::{Row, Tx, params};
use uuid::Uuid;

use crate::clock::Millis;
use crate::http::Error;

rozmowa_db::statements! {
    SET = "INSERT INTO timer (due_at, kind, conversation_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    DUE = "SELECT due_at, kind, conversation_id FROM timer WHERE due_at <= $1 AND kind IN (0, 1, 2, 10) ORDER BY due_at, kind, conversation_id LIMIT $2";
    NEXT = "SELECT min(due_at) FROM timer WHERE kind IN (0, 1, 2, 10)";
    /// To the first who takes it.
    TAKE = "DELETE FROM timer WHERE due_at = $1 AND kind = $2 AND conversation_id = $3";
}

/// What is looked at. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Whether the agent has answered.
    Answer = 0,
    /// Whether anybody still says anything.
    Idle = 1,
    /// Whether the visitor has read the answers.
    Mail = 2,
    /// Whether the bot has answered.
    Bot = 10,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Answer, Self::Idle, Self::Mail, Self::Bot];

    fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as i64 == number)
    }
}

/// Published after commit: there is a timer at that time.
#[derive(Debug, Clone, Copy)]
pub struct TimerSet(pub Millis);

/// A timer that is due. One of a kind that only a later version knows is left to that version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Timer {
    due_at: Millis,
    kind: Kind,
    conversation: Uuid,
}

/// Has a conversation looked at then. The same one again is the same.
pub fn set(tx: &mut Tx<'_>, due_at: Millis, kind: Kind, conversation: &Uuid) -> Result<(), Error> {
    tx.put(&SET, params![due_at, kind as i64, conversation])?;
    tx.publish(TimerSet(due_at));
    Ok(())
}

fn due(tx: &mut Tx<'_>, now: Millis, limit: i64) -> Result<Vec<Timer>, Error> {
    let found = tx.query(&DUE, params![now, limit], |row: &Row<'_>| {
        let (due_at, kind, conversation) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Kind::from_number(kind).map(|kind| Timer { due_at, kind, conversation }))
    })?;
    Ok(found.into_iter().flatten().collect())
}

fn next(tx: &mut Tx<'_>) -> Result<Option<Millis>, Error> {
    Ok(tx.query_one(&NEXT, params![], |row| row.get(0))?)
}

/// False when somebody else was first.
fn take(tx: &mut Tx<'_>, timer: &Timer) -> Result<bool, Error> {
    let key = params![timer.due_at, timer.kind as i64, &timer.conversation];
    Ok(tx.execute(&TAKE, key)? == 1)
}

/// Has it looked at later, unless somebody else was first.
fn postpone(tx: &mut Tx<'_>, timer: &Timer, until: Millis) -> Result<(), Error> {
    if take(tx, timer)? {
        tx.put(&SET, params![until, timer.kind as i64, &timer.conversation])?;
    }
    Ok(())
}
