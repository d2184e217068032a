//! The log of attempts: what became of deliveries, ordering them again, and forgetting them.

use rozmowa_db::{Row, Tx, params};
use uuid::Uuid;

use super::action::Action;
use super::delivery::{ADD, Attempt, Outcome, PATIENCE, References, take_out};
use crate::act::Act;
use crate::clock::{self, Millis};
use crate::http::Error;

/// How long attempts stay in the log.
pub const KEPT_FOR: Millis = 30 * 24 * 60 * 60 * 1000;
/// Rows that one step of sweeping or of redelivery takes.
pub const STEP: i64 = 300;

rozmowa_db::statements! {
    LOG = "INSERT INTO delivery_attempt (webhook_id, delivery_id, attempt, action, conversation_id, seq, customer_id,
            event_at, at, duration_ms, http_status, error, outcome, next_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING";
    PENDING = "SELECT id, due_at, action, at, attempts, conversation_id, seq, customer_id FROM delivery
        WHERE webhook_id = $1 AND (due_at, id) > ($2, $3) ORDER BY due_at, id LIMIT $4";
    ATTEMPTS = "SELECT delivery_id, attempt, action, conversation_id, seq, customer_id, event_at, at, duration_ms,
            http_status, error, outcome, next_at
        FROM delivery_attempt WHERE webhook_id = $1 AND (delivery_id, attempt) < ($2, $3)
        ORDER BY delivery_id DESC, attempt DESC LIMIT $4";
    ATTEMPTS_OF = "SELECT delivery_id, attempt, action, conversation_id, seq, customer_id, event_at, at, duration_ms,
            http_status, error, outcome, next_at
        FROM delivery_attempt WHERE webhook_id = $1 AND delivery_id = $2 ORDER BY attempt DESC LIMIT $3";
    /// Given up after a moment, and not ordered anew since.
    GIVEN_UP = "SELECT delivery_id, attempt, action, conversation_id, seq, customer_id, event_at, at, duration_ms,
            http_status, error, outcome, next_at
        FROM delivery_attempt WHERE webhook_id = $1 AND delivery_id >= $2 AND outcome = 2 AND next_at IS NULL
        ORDER BY delivery_id LIMIT $3";
    /// The last attempt says where in the queue the next one waits.
    PUT_BACK = "UPDATE delivery_attempt SET next_at = $4
        WHERE webhook_id = $1 AND delivery_id = $2 AND attempt = $3 AND next_at IS NULL";
    HURRY = "UPDATE delivery SET due_at = $4 WHERE webhook_id = $1 AND due_at = $2 AND id = $3";
    HURRIED = "UPDATE delivery_attempt SET next_at = $4 WHERE webhook_id = $1 AND delivery_id = $2 AND attempt = $3";
    OVERDUE = "SELECT id, due_at, action, at, attempts FROM delivery
        WHERE webhook_id = $1 AND due_at <= $2 ORDER BY due_at, id LIMIT $3";
    SWEEP_LOG = "DELETE FROM delivery_attempt WHERE webhook_id = $1 AND (delivery_id, attempt) IN
        (SELECT delivery_id, attempt FROM delivery_attempt WHERE webhook_id = $1 AND delivery_id < $2
         ORDER BY delivery_id, attempt LIMIT $3)";
    SWEEP_QUEUE = "DELETE FROM delivery WHERE webhook_id = $1 AND (due_at, id) IN
        (SELECT due_at, id FROM delivery WHERE webhook_id = $1 ORDER BY due_at, id LIMIT $2)";
    /// The next subscription that has rows, whether or not it is still there.
    NEXT_QUEUE = "SELECT min(webhook_id) FROM delivery WHERE webhook_id > $1";
    NEXT_LOG = "SELECT min(webhook_id) FROM delivery_attempt WHERE webhook_id > $1";
    EXISTS = "SELECT 1 FROM webhook WHERE id = $1";
}

