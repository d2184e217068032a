//! The log of a conversation: events under a gapless `seq`. Messages are events.

use rozmowa_db::{Row, Tx, params};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Status;
use crate::act::Act;
use crate::bot;
use crate::clock::Millis;
use crate::http::Error;
use crate::live::{Told, Was};
use crate::mail;
use crate::webhook::{self, Action, Subject};

rozmowa_db::statements! {
    APPEND = "INSERT INTO event (conversation_id, seq, at, kind, sent_by, agent_id, bot_id, text, data, client_key)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    /// Without what is being erased: it goes in steps, and is shown no more from the first on.
    SINCE = "SELECT e.seq, e.at, e.kind, e.sent_by, e.agent_id, e.bot_id,
            CASE WHEN r.what IS NULL THEN e.text END, CASE WHEN r.what IS NULL OR e.kind = 12 THEN e.data END, e.client_key
        FROM event e LEFT JOIN erasing r ON r.conversation_id = e.conversation_id
            AND r.what = CASE WHEN e.sent_by = 0 THEN 2 ELSE 1 END AND r.until_seq >= e.seq
        WHERE e.conversation_id = $1 AND e.seq > $2
            AND NOT EXISTS (SELECT 1 FROM erasing w WHERE w.conversation_id = $1 AND w.what = 0)
        ORDER BY e.seq LIMIT $3";
    /// The next place, for what changes nothing else.
    TURN = "UPDATE conversation SET seq = seq + 1, updated_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END
        WHERE id = $1 RETURNING seq, updated_at, chat_queue_id, agent_id, status";
    /// What is decided by what was read stays so until the transaction's end.
    HOLD = {
        sqlite: "SELECT status FROM conversation WHERE id = $1",
        postgres: "SELECT status FROM conversation WHERE id = $1 FOR UPDATE",
    };
    /// The place of a message that its sender had numbered itself.
    SENT = "SELECT seq, at FROM event WHERE conversation_id = $1 AND client_key = $2";
    /// Conversations whose log has a gap or an end of its own; a batch by id, for `verify`.
    BROKEN = "SELECT c.id, c.seq, count(e.seq), min(e.seq), max(e.seq)
        FROM (SELECT id, seq FROM conversation WHERE id > $1 ORDER BY id LIMIT $2) AS c
        LEFT JOIN event e ON e.conversation_id = c.id GROUP BY c.id, c.seq ORDER BY c.id";
    /// Events of no conversation; a batch by id, for `verify`.
    ORPHANS = "SELECT e.conversation_id FROM event e WHERE e.conversation_id > $1 AND e.seq = 1
        AND NOT EXISTS (SELECT 1 FROM conversation c WHERE c.id = e.conversation_id)
        AND NOT EXISTS (SELECT 1 FROM erasing r WHERE r.conversation_id = e.conversation_id AND r.what = 0)
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
    /// Of an agent or a bot, for agents.
    Note = 5,
    /// Away from an agent, and back to the queue.
    Unassigned = 6,
    /// To another queue or agent, by an agent.
    Transferred = 7,
    Reopened = 8,
    Rated = 9,
    /// By a bot, to people.
    HandedOver = 10,
    /// Of a supervisor, for the agent.
    Whisper = 11,
    /// The texts and files of one side.
    Erased = 12,
    /// Topic and tags.
    Labelled = 13,
    /// The conversation itself. Told, and never in a log: there is none any more.
    Deleted = 14,
    /// To a bot, after the start.
    GivenToBot = 15,
}

impl Kind {
    /// What subscriptions hear of it.
    pub(crate) const fn action(self) -> Option<Action> {
        match self {
            Self::Started => Some(Action::ConversationCreated),
            Self::Message => Some(Action::MessageCreated),
            Self::Assigned => Some(Action::AgentAssigned),
            Self::Closed => Some(Action::ConversationClosed),
            Self::Note => Some(Action::NoteCreated),
            Self::Unassigned => Some(Action::AgentUnassigned),
            Self::Transferred => Some(Action::ConversationTransferred),
            Self::Reopened => Some(Action::ConversationReopened),
            Self::Rated => Some(Action::ConversationRated),
            Self::HandedOver => Some(Action::ConversationHandedOver),
            Self::Erased => Some(Action::ContentErased),
            Self::Deleted => Some(Action::ConversationDeleted),
            Self::GivenToBot => Some(Action::BotAssigned),
            Self::Linked | Self::Whisper | Self::Labelled => None,
        }
    }

