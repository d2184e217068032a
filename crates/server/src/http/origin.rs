//! Which pages may call: browsers say where a call comes from, and say so truly.

use std::net::SocketAddr;

use http::{HeaderMap, header};

use super::call::Head;
use crate::app::App;

/// The page that a call comes from, when it comes from one.
pub fn given(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::ORIGIN).map(|value| value.to_str().unwrap_or("null"))
}

/// Whether a page is one of ours: of the public address, or of the host that was called.
pub fn is_own(head: &Head, app: &App, origin: &str) -> bool {
    let host = head.headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let host = host.or_else(|| head.uri.authority().map(http::uri::Authority::as_str));
    let named = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    let is_called = named.is_some() && named == host;
    let public = app.config.public_url.trim_end_matches('/');
    if public.is_empty() {
        // Without a public address we are on loopback, by whatever name.
        return is_called;
    }
    // No page from elsewhere has an address of this machine, whatever its name is made to resolve to.
    let is_loopback = || {
        named.is_some_and(|named| named.parse::<SocketAddr>().is_ok_and(|it| it.ip().is_loopback()))
    };
    url::Url::parse(public).is_ok_and(|url| url.origin().ascii_serialization() == origin)
        || (is_called && is_loopback())
}
