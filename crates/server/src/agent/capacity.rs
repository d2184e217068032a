//! Capacity: no agent has more conversations open than that, however many are assigned at once.
//!
//! `open_chats` is the number of the agent's conversations that are not closed. It is raised and lowered in the
//! transaction that assigns or closes, by one conditional update. Whoever touches several rows takes the conversation's
//! first, then the agents' by ascending number: so nobody waits in a circle.

use rozmowa_db::{Row, Tx, params};

use super::{Agent, status};
use crate::clock::Millis;
use crate::http::{Code, Error};

rozmowa_db::statements! {
    OCCUPY = "UPDATE agent SET open_chats = open_chats + 1, assigned_at = CASE WHEN assigned_at > $2 THEN assigned_at ELSE $2 END
        WHERE id = $1 AND open_chats < capacity AND is_active = 1";
    RELEASE = "UPDATE agent SET open_chats = open_chats - 1 WHERE id = $1";
    /// Of one queue.
    OPEN_OF = "SELECT count(*) FROM conversation WHERE agent_id = $1 AND chat_queue_id = $2 AND status <> 2";
    /// A batch by number, for `verify`.
    COUNTED = "SELECT a.id, a.login, a.open_chats,
            (SELECT count(*) FROM conversation c WHERE c.agent_id = a.id AND c.status <> 2)
        FROM agent a WHERE a.id > $1 ORDER BY a.id LIMIT $2";
}

pub const DEFAULT: i64 = 3;
pub const LEAST: i64 = 1;
pub const MOST: i64 = 1_000_000;

impl Agent {
    /// As far as this transaction has seen: [`occupy`] is the judge.
    pub fn is_full(&self) -> bool {
        self.open_chats >= self.capacity
    }
}

/// One more conversation for the agent, or why not.
pub fn occupy(tx: &mut Tx<'_>, agent: &Agent, at: Millis) -> Result<(), Error> {
    if try_occupy(tx, agent.id, at)? {
        return Ok(());
    }
    let is_active = super::find(tx, &agent.login)?.is_some_and(|agent| agent.is_active);
    let code = if is_active { Code::AgentAtCapacity } else { Code::AgentInactive };
    Err(super::fault(code, &agent.login))
}

/// False when there is no room, or no account.
pub fn try_occupy(tx: &mut Tx<'_>, agent_id: i64, at: Millis) -> Result<bool, Error> {
    let has_room = tx.execute(&OCCUPY, params![agent_id, at])? == 1;
    if has_room {
        tx.publish(status::Changed(agent_id));
    }
    Ok(has_room)
}

/// How many the agent has open of one queue. Right for whoever holds the agent: on PostgreSQL a statement that waits for
/// a row would count as of before it waited.
pub fn open_of(tx: &mut Tx<'_>, agent_id: i64, queue: i64) -> Result<i64, Error> {
    Ok(tx.query_one(&OPEN_OF, params![agent_id, queue], |row| row.get(0))?)
}

/// One less.
pub fn release(tx: &mut Tx<'_>, agent_id: i64) -> Result<(), Error> {
    tx.publish(status::Changed(agent_id));
    Ok(tx.put(&RELEASE, params![agent_id])?)
}

/// Agents whose count of open conversations is not what the conversations say.
pub fn verify(tx: &mut Tx<'_>, faults: &mut Vec<String>) -> Result<(), Error> {
    let mut after = 0;
    loop {
        let seen = tx.query(&COUNTED, params![after, 1_000], |row: &Row<'_>| {
            let (id, login): (i64, String) = (row.get(0)?, row.get(1)?);
            let (counted, open): (i64, i64) = (row.get(2)?, row.get(3)?);
            if counted != open {
                faults.push(format!(
                    "agent {login}: open_chats is {counted}, but {open} conversations are open"
                ));
            }
            Ok(id)
        })?;
        let Some(last) = seen.last() else { return Ok(()) };
        after = *last;
    }
}
