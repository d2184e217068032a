//! Files, for visitors.

use axum::extract::{Path, Request, State};
use axum::response::Response;

use super::api::{FileId, known_file};
use super::upload::{self, UploadFile};
use super::{Shown, serve};
use crate::app::App;
use crate::conversation::log::Speaker;
use crate::http::error::Envelope;
use crate::http::{Call, Code, Error, Reply};
use crate::visitor::show;
use crate::visitor::token::Visitor;

/// Uploads a file
///
/// The body is the file itself; it is sent with a message that names its id in `file_ids`.
#[utoipa::path(
    post, path = "/visitor/conversation/files", operation_id = "upload_visitor_file", tag = "visitor",
    params(UploadFile), security(("visitor" = [])),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "It is stored.", body = Shown),
        (status = 409, description = "The queue takes no files, the conversation is closed, or too many wait to be sent.", body = Envelope),
        (status = 413, description = "The file is too large.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn upload(State(app): State<App>, request: Request) -> Result<Reply, Error> {
    let (call, body) = Call::<Visitor>::before_body(request, &app).await?;
    let (id, from) = (call.caller().conversation, call.head().from);
    let now = app.clock.now();
    let may = call.look(move |tx| show::check_may_write(tx, &id, from, now, true)).await;
    may.map_err(Error::closing)?;
    let check = move |tx: &mut rozmowa_db::Tx<'_>, act: &crate::act::Act<'_>| {
        show::check_may_write(tx, &id, from, act.now, true)
    };
    upload::take(call, body, id, Speaker::Client, check).await
}

/// Gives a file
#[utoipa::path(
    get, path = "/visitor/conversation/files/{file_id}", operation_id = "download_visitor_file", tag = "visitor",
    params(FileId), security(("visitor" = [])),
    responses(
        (status = 200, description = "The file.", content_type = "application/octet-stream"),
        (status = 404, description = "Unknown file.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn download(Path(file_id): Path<String>, call: Call<Visitor>) -> Result<Response, Error> {
    let (id, file_id) = (call.caller().conversation, known_file(&file_id)?);
    let found = call.look(move |tx| super::find(tx, &id, &file_id)).await?;
    let file = found.filter(super::File::is_for_visitor).ok_or(Code::UnknownFile)?;
    serve::answer(call.app(), &file, &call.head().headers).await
}
