//! What administrators set for visitors: the secret that signs their identities.

use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;

use super::identity;
use crate::agent::Role;
use crate::agent::session::AgentSession;
use crate::http::error::Envelope;
use crate::http::params::path_number;
use crate::http::{Call, Code, Error, Fault, Reply};
use crate::queue::api::ChatQueueId;

/// What the company's pages sign identities with.
#[derive(Serialize, ToSchema)]
pub struct IdentitySecret {
    /// The key of HS256, as it stands here: its bytes are the letters.
    identity_secret: String,
}

/// Makes the secret of a queue's signed identities
///
/// In place of the one before, which is good no more. It is not shown again.
#[utoipa::path(
    post, path = "/console/queues/{id}/identity_secret", operation_id = "rotate_identity_secret", tag = "console",
    params(ChatQueueId), security(("session" = [])),
    responses(
        (status = 200, description = "The secret.", body = IdentitySecret),
        (status = 404, description = "Unknown chat queue.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn rotate(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let (id, app) = (number(&id)?, call.app().clone());
    call.write(move |tx, act| {
        let identity_secret = identity::rotate(tx, act, &app.secret, id)?;
        Ok(Reply::json(&IdentitySecret { identity_secret })?.secret())
    })
    .await
}

/// Removes the secret of a queue's signed identities
#[utoipa::path(
    delete, path = "/console/queues/{id}/identity_secret", operation_id = "remove_identity_secret", tag = "console",
    params(ChatQueueId), security(("session" = [])),
    responses(
        (status = 200, description = "Nobody signs any more. The body is empty."),
        (status = 404, description = "Unknown chat queue.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn remove(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let id = number(&id)?;
    call.write(move |tx, act| {
        identity::remove(tx, act, id)?;
        Ok(Reply::default())
    })
    .await
}

fn number(id: &str) -> Result<i64, Error> {
    path_number(id).ok_or_else(|| Fault::new(Code::UnknownQueue).with("id", id).into())
}
