//! Custom fields at the console: all agents fill them in, administrators say which there are.

use axum::extract::Path;

use super::custom_api::{
    AddCustomField, ChangeCustomField, CustomFieldShown, add_field, all, change_field, number,
};
use crate::agent::Role;
use crate::agent::session::AgentSession;
use crate::http::error::Envelope;
use crate::http::{Call, Error, Reply};

/// Lists custom fields
///
/// All of them, in the order in which they were made.
#[utoipa::path(
    get, path = "/console/custom_fields", operation_id = "list_custom_fields", tag = "console", security(("session" = [])),
    responses(
        (status = 200, description = "The fields.", body = [CustomFieldShown]),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(call: Call<AgentSession>) -> Result<Reply, Error> {
    call.read(|tx, _| Reply::json(&all(tx)?)).await
}

/// Adds a custom field, for administrators
///
/// Customers and companies have it from now on, without a value.
#[utoipa::path(
    post, path = "/console/custom_fields", operation_id = "add_custom_field", tag = "console", security(("session" = [])),
    request_body(content = AddCustomField, content_type = "application/json"),
    responses(
        (status = 200, description = "The field.", body = CustomFieldShown),
        (status = 403, description = "For administrators.", body = Envelope),
        (status = 409, description = "There is one of this name, or there are too many.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn add(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let field = call.params::<AddCustomField>()?.field()?;
    call.write(move |tx, act| Reply::json(&add_field(tx, act, &field)?)).await
}

/// Changes a custom field, for administrators
///
/// What is not given stays; its kind does always. Who does not have it any more keeps its value, unseen.
#[utoipa::path(
    put, path = "/console/custom_fields/{id}", operation_id = "change_custom_field", tag = "console",
    security(("session" = [])), params(("id" = i64, Path)),
    request_body(content = Option<ChangeCustomField>, content_type = "application/json"),
    responses(
        (status = 200, description = "The field as it is now.", body = CustomFieldShown),
        (status = 403, description = "For administrators.", body = Envelope),
        (status = 404, description = "Unknown field.", body = Envelope),
        (status = 409, description = "There is another one of this name.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn change(Path(id): Path<String>, mut call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let given: ChangeCustomField = call.params()?;
    let (id, changes) = (number(&id)?, given.changes());
    call.write(move |tx, act| Reply::json(&change_field(tx, act, id, &changes)?)).await
}
