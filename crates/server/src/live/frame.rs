//! Frames: what is said on a socket. `docs/PROTOCOL.md` is the contract.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::close::Close;
use super::line::Line;
use super::names::Name;
use crate::app::App;
use crate::clock::Millis;
use crate::conversation::log::{Kind, Speaker, Stored};
use crate::http::Error;
use crate::locale::Language;

/// Of the protocol.
pub const VERSION: u32 = 1;

/// What a visitor's client says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromVisitor {
    Hello {
        v: u32,
        token: String,
        #[serde(default)]
        after: i64,
        #[serde(default)]
        language: Option<String>,
    },
    Message {
        id: Uuid,
        #[serde(default)]
        text: String,
    },
    Read {
        seq: i64,
    },
    Typing {
        is_typing: bool,
        #[serde(default)]
        text: Option<String>,
    },
    Page {
        url: String,
        #[serde(default)]
        title: Option<String>,
    },
    #[serde(other)]
    Unknown,
}

/// What an agent's client says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromAgent {
    Hello {
        v: u32,
        /// Up to where each conversation that is looked at is known.
        #[serde(default)]
        watch: BTreeMap<Uuid, i64>,
        #[serde(default)]
        language: Option<String>,
    },
    Watch {
        conversation: Uuid,
        #[serde(default)]
        after: i64,
    },
    Unwatch {
        conversation: Uuid,
    },
    Message {
        conversation: Uuid,
        id: Uuid,
        #[serde(default)]
        text: String,
    },
    Read {
        conversation: Uuid,
        seq: i64,
    },
    Typing {
        conversation: Uuid,
        is_typing: bool,
    },
    #[serde(other)]
    Unknown,
}

/// What the server says.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Out<'a> {
    Welcome {
        v: u32,
        server_time: Millis,
        ping_seconds: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        conversation: Option<Opened>,
    },
    Events {
        conversation: Uuid,
        events: Vec<Item>,
    },
    Ack {
        id: Uuid,
        conversation: Uuid,
        seq: i64,
        at: Millis,
    },
    Refused {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<Uuid>,
        #[serde(skip_serializing_if = "Option::is_none")]
        conversation: Option<Uuid>,
        errors: Vec<Refusal>,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after_seconds: Option<u64>,
    },
    /// To agents: what a conversation in their lists has become.
    Conversation {
        conversation: Uuid,
        seq: i64,
        at: Millis,
        kind: &'static str,
        by: &'static str,
        status: &'static str,
        chat_queue_id: i64,
        agent_id: Option<i64>,
        /// Of a message: how it begins.
        #[serde(skip_serializing_if = "Option::is_none")]
        preview: Option<String>,
    },
    Typing {
        conversation: Uuid,
        by: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        agent_id: Option<i64>,
        is_typing: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<&'a str>,
    },
    Read {
        conversation: Uuid,
        by: &'static str,
        seq: i64,
    },
    Page {
        conversation: Uuid,
        is_open: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<&'a str>,
    },
    Looking {
        conversation: Uuid,
        agent_id: i64,
        is_looking: bool,
    },
    Position {
        conversation: Uuid,
        place: i64,
        wait_seconds: Option<i64>,
    },
    AgentStatus {
        agent_id: i64,
    },
    Alarm {
        chat_queue_id: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        conversation: Option<Uuid>,
    },
}

/// The conversation that a visitor's socket opens.
#[derive(Debug, Serialize)]
pub struct Opened {
    pub conversation: Uuid,
    pub status: &'static str,
    pub queue: String,
    pub seq: i64,
    /// Up to where each side has read.
    pub visitor_read: i64,
    pub agent_read: i64,
    pub has_text_preview: bool,
    pub takes_files: bool,
}

#[derive(Debug, Serialize)]
pub struct Refusal {
    pub message: String,
    pub code: u32,
}

pub fn refusals(error: &Error, language: Language) -> Vec<Refusal> {
    let faults = error.faults().iter();
    faults.map(|f| Refusal { message: f.message(language), code: f.code.number() }).collect()
}

/// An event. Of one that is hidden from the reader, the number alone.
#[derive(Debug, Serialize)]
pub struct Item {
    pub seq: i64,
    #[serde(flatten)]
    shown: Option<Shown>,
}

#[derive(Debug, Serialize)]
struct Shown {
    at: Millis,
    kind: &'static str,
    by: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bot_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    /// The sender's own number.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
}

impl Item {
    /// As the visitor may see it.
    pub fn for_visitor(event: &Stored, agent: Option<&Name>) -> Self {
        if event.kind.is_for_agents() {
            return Self { seq: event.seq, shown: None };
        }
        let shown = Shown {
            at: event.at,
            kind: event.kind.name(),
            by: speaker(event.sent_by),
            agent_id: None,
            name: agent.map(|agent| agent.name.clone()),
            bot_id: None,
            text: event.text.clone().filter(|_| event.kind != Kind::Unassigned),
            data: data(event).filter(|_| matches!(event.kind, Kind::Message | Kind::Rated)),
            id: event.client_key.filter(|_| event.sent_by == Speaker::Client),
        };
        Self { seq: event.seq, shown: Some(shown) }
    }

    pub fn for_agent(event: &Stored, agent: Option<&Name>) -> Self {
        let shown = Shown {
            at: event.at,
            kind: event.kind.name(),
            by: speaker(event.sent_by),
            agent_id: event.agent_id,
            name: agent.map(|agent| format!("{} {}", agent.name, agent.surname).trim().to_owned()),
            bot_id: event.bot_id,
            text: event.text.clone(),
            data: data(event),
            id: event.client_key,
        };
        Self { seq: event.seq, shown: Some(shown) }
    }
}

fn data(event: &Stored) -> Option<Value> {
    event.data.as_ref().and_then(|data| serde_json::from_str(data).ok())
}

pub const fn speaker(speaker: Speaker) -> &'static str {
    match speaker {
        Speaker::Client => "client",
        Speaker::Agent => "agent",
        Speaker::Bot => "bot",
        Speaker::System => "system",
    }
}

/// Who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    Visitor,
    Agent,
}

/// Text of one frame of events. One event alone may have more.
const TEXT_BYTES_MAX: usize = 16 * 1024;

/// Sends events as a reader may see them, in frames that are not too long.
pub async fn send(
    app: &App,
    line: &mut Line,
    audience: Audience,
    conversation: Uuid,
    events: impl Iterator<Item = &Stored>,
) -> Result<(), Close> {
    let (mut items, mut bytes) = (Vec::new(), 0);
    for event in events {
        let name = match event.agent_id {
            Some(id) => Some(app.names.of(&app.db, id).await.map_err(|error| Close::from(&error))?),
            None => None,
        };
        let size = event.text.as_ref().map_or(0, String::len);
        if bytes + size > TEXT_BYTES_MAX && !items.is_empty() {
            line.send(&Out::Events { conversation, events: std::mem::take(&mut items) }).await?;
            bytes = 0;
        }
        bytes += size;
        items.push(match audience {
            Audience::Visitor => Item::for_visitor(event, name.as_deref()),
            Audience::Agent => Item::for_agent(event, name.as_deref()),
        });
    }
    line.send(&Out::Events { conversation, events: items }).await
}
