//! In the place of a page that can't be shown: what is wrong, in both languages.

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, header};

use crate::http::html::escaped;
use crate::http::service::Own;
use crate::http::{Code, Error};
use crate::locale::Language;

const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'";

/// Of errors that are about what was asked for; others are what they are at every door.
pub fn of(error: Error) -> Result<Response, Error> {
    let is_ours = [Code::UnknownQueue, Code::PagesMissing];
    if is_ours.into_iter().any(|code| error.is(code)) { Ok(page(&error)) } else { Err(error) }
}

pub fn page(error: &Error) -> Response {
    let text = |language: Language| {
        let faults = error.faults().iter().map(|fault| escaped(&fault.message(language)));
        faults.collect::<Vec<_>>().join(" ")
    };
    let page = format!(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Rozmowa</title>
<p lang="pl">{}</p>
<p lang="en">{}</p>
</html>
"#,
        text(Language::Pl),
        text(Language::En),
    );
    let mut response = (error.status(), axum::Extension(Own), Html(page)).into_response();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::VARY, "accept-encoding"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
