//! Webhooks, for administrators at their console.

use axum::extract::Path;
use rozmowa_db::Tx;
use serde::Serialize;
use utoipa::ToSchema;

use super::given::{self, AddWebhook, ChangeWebhook, NewSecret, RotateSecret, WebhookId, known};
use super::{Changed, OffBecause, Webhook};
use crate::agent::Role;
use crate::agent::session::AgentSession;
use crate::bot;
use crate::clock::Millis;
use crate::http::error::Envelope;
use crate::http::params::Named;
use crate::http::{Call, Error, Reply};

/// A subscription. A stored password never comes back.
#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own at the console")]
#[derive(Serialize, ToSchema)]
#[schema(as = Webhook)]
pub struct Shown {
    id: i64,
    actions: Vec<&'static str>,
    subscription_url: String,
    /// Empty when no credentials are sent.
    http_auth_user: String,
    has_http_auth_password: bool,
    /// `form` or `json`.
    format: &'static str,
    /// Whether deliveries are signed.
    signing: bool,
    /// Shown once, by the call that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    signing_secret: Option<String>,
    /// After a rotation: until then the signing secret before the current one signs too.
    #[schema(required)]
    old_signing_secret_expires_at: Option<Millis>,
    enabled: bool,
    /// When it is off: `BY_HAND`, `GONE` (the receiver answered 410) or `FAILING` (nothing but failures for five days).
    #[schema(required)]
    off_because: Option<OffBecause>,
    /// When it fails: the first failure since the last success.
    #[schema(required)]
    failing_since: Option<Millis>,
    created_at: Millis,
    /// Whether it is a bot's: then it goes with the bot and not otherwise.
    is_bots: bool,
}

impl Shown {
    fn new(tx: &mut Tx<'_>, webhook: Webhook, secret: Option<String>) -> Result<Self, Error> {
        Ok(Self {
            id: webhook.id,
            actions: webhook.actions.iter().map(|action| action.name()).collect(),
            has_http_auth_password: webhook.has_password(),
            format: webhook.format.name(),
            signing: webhook.is_signed(),
            signing_secret: secret,
            old_signing_secret_expires_at: webhook.old_signing_expires_at,
            enabled: webhook.is_enabled,
            off_because: webhook.off_because,
            failing_since: webhook.failing_since,
            created_at: webhook.created_at,
            is_bots: bot::has_webhook(tx, webhook.id)?,
            subscription_url: webhook.subscription_url,
            http_auth_user: webhook.http_auth_user,
        })
    }

    /// An answer with a signing secret is kept sealed.
    fn answer(tx: &mut Tx<'_>, changed: Changed) -> Result<Reply, Error> {
        let has_secret = changed.signing_secret.is_some();
        let reply = Reply::json(&Self::new(tx, changed.webhook, changed.signing_secret)?)?;
        Ok(if has_secret { reply.secret() } else { reply })
    }
}

/// Lists webhooks, for administrators
///
/// All of them, by number.
#[utoipa::path(
    get, path = "/console/webhooks", operation_id = "list_webhooks", tag = "console", security(("session" = [])),
    responses(
        (status = 200, description = "The subscriptions.", body = [Shown]),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    call.read(|tx, _| {
        let all = super::list(tx)?;
        let shown = all.into_iter().map(|webhook| Shown::new(tx, webhook, None));
        Reply::json(&shown.collect::<Result<Vec<_>, _>>()?)
    })
    .await
}

/// Adds a webhook, for administrators
///
/// Subscribes an address to actions.
#[utoipa::path(
    post, path = "/console/webhooks", operation_id = "add_webhook", tag = "console", security(("session" = [])),
    request_body(content = AddWebhook, content_type = "application/json"),
    responses(
        (status = 200, description = "The subscription.", body = Shown),
        (status = 409, description = "There are too many webhooks.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn add(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let new = given::new(&mut call).await?;
    let app = call.app().clone();
    call.write(move |tx, act| {
        let added = super::add(tx, act, &app.secret, &new)?;
        Shown::answer(tx, added)
    })
    .await
}

/// Shows a webhook, for administrators
#[utoipa::path(
    get, path = "/console/webhooks/{id}", operation_id = "show_webhook", tag = "console", params(WebhookId),
    security(("session" = [])),
    responses(
        (status = 200, description = "The subscription.", body = Shown),
        (status = 404, description = "Unknown webhook.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let id = known(&id)?;
    call.read(move |tx, _| {
        let webhook = super::get(tx, id)?;
        Reply::json(&Shown::new(tx, webhook, None)?)
    })
    .await
}

/// Changes a webhook, for administrators
///
/// What is left out stays. What is under way may still arrive as it was.
#[utoipa::path(
    put, path = "/console/webhooks/{id}", operation_id = "change_webhook", tag = "console", params(WebhookId),
    security(("session" = [])), request_body(content = ChangeWebhook, content_type = "application/json"),
    responses(
        (status = 200, description = "The subscription as it is now.", body = Shown),
        (status = 404, description = "Unknown webhook.", body = Envelope),
        (status = 409, description = "The address leads to another host, and the password was not given again.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn change(Path(id): Path<String>, mut call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let change = given::change(&mut call).await?;
    let id = known(&id)?;
    let app = call.app().clone();
    call.write(move |tx, act| {
        let changed = super::change(tx, act, Some(&app.secret), id, &change)?;
        Shown::answer(tx, changed)
    })
    .await
}

/// Removes a webhook, for administrators
///
/// What waits for it is not delivered any more, and its log goes.
#[utoipa::path(
    delete, path = "/console/webhooks/{id}", operation_id = "remove_webhook", tag = "console", params(WebhookId),
    security(("session" = [])),
    responses(
        (status = 200, description = "It is removed. The body is empty."),
        (status = 404, description = "Unknown webhook.", body = Envelope),
        (status = 409, description = "It is a bot's.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn remove(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    given::remove(call, &id).await
}

/// Makes a new signing secret, for administrators
///
/// Deliveries carry the signatures of both secrets until the time of the old one is over. A subscription that was not
/// signed is from now on.
#[utoipa::path(
    post, path = "/console/webhooks/{id}/rotate_secret", operation_id = "rotate_webhook_secret", tag = "console",
    params(WebhookId), security(("session" = [])),
    request_body(content = Option<RotateSecret>, content_type = "application/json"),
    responses(
        (status = 200, description = "The secret, this once.", body = NewSecret),
        (status = 404, description = "Unknown webhook.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn rotate_secret(
    Path(id): Path<String>,
    call: Call<AgentSession>,
) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    given::rotate_secret(call, &id).await
}
