//! What reaches people at once: the log of conversations as it grows, and passing things that are not worth a log.

pub mod agent_socket;
mod bucket;
pub mod close;
pub mod frame;
pub mod hub;
pub mod line;
pub mod names;
pub mod sse;
pub mod visitor_socket;

use uuid::Uuid;

use crate::agent::status::StatusNow;
use crate::conversation::NewMessage;
use crate::conversation::log::{Place, Stored, Turn};
use crate::file;
use crate::http::{Code, Error, Fault};
use crate::locale::Language;
use close::Close;
use frame::Out;
use line::Line;

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

/// Published after commit: somebody waits in a queue. None: room may have come, whoever waits wherever.
#[derive(Debug, Clone, Copy)]
pub struct ToRoute(pub Option<i64>);

/// Published after commit: something passing, for who listens to a topic.
#[derive(Debug, Clone)]
pub struct Passed {
    pub topic: Topic,
    pub passing: Passing,
}

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
    /// What an agent's status has become.
    AgentStatus { agent_id: i64, status: StatusNow },
    /// What administrators set has changed, in this part of it.
    Settings { what: &'static str },
    /// Whoever listens may have lost the right to.
    Recheck,
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

const MESSAGE_CHARACTERS_MAX: usize = 16_384;

/// The same rule as at the other doors.
fn checked(new: &NewMessage) -> Result<(), Fault> {
    if new.files.len() > file::SENT_AT_ONCE_MAX {
        return Err(
            Fault::of(Code::TooManyValues, "file_ids").with("limit", file::SENT_AT_ONCE_MAX)
        );
    }
    if new.text.is_empty() && !new.files.is_empty() { Ok(()) } else { checked_text(&new.text) }
}

fn checked_text(text: &str) -> Result<(), Fault> {
    if text.trim().is_empty() {
        Err(Fault::of(Code::BlankText, "text"))
    } else if text.contains('\0') {
        Err(Fault::of(Code::ControlCharacter, "text"))
    } else if text.chars().count() > MESSAGE_CHARACTERS_MAX {
        Err(Fault::of(Code::TooLong, "text").with("limit", MESSAGE_CHARACTERS_MAX))
    } else {
        Ok(())
    }
}

/// Tells a sender what became of a message.
async fn answer(
    line: &mut Line,
    conversation: Uuid,
    id: Uuid,
    sent: Result<Place, Error>,
    language: Language,
) -> Result<(), Close> {
    match sent {
        Ok(Place { seq, at }) => line.send(&Out::Ack { id, conversation, seq, at }).await,
        Err(error) if Close::from(&error) == Close::Refused => Err(Close::Refused),
        Err(error) => {
            line.send(&Out::Refused {
                id: Some(id),
                conversation: Some(conversation),
                errors: frame::refusals(&error, language),
                retry_after_seconds: error.retry_after_seconds(),
            })
            .await
        }
    }
}
