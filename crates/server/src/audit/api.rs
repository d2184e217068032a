//! The audit log, for integrators.

use jiff::tz::TimeZone;
use rozmowa_db::Tx;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Entry, Filter};
use crate::clock;
use crate::http::error::Envelope;
use crate::http::params::{Count, Cursor, Line, TimeFrom, TimeUntil};
use crate::http::{Call, Error, Reply, page};
use crate::time;

crate::params! { query
    ListAudit {
        /// At most so many; more than 100 is taken as 100.
        limit: Option<Count>,
        /// Empty or absent for the first page, then `next_cursor`.
        cursor: Option<Cursor>,
        /// Changed then or later: `2014-07-04`, `2014-07-14 12:34` or `2014-07-14 12:34:56`.
        date_from: Option<TimeFrom>,
        /// Changed then or earlier, that whole day, minute or second included.
        date_to: Option<TimeUntil>,
        /// What was changed, to the letter: `api_user shop`, `queue 3`, `setting customers.add_automatically`.
        subject: Option<Line<300>>,
        /// Who changed it, to the letter.
        actor: Option<Line<300>>,
    }
}

/// A change.
#[derive(Serialize, ToSchema)]
pub struct AuditEntry {
    audit_id: Uuid,
    #[schema(example = "2016-04-20 09:46:24")]
    at: String,
    /// `API_USER`, `COMMAND_LINE`, or `SYSTEM`: the server itself.
    #[schema(example = "COMMAND_LINE")]
    actor_kind: &'static str,
    /// The API user's name, or whoever the shell of the command line said.
    #[schema(example = "root")]
    actor: String,
    /// Where an API user called from.
    #[schema(required)]
    address: Option<String>,
    /// Of the call that made the change.
    #[schema(required)]
    request_id: Option<String>,
    #[schema(example = "api_user.change")]
    change: String,
    #[schema(example = "api_user shop")]
    subject: String,
    /// As it was before; null when there was nothing.
    #[schema(required)]
    was: Option<Value>,
    /// As it is since; null when there is nothing any more.
    #[schema(required)]
    becomes: Option<Value>,
}

impl AuditEntry {
    pub fn new(entry: Entry, zone: &TimeZone) -> Self {
        Self {
            audit_id: entry.id,
            at: time::with_seconds(entry.at(), zone),
            actor_kind: entry.actor_kind.name(),
            actor: entry.actor,
            address: entry.address,
            request_id: entry.request_id,
            change: entry.change,
            subject: entry.subject,
            was: json(entry.was),
            becomes: json(entry.becomes),
        }
    }
}

pub(super) fn json(text: Option<String>) -> Option<Value> {
    text.and_then(|text| serde_json::from_str(&text).ok())
}

/// Changes, the newest first.
#[derive(Serialize, ToSchema)]
pub struct AuditPage {
    result: Vec<AuditEntry>,
    /// Where the next page begins; null on the last one.
    #[schema(required)]
    next_cursor: Option<Uuid>,
}

/// Lists administrative changes
///
/// Our addition. Who changed what and when, the newest first; secrets are in none of it.
#[utoipa::path(
    get, path = "/api/audit", operation_id = "list_audit", tag = "additions", params(ListAudit),
    responses(
        (status = 200, description = "The changes.", body = AuditPage),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(mut call: Call) -> Result<Reply, Error> {
    let given: ListAudit = call.params()?;
    call.read(move |tx, app| {
        let (entries, next_cursor) = page_of(tx, &given)?;
        let zone = &app.config.time_zone;
        let result = entries.into_iter().map(|entry| AuditEntry::new(entry, zone)).collect();
        Reply::json(&AuditPage { result, next_cursor })
    })
    .await
}

/// The changes that are asked for, and where the next page begins.
pub(super) fn page_of(
    tx: &mut Tx<'_>,
    given: &ListAudit,
) -> Result<(Vec<Entry>, Option<Uuid>), Error> {
    let limit = page::limit(given.limit);
    let found = super::list(tx, &filter(given), limit + 1)?;
    let (entries, has_more) = page::cut(found, limit);
    let next_cursor = entries.last().map(|entry| entry.id).filter(|_| has_more);
    Ok((entries, next_cursor))
}

fn filter(given: &ListAudit) -> Filter {
    let mut filter = Filter {
        subject: given.subject.as_deref().map(str::to_owned),
        actor: given.actor.as_deref().map(str::to_owned),
        ..Filter::default()
    };
    if let Some(TimeFrom(at)) = given.date_from {
        filter.from = clock::first_id_at(at);
    }
    if let Some(TimeUntil(at)) = given.date_to {
        filter.until = clock::first_id_at(at);
    }
    if let Some(Cursor(Some(last))) = given.cursor {
        filter.until = filter.until.min(last);
    }
    filter
}
