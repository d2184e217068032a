//! What became of deliveries, and ordering them again, for both doors of administrators.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use uuid::Uuid;

use super::Action;
use super::delivery::{Attempt, Due, Outcome, References, Told};
use super::given::known;
use super::log::{self, Logged, Waiting};
use super::send::{Answer, Parcel};
use crate::app::App;
use crate::clock::Millis;
use crate::http::call::Caller;
use crate::http::params::{Count, Line, Named, Node, Param};
use crate::http::{Call, Code, Error, Fault, Reply, page};

/// A page and where the next one begins, as a door shows them.
type Show<T> = fn(Vec<T>, Option<String>, &App) -> Result<Reply, Error>;

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

/// Sends a test, waits for the answer, and writes it into the log.
pub async fn test<C: Caller>(call: Call<C>, id: &str) -> Result<Reply, Error> {
    let id = known(id)?;
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

/// A page of the log.
pub async fn attempts<C: Caller>(
    mut call: Call<C>,
    id: &str,
    show: Show<Logged>,
) -> Result<Reply, Error> {
    let given: ListAttempts = call.params()?;
    let id = known(id)?;
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
        show(logged, next_cursor, app)
    })
    .await
}

crate::params! { query
    ListPending {
        /// At most so many; more than 100 is taken as 100.
        limit: Option<Count>,
        /// Empty or left out for the first page, then `next_cursor`.
        cursor: Option<Place>,
    }
}

/// A page of what waits.
pub async fn pending<C: Caller>(
    mut call: Call<C>,
    id: &str,
    show: Show<Waiting>,
) -> Result<Reply, Error> {
    let given: ListPending = call.params()?;
    let id = known(id)?;
    call.read(move |tx, app| {
        super::get(tx, id)?;
        let limit = page::limit(given.limit);
        let after = given.cursor.map_or((0, Uuid::nil()), |Place(at, delivery)| (at, delivery));
        let (waiting, has_more) = page::cut(log::waiting(tx, id, after, limit + 1)?, limit);
        let last = waiting.last().filter(|_| has_more);
        let next_cursor = last.map(|last| Place(last.due_at, last.delivery).to_string());
        show(waiting, next_cursor, app)
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

/// Orders a delivery again.
pub async fn redeliver<C: Caller>(mut call: Call<C>, id: &str) -> Result<Reply, Error> {
    let given: Redeliver = call.params()?;
    let id = known(id)?;
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

/// Orders again what was given up since then.
pub async fn recover<C: Caller>(call: Call<C>, id: &str, since: Millis) -> Result<Reply, Error> {
    let id = known(id)?;
    call.write(move |tx, act| {
        super::get(tx, id)?;
        let count = log::redeliver_given_up(tx, act, id, since)?;
        Reply::json(&Redelivered { count })
    })
    .await
}

/// One that a later version made has no name here.
pub fn action_name(number: i64) -> &'static str {
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
