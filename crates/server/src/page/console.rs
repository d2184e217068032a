//! The console of agents: one page, its worker, and what makes it an application of its own.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::asset::{NOTHING, found};
use super::{chat, dist, notice};
use crate::http::call::Head;
use crate::http::{Code, Error, origin};

const ADDRESS: &str = "/console/";
/// The worker looks after every page of the console.
const ALLOWED: HeaderName = HeaderName::from_static("service-worker-allowed");
const WORKER_POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'";

/// `GET /console`.
pub async fn redirect() -> Response {
    (StatusCode::FOUND, [(header::LOCATION, ADDRESS)]).into_response()
}

/// `GET /console/`, and where links lead to: `/console/welcome` and `/console/password`. Their secrets are behind a `#`.
pub async fn page(head: Head) -> Result<Response, Error> {
    let policy = policy(origin::host(&head.headers, &head.uri));
    let page = dist::answer(&head.headers, "console.html", dist::CHECKED, &policy);
    page.map_or_else(|| notice::of(Code::PagesMissing.into()), Ok)
}

/// `GET /console/sw.js`.
pub async fn worker(headers: HeaderMap) -> Result<Response, Error> {
    let file = dist::answer(&headers, "console/sw.js", dist::CHECKED, WORKER_POLICY);
    Ok(([(ALLOWED, HeaderValue::from_static(ADDRESS))], found(file)?).into_response())
}

/// `GET /console/manifest.webmanifest`.
pub async fn manifest(headers: HeaderMap) -> Result<Response, Error> {
    found(dist::answer(&headers, "console/manifest.webmanifest", dist::CHECKED, NOTHING))
}

/// `GET /console/icons/NAME`.
pub async fn icon(headers: HeaderMap, Path(name): Path<String>) -> Result<Response, Error> {
    let is_picture = [".png", ".svg"].into_iter().any(|ending| name.ends_with(ending));
    let file = is_picture.then(|| format!("console/icons/{name}"));
    found(file.and_then(|file| dist::answer(&headers, &file, dist::DAY, NOTHING)))
}

fn policy(host: Option<&str>) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
         connect-src 'self'{}; font-src 'self'; manifest-src 'self'; worker-src 'self'; frame-src 'self'; \
         frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        chat::sockets(host),
    )
}
