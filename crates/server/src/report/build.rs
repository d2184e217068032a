//! Makes the rows that reports count of conversations that are older than these rows, and makes all of them anew.
//!
//! In the order of ids, in steps: a step reads logs in a snapshot, where nobody waits for it, and keeps them in a short transaction. How
//! far it has come is a setting, so whoever is stopped goes on there, on any node. A report goes by what there is, and reads the logs of
//! the others.

use std::time::Duration;

use rozmowa_db::{Db, Tx, params};
use tokio::sync::watch;
use uuid::Uuid;

use super::fact::{self, Fact, From};
use crate::app::App;
use crate::http::Error;
use crate::setting;

rozmowa_db::statements! {
    NEXT = "SELECT c.id, c.chat_queue_id, c.agent_id, c.rating, f.seq, f.marks, f.wait_ms, f.chat_ms
        FROM conversation c LEFT JOIN report_fact f ON f.conversation_id = c.id
        WHERE c.id > $1 ORDER BY c.id LIMIT $2";
    /// Nobody else changes it until this transaction has ended.
    HOLD = {
        sqlite: "SELECT c.id, c.chat_queue_id, c.agent_id, c.rating, 0, 0, NULL, NULL, c.seq FROM conversation c WHERE c.id = $1",
        postgres: "SELECT c.id, c.chat_queue_id, c.agent_id, c.rating, 0::bigint, 0::bigint, NULL::bigint, NULL::bigint, c.seq
            FROM conversation c WHERE c.id = $1 FOR UPDATE",
    };
    /// Rows of no conversation.
    DROP_ORPHANS = "DELETE FROM report_fact WHERE conversation_id > $1 AND conversation_id <= $2
        AND NOT EXISTS (SELECT 1 FROM conversation c WHERE c.id = report_fact.conversation_id)";
    ADVANCE = "UPDATE setting SET value = $3 WHERE name = $1 AND value = $2";
    /// The kept rows that are as far as their conversations, for `verify`.
    KEPT = "SELECT c.id, c.chat_queue_id, c.agent_id, c.rating, f.seq, f.marks, f.wait_ms, f.chat_ms, f.chat_queue_id, f.agent_id,
            f.rating
        FROM report_fact f LEFT JOIN conversation c ON c.id = f.conversation_id
        WHERE f.conversation_id > $1 AND f.seq = c.seq ORDER BY f.conversation_id LIMIT $2";
    ORPHAN = "SELECT f.conversation_id FROM report_fact f WHERE f.conversation_id > $1
        AND NOT EXISTS (SELECT 1 FROM conversation c WHERE c.id = f.conversation_id) ORDER BY f.conversation_id LIMIT $2";
}

const BUILT: &str = "report.built";
const ALL: &str = "all";
/// Conversations of a step.
const STEP: i64 = 100;
/// How often it is looked whether somebody has begun anew and was stopped.
const ROUND_EVERY: Duration = Duration::from_mins(1);

/// Whether every conversation has a row, or a log that has gone on.
pub fn is_done(tx: &mut Tx<'_>) -> Result<bool, Error> {
    Ok(setting::text(tx, BUILT)?.is_some_and(|built| built == ALL))
}

/// Begins anew, unless somebody is at it: then that one's work is gone on with.
pub fn begin(tx: &mut Tx<'_>) -> Result<(), Error> {
    if setting::text(tx, BUILT)?.is_none_or(|built| built == ALL) {
        setting::set_text(tx, BUILT, &Uuid::nil().to_string())?;
    }
    Ok(())
}

/// Until it is told to stop.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    loop {
        let done = async {
            while !*stop.borrow() && step(&app.db).await? {}
            Ok::<_, Error>(())
        };
        if let Err(error) = done.await {
            tracing::warn!(cause = error.cause(), "what reports count will be made later");
        }
        tokio::select! {
            () = tokio::time::sleep(ROUND_EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Conversations that were read, and up to which one.
struct Read {
    built: String,
    facts: Vec<Fact>,
    becomes: String,
}

/// Takes a step; false when nothing is left.
pub async fn step(db: &Db) -> Result<bool, Error> {
    let Some(read) = db.read(read).await? else { return Ok(false) };
    db.write(move |tx| keep(tx, &read)).await?;
    Ok(true)
}

fn read(tx: &mut Tx<'_>) -> Result<Option<Read>, Error> {
    let built = setting::text(tx, BUILT)?.unwrap_or_default();
    if built == ALL {
        return Ok(None);
    }
    let after = built.parse().unwrap_or(Uuid::nil());
    let mut facts = tx.query(&NEXT, params![&after, STEP], |row| Ok(Fact::read(row)?.unread()))?;
    fact::catch_up(tx, &mut facts, From::Beginning)?;
    let becomes = facts.last().map_or_else(|| ALL.to_owned(), |last| last.id.to_string());
    Ok(Some(Read { built, facts, becomes }))
}

fn keep(tx: &mut Tx<'_>, read: &Read) -> Result<(), Error> {
    let Read { built, facts, becomes } = read;
    // Somebody else was first.
    if tx.execute(&ADVANCE, params![BUILT, built, becomes])? == 0 {
        return Ok(());
    }
    for fact in facts {
        let row = |row: &rozmowa_db::Row<'_>| Ok((Fact::read(row)?, row.get::<i64>(8)?));
        // One that was deleted meanwhile stays so.
        let Some((now, seq)) = tx.query_opt(&HOLD, params![&fact.id], row)? else { continue };
        let mut kept =
            Fact { seq: fact.seq, marks: fact.marks, wait: fact.wait, chat: fact.chat, ..now };
        kept.read_on(tx, seq)?;
        kept.put(tx)?;
    }
    let after = built.parse().unwrap_or(Uuid::nil());
    let until = facts.last().map_or(Uuid::max(), |last| last.id);
    tx.execute(&DROP_ORPHANS, params![&after, &until])?;
    Ok(())
}

/// What is wrong with the rows of up to `limit` conversations after a given one, held against their logs; the last of them.
pub fn verify(
    tx: &mut Tx<'_>,
    after: &Uuid,
    limit: i64,
    faults: &mut Vec<String>,
) -> Result<Option<Uuid>, Error> {
    let rows = tx.query(&KEPT, params![after, limit], |row| {
        let fact = Fact::read(row)?;
        let kept = Fact {
            chat_queue_id: row.get(8)?,
            agent_id: row.get(9)?,
            rating: row.get(10)?,
            ..fact.clone()
        };
        Ok((fact, kept))
    })?;
    let (facts, kept): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    let mut facts: Vec<Fact> = facts.iter().map(Fact::unread).collect();
    fact::catch_up(tx, &mut facts, From::Beginning)?;
    for (fact, kept) in facts.iter().zip(&kept) {
        if fact != kept {
            faults.push(format!(
                "conversation {}: reports count something else than its log says",
                fact.id
            ));
        }
    }
    Ok(facts.last().map(|fact| fact.id))
}

/// Rows of no conversation: a few of them, if there are any.
pub fn orphans(tx: &mut Tx<'_>, faults: &mut Vec<String>) -> Result<(), Error> {
    let ids = tx.query(&ORPHAN, params![&Uuid::nil(), 10], |row| row.get::<Uuid>(0))?;
    faults.extend(ids.iter().map(|id| format!("reports count {id}, which is no conversation")));
    Ok(())
}
