//! Files on their way out: streamed, and harmless whatever they are.

use std::io::SeekFrom;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::{File, sniff};
use crate::app::App;
use crate::http::service::Own;
use crate::http::tag::is_known;
use crate::http::{Code, Error};

const CHUNK: usize = 64 * 1024;
const CHECKED: &str = "private, no-cache";
/// What stands in `filename*` as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

/// Answers with a file, or with the part of it that was asked for.
pub async fn answer(app: &App, file: &File, headers: &HeaderMap) -> Result<Response, Error> {
    // Under its number there is never another content. Asked again each time: who has signed out has it no more.
    let tag = format!("\"{}\"", file.id);
    if is_known(headers, &tag) {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        set(&mut response, header::ETAG, &tag);
        set(&mut response, header::CACHE_CONTROL, CHECKED);
        return Ok(response);
    }
    let opened = tokio::fs::File::open(app.files.path(&file.content)).await;
    let mut opened = opened.map_err(|error| match error.kind() {
        // Erased while it was asked for.
        std::io::ErrorKind::NotFound => Error::from(Code::UnknownFile).because(error),
        _ => Error::internal(error),
    })?;
    let size = file.size.unsigned_abs();
    let (status, from, length) = match range(headers, size) {
        Asked::Whole => (StatusCode::OK, 0, size),
        Asked::Part(from, until) => (StatusCode::PARTIAL_CONTENT, from, until - from + 1),
        Asked::Beyond => {
            let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
            set(&mut response, header::CONTENT_RANGE, &format!("bytes */{size}"));
            response.extensions_mut().insert(Own);
            return Ok(response);
        }
    };
    opened.seek(SeekFrom::Start(from)).await.map_err(Error::internal)?;
    let mut response = Response::new(body(opened, length));
    *response.status_mut() = status;
    if status == StatusCode::PARTIAL_CONTENT {
        let until = from + length - 1;
        set(&mut response, header::CONTENT_RANGE, &format!("bytes {from}-{until}/{size}"));
    }
    set(&mut response, header::CONTENT_LENGTH, &length.to_string());
    set(&mut response, header::CONTENT_TYPE, &file.content_type);
    set(&mut response, header::CONTENT_DISPOSITION, &disposition(file));
    // Nothing in it runs, loads or is a page, whoever opens it.
    set(&mut response, header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'");
    set(&mut response, header::ETAG, &tag);
    set(&mut response, header::CACHE_CONTROL, CHECKED);
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    set(
        &mut response,
        header::HeaderName::from_static("cross-origin-resource-policy"),
        "same-site",
    );
    Ok(response)
}

fn set(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn disposition(file: &File) -> String {
    let how = if sniff::is_picture(&file.content_type) { "inline" } else { "attachment" };
    let plain: String = file
        .name
        .chars()
        .map(|c| if c.is_ascii_graphic() && !"\"\\%;".contains(c) || c == ' ' { c } else { '_' })
        .collect();
    let exact = utf8_percent_encode(&file.name, PLAIN);
    format!("{how}; filename=\"{plain}\"; filename*=UTF-8''{exact}")
}

fn body(file: tokio::fs::File, length: u64) -> Body {
    Body::from_stream(stream::try_unfold((file, length), async |(mut file, left)| {
        if left == 0 {
            return Ok::<_, std::io::Error>(None);
        }
        let wanted = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        let mut chunk = vec![0; wanted];
        let read = file.read(&mut chunk).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        chunk.truncate(read);
        Ok(Some((Bytes::from(chunk), (file, left - read as u64))))
    }))
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    /// Both ends included.
    Part(u64, u64),
    Beyond,
}

/// One range; whoever asks for several gets the whole.
fn range(headers: &HeaderMap, size: u64) -> Asked {
    let given = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let bounds = given.and_then(|text| text.strip_prefix("bytes=")?.split_once('-'));
    let Some((from, until)) = bounds else { return Asked::Whole };
    match (from.trim().parse::<u64>().ok(), until.trim().parse::<u64>().ok()) {
        (Some(from), _) if from >= size => Asked::Beyond,
        (Some(from), Some(until)) if until >= from => Asked::Part(from, until.min(size - 1)),
        (Some(from), None) if until.trim().is_empty() => Asked::Part(from, size - 1),
        (None, Some(0)) if from.is_empty() => Asked::Beyond,
        (None, Some(last)) if from.is_empty() => Asked::Part(size.saturating_sub(last), size - 1),
        _ => Asked::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_served_and_everything_odd_is_the_whole() {
        for (text, asked) in [
            ("bytes=0-9", Asked::Part(0, 9)),
            ("bytes=90-", Asked::Part(90, 99)),
            ("bytes=90-500", Asked::Part(90, 99)),
            ("bytes=-10", Asked::Part(90, 99)),
            ("bytes=-500", Asked::Part(0, 99)),
            ("bytes=100-", Asked::Beyond),
            ("bytes=-0", Asked::Beyond),
            ("bytes=9-1", Asked::Whole),
            ("bytes=0-1,5-6", Asked::Whole),
            ("pages=1-2", Asked::Whole),
            ("bytes=", Asked::Whole),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, text.parse().unwrap());
            assert_eq!(range(&headers, 100), asked, "{text}");
        }
    }
}