    const ALL: &[Self] = &[
        Self::Started,
        Self::Message,
        Self::Assigned,
        Self::Closed,
        Self::Linked,
        Self::Note,
        Self::Unassigned,
        Self::Transferred,
        Self::Reopened,
        Self::Rated,
        Self::HandedOver,
        Self::Whisper,
        Self::Erased,
        Self::Labelled,
        Self::Deleted,
        Self::GivenToBot,
    ];

    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| *kind as i64 == number)
    }

    /// In frames and streams.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Message => "message",
            Self::Assigned => "assigned",
            Self::Closed => "closed",
            Self::Linked => "linked",
            Self::Note => "note",
            Self::Unassigned => "unassigned",
            Self::Transferred => "transferred",
            Self::Reopened => "reopened",
            Self::Rated => "rated",
            Self::HandedOver => "handed_over",
            Self::Whisper => "whisper",
            Self::Erased => "erased",
            Self::Labelled => "labelled",
            Self::Deleted => "deleted",
            Self::GivenToBot => "given_to_bot",
        }
    }

    /// What reaches the visitor as nothing but a moved cursor.
    pub const fn is_for_agents(self) -> bool {
        matches!(
            self,
            Self::Linked | Self::Note | Self::Whisper | Self::Labelled | Self::GivenToBot
        )
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
    bot_id: Option<Uuid>,
    text: Option<&'a str>,
    data: Option<String>,
    client_key: Option<Uuid>,
    was: Was,
}

impl<'a> Event<'a> {
    pub const fn of(kind: Kind, sent_by: Speaker) -> Self {
        Self {
            kind,
            sent_by,
            agent_id: None,
            bot_id: None,
            text: None,
            data: None,
            client_key: None,
            was: Was { agent_id: None, chat_queue_id: None },
        }
    }

    /// Of an agent, or of a program that names none.
    pub const fn by(kind: Kind, agent_id: Option<i64>) -> Self {
        match agent_id {
            Some(agent_id) => Self::of(kind, Speaker::Agent).about(agent_id),
            None => Self::of(kind, Speaker::System),
        }
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

    #[must_use]
    pub const fn of_bot(mut self, bot_id: Uuid) -> Self {
        self.bot_id = Some(bot_id);
        self
    }

    /// What else belongs to it.
    #[must_use]
    pub fn with(mut self, data: &serde_json::Value) -> Self {
        self.data = Some(data.to_string());
        self
    }

    /// Taken from an agent or a queue.
    #[must_use]
    pub const fn from(mut self, was: Was) -> Self {
        self.was = was;
        self
    }

    /// Numbered by its sender.
    #[must_use]
    pub const fn numbered(mut self, client_key: Option<Uuid>) -> Self {
        self.client_key = client_key;
        self
    }
}

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub seq: i64,
    pub at: Millis,
    pub kind: Kind,
    pub sent_by: Speaker,
    pub agent_id: Option<i64>,
    pub bot_id: Option<Uuid>,
    pub text: Option<String>,
    /// JSON.
    pub data: Option<String>,
    pub client_key: Option<Uuid>,
}

impl Stored {
    fn read(row: &Row<'_>) -> Result<Self, rozmowa_db::Error> {
        Ok(Self {
            seq: row.get(0)?,
            at: row.get(1)?,
            // One that a later version wrote is nothing that this one could show.
            kind: Kind::from_number(row.get(2)?).unwrap_or(Kind::Labelled),
            sent_by: Speaker::from_number(row.get(3)?),
            agent_id: row.get(4)?,
            bot_id: row.get(5)?,
            text: row.get(6)?,
            data: row.get(7)?,
            client_key: row.get(8)?,
        })
    }
}

/// From one queue to another: in the data of each event that moves a conversation, so that streams of queues know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    pub from: i64,
    pub to: i64,
}

impl Move {
    const FROM: &str = "from_chat_queue_id";
    const TO: &str = "chat_queue_id";

    fn added_to(self, data: Option<&str>) -> String {
        let mut data = data.and_then(|data| serde_json::from_str(data).ok()).unwrap_or_default();
        if let Value::Object(data) = &mut data {
            data.insert(Self::FROM.to_owned(), self.from.into());
            data.insert(Self::TO.to_owned(), self.to.into());
            return Value::from(std::mem::take(data)).to_string();
        }
        json!({ Self::FROM: self.from, Self::TO: self.to }).to_string()
    }

    /// What an event's data say of one.
    pub fn of(data: &Value) -> Option<Self> {
        let number = |name| data.get(name).and_then(Value::as_i64);
        Some(Self { from: number(Self::FROM)?, to: number(Self::TO)? })
    }

    /// All that is left of the data of such an event when it is erased.
    pub fn left(self) -> String {
        self.added_to(None)
    }
}

