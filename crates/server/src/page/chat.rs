//! The page of the chat: within a company's page, and alone.

use axum::extract::{Path, State};
use axum::response::{AppendHeaders, IntoResponse, Response};
use http::uri::Authority;
use http::{HeaderName, HeaderValue};

use super::{dist, notice, wanted};
use crate::app::App;
use crate::http::call::Head;
use crate::http::{Code, Error, origin};
use crate::visitor::gate;

/// Without these a page that is isolated from others (`Cross-Origin-Embedder-Policy`) shows no frame of ours.
const EMBEDDABLE: [(HeaderName, HeaderValue); 2] = [
    (
        HeaderName::from_static("cross-origin-embedder-policy"),
        HeaderValue::from_static("require-corp"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("cross-origin"),
    ),
];

/// `GET /chat/3`, `GET /chat/3,5`: to be framed by the script of [`super::script`].
pub async fn framed(
    State(app): State<App>,
    Path(queues): Path<String>,
    head: Head,
) -> Result<Response, Error> {
    gate::take_turn(&app, head.from)?;
    let page = of_queues(&app, &queues, &head).await?;
    Ok((AppendHeaders(EMBEDDABLE), page).into_response())
}

async fn of_queues(app: &App, queues: &str, head: &Head) -> Result<Response, Error> {
    let queues = match wanted::named(app, queues).await {
        Ok(queues) => queues,
        Err(error) => return notice::of(error),
    };
    // Where no origin is named nothing is said: `*` would leave out files, and what is sandboxed.
    let origins = wanted::origins(&queues);
    let ancestors = origins.map(|origins| [&["'self'".to_owned()], &*origins].concat().join(" "));
    page(head, ancestors.as_deref())
}

/// `GET /c/TOKEN`: a conversation, for whoever has its link. The token is for the script alone.
pub async fn alone(head: Head) -> Result<Response, Error> {
    page(&head, Some("'none'"))
}

fn page(head: &Head, ancestors: Option<&str>) -> Result<Response, Error> {
    let policy = policy(origin::host(&head.headers, &head.uri), ancestors);
    let page = dist::answer(&head.headers, "chat.html", dist::CHECKED, &policy);
    page.map_or_else(|| notice::of(Code::PagesMissing.into()), Ok)
}

/// For browsers to which 'self' is not the socket. Whether they came over TLS is for a proxy to know.
pub(super) fn sockets(host: Option<&str>) -> String {
    let is_plain = |host: &&str| {
        let named = host.parse::<Authority>().is_ok_and(|it| !it.host().starts_with('['));
        named && host.chars().all(|c| c.is_ascii_alphanumeric() || ":.-_".contains(c))
    };
    let host = host.filter(is_plain);
    host.map(|host| format!(" ws://{host} wss://{host}")).unwrap_or_default()
}

/// What the page may do, and where it may be: None is everywhere.
fn policy(host: Option<&str>, ancestors: Option<&str>) -> String {
    let ancestors = ancestors.map(|it| format!("; frame-ancestors {it}"));
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'none'; \
         connect-src 'self'{}; base-uri 'none'; form-action 'none'{}",
        sockets(host),
        ancestors.unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_says_nothing_else_in_a_policy() {
        let connect = |host| {
            let policy = policy(host, Some("'none'"));
            let (_, rest) = policy.split_once("connect-src ").expect("it is there");
            rest.split(';').next().expect("a part").to_owned()
        };
        assert_eq!(
            connect(Some("a.example:8443")),
            "'self' ws://a.example:8443 wss://a.example:8443"
        );
        for odd in
            [None, Some(""), Some("[::1]:80"), Some("a *"), Some("a;script-src"), Some("u@a")]
        {
            assert_eq!(connect(odd), "'self'", "{odd:?}");
        }
    }
}
