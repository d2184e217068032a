//! In front of every visitor's call: how many an address may make, and from which pages.
//!
//! Our own pages may call, and pages of the origins that some queue allows. No cookie opens this door, so what a page of
//! another origin may not do is only read the answer; it is refused all the same.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, Method, header};
use rozmowa_db::{Tx, params};

use super::limit::{Rate, What};
use crate::app::App;
use crate::http::address::limited_as;
use crate::http::call::Head;
use crate::http::{Code, Error, origin};
use crate::queue::Settings;

rozmowa_db::statements! {
    ALL = "SELECT settings FROM chat_queue WHERE is_enabled = 1 AND settings <> '{}' ORDER BY id LIMIT 10000";
}

/// How long browsers may remember what they may do.
const REMEMBERED_SECONDS: &str = "600";

pub async fn layer(State(app): State<App>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match enter(&app, &parts).await {
        Err(error) => varied(error.into_response()),
        Ok(Entry::Own) => next.run(Request::from_parts(parts, body)).await,
        Ok(Entry::Of(origin)) if is_preflight(&parts) => allowed(preflight(), &origin),
        Ok(Entry::Of(origin)) => allowed(next.run(Request::from_parts(parts, body)).await, &origin),
    }
}

enum Entry {
    /// No page at all, or one of ours.
    Own,
    /// A page of an allowed origin.
    Of(String),
}

async fn enter(app: &App, parts: &Parts) -> Result<Entry, Error> {
    let head = Head::new(parts.clone(), app);
    take_turn(app, head.from)?;
    let Some(origin) = origin::given(&parts.headers).map(str::to_owned) else {
        return Ok(Entry::Own);
    };
    if origin::is_own(&head, app, &origin) {
        return Ok(Entry::Own);
    }
    let asked = origin.clone();
    if app.db.read(move |tx| is_of_some_queue(tx, &asked)).await? {
        return Ok(Entry::Of(origin));
    }
    Err(Code::ForeignOrigin.into())
}

/// An address has so many calls, whatever it calls. Also for what is no call of the visitor's door and looks something up.
pub fn take_turn(app: &App, from: IpAddr) -> Result<(), Error> {
    let rate = Rate::per_minute(app.config.visitors.calls_per_minute);
    app.visits.take(What::Calls(limited_as(from)), rate)
}

/// Whether pages of an origin may call at all.
pub fn is_of_some_queue(tx: &mut Tx<'_>, origin: &str) -> Result<bool, Error> {
    let of = tx.query(&ALL, params![], |row| {
        Ok(allows(&Settings::from_stored(&row.get::<String>(0)?), origin))
    })?;
    Ok(of.contains(&true))
}

/// Whether pages of an origin may open conversations of a queue.
pub fn allows(settings: &Settings, origin: &str) -> bool {
    settings.origins.iter().any(|known| known.trim_end_matches('/') == origin)
}

/// Fails for pages that may not open conversations of this queue.
pub fn check(app: &App, head: &Head, settings: &Settings) -> Result<(), Error> {
    match origin::given(&head.headers) {
        Some(origin) if !origin::is_own(head, app, origin) && !allows(settings, origin) => {
            Err(Code::ForeignOrigin.into())
        }
        _ => Ok(()),
    }
}

fn is_preflight(parts: &Parts) -> bool {
    parts.method == Method::OPTIONS
        && parts.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight() -> Response {
    let answers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, idempotency-key"),
        (header::ACCESS_CONTROL_MAX_AGE, REMEMBERED_SECONDS),
    ];
    answers.into_response()
}

/// Without credentials: cookies have no meaning here.
fn allowed(mut response: Response, origin: &str) -> Response {
    if let Ok(origin) = HeaderValue::from_str(origin) {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    let exposed = HeaderValue::from_static("retry-after, x-request-id");
    response.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    varied(response)
}

fn varied(mut response: Response) -> Response {
    response.headers_mut().append(header::VARY, HeaderValue::from_static("origin"));
    response
}
