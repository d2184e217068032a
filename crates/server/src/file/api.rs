//! Files, for integrators: our additions.

use axum::extract::{Path, Request, State};
use axum::response::Response;
use uuid::Uuid;

use super::upload::{self, UploadFile};
use super::{Shown, serve};
use crate::app::App;
use crate::conversation;
use crate::conversation::api::{ConversationId, known};
use crate::conversation::log::Speaker;
use crate::http::error::Envelope;
use crate::http::idempotency::IdempotencyKey;
use crate::http::{Call, Code, Error, Reply};

/// Uploads a file
///
/// Our addition. The body is the file itself. It is sent with a message that names its id in `file_ids`; what is not sent for a
/// day is gone. At most 25 MiB (`files.max_bytes`), and 20 that wait to be sent.
#[utoipa::path(
    post, path = "/api/chat_conversations/{id}/files", operation_id = "upload_file", tag = "additions",
    params(ConversationId, UploadFile, IdempotencyKey),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "It is stored.", body = Shown),
        (status = 404, description = "Unknown conversation.", body = Envelope),
        (status = 409, description = "Too many files wait to be sent.", body = Envelope),
        (status = 413, description = "The file is too large.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn upload(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Reply, Error> {
    let (call, body) = Call::<crate::http::auth::ApiUser>::before_body(request, &app).await?;
    let id = known(&id).map_err(Error::closing)?;
    let is_there = call.look(move |tx| conversation::exists(tx, &id)).await?;
    if !is_there {
        return Err(Error::from(Code::UnknownConversation).closing());
    }
    upload::take(call, body, id, Speaker::System, |_, _| Ok(())).await
}

/// Gives a file
///
/// Our addition. Of either side, also one that waits to be sent. Pictures are `inline`, all else is an `attachment`; one
/// range is served.
#[utoipa::path(
    get, path = "/api/chat_conversations/{id}/files/{file_id}", operation_id = "download_file", tag = "additions",
    params(ConversationId, FileId),
    responses(
        (status = 200, description = "The file.", content_type = "application/octet-stream"),
        (status = 404, description = "Unknown conversation or file.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn download(
    Path((id, file_id)): Path<(String, String)>,
    call: Call,
) -> Result<Response, Error> {
    let (id, file_id) = (known(&id)?, known_file(&file_id)?);
    let file = call.look(move |tx| super::find(tx, &id, &file_id)).await?;
    serve::answer(call.app(), &file.ok_or(Code::UnknownFile)?, &call.head().headers).await
}

/// What is no UUID is the id of nothing.
pub fn known_file(id: &str) -> Result<Uuid, Error> {
    Uuid::try_parse(id).map_err(|_| Code::UnknownFile.into())
}

/// Described once for all doors.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub struct FileId {
    /// The file's id, from its upload or its message.
    #[expect(dead_code, reason = "it describes; the path is read by the router")]
    file_id: Uuid,
}
