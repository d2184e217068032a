//! Whose a conversation is.

use rozmowa_db::{Row, Tx, params};
use serde_json::json;
use uuid::Uuid;

use super::Status;
use super::log::{self, Event, Kind, Speaker, Turn};
use crate::act::Act;
use crate::agent::{self, Agent, capacity, presence};
use crate::clock::Millis;
use crate::http::{Code, Error};
use crate::live::{ToRoute, Was};
use crate::queue::settings::{Settings, WelcomeWhen};
use crate::queue::{self, Queue};
use crate::timer;

rozmowa_db::statements! {
    /// What is decided by what was read stays so until the transaction's end.
    HOLD = {
        sqlite: "SELECT status, agent_id, chat_queue_id FROM conversation WHERE id = $1",
        postgres: "SELECT status, agent_id, chat_queue_id FROM conversation WHERE id = $1 FOR UPDATE",
    };
    /// To the first who takes it; the bot that had it hears of it before it is the bot's no more. An answer is owed by $4, if
    /// the client has said anything.
    TAKE = "UPDATE conversation SET seq = seq + 1, updated_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END, agent_id = $3, assigned_at = $2,
            answer_due_at = CASE WHEN first_client_at IS NULL THEN first_client_at ELSE $4 END,
            waiting_rank = NULL, waiting_since = NULL, is_missed = 0
        WHERE id = $1 AND status <> 2 AND agent_id IS NULL
        RETURNING seq, updated_at, chat_queue_id, agent_id, status, answer_due_at, language";
    /// Whosever it is, a bot's too.
    GIVE = "UPDATE conversation SET seq = seq + 1, updated_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END, agent_id = $3, assigned_at = $2,
            answer_due_at = CASE WHEN first_client_at IS NULL THEN first_client_at ELSE $4 END,
            waiting_rank = NULL, waiting_since = NULL, is_missed = 0
        WHERE id = $1 AND status <> 2
        RETURNING seq, updated_at, chat_queue_id, agent_id, status, answer_due_at, language";
    /// Back to the queue, before all who wait there for the first time.
    UNASSIGN = "UPDATE conversation SET seq = seq + 1, updated_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END, agent_id = NULL, assigned_at = NULL,
            answer_due_at = NULL, waiting_rank = 0, waiting_since = $2, is_missed = $3
        WHERE id = $1 AND status <> 2 AND agent_id IS NOT NULL
        RETURNING seq, updated_at, chat_queue_id, agent_id, status";
    /// The client has spoken for the first time, and whose the conversation is has not said anything either.
    OWE = "UPDATE conversation SET answer_due_at = $2
        WHERE id = $1 AND agent_id IS NOT NULL AND answer_due_at IS NULL AND (agent_at IS NULL OR agent_at < assigned_at)";
    /// The server speaks.
    SAY = "UPDATE conversation SET seq = seq + 1, updated_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END
        WHERE id = $1 AND status <> 2 RETURNING seq, updated_at, chat_queue_id, agent_id, status";
    WAS_ASSIGNED = "SELECT 1 FROM event WHERE conversation_id = $1 AND kind = 2 AND seq < $2 LIMIT 1";
}

/// A conversation that nobody else changes until this transaction has ended.
pub(super) struct Held {
    is_closed: bool,
    agent_id: Option<i64>,
    chat_queue_id: i64,
}

pub(super) fn hold(tx: &mut Tx<'_>, id: &Uuid) -> Result<Option<Held>, Error> {
    let held = tx.query_opt(&HOLD, params![id], |row: &Row<'_>| {
        let status: i64 = row.get(0)?;
        Ok(Held {
            is_closed: status == Status::Closed.number(),
            agent_id: row.get(1)?,
            chat_queue_id: row.get(2)?,
        })
    })?;
    Ok(held)
}

/// Why a conversation is nobody's any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// The agent did not answer in time; whether nobody on duty is left who has not missed it.
    NoAnswer { is_missed_by_all: bool },
    /// The agent was gone when the client spoke.
    Absent,
    /// The agent left, and gave it back.
    Left,
    /// Somebody asked for it.
    Asked,
}

