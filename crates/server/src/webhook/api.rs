//! Webhooks, for integrators: the documented methods and our additions.

use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use uuid::Uuid;

use super::delivery::{self, Attempt, Due, Logged, Outcome, References, Told, Waiting};
use super::guard::{Guard, Refusal};
use super::send::{Answer, Parcel};
use super::{Action, Change, Changed, Format, NewWebhook, OffBecause, Webhook};
use crate::app::App;
use crate::clock::Millis;
use crate::conversation::api::IdempotencyKey;
use crate::http::error::Envelope;
use crate::http::params::{Count, Flag, Line, Many, Node, Param, TimeFrom};
use crate::http::{Call, Code, Error, Fault, Reply};
use crate::time;

/// The largest page.
const PAGE_MAX: i64 = 100;
const OVERLAP_HOURS: i64 = 24;
const OVERLAP_HOURS_MAX: i64 = 24 * 90;

type Actions = Many<Action, 50>;
type Address = Line<2_000>;

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
    #[serde(flatten)]
    details: Option<Details>,
    /// Shown once, by the call that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    signing_secret: Option<String>,
}

/// What the vendor's subscriptions do not have; with `include_details`, and of one subscription.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookDetails)]
pub struct Details {
    /// `form` or `json`.
    format: &'static str,
    /// Whether deliveries are signed.
    signing: bool,
    /// Until then the signing secret before the current one signs too.
    old_signing_secret_expires_at: Option<String>,
    has_http_auth_password: bool,
    enabled: bool,
    /// `BY_HAND`, `GONE` (the receiver answered 410) or `FAILING` (nothing but failures for five days).
    off_because: Option<OffBecause>,
    /// The first failure since the last success.
    failing_since: Option<String>,
    #[schema(example = "2016-04-20 09:46:24")]
    created_at: String,
}

