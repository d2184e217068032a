//! Agents at their console: signing in and out, and being on duty.

use serde::Serialize;
use utoipa::ToSchema;

use super::session::{self, AgentSession};
use crate::http::error::Envelope;
use crate::http::params::Named;
use crate::http::{Call, Code, Error, Reply};

/// Who is signed in.
#[derive(Serialize, ToSchema)]
pub struct SessionShown {
    agent_id: i64,
    login: String,
    name: String,
    surname: String,
    /// `agent`, `supervisor` or `administrator`.
    role: &'static str,
    /// What changes are to carry in `X-CSRF-Token`.
    csrf_token: String,
}

/// Shows who is signed in
#[utoipa::path(
    get, path = "/console/session", operation_id = "show_session", tag = "console", security(("session" = [])),
    responses(
        (status = 200, description = "The agent.", body = SessionShown),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show_session(call: Call<AgentSession>) -> Result<Reply, Error> {
    let caller = call.caller().clone();
    call.read(move |tx, app| {
        let agent = super::find(tx, &caller.login)?.ok_or(Code::NotSignedIn)?;
        Reply::json(&SessionShown {
            agent_id: agent.id,
            login: agent.login,
            name: agent.name,
            surname: agent.surname,
            role: agent.role.name(),
            csrf_token: session::csrf_token(&app.secret, &caller.token_hash),
        })
    })
    .await
}
