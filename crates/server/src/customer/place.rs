//! Pages by offset, of which each begins where the one before it ended.
//!
//! Who reads customers page by page with `limit` and `offset` is to get each one that stays once, whoever else comes and goes
//! meanwhile. An offset alone can't do that: whoever is deleted on pages that were read shifts all that follow, and a page is
//! never short before the last one, as that is how readers know the end. So for an hour it is remembered where a full page ended,
//! by who read it and what was asked for, and an offset that is such an end goes on there.

use rozmowa_db::{Tx, params};

use super::list::{self, Filter, Item, Parts};
use crate::app::App;
use crate::clock::Millis;
use crate::http::Error;
use crate::http::idempotency::Hash;

/// How long an end is remembered.
const KEPT_FOR: Millis = 60 * 60 * 1000;

rozmowa_db::statements! {
    FIND = "SELECT after_id FROM list_place WHERE list_key = $1 AND place = $2 AND at > $3";
    KEEP = "INSERT INTO list_place (list_key, place, after_id, at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (list_key, place) DO UPDATE SET after_id = excluded.after_id, at = excluded.at";
    SWEEP = "DELETE FROM list_place WHERE (list_key, place) IN
        (SELECT list_key, place FROM list_place WHERE at <= $1 ORDER BY at LIMIT 500)";
}

/// Where a full page ended.
#[derive(Debug, Clone, Copy)]
pub struct End {
    key: Hash,
    place: i64,
    after: i64,
}

/// A page and how many there are in all, counting those that were passed over even if they are gone since.
pub struct Page {
    pub count: i64,
    pub items: Vec<Item>,
    /// To be kept before the answer leaves.
    pub end: Option<End>,
}

/// `reader` is who reads.
pub fn page(
    tx: &mut Tx<'_>,
    app: &App,
    reader: &[u8],
    mut filter: Filter,
    (limit, offset): (i64, i64),
    parts: Parts,
) -> Result<Page, Error> {
    let what = format!("{filter:?}");
    let key = app.secret.short_fingerprint(&[b"customers", reader, what.as_bytes()]);
    let now = app.clock.now();
    let mut found = None;
    if offset > 0 && limit > 0 {
        found = tx.query_opt(&FIND, params![&key, offset, now - KEPT_FOR], |row| row.get(0))?;
    }
    let (mut skipped, mut passed) = (offset, 0);
    if let Some(after) = found {
        filter.after = after;
        (skipped, passed) = (0, offset);
    }
    let items = list::page(tx, &filter, limit, skipped, parts)?;
    let count = passed + list::count(tx, &filter)?;
    let is_full = i64::try_from(items.len()).is_ok_and(|length| length == limit);
    let last = items.last().filter(|_| is_full);
    let end = last.map(|last| End { key, place: offset.saturating_add(limit), after: last.id });
    Ok(Page { count, items, end })
}

/// Remembers where a page ended. A store that takes nothing shifts nothing either, so nobody is refused an answer for that.
pub async fn keep(app: &App, end: Option<End>) {
    let Some(End { key, place, after }) = end else { return };
    let now = app.clock.now();
    let kept = app.db.write(move |tx| -> Result<(), Error> {
        Ok(tx.put(&KEEP, params![&key, place, after, now])?)
    });
    if let Err(error) = kept.await {
        tracing::debug!(cause = error.cause(), "where a page ended is not kept");
    }
}

/// Forgets some of those whose time is over, and says whether there may be more.
pub fn sweep(tx: &mut Tx<'_>, now: Millis) -> Result<bool, Error> {
    Ok(tx.execute(&SWEEP, params![now - KEPT_FOR])? == 500)
}