impl Shown {
    fn new(webhook: Webhook, app: &App, has_details: bool, signing_secret: Option<String>) -> Self {
        let at = |at: Millis| time::with_seconds(at, &app.config.time_zone);
        let details = has_details.then(|| Details {
            format: webhook.format.name(),
            signing: webhook.is_signed(),
            old_signing_secret_expires_at: webhook.old_signing_expires_at.map(at),
            has_http_auth_password: webhook.has_password(),
            enabled: webhook.is_enabled,
            off_because: webhook.off_because,
            failing_since: webhook.failing_since.map(at),
            created_at: at(webhook.created_at),
        });
        Self {
            id: webhook.id,
            actions: webhook.actions.iter().map(|action| action.name()).collect(),
            subscription_url: webhook.subscription_url,
            http_auth_user: webhook.http_auth_user,
            http_auth_password: "",
            details,
            signing_secret,
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
        let webhooks = super::list(tx)?.into_iter();
        let shown = webhooks.map(|webhook| Shown::new(webhook, app, given.include_details.0, None));
        Reply::json(&shown.collect::<Vec<_>>())
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
    call.read(move |tx, app| Reply::json(&Shown::new(super::get(tx, id)?, app, true, None))).await
}

crate::params! { body
    AddWebhook {
        /// What the receiver wants to hear of.
        actions: Actions = ["CHAT_CONVERSATION_CREATED", "CHAT_CONVERSATION_CLOSED"],
        /// Where deliveries are sent, by POST: `https` or `http`, a public address or one that the server's configuration
        /// allows.
        subscription_url: Address = "https://example.org/hook",
        /// For HTTP Basic; without it no credentials are sent.
        http_auth_user: Option<Line<255>>,
        http_auth_password: Option<Line<255>>,
        /// Our addition: `form`, as the vendor sends it (the default), or `json`.
        format: Option<Format>,
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
    request_body(content((AddWebhook = "application/json"), (AddWebhook = "application/x-www-form-urlencoded"))),
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
    let given: AddWebhook = call.params()?;
    let app = call.app().clone();
    let mut faults = Vec::new();
    let url = check_url(app.sender.guard(), &given.subscription_url, &mut faults).await;
    let user = given.http_auth_user.map(String::from).unwrap_or_default();
    check_user(&user, given.http_auth_password.is_some(), &mut faults);
    let Some(subscription_url) = url.filter(|_| faults.is_empty()) else {
        return Err(Error::new(faults));
    };
    let new = NewWebhook {
        subscription_url,
        actions: distinct(given.actions.0),
        http_auth_user: user,
        http_auth_password: given.http_auth_password.map(Into::into),
        format: given.format.unwrap_or(Format::Form),
        is_signed: given.signing.0,
    };
    call.write(move |tx, act| {
        let changed = super::add(tx, act, &app.secret, &new)?;
        answer(changed, &app)
    })
    .await
}

crate::params! { body
    ChangeWebhook {
        actions: Option<Actions>,
        subscription_url: Option<Address>,
        /// Empty: no credentials are sent any more.
        http_auth_user: Option<Emptiable>,
        /// Left out or empty, the password stays.
        http_auth_password: Option<Line<255>>,
        /// `form` or `json`.
        format: Option<Format>,
        /// Turned on, the answer has the `signing_secret`, this once.
        signing: Option<Flag>,
        /// Turned on again, the subscription gets what has been waiting, and its five days of patience begin anew.
        enabled: Option<Flag>,
    }
}

/// Changes a webhook
///
/// What is left out stays. What is under way may still arrive as it was.
#[utoipa::path(
    put, path = "/api/webhooks/{id}", operation_id = "change_webhook", tag = "webhooks", params(WebhookId),
    request_body(content((ChangeWebhook = "application/json"), (ChangeWebhook = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "The subscription as it is now.", body = Shown),
        (status = 404, description = "Unknown webhook.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn change(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: ChangeWebhook = call.params()?;
    let id = known(&id)?;
    let app = call.app().clone();
    let mut faults = Vec::new();
    let subscription_url = match &given.subscription_url {
        Some(url) => check_url(app.sender.guard(), url, &mut faults).await,
        None => None,
    };
    if let Some(Emptiable(user)) = &given.http_auth_user {
        check_user(user, given.http_auth_password.is_some(), &mut faults);
    }
    if !faults.is_empty() {
        return Err(Error::new(faults));
    }
    let change = Change {
        subscription_url,
        actions: given.actions.map(|actions| distinct(actions.0)),
        http_auth_user: given.http_auth_user.map(|user| user.0),
        http_auth_password: given.http_auth_password.map(Into::into),
        format: given.format,
        is_signed: given.signing.map(|flag| flag.0),
        is_enabled: given.enabled.map(|flag| flag.0),
    };
    call.write(move |tx, act| {
        let changed = super::change(tx, act, &app.secret, id, &change)?;
        answer(changed, &app)
    })
    .await
}

/// With the signing secret if one was made: then the answer is kept sealed.
fn answer(changed: Changed, app: &App) -> Result<Reply, Error> {
    let has_secret = changed.signing_secret.is_some();
    let reply = Reply::json(&Shown::new(changed.webhook, app, false, changed.signing_secret))?;
    Ok(if has_secret { reply.secret() } else { reply })
}

/// Removes a webhook
///
/// What waits for it is not delivered any more, and its log goes.
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
        overlap_hours: Option<Count> = 24,
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
    let hours = given.overlap_hours.map_or(OVERLAP_HOURS, |hours| hours.0).min(OVERLAP_HOURS_MAX);
    let app = call.app().clone();
    call.write(move |tx, act| {
        let overlap = hours * 3_600_000;
        let signing_secret = super::rotate_secret(tx, act, &app.secret, id, overlap)?;
        Ok(Reply::json(&NewSecret { signing_secret })?.secret())
    })
    .await
}

/// How a test went.
#[derive(Serialize, ToSchema)]
pub struct TestResult {
    delivery_id: Uuid,
    delivered: bool,
    http_status: Option<u16>,
    /// Why it was not delivered.
    error: Option<String>,
    duration_ms: i64,
}

/// Sends a test
///
/// Our addition. Sends the action `WEBHOOK_TEST` at once, also when the subscription is off, waits for the answer and tells
/// what came of it. It is in the log and is not tried again.
#[utoipa::path(
    post, path = "/api/webhooks/{id}/test", operation_id = "test_webhook", tag = "additions", params(WebhookId),
    responses(
        (status = 200, description = "What came of it.", body = TestResult),
        (status = 404, description = "Unknown webhook.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn test(Path(id): Path<String>, call: Call) -> Result<Reply, Error> {
    let id = known(&id)?;
    let app = call.app().clone();
    let webhook = call.look(move |tx| super::get(tx, id)).await?;
    let at = app.clock.now();
    let due = Due {
        id: app.ids.v7(at),
        due_at: at,
        action: Action::Test,
        at,
        attempts: 0,
        step: 0,
        told: Told::Gone,
    };
    let result = match Parcel::pack(&webhook, &due, &app.secret, &app.config, at) {
        Ok(Some(parcel)) => app.sender.send(parcel, at).await,
        Ok(None) => Answer::failed("there is nothing to send"),
        Err(error) => Answer::failed(error),
    };
    call.write(move |tx, _| {
        let is_delivered = result.error.is_none();
        let attempt = Attempt {
            delivery: due.id,
            due_at: at,
            action: Action::Test,
            event_at: at,
            attempts: 0,
            step: 0,
            at,
            duration_ms: result.duration_ms,
            http_status: result.http_status,
            error: result.error.clone(),
            outcome: if is_delivered { Outcome::Delivered } else { Outcome::Over },
            is_failure: !is_delivered,
        };
        // It may have been removed meanwhile.
        super::get(tx, id)?;
        delivery::log(tx, id, &attempt, &References::default())?;
        Reply::json(&TestResult {
            delivery_id: due.id,
            delivered: is_delivered,
            http_status: result.http_status,
            error: result.error.clone(),
            duration_ms: result.duration_ms,
        })
    })
    .await
}

crate::params! { query
    ListAttempts {
        /// At most so many; more than 100 is taken as 100.
        limit: Option<Count>,
        /// Empty or left out for the first page, then `next_cursor`.
        cursor: Option<Place>,
        /// Of this delivery alone.
        delivery_id: Option<Uuid>,
    }
}

/// The log of a subscription, newest delivery first.
#[derive(Serialize, ToSchema)]
pub struct Attempts {
    result: Vec<ShownAttempt>,
    /// Where the next page begins; null on the last one.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// An attempt to deliver.
#[derive(Serialize, ToSchema)]
pub struct ShownAttempt {
    delivery_id: Uuid,
    /// 1 is the first.
    attempt: i64,
    #[schema(example = "CHAT_CONVERSATION_CREATED")]
    action: &'static str,
    conversation_id: Option<Uuid>,
    /// The event's place in the conversation's log.
    seq: Option<i64>,
    customer_id: Option<i64>,
    /// When what it tells of happened.
    #[schema(example = "2016-04-20 09:46:24")]
    date: String,
    #[schema(example = "2016-04-20 09:46:24.318")]
    attempted_at: String,
    duration_ms: i64,
    /// Null when there was no answer.
    http_status: Option<i64>,
    /// Null when it was delivered.
    error: Option<String>,
    /// `DELIVERED`, `RETRY` or `GIVEN_UP`.
    outcome: &'static str,
    /// When the next attempt was due.
    next_attempt_at: Option<String>,
}

/// Lists attempts to deliver
///
/// Our addition. The log of 30 days.
#[utoipa::path(
    get, path = "/api/webhooks/{id}/attempts", operation_id = "list_webhook_attempts", tag = "additions",
    params(WebhookId, ListAttempts),
    responses(
        (status = 200, description = "The attempts.", body = Attempts),
        (status = 404, description = "Unknown webhook.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn attempts(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: ListAttempts = call.params()?;
    let id = known(&id)?;
    call.read(move |tx, app| {
        super::get(tx, id)?;
        let limit = given.limit.map_or(PAGE_MAX, |limit| limit.0.min(PAGE_MAX));
        let logged = if let Some(delivery) = &given.delivery_id {
            delivery::attempts_of(tx, id, delivery, limit)?
        } else {
            let before = given.cursor.map_or((Uuid::max(), 0), |Place(n, delivery)| (delivery, n));
            delivery::attempts(tx, id, before, limit)?
        };
        let is_full = logged.len() as u64 == limit.unsigned_abs() && given.delivery_id.is_none();
        let last = logged.last().filter(|_| is_full);
        let next_cursor = last.map(|last| Place(last.attempt, last.delivery).to_string());
        let result = logged.into_iter().map(|logged| ShownAttempt::new(logged, app)).collect();
        Reply::json(&Attempts { result, next_cursor })
    })
    .await
}

impl ShownAttempt {
    fn new(logged: Logged, app: &App) -> Self {
        let zone = &app.config.time_zone;
        Self {
            delivery_id: logged.delivery,
            attempt: logged.attempt,
            action: action_name(logged.action),
            conversation_id: logged.references.conversation_id,
            seq: logged.references.seq,
            customer_id: logged.references.customer_id,
            date: time::with_seconds(logged.event_at, zone),
            attempted_at: time::with_millis(logged.at, zone),
            duration_ms: logged.duration_ms,
            http_status: logged.http_status,
            error: logged.error,
            outcome: Outcome::name(logged.outcome),
            next_attempt_at: logged.next_at.map(|at| time::with_millis(at, zone)),
        }
    }
}

crate::params! { query
    ListPending {
        /// At most so many; more than 100 is taken as 100.
        limit: Option<Count>,
        /// Empty or left out for the first page, then `next_cursor`.
        cursor: Option<Place>,
    }
}

/// What waits for its next attempt, in the order in which it is due.
#[derive(Serialize, ToSchema)]
pub struct Pending {
    result: Vec<ShownWaiting>,
    /// Where the next page begins; null on the last one.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// A delivery that waits.
#[derive(Serialize, ToSchema)]
pub struct ShownWaiting {
    delivery_id: Uuid,
    #[schema(example = "CHAT_CONVERSATION_CREATED")]
    action: &'static str,
    conversation_id: Option<Uuid>,
    /// The event's place in the conversation's log.
    seq: Option<i64>,
    customer_id: Option<i64>,
    /// When what it tells of happened.
    #[schema(example = "2016-04-20 09:46:24")]
    date: String,
    /// Attempts so far.
    attempts: i64,
    #[schema(example = "2016-04-20 09:46:24.318")]
    due_at: String,
}

/// Lists deliveries that wait
///
/// Our addition.
#[utoipa::path(
    get, path = "/api/webhooks/{id}/pending", operation_id = "list_pending_deliveries", tag = "additions",
    params(WebhookId, ListPending),
    responses(
        (status = 200, description = "What waits.", body = Pending),
        (status = 404, description = "Unknown webhook.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn pending(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: ListPending = call.params()?;
    let id = known(&id)?;
    call.read(move |tx, app| {
        super::get(tx, id)?;
        let limit = given.limit.map_or(PAGE_MAX, |limit| limit.0.min(PAGE_MAX));
        let after = given.cursor.map_or((0, Uuid::nil()), |Place(at, delivery)| (at, delivery));
        let waiting = delivery::waiting(tx, id, after, limit)?;
        let last = waiting.last().filter(|_| waiting.len() as u64 == limit.unsigned_abs());
        let next_cursor = last.map(|last| Place(last.due_at, last.delivery).to_string());
        let zone = &app.config.time_zone;
        let shown = |waiting: Waiting| ShownWaiting {
            delivery_id: waiting.delivery,
            action: action_name(waiting.action),
            conversation_id: waiting.references.conversation_id,
            seq: waiting.references.seq,
            customer_id: waiting.references.customer_id,
            date: time::with_seconds(waiting.event_at, zone),
            attempts: waiting.attempts,
            due_at: time::with_millis(waiting.due_at, zone),
        };
        Reply::json(&Pending { result: waiting.into_iter().map(shown).collect(), next_cursor })
    })
    .await
}

crate::params! { body
    Redeliver {
        /// This delivery, whatever became of it.
        delivery_id: Option<Uuid>,
        /// All that was given up of what happened then or later.
        given_up_from: Option<TimeFrom>,
    }
}

/// How many deliveries were ordered again.
#[derive(Serialize, ToSchema)]
pub struct Redelivered {
    /// With `given_up_from` at most 300 a call: call again until it is 0.
    count: usize,
}

/// Delivers again
///
/// Our addition. At once, and by the whole schedule. The body is made anew; the delivery keeps its id, by which receivers
/// know a repeat. A delivery that waits for its next attempt is brought forward.
#[utoipa::path(
    post, path = "/api/webhooks/{id}/redeliver", operation_id = "redeliver_webhook", tag = "additions",
    params(WebhookId, IdempotencyKey),
    request_body(content((Redeliver = "application/json"), (Redeliver = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "It is ordered.", body = Redelivered),
        (status = 404, description = "Unknown webhook, or a delivery that its log does not know.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn redeliver(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: Redeliver = call.params()?;
    let id = known(&id)?;
    if given.delivery_id.is_none() && given.given_up_from.is_none() {
        return Err(Fault::of(Code::Missing, "delivery_id").into());
    }
    call.write(move |tx, act| {
        super::get(tx, id)?;
        let mut count = 0;
        if let Some(delivery) = &given.delivery_id {
            if !delivery::redeliver(tx, act, id, delivery)? {
                let fault = Fault::new(Code::UnknownDelivery).with("id", id);
                return Err(fault.with("delivery", delivery).into());
            }
            count += 1;
        }
        if let Some(TimeFrom(since)) = given.given_up_from {
            count += delivery::redeliver_given_up(tx, act, id, since)?;
        }
        Reply::json(&Redelivered { count })
    })
    .await
}

/// The path's `:id`. What is no number is the number of nothing.
fn known(id: &str) -> Result<i64, Error> {
    id.parse().map_err(|_| Fault::new(Code::UnknownWebhook).with("id", id).into())
}

/// One that a later version made has no name here.
fn action_name(number: i64) -> &'static str {
    Action::from_number(number).map_or("UNKNOWN", Action::name)
}

fn distinct(actions: Vec<Action>) -> Vec<Action> {
    Action::offered().filter(|action| actions.contains(action)).collect()
}

/// The address as it is stored, if it may be called.
async fn check_url(guard: &Guard, url: &str, faults: &mut Vec<Fault>) -> Option<String> {
    let checked = match guard.read(url) {
        Ok(url) => guard.check(&url).await.map(|()| url.to_string()),
        Err(refusal) => Err(refusal),
    };
    let name = "subscription_url";
    checked
        .map_err(|refusal| {
            faults.push(match refusal {
                Refusal::NotUrl => Fault::of(Code::NotUrl, name),
                Refusal::NotAllowed(address) => {
                    tracing::warn!(%address, "a webhook to an address that is not public was refused");
                    Fault::of(Code::AddressNotAllowed, name).with("address", address)
                }
            });
        })
        .ok()
}

fn check_user(user: &str, has_password: bool, faults: &mut Vec<Fault>) {
    if user.contains(':') {
        faults.push(Fault::of(Code::ColonInUser, "http_auth_user"));
    }
    if user.is_empty() && has_password {
        faults.push(Fault::of(Code::Missing, "http_auth_user"));
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

impl Param for Action {
    fn describe(_: bool) -> ObjectBuilder {
        let names = Self::offered().map(Self::name);
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names))
    }

    fn read(
        name: &'static str,
        node: Option<Node>,
        zone: &jiff::tz::TimeZone,
    ) -> Result<Self, Fault> {
        let given = Line::<64>::read(name, node, zone)?;
        Self::from_name(&given).ok_or_else(|| {
            let names: Vec<_> = Self::offered().map(Self::name).collect();
            Fault::of(Code::NotOneOf, name).with("values", names.join(", "))
        })
    }
}

impl Param for Format {
    fn describe(_: bool) -> ObjectBuilder {
        let names = Self::ALL.iter().map(|format| format.name());
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names))
    }

    fn read(
        name: &'static str,
        node: Option<Node>,
        zone: &jiff::tz::TimeZone,
    ) -> Result<Self, Fault> {
        let given = Line::<64>::read(name, node, zone)?;
        Self::ALL.iter().copied().find(|format| format.name() == &*given).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|format| format.name()).collect();
            Fault::of(Code::NotOneOf, name).with("values", names.join(", "))
        })
    }
}

/// A line whose emptiness means something.
#[derive(Debug, Clone)]
pub struct Emptiable(String);

impl Param for Emptiable {
    const TAKES_EMPTY: bool = true;

    fn describe(_: bool) -> ObjectBuilder {
        Line::<255>::describe(false)
    }

    fn read(
        name: &'static str,
        node: Option<Node>,
        zone: &jiff::tz::TimeZone,
    ) -> Result<Self, Fault> {
        Line::<255>::read(name, node, zone).map(|line| Self(line.into()))
    }
}

/// A place in one of the lists: a number and a delivery.
#[derive(Debug, Clone, Copy)]
pub struct Place(i64, Uuid);

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.0, self.1)
    }
}

impl Param for Place {
    fn describe(_: bool) -> ObjectBuilder {
        const PATTERN: &str =
            "^[0-9]{1,15}:[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$";
        ObjectBuilder::new().schema_type(Type::String).pattern(Some(PATTERN))
    }

    fn read(
        name: &'static str,
        node: Option<Node>,
        zone: &jiff::tz::TimeZone,
    ) -> Result<Self, Fault> {
        let given = Line::<64>::read(name, node, zone)?;
        let place = given.split_once(':').and_then(|(number, delivery)| {
            Some(Self(number.parse().ok().filter(|n| *n >= 0)?, Uuid::try_parse(delivery).ok()?))
        });
        place.ok_or_else(|| Fault::of(Code::NotCursor, name))
    }
}
