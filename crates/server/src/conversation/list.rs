//! Lists of conversations: one query composed of the filters that were given, newest start first.
//!
//! An id's time is the time of the start, so bounds in time and cursors are bounds of the key. Every mix of filters is
//! a variant of its own, made once and registered, so that each is prepared by the test and planned by the engine
//! for exactly what is asked.

use std::fmt::Write;
use std::sync::LazyLock;

use rozmowa_db::{Row, Stmt, Tx, Value};
use uuid::Uuid;

use super::Status;
use crate::clock::{self, Millis};
use crate::http::Error;

/// Which conversations. Bounds are on ids: `from` inclusive, `until` exclusive.
#[derive(Debug, Clone)]
pub struct Filter {
    pub from: Uuid,
    pub until: Uuid,
    pub status: Option<Status>,
    pub chat_queue_id: Option<i64>,
    pub agent_id: Option<i64>,
    pub customer_id: Option<i64>,
    pub client_id: Option<String>,
    pub updated_from: Option<Millis>,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            from: Uuid::nil(),
            until: Uuid::max(),
            status: None,
            chat_queue_id: None,
            agent_id: None,
            customer_id: None,
            client_id: None,
            updated_from: None,
        }
    }
}

const STATUS: usize = 1;
const QUEUE: usize = 2;
const AGENT: usize = 4;
const CUSTOMER: usize = 8;
const CLIENT: usize = 16;
const UPDATED: usize = 32;
const VARIANTS: usize = 64;

struct Variants {
    page: Vec<Stmt>,
    count: Vec<Stmt>,
}

static VARIANTS_MADE: LazyLock<Variants> = LazyLock::new(|| Variants {
    page: (0..VARIANTS).map(page_statement).collect(),
    count: (0..VARIANTS).map(count_statement).collect(),
});

/// Every variant, for the register.
pub fn statements() -> impl Iterator<Item = Stmt> {
    VARIANTS_MADE.page.iter().chain(&VARIANTS_MADE.count).copied()
}

/// The conditions of a variant, and the number of the next parameter.
fn conditions(mask: usize) -> (String, usize) {
    let mut text = String::new();
    let mut next = if mask & UPDATED == 0 { 3 } else { 6 };
    for (bit, condition) in [
        (STATUS, "status = "),
        (QUEUE, "chat_queue_id = "),
        (AGENT, "agent_id = "),
        (CUSTOMER, "customer_id = "),
        (CLIENT, "client_id = "),
    ] {
        if mask & bit != 0 {
            let _ = write!(text, " AND {condition}${next}");
            next += 1;
        }
    }
    (text, next)
}

/// With `updated_from` the answer has two halves that never meet: those that started since, by the key, and those that
/// started before and changed since, by the index of changes.
fn halves(mask: usize, select: &str, rest: &str) -> [String; 2] {
    let since = format!("SELECT {select} FROM conversation WHERE id >= $4 AND id < $2{rest}");
    let before = format!(
        "SELECT {select} FROM conversation WHERE seq > 1 AND updated_at >= $3 AND id >= $1 AND id < $5{rest}"
    );
    debug_assert!(mask & UPDATED != 0);
    [since, before]
}

fn page_statement(mask: usize) -> Stmt {
    let (rest, next) = conditions(mask);
    let inner = if mask & UPDATED == 0 {
        format!("SELECT id FROM conversation WHERE id >= $1 AND id < $2{rest}")
    } else {
        let [since, before] = halves(mask, "id", &rest);
        format!("SELECT id FROM ({since} UNION ALL {before}) AS changed")
    };
    // Rows are read only for the page itself, not for what an offset skips.
    let text = format!(
        "SELECT c.id, c.chat_queue_id, c.status, a.login, c.customer_id, c.client_id, c.client_name,
                c.client_surname, c.client_email, c.closed_at
         FROM conversation c LEFT JOIN agent a ON a.id = c.agent_id
         WHERE c.id IN ({inner} ORDER BY id DESC LIMIT ${next} OFFSET ${})
         ORDER BY c.id DESC",
        next + 1
    );
    Stmt::composed(format!("conversation::list::PAGE_{mask:02}"), text)
}

