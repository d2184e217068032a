//! Handing a conversation on: to a colleague, or to a queue, where it waits in turn.

use rozmowa_db::{Row, Tx, params};
use serde_json::json;
use uuid::Uuid;

use super::log::{self, Event, Kind, Place, Turn};
use super::{NewMessage, Status, assign, idle, note};
use crate::act::Act;
use crate::agent::presence::{self, Status as Duty};
use crate::agent::{self, Agent, capacity};
use crate::http::{Code, Error};
use crate::live::{ToRoute, Was};
use crate::queue::{self, Queue};

rozmowa_db::statements! {
    /// What is decided by what was read stays so until the transaction's end.
    HOLD = {
        sqlite: "SELECT status, agent_id, chat_queue_id, waiting_rank FROM conversation WHERE id = $1",
        postgres: "SELECT status, agent_id, chat_queue_id, waiting_rank FROM conversation WHERE id = $1 FOR UPDATE",
    };
    /// Who waits already goes on waiting since then.
    TO_QUEUE = "UPDATE conversation SET seq = seq + 1, updated_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END,
            chat_queue_id = $3, agent_id = NULL, assigned_at = NULL, answer_due_at = NULL, is_missed = 0,
            waiting_rank = 1, waiting_since = coalesce(waiting_since, $2)
        WHERE id = $1 AND status <> 2 RETURNING seq, updated_at, chat_queue_id, agent_id, status";
    FORGET_MISSED = "DELETE FROM missed WHERE conversation_id = $1";
}

/// Where a conversation goes.
#[derive(Debug, Clone)]
pub enum To {
    /// By login.
    Agent(String),
    Queue(i64),
}

/// An order to hand on.
#[derive(Debug, Clone)]
pub struct Transfer {
    pub to: To,
    /// For whoever gets it; no visitor sees it.
    pub note: Option<String>,
    /// Made by the sender: the same one again is the same transfer.
    pub client_key: Option<Uuid>,
}

struct Held {
    agent_id: Option<i64>,
    chat_queue_id: i64,
    is_waiting: bool,
}

/// Hands a conversation on for an agent. The note is an event of its own: the one that says where the conversation went is
/// for everybody.
pub fn transfer(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    by: i64,
    transfer: &Transfer,
) -> Result<Place, Error> {
    if let Some(place) = log::once(tx, id, transfer.client_key)? {
        return Ok(place);
    }
    let held = hold(tx, id)?;
    let event = Event::by(Kind::Transferred, Some(by)).numbered(transfer.client_key);
    let write_note = |tx: &mut Tx<'_>| match &transfer.note {
        Some(text) => {
            let note = NewMessage { text: text.clone(), ..NewMessage::default() };
            note::note(tx, act, id, by, &note).map(|_| ())
        }
        None => Ok(()),
    };
    // Looked at before anything is changed: what fails half-way is dear on SQLite.
    match &transfer.to {
        To::Agent(login) => {
            let agent = agent_for(tx, act, &held, login)?;
            write_note(tx)?;
            to_agent(tx, act, id, event, &agent)
        }
        To::Queue(queue_id) => {
            let queue = queue_for(tx, &held, *queue_id)?;
            write_note(tx)?;
            to_queue(tx, act, id, event, &held, &queue)
        }
    }
}

fn hold(tx: &mut Tx<'_>, id: &Uuid) -> Result<Held, Error> {
    let held = tx.query_opt(&HOLD, params![id], |row: &Row<'_>| {
        let held = Held {
            agent_id: row.get(1)?,
            chat_queue_id: row.get(2)?,
            is_waiting: row.get::<Option<i64>>(3)?.is_some(),
        };
        Ok((row.get::<i64>(0)?, held))
    })?;
    let (status, held) = held.ok_or(Code::UnknownConversation)?;
    if status == Status::Closed.number() {
        return Err(Code::ConversationClosed.into());
    }
    Ok(held)
}

fn agent_for(tx: &mut Tx<'_>, act: &Act<'_>, held: &Held, login: &str) -> Result<Agent, Error> {
    let agent = agent::active(tx, login)?;
    if held.agent_id == Some(agent.id) {
        return Err(Code::TransferredAlready.into());
    }
    // Whoever goes off duty comes before or after.
    let agent = agent::hold_both(tx, agent.id, held.agent_id)?.0;
    if presence::find(tx, agent.id, act.now)?.status == Duty::Off {
        return Err(agent::fault(Code::AgentOffDuty, login));
    }
    if agent.is_full() {
        return Err(agent::fault(Code::AgentAtCapacity, login));
    }
    Ok(agent)
}

fn queue_for(tx: &mut Tx<'_>, held: &Held, queue_id: i64) -> Result<Queue, Error> {
    let queue = queue::find(tx, queue_id)?;
    let queue = queue.ok_or_else(|| queue::fault(Code::UnknownQueue, queue_id))?;
    if !queue.is_enabled {
        return Err(queue::fault(Code::QueueDisabled, queue_id));
    }
    if held.is_waiting && held.chat_queue_id == queue_id {
        return Err(Code::TransferredAlready.into());
    }
    Ok(queue)
}

/// The former agent hears of the transfer, the next one of the assignment.
fn to_agent(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    event: Event<'_>,
    agent: &Agent,
) -> Result<Place, Error> {
    let turn = log::turn(tx, act, id)?.ok_or(Code::UnknownConversation)?;
    let event = event.with(&json!({"to_agent_id": agent.id, "to_agent_login": agent.login}));
    log::append(tx, act, id, turn, &event)?;
    assign::assign(tx, act, id, &agent.login)?;
    Ok(turn.place())
}

fn to_queue(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    event: Event<'_>,
    held: &Held,
    queue: &Queue,
) -> Result<Place, Error> {
    let turn = tx.query_one(&TO_QUEUE, params![id, act.now, queue.id], Turn::read)?;
    tx.put(&FORGET_MISSED, params![id])?;
    if let Some(former) = held.agent_id {
        capacity::release(tx, former)?;
        tx.publish(ToRoute(None));
    }
    let event = event
        .with(&json!({"to_chat_queue_id": queue.id, "to_chat_queue": queue.name}))
        .from(Was { agent_id: held.agent_id, chat_queue_id: Some(held.chat_queue_id) });
    log::append(tx, act, id, turn, &event)?;
    // The other queue may know no idle time.
    idle::set(tx, &queue.settings, id, act.now)?;
    tx.publish(ToRoute(Some(queue.id)));
    Ok(turn.place())
}
