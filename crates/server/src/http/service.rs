//! The way in and out of every request: its id, its language, its line in the log, its place in the metrics.

use std::any::Any;
use std::net::IpAddr;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::{Extensions, HeaderMap, HeaderValue, StatusCode, Version, header};
use hyper::body::Incoming;
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tracing::Instrument;

use super::call::{OverTls, Peer, RequestId};
use super::error::{Code, Error, Fault};
use crate::app::App;
use crate::locale::Language;

/// Smaller answers gain nothing from compression.
const COMPRESSED_FROM_BYTES: u64 = 1024;

/// Marks an answer that is no error of ours although its status says so.
#[derive(Clone, Copy)]
pub struct Own;

/// Answers requests, whatever connection they come from.
#[derive(Clone)]
pub struct Service {
    app: App,
    router: Router,
}

impl Service {
    pub fn new(app: App, router: Router) -> Self {
        let router = router.route_layer(middleware::from_fn(label));
        let router = router.layer(CatchPanicLayer::custom(panicked)).layer(
            CompressionLayer::new().gzip(true).compress_when(
                // A stream's events would wait for each other.
                SizeAbove::new(COMPRESSED_FROM_BYTES)
                    .and(NotForContentType::SSE)
                    .and(NotForContentType::IMAGES)
                    .and(is_no_download),
            ),
        );
        Self { app, router }
    }

    pub async fn answer(
        &self,
        request: hyper::Request<Incoming>,
        peer: IpAddr,
        is_tls: bool,
    ) -> Response {
        let started = Instant::now();
        let id = self.app.ids.request_id();
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        request.extensions_mut().insert(OverTls(is_tls));
        request.extensions_mut().insert(RequestId(id.clone()));
        let method = request.method().clone();
        let languages = request.headers().get(header::ACCEPT_LANGUAGE).cloned();
        let span =
            tracing::debug_span!("request", id, %method, path = written_down(request.uri().path()));
        let answer = async {
            let response = match self.router.clone().oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            finish(response, &id, languages.as_ref())
        };
        let response = answer.instrument(span).await;
        let route = response.extensions().get::<MatchedPath>();
        let route = route.map_or("unknown", MatchedPath::as_str).to_owned();
        let status = response.status();
        let seconds = started.elapsed().as_secs_f64();
        tracing::debug!(request_id = id, %method, route, status = status.as_u16(), seconds, "answered");
        super::metrics::answered(&method, route, status, seconds);
        response
    }
}

/// A path as the log has it: that of a link ends with what opens a conversation.
fn written_down(path: &str) -> &str {
    if path.starts_with("/c/") { "/c/…" } else { path }
}

/// Files are sent as they are, part by part if need be.
fn is_no_download(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    !headers.contains_key(header::CONTENT_DISPOSITION)
}

fn finish(mut response: Response, id: &str, languages: Option<&HeaderValue>) -> Response {
    let route = response.extensions_mut().remove::<MatchedPath>();
    let mut error = response.extensions_mut().remove::<Error>();
    let is_own = response.extensions().get::<Own>().is_some();
    let is_failure = response.status().is_client_error() || response.status().is_server_error();
    if error.is_none() && is_failure && !is_own {
        error = Some(foreign(&response));
    }
    if let Some(error) = error {
        let is_of_door =
            |door: &str| route.as_ref().is_some_and(|route| route.as_str().starts_with(door));
        let is_for_pages = is_of_door("/console/") || is_of_door("/visitor/");
        let (status, cause) = (error.status().as_u16(), error.cause().unwrap_or("none told"));
        if status == 500 {
            tracing::error!(request_id = id, status, cause, "a request failed");
        } else if status > 500 {
            // The store tells of its trouble once; thousands of calls a second would fill the disk that is full.
            tracing::debug!(request_id = id, status, cause, "a request was turned away");
        }
        let language = languages
            .and_then(|value| value.to_str().ok())
            .map_or(Language::En, Language::accepted);
        let mut rendered = error.render(id, language, is_for_pages);
        // What was said of the page that called holds for an error, too.
        for name in [
            header::ACCESS_CONTROL_ALLOW_ORIGIN,
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            header::VARY,
        ] {
            if let Some(value) = response.headers_mut().remove(&name) {
                rendered.headers_mut().insert(name, value);
            }
        }
        response = rendered;
    }
    if let Some(route) = route {
        response.extensions_mut().insert(route);
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert("x-request-id", id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    // What may stand in others' pages says so itself.
    let unframed = HeaderValue::from_static("frame-ancestors 'none'");
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(unframed);
    response
}

/// The router tells which route it chose only to what runs inside of it.
async fn label(path: MatchedPath, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.extensions_mut().insert(path);
    response
}

/// What the libraries refuse by themselves, in our envelope.
fn foreign(response: &Response) -> Error {
    match response.status() {
        StatusCode::NOT_FOUND => Code::UnknownPath.into(),
        StatusCode::METHOD_NOT_ALLOWED => {
            let allow = response.headers().get(header::ALLOW).cloned();
            Error::from(Code::MethodNotAllowed).allow(allow)
        }
        StatusCode::BAD_REQUEST => Fault::new(Code::MalformedForm).with("place", "path").into(),
        status => Error::internal(format!("a library answered {status}")),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the layer gives the panic away")]
fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    Error::internal(format!("panic: {message}")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_of_a_link_is_not_written_down() {
        for (path, shown) in [
            ("/c/Rk1PUaRcvYQGJtF3WzQ0hYvCk0b3p2n0O1wq4mS8d7E", "/c/…"),
            ("/c/a/b", "/c/…"),
            ("/chat/3", "/chat/3"),
            ("/", "/"),
        ] {
            assert_eq!(written_down(path), shown);
        }
    }
}
