//! Chat queues, for integrators.

use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;

use super::given::{self, ChangeChatQueue, QueueShown, SetStrategies, StrategiesShown};
use super::staff::{self, AddChatQueue, AddedChatQueue, QueueAgent, SetQueueAgent};
use crate::http::error::Envelope;
use crate::http::idempotency::IdempotencyKey;
use crate::http::params::Flag;
use crate::http::{Call, Error, Reply};

/// A chat queue.
#[expect(clippy::struct_field_names, reason = "the contract names them")]
#[derive(Serialize, ToSchema)]
pub struct ChatQueue {
    /// The same as `chat_queue_id`.
    #[schema(example = 3)]
    id: i64,
    #[schema(example = 3)]
    chat_queue_id: i64,
    #[schema(example = "Sklep")]
    name: String,
    /// With details: whether it takes new conversations.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    enabled: Option<bool>,
}

crate::params! { query
    ListChatQueues {
        /// Our addition: adds what the vendor's queues do not have.
        include_details: Flag,
    }
}

/// Lists chat queues
///
/// All of them, by number; disabled ones too.
#[utoipa::path(
    get, path = "/api/chats/queues", operation_id = "list_chat_queues", tag = "chats", params(ListChatQueues),
    responses(
        (status = 200, description = "The queues.", body = [ChatQueue]),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(mut call: Call) -> Result<Reply, Error> {
    let given: ListChatQueues = call.params()?;
    call.read(move |tx, _| {
        let queues: Vec<_> = super::list(tx)?
            .into_iter()
            .map(|queue| ChatQueue {
                id: queue.id,
                chat_queue_id: queue.id,
                name: queue.name,
                enabled: given.include_details.0.then_some(queue.is_enabled),
            })
            .collect();
        Reply::json(&queues)
    })
    .await
}

/// Adds a chat queue
///
/// Our addition.
#[utoipa::path(
    post, path = "/api/chats/queues", operation_id = "add_chat_queue", tag = "additions", params(IdempotencyKey),
    request_body(content((AddChatQueue = "application/json"), (AddChatQueue = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "It is stored.", body = AddedChatQueue),
        (status = 409, description = "The name or the number is taken.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn add(call: Call) -> Result<Reply, Error> {
    staff::add(call).await
}

/// Shows a chat queue and what is set for it
///
/// Our addition.
#[utoipa::path(
    get, path = "/api/chats/queues/{id}", operation_id = "show_chat_queue", tag = "additions", params(ChatQueueId),
    responses(
        (status = 200, description = "The queue.", body = QueueShown),
        (status = 404, description = "Unknown chat queue.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show(Path(id): Path<String>, call: Call) -> Result<Reply, Error> {
    given::show(call, &id).await
}

/// Changes a chat queue
///
/// Our addition. What is not given stays.
#[utoipa::path(
    put, path = "/api/chats/queues/{id}", operation_id = "change_chat_queue", tag = "additions", params(ChatQueueId),
    request_body(content = Option<ChangeChatQueue>, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored. The body is empty."),
        (status = 404, description = "Unknown chat queue, bot or clause.", body = Envelope),
        (status = 409, description = "The name is taken.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn change(Path(id): Path<String>, call: Call) -> Result<Reply, Error> {
    given::change(call, &id, false).await
}

/// Shows how agents are chosen
///
/// Our addition. Where a queue does not say.
#[utoipa::path(
    get, path = "/api/chats/routing", operation_id = "show_chat_routing", tag = "additions",
    responses(
        (status = 200, description = "The strategies.", body = StrategiesShown),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show_strategies(call: Call) -> Result<Reply, Error> {
    given::show_strategies(call).await
}

/// Sets how agents are chosen
///
/// Our addition. Where a queue does not say.
#[utoipa::path(
    put, path = "/api/chats/routing", operation_id = "set_chat_routing", tag = "additions",
    request_body(content = SetStrategies, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored. The body is empty."),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn set_strategies(call: Call) -> Result<Reply, Error> {
    given::set_strategies(call).await
}

/// Lists the agents of a chat queue
///
/// Our addition. Those who go first come first.
#[utoipa::path(
    get, path = "/api/chats/queues/{id}/agents", operation_id = "list_chat_queue_agents", tag = "additions",
    params(ChatQueueId),
    responses(
        (status = 200, description = "The agents.", body = [QueueAgent]),
        (status = 404, description = "Unknown chat queue.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list_agents(Path(id): Path<String>, call: Call) -> Result<Reply, Error> {
    staff::list_agents(call, &id).await
}

/// Has an agent answer a chat queue
///
/// Our addition. Also changes the priority of one who does.
#[utoipa::path(
    put, path = "/api/chats/queues/{id}/agents/{login}", operation_id = "set_chat_queue_agent", tag = "additions",
    params(ChatQueueId, crate::agent::api::AgentLogin),
    request_body(content((Option<SetQueueAgent> = "application/json"), (Option<SetQueueAgent> = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "It is stored. The body is empty."),
        (status = 404, description = "Unknown chat queue or agent.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn set_agent(
    Path((id, login)): Path<(String, String)>,
    call: Call,
) -> Result<Reply, Error> {
    staff::set_agent(call, &id, login).await
}

/// Has an agent answer a chat queue no more
///
/// Our addition. Open conversations stay the agent's. A second time changes nothing.
#[utoipa::path(
    delete, path = "/api/chats/queues/{id}/agents/{login}", operation_id = "remove_chat_queue_agent", tag = "additions",
    params(ChatQueueId, crate::agent::api::AgentLogin),
    responses(
        (status = 200, description = "It is so. The body is empty."),
        (status = 404, description = "Unknown chat queue or agent.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn remove_agent(
    Path((id, login)): Path<(String, String)>,
    call: Call,
) -> Result<Reply, Error> {
    staff::remove_agent(call, &id, login).await
}

/// Described once for all methods of one queue.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ChatQueueId {
    /// The queue's number.
    #[expect(dead_code, reason = "it describes; the path is read by the router")]
    #[param(minimum = 1, example = 3)]
    id: i64,
}
