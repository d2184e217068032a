//! Which pages may call: browsers say where a call comes from, and say so truly.

use http::{HeaderMap, header};

use super::call::Head;
use crate::app::App;

/// The page that a call comes from, when it comes from one.
pub fn given(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::ORIGIN).map(|value| value.to_str().unwrap_or("null"))
}

/// Whether a page is one of ours: of the public address, or of the host that was called.
pub fn is_own(head: &Head, app: &App, origin: &str) -> bool {
    let public = app.config.public_url.trim_end_matches('/');
    if !public.is_empty() {
        return url::Url::parse(public)
            .is_ok_and(|url| url.origin().ascii_serialization() == origin);
    }
    // Without a public address we are on loopback, by whatever name.
    let host = head.headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let host = host.or_else(|| head.uri.authority().map(http::uri::Authority::as_str));
    let named = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    named.is_some() && named == host
}
