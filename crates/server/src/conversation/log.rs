//! The log of a conversation: events under a gapless `seq`. Messages are events.

use rozmowa_db::{Row, Tx, params};
use uuid::Uuid;

use crate::act::Act;
use crate::clock::Millis;
use crate::http::Error;
use crate::webhook::{self, Action, Subject};

rozmowa_db::statements! {
    APPEND = "INSERT INTO event (conversation_id, seq, at, kind, sent_by, agent_id, text)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    /// Conversations whose log has a gap or an end of its own; a batch by id, for `verify`.
    BROKEN = "SELECT c.id, c.seq, count(e.seq), min(e.seq), max(e.seq)
        FROM (SELECT id, seq FROM conversation WHERE id > $1 ORDER BY id LIMIT $2) AS c
        LEFT JOIN event e ON e.conversation_id = c.id GROUP BY c.id, c.seq ORDER BY c.id";
    /// Events of no conversation; a batch by id, for `verify`.
    ORPHANS = "SELECT e.conversation_id FROM event e WHERE e.conversation_id > $1 AND e.seq = 1
        AND NOT EXISTS (SELECT 1 FROM conversation c WHERE c.id = e.conversation_id)
        ORDER BY e.conversation_id LIMIT $2";
}

/// What happened. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Started = 0,
    Message = 1,
    /// To an agent.
    Assigned = 2,
    Closed = 3,
    /// To a customer that appeared later.
    Linked = 4,
}

impl Kind {
    /// What subscriptions hear of it.
    const fn action(self) -> Option<Action> {
        match self {
            Self::Started => Some(Action::ConversationCreated),
            Self::Message => Some(Action::MessageCreated),
            Self::Assigned => Some(Action::AgentAssigned),
            Self::Closed => Some(Action::ConversationClosed),
            Self::Linked => None,
        }
    }
}

/// Who did it. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    Client = 0,
    Agent = 1,
    Bot = 2,
    System = 3,
}

impl Speaker {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "CLIENT",
            Self::Agent => "AGENT",
            Self::Bot => "BOT",
            Self::System => "SYSTEM",
        }
    }

    pub const fn from_number(number: i64) -> Self {
        match number {
            0 => Self::Client,
            1 => Self::Agent,
            2 => Self::Bot,
            _ => Self::System,
        }
    }
}

#[derive(Debug)]
pub struct Event<'a> {
    kind: Kind,
    sent_by: Speaker,
    agent_id: Option<i64>,
    text: Option<&'a str>,
}

impl<'a> Event<'a> {
    pub const fn of(kind: Kind, sent_by: Speaker) -> Self {
        Self { kind, sent_by, agent_id: None, text: None }
    }

    #[must_use]
    pub const fn about(mut self, agent_id: i64) -> Self {
        self.agent_id = Some(agent_id);
        self
    }

    #[must_use]
    pub const fn saying(mut self, text: &'a str) -> Self {
        self.text = Some(text);
        self
    }
}

/// A place in the log that an update of the conversation's row has just taken, and its time.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    pub seq: i64,
    pub at: Millis,
}

impl Turn {
    /// From the columns `seq`, `updated_at`.
    pub fn read(row: &Row<'_>) -> Result<Self, rozmowa_db::Error> {
        Ok(Self { seq: row.get(0)?, at: row.get(1)? })
    }
}

/// Appends in a turn, and tells who wants to hear of it.
pub fn append(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    conversation: &Uuid,
    turn: Turn,
    event: &Event<'_>,
) -> Result<(), Error> {
    let Turn { seq, at } = turn;
    let (kind, sent_by) = (event.kind as i64, event.sent_by as i64);
    tx.put(&APPEND, params![conversation, seq, at, kind, sent_by, event.agent_id, event.text])?;
    if let Some(action) = event.kind.action() {
        webhook::tell(tx, act, action, Subject::Event { conversation, seq }, at)?;
    }
    Ok(())
}

/// What is wrong with the logs of up to `limit` conversations after a given one; the last of them and how many.
pub fn verify(
    tx: &mut Tx<'_>,
    after: &Uuid,
    limit: i64,
    faults: &mut Vec<String>,
) -> Result<Option<(Uuid, usize)>, Error> {
    let mut last = None;
    let seen = tx.query(&BROKEN, params![after, limit], |row: &Row<'_>| {
        let (id, seq, count): (Uuid, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (first, highest): (Option<i64>, Option<i64>) = (row.get(3)?, row.get(4)?);
        if count != seq || first != Some(1) || highest != Some(seq) {
            faults.push(format!("conversation {id}: seq is {seq}, but its log has {count} events, {first:?} to {highest:?}"));
        }
        last = Some(id);
        Ok(())
    })?;
    Ok(last.map(|last| (last, seen.len())))
}

/// Events that belong to no conversation: a few of them, if there are any.
pub fn orphans(tx: &mut Tx<'_>, faults: &mut Vec<String>) -> Result<(), Error> {
    let ids = tx.query(&ORPHANS, params![&Uuid::nil(), 10], |row| row.get::<Uuid>(0))?;
    faults.extend(ids.iter().map(|id| format!("events of {id}, which is no conversation")));
    Ok(())
}