/// Writes an attempt into the log.
pub fn write(
    tx: &mut Tx<'_>,
    webhook: i64,
    attempt: &Attempt,
    references: &References,
) -> Result<(), Error> {
    let References { conversation_id, seq, customer_id } = references;
    Ok(tx.put(
        &LOG,
        params![
            webhook,
            &attempt.delivery,
            attempt.attempts + 1,
            attempt.action as i64,
            conversation_id.as_ref(),
            *seq,
            *customer_id,
            attempt.event_at,
            attempt.at,
            attempt.duration_ms,
            attempt.http_status.map(i64::from),
            attempt.error.as_deref(),
            attempt.outcome.number(),
            attempt.outcome.next_at(),
        ],
    )?)
}

/// An attempt as the log has it.
#[derive(Debug, Clone)]
pub struct Logged {
    pub delivery: Uuid,
    pub attempt: i64,
    pub action: i64,
    pub references: References,
    pub event_at: Millis,
    pub at: Millis,
    pub duration_ms: i64,
    pub http_status: Option<i64>,
    pub error: Option<String>,
    pub outcome: i64,
    /// When the next attempt is due, if there is one.
    pub next_at: Option<Millis>,
}

impl Logged {
    fn read(row: &Row<'_>) -> Result<Self, rozmowa_db::Error> {
        Ok(Self {
            delivery: row.get(0)?,
            attempt: row.get(1)?,
            action: row.get(2)?,
            references: References::read(row, 3)?,
            event_at: row.get(6)?,
            at: row.get(7)?,
            duration_ms: row.get(8)?,
            http_status: row.get(9)?,
            error: row.get(10)?,
            outcome: row.get(11)?,
            next_at: row.get(12)?,
        })
    }
}

/// The log of a subscription, newest delivery first; from before an attempt on.
pub fn attempts(
    tx: &mut Tx<'_>,
    webhook: i64,
    (delivery, attempt): (Uuid, i64),
    limit: i64,
) -> Result<Vec<Logged>, Error> {
    let params = params![webhook, &delivery, attempt, limit];
    Ok(tx.query(&ATTEMPTS, params, Logged::read)?)
}

/// The attempts of one delivery, the last one first.
pub fn attempts_of(
    tx: &mut Tx<'_>,
    webhook: i64,
    delivery: &Uuid,
    limit: i64,
) -> Result<Vec<Logged>, Error> {
    Ok(tx.query(&ATTEMPTS_OF, params![webhook, delivery, limit], Logged::read)?)
}

/// A delivery that waits.
#[derive(Debug, Clone)]
pub struct Waiting {
    pub delivery: Uuid,
    pub due_at: Millis,
    pub action: i64,
    pub event_at: Millis,
    pub attempts: i64,
    pub references: References,
}

/// What waits, in the order in which it is due; after a given place.
pub fn waiting(
    tx: &mut Tx<'_>,
    webhook: i64,
    after: (Millis, Uuid),
    limit: i64,
) -> Result<Vec<Waiting>, Error> {
    Ok(tx.query(&PENDING, params![webhook, after.0, &after.1, limit], |row| {
        Ok(Waiting {
            delivery: row.get(0)?,
            due_at: row.get(1)?,
            action: row.get(2)?,
            event_at: row.get(3)?,
            attempts: row.get(4)?,
            references: References::read(row, 5)?,
        })
    })?)
}

/// Orders a delivery again, at once and with the whole schedule before it; one that waits for its next attempt anyway is
/// only brought forward. False when the log does not know it.
pub fn redeliver(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    webhook: i64,
    delivery: &Uuid,
) -> Result<bool, Error> {
    let last = attempts_of(tx, webhook, delivery, 1)?.into_iter().next();
    let Some(last) = last else { return Ok(false) };
    order_again(tx, act, webhook, &last)?;
    super::begin_anew(tx, webhook)?;
    Ok(true)
}

