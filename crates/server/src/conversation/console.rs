//! Conversations at the console: lists, one of them, its log. What agents do to them is in
//! [`console_actions`](super::console_actions).

use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;

use super::access;
use super::api::known;
use super::board::{self, ConversationRow, Filter, Mark, View};
use super::sheet::{self, ConversationSheet, EventShown};
use crate::agent::session::AgentSession;
use crate::agent::{self, Role};
use crate::http::error::Envelope;
use crate::http::params::{Count, Id, Line, OneOf};
use crate::http::{Call, Code, Error, Reply, page};
use crate::lookup::{self, LookupShown};

crate::params! { query
    ListConversations {
        /// `mine`: open and the agent's; `waiting`: nobody's yet, in the order in which they are served; `all`: open,
        /// whosever they are; `closed`. The last two by start, the newest first.
        view: OneOf<View> = "mine",
        chat_queue_id: Option<Id> = 3,
        /// Of supervisors: the conversations of this agent, in every view but `waiting`.
        user_login: Option<Line<255>> = "jkowalski",
        /// At most so many; more than 100 is taken as 100.
        limit: Option<Count>,
        /// Absent for the first page, then `next_cursor`.
        cursor: Option<Line<100>>,
    }
}

/// A page of conversations.
#[derive(Serialize, ToSchema)]
pub struct ConversationPage {
    result: Vec<ConversationRow>,
    /// Where the next page begins; null on the last one.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// Lists conversations
///
/// Those that the agent may see: of the queues that the agent answers and the agent's own; of supervisors and
/// administrators all.
#[utoipa::path(
    get, path = "/console/conversations", operation_id = "list_conversations", tag = "console",
    security(("session" = [])), params(ListConversations),
    responses(
        (status = 200, description = "A page.", body = ConversationPage),
        (status = 403, description = "Of another agent, for supervisors and administrators.", body = Envelope),
        (status = 404, description = "Unknown agent.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    let given: ListConversations = call.params()?;
    let cursor = given.cursor.as_deref().filter(|text| !text.is_empty());
    let after = cursor.map(Mark::parse).transpose()?;
    let caller = call.caller().clone();
    if given.user_login.as_deref().is_some_and(|login| login != caller.login) {
        caller.needs(Role::Supervisor)?;
    }
    call.read(move |tx, _| {
        let limit = page::limit(given.limit);
        let of_agent = given.user_login.as_deref().map(|login| {
            let agent = agent::find(tx, login)?;
            agent.map(|agent| agent.id).ok_or_else(|| agent::fault(Code::UnknownAgent, login))
        });
        let filter = Filter {
            chat_queue_id: given.chat_queue_id.map(|id| id.0),
            agent_id: of_agent.transpose()?,
        };
        let (ids, next) = board::page(tx, &caller, given.view.0, filter, after, limit)?;
        let result = board::rows(tx, &ids)?;
        Reply::json(&ConversationPage { result, next_cursor: next.map(|mark| mark.to_string()) })
    })
    .await
}

/// Shows a conversation
#[utoipa::path(
    get, path = "/console/conversations/{id}", operation_id = "show_conversation", tag = "console",
    security(("session" = [])), params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "All that is known of it.", body = ConversationSheet),
        (status = 403, description = "Not one that the agent may see.", body = Envelope),
        (status = 404, description = "Unknown conversation.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    let id = known(&id)?;
    let caller = call.caller().clone();
    call.read(move |tx, app| {
        access::see(tx, &caller, &id)?;
        Reply::json(&sheet::show(tx, &caller, &id, app.clock.now())?)
    })
    .await
}

crate::params! { query
    ListEvents {
        /// What follows this `seq`; without it the whole log from its start.
        after: Option<Count>,
        /// At most so many; more than 100 is taken as 100.
        limit: Option<Count>,
    }
}

/// A part of a log.
#[derive(Serialize, ToSchema)]
pub struct Events {
    events: Vec<EventShown>,
    /// The last one there is.
    seq: i64,
}

/// Shows the log of a conversation
///
/// In order, with all that agents may see. When the last event's `seq` is below `seq`, there is more.
#[utoipa::path(
    get, path = "/console/conversations/{id}/events", operation_id = "list_events", tag = "console",
    security(("session" = [])), params(("id" = Uuid, Path), ListEvents),
    responses(
        (status = 200, description = "The events.", body = Events),
        (status = 403, description = "Not one that the agent may see.", body = Envelope),
        (status = 404, description = "Unknown conversation.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn events(Path(id): Path<String>, mut call: Call<AgentSession>) -> Result<Reply, Error> {
    let given: ListEvents = call.params()?;
    let id = known(&id)?;
    let caller = call.caller().clone();
    call.read(move |tx, _| {
        let seen = access::see(tx, &caller, &id)?;
        let after = given.after.map_or(0, |after| after.0);
        let events = sheet::events(tx, &id, after, page::limit(given.limit))?;
        Reply::json(&Events { events, seq: seen.seq })
    })
    .await
}

/// Looks the client up in the company's own systems
///
/// By e-mail and identifier, at the address that administrators have set. Nothing of it ever reaches the client.
#[utoipa::path(
    get, path = "/console/conversations/{id}/lookup", operation_id = "look_client_up", tag = "console",
    security(("session" = [])), params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "What was found, or why nothing.", body = LookupShown),
        (status = 403, description = "Not one that the agent may see.", body = Envelope),
        (status = 404, description = "Unknown conversation.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn look_up(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    let id = known(&id)?;
    let (caller, app) = (call.caller().clone(), call.app().clone());
    let question = call
        .look(move |tx| {
            access::see(tx, &caller, &id)?;
            lookup::question(tx, &id)
        })
        .await?;
    Reply::json(&lookup::ask(&app, question).await)
}
