//! The log as the visitor may see it. This is the one place that turns an event into what a visitor sees; HTTP and sockets
//! both ask here. `docs/PROTOCOL.md` describes it.

use std::collections::HashMap;

use rozmowa_db::{Tx, params};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::clock::Millis;
use crate::conversation::log::{self, Kind, Speaker, Stored};
use crate::file;
use crate::http::Error;
use crate::live::frame::speaker;

rozmowa_db::statements! {
    FIRST_NAME = "SELECT name FROM agent WHERE id = $1";
}

/// An event as the visitor sees it; of one that is between agents, its place alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct VisitorEvent {
    pub seq: i64,
    #[serde(flatten)]
    pub seen: Option<Seen>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SeenEvent)]
pub struct Seen {
    /// Epoch milliseconds.
    pub at: Millis,
    /// `started`, `message`, `assigned`, `unassigned`, `transferred`, `handed_over`, `reopened`, `rated`, `closed` or `erased`.
    pub kind: &'static str,
    /// `client`, `agent`, `bot` or `system`.
    pub by: &'static str,
    /// First name of the agent who spoke, or whose the conversation became.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What was said; not there when it was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Data>,
    /// The number that the visitor's client had given to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
}

/// What else belongs to an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = VisitorEventData)]
pub enum Data {
    /// Of a message.
    Files(Vec<file::Shown>),
    /// `sad`, `neutral` or `happy`.
    Rating(String),
}

/// What the visitor sees of an event. Given are the first name of the agent it is about, and its files.
pub fn event(event: &Stored, agent: Option<&str>, files: Vec<file::Shown>) -> VisitorEvent {
    let seq = event.seq;
    if event.kind.is_for_agents() {
        return VisitorEvent { seq, seen: None };
    }
    // What else an event says may be between agents: only what is named here goes out.
    let (is_message, is_rating) = (event.kind == Kind::Message, event.kind == Kind::Rated);
    let names_agent = is_message || event.kind == Kind::Assigned;
    let data = match event.kind {
        Kind::Message if !files.is_empty() => Some(Data::Files(files)),
        Kind::Rated => rating(event).map(Data::Rating),
        _ => None,
    };
    let seen = Seen {
        at: event.at,
        kind: event.kind.name(),
        by: speaker(event.sent_by),
        name: agent.filter(|_| names_agent).map(str::to_owned),
        text: event.text.clone().filter(|_| is_message || is_rating),
        data,
        id: event.client_key.filter(|_| event.sent_by == Speaker::Client),
    };
    VisitorEvent { seq, seen: Some(seen) }
}

fn rating(event: &Stored) -> Option<String> {
    let data: serde_json::Value = serde_json::from_str(event.data.as_deref()?).ok()?;
    Some(data["rating"].as_str()?.to_owned())
}

/// What follows a place of the log, in order.
pub fn since(
    tx: &mut Tx<'_>,
    conversation: &Uuid,
    after: i64,
    limit: i64,
) -> Result<Vec<VisitorEvent>, Error> {
    let stored = log::since(tx, conversation, after, limit)?;
    let mut agents: HashMap<i64, String> = HashMap::new();
    let mut seen = Vec::with_capacity(stored.len());
    for one in &stored {
        if let Some(id) = one.agent_id
            && !one.kind.is_for_agents()
            && !agents.contains_key(&id)
        {
            let name = tx.query_opt(&FIRST_NAME, params![id], |row| row.get(0))?;
            agents.insert(id, name.unwrap_or_default());
        }
        let agent = one.agent_id.and_then(|id| agents.get(&id));
        let files = file::of_message(tx, conversation, one)?;
        seen.push(event(one, agent.map(String::as_str), files));
    }
    Ok(seen)
}
