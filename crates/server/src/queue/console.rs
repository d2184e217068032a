//! Chat queues, for administrators at their console.

use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;

use super::agents;
use super::api::ChatQueueId;
use super::given::{self, ChangeChatQueue, QueueShown, SetStrategies, StrategiesShown};
use super::staff::{self, AddChatQueue, AddedChatQueue, QueueAgent, SetQueueAgent};
use crate::agent::Role;
use crate::agent::api::AgentLogin;
use crate::agent::session::AgentSession;
use crate::http::error::Envelope;
use crate::http::{Call, Error, Reply};

/// A chat queue in the list.
#[derive(Serialize, ToSchema)]
pub struct QueueListed {
    chat_queue_id: i64,
    name: String,
    /// Whether it takes new conversations.
    enabled: bool,
    /// How many agents answer it.
    agent_count: i64,
}

/// Lists chat queues, for administrators
///
/// All of them, by number; disabled ones too.
#[utoipa::path(
    get, path = "/console/queues", operation_id = "list_queues", tag = "console", security(("session" = [])),
    responses(
        (status = 200, description = "The queues.", body = [QueueListed]),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    call.read(|tx, _| {
        let queues: Vec<_> = agents::counts(tx)?
            .into_iter()
            .map(|queue| QueueListed {
                chat_queue_id: queue.id,
                name: queue.name,
                enabled: queue.is_enabled,
                agent_count: queue.agent_count,
            })
            .collect();
        Reply::json(&queues)
    })
    .await
}

/// Adds a chat queue, for administrators
#[utoipa::path(
    post, path = "/console/queues", operation_id = "add_queue", tag = "console", security(("session" = [])),
    request_body(content = AddChatQueue, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored.", body = AddedChatQueue),
        (status = 409, description = "The name or the number is taken.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn add(call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    staff::add(call).await
}

/// Lists the agents of a chat queue, for administrators
///
/// Those who go first come first.
#[utoipa::path(
    get, path = "/console/queues/{id}/agents", operation_id = "list_queue_agents", tag = "console", params(ChatQueueId),
    security(("session" = [])),
    responses(
        (status = 200, description = "The agents.", body = [QueueAgent]),
        (status = 404, description = "Unknown chat queue.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list_agents(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    staff::list_agents(call, &id).await
}

/// Has an agent answer a chat queue, for administrators
///
/// Also changes the priority of one who does.
#[utoipa::path(
    put, path = "/console/queues/{id}/agents/{login}", operation_id = "set_queue_agent", tag = "console",
    params(ChatQueueId, AgentLogin), security(("session" = [])),
    request_body(content = Option<SetQueueAgent>, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored. The body is empty."),
        (status = 404, description = "Unknown chat queue or agent.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn set_agent(
    Path((id, login)): Path<(String, String)>,
    call: Call<AgentSession>,
) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    staff::set_agent(call, &id, login).await
}

/// Has an agent answer a chat queue no more, for administrators
///
/// Open conversations stay the agent's. A second time changes nothing.
#[utoipa::path(
    delete, path = "/console/queues/{id}/agents/{login}", operation_id = "remove_queue_agent", tag = "console",
    params(ChatQueueId, AgentLogin), security(("session" = [])),
    responses(
        (status = 200, description = "It is so. The body is empty."),
        (status = 404, description = "Unknown chat queue or agent.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn remove_agent(
    Path((id, login)): Path<(String, String)>,
    call: Call<AgentSession>,
) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    staff::remove_agent(call, &id, login).await
}

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
        (status = 404, description = "Unknown chat queue, bot or clause.", body = Envelope),
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
