//! What pages load.

use axum::extract::Path;
use axum::response::Response;
use http::HeaderMap;

use super::dist;
use crate::http::{Code, Error};

pub(super) const NOTHING: &str = "default-src 'none'";

/// `GET /assets/NAME`: under names that are of their contents.
pub async fn hashed(headers: HeaderMap, Path(name): Path<String>) -> Result<Response, Error> {
    found(dist::answer(&headers, &format!("assets/{name}"), dist::FOR_EVER, NOTHING))
}

/// `GET /favicon.svg`, and `/favicon.ico`, which browsers ask for by themselves.
pub async fn icon(headers: HeaderMap) -> Result<Response, Error> {
    found(dist::answer(&headers, "favicon.svg", dist::DAY, NOTHING))
}

pub(super) fn found(answer: Option<Response>) -> Result<Response, Error> {
    Ok(answer.ok_or(Code::UnknownPath)?)
}