impl Because {
    const fn name(self) -> &'static str {
        match self {
            Self::NoAnswer { .. } => "no_answer",
            Self::Absent => "absent",
            Self::Left => "left",
            Self::Asked => "asked",
        }
    }

    const fn is_missed_by_all(self) -> bool {
        matches!(self, Self::NoAnswer { is_missed_by_all: true })
    }
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
            capacity::occupy(tx, &agent, act.now)?;
        }
        Some(former) => {
            capacity::occupy(tx, &agent, act.now)?;
            capacity::release(tx, former)?;
        }
        None => capacity::occupy(tx, &agent, act.now)?,
    }
    let queue = queue::find(tx, held.chat_queue_id)?.ok_or(Code::UnknownQueue)?;
    if held.agent_id.is_some() {
        tx.publish(ToRoute(None));
    }
    let due_at = due_at(act, &queue.settings);
    let row = params![id, act.now, agent.id, due_at];
    let given = tx.query_one(&GIVE, row, Given::read)?;
    let was = Was { agent_id: held.agent_id, chat_queue_id: None };
    tell(tx, act, id, given, agent.id, was, Some(&queue.settings))
}

/// Passes an agent's conversation on to a colleague, both of whom the caller holds. False when the colleague has no room.
pub fn pass_on(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    from: i64,
    to: i64,
    queue: &Queue,
) -> Result<bool, Error> {
    if !capacity::try_occupy(tx, to, act.now)? {
        return Ok(false);
    }
    capacity::release(tx, from)?;
    let row = params![id, act.now, to, due_at(act, &queue.settings)];
    let given = tx.query_one(&GIVE, row, Given::read)?;
    let was = Was { agent_id: Some(from), chat_queue_id: None };
    tell(tx, act, id, given, to, was, Some(&queue.settings))?;
    Ok(true)
}

/// Makes a conversation that is nobody's the agent's, who is about to answer; any other stays as it is.
pub fn take(tx: &mut Tx<'_>, act: &Act<'_>, id: &Uuid, agent: &Agent) -> Result<(), Error> {
    if agent.is_full()
        && hold(tx, id)?.is_some_and(|held| !held.is_closed && held.agent_id.is_none())
    {
        return Err(agent::fault(Code::AgentAtCapacity, &agent.login));
    }
    let taken = tx.query_opt(&TAKE, params![id, act.now, agent.id, None::<i64>], Given::read)?;
    let Some(given) = taken else { return Ok(()) };
    capacity::occupy(tx, agent, act.now)?;
    tell(tx, act, id, given, agent.id, Was::default(), None)
}

/// Gives a conversation that waits to an agent who was chosen and is held. False when it does not wait any more.
pub fn route(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    agent_id: i64,
    settings: &Settings,
    at: Millis,
) -> Result<bool, Error> {
    let row = params![id, act.now, agent_id, due_at(act, settings)];
    let Some(given) = tx.query_opt(&TAKE, row, Given::read)? else { return Ok(false) };
    if !capacity::try_occupy(tx, agent_id, at)? {
        return Err(Error::internal("an agent who was held has no room any more"));
    }
    tell(tx, act, id, given, agent_id, Was::default(), Some(settings))?;
    Ok(true)
}

/// Takes a conversation away from its agent and puts it first in its queue. Gives whose it was.
pub fn unassign(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    because: Because,
) -> Result<Option<i64>, Error> {
    let Some(former) = hold(tx, id)?.filter(|held| !held.is_closed).and_then(|held| held.agent_id)
    else {
        return Ok(None);
    };
    take_away(tx, act, id, former, because)?;
    Ok(Some(former))
}

/// The same with one that is held.
pub fn take_away(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    former: i64,
    because: Because,
) -> Result<(), Error> {
    let row = params![id, act.now, because.is_missed_by_all()];
    let turn = tx.query_one(&UNASSIGN, row, Turn::read)?;
    capacity::release(tx, former)?;
    let event = Event::of(Kind::Unassigned, Speaker::System)
        .about(former)
        .with(&json!({ "because": because.name() }))
        .from(Was { agent_id: Some(former), chat_queue_id: None });
    log::append(tx, act, id, turn, &event)?;
    tx.publish(ToRoute(None));
    Ok(())
}

