//! Who answers which queue.

use rozmowa_db::{Row, Tx, params};
use serde::Serialize;

use crate::act::Act;
use crate::agent::presence::{Presence, Status};
use crate::agent::{self, Agent, session};
use crate::audit;
use crate::clock::Millis;
use crate::http::Error;
use crate::live::ToRoute;

rozmowa_db::statements! {
    LIST = "SELECT a.login, q.priority, a.capacity, a.open_chats, p.status, p.pause_id, p.changed_at, p.lease_until
        FROM queue_agent q JOIN agent a ON a.id = q.agent_id LEFT JOIN presence p ON p.agent_id = q.agent_id
        WHERE q.chat_queue_id = $1 ORDER BY q.priority, q.agent_id LIMIT 10000";
    COUNTS = "SELECT q.id, q.name, q.is_enabled, (SELECT count(*) FROM queue_agent a WHERE a.chat_queue_id = q.id)
        FROM chat_queue q ORDER BY q.id LIMIT 10000";
    PRIORITY = "SELECT priority FROM queue_agent WHERE chat_queue_id = $1 AND agent_id = $2";
    SET = "INSERT INTO queue_agent (chat_queue_id, agent_id, priority) VALUES ($1, $2, $3)
        ON CONFLICT (chat_queue_id, agent_id) DO UPDATE SET priority = excluded.priority";
    REMOVE = "DELETE FROM queue_agent WHERE chat_queue_id = $1 AND agent_id = $2";
}

pub const PRIORITY_DEFAULT: i64 = 100;
pub const PRIORITY_LEAST: i64 = 1;
pub const PRIORITY_MOST: i64 = 1_000;

/// An agent as one of a queue.
#[derive(Debug, Clone)]
pub struct Member {
    pub login: String,
    /// A smaller one goes first.
    pub priority: i64,
    pub capacity: i64,
    pub open_chats: i64,
    pub status: Status,
}

/// Those who go first come first.
pub fn list(tx: &mut Tx<'_>, queue_id: i64, now: Millis) -> Result<Vec<Member>, Error> {
    super::known(tx, queue_id)?;
    let members = tx.query(&LIST, params![queue_id], |row: &Row<'_>| {
        Ok(Member {
            login: row.get(0)?,
            priority: row.get(1)?,
            capacity: row.get(2)?,
            open_chats: row.get(3)?,
            status: Presence::read(row, 4, now)?.status,
        })
    })?;
    Ok(members)
}

/// A queue, and how many answer it.
#[derive(Debug, Clone)]
pub struct Staffed {
    pub id: i64,
    pub name: String,
    pub is_enabled: bool,
    pub agent_count: i64,
}

/// All queues, by number.
pub fn counts(tx: &mut Tx<'_>) -> Result<Vec<Staffed>, Error> {
    let queues = tx.query(&COUNTS, params![], |row: &Row<'_>| {
        Ok(Staffed {
            id: row.get(0)?,
            name: row.get(1)?,
            is_enabled: row.get(2)?,
            agent_count: row.get(3)?,
        })
    })?;
    Ok(queues)
}

/// Has an agent answer a queue, or changes the priority.
pub fn set(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    queue_id: i64,
    login: &str,
    priority: i64,
) -> Result<(), Error> {
    let (agent, was) = hold(tx, queue_id, login)?;
    if was == Some(priority) {
        return Ok(());
    }
    tx.put(&SET, params![queue_id, agent.id, priority])?;
    tx.publish(ToRoute(None));
    session::tell_sockets(tx, agent.id);
    let change = if was.is_none() { "queue.agent.add" } else { "queue.agent.change" };
    record(tx, act, change, queue_id, login, was, Some(priority))
}

/// Has an agent answer a queue no more. Open conversations stay the agent's.
pub fn remove(tx: &mut Tx<'_>, act: &Act<'_>, queue_id: i64, login: &str) -> Result<(), Error> {
    let (agent, was) = hold(tx, queue_id, login)?;
    if was.is_none() {
        return Ok(());
    }
    tx.put(&REMOVE, params![queue_id, agent.id])?;
    session::tell_sockets(tx, agent.id);
    record(tx, act, "queue.agent.remove", queue_id, login, was, None)
}

/// Who changes a queue's agents holds the queue, so that what was is what the audit log says, and the agent, so that
/// nobody is given anything of this queue meanwhile.
fn hold(tx: &mut Tx<'_>, queue_id: i64, login: &str) -> Result<(Agent, Option<i64>), Error> {
    super::hold(tx, queue_id)?;
    let agent = agent::hold(tx, login)?;
    let was = tx.query_opt(&PRIORITY, params![queue_id, agent.id], |row| row.get(0))?;
    Ok((agent, was))
}

#[derive(Serialize)]
struct View<'a> {
    login: &'a str,
    priority: i64,
}

fn record(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    change: &str,
    queue_id: i64,
    login: &str,
    was: Option<i64>,
    becomes: Option<i64>,
) -> Result<(), Error> {
    let view = |priority: Option<i64>| priority.map(|priority| View { login, priority });
    let (was, becomes) = (view(was), view(becomes));
    audit::record(tx, act, change, &super::subject(queue_id), was.as_ref(), becomes.as_ref())
}
