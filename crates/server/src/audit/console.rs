//! The audit log, for administrators at their console.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Entry;
use super::api::{ListAudit, json, page_of};
use crate::agent::Role;
use crate::agent::session::AgentSession;
use crate::clock::Millis;
use crate::http::error::Envelope;
use crate::http::{Call, Error, Reply};

/// A change.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct Shown {
    audit_id: Uuid,
    at: Millis,
    /// `AGENT`, `API_USER`, `COMMAND_LINE`, or `SYSTEM`: the server itself.
    actor_kind: &'static str,
    /// The agent's login, the API user's name, or whoever the shell of the command line said.
    actor: String,
    /// Where the call came from.
    #[schema(required)]
    address: Option<String>,
    /// Of the call that made the change.
    #[schema(required)]
    request_id: Option<String>,
    #[schema(example = "api_user.change")]
    change: String,
    #[schema(example = "api_user shop")]
    subject: String,
    /// As it was before; null when there was nothing.
    #[schema(required)]
    was: Option<Value>,
    /// As it is since; null when there is nothing any more.
    #[schema(required)]
    becomes: Option<Value>,
}

impl From<Entry> for Shown {
    fn from(entry: Entry) -> Self {
        Self {
            audit_id: entry.id,
            at: entry.at(),
            actor_kind: entry.actor_kind.name(),
            actor: entry.actor,
            address: entry.address,
            request_id: entry.request_id,
            change: entry.change,
            subject: entry.subject,
            was: json(entry.was),
            becomes: json(entry.becomes),
        }
    }
}

/// Changes, the newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditPage)]
pub struct Page {
    result: Vec<Shown>,
    /// Where the next page begins; null on the last one.
    #[schema(required)]
    next_cursor: Option<Uuid>,
}

/// Lists administrative changes, for administrators
///
/// Who changed what and when, the newest first; secrets are in none of it.
#[utoipa::path(
    get, path = "/console/audit", operation_id = "list_audit", tag = "console", params(ListAudit),
    security(("session" = [])),
    responses(
        (status = 200, description = "The changes.", body = Page),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let given: ListAudit = call.params()?;
    call.read(move |tx, _| {
        let (entries, next_cursor) = page_of(tx, &given)?;
        Reply::json(&Page { result: entries.into_iter().map(Shown::from).collect(), next_cursor })
    })
    .await
}