/// What a client's message has left.
pub struct Heard {
    pub turn: Turn,
    first_client_at: Option<Millis>,
    /// When the agent's lease is over, unless it was ended by hand.
    lease_until: Option<Millis>,
}

impl Heard {
    /// From a turn's columns, `first_client_at` and the lease.
    pub fn read(row: &Row<'_>) -> Result<Self, rozmowa_db::Error> {
        Ok(Self { turn: Turn::read(row)?, first_client_at: row.get(5)?, lease_until: row.get(6)? })
    }
}

/// What follows from a client's message, after it is in the log: whoever is gone loses the conversation, whoever is there
/// owes an answer.
pub fn heard(tx: &mut Tx<'_>, act: &Act<'_>, id: &Uuid, heard: &Heard) -> Result<(), Error> {
    let Turn { chat_queue_id, agent_id, .. } = heard.turn;
    let Some(agent_id) = agent_id else {
        // While its row was held, it was passed over.
        tx.publish(ToRoute(Some(chat_queue_id)));
        return Ok(());
    };
    if heard.lease_until.is_some_and(|until| until + presence::GRACE <= act.now) {
        return take_away(tx, act, id, agent_id, Because::Absent);
    }
    if heard.first_client_at != Some(act.now) {
        return Ok(());
    }
    let queue = queue::find(tx, chat_queue_id)?.ok_or(Code::UnknownQueue)?;
    if let Some(due_at) = due_at(act, &queue.settings)
        && tx.execute(&OWE, params![id, due_at])? == 1
    {
        timer::set(tx, due_at, timer::Kind::Answer, id)?;
    }
    Ok(())
}

/// Says the welcome message.
pub fn welcome(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    settings: &Settings,
    language: Option<&str>,
) -> Result<(), Error> {
    let text = settings.welcome.in_language(language);
    if text.is_empty() {
        return Ok(());
    }
    let Some(turn) = tx.query_opt(&SAY, params![id, act.now], Turn::read)? else { return Ok(()) };
    log::append(tx, act, id, turn, &Event::of(Kind::Message, Speaker::System).saying(text))
}

/// What an assignment has left.
struct Given {
    turn: Turn,
    answer_due_at: Option<Millis>,
    language: Option<String>,
}

impl Given {
    fn read(row: &Row<'_>) -> Result<Self, rozmowa_db::Error> {
        Ok(Self { turn: Turn::read(row)?, answer_due_at: row.get(5)?, language: row.get(6)? })
    }
}

fn due_at(act: &Act<'_>, settings: &Settings) -> Option<Millis> {
    settings.no_answer().map(|after| act.now + after)
}

fn check(agent: &Agent) -> Result<(), Error> {
    let code = match agent {
        agent if !agent.is_active => Code::AgentInactive,
        agent if agent.is_full() => Code::AgentAtCapacity,
        _ => return Ok(()),
    };
    Err(agent::fault(code, &agent.login))
}

/// With the settings of the queue, unless the agent is about to speak.
fn tell(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    given: Given,
    agent_id: i64,
    was: Was,
    settings: Option<&Settings>,
) -> Result<(), Error> {
    let event = Event::of(Kind::Assigned, Speaker::System).about(agent_id).from(was);
    log::append(tx, act, id, given.turn, &event)?;
    if let Some(due_at) = given.answer_due_at {
        timer::set(tx, due_at, timer::Kind::Answer, id)?;
    }
    if let Some(settings) = settings
        && settings.welcome_when == WelcomeWhen::Assignment
        && tx.query_opt(&WAS_ASSIGNED, params![id, given.turn.seq], |_| Ok(()))?.is_none()
    {
        welcome(tx, act, id, settings, given.language.as_deref())?;
    }
    Ok(())
}
