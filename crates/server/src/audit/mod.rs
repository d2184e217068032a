//! The audit log: every administrative change, who made it, from where, what was and what is. It never holds secrets.

pub mod api;
pub mod console;
pub mod news;

use rozmowa_db::{Row, Tx, params};
use serde::Serialize;
use uuid::Uuid;

use crate::act::{Act, ActorKind};
use crate::clock;
use crate::http::Error;
use news::Recorded;

rozmowa_db::statements! {
    ADD = "INSERT INTO audit (id, actor_kind, actor, address, request_id, change, subject, was, becomes)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    LIST = "SELECT id, actor_kind, actor, address, request_id, change, subject, was, becomes
        FROM audit WHERE id >= $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    LIST_BY_SUBJECT = "SELECT id, actor_kind, actor, address, request_id, change, subject, was, becomes
        FROM audit WHERE subject = $4 AND id >= $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    LIST_BY_ACTOR = "SELECT id, actor_kind, actor, address, request_id, change, subject, was, becomes
        FROM audit WHERE actor = $4 AND id >= $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    LIST_BY_BOTH = "SELECT id, actor_kind, actor, address, request_id, change, subject, was, becomes
        FROM audit WHERE subject = $4 AND actor = $5 AND id >= $1 AND id < $2 ORDER BY id DESC LIMIT $3";
}

/// Writes a change into the log, in the transaction that makes it. `was` and `becomes` are what people may see: a view
/// without secrets.
pub fn record(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    change: &str,
    subject: &str,
    was: Option<&impl Serialize>,
    becomes: Option<&impl Serialize>,
) -> Result<(), Error> {
    let id = act.ids.v7(act.now);
    let actor = act.actor;
    let address = actor.from.map(|address| address.to_string());
    let (was, becomes) = (json(was)?, json(becomes)?);
    tx.put(
        &ADD,
        params![
            &id,
            actor.kind as i64,
            &actor.name,
            address.as_deref(),
            actor.request_id.as_deref(),
            change,
            subject,
            was.as_deref(),
            becomes.as_deref(),
        ],
    )?;
    if let Some(what) = news::part(change, subject) {
        tx.publish(Recorded { id, what });
    }
    Ok(())
}

fn json(value: Option<&impl Serialize>) -> Result<Option<String>, Error> {
    value.map(|value| serde_json::to_string(value).map_err(Error::internal)).transpose()
}

/// A change as it was written down.
#[derive(Debug, Clone)]
pub struct Entry {
    pub id: Uuid,
    pub actor_kind: ActorKind,
    pub actor: String,
    pub address: Option<String>,
    pub request_id: Option<String>,
    pub change: String,
    pub subject: String,
    /// JSON.
    pub was: Option<String>,
    /// JSON.
    pub becomes: Option<String>,
}

impl Entry {
    fn read(row: &Row<'_>) -> Result<Self, rozmowa_db::Error> {
        Ok(Self {
            id: row.get(0)?,
            actor_kind: ActorKind::from_number(row.get(1)?),
            actor: row.get(2)?,
            address: row.get(3)?,
            request_id: row.get(4)?,
            change: row.get(5)?,
            subject: row.get(6)?,
            was: row.get(7)?,
            becomes: row.get(8)?,
        })
    }

    pub fn at(&self) -> clock::Millis {
        clock::made_at(&self.id)
    }
}

/// Which changes are asked for. Bounds are on ids: `from` inclusive, `until` exclusive.
#[derive(Debug, Clone)]
pub struct Filter {
    pub from: Uuid,
    pub until: Uuid,
    pub subject: Option<String>,
    pub actor: Option<String>,
}

impl Default for Filter {
    fn default() -> Self {
        Self { from: Uuid::nil(), until: Uuid::max(), subject: None, actor: None }
    }
}

/// The newest first.
pub fn list(tx: &mut Tx<'_>, filter: &Filter, limit: i64) -> Result<Vec<Entry>, Error> {
    let Filter { from, until, subject, actor } = filter;
    let entries = match (subject, actor) {
        (Some(subject), None) => {
            tx.query(&LIST_BY_SUBJECT, params![from, until, limit, subject], Entry::read)
        }
        (None, Some(actor)) => {
            tx.query(&LIST_BY_ACTOR, params![from, until, limit, actor], Entry::read)
        }
        (Some(subject), Some(actor)) => {
            tx.query(&LIST_BY_BOTH, params![from, until, limit, subject, actor], Entry::read)
        }
        (None, None) => tx.query(&LIST, params![from, until, limit], Entry::read),
    };
    Ok(entries?)
}
