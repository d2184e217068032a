//! E-mails that agents have sent.

use axum::extract::Path;

use super::transcript;
use crate::agent::session::AgentSession;
use crate::conversation::{self, access};
use crate::http::error::Envelope;
use crate::http::{Call, Error, Reply};

/// Sends a conversation's transcript to its visitor
///
/// To the address that the conversation has, and nowhere else.
#[utoipa::path(
    post, path = "/console/conversations/{id}/transcript_mail", operation_id = "mail_transcript", tag = "console",
    params(conversation::api::ConversationId), security(("session" = [])),
    responses(
        (status = 200, description = "It will be sent."),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn mail_transcript(
    Path(id): Path<String>,
    call: Call<AgentSession>,
) -> Result<Reply, Error> {
    let id = conversation::api::known(&id)?;
    let who = call.caller().clone();
    call.write(move |tx, act| {
        access::hold(tx, &who, &id)?;
        transcript::order(tx, act, &id)?;
        Ok(Reply::default())
    })
    .await
}
