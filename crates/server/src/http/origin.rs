//! Which pages may call: browsers say where a call comes from, and say so truly.

use std::net::SocketAddr;

use http::uri::Authority;
use http::{HeaderMap, Uri, header};

use super::call::Head;
use crate::app::App;

/// The page that a call comes from, when it comes from one.
pub fn given(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::ORIGIN).map(|value| value.to_str().unwrap_or("null"))
}

/// The host that was called, by the name it was called by.
pub fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    host.or_else(|| uri.authority().map(Authority::as_str))
}

/// Whether a page is one of ours: of the public address, or of the host that was called.
pub fn is_own(head: &Head, app: &App, origin: &str) -> bool {
    let host = host(&head.headers, &head.uri);
    let named = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    let is_called = named.is_some() && named == host;
    let public = app.public_url.get();
    if public.is_empty() {
        // Without a public address we are on loopback, by whatever name.
        return is_called;
    }
    // No page from elsewhere has an address of this machine, whatever its name is made to resolve to; and what `localhost` is
    // browsers ask nobody.
    let is_loopback = || {
        named.is_some_and(|named| {
            named.parse::<SocketAddr>().is_ok_and(|it| it.ip().is_loopback())
                || named.split(':').next() == Some("localhost")
        })
    };
    url::Url::parse(&public).is_ok_and(|url| url.origin().ascii_serialization() == origin)
        || (is_called && is_loopback())
}