fn count_statement(mask: usize) -> Stmt {
    let (mut rest, _) = conditions(mask);
    let text = if mask & UPDATED == 0 {
        if mask & (STATUS | QUEUE | AGENT | CUSTOMER | CLIENT) == 0 {
            // All there are, but said so that the narrow index by status is counted and not the wide rows.
            rest.push_str(" AND status IN (0, 1, 2)");
        }
        format!("SELECT count(*) FROM conversation WHERE id >= $1 AND id < $2{rest}")
    } else {
        let [since, before] = halves(mask, "count(*)", &rest);
        format!("SELECT ({since}) + ({before})")
    };
    Stmt::composed(format!("conversation::list::COUNT_{mask:02}"), text)
}

/// A filter as a variant and its parameters.
struct Bound<'a> {
    mask: usize,
    params: Vec<Value<'a>>,
}

struct Keys {
    from: Uuid,
    until: Uuid,
    /// Where the halves of `updated_from` meet.
    since: Uuid,
    before: Uuid,
}

impl Keys {
    fn of(filter: &Filter) -> Self {
        let split = clock::first_id_at(filter.updated_from.unwrap_or(0));
        Self {
            from: filter.from,
            until: filter.until,
            since: filter.from.max(split),
            before: filter.until.min(split),
        }
    }
}

fn bind<'a>(filter: &'a Filter, keys: &'a Keys) -> Bound<'a> {
    let mut params = vec![Value::from(&keys.from), Value::from(&keys.until)];
    let mut mask = 0;
    if let Some(at) = filter.updated_from {
        mask |= UPDATED;
        params.extend([Value::from(at), Value::from(&keys.since), Value::from(&keys.before)]);
    }
    if let Some(status) = filter.status {
        mask |= STATUS;
        params.push(status.number().into());
    }
    if let Some(id) = filter.chat_queue_id {
        mask |= QUEUE;
        params.push(id.into());
    }
    if let Some(id) = filter.agent_id {
        mask |= AGENT;
        params.push(id.into());
    }
    if let Some(id) = filter.customer_id {
        mask |= CUSTOMER;
        params.push(id.into());
    }
    if let Some(client_id) = &filter.client_id {
        mask |= CLIENT;
        params.push(client_id.into());
    }
    Bound { mask, params }
}

/// A conversation as lists show it.
#[derive(Debug)]
pub struct Item {
    pub id: Uuid,
    pub chat_queue_id: i64,
    pub status: Status,
    pub user_login: Option<String>,
    pub customer_id: Option<i64>,
    pub client_id: Option<String>,
    pub client_name: String,
    pub client_surname: String,
    pub client_email: String,
    pub closed_at: Option<Millis>,
}

fn read(row: &Row<'_>) -> Result<Item, rozmowa_db::Error> {
    Ok(Item {
        id: row.get(0)?,
        chat_queue_id: row.get(1)?,
        status: Status::from_number(row.get(2)?).unwrap_or(Status::Closed),
        user_login: row.get(3)?,
        customer_id: row.get(4)?,
        client_id: row.get(5)?,
        client_name: row.get(6)?,
        client_surname: row.get(7)?,
        client_email: row.get(8)?,
        closed_at: row.get(9)?,
    })
}

pub fn page(tx: &mut Tx<'_>, filter: &Filter, limit: i64, offset: i64) -> Result<Vec<Item>, Error> {
    let keys = Keys::of(filter);
    let Bound { mask, mut params } = bind(filter, &keys);
    params.extend([Value::from(limit), Value::from(offset)]);
    Ok(tx.query(&VARIANTS_MADE.page[mask], &params, read)?)
}

/// Exactly how many there are. Costs some 50 ns each.
pub fn count(tx: &mut Tx<'_>, filter: &Filter) -> Result<i64, Error> {
    let keys = Keys::of(filter);
    let Bound { mask, params } = bind(filter, &keys);
    Ok(tx.query_one(&VARIANTS_MADE.count[mask], &params, |row| row.get(0))?)
}
