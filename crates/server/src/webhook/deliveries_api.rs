//! What became of deliveries, for integrators: our additions.

use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::deliveries::{
    self, ListAttempts, ListPending, Redeliver, Redelivered, TestResult, action_name,
};
use super::delivery::Outcome;
use super::given::WebhookId;
use super::log::{Logged, Waiting};
use crate::app::App;
use crate::http::error::Envelope;
use crate::http::idempotency::IdempotencyKey;
use crate::http::params::TimeFrom;
use crate::http::{Call, Error, Reply};
use crate::time;

/// Sends a test
///
/// Our addition. Sends the action `WEBHOOK_TEST` at once, also when the subscription is off, waits for the answer and tells
/// what came of it. It is in the log and is not tried again.
#[utoipa::path(
    post, path = "/api/webhooks/{id}/test", operation_id = "test_webhook", tag = "additions", params(WebhookId, IdempotencyKey),
    responses(
        (status = 200, description = "What came of it.", body = TestResult),
        (status = 404, description = "Unknown webhook.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn test(Path(id): Path<String>, call: Call) -> Result<Reply, Error> {
    deliveries::test(call, &id).await
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
pub async fn attempts(Path(id): Path<String>, call: Call) -> Result<Reply, Error> {
    deliveries::attempts(call, &id, |logged, next_cursor, app| {
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

impl ShownWaiting {
    fn new(waiting: Waiting, app: &App) -> Self {
        let zone = &app.config.time_zone;
        Self {
            delivery_id: waiting.delivery,
            action: action_name(waiting.action),
            conversation_id: waiting.references.conversation_id,
            seq: waiting.references.seq,
            customer_id: waiting.references.customer_id,
            date: time::with_seconds(waiting.event_at, zone),
            attempts: waiting.attempts,
            due_at: time::with_millis(waiting.due_at, zone),
        }
    }
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
pub async fn pending(Path(id): Path<String>, call: Call) -> Result<Reply, Error> {
    deliveries::pending(call, &id, |waiting, next_cursor, app| {
        let result = waiting.into_iter().map(|waiting| ShownWaiting::new(waiting, app)).collect();
        Reply::json(&Pending { result, next_cursor })
    })
    .await
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
pub async fn redeliver(Path(id): Path<String>, call: Call) -> Result<Reply, Error> {
    deliveries::redeliver(call, &id).await
}

crate::params! { body
    Recover {
        /// Of deliveries that began then or later.
        date_from: TimeFrom = "2016-04-20 09:46:24",
    }
}

/// Delivers again what was given up
///
/// Our addition. At most 300 deliveries a call: call again until `count` is 0.
#[utoipa::path(
    post, path = "/api/webhooks/{id}/recover", operation_id = "recover_webhook", tag = "additions",
    params(WebhookId, IdempotencyKey),
    request_body(content((Recover = "application/json"), (Recover = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "They are ordered.", body = Redelivered),
        (status = 404, description = "Unknown webhook.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn recover(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: Recover = call.params()?;
    deliveries::recover(call, &id, given.date_from.0).await
}
