//! Links for visitors, for integrators: our additions.

use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;

use super::token;
use crate::conversation::api::{ConversationId, known};
use crate::conversation::{self, log};
use crate::http::error::Envelope;
use crate::http::idempotency::IdempotencyKey;
use crate::http::params::Within;
use crate::http::{Call, Code, Error, Reply};

/// A minute to a year.
type Seconds = Within<60, 31_622_400>;

crate::params! { body
    AddVisitorToken {
        /// For so long; without it for as long as the conversation, and 30 days.
        expires_in_seconds: Option<Seconds> = 86_400,
    }
}

/// What opens a conversation to its visitor. It is not shown again.
#[derive(Serialize, ToSchema)]
pub struct VisitorToken {
    #[schema(example = "Rk1PUaRcvYQGJtF3WzQ0hYvCk0b3p2n0O1wq4mS8d7E")]
    token: String,
    /// A page on which the visitor goes on with the conversation.
    #[schema(example = "https://chat.example.org/c/Rk1PUaRcvYQGJtF3WzQ0hYvCk0b3p2n0O1wq4mS8d7E")]
    link: String,
}

/// Makes a link for the visitor
///
/// Our addition. Whoever has it is the visitor of this conversation. Opening it uses nothing up and marks nothing as read. A
/// conversation has at most 100: a further one takes the place of the oldest.
#[utoipa::path(
    post, path = "/api/chat_conversations/{id}/visitor_token", operation_id = "add_visitor_token", tag = "additions",
    params(ConversationId, IdempotencyKey),
    request_body(content((Option<AddVisitorToken> = "application/json"), (Option<AddVisitorToken> = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "The token and its link.", body = VisitorToken),
        (status = 404, description = "Unknown conversation.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn add(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: AddVisitorToken = call.params()?;
    let id = known(&id)?;
    let app = call.app().clone();
    call.write(move |tx, act| {
        // Held: one that is being deleted gets no token.
        log::hold(tx, &id)?.ok_or(Code::UnknownConversation)?;
        let expires_at = given.expires_in_seconds.map(|seconds| act.now + seconds.0 * 1_000);
        let token = token::issue(tx, act, &id, expires_at)?;
        let link = token::link(&app, &token);
        Ok(Reply::json(&VisitorToken { token, link })?.secret())
    })
    .await
}

/// Revokes all links of a conversation
///
/// Our addition. A second time changes nothing.
#[utoipa::path(
    delete, path = "/api/chat_conversations/{id}/visitor_token", operation_id = "revoke_visitor_tokens", tag = "additions",
    params(ConversationId),
    responses(
        (status = 200, description = "None is good any more. The body is empty."),
        (status = 404, description = "Unknown conversation.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn revoke(Path(id): Path<String>, call: Call) -> Result<Reply, Error> {
    let id = known(&id)?;
    call.write(move |tx, _| {
        if !conversation::exists(tx, &id)? {
            return Err(Code::UnknownConversation.into());
        }
        token::revoke(tx, &id)?;
        Ok(Reply::default())
    })
    .await
}
