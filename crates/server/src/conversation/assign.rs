//! Whose a conversation is.

use rozmowa_db::{Row, Tx, params};
use uuid::Uuid;

use super::Status;
use super::log::{self, Event, Kind, Speaker, Turn};
use crate::act::Act;
use crate::agent::{self, Agent, capacity};
use crate::http::{Code, Error};

rozmowa_db::statements! {
    /// What is decided by what was read stays so until the transaction's end.
    HOLD = {
        sqlite: "SELECT status, agent_id FROM conversation WHERE id = $1",
        postgres: "SELECT status, agent_id FROM conversation WHERE id = $1 FOR UPDATE",
    };
    /// To the first who takes it.
    TAKE = "UPDATE conversation SET seq = seq + 1, updated_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END, agent_id = $3, assigned_at = $2,
            waiting_rank = NULL, waiting_since = NULL
        WHERE id = $1 AND status <> 2 AND agent_id IS NULL RETURNING seq, updated_at, chat_queue_id, agent_id, status";
    /// Whosever it is.
    GIVE = "UPDATE conversation SET seq = seq + 1, updated_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END, agent_id = $3, assigned_at = $2,
            waiting_rank = NULL, waiting_since = NULL
        WHERE id = $1 AND status <> 2 RETURNING seq, updated_at, chat_queue_id, agent_id, status";
}

/// A conversation that nobody else changes until this transaction has ended.
pub(super) struct Held {
    is_closed: bool,
    agent_id: Option<i64>,
}

pub(super) fn hold(tx: &mut Tx<'_>, id: &Uuid) -> Result<Option<Held>, Error> {
    let held = tx.query_opt(&HOLD, params![id], |row: &Row<'_>| {
        let status: i64 = row.get(0)?;
        Ok(Held { is_closed: status == Status::Closed.number(), agent_id: row.get(1)? })
    })?;
    Ok(held)
}

/// Assigns a conversation to an agent, also away from another. Whether the agent is on duty or one of the queue's is the
/// caller's business; the capacity is not.
pub fn assign(tx: &mut Tx<'_>, act: &Act<'_>, id: &Uuid, login: &str) -> Result<(), Error> {
    let agent = agent::find(tx, login)?;
    let agent = agent.ok_or_else(|| agent::fault(Code::UnknownAgent, login))?;
    let held = hold(tx, id)?.ok_or(Code::UnknownConversation)?;
    if held.is_closed {
        return Err(Code::ConversationClosed.into());
    }
    if held.agent_id == Some(agent.id) {
        return Ok(());
    }
    // Looked at before anything is changed: what fails half-way is dear on SQLite.
    check(&agent)?;
    match held.agent_id {
        // Agents' rows by ascending number.
        Some(former) if former < agent.id => {
            capacity::release(tx, former)?;
            capacity::occupy(tx, &agent)?;
        }
        Some(former) => {
            capacity::occupy(tx, &agent)?;
            capacity::release(tx, former)?;
        }
        None => capacity::occupy(tx, &agent)?,
    }
    let turn = tx.query_one(&GIVE, params![id, act.now, agent.id], Turn::read)?;
    tell(tx, act, id, turn, &agent)
}

/// Makes a conversation that is nobody's the agent's; any other stays as it is.
pub fn take(tx: &mut Tx<'_>, act: &Act<'_>, id: &Uuid, agent: &Agent) -> Result<(), Error> {
    if agent.is_full()
        && hold(tx, id)?.is_some_and(|held| !held.is_closed && held.agent_id.is_none())
    {
        return Err(agent::fault(Code::AgentAtCapacity, &agent.login));
    }
    let taken = tx.query_opt(&TAKE, params![id, act.now, agent.id], Turn::read)?;
    let Some(turn) = taken else { return Ok(()) };
    capacity::occupy(tx, agent)?;
    tell(tx, act, id, turn, agent)
}

fn check(agent: &Agent) -> Result<(), Error> {
    let code = match agent {
        agent if !agent.is_active => Code::AgentInactive,
        agent if agent.is_full() => Code::AgentAtCapacity,
        _ => return Ok(()),
    };
    Err(agent::fault(code, &agent.login))
}

fn tell(tx: &mut Tx<'_>, act: &Act<'_>, id: &Uuid, turn: Turn, agent: &Agent) -> Result<(), Error> {
    let event = Event::of(Kind::Assigned, Speaker::System).about(agent.id);
    log::append(tx, act, id, turn, &event)
}
