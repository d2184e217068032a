//! Chat queues, for administrators at their console.

use axum::extract::Path;

use super::api::ChatQueueId;
use super::given::{self, ChangeChatQueue, QueueShown, SetStrategies, StrategiesShown};
use crate::agent::Role;
use crate::agent::session::AgentSession;
use crate::http::error::Envelope;
use crate::http::{Call, Error, Reply};

/// Shows a chat queue and what is set for it, for administrators
#[utoipa::path(
    get, path = "/console/queues/{id}", operation_id = "show_queue", tag = "console", security(("session" = [])),
    params(ChatQueueId),
    responses(
        (status = 200, description = "The queue.", body = QueueShown),
        (status = 404, description = "Unknown chat queue.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    given::show(call, &id).await
}

/// Changes a chat queue, for administrators
///
/// What is not given stays.
#[utoipa::path(
    put, path = "/console/queues/{id}", operation_id = "change_queue", tag = "console", security(("session" = [])),
    params(ChatQueueId),
    request_body(content = ChangeChatQueue, content_type = "application/json"),
    responses(
        (status = 200, description = "What the queue is now.", body = QueueShown),
        (status = 404, description = "Unknown chat queue.", body = Envelope),
        (status = 409, description = "The name is taken.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn change(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    given::change(call, &id, true).await
}

/// Shows how agents are chosen where a queue does not say, for administrators
#[utoipa::path(
    get, path = "/console/routing", operation_id = "show_strategies", tag = "console", security(("session" = [])),
    responses(
        (status = 200, description = "The strategies.", body = StrategiesShown),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show_strategies(call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    given::show_strategies(call).await
}

/// Sets how agents are chosen where a queue does not say, for administrators
#[utoipa::path(
    put, path = "/console/routing", operation_id = "set_strategies", tag = "console", security(("session" = [])),
    request_body(content = SetStrategies, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored. The body is empty."),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn set_strategies(call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    given::set_strategies(call).await
}
