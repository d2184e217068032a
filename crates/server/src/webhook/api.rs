//! Webhooks, for integrators: the documented methods and our additions.

use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;

use super::given::{self, AddWebhook, ChangeWebhook, NewSecret, RotateSecret, WebhookId, known};
use super::{Changed, OffBecause, Webhook};
use crate::app::App;
use crate::clock::Millis;
use crate::http::error::Envelope;
use crate::http::idempotency::IdempotencyKey;
use crate::http::params::{Flag, Named};
use crate::http::{Call, Error, Reply};
use crate::time;

/// A subscription.
#[derive(Serialize, ToSchema)]
#[schema(as = Webhook)]
pub struct Shown {
    #[schema(example = 5)]
    id: i64,
    #[schema(example = json!(["CHAT_CONVERSATION_CREATED"]))]
    actions: Vec<&'static str>,
    #[schema(example = "https://example.org/hook")]
    subscription_url: String,
    /// Empty when no credentials are sent.
    http_auth_user: String,
    /// Always empty: a stored password never comes back.
    #[schema(example = "")]
    http_auth_password: &'static str,
    /// Shown once, by the call that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    signing_secret: Option<String>,
    /// With details: `form` or `json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    format: Option<&'static str>,
    /// With details: whether deliveries are signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    signing: Option<bool>,
    /// With details, after a rotation: until then the signing secret before the current one signs too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    old_signing_secret_expires_at: Option<String>,
    /// With details.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    has_http_auth_password: Option<bool>,
    /// With details.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    enabled: Option<bool>,
    /// With details, when it is off: `BY_HAND`, `GONE` (the receiver answered 410) or `FAILING` (nothing but failures for
    /// five days).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    off_because: Option<OffBecause>,
    /// With details, when it fails: the first failure since the last success.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    failing_since: Option<String>,
    /// With details.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "2016-04-20 09:46:24")]
    created_at: Option<String>,
}

impl Shown {
    fn new(webhook: Webhook, signing_secret: Option<String>) -> Self {
        Self {
            id: webhook.id,
            actions: webhook.actions.iter().map(|action| action.name()).collect(),
            subscription_url: webhook.subscription_url,
            http_auth_user: webhook.http_auth_user,
            http_auth_password: "",
            signing_secret,
            format: None,
            signing: None,
            old_signing_secret_expires_at: None,
            has_http_auth_password: None,
            enabled: None,
            off_because: None,
            failing_since: None,
            created_at: None,
        }
    }

    /// With what the vendor's subscriptions do not have.
    fn detailed(webhook: Webhook, app: &App) -> Self {
        let at = |at: Millis| time::with_seconds(at, &app.config.time_zone);
        Self {
            format: Some(webhook.format.name()),
            signing: Some(webhook.is_signed()),
            old_signing_secret_expires_at: webhook.old_signing_expires_at.map(at),
            has_http_auth_password: Some(webhook.has_password()),
            enabled: Some(webhook.is_enabled),
            off_because: webhook.off_because,
            failing_since: webhook.failing_since.map(at),
            created_at: Some(at(webhook.created_at)),
            ..Self::new(webhook, None)
        }
    }
}

crate::params! { query
    ListWebhooks {
        /// Our addition: adds what the vendor's subscriptions do not have.
        include_details: Flag,
    }
}

