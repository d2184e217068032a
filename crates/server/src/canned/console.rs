//! Canned answers at the console: all agents say them, supervisors and administrators write them.

use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Changes, unknown, unknown_placeholder};
use crate::agent::Role;
use crate::agent::session::AgentSession;
use crate::http::error::Envelope;
use crate::http::params::{Count, Id, Line, OrEmpty, Text, path_number};
use crate::http::{Call, Code, Error, Fault, Reply};

type Shortcut = Line<64>;
type Answer = Text<16_384>;

/// A canned answer.
#[derive(Serialize, ToSchema)]
pub struct CannedAnswer {
    id: i64,
    shortcut: String,
    /// With `{client_name}` and `{agent_name}`, possibly with a fallback behind a bar, to be filled in by the page.
    text: String,
    /// Null: for all queues.
    #[schema(required)]
    chat_queue_id: Option<i64>,
}

crate::params! { query
    ListCannedAnswers {
        /// Those for this queue and for all; without it all there are.
        chat_queue_id: Option<Id> = 3,
        /// Skips so many; a page has up to 1,000.
        offset: Option<Count>,
    }
}

/// Lists canned answers
///
/// By shortcut.
#[utoipa::path(
    get, path = "/console/canned_answers", operation_id = "list_canned_answers", tag = "console",
    security(("session" = [])), params(ListCannedAnswers),
    responses(
        (status = 200, description = "The answers.", body = [CannedAnswer]),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    let given: ListCannedAnswers = call.params()?;
    call.read(move |tx, _| {
        let offset = given.offset.map_or(0, |offset| offset.0);
        let answers: Vec<_> = super::list(tx, given.chat_queue_id.map(|id| id.0), offset)?
            .into_iter()
            .map(|canned| CannedAnswer {
                id: canned.id,
                shortcut: canned.shortcut,
                text: canned.text,
                chat_queue_id: canned.chat_queue_id,
            })
            .collect();
        Reply::json(&answers)
    })
    .await
}

crate::params! { body
    AddCannedAnswer {
        /// What agents type to find it; no other answer has it.
        shortcut: Shortcut = "witaj",
        text: Answer = "Dzień dobry, {client_name|Państwu}! Tu {agent_name}.",
        /// The queue it is for; without it for all.
        chat_queue_id: Option<Id> = 3,
    }
}

/// What was added.
#[derive(Serialize, ToSchema)]
pub struct AddedCannedAnswer {
    id: i64,
}

/// Adds a canned answer
#[utoipa::path(
    post, path = "/console/canned_answers", operation_id = "add_canned_answer", tag = "console",
    security(("session" = [])), request_body(content = AddCannedAnswer, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored.", body = AddedCannedAnswer),
        (status = 403, description = "For supervisors and administrators.", body = Envelope),
        (status = 404, description = "Unknown chat queue.", body = Envelope),
        (status = 409, description = "The shortcut is taken.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn add(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Supervisor)?;
    check_text(&mut call);
    let given: AddCannedAnswer = call.params()?;
    call.write(move |tx, act| {
        let queue_id = given.chat_queue_id.map(|id| id.0);
        let id = super::add(tx, act, &given.shortcut, &given.text.0, queue_id)?;
        Reply::json(&AddedCannedAnswer { id })
    })
    .await
}

crate::params! { body
    ChangeCannedAnswer {
        shortcut: Option<Shortcut> = "witaj",
        text: Option<Answer> = "Dzień dobry, {client_name|Państwu}! Tu {agent_name}.",
        /// Empty: for all queues.
        chat_queue_id: Option<OrEmpty<Id>> = 3,
    }
}

/// Changes a canned answer
///
/// What is not given stays.
#[utoipa::path(
    put, path = "/console/canned_answers/{id}", operation_id = "change_canned_answer", tag = "console",
    security(("session" = [])), params(("id" = i64, Path)),
    request_body(content = Option<ChangeCannedAnswer>, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored. The body is empty."),
        (status = 403, description = "For supervisors and administrators.", body = Envelope),
        (status = 404, description = "Unknown answer or chat queue.", body = Envelope),
        (status = 409, description = "The shortcut is taken.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn change(Path(id): Path<String>, mut call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Supervisor)?;
    check_text(&mut call);
    let given: ChangeCannedAnswer = call.params()?;
    let id = path_number(&id).ok_or_else(|| unknown(&id))?;
    let changes = Changes {
        shortcut: given.shortcut.map(Into::into),
        text: given.text.map(|text| text.0),
        chat_queue_id: given.chat_queue_id.map(|queue| queue.0.map(|id| id.0)),
    };
    call.write(move |tx, act| {
        super::change(tx, act, id, &changes)?;
        Ok(Reply::default())
    })
    .await
}

/// Removes a canned answer
#[utoipa::path(
    delete, path = "/console/canned_answers/{id}", operation_id = "remove_canned_answer", tag = "console",
    security(("session" = [])), params(("id" = i64, Path)),
    responses(
        (status = 200, description = "It is gone. The body is empty."),
        (status = 403, description = "For supervisors and administrators.", body = Envelope),
        (status = 404, description = "Unknown answer.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn remove(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Supervisor)?;
    let id = path_number(&id).ok_or_else(|| unknown(&id))?;
    call.write(move |tx, act| {
        super::remove(tx, act, id)?;
        Ok(Reply::default())
    })
    .await
}

/// Told with all that is wrong.
fn check_text(call: &mut Call<AgentSession>) {
    if let Some(placeholder) = call.given().peek("text").and_then(unknown_placeholder) {
        let fault = Fault::of(Code::UnknownPlaceholder, "text").with("placeholder", placeholder);
        call.given().add_fault(fault);
    }
}
