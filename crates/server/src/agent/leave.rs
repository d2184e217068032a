//! Leaving with open conversations: they stay, go back to their queues, or to a colleague.
//!
//! Many go in steps; the agent's presence says what is left to be done, so any server can go on with it.

use rozmowa_db::{Row, Tx, params};
use uuid::Uuid;

use super::presence::{self, Ended, Status};
use super::{Agent, capacity};
use crate::act::Act;
use crate::conversation::assign::{Because, pass_on, take_away};
use crate::http::params::Named;
use crate::http::{Code, Error};
use crate::queue;

rozmowa_db::statements! {
    LEAVING = "SELECT agent_id, left_to FROM presence WHERE ended_how = 2 ORDER BY agent_id LIMIT 1";
    /// What an agent has open, held.
    OPEN = {
        sqlite: "SELECT id, chat_queue_id FROM conversation WHERE agent_id = $1 AND status <> 2 ORDER BY chat_queue_id, id LIMIT $2",
        postgres: "SELECT id, chat_queue_id FROM conversation WHERE agent_id = $1 AND status <> 2
            ORDER BY chat_queue_id, id LIMIT $2 FOR UPDATE",
    };
    DONE = "UPDATE presence SET ended_how = 1, left_to = NULL WHERE agent_id = $1 AND ended_how = 2";
}

/// Conversations that a step moves: each takes its row, an event, two agents and a timer.
const STEP: i64 = 100;

/// What becomes of open conversations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Leaving {
    #[default]
    Keep,
    Queue,
    Colleague,
}

impl Named for Leaving {
    const ALL: &[Self] = &[Self::Keep, Self::Queue, Self::Colleague];

    fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Queue => "queue",
            Self::Colleague => "colleague",
        }
    }
}

/// Takes an agent off duty. A colleague gets what fits; the rest goes back to its queues.
pub fn leave(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    login: &str,
    leaving: Leaving,
    colleague: Option<&str>,
) -> Result<(), Error> {
    let to = match (leaving, colleague) {
        (Leaving::Keep, _) => return presence::logout(tx, act, login),
        (Leaving::Queue, _) | (_, None) => None,
        (Leaving::Colleague, Some(colleague)) => Some(free_colleague(tx, act, login, colleague)?),
    };
    let agent = super::find(tx, login)?;
    let agent = agent.ok_or_else(|| super::fault(Code::UnknownAgent, login))?;
    // Conversations are held before agents.
    let open = open(tx, agent.id)?;
    let agent = super::hold_both(tx, agent.id, to)?.0;
    if !agent.is_active {
        return Err(super::fault(Code::AgentInactive, login));
    }
    presence::end(tx, agent.id, act.now, Ended::Leaving(to))?;
    go_on(tx, act, &agent, to, open)
}

fn free_colleague(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    login: &str,
    colleague: &str,
) -> Result<i64, Error> {
    let agent = super::find(tx, colleague)?;
    let agent = agent.ok_or_else(|| super::fault(Code::UnknownAgent, colleague))?;
    let is_free = presence::find(tx, agent.id, act.now)?.status == Status::Free;
    if colleague == login || !agent.is_active || !is_free {
        return Err(super::fault(Code::AgentNotFree, colleague));
    }
    Ok(agent.id)
}

fn leaver(tx: &mut Tx<'_>) -> Result<Option<(i64, Option<i64>)>, Error> {
    Ok(tx.query_opt(&LEAVING, params![], |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?)))?)
}

/// Whether somebody has left whose conversations are still to be moved.
pub fn is_under_way(tx: &mut Tx<'_>) -> Result<bool, Error> {
    Ok(leaver(tx)?.is_some())
}

/// Goes on with one who has left, and says whether to go on at once.
pub fn step(tx: &mut Tx<'_>, act: &Act<'_>) -> Result<bool, Error> {
    let Some((agent_id, to)) = leaver(tx)? else { return Ok(false) };
    let open = open(tx, agent_id)?;
    let agent = super::hold_both(tx, agent_id, to)?.0;
    // Whoever is back keeps what is left.
    if leaver(tx)? != Some((agent_id, to)) {
        return Ok(true);
    }
    let has_moved = !open.is_empty();
    go_on(tx, act, &agent, to, open)?;
    Ok(has_moved)
}

fn open(tx: &mut Tx<'_>, agent_id: i64) -> Result<Vec<(Uuid, i64)>, Error> {
    Ok(tx.query(&OPEN, params![agent_id, STEP], |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?)))?)
}

/// With conversations and agents held.
fn go_on(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    agent: &Agent,
    to: Option<i64>,
    open: Vec<(Uuid, i64)>,
) -> Result<(), Error> {
    // More when one was on its way to the agent while conversations were held.
    let is_last = agent.open_chats.unsigned_abs() <= open.len() as u64;
    let mut to = match to {
        Some(to) if presence::find(tx, to, act.now)?.status == Status::Free => Some(to),
        _ => None,
    };
    let mut of_queue: Option<(queue::Queue, i64)> = None;
    for (id, chat_queue_id) in open {
        if let Some(colleague) = to {
            if of_queue.as_ref().is_none_or(|(queue, _)| queue.id != chat_queue_id) {
                let queue = queue::find(tx, chat_queue_id)?.ok_or(Code::UnknownQueue)?;
                of_queue = Some((queue, capacity::open_of(tx, colleague, chat_queue_id)?));
            }
            if let Some((queue, open)) = &mut of_queue
                && queue.settings.agent_capacity.is_none_or(|cap| *open < cap)
            {
                if pass_on(tx, act, &id, agent.id, colleague, queue)? {
                    *open += 1;
                    continue;
                }
                to = None;
            }
        }
        take_away(tx, act, &id, agent.id, Because::Left)?;
    }
    if is_last {
        tx.put(&DONE, params![agent.id])?;
    }
    Ok(())
}
