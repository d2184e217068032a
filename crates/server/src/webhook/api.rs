//! Webhooks, for integrators: the documented methods and our additions.

use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::guard;
use super::{Action, Change, Changed, Format, NewWebhook, OffBecause, Webhook};
use crate::app::App;
use crate::clock::Millis;
use crate::http::error::Envelope;
use crate::http::idempotency::IdempotencyKey;
use crate::http::params::{
    Flag, Line, Many, Named, Node, OneOf, OrEmpty, Param, Within, path_number,
};
use crate::http::{Call, Code, Error, Fault, Reply};
use crate::time;

const OVERLAP_HOURS: i64 = 24;
const OVERLAP_HOURS_MAX: i64 = 24 * 90;

type Actions = Many<OneOf<Action>, 50>;

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

crate::params! { body
    AddWebhook {
        /// What the receiver wants to hear of.
        actions: Actions = ["CHAT_CONVERSATION_CREATED", "CHAT_CONVERSATION_CLOSED"],
        /// Where deliveries are sent, by POST: `https` or `http`, a public address or one that the server's configuration
        /// allows.
        subscription_url: Address = "https://example.org/hook",
        /// For HTTP Basic; without user and password no credentials are sent.
        http_auth_user: Option<BasicUser>,
        http_auth_password: Option<Line<255>>,
        /// Our addition: `form`, as the vendor sends it (the default), or `json`.
        format: Option<OneOf<Format>>,
        /// Our addition: sign deliveries by Standard Webhooks. The answer then has the `signing_secret`, this once.
        signing: Flag,
    }
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
    let subscription_url = check(&mut call).await;
    let given: AddWebhook = call.params()?;
    // What was not judged is not called.
    let not_judged = || Error::from(Fault::of(Code::NotUrl, "subscription_url"));
    let subscription_url = subscription_url.ok_or_else(not_judged)?;
    let app = call.app().clone();
    let user = given.http_auth_user.map(|user| user.0).unwrap_or_default();
    let new = NewWebhook {
        subscription_url,
        actions: distinct(&given.actions.0),
        http_auth_user: user,
        http_auth_password: given.http_auth_password.map(Into::into),
        format: given.format.map_or(Format::Form, |format| format.0),
        is_signed: given.signing.0,
    };
    call.write(move |tx, act| {
        let changed = super::add(tx, act, &app.secret, &new)?;
        answer(changed)
    })
    .await
}

crate::params! { body
    ChangeWebhook {
        actions: Option<Actions>,
        subscription_url: Option<Address>,
        /// Empty, and no password beside it: no credentials are sent any more.
        http_auth_user: Option<OrEmpty<BasicUser>>,
        /// Left out or empty, the password stays.
        http_auth_password: Option<Line<255>>,
        /// `form` or `json`.
        format: Option<OneOf<Format>>,
        /// Turned on, the answer has the `signing_secret`, this once.
        signing: Option<Flag>,
        /// Turned on again, the subscription gets what has been waiting, and its five days of patience begin anew.
        enabled: Option<Flag>,
    }
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
    let subscription_url = check(&mut call).await;
    let given: ChangeWebhook = call.params()?;
    let id = known(&id)?;
    let app = call.app().clone();
    let change = Change {
        subscription_url,
        actions: given.actions.map(|actions| distinct(&actions.0)),
        http_auth_user: given
            .http_auth_user
            .map(|user| user.0.map(|user| user.0).unwrap_or_default()),
        http_auth_password: given.http_auth_password.map(Into::into),
        format: given.format.map(|format| format.0),
        is_signed: given.signing.map(|flag| flag.0),
        is_enabled: given.enabled.map(|flag| flag.0),
    };
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
    let id = known(&id)?;
    call.write(move |tx, act| {
        super::remove(tx, act, id)?;
        Ok(Reply::default())
    })
    .await
}

crate::params! { body
    RotateSecret {
        /// Hours for which the secret before signs too: 0 to 2160.
        overlap_hours: Option<Within<0, OVERLAP_HOURS_MAX>> = 24,
    }
}

/// A new signing secret.
#[derive(Serialize, ToSchema)]
pub struct NewSecret {
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    signing_secret: String,
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
pub async fn rotate_secret(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: RotateSecret = call.params()?;
    let id = known(&id)?;
    let hours = given.overlap_hours.map_or(OVERLAP_HOURS, |hours| hours.0);
    let app = call.app().clone();
    call.write(move |tx, act| {
        let overlap = hours * 3_600_000;
        let signing_secret = super::rotate_secret(tx, act, &app.secret, id, overlap)?;
        Ok(Reply::json(&NewSecret { signing_secret })?.secret())
    })
    .await
}

/// The path's `:id`. What is no number is the number of nothing.
pub fn known(id: &str) -> Result<i64, Error> {
    path_number(id).ok_or_else(|| Fault::new(Code::UnknownWebhook).with("id", id).into())
}

pub fn distinct(actions: &[OneOf<Action>]) -> Vec<Action> {
    Action::ALL.iter().copied().filter(|action| actions.contains(&OneOf(*action))).collect()
}

/// Judges what takes more than its text: the address, as it is stored if it may be called.
pub async fn check(call: &mut Call) -> Option<String> {
    let judge = call.app().sender.guard().clone();
    let given = call.given();
    let name = "subscription_url";
    // What is missing or too long is told by the parameter itself.
    let is_judged = |text: &&str| (1..=guard::URL_MAX).contains(&text.chars().count());
    let url = given.peek(name).filter(is_judged)?.to_owned();
    let fault = match judge.judge(name, &url).await {
        Ok(url) => return Some(url.to_string()),
        Err(fault) => fault,
    };
    call.given().add_fault(fault);
    None
}

/// That an address was given: [`check`] judges it and has what is stored.
#[derive(Debug, Clone)]
pub struct Address;

impl Param for Address {
    fn describe(_: bool) -> ObjectBuilder {
        // Safe ground for generated calls: others are taken too.
        const PATTERN: &str = "^https?://[a-z]{1,40}(\\.[a-z]{2,20}){1,3}(:[1-9][0-9]{0,3})?(/[A-Za-z0-9_.~/-]{0,200})?$";
        let url = ObjectBuilder::new().schema_type(Type::String).max_length(Some(guard::URL_MAX));
        url.pattern(Some(PATTERN))
    }

    fn read(
        name: &'static str,
        node: Option<Node>,
        zone: &jiff::tz::TimeZone,
    ) -> Result<Self, Fault> {
        Line::<{ guard::URL_MAX }>::read(name, node, zone).map(|_| Self)
    }
}

/// A user as HTTP Basic can carry it.
#[derive(Debug, Clone)]
pub struct BasicUser(pub String);

impl Param for BasicUser {
    fn describe(is_required: bool) -> ObjectBuilder {
        Line::<255>::describe(is_required).pattern(Some(r"^[^:\u0000-\u001F\u007F-\u009F]*$"))
    }

    fn read(
        name: &'static str,
        node: Option<Node>,
        zone: &jiff::tz::TimeZone,
    ) -> Result<Self, Fault> {
        let user = String::from(Line::<255>::read(name, node, zone)?);
        if user.contains(':') {
            return Err(Fault::of(Code::ColonInUser, name));
        }
        Ok(Self(user))
    }
}

/// Described once for all methods of one subscription.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub struct WebhookId {
    /// The subscription's number.
    #[expect(dead_code, reason = "it describes; the path is read by the router")]
    #[param(minimum = 1)]
    id: i64,
}
