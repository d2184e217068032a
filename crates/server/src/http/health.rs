//! Whether the process runs, whether it can do its work, and where things are.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::app::App;
use crate::http::Error;
use crate::http::service::Own;
use crate::locale::Language;

const PROBE_EVERY: Duration = Duration::from_secs(1);

rozmowa_db::statements! {
    PROBE = "INSERT INTO setting (name, value) VALUES ('health.probed_at', $1)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value";
}

/// When the store was last tried, and whether it took the write.
pub type Probe = tokio::sync::Mutex<Option<(Instant, bool)>>;

#[derive(Serialize)]
struct Health {
    status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<&'static str>,
}

/// The process runs and takes requests: a supervisor restarts it when this fails.
pub async fn live() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], r#"{"status":"live"}"#).into_response()
}

/// Calls can be served: a load balancer sends none when this fails.
pub async fn ready(State(app): State<App>) -> Response {
    let mut reasons = Vec::new();
    if app.is_stopping.load(Ordering::Relaxed) {
        reasons.push("stopping");
    }
    if !store_takes_writes(&app).await {
        reasons.push("the store takes no writes");
    }
    let (code, status) = if reasons.is_empty() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    (code, axum::Extension(Own), Json(Health { status, reasons })).into_response()
}

/// Tries it: only a real write finds a full disk, and finds that there is room again. Whoever asks within a second gets the same
/// answer, so that asking costs nothing.
async fn store_takes_writes(app: &App) -> bool {
    let mut last = app.probe.lock().await;
    if let Some((at, takes)) = *last
        && at.elapsed() < PROBE_EVERY
    {
        return takes;
    }
    let now = app.clock.now();
    let written: Result<u64, Error> = app
        .db
        .write(move |tx| Ok(tx.execute(&PROBE, rozmowa_db::params![&now.to_string()])?))
        .await;
    if let Err(error) = &written {
        tracing::warn!(cause = error.cause().unwrap_or("none told"), "not ready");
    }
    let in_place = app.db.files_are_in_place();
    if !in_place {
        tracing::error!(
            "the database's files were moved, replaced or deleted while the server runs on them"
        );
    }
    let takes = written.is_ok() && in_place;
    *last = Some((Instant::now(), takes));
    takes
}

/// Says where things are.
pub async fn index(State(app): State<App>, headers: HeaderMap) -> Result<Response, Error> {
    let language = Language::of(&headers);
    let text = |key: &str| language.text(&format!("index.{key}"), &[]);
    let shop = if app.config.is_demo {
        format!("<li><a href=\"/demo/shop\">/demo/shop</a> – {}</li>\n", text("shop"))
    } else {
        String::new()
    };
    let page = format!(
        r#"<!doctype html>
<html lang="{}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Rozmowa</title>
<h1>Rozmowa</h1>
<p>{}</p>
<ul>
<li><a href="/console/">/console/</a> – {}</li>
{shop}<li><a href="/reference">/reference</a> – {}</li>
<li><a href="/api/openapi.json">/api/openapi.json</a> – {}</li>
<li><a href="/health/live">/health/live</a>, <a href="/health/ready">/health/ready</a> – {}</li>
</ul>
</html>
"#,
        language.tag(),
        text("what"),
        text("console"),
        text("reference"),
        text("openapi"),
        text("health"),
    );
    let mut response = Html(page).into_response();
    let policy =
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-language"));
    Ok(response)
}
