//! Chat queues, for integrators.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::error::Envelope;
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
}

/// Lists chat queues
///
/// All of them, by number; disabled ones too.
#[utoipa::path(
    get, path = "/api/chats/queues", operation_id = "list_chat_queues", tag = "chats",
    responses(
        (status = 200, description = "The queues.", body = [ChatQueue]),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(call: Call) -> Result<Reply, Error> {
    call.read(|tx, _| {
        let queues: Vec<_> = super::list(tx)?
            .into_iter()
            .map(|queue| ChatQueue { id: queue.id, chat_queue_id: queue.id, name: queue.name })
            .collect();
        Reply::json(&queues)
    })
    .await
}
