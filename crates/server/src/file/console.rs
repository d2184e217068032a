//! Files, for agents at their console.

use axum::extract::{Path, Request, State};
use axum::response::Response;

use super::api::{FileId, known_file};
use super::upload::{self, UploadFile};
use super::{Shown, serve};
use crate::agent::session::AgentSession;
use crate::app::App;
use crate::conversation::access;
use crate::conversation::api::{ConversationId, known};
use crate::conversation::log::Speaker;
use crate::http::error::Envelope;
use crate::http::{Call, Code, Error, Reply};

/// Uploads a file
///
/// The body is the file itself; it is sent with a message that names its id in `file_ids`.
#[utoipa::path(
    post, path = "/console/conversations/{id}/files", operation_id = "upload_agent_file", tag = "console",
    params(ConversationId, UploadFile), security(("session" = [])),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "It is stored.", body = Shown),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn upload(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Reply, Error> {
    let (call, body) = Call::<AgentSession>::before_body(request, &app).await?;
    let id = known(&id).map_err(Error::closing)?;
    let who = call.caller().clone();
    let seen = call.look({
        let who = who.clone();
        move |tx| access::see(tx, &who, &id)
    });
    seen.await.map_err(Error::closing)?;
    let check = move |tx: &mut rozmowa_db::Tx<'_>, _: &crate::act::Act<'_>| {
        access::see(tx, &who, &id).map(|_| ())
    };
    upload::take(call, body, id, Speaker::Agent, check).await
}

/// Gives a file
#[utoipa::path(
    get, path = "/console/conversations/{id}/files/{file_id}", operation_id = "download_agent_file", tag = "console",
    params(ConversationId, FileId), security(("session" = [])),
    responses(
        (status = 200, description = "The file.", content_type = "application/octet-stream"),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn download(
    Path((id, file_id)): Path<(String, String)>,
    call: Call<AgentSession>,
) -> Result<Response, Error> {
    let (id, file_id) = (known(&id)?, known_file(&file_id)?);
    let who = call.caller().clone();
    let found = call.look(move |tx| {
        access::see(tx, &who, &id)?;
        super::find(tx, &id, &file_id)
    });
    let file = found.await?.filter(super::File::is_for_agents).ok_or(Code::UnknownFile)?;
    serve::answer(call.app(), &file, &call.head().headers).await
}
