//! A person's data at the console, for administrators.

use super::api::{ErasePerson, ExportPerson, answer, take};
use super::erase::Receipt;
use super::shown::Export;
use crate::agent::Role;
use crate::agent::session::AgentSession;
use crate::http::error::Envelope;
use crate::http::{Call, Error, Reply};

/// Exports a person's data, for administrators
///
/// All that is held on whoever has this e-mail address.
#[utoipa::path(
    get, path = "/console/persons/export", operation_id = "export_person", tag = "console", params(ExportPerson),
    security(("session" = [])),
    responses(
        (status = 200, description = "All that is held; of nobody, empty lists.", body = Export),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let given: ExportPerson = call.params()?;
    answer(call, &given).await
}

/// Erases a person, for administrators
///
/// All that is held, for good. What takes long goes on after the answer: then `finished_at` is null.
#[utoipa::path(
    post, path = "/console/persons/erase", operation_id = "erase_person", tag = "console", security(("session" = [])),
    request_body(content = ErasePerson, content_type = "application/json"),
    responses(
        (status = 200, description = "The receipt; of nobody, one of nothing.", body = Receipt),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn erase(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let given: ErasePerson = call.params()?;
    take(call, &given).await
}
