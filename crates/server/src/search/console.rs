//! Searching, at the console.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::find::{self, Filter, Found, Hit, Part, Query, Sight};
use crate::agent::Role;
use crate::agent::session::AgentSession;
use crate::clock::Millis;
use crate::conversation::Status;
use crate::http::error::Envelope;
use crate::http::params::{Count, Id, Line, Named, OneOf, Text, TimeFrom, TimeUntil};
use crate::http::{Call, Code, Error, Fault, Reply};

const PAGE_DEFAULT: i64 = 20;
const PAGE_MAX: i64 = 50;

impl Named for Status {
    const ALL: &[Self] = Self::ALL;

    fn name(self) -> &'static str {
        self.name()
    }
}

crate::params! { query
    Search {
        /// Words, all of which have to be there; three letters or more also as the beginning of a longer word. Case and
        /// accents make no difference.
        q: Text<1_000> = "reklamacja",
        /// Said, or begun, then or later.
        date_from: Option<TimeFrom> = "2026-06-01",
        date_to: Option<TimeUntil> = "2026-06-30",
        chat_queue_id: Option<Id> = 3,
        /// The login of whose conversation it is.
        user_login: Option<Line<255>> = "jkowalski",
        status: Option<OneOf<Status>> = "CLOSED",
        topic_id: Option<Id> = 1,
        tag_id: Option<Id> = 1,
        /// At most so many; without it 20, more than 50 is taken as 50.
        limit: Option<Count>,
        /// From the answer before.
        cursor: Option<Line<32>>,
    }
}

/// What was found.
#[derive(Serialize, ToSchema)]
pub struct SearchHit {
    conversation_id: Uuid,
    /// The event's place in the log; 0 when the client was found.
    seq: i64,
    at: Millis,
    /// Of the event, as in frames; `client` when the client was found.
    kind: &'static str,
    /// `CLIENT`, `AGENT`, `BOT` or `SYSTEM`.
    sent_by: Option<&'static str>,
    /// The agent who said it.
    said_by: Option<String>,
    /// The text around the first hit.
    parts: Vec<SearchPart>,
    chat_queue_id: i64,
    status: &'static str,
    /// Whose conversation it is.
    user_login: Option<String>,
    client_name: String,
}

/// A piece of a text.
#[derive(Serialize, ToSchema)]
pub struct SearchPart {
    text: String,
    is_hit: bool,
}

impl From<Part> for SearchPart {
    fn from(Part { text, is_hit }: Part) -> Self {
        Self { text, is_hit }
    }
}

impl From<Hit> for SearchHit {
    fn from(hit: Hit) -> Self {
        Self {
            conversation_id: hit.conversation,
            seq: hit.seq,
            at: hit.at,
            kind: hit.kind.map_or("client", crate::conversation::log::Kind::name),
            sent_by: hit.sent_by.map(crate::conversation::log::Speaker::name),
            said_by: hit.by,
            parts: hit.parts.into_iter().map(Into::into).collect(),
            chat_queue_id: hit.chat_queue_id,
            status: hit.status.name(),
            user_login: hit.agent,
            client_name: hit.client_name,
        }
    }
}

/// A page of what was found.
#[derive(Serialize, ToSchema)]
pub struct SearchPage {
    /// The newest first.
    result: Vec<SearchHit>,
    /// Where to go on; null at the end. A page may have fewer than asked for, or none, and go on all the same.
    next_cursor: Option<String>,
}

/// Searches messages, notes and clients
///
/// Agents find what their queues have and what they themselves have, and of what they had as much as was said until then;
/// supervisors everything. What was said is
/// found two seconds later at most.
#[utoipa::path(
    get, path = "/console/search", operation_id = "search", tag = "console", params(Search), security(("session" = [])),
    responses(
        (status = 200, description = "A page.", body = SearchPage),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn search(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    let given: Search = call.params()?;
    let query = Query::new(&given.q.0);
    let query = query.ok_or_else(|| Fault::of(Code::NothingToSearch, "q"))?;
    let before = given.cursor.as_ref().map(|cursor| {
        i64::from_str_radix(cursor, 16).map_err(|_| Fault::of(Code::NotCursor, "cursor"))
    });
    let before = before.transpose()?;
    let filter = Filter {
        from: given.date_from.map(|from| from.0),
        until: given.date_to.map(|until| until.0),
        chat_queue_id: given.chat_queue_id.map(|id| id.0),
        agent: given.user_login.map(Into::into),
        status: given.status.map(|status| status.0),
        topic_id: given.topic_id.map(|id| id.0),
        tag_id: given.tag_id.map(|id| id.0),
    };
    let limit = given.limit.map_or(PAGE_DEFAULT, |limit| limit.0.min(PAGE_MAX));
    let limit = usize::try_from(limit).unwrap_or_default();
    let caller = Arc::clone(call.caller());
    let sight = match caller.role {
        Role::Agent => Sight::Agent(caller.agent_id),
        Role::Supervisor | Role::Administrator => Sight::All,
    };
    let app = call.app().clone();
    let _permit = app.searches.acquire().await.map_err(Error::internal)?;
    call.read(move |tx, _| {
        let Found { hits, next } = find::find(tx, sight, &query, &filter, before, limit)?;
        Reply::json(&SearchPage {
            result: hits.into_iter().map(Into::into).collect(),
            next_cursor: next.map(|next| format!("{next:x}")),
        })
    })
    .await
}
