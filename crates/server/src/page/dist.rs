//! The files that the build of `web/` has left: in the binary, or, of a debug build, as they are in the folder now.

use std::borrow::Cow;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use rust_embed::{EmbeddedFile, RustEmbed};
use sha2::{Digest, Sha256};

use crate::http::tag::is_known;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Dist;

/// Asks again before each use.
pub const CHECKED: &str = "no-cache";
/// For a day.
pub const DAY: &str = "public, max-age=86400";
/// The name is of the content: it never changes.
pub const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// What is built as it is, and packed: each under its name with this behind it.
const PACKED: [(&str, &str); 2] = [("br", "br"), ("gzip", "gz")];

/// Whether the pages were there when the server was built.
pub fn is_built() -> bool {
    Dist::get("chat.html").is_some()
}

/// Whether the console was among them.
pub fn is_console_built() -> bool {
    Dist::get("console.html").is_some()
}

/// A text that is filled in before it is sent.
pub fn text(name: &str) -> Option<String> {
    let file = Dist::get(name)?;
    Some(String::from_utf8_lossy(&file.data).into_owned())
}

/// Answers with a file, as the reader takes it; with nothing when the reader has it already.
pub fn answer(
    headers: &HeaderMap,
    name: &str,
    cache: &'static str,
    policy: &str,
) -> Option<Response> {
    let content_type = content_type(name)?;
    let file = Dist::get(name)?;
    // A page is another one when it may do something else.
    let tag = tag(&[&file.metadata.sha256_hash(), policy.as_bytes()]);
    let mut response = if is_known(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        packed(headers, name).unwrap_or_else(|| Body::from(bytes(file)).into_response())
    };
    let own = response.headers_mut();
    own.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    dress(own, &tag, cache);
    if let Ok(policy) = HeaderValue::from_str(policy) {
        own.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Some(response)
}

/// What every answer of this room says of itself.
pub fn dress(headers: &mut HeaderMap, tag: &str, cache: &'static str) {
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    // The address of a page may be a link's, with its secret.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

/// Of a content. Weak: it is the same one packed.
pub fn tag(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let start: [u8; 16] = std::array::from_fn({
        let whole = hash.finalize();
        move |at| whole[at]
    });
    format!("W/\"{:032x}\"", u128::from_be_bytes(start))
}

fn packed(headers: &HeaderMap, name: &str) -> Option<Response> {
    let (coding, file) = PACKED
        .into_iter()
        .filter(|(coding, _)| takes(headers, coding))
        .find_map(|(coding, ending)| Some((coding, Dist::get(&format!("{name}.{ending}"))?)))?;
    let mut response = Body::from(bytes(file)).into_response();
    // What says so is not packed again on the way out.
    response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    Some(response)
}

fn bytes(file: EmbeddedFile) -> Bytes {
    match file.data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => data.into(),
    }
}

/// Whether the reader names a coding, and not to refuse it.
pub fn takes(headers: &HeaderMap, coding: &str) -> bool {
    let given = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|it| it.to_str().ok());
    given.flat_map(|list| list.split(',')).any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let quality = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        is_named && quality.is_none_or(|q| q.parse::<f32>().is_ok_and(|q| q > 0.0))
    })
}

/// Of what is served; whatever else lies there is not.
fn content_type(name: &str) -> Option<&'static str> {
    let (_, ending) = name.rsplit_once('.').filter(|_| !name.contains(".."))?;
    Some(match ending {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "webmanifest" => "application/manifest+json",
        "woff2" => "font/woff2",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_coding_is_taken_when_it_is_named_and_not_refused() {
        for (given, takes_br, takes_gzip) in [
            (&["gzip, deflate, br, zstd"][..], true, true),
            (&["GZIP;q=0.5"], false, true),
            (&["br;q=0, gzip;q=1.0"], false, true),
            (&["br; q=0.001", "gzip; Q=0.000"], true, false),
            (&["gzip;q=often"], false, false),
            (&["*", "brotli, x-gzip"], false, false),
            (&[], false, false),
        ] {
            let headers = headers(header::ACCEPT_ENCODING, given);
            let taken = ["br", "gzip"].map(|coding| takes(&headers, coding));
            assert_eq!(taken, [takes_br, takes_gzip], "{given:?}");
        }
    }

    #[test]
    fn a_tag_is_of_all_parts() {
        assert_eq!(tag(&[b"a", b"b"]), "W/\"fb8e20fc2e4c3f248c60c39bd652f3c1\"");
        assert_ne!(tag(&[b"a", b"b"]), tag(&[b"a", b"c"]));
    }
}
