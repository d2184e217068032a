//! What became of deliveries, for administrators at their console.

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
use crate::agent::Role;
use crate::agent::session::AgentSession;
use crate::clock::Millis;
use crate::http::error::Envelope;
use crate::http::params::Moment;
use crate::http::{Call, Error, Reply};

/// Sends a test, for administrators
///
/// Sends the action `WEBHOOK_TEST` at once, also when the subscription is off, waits for the answer and tells what came of
/// it. It is in the log and is not tried again.
#[utoipa::path(
    post, path = "/console/webhooks/{id}/test", operation_id = "test_webhook", tag = "console", params(WebhookId),
    security(("session" = [])),
    responses(
        (status = 200, description = "What came of it.", body = TestResult),
        (status = 404, description = "Unknown webhook.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn test(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    deliveries::test(call, &id).await
}

/// The log of a subscription, newest delivery first.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookAttempts)]
pub struct Attempts {
    result: Vec<ShownAttempt>,
    /// Where the next page begins; null on the last one.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// An attempt to deliver.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookAttempt)]
pub struct ShownAttempt {
    delivery_id: Uuid,
    /// 1 is the first.
    attempt: i64,
    action: &'static str,
    #[schema(required)]
    conversation_id: Option<Uuid>,
    /// The event's place in the conversation's log.
    #[schema(required)]
    seq: Option<i64>,
    #[schema(required)]
    customer_id: Option<i64>,
    /// When what it tells of happened.
    at: Millis,
    attempted_at: Millis,
    duration_ms: i64,
    /// Null when there was no answer.
    #[schema(required)]
    http_status: Option<i64>,
    /// Null when it was delivered.
    #[schema(required)]
    error: Option<String>,
    /// `DELIVERED`, `RETRY` or `GIVEN_UP`.
    outcome: &'static str,
    /// When the next attempt was due.
    #[schema(required)]
    next_attempt_at: Option<Millis>,
}

impl From<Logged> for ShownAttempt {
    fn from(logged: Logged) -> Self {
        Self {
            delivery_id: logged.delivery,
            attempt: logged.attempt,
            action: action_name(logged.action),
            conversation_id: logged.references.conversation_id,
            seq: logged.references.seq,
            customer_id: logged.references.customer_id,
            at: logged.event_at,
            attempted_at: logged.at,
            duration_ms: logged.duration_ms,
            http_status: logged.http_status,
            error: logged.error,
            outcome: Outcome::name(logged.outcome),
            next_attempt_at: logged.next_at,
        }
    }
}

/// Lists attempts to deliver, for administrators
///
/// The log of 30 days.
#[utoipa::path(
    get, path = "/console/webhooks/{id}/attempts", operation_id = "list_webhook_attempts", tag = "console",
    params(WebhookId, ListAttempts), security(("session" = [])),
    responses(
        (status = 200, description = "The attempts.", body = Attempts),
        (status = 404, description = "Unknown webhook.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn attempts(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    deliveries::attempts(call, &id, |logged, next_cursor, _| {
        let result = logged.into_iter().map(ShownAttempt::from).collect();
        Reply::json(&Attempts { result, next_cursor })
    })
    .await
}

/// What waits for its next attempt, in the order in which it is due.
#[derive(Serialize, ToSchema)]
#[schema(as = PendingDeliveries)]
pub struct Pending {
    result: Vec<PendingDelivery>,
    /// Where the next page begins; null on the last one.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// A delivery that waits.
#[derive(Serialize, ToSchema)]
pub struct PendingDelivery {
    delivery_id: Uuid,
    action: &'static str,
    #[schema(required)]
    conversation_id: Option<Uuid>,
    /// The event's place in the conversation's log.
    #[schema(required)]
    seq: Option<i64>,
    #[schema(required)]
    customer_id: Option<i64>,
    /// When what it tells of happened.
    at: Millis,
    /// Attempts so far.
    attempts: i64,
    due_at: Millis,
}

impl From<Waiting> for PendingDelivery {
    fn from(waiting: Waiting) -> Self {
        Self {
            delivery_id: waiting.delivery,
            action: action_name(waiting.action),
            conversation_id: waiting.references.conversation_id,
            seq: waiting.references.seq,
            customer_id: waiting.references.customer_id,
            at: waiting.event_at,
            attempts: waiting.attempts,
            due_at: waiting.due_at,
        }
    }
}

/// Lists deliveries that wait, for administrators
#[utoipa::path(
    get, path = "/console/webhooks/{id}/pending", operation_id = "list_pending_deliveries", tag = "console",
    params(WebhookId, ListPending), security(("session" = [])),
    responses(
        (status = 200, description = "What waits.", body = Pending),
        (status = 404, description = "Unknown webhook.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn pending(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    deliveries::pending(call, &id, |waiting, next_cursor, _| {
        let result = waiting.into_iter().map(PendingDelivery::from).collect();
        Reply::json(&Pending { result, next_cursor })
    })
    .await
}

/// Delivers again, for administrators
///
/// At once, and by the whole schedule. The body is made anew; the delivery keeps its id, by which receivers know a repeat. A
/// delivery that waits for its next attempt is brought forward.
#[utoipa::path(
    post, path = "/console/webhooks/{id}/redeliver", operation_id = "redeliver_webhook", tag = "console",
    params(WebhookId), security(("session" = [])),
    request_body(content = Redeliver, content_type = "application/json"),
    responses(
        (status = 200, description = "It is ordered.", body = Redelivered),
        (status = 404, description = "Unknown webhook, or a delivery that its log does not know.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn redeliver(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    deliveries::redeliver(call, &id).await
}

crate::params! { body
    RecoverDeliveries {
        /// Of deliveries that began then or later.
        from: Moment = 1_461_138_384_000_i64,
    }
}

/// Delivers again what was given up, for administrators
///
/// At most 300 deliveries a call: call again until `count` is 0.
#[utoipa::path(
    post, path = "/console/webhooks/{id}/recover", operation_id = "recover_webhook", tag = "console",
    params(WebhookId), security(("session" = [])),
    request_body(content = RecoverDeliveries, content_type = "application/json"),
    responses(
        (status = 200, description = "They are ordered.", body = Redelivered),
        (status = 404, description = "Unknown webhook.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn recover(Path(id): Path<String>, mut call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let given: RecoverDeliveries = call.params()?;
    deliveries::recover(call, &id, given.from.0).await
}
