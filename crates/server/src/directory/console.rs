//! The directory, for every agent.

use super::Directory;
use crate::agent::session::AgentSession;
use crate::http::error::Envelope;
use crate::http::{Call, Error, Reply};

/// Shows what the console needs to know of the installation
///
/// Read at the start, and again after a frame `settings` of the socket. What becomes of an agent's status comes as `agent_status`.
#[utoipa::path(
    get, path = "/console/directory", operation_id = "show_directory", tag = "console", security(("session" = [])),
    responses(
        (status = 200, description = "The directory.", body = Directory),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show(call: Call<AgentSession>) -> Result<Reply, Error> {
    let caller = call.caller().clone();
    call.read(move |tx, app| Reply::json(&super::read(tx, &caller, app)?)).await
}
