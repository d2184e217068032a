//! Who may see a conversation and act on it: agents those of the queues they answer and those that are theirs, supervisors
//! and administrators all. Doors ask here and nowhere else; [`board`](super::board) lists by the same rule.

use rozmowa_db::{Row, Stmt, Tx, params};
use uuid::Uuid;

use super::Status;
use crate::agent::Role;
use crate::agent::session::AgentSession;
use crate::http::{Code, Error};

rozmowa_db::statements! {
    SEE = "SELECT c.status, c.seq, c.agent_id, c.chat_queue_id, c.waiting_rank,
            (SELECT count(*) FROM queue_agent q WHERE q.chat_queue_id = c.chat_queue_id AND q.agent_id = $2)
        FROM conversation c WHERE c.id = $1";
    /// What is decided by what was read stays so until the transaction's end.
    HOLD = {
        sqlite: "SELECT c.status, c.seq, c.agent_id, c.chat_queue_id, c.waiting_rank,
                (SELECT count(*) FROM queue_agent q WHERE q.chat_queue_id = c.chat_queue_id AND q.agent_id = $2)
            FROM conversation c WHERE c.id = $1",
        postgres: "SELECT c.status, c.seq, c.agent_id, c.chat_queue_id, c.waiting_rank,
                (SELECT count(*) FROM queue_agent q WHERE q.chat_queue_id = c.chat_queue_id AND q.agent_id = $2)
            FROM conversation c WHERE c.id = $1 FOR UPDATE OF c",
    };
}

/// A conversation that an agent may see.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    pub status: Status,
    pub seq: i64,
    pub agent_id: Option<i64>,
    pub chat_queue_id: i64,
    pub is_waiting: bool,
}

impl Seen {
    pub fn is_open(&self) -> bool {
        self.status != Status::Closed
    }
}

/// Looks at a conversation for an agent, or says why not.
pub fn see(tx: &mut Tx<'_>, who: &AgentSession, id: &Uuid) -> Result<Seen, Error> {
    look(tx, &SEE, who, id)
}

/// The same, and nobody else changes the conversation until this transaction has ended.
pub fn hold(tx: &mut Tx<'_>, who: &AgentSession, id: &Uuid) -> Result<Seen, Error> {
    look(tx, &HOLD, who, id)
}

fn look(tx: &mut Tx<'_>, stmt: &Stmt, who: &AgentSession, id: &Uuid) -> Result<Seen, Error> {
    let found = tx.query_opt(stmt, params![id, who.agent_id], |row: &Row<'_>| {
        let seen = Seen {
            status: Status::from_number(row.get(0)?).unwrap_or(Status::Closed),
            seq: row.get(1)?,
            agent_id: row.get(2)?,
            chat_queue_id: row.get(3)?,
            is_waiting: row.get::<Option<i64>>(4)?.is_some(),
        };
        Ok((seen, row.get::<i64>(5)? > 0))
    })?;
    let (seen, answers_queue) = found.ok_or(Code::UnknownConversation)?;
    if who.role >= Role::Supervisor || answers_queue || seen.agent_id == Some(who.agent_id) {
        Ok(seen)
    } else {
        Err(Code::RoleNeeded.into())
    }
}
