//! Reasons to pause, for integrators: our additions.

use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::error::Envelope;
use crate::http::idempotency::IdempotencyKey;
use crate::http::params::{Line, YesNo, path_number};
use crate::http::{Call, Code, Error, Fault, Reply};

/// A reason to pause.
#[derive(Serialize, ToSchema)]
#[schema(as = Pause)]
pub struct Reason {
    #[schema(example = 1)]
    pause_id: i64,
    #[schema(example = "Przerwa obiadowa")]
    name: String,
    /// Nobody can pause for a disabled one.
    enabled: bool,
}

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
    call.read(|tx, _| {
        let pauses: Vec<_> = super::list(tx)?
            .into_iter()
            .map(|pause| Reason { pause_id: pause.id, name: pause.name, enabled: pause.is_enabled })
            .collect();
        Reply::json(&pauses)
    })
    .await
}

crate::params! { body
    AddPause {
        /// Its name, which no other has.
        name: Line<255> = "Przerwa obiadowa",
    }
}

/// The reason that was added.
#[derive(Serialize, ToSchema)]
pub struct AddedPause {
    #[schema(example = 1)]
    pause_id: i64,
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
pub async fn add(mut call: Call) -> Result<Reply, Error> {
    let given: AddPause = call.params()?;
    call.write(move |tx, act| {
        let pause_id = super::add(tx, act, &given.name)?;
        Reply::json(&AddedPause { pause_id })
    })
    .await
}

crate::params! { body
    ChangePause {
        name: Option<Line<255>> = "Przerwa obiadowa",
        /// Nobody can pause for a disabled one; whoever does so already goes on.
        enabled: Option<YesNo> = true,
    }
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
pub async fn change(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: ChangePause = call.params()?;
    let id = path_number(&id).ok_or_else(|| Fault::new(Code::UnknownPause).with("id", &id))?;
    call.write(move |tx, act| {
        super::change(tx, act, id, given.name.as_deref(), given.enabled.map(|yes| yes.0))?;
        Ok(Reply::default())
    })
    .await
}

#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub struct PauseId {
    /// The reason's number.
    #[expect(dead_code, reason = "it describes; the path is read by the router")]
    #[param(minimum = 1)]
    id: i64,
}