/// A place in the log that an update of the conversation's row has just taken, its time, and what the update has left.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    pub seq: i64,
    pub at: Millis,
    pub chat_queue_id: i64,
    pub agent_id: Option<i64>,
    pub status: Status,
}

/// Where an event stands, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Place {
    /// In the log of its conversation.
    pub seq: i64,
    /// Epoch milliseconds.
    pub at: Millis,
}

impl Turn {
    pub const fn place(&self) -> Place {
        Place { seq: self.seq, at: self.at }
    }

    /// From the columns `seq`, `updated_at`, `chat_queue_id`, `agent_id`, `status`.
    pub fn read(row: &Row<'_>) -> Result<Self, rozmowa_db::Error> {
        Ok(Self {
            seq: row.get(0)?,
            at: row.get(1)?,
            chat_queue_id: row.get(2)?,
            agent_id: row.get(3)?,
            status: Status::from_number(row.get(4)?).unwrap_or(Status::Closed),
        })
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
    let Turn { seq, at, .. } = turn;
    let (kind, sent_by) = (event.kind as i64, event.sent_by as i64);
    let data = match event.was.chat_queue_id {
        Some(from) => Some(Move { from, to: turn.chat_queue_id }.added_to(event.data.as_deref())),
        None => event.data.clone(),
    };
    tx.put(
        &APPEND,
        params![
            conversation,
            seq,
            at,
            kind,
            sent_by,
            event.agent_id,
            event.bot_id.as_ref(),
            event.text,
            data.as_deref(),
            event.client_key.as_ref(),
        ],
    )?;
    if let Some(action) = event.kind.action() {
        webhook::tell(tx, act, action, Subject::Event { conversation, seq }, at)?;
    }
    if act.wanted.has_bots() {
        let what = (event.kind, event.sent_by, event.bot_id);
        bot::talk::hear(tx, act, conversation, turn, what)?;
    }
    match (event.kind, event.sent_by) {
        (Kind::Message, Speaker::Agent | Speaker::Bot) => {
            mail::unread::answered(tx, act, conversation, at)?;
        }
        (Kind::Message, Speaker::Client) if turn.agent_id.is_none() => {
            mail::receipt::said(tx, act, conversation)?;
        }
        _ => {}
    }
    let stored = Stored {
        seq,
        at,
        kind: event.kind,
        sent_by: event.sent_by,
        agent_id: event.agent_id,
        bot_id: event.bot_id,
        text: event.text.map(str::to_owned),
        data,
        client_key: event.client_key,
    };
    tx.publish(Told { conversation: *conversation, turn, event: stored, was: event.was });
    Ok(())
}

/// Nobody else changes the conversation until this transaction has ended. None when there is no such conversation.
pub fn hold(tx: &mut Tx<'_>, conversation: &Uuid) -> Result<Option<Status>, Error> {
    let number = tx.query_opt(&HOLD, params![conversation], |row| row.get(0))?;
    Ok(number.and_then(Status::from_number))
}

/// The next place in a conversation's log, for what changes nothing else; none when there is no such conversation.
pub fn turn(tx: &mut Tx<'_>, act: &Act<'_>, conversation: &Uuid) -> Result<Option<Turn>, Error> {
    Ok(tx.query_opt(&TURN, params![conversation, act.now], Turn::read)?)
}

/// What follows a place in the log, in order.
pub fn since(
    tx: &mut Tx<'_>,
    conversation: &Uuid,
    seq: i64,
    limit: i64,
) -> Result<Vec<Stored>, Error> {
    Ok(tx.query(&SINCE, params![conversation, seq, limit], Stored::read)?)
}

/// Events of a page.
pub const PAGE: usize = 32;

/// The page that follows a place in the log; a shorter one is the last.
pub fn page(tx: &mut Tx<'_>, conversation: &Uuid, seq: i64) -> Result<Vec<Stored>, Error> {
    since(tx, conversation, seq, i64::try_from(PAGE).unwrap_or(i64::MAX))
}

/// Where something stands that its sender had numbered, if it was sent before. Holds the conversation: it may be on its
/// way.
pub fn once(
    tx: &mut Tx<'_>,
    conversation: &Uuid,
    client_key: Option<Uuid>,
) -> Result<Option<Place>, Error> {
    let Some(client_key) = client_key else { return Ok(None) };
    hold(tx, conversation)?;
    sent(tx, conversation, &client_key)
}

/// The same of a conversation that is held.
pub fn sent(
    tx: &mut Tx<'_>,
    conversation: &Uuid,
    client_key: &Uuid,
) -> Result<Option<Place>, Error> {
    let row = |row: &Row<'_>| Ok(Place { seq: row.get(0)?, at: row.get(1)? });
    Ok(tx.query_opt(&SENT, params![conversation, client_key], row)?)
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
