//! The log as the visitor may see it. This is the one place that turns an event into what a visitor sees; HTTP and sockets
//! both ask here.

use std::collections::HashMap;

use rozmowa_db::{Tx, params};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::clock::Millis;
use crate::conversation::log::{Kind, Speaker, Stored};
use crate::file;
use crate::http::Error;

rozmowa_db::statements! {
    FIRST_NAME = "SELECT name FROM agent WHERE id = $1";
}

/// An event as the visitor sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct VisitorEvent {
    pub seq: i64,
    /// Epoch milliseconds.
    pub at: Millis,
    /// `started`, `message`, `assigned`, `unassigned`, `transferred`, `handed_over`, `reopened`, `rated`, `closed` or `erased`.
    pub kind: &'static str,
    /// `CLIENT`, `AGENT`, `BOT` or `SYSTEM`.
    pub sent_by: &'static str,
    /// First name of the agent who spoke, or whose the conversation became.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Of a message; null when it was erased.
    pub text: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<file::Shown>,
    /// The number that the visitor's client had given to its message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_key: Option<Uuid>,
}

/// What has to be looked up to show events. It can be kept for later ones of the same conversation.
#[derive(Debug, Clone, Default)]
pub struct Known {
    agents: HashMap<i64, String>,
    files: HashMap<Uuid, file::Shown>,
}

impl Known {
    /// Whether an event can be shown without a look at the store.
    pub fn has_all_of(&self, event: &Stored) -> bool {
        event.kind.is_for_agents()
            || (event.agent_id.is_none_or(|id| self.agents.contains_key(&id))
                && (event.data.is_none() || event.kind != Kind::Message))
    }

    /// Looks up what events need.
    pub fn learn(
        &mut self,
        tx: &mut Tx<'_>,
        conversation: &Uuid,
        events: &[Stored],
    ) -> Result<(), Error> {
        self.files.clear();
        for event in events.iter().filter(|event| !event.kind.is_for_agents()) {
            if let Some(id) = event.agent_id
                && !self.agents.contains_key(&id)
            {
                let name = tx.query_opt(&FIRST_NAME, params![id], |row| row.get(0))?;
                self.agents.insert(id, name.unwrap_or_default());
            }
            if event.kind == Kind::Message {
                for id in file::of_data(event.data.as_deref()) {
                    if let Some(file) = file::find(tx, conversation, &id)? {
                        self.files.insert(id, file.into());
                    }
                }
            }
        }
        Ok(())
    }
}

/// None when the visitor sees nothing of it but that the cursor has moved.
pub fn event(event: &Stored, known: &Known) -> Option<VisitorEvent> {
    if event.kind.is_for_agents() {
        return None;
    }
    // What else an event says may be between agents: only what is named here goes out.
    let is_message = event.kind == Kind::Message;
    let names_agent = is_message || event.kind == Kind::Assigned;
    let agent = event.agent_id.filter(|_| names_agent).and_then(|id| known.agents.get(&id));
    let files = if is_message { file::of_data(event.data.as_deref()) } else { Vec::new() };
    let is_own = event.sent_by == Speaker::Client;
    let is_said = is_message || (is_own && event.kind == Kind::Rated);
    Some(VisitorEvent {
        seq: event.seq,
        at: event.at,
        kind: event.kind.name(),
        sent_by: event.sent_by.name(),
        agent: agent.filter(|name| !name.is_empty()).cloned(),
        text: event.text.clone().filter(|_| is_said),
        files: files.iter().filter_map(|id| known.files.get(id)).cloned().collect(),
        client_key: event.client_key.filter(|_| is_own),
    })
}

/// What follows a place of the log: what the visitor sees of it, and up to where that is.
pub fn since(
    tx: &mut Tx<'_>,
    conversation: &Uuid,
    after: i64,
    limit: i64,
) -> Result<(Vec<VisitorEvent>, i64), Error> {
    let stored = crate::conversation::log::since(tx, conversation, after, limit)?;
    let mut known = Known::default();
    known.learn(tx, conversation, &stored)?;
    let cursor = stored.last().map_or(after, |event| event.seq);
    Ok((stored.iter().filter_map(|stored| event(stored, &known)).collect(), cursor))
}
