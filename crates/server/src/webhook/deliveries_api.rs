//! What became of deliveries, for integrators: our additions.

use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use uuid::Uuid;

use super::Action;
use super::api::{WebhookId, known};
use super::delivery::{Attempt, Due, Outcome, References, Told};
use super::log::{self, Logged, Waiting};
use super::send::{Answer, Parcel};
use crate::app::App;
use crate::http::error::Envelope;
use crate::http::idempotency::IdempotencyKey;
use crate::http::params::{Count, Line, Named, Node, Param, TimeFrom};
use crate::http::{Call, Code, Error, Fault, Reply, page};
use crate::time;

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
    post, path = "/api/webhooks/{id}/test", operation_id = "test_webhook", tag = "additions", params(WebhookId, IdempotencyKey),
    responses(
        (status = 200, description = "What came of it.", body = TestResult),
        (status = 404, description = "Unknown webhook.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn test(Path(id): Path<String>, call: Call) -> Result<Reply, Error> {
    let id = known(&id)?;
    if let Some(reply) = call.answered().await? {
        return Ok(reply);
    }
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
        references: References::default(),
    };
    let result = match Parcel::pack(&webhook, &due, &Told::Nothing, &app.secret, &app.config, at) {
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
        log::write(tx, id, &attempt, &References::default())?;
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
        /// Of this delivery alone: its `webhook-id`. The latest 100 attempts.
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
        let limit = page::limit(given.limit);
        let logged = if let Some(delivery) = &given.delivery_id {
            log::attempts_of(tx, id, delivery, limit)?
        } else {
            let before = given.cursor.map_or((Uuid::max(), 0), |Place(n, delivery)| (delivery, n));
            // One more than asked for tells whether there is another page.
            log::attempts(tx, id, before, limit + 1)?
        };
        let (logged, has_more) = page::cut(logged, limit);
        let last = logged.last().filter(|_| has_more);
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
        let limit = page::limit(given.limit);
        let after = given.cursor.map_or((0, Uuid::nil()), |Place(at, delivery)| (at, delivery));
        let (waiting, has_more) = page::cut(log::waiting(tx, id, after, limit + 1)?, limit);
        let last = waiting.last().filter(|_| has_more);
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
        delivery_id: Uuid,
    }
}

/// How many deliveries were ordered again.
#[derive(Serialize, ToSchema)]
pub struct Redelivered {
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
    call.write(move |tx, act| {
        super::get(tx, id)?;
        if !log::redeliver(tx, act, id, &given.delivery_id)? {
            let fault = Fault::new(Code::UnknownDelivery).with("id", id);
            return Err(fault.with("delivery", given.delivery_id).into());
        }
        Reply::json(&Redelivered { count: 1 })
    })
    .await
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
    let id = known(&id)?;
    call.write(move |tx, act| {
        super::get(tx, id)?;
        let count = log::redeliver_given_up(tx, act, id, given.date_from.0)?;
        Reply::json(&Redelivered { count })
    })
    .await
}

/// One that a later version made has no name here.
fn action_name(number: i64) -> &'static str {
    Action::from_number(number).map_or("UNKNOWN", Action::name)
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
