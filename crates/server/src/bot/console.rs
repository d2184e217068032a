//! Bots, for administrators at their console.

use axum::extract::Path;

use super::given::{self, AddBot, BotId, ChangeBot, Shown};
use crate::agent::Role;
use crate::agent::session::AgentSession;
use crate::http::error::Envelope;
use crate::http::{Call, Error, Reply};

/// Lists bots, for administrators
///
/// All of them; disabled ones too.
#[utoipa::path(
    get, path = "/console/bots", operation_id = "list_bots", tag = "console", security(("session" = [])),
    responses(
        (status = 200, description = "The bots.", body = [Shown]),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    given::list(call).await
}

/// Adds a bot, for administrators
#[utoipa::path(
    post, path = "/console/bots", operation_id = "add_bot", tag = "console", security(("session" = [])),
    request_body(content = AddBot, content_type = "application/json"),
    responses(
        (status = 200, description = "The bot.", body = Shown),
        (status = 409, description = "There is a bot of this UUID already, or there are too many bots or webhooks.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn add(call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    given::add(call).await
}

/// Changes a bot, for administrators
///
/// What is not given stays. Its subscription is changed as every other is.
#[utoipa::path(
    put, path = "/console/bots/{id}", operation_id = "change_bot", tag = "console", params(BotId),
    security(("session" = [])), request_body(content = Option<ChangeBot>, content_type = "application/json"),
    responses(
        (status = 200, description = "The bot as it is now.", body = Shown),
        (status = 404, description = "Unknown bot.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn change(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    given::change(call, &id).await
}

/// Removes a bot, for administrators
///
/// With its subscription. Its conversations go to people.
#[utoipa::path(
    delete, path = "/console/bots/{id}", operation_id = "remove_bot", tag = "console", params(BotId),
    security(("session" = [])),
    responses(
        (status = 200, description = "It is removed. The body is empty."),
        (status = 404, description = "Unknown bot.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn remove(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    given::remove(call, &id).await
}
