//! Reasons to pause at the console: all agents choose from them, administrators write them.

use axum::extract::Path;

use super::given::{self, AddPause, AddedPause, ChangePause, PauseId, Reason};
use crate::agent::Role;
use crate::agent::session::AgentSession;
use crate::http::error::Envelope;
use crate::http::{Call, Error, Reply};

/// Lists reasons to pause
///
/// All of them, by number; disabled ones too.
#[utoipa::path(
    get, path = "/console/pauses", operation_id = "list_pauses", tag = "console", security(("session" = [])),
    responses(
        (status = 200, description = "The reasons.", body = [Reason]),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(call: Call<AgentSession>) -> Result<Reply, Error> {
    given::list(call).await
}

/// Adds a reason to pause, for administrators
#[utoipa::path(
    post, path = "/console/pauses", operation_id = "add_pause", tag = "console", security(("session" = [])),
    request_body(content = AddPause, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored.", body = AddedPause),
        (status = 409, description = "The name is taken.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn add(call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    given::add(call).await
}

/// Changes a reason to pause, for administrators
///
/// What is not given stays.
#[utoipa::path(
    put, path = "/console/pauses/{id}", operation_id = "change_pause", tag = "console", params(PauseId),
    security(("session" = [])), request_body(content = Option<ChangePause>, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored. The body is empty."),
        (status = 404, description = "Unknown reason.", body = Envelope),
        (status = 409, description = "The name is taken.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn change(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    given::change(call, &id).await
}