/// Orders a step's worth of what was given up since a moment; how many.
pub fn redeliver_given_up(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    webhook: i64,
    since: Millis,
) -> Result<usize, Error> {
    let from = clock::first_id_at(since);
    let given_up = tx.query(&GIVEN_UP, params![webhook, &from, STEP], Logged::read)?;
    for last in &given_up {
        order_again(tx, act, webhook, last)?;
    }
    super::begin_anew(tx, webhook)?;
    Ok(given_up.len())
}

fn order_again(tx: &mut Tx<'_>, act: &Act<'_>, webhook: i64, last: &Logged) -> Result<(), Error> {
    let Logged { delivery, attempt, .. } = last;
    if let Some(due_at) = last.next_at {
        let is_later = due_at > act.now;
        if is_later && tx.execute(&HURRY, params![webhook, due_at, delivery, act.now])? == 1 {
            tx.execute(&HURRIED, params![webhook, delivery, *attempt, act.now])?;
        }
        return Ok(());
    }
    // Whoever comes second finds that the first has put it back.
    if tx.execute(&PUT_BACK, params![webhook, delivery, *attempt, act.now])? == 1 {
        let References { conversation_id, seq, customer_id } = &last.references;
        tx.execute(
            &ADD,
            params![
                webhook,
                act.now,
                delivery,
                last.action,
                conversation_id.as_ref(),
                *seq,
                *customer_id,
                last.event_at,
                *attempt,
                0,
            ],
        )?;
    }
    Ok(())
}

/// Gives up what nobody could take for too long, forgets old attempts, and clears up after deleted subscriptions; a step's
/// worth. Says whether there may be more.
pub fn sweep(tx: &mut Tx<'_>, act: &Act<'_>) -> Result<bool, Error> {
    let mut has_more = false;
    let mut last = 0;
    while let Some(webhook) = next(tx, &NEXT_QUEUE, last)? {
        last = webhook;
        if is_there(tx, webhook)? {
            has_more |= give_up_overdue(tx, act, webhook)?;
        } else {
            has_more |= full(tx.execute(&SWEEP_QUEUE, params![webhook, STEP])?);
        }
        if has_more {
            return Ok(true);
        }
    }
    last = 0;
    while let Some(webhook) = next(tx, &NEXT_LOG, last)? {
        last = webhook;
        let kept_from = if is_there(tx, webhook)? {
            clock::first_id_at(act.now - KEPT_FOR)
        } else {
            Uuid::max()
        };
        if full(tx.execute(&SWEEP_LOG, params![webhook, &kept_from, STEP])?) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn next(tx: &mut Tx<'_>, statement: &rozmowa_db::Stmt, after: i64) -> Result<Option<i64>, Error> {
    Ok(tx.query_one(statement, params![after], |row| row.get(0))?)
}

fn is_there(tx: &mut Tx<'_>, webhook: i64) -> Result<bool, Error> {
    Ok(tx.query_opt(&EXISTS, params![webhook], |_| Ok(()))?.is_some())
}

fn full(changed: u64) -> bool {
    changed == STEP.unsigned_abs()
}

fn give_up_overdue(tx: &mut Tx<'_>, act: &Act<'_>, webhook: i64) -> Result<bool, Error> {
    let since = act.now - PATIENCE;
    let overdue = tx.query(&OVERDUE, params![webhook, since, STEP], |row| {
        Ok((row.get::<Uuid>(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
    })?;
    for (delivery, due_at, action, event_at, attempts) in &overdue {
        let Some(action) = Action::from_number(*action) else { continue };
        let attempt = Attempt {
            delivery: *delivery,
            due_at: *due_at,
            action,
            event_at: *event_at,
            attempts: *attempts,
            step: 0,
            at: act.now,
            duration_ms: 0,
            http_status: None,
            error: Some("given up: it was overdue for five days".to_owned()),
            outcome: Outcome::GivenUp,
            is_failure: false,
        };
        if let Some(references) = take_out(tx, webhook, &attempt)? {
            write(tx, webhook, &attempt, &references)?;
        }
    }
    Ok(overdue.len() as u64 == STEP.unsigned_abs())
}