/// Lists webhooks
///
/// All of them, by number.
#[utoipa::path(
    get, path = "/api/webhooks", operation_id = "list_webhooks", tag = "webhooks", params(ListWebhooks),
    responses(
        (status = 200, description = "The subscriptions.", body = [Shown]),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(mut call: Call) -> Result<Reply, Error> {
    let given: ListWebhooks = call.params()?;
    call.read(move |tx, app| {
        let has_details = given.include_details.0;
        let shown = |webhook| {
            if has_details { Shown::detailed(webhook, app) } else { Shown::new(webhook, None) }
        };
        Reply::json(&super::list(tx)?.into_iter().map(shown).collect::<Vec<_>>())
    })
    .await
}

/// Shows a webhook
///
/// Our addition.
#[utoipa::path(
    get, path = "/api/webhooks/{id}", operation_id = "show_webhook", tag = "additions", params(WebhookId),
    responses(
        (status = 200, description = "The subscription.", body = Shown),
        (status = 404, description = "Unknown webhook.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show(Path(id): Path<String>, call: Call) -> Result<Reply, Error> {
    let id = known(&id)?;
    call.read(move |tx, app| Reply::json(&Shown::detailed(super::get(tx, id)?, app))).await
}

/// Adds a webhook
///
/// Subscribes an address to actions. Each is delivered at least once, a conversation's in order while the receiver is
/// healthy; see the guide for the schedule of retries.
#[utoipa::path(
    post, path = "/api/webhooks", operation_id = "add_webhook", tag = "webhooks", params(IdempotencyKey),
    request_body = AddWebhook,
    responses(
        (status = 200, description = "The subscription.", body = Shown, links(
            ("show" = (operation_id = "show_webhook", parameters(("id" = "$response.body#/id")))),
            ("change" = (operation_id = "change_webhook", parameters(("id" = "$response.body#/id")))),
            ("remove" = (operation_id = "remove_webhook", parameters(("id" = "$response.body#/id")))),
            ("attempts" = (operation_id = "list_webhook_attempts", parameters(("id" = "$response.body#/id")))),
        )),
        (status = 409, description = "There are too many webhooks.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn add(mut call: Call) -> Result<Reply, Error> {
    let new = given::new(&mut call).await?;
    let app = call.app().clone();
    call.write(move |tx, act| {
        let changed = super::add(tx, act, &app.secret, &new)?;
        answer(changed)
    })
    .await
}

/// Changes a webhook
///
/// Our addition. What is left out stays. What is under way may still arrive as it was.
#[utoipa::path(
    put, path = "/api/webhooks/{id}", operation_id = "change_webhook", tag = "webhooks", params(WebhookId),
    request_body = ChangeWebhook,
    responses(
        (status = 200, description = "The subscription as it is now.", body = Shown),
        (status = 404, description = "Unknown webhook.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn change(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let change = given::change(&mut call).await?;
    let id = known(&id)?;
    let app = call.app().clone();
    call.write(move |tx, act| {
        let Changed { webhook, signing_secret } =
            super::change(tx, act, Some(&app.secret), id, &change)?;
        Reply::json(&Shown { signing_secret, ..Shown::detailed(webhook, &app) })
    })
    .await
}

/// With the signing secret if one was made: then the answer is kept sealed.
fn answer(changed: Changed) -> Result<Reply, Error> {
    let has_secret = changed.signing_secret.is_some();
    let reply = Reply::json(&Shown::new(changed.webhook, changed.signing_secret))?;
    Ok(if has_secret { reply.secret() } else { reply })
}

/// Removes a webhook
///
/// Our addition. What waits for it is not delivered any more, and its log goes.
#[utoipa::path(
    delete, path = "/api/webhooks/{id}", operation_id = "remove_webhook", tag = "webhooks", params(WebhookId),
    responses(
        (status = 200, description = "It is removed. The body is empty."),
        (status = 404, description = "Unknown webhook.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn remove(Path(id): Path<String>, call: Call) -> Result<Reply, Error> {
    given::remove(call, &id).await
}

/// Makes a new signing secret
///
/// Our addition. Deliveries carry the signatures of both secrets until the time of the old one is over. A subscription that
/// was not signed is from now on.
#[utoipa::path(
    post, path = "/api/webhooks/{id}/rotate_secret", operation_id = "rotate_webhook_secret", tag = "additions",
    params(WebhookId, IdempotencyKey),
    request_body(content((Option<RotateSecret> = "application/json"), (Option<RotateSecret> = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "The secret, this once.", body = NewSecret),
        (status = 404, description = "Unknown webhook.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn rotate_secret(Path(id): Path<String>, call: Call) -> Result<Reply, Error> {
    given::rotate_secret(call, &id).await
}
