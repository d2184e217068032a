//! What waits to be sent: a row each, in the order in which they are due.

use std::collections::HashSet;

use rozmowa_db::{Row, Tx, params};
use uuid::Uuid;

use super::Kind;
use crate::act::Act;
use crate::clock::Millis;
use crate::http::Error;
use crate::locale::Language;
use crate::secret::Key;

rozmowa_db::statements! {
    DUE = "SELECT id, due_at, kind, address, language, conversation_id, agent_id, from_seq, until_seq, secret, attempts
        FROM mail WHERE given_up_at IS NULL AND due_at <= $1 AND kind <= 4 ORDER BY due_at, id LIMIT $2";
    NEXT = "SELECT min(due_at) FROM mail WHERE given_up_at IS NULL AND due_at > $1";
    /// To the first who begins it.
    TAKE = "UPDATE mail SET due_at = $3, attempts = attempts + 1 WHERE id = $1 AND due_at = $2 AND given_up_at IS NULL";
    POSTPONE = "UPDATE mail SET due_at = $3 WHERE id = $1 AND due_at = $2 AND given_up_at IS NULL";
    /// When an address got the last but so many.
    SENT_TO = "SELECT at FROM mail_sent WHERE address_hash = $1 AND at > $2 ORDER BY at DESC LIMIT 1 OFFSET $3";
    COUNT = "INSERT INTO mail_sent (address_hash, at, mail_id) VALUES ($1, $2, $3)";
    UNCOUNT = "DELETE FROM mail_sent WHERE address_hash = $1 AND at = $2 AND mail_id = $3";
    DONE = "DELETE FROM mail WHERE id = $1";
    AGAIN = "UPDATE mail SET due_at = $3, error = $4 WHERE id = $1 AND due_at = $2";
    GIVE_UP = "UPDATE mail SET given_up_at = $3, error = $4, secret = NULL WHERE id = $1 AND due_at = $2";
    WAITING = "SELECT id, due_at, kind, address, attempts, error, given_up_at FROM mail
        WHERE given_up_at IS NULL ORDER BY due_at, id LIMIT $1";
    GIVEN_UP = "SELECT id, due_at, kind, address, attempts, error, given_up_at FROM mail
        WHERE given_up_at IS NOT NULL ORDER BY given_up_at DESC, id DESC LIMIT $1";
    SWEEP = "DELETE FROM mail WHERE id IN
        (SELECT id FROM mail WHERE given_up_at IS NOT NULL AND given_up_at <= $1 ORDER BY given_up_at LIMIT 500)";
    OLD = "SELECT address_hash, at, mail_id FROM mail_sent WHERE at <= $1 ORDER BY at LIMIT 500";
}

/// Between an attempt and the next one; after the last it is given up.
const SCHEDULE: [Millis; 5] = [60_000, 300_000, 1_800_000, 7_200_000, 28_800_000];
/// An address gets so many in [`HOUR`].
pub const HOURLY_MAX: i64 = 10;
pub const HOUR: Millis = 60 * 60 * 1000;
/// What was given up is kept to be seen.
const KEPT: Millis = 30 * 24 * HOUR;
const SWEEP_STEP: usize = 500;

/// An e-mail that is due.
#[derive(Debug, Clone)]
pub struct Due {
    pub id: Uuid,
    at: Millis,
    pub kind: Kind,
    pub address: String,
    pub language: Language,
    pub conversation: Option<Uuid>,
    pub agent_id: Option<i64>,
    pub seqs: (i64, i64),
    secret: Option<Vec<u8>>,
    /// This one included, once it is taken.
    attempts: i64,
    /// When it was taken.
    taken_at: Millis,
}

impl Due {
    /// None for a kind of a later version: it waits for that version.
    fn read(row: &Row<'_>) -> Result<Option<Self>, rozmowa_db::Error> {
        let Some(kind) = Kind::from_number(row.get(2)?) else { return Ok(None) };
        Ok(Some(Self {
            id: row.get(0)?,
            at: row.get(1)?,
            kind,
            address: row.get(3)?,
            language: super::language(Some(&row.get::<String>(4)?)),
            conversation: row.get(5)?,
            agent_id: row.get(6)?,
            seqs: (
                row.get::<Option<i64>>(7)?.unwrap_or(0),
                row.get::<Option<i64>>(8)?.unwrap_or(i64::MAX),
            ),
            secret: row.get(9)?,
            attempts: row.get(10)?,
            taken_at: 0,
        }))
    }

    /// What the link in it ends with.
    pub fn secret(&self, key: &Key) -> Option<String> {
        let plain = key.open_sealed(&super::purpose(&self.id), self.secret.as_deref()?)?;
        String::from_utf8(plain).ok()
    }
}

/// The first that are due.
pub fn due(tx: &mut Tx<'_>, now: Millis, limit: i64) -> Result<Vec<Due>, Error> {
    let found = tx.query(&DUE, params![now, limit], Due::read)?;
    Ok(found.into_iter().flatten().collect())
}

