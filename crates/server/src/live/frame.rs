//! Frames: what is said on a socket. `docs/PROTOCOL.md` is the contract.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::close::Close;
use super::line::Line;
use super::names::Name;
use crate::agent::status::StatusNow;
use crate::app::App;
use crate::clock::Millis;
use crate::conversation::log::{Speaker, Stored};
use crate::file;
use crate::http::{Error, json};
use crate::locale::Language;
use crate::visitor::view::{self, VisitorEvent};

/// Of the protocol.
pub const VERSION: u32 = 1;

/// What a client says.
pub fn parse<T: DeserializeOwned>(frame: &str) -> Result<T, Close> {
    let parsed = serde_json::from_str(frame);
    let parsed = parsed.or_else(|error| serde_json::from_str(&json::mended(frame).ok_or(error)?));
    parsed.map_err(|_| Close::BadFrame)
}

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
        /// Uploaded before.
        #[serde(default)]
        file_ids: Vec<Uuid>,
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
    /// Is anybody there? Pages are not shown the pings of their sockets.
    Ping,
    #[serde(other)]
    Unknown,
}

/// What an agent's client says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = AgentSays)]
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
        /// Uploaded before.
        #[serde(default)]
        file_ids: Vec<Uuid>,
    },
    Read {
        conversation: Uuid,
        seq: i64,
    },
    Typing {
        conversation: Uuid,
        is_typing: bool,
    },
    /// Is anybody there? Pages are not shown the pings of their sockets.
    Ping,
    #[serde(other)]
    Unknown,
}

/// What the server says.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = ServerSays)]
pub enum Out<'a> {
    Pong,
    Welcome {
        v: u32,
        server_time: Millis,
        ping_seconds: u64,
        /// To agents: whose line it is. Another one than the page's means that somebody else has signed in meanwhile.
        #[serde(skip_serializing_if = "Option::is_none")]
        agent_id: Option<i64>,
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
        #[schema(required)]
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
        #[schema(required)]
        wait_seconds: Option<i64>,
    },
    AgentStatus {
        agent_id: i64,
        #[serde(flatten)]
        status: &'a StatusNow,
    },
    Settings {
        what: &'static str,
    },
    Alarm {
        chat_queue_id: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        conversation: Option<Uuid>,
    },
}

/// The conversation that a visitor's socket opens.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WelcomedConversation)]
pub struct Opened {
    pub conversation: Uuid,
    pub status: &'static str,
    pub queue: String,
    pub chat_queue_id: i64,
    pub seq: i64,
    /// Up to where each side has read.
    pub visitor_read: i64,
    pub agent_read: i64,
    pub has_text_preview: bool,
    pub takes_files: bool,
    /// Unread answers go out by e-mail.
    pub is_mailed: bool,
}

/// Why something was not done.
#[derive(Debug, Serialize, ToSchema)]
pub struct Refusal {
    pub message: String,
    pub code: u32,
}

pub fn refusals(error: &Error, language: Language) -> Vec<Refusal> {
    let faults = error.faults().iter();
    faults.map(|f| Refusal { message: f.message(language), code: f.code.number() }).collect()
}

/// An event, as its reader may see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = EventItem)]
pub enum Item {
    Visitor(VisitorEvent),
    Agent(Shown),
}

/// An event, as agents see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AgentEvent)]
pub struct Shown {
    seq: i64,
    at: Millis,
    /// `started`, `message`, `assigned` and so on.
    kind: &'static str,
    /// `client`, `agent`, `bot` or `system`.
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
    fn for_agent(event: &Stored, agent: Option<&Name>, files: Vec<file::Shown>) -> Self {
        let data = if files.is_empty() { data(event) } else { Some(json!({ "files": files })) };
        Self::Agent(Shown {
            seq: event.seq,
            at: event.at,
            kind: event.kind.name(),
            by: speaker(event.sent_by),
            agent_id: event.agent_id,
            name: agent.map(|agent| format!("{} {}", agent.name, agent.surname).trim().to_owned()),
            bot_id: event.bot_id,
            text: event.text.clone(),
            data,
            id: event.client_key,
        })
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
        let files = if file::has_files(event) {
            let event = event.clone();
            let files = app.db.read(move |tx| file::of_message(tx, &conversation, &event));
            files.await.map_err(|error| Close::from(&error))?
        } else {
            Vec::new()
        };
        let size = event.text.as_ref().map_or(0, String::len);
        if bytes + size > TEXT_BYTES_MAX && !items.is_empty() {
            line.send(&Out::Events { conversation, events: std::mem::take(&mut items) }).await?;
            bytes = 0;
        }
        bytes += size;
        items.push(match audience {
            Audience::Visitor => {
                let name = name.as_ref().map(|name| &*name.name);
                Item::Visitor(view::event(event, name, files))
            }
            Audience::Agent => Item::for_agent(event, name.as_deref(), files),
        });
    }
    line.send(&Out::Events { conversation, events: items }).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_emoji_is_no_fault_of_the_frame() {
        for (frame, text) in [
            (r#""a""#, "a"),
            (r#""a\ud83d""#, "a\u{fffd}"),
            (r#""\ude00\ud83d\ud83d\ude00ż\\ud83d\n\u0141""#, "\u{fffd}\u{fffd}😀ż\\ud83d\nŁ"),
            (r#""\ud83dx\ud83d\u0041""#, "\u{fffd}x\u{fffd}A"),
        ] {
            assert_eq!(parse::<String>(frame), Ok(text.to_owned()), "{frame}");
        }
        for frame in
            ["", "\\", "\"\\", r#""\ud83d"#, r#""\u12""#, r#""\ud83d\u"#, "\"\\ż\"", "[\\ud83d]"]
        {
            assert_eq!(parse::<String>(frame), Err(Close::BadFrame), "{frame}");
        }
    }
}
