//! `Idempotency-Key`: a POST that is sent again gets the answer of the first.
//!
//! The row is written in the call's own transaction. A second call with the same key waits for the first: on SQLite
//! because there is one writer, on PostgreSQL because the insert waits for the unique key. Only answers of success
//! are stored: an error changed nothing, so trying again is just that.

use http::HeaderMap;
use rozmowa_db::{Tx, params};

use super::call::Reply;
use super::error::{Code, Error};
use crate::clock::Millis;

rozmowa_db::statements! {
    /// Takes the key, if it is free or its time is over. The answer is filled in before commit.
    CLAIM = "INSERT INTO idempotency (key, fingerprint, created_at, status, body) VALUES ($1, $2, $3, 0, '')
        ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint, created_at = excluded.created_at,
            status = 0, body = ''
        WHERE idempotency.created_at <= $4";
    STORED = "SELECT fingerprint, status, body FROM idempotency WHERE key = $1";
    FILL = "UPDATE idempotency SET status = $2, body = $3 WHERE key = $1";
    /// In small steps: nobody waits for the broom.
    SWEEP = "DELETE FROM idempotency WHERE key IN
        (SELECT key FROM idempotency WHERE created_at <= $1 ORDER BY created_at LIMIT 500)";
}

pub const KEPT_FOR: Millis = 24 * 60 * 60 * 1000;

/// The key of a request, and what tells it from another request.
#[derive(Debug, Clone)]
pub struct Key {
    pub key: [u8; 32],
    pub fingerprint: [u8; 32],
}

/// The header's text, if it is there.
pub fn header(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(text)
            if (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) =>
        {
            Ok(Some(text))
        }
        _ => Err(Code::BadIdempotencyKey.into()),
    }
}

/// Runs the call unless it was answered before.
pub fn once(
    tx: &mut Tx<'_>,
    key: &Key,
    now: Millis,
    run: impl FnOnce(&mut Tx<'_>) -> Result<Reply, Error>,
) -> Result<Reply, Error> {
    let claimed = tx.execute(&CLAIM, params![&key.key, &key.fingerprint, now, now - KEPT_FOR])?;
    if claimed == 0 {
        let (fingerprint, body) = tx.query_one(&STORED, params![&key.key], |row| {
            Ok((row.get::<[u8; 32]>(0)?, row.get::<String>(2)?))
        })?;
        return if fingerprint == key.fingerprint {
            Ok(Reply::from_stored(body))
        } else {
            Err(Code::IdempotencyKeyReused.into())
        };
    }
    let reply = run(tx)?;
    tx.execute(&FILL, params![&key.key, 200, reply.stored()])?;
    Ok(reply)
}

/// Deletes some answers whose time is over, and says whether there may be more.
pub fn sweep(tx: &mut Tx<'_>, now: Millis) -> Result<bool, Error> {
    Ok(tx.execute(&SWEEP, params![now - KEPT_FOR])? == 500)
}