/// When the first of those is due that are not yet.
pub fn next(tx: &mut Tx<'_>, now: Millis) -> Result<Option<Millis>, Error> {
    Ok(tx.query_one(&NEXT, params![now], |row| row.get(0))?)
}

/// Takes those that nobody else has taken, until a given time: whoever has not reported then counts as dead. Those whose
/// address has got enough in this hour are left for later.
pub fn take(
    tx: &mut Tx<'_>,
    key: &Key,
    due: &[Due],
    now: Millis,
    until: Millis,
) -> Result<Vec<Due>, Error> {
    let addresses: HashSet<_> = due.iter().map(|mail| mail.address.to_lowercase()).collect();
    // Nobody else counts what these addresses get meanwhile.
    tx.lock(&addresses.iter().map(String::as_str).collect::<Vec<_>>())?;
    let mut taken = Vec::new();
    for mail in due {
        let hash = address_hash(key, &mail.address);
        if let Some(later) = full_until(tx, &hash, now)? {
            tx.execute(&POSTPONE, params![&mail.id, mail.at, later])?;
            continue;
        }
        if tx.execute(&TAKE, params![&mail.id, mail.at, until])? == 1 {
            tx.put(&COUNT, params![&hash, now, &mail.id])?;
            let attempts = mail.attempts + 1;
            taken.push(Due { at: until, attempts, taken_at: now, ..mail.clone() });
        }
    }
    Ok(taken)
}

/// When an address that has got enough gets more, in seconds.
pub fn full_for(
    tx: &mut Tx<'_>,
    key: &Key,
    address: &str,
    now: Millis,
) -> Result<Option<u64>, Error> {
    let until = full_until(tx, &address_hash(key, address), now)?;
    Ok(until.map(|until| (until - now).unsigned_abs().div_ceil(1000)))
}

fn full_until(tx: &mut Tx<'_>, hash: &[u8], now: Millis) -> Result<Option<Millis>, Error> {
    let range = params![hash, now - HOUR, HOURLY_MAX - 1];
    let first = tx.query_opt(&SENT_TO, range, |row| row.get::<Millis>(0))?;
    Ok(first.map(|first| first + HOUR))
}

fn address_hash(key: &Key, address: &str) -> [u8; 16] {
    key.short_fingerprint(&[b"mail", address.to_lowercase().as_bytes()])
}

/// What came of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Sent,
    /// There was nothing to tell any more.
    Dropped,
    Failed {
        error: String,
        is_final: bool,
    },
}

/// What is to be done with it now. Whether it was given up.
pub fn report(
    tx: &mut Tx<'_>,
    key: &Key,
    mail: &Due,
    outcome: &Outcome,
    now: Millis,
) -> Result<bool, Error> {
    if *outcome != Outcome::Sent {
        // The address did not get it.
        tx.put(&UNCOUNT, params![&address_hash(key, &mail.address), mail.taken_at, &mail.id])?;
    }
    let Outcome::Failed { error, is_final } = outcome else {
        tx.put(&DONE, params![&mail.id])?;
        return Ok(false);
    };
    let step = usize::try_from(mail.attempts - 1).unwrap_or(0);
    match SCHEDULE.get(step).filter(|_| !is_final) {
        Some(wait) => {
            let at = now + wait;
            tx.execute(&AGAIN, params![&mail.id, mail.at, at, error])?;
            Ok(false)
        }
        None => Ok(tx.execute(&GIVE_UP, params![&mail.id, mail.at, now, error])? == 1),
    }
}

/// One as it is shown to operators.
#[derive(Debug)]
pub struct Shown {
    pub id: Uuid,
    pub due_at: Millis,
    pub kind: Option<Kind>,
    pub address: String,
    pub attempts: i64,
    pub error: Option<String>,
    pub given_up_at: Option<Millis>,
}

/// What waits, the first first; then what was given up, the newest first.
pub fn list(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<Shown>, Error> {
    let read = |row: &Row<'_>| {
        Ok(Shown {
            id: row.get(0)?,
            due_at: row.get(1)?,
            kind: Kind::from_number(row.get(2)?),
            address: row.get(3)?,
            attempts: row.get(4)?,
            error: row.get(5)?,
            given_up_at: row.get(6)?,
        })
    };
    let mut all = tx.query(&WAITING, params![limit], read)?;
    all.extend(tx.query(&GIVEN_UP, params![limit], read)?);
    Ok(all)
}

/// Deletes some of what was kept long enough, and says whether there may be more.
pub fn sweep(tx: &mut Tx<'_>, act: &Act<'_>) -> Result<bool, Error> {
    let swept = tx.execute(&SWEEP, params![act.now - KEPT])?;
    let read =
        |row: &Row<'_>| Ok((row.get::<Vec<u8>>(0)?, row.get::<Millis>(1)?, row.get::<Uuid>(2)?));
    let old = tx.query(&OLD, params![act.now - HOUR], read)?;
    for (hash, at, id) in &old {
        tx.put(&UNCOUNT, params![hash.as_slice(), *at, id])?;
    }
    Ok(swept == SWEEP_STEP as u64 || old.len() == SWEEP_STEP)
}
