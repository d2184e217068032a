//! Deliveries: the queue of each subscription.

use rozmowa_db::{Row, Tx, params};
use uuid::Uuid;

use super::action::Action;
use super::log;
use crate::act::Act;
use crate::clock::Millis;
use crate::conversation::log::Speaker;
use crate::conversation::shown_name;
use crate::http::Error;

/// Nothing but failures for this long switches a subscription off, and nothing waits longer beyond its time.
pub const PATIENCE: Millis = 5 * 24 * 60 * 60 * 1000;

rozmowa_db::statements! {
    ADD = "INSERT INTO delivery (webhook_id, due_at, id, action, conversation_id, seq, customer_id, at, attempts, step)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    DUE = "SELECT id, due_at, action, at, attempts, step, conversation_id, seq, customer_id FROM delivery
        WHERE webhook_id = $1 AND due_at <= $2 ORDER BY due_at, id LIMIT $3";
    /// All that a body may need, as it is now.
    EVENT = "SELECT c.client_name, c.client_surname, c.client_id, c.client_email, c.chat_queue_id, e.sent_by,
            CASE WHEN r.what IS NULL THEN e.text END, a.login, CASE WHEN r.what IS NULL OR e.kind = 12 THEN e.data END, e.bot_id
        FROM conversation c JOIN event e ON e.conversation_id = c.id LEFT JOIN agent a ON a.id = e.agent_id
            LEFT JOIN erasing r ON r.conversation_id = e.conversation_id
                AND r.what = CASE WHEN e.sent_by = 0 THEN 2 ELSE 1 END AND r.until_seq >= e.seq
        WHERE c.id = $1 AND e.seq = $2";
    CUSTOMER = "SELECT id, company_id FROM customer WHERE id = $1";
    NEXT_DUE = "SELECT min(due_at) FROM delivery WHERE webhook_id = $1 AND due_at > $2";
    /// What it was about goes into the log.
    DONE = "DELETE FROM delivery WHERE webhook_id = $1 AND due_at = $2 AND id = $3
        RETURNING conversation_id, seq, customer_id";
    SUCCEEDED = "UPDATE webhook SET failing_since = NULL WHERE id = $1 AND failing_since IS NOT NULL";
    FAILED = "UPDATE webhook SET failing_since = $2 WHERE id = $1 AND failing_since IS NULL";
    FAILING_SINCE = "SELECT failing_since FROM webhook WHERE id = $1 AND is_enabled = 1";
}

/// A delivery that is due.
#[derive(Debug, Clone)]
pub struct Due {
    pub id: Uuid,
    pub due_at: Millis,
    pub action: Action,
    /// When what it tells of happened.
    pub at: Millis,
    /// Made so far.
    pub attempts: i64,
    /// The place in the schedule.
    pub step: i64,
    pub references: References,
}

/// What a delivery tells, read when it is sent.
#[derive(Debug)]
pub enum Told {
    Event(Event),
    Customer {
        customer_id: i64,
        company_id: Option<i64>,
    },
    /// A conversation that is there no more, which is what is told.
    Deleted {
        conversation_id: Uuid,
        seq: i64,
    },
    /// Erased since, or a test.
    Nothing,
}

/// An event of a conversation.
#[derive(Debug)]
pub struct Event {
    pub conversation_id: Uuid,
    pub seq: i64,
    pub client_name: String,
    pub client_email: String,
    pub chat_queue_id: i64,
    pub sent_by: Speaker,
    pub text: Option<String>,
    pub agent_login: Option<String>,
    /// What else belongs to it, as JSON.
    pub data: Option<String>,
    pub bot_id: Option<Uuid>,
}

impl Due {
    /// None for an action of a later version: it waits for that version.
    fn read(row: &Row<'_>) -> Result<Option<Self>, rozmowa_db::Error> {
        let Some(action) = Action::from_number(row.get(2)?) else { return Ok(None) };
        Ok(Some(Self {
            id: row.get(0)?,
            due_at: row.get(1)?,
            action,
            at: row.get(3)?,
            attempts: row.get(4)?,
            step: row.get(5)?,
            references: References::read(row, 6)?,
        }))
    }

    /// What it tells, as it is now.
    pub fn load(&self, tx: &mut Tx<'_>) -> Result<Told, Error> {
        let told = match self.references {
            References { conversation_id: Some(conversation_id), seq: Some(seq), .. }
                if self.action == Action::ConversationDeleted =>
            {
                Some(Told::Deleted { conversation_id, seq })
            }
            References { conversation_id: Some(id), seq: Some(seq), .. } => {
                let event =
                    tx.query_opt(&EVENT, params![&id, seq], |row| Event::read(row, id, seq))?;
                event.map(Told::Event)
            }
            References { customer_id: Some(id), .. } => {
                tx.query_opt(&CUSTOMER, params![id], |row| {
                    Ok(Told::Customer { customer_id: row.get(0)?, company_id: row.get(1)? })
                })?
            }
            References { .. } => None,
        };
        Ok(told.unwrap_or(Told::Nothing))
    }
}

impl Event {
    fn read(row: &Row<'_>, conversation_id: Uuid, seq: i64) -> Result<Self, rozmowa_db::Error> {
        let (name, surname): (String, String) = (row.get(0)?, row.get(1)?);
        let client_id: Option<String> = row.get(2)?;
        Ok(Self {
            conversation_id,
            seq,
            client_name: shown_name(&name, &surname, client_id.as_deref()),
            client_email: row.get(3)?,
            chat_queue_id: row.get(4)?,
            sent_by: Speaker::from_number(row.get(5)?),
            text: row.get(6)?,
            agent_login: row.get(7)?,
            data: row.get(8)?,
            bot_id: row.get(9)?,
        })
    }
}

