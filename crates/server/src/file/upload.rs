//! Files on their way in: written as they come, and never whole in memory.

use std::time::Duration;

use axum::body::Body;
use http::header;
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::folder::{Content, Partial};
use super::sniff::{self, Sniffed};
use super::{NewFile, name};
use crate::act::Act;
use crate::app::App;
use crate::conversation::log::Speaker;
use crate::http::call::{Caller, Head};
use crate::http::params::Text;
use crate::http::{Call, Code, Error, Fault, Reply};

/// Who sends more slowly than this for long is cut.
const BYTES_A_SECOND_LEAST: u64 = 8 * 1024;

crate::params! { query
    UploadFile {
        /// The file's name; what could harm is taken out of it.
        name: Option<Text<4_096>> = "faktura.pdf",
    }
}

/// Takes a body in as a file of a conversation, which the caller was found to have access to.
pub async fn take<C: Caller>(
    mut call: Call<C>,
    body: Body,
    conversation: Uuid,
    by: Speaker,
    check: impl Fn(&mut rozmowa_db::Tx<'_>, &Act<'_>) -> Result<(), Error> + Send + Sync + 'static,
) -> Result<Reply, Error> {
    let given: UploadFile = call.params().map_err(Error::closing)?;
    let name = name::clean(given.name.as_ref().map_or("", |name| &name.0));
    let app = call.app().clone();
    let uploading = app.files.upload(conversation)?;
    let room = call.look(move |tx| super::check_room(tx, &conversation)).await;
    room.map_err(Error::closing)?;
    let arrived = receive(&app, call.head(), body).await?;
    call.body_is(&arrived.content.0)?;
    // To the end, also when the caller hangs up: whoever holds the lock leaves no row without bytes.
    let kept = tokio::spawn(async move {
        let _under_way = uploading;
        let Arrived { content, size, content_type, partial } = arrived;
        let _held = app.files.lock(&content).await;
        app.files.keep(partial, &content).await.map_err(unwritten)?;
        let new = NewFile { name, size, content_type, content };
        let written = call.write(move |tx, act| {
            check(tx, act)?;
            Reply::json(&super::add(tx, act, &conversation, by, &new)?)
        });
        let written = written.await;
        if written.is_err() {
            app.gone.add(content);
        }
        written
    });
    kept.await.map_err(Error::internal)?
}

struct Arrived {
    content: Content,
    size: i64,
    content_type: &'static str,
    partial: Partial,
}

async fn receive(app: &App, head: &Head, mut body: Body) -> Result<Arrived, Error> {
    let limit = app.config.files.max_bytes;
    let too_large = || Error::from(Fault::new(Code::FileTooLarge).with("limit", limit)).closing();
    let incomplete = || Error::from(Code::BodyIncomplete).closing();
    let announced = head.headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let (mut file, partial) = app.files.begin(&app.ids).await.map_err(unwritten)?;
    let (mut hash, mut size) = (Sha256::new(), 0_u64);
    let (started, patience) = (Instant::now(), app.config.limits.body_seconds);
    loop {
        let allowed = Duration::from_secs(patience + size / BYTES_A_SECOND_LEAST);
        let frame = match timeout_at(started + allowed, body.frame()).await {
            Err(_) => return Err(incomplete()),
            Ok(None) => break,
            Ok(Some(frame)) => frame.map_err(|_| incomplete())?,
        };
        let Ok(bytes) = frame.into_data() else { continue };
        size += bytes.len() as u64;
        if size > limit {
            return Err(too_large());
        }
        hash.update(&bytes);
        file.write_all(&bytes).await.map_err(unwritten)?;
    }
    if size == 0 {
        return Err(Code::EmptyFile.into());
    }
    file.flush().await.map_err(unwritten)?;
    file.sync_all().await.map_err(unwritten)?;
    let mut file = file.into_std().await;
    let sniffed = tokio::task::spawn_blocking(move || sniff::look(&mut file));
    let content_type = match sniffed.await.map_err(Error::internal)?.map_err(unwritten)? {
        Sniffed::Is(content_type) => content_type,
        Sniffed::TooLarge { width, height } => {
            let fault = Fault::new(Code::PictureTooLarge);
            return Err(fault.with("width", width).with("height", height).into());
        }
    };
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    let content = Content(hash.finalize().into());
    Ok(Arrived { content, size, content_type, partial })
}

/// A full disk is not the caller's fault, and may be over soon.
fn unwritten(error: std::io::Error) -> Error {
    tracing::error!(%error, "a file could not be kept");
    Error::from(Code::StoreUnavailable).because(error).retry_after(30).closing()
}
