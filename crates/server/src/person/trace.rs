//! What names a person beside their conversations and the CRM: blocks, e-mails that wait, lines of the audit log.

use std::collections::BTreeSet;

use rozmowa_db::{Db, Row, Tx, params};
use serde_json::Value;
use uuid::Uuid;

use super::{Counts, Person};
use crate::act::Act;
use crate::audit::{self, Entry, Filter};
use crate::block::Blocked;
use crate::clock::Millis;
use crate::http::Error;
use crate::mail::Kind;

rozmowa_db::statements! {
    LIFT = "DELETE FROM block WHERE kind = $1 AND value = $2 RETURNING id";
    LAST_BLOCK = "SELECT last_id FROM id_counter WHERE name = 'block'";
    /// Links to one's own account are of agents, whoever else they are.
    MAILS = "SELECT id, kind, due_at, address, attempts, error, given_up_at, conversation_id FROM mail
        WHERE id > $1 AND kind <> 3 AND kind <> 4 ORDER BY id LIMIT 500";
    REMOVE_MAIL = "DELETE FROM mail WHERE id = $1";
    /// That it was done, by whom and when stays.
    BLANK = "UPDATE audit SET was = NULL, becomes = NULL WHERE subject = $1 AND (was IS NOT NULL OR becomes IS NOT NULL)";
}

/// E-mails that one look takes.
const MAILS_PAGE: usize = 500;
/// Blocks that one look takes.
const BLOCKS_PAGE: i64 = 100;
/// Lines of one subject.
const LINES_MAX: i64 = 1_000;

/// An e-mail that waits, or was given up.
#[derive(Debug, Clone)]
pub struct Mail {
    pub id: Uuid,
    pub kind: Option<Kind>,
    pub due_at: Millis,
    pub address: String,
    pub attempts: i64,
    pub error: Option<String>,
    pub given_up_at: Option<Millis>,
    pub conversation: Option<Uuid>,
}

/// Those to the person, and those that tell of these conversations.
pub async fn mails(
    db: &Db,
    person: &Person,
    conversations: &BTreeSet<Uuid>,
) -> Result<Vec<Mail>, Error> {
    let (mut found, mut after) = (Vec::new(), Uuid::nil());
    loop {
        let page = db.read(move |tx| {
            Ok::<_, Error>(tx.query(&MAILS, params![&after], |row: &Row<'_>| {
                Ok(Mail {
                    id: row.get(0)?,
                    kind: Kind::from_number(row.get(1)?),
                    due_at: row.get(2)?,
                    address: row.get(3)?,
                    attempts: row.get(4)?,
                    error: row.get(5)?,
                    given_up_at: row.get(6)?,
                    conversation: row.get(7)?,
                })
            })?)
        });
        let page = page.await?;
        let is_last = page.len() < MAILS_PAGE;
        after = page.last().map_or(after, |mail| mail.id);
        found.extend(page.into_iter().filter(|mail| {
            person.has(&mail.address)
                || mail.conversation.is_some_and(|id| conversations.contains(&id))
        }));
        if is_last {
            return Ok(found);
        }
    }
}

pub fn remove_mails(tx: &mut Tx<'_>, ids: &[Uuid]) -> Result<Counts, Error> {
    let mut counts = Counts::default();
    for id in ids {
        counts.mails += changed(tx.execute(&REMOVE_MAIL, params![id])?);
    }
    Ok(counts)
}

/// Blocks of the address that the audit log tells of, also such as were lifted long ago, as it names them.
pub async fn blocks_told(db: &Db, person: &Person) -> Result<Vec<String>, Error> {
    let last = db
        .read(|tx| Ok::<_, Error>(tx.query_opt(&LAST_BLOCK, params![], |row| row.get::<i64>(0))?));
    let last = last.await?.unwrap_or(0);
    let (mut found, mut first) = (Vec::new(), 1);
    while first <= last {
        let (person, ids) = (person.clone(), first..=last.min(first + BLOCKS_PAGE - 1));
        let page = db.read(move |tx| {
            let mut told = Vec::new();
            for id in ids.clone() {
                let subject = block_subject(id);
                if of_subject(tx, &subject)?.iter().any(|entry| names(entry, &person)) {
                    told.push(subject);
                }
            }
            Ok::<_, Error>(told)
        });
        found.extend(page.await?);
        first += BLOCKS_PAGE;
    }
    Ok(found)
}

/// Whether a line about a block says that it is one of the address.
fn names(entry: &Entry, person: &Person) -> bool {
    let views = [&entry.was, &entry.becomes].into_iter().flatten();
    let mut views = views.filter_map(|view| serde_json::from_str::<Value>(view).ok());
    views.any(|view| view["kind"] == "email" && view["value"] == person.email())
}

/// Lifts a block as if it had never been; the audit log says no more than that.
pub fn lift(tx: &mut Tx<'_>, act: &Act<'_>, blocked: &Blocked) -> Result<Counts, Error> {
    let of = params![blocked.kind as i64, &blocked.value];
    let Some(id) = tx.query_opt(&LIFT, of, |row| row.get::<i64>(0))? else {
        return Ok(Counts::default());
    };
    let subject = block_subject(id);
    let mut counts = blank(tx, &subject)?;
    counts.blocks = 1;
    audit::record(tx, act, "block.erase", &subject, None::<&()>, None::<&()>)?;
    Ok(counts)
}

/// Takes away what lines of a subject say of it.
pub fn blank(tx: &mut Tx<'_>, subject: &str) -> Result<Counts, Error> {
    let audit_entries = changed(tx.execute(&BLANK, params![subject])?);
    Ok(Counts { audit_entries, ..Counts::default() })
}

/// The newest lines of a subject.
pub fn of_subject(tx: &mut Tx<'_>, subject: &str) -> Result<Vec<Entry>, Error> {
    let filter = Filter { subject: Some(subject.to_owned()), ..Filter::default() };
    audit::list(tx, &filter, LINES_MAX)
}

pub fn block_subject(id: i64) -> String {
    format!("block {id}")
}

pub fn customer_subject(id: i64) -> String {
    format!("customer {id}")
}

fn changed(rows: u64) -> i64 {
    rows.cast_signed()
}
