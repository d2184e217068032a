//! `GET /widget.js?queue=3`: the script that a company puts on its pages.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use serde::Serialize;

use super::{dist, wanted};
use crate::app::App;
use crate::http::call::Head;
use crate::http::tag::is_known;
use crate::http::{Code, Error};
use crate::locale::Language;
use crate::queue::Queue;
use crate::queue::settings::Settings;
use crate::queue::widget::{self, Side};
use crate::visitor::gate;

/// What stands for the settings in the script as it is built.
const PLACE: &str = "__ROZMOWA_SETTINGS__";
/// A change of color may take a while to be seen; nobody waits for this script.
const CACHE: &str = "public, max-age=300, stale-while-revalidate=300";

/// What the script is told.
#[derive(Serialize)]
struct Told<'a> {
    queues: Vec<i64>,
    color: &'a str,
    ink: &'static str,
    side: Side,
    x: u16,
    y: u16,
    hidden: bool,
    /// Of the pages that the chat may be on; null: of all.
    origins: Option<Vec<String>>,
    texts: BTreeMap<&'static str, BTreeMap<&'static str, &'static str>>,
}

pub async fn show(State(app): State<App>, head: Head) -> Result<Response, Error> {
    gate::take_turn(&app, head.from)?;
    let Head { headers, uri, .. } = head;
    let queues = match named(&uri) {
        Some(numbers) => wanted::named(&app, &numbers).await,
        None => wanted::only(&app).await.map(|queue| queue.into_iter().collect()),
    };
    let queues = match queues {
        Ok(queues) if queues.is_empty() => return Ok(warning(&headers, None)),
        Err(error) if error.is(Code::UnknownQueue) => return Ok(warning(&headers, Some(&error))),
        queues => queues?,
    };
    let Some(script) = dist::text("widget.js") else {
        return Ok(warning(&headers, Some(&Code::PagesMissing.into())));
    };
    Ok(answer(&headers, script.replacen(PLACE, &told(&queues)?, 1), CACHE))
}

/// The numbers in the address, if it has any.
fn named(uri: &Uri) -> Option<String> {
    let query = uri.query().unwrap_or_default();
    let mut given = url::form_urlencoded::parse(query.as_bytes());
    given.find(|(name, _)| name == "queue").map(|(_, numbers)| numbers.into_owned())
}

/// The settings, as a script has them: JSON, and nothing in it that ends a script or a line of one.
fn told(queues: &[Queue]) -> Result<String, Error> {
    let Settings { widget, .. } = &queues[0].settings;
    let texts = [Language::Pl, Language::En];
    let told = Told {
        queues: queues.iter().map(|queue| queue.id).collect(),
        color: &widget.color,
        ink: widget::ink(&widget.color),
        side: widget.side,
        x: widget.offset_x_pixels,
        y: widget.offset_y_pixels,
        hidden: widget.is_launcher_hidden,
        origins: wanted::origins(queues),
        texts: texts.map(|it| (it.tag(), it.section("widget"))).into(),
    };
    literal(&told)
}

fn literal(value: &impl Serialize) -> Result<String, Error> {
    let json = serde_json::to_string(value).map_err(Error::internal)?;
    let escapes = [('<', "\\u003c"), ('\u{2028}', "\\u2028"), ('\u{2029}', "\\u2029")];
    Ok(escapes.into_iter().fold(json, |json, (c, escape)| json.replace(c, escape)))
}

/// A script that tells the developer of the page what to do, and does nothing else: the page is none the worse.
fn warning(headers: &HeaderMap, error: Option<&Error>) -> Response {
    let language = Language::of(headers);
    let faults = error.map(Error::faults).unwrap_or_default();
    let mut texts: Vec<_> = faults.iter().map(|fault| fault.message(language)).collect();
    if !error.is_some_and(|error| error.is(Code::PagesMissing)) {
        texts.push(language.text("page.script_address", &[]));
    }
    let text = literal(&format!("Rozmowa: {}", texts.join(" "))).unwrap_or_default();
    let mut response = answer(headers, format!("console.warn({text});\n"), dist::CHECKED);
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-language"));
    response
}

fn answer(headers: &HeaderMap, script: String, cache: &'static str) -> Response {
    let tag = dist::tag(&[script.as_bytes()]);
    let mut response = if is_known(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        script.into_response()
    };
    let own = response.headers_mut();
    dist::dress(own, &tag, cache);
    own.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
    // Pages of every origin load it.
    own.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_is_told_ends_neither_a_script_nor_a_line() {
        let text = literal(&"</script><!--\u{2028}\u{2029}\"\\\n").unwrap();
        assert_eq!(text, r#""\u003c/script>\u003c!--\u2028\u2029\"\\\n""#);
        assert_eq!(
            serde_json::from_str::<String>(&text).unwrap(),
            "</script><!--\u{2028}\u{2029}\"\\\n"
        );
    }
}
