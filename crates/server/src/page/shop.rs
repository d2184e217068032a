//! A shop to try the chat on: in the demo alone.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;

use super::asset::found;
use super::{dist, notice};
use crate::app::App;
use crate::http::{Code, Error};

/// As strict as a careful company's page is: what the chat needs of it, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; frame-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /demo/shop`, and what that page loads.
pub async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<Response, Error> {
    if !app.config.is_demo {
        return Err(Code::UnknownPath.into());
    }
    if name == "shop" {
        let page = dist::answer(&headers, "demo/shop.html", dist::CHECKED, POLICY);
        return Ok(page.unwrap_or_else(|| notice::page(&Code::PagesMissing.into()).into_response()));
    }
    found(dist::answer(&headers, &format!("demo/{name}"), dist::CHECKED, POLICY))
}
