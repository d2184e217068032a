//! Reasons to pause, for integrators: our additions.

use axum::extract::Path;

use super::given::{self, AddPause, AddedPause, ChangePause, PauseId, Reason};
use crate::http::error::Envelope;
use crate::http::idempotency::IdempotencyKey;
use crate::http::{Call, Error, Reply};

/// Lists reasons to pause
///
/// Our addition. All of them, by number; disabled ones too.
#[utoipa::path(
    get, path = "/api/pauses", operation_id = "list_pauses", tag = "additions",
    responses(
        (status = 200, description = "The reasons.", body = [Reason]),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(call: Call) -> Result<Reply, Error> {
    given::list(call).await
}

/// Adds a reason to pause
///
/// Our addition.
#[utoipa::path(
    post, path = "/api/pauses", operation_id = "add_pause", tag = "additions", params(IdempotencyKey),
    request_body(content((AddPause = "application/json"), (AddPause = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "It is stored.", body = AddedPause),
        (status = 409, description = "The name is taken.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn add(call: Call) -> Result<Reply, Error> {
    given::add(call).await
}

/// Changes a reason to pause
///
/// Our addition. What is not given stays.
#[utoipa::path(
    put, path = "/api/pauses/{id}", operation_id = "change_pause", tag = "additions", params(PauseId),
    request_body(content((Option<ChangePause> = "application/json"), (Option<ChangePause> = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "It is stored. The body is empty."),
        (status = 404, description = "Unknown reason.", body = Envelope),
        (status = 409, description = "The name is taken.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn change(Path(id): Path<String>, call: Call) -> Result<Reply, Error> {
    given::change(call, &id).await
}
