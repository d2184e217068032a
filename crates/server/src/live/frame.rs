//! Frames: what is said on a socket. `docs/PROTOCOL.md` is the contract.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::close::Close;
use super::line::Line;
use super::names::Name;
use crate::app::App;
use crate::clock::Millis;
use crate::conversation::log::{Speaker, Stored};
use crate::file;
use crate::http::Error;
use crate::locale::Language;
use crate::visitor::view::{self, VisitorEvent};

/// Of the protocol.
pub const VERSION: u32 = 1;

/// What a client says.
pub fn parse<T: DeserializeOwned>(frame: &str) -> Result<T, Close> {
    let parsed = serde_json::from_str(frame);
    let parsed = parsed.or_else(|error| serde_json::from_str(&mended(frame).ok_or(error)?));
    parsed.map_err(|_| Close::BadFrame)
}

/// With U+FFFD in the place of half a surrogate pair: what scripts make of an emoji that they cut in two. None when there
/// is none.
fn mended(frame: &str) -> Option<String> {
    let unit = |at: usize| {
        let digits = frame.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let (mut mended, mut done, mut at) = (String::new(), 0, 0);
    while let Some(found) = frame[at..].find('\\') {
        at += found;
        at += match (unit(at), unit(at + 6)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
            (Some(0xd800..0xe000), _) => {
                mended.push_str(&frame[done..at]);
                mended.push('\u{fffd}');
                done = at + 6;
                6
            }
            // Whatever is escaped, a backslash or a quotation mark too; it may be longer than a byte.
            _ => 1 + frame[at + 1..].chars().next().map_or(0, char::len_utf8),
        };
    }
    (done > 0).then(|| mended + &frame[done..])
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

/// An event, as its reader may see it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Item {
    Visitor(VisitorEvent),
    Agent(Shown),
}

#[derive(Debug, Serialize)]
pub struct Shown {
    seq: i64,
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