impl Told {
    /// About how many bytes it takes until it is sent: a letter can become three when it is encoded, beside itself.
    pub fn weight(&self) -> usize {
        let text = match self {
            Self::Event(event) => {
                [&event.text, &event.data].into_iter().flatten().map(String::len).sum()
            }
            Self::Customer { .. } | Self::Deleted { .. } | Self::Nothing => 0,
        };
        1024 + 4 * text
    }
}

/// Deliveries that are due, the first ones first.
pub fn due(tx: &mut Tx<'_>, webhook_id: i64, now: Millis, limit: i64) -> Result<Vec<Due>, Error> {
    let rows = tx.query(&DUE, params![webhook_id, now, limit], Due::read)?;
    Ok(rows.into_iter().flatten().collect())
}

/// When the first of those is due that are not yet.
pub fn next_due(tx: &mut Tx<'_>, webhook_id: i64, now: Millis) -> Result<Option<Millis>, Error> {
    Ok(tx.query_one(&NEXT_DUE, params![webhook_id, now], |row| row.get(0))?)
}

/// What comes of a delivery after an attempt. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    Retry {
        at: Millis,
    },
    GivenUp,
    /// Given up for good: erased, or a test. Not among those that are ordered again together.
    Over,
}

impl Outcome {
    pub const fn number(self) -> i64 {
        match self {
            Self::Delivered => 0,
            Self::Retry { .. } => 1,
            Self::GivenUp => 2,
            Self::Over => 3,
        }
    }

    pub const fn next_at(self) -> Option<Millis> {
        match self {
            Self::Retry { at } => Some(at),
            Self::Delivered | Self::GivenUp | Self::Over => None,
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Retry { .. } => "retry",
            Self::GivenUp | Self::Over => "given_up",
        }
    }

    /// As the API spells a stored one.
    pub const fn name(number: i64) -> &'static str {
        match number {
            0 => "DELIVERED",
            1 => "RETRY",
            _ => "GIVEN_UP",
        }
    }
}

/// An attempt that was made.
#[derive(Debug)]
pub struct Attempt {
    pub delivery: Uuid,
    pub due_at: Millis,
    pub action: Action,
    /// When what it tells of happened.
    pub event_at: Millis,
    /// Those before this one.
    pub attempts: i64,
    pub step: i64,
    pub at: Millis,
    pub duration_ms: i64,
    pub http_status: Option<u16>,
    pub error: Option<String>,
    pub outcome: Outcome,
    /// The receiver did not take it.
    pub is_failure: bool,
}

/// What a delivery refers to.
#[derive(Debug, Clone, Copy, Default)]
pub struct References {
    pub conversation_id: Option<Uuid>,
    pub seq: Option<i64>,
    pub customer_id: Option<i64>,
}

impl References {
    /// From the columns `conversation_id`, `seq`, `customer_id`, beginning with a given one.
    pub fn read(row: &Row<'_>, from: usize) -> Result<Self, rozmowa_db::Error> {
        Ok(Self {
            conversation_id: row.get(from)?,
            seq: row.get(from + 1)?,
            customer_id: row.get(from + 2)?,
        })
    }
}

/// Takes attempts into the log and out of the queue, or back into it for later. Says whether the subscription is to be
/// switched off, as it has failed for too long.
pub fn record(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    webhook: i64,
    attempts: &[Attempt],
) -> Result<bool, Error> {
    for attempt in attempts {
        // Deleted meanwhile, with its subscription or what it told of.
        let Some(references) = take_out(tx, webhook, attempt)? else { continue };
        if let Outcome::Retry { at } = attempt.outcome {
            add(tx, webhook, attempt, &references, at, attempt.step + 1)?;
        }
        log::write(tx, webhook, attempt, &references)?;
    }
    if attempts.iter().any(|attempt| attempt.outcome == Outcome::Delivered) {
        tx.put(&SUCCEEDED, params![webhook])?;
        return Ok(false);
    }
    if !attempts.iter().any(|attempt| attempt.is_failure) {
        return Ok(false);
    }
    tx.execute(&FAILED, params![webhook, act.now])?;
    let since =
        tx.query_opt(&FAILING_SINCE, params![webhook], |row| row.get::<Option<Millis>>(0))?;
    Ok(since.flatten().is_some_and(|since| act.now - since >= PATIENCE))
}

/// Takes a delivery out of the queue; none when it is there no more.
pub fn take_out(
    tx: &mut Tx<'_>,
    webhook: i64,
    attempt: &Attempt,
) -> Result<Option<References>, Error> {
    let key = params![webhook, attempt.due_at, &attempt.delivery];
    Ok(tx.query_opt(&DONE, key, |row| References::read(row, 0))?)
}

fn add(
    tx: &mut Tx<'_>,
    webhook: i64,
    attempt: &Attempt,
    references: &References,
    due_at: Millis,
    step: i64,
) -> Result<(), Error> {
    let References { conversation_id, seq, customer_id } = references;
    Ok(tx.put(
        &ADD,
        params![
            webhook,
            due_at,
            &attempt.delivery,
            attempt.action as i64,
            conversation_id.as_ref(),
            *seq,
            *customer_id,
            attempt.event_at,
            attempt.attempts + 1,
            step,
        ],
    )?)
}
