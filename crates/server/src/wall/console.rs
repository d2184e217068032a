//! The wall, for supervisors.

use super::Wall;
use crate::agent::Role;
use crate::agent::session::AgentSession;
use crate::http::error::Envelope;
use crate::http::{Call, Error, Reply};

/// Shows queues, agents and the day so far, for supervisors
///
/// It may be two seconds old, and older where much has to be read. Of what happens in between the socket tells.
#[utoipa::path(
    get, path = "/console/wall", operation_id = "show_wall", tag = "console", security(("session" = [])),
    responses(
        (status = 200, description = "The wall.", body = Wall),
        (status = 403, description = "For supervisors and administrators.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show(call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Supervisor)?;
    let app = call.app();
    Reply::json(&*app.wall.get(app).await?)
}
