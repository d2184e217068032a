//! Erasing, for integrators: the two methods of the contract.

use axum::extract::Path;
use serde_json::json;

use super::api::{ConversationId, known};
use super::erase::{self, Participant};
use crate::audit;
use crate::http::error::Envelope;
use crate::http::params::Named;
use crate::http::{Call, Code, Error, Fault, Reply};

/// Deletes a conversation
///
/// With all it holds, for good. An open one is taken from its agent.
#[utoipa::path(
    delete, path = "/api/chat_conversations/{id}", operation_id = "delete_conversation", tag = "chats",
    params(ConversationId),
    responses(
        (status = 200, description = "It is gone. The body is empty."),
        (status = 404, description = "Unknown conversation.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn remove(Path(id): Path<String>, call: Call) -> Result<Reply, Error> {
    let id = known(&id)?;
    let app = call.app().clone();
    let reply = call
        .write(move |tx, act| {
            erase::conversation(tx, act, &id)?;
            audit::record(tx, act, "conversation.delete", &subject(&id), None::<&()>, None::<&()>)?;
            Ok(Reply::default())
        })
        .await?;
    erase::finish(&app, id).await;
    Ok(reply)
}

/// Deletes the contents of messages
///
/// Texts and files of one side, `user` (agents, bots and the system) or `customer`, or of `both`, for good. The messages stay,
/// as erased.
#[utoipa::path(
    delete, path = "/api/chat_conversations/content/{id}/{participant}", operation_id = "delete_content", tag = "chats",
    params(ConversationId, ParticipantOfPath),
    responses(
        (status = 200, description = "They are gone. The body is empty."),
        (status = 404, description = "Unknown conversation.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn remove_content(
    Path((id, participant)): Path<(String, String)>,
    call: Call,
) -> Result<Reply, Error> {
    let participant = Participant::from_name(&participant).ok_or_else(|| {
        Fault::of(Code::NotOneOf, "participant").with("values", Participant::names())
    })?;
    let id = known(&id)?;
    let app = call.app().clone();
    let reply = call
        .write(move |tx, act| {
            erase::contents(tx, act, &id, participant)?;
            let what = json!({ "participant": participant.name() });
            let change = "conversation.erase";
            audit::record(tx, act, change, &subject(&id), None::<&()>, Some(&what))?;
            Ok(Reply::default())
        })
        .await?;
    erase::finish(&app, id).await;
    Ok(reply)
}

fn subject(id: &uuid::Uuid) -> String {
    format!("conversation {id}")
}

/// Whose.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ParticipantOfPath {
    /// `user`: agents, bots and the system; `customer`; `both`.
    #[expect(dead_code, reason = "it describes; the path is read by the router")]
    #[param(pattern = "^(user|customer|both)$", example = "both")]
    participant: String,
}
