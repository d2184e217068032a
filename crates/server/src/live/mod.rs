//! What reaches people at once: the log of conversations as it grows, and passing things that are not worth a log.

pub mod hub;
pub mod sse;

use uuid::Uuid;

use crate::conversation::log::{Stored, Turn};

pub use hub::{End, Hub, Inbox, Signal, Topic};

/// Published after commit: an event of a conversation, and what the conversation is since.
#[derive(Debug, Clone)]
pub struct Told {
    pub conversation: Uuid,
    pub turn: Turn,
    pub event: Stored,
    /// Whose it was and where, when that has changed.
    pub was: Was,
}

/// What an event took a conversation from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Was {
    pub agent_id: Option<i64>,
    pub chat_queue_id: Option<i64>,
}

/// Published after commit: who waits has to be given to who is free. None: in every queue.
#[derive(Debug, Clone, Copy)]
pub struct ToRoute(pub Option<i64>);

/// What is not kept: best effort.
#[derive(Debug, Clone)]
pub enum Passing {
    /// Somebody types; with the text so far where the queue shows it. Nothing: they have stopped.
    Typing { conversation: Uuid, by: By, is_typing: bool, text: Option<String> },
    /// Up to where one side has read.
    Read { conversation: Uuid, by: By, seq: i64 },
    /// The visitor has come to a page, or has gone.
    Page { conversation: Uuid, url: Option<String>, title: Option<String>, is_open: bool },
    /// Who looks at a conversation, or has stopped.
    Looking { conversation: Uuid, agent_id: i64, is_looking: bool },
    /// The place in the queue, from 1, and how long it may take.
    Position { conversation: Uuid, place: i64, wait_seconds: Option<i64> },
    /// An agent's status has changed.
    AgentStatus { agent_id: i64 },
    /// All agents on duty have missed a conversation, or nobody is on duty.
    Alarm { chat_queue_id: i64, conversation: Option<Uuid> },
}

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Visitor,
    Agent(i64),
    Bot(Uuid),
}
