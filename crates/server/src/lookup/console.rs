//! Where clients are looked up: for administrators.

use super::{Changes, LookupSettings};
use crate::agent::Role;
use crate::agent::session::AgentSession;
use crate::http::error::Envelope;
use crate::http::params::{Line, OrEmpty};
use crate::http::{Call, Error, Reply};

type Address = Line<1_000>;
type Secret = Line<500>;

/// Shows where clients are looked up
#[utoipa::path(
    get, path = "/console/settings/lookup", operation_id = "show_lookup_settings", tag = "console",
    security(("session" = [])),
    responses(
        (status = 200, description = "The settings, without the secret.", body = LookupSettings),
        (status = 403, description = "For administrators.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show(call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    call.read(|tx, _| Reply::json(&super::settings(tx)?)).await
}

crate::params! { body
    ChangeLookupSettings {
        /// `GET` with `email` and `identifier`, as far as they are known, added to the query; within 3 seconds it answers
        /// with up to 64 KiB of JSON: `{"title": "…", "rows": [{"label": "…", "value": "…", "link": "https://…"}]}`. Empty:
        /// nothing is asked any more.
        url: Option<OrEmpty<Address>> = "https://shop.example.org/rozmowa/client",
        /// Sent as `Authorization: Bearer …`. Empty: none any more. An address on another host needs it again.
        secret: Option<OrEmpty<Secret>> = "3f9c0a",
    }
}

/// Says where clients are looked up
///
/// What is not given stays.
#[utoipa::path(
    put, path = "/console/settings/lookup", operation_id = "change_lookup_settings", tag = "console",
    security(("session" = [])), request_body(content = Option<ChangeLookupSettings>, content_type = "application/json"),
    responses(
        (status = 200, description = "The settings since, without the secret.", body = LookupSettings),
        (status = 400, description = "The address is not public, or none.", body = Envelope),
        (status = 403, description = "For administrators.", body = Envelope),
        (status = 409, description = "The address leads to another host: the secret is needed again.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn change(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let app = call.app().clone();
    let mut judged = None;
    if let Some(url) = call.given().peek("url").filter(|url| !url.is_empty()).map(str::to_owned) {
        match app.sender.guard().judge("url", &url).await {
            Ok(url) => judged = Some(url.to_string()),
            Err(fault) => call.given().add_fault(fault),
        }
    }
    let given: ChangeLookupSettings = call.params()?;
    let changes = Changes {
        url: given.url.map(|_| judged),
        secret: given.secret.map(|secret| secret.0.map(Into::into)),
    };
    call.write(move |tx, act| Reply::json(&super::change(tx, act, &app.secret, &changes)?)).await
}
