//! `Idempotency-Key`: a POST that is sent again gets the answer of the first.
//!
//! The row is written in the call's own transaction. A second call with the same key waits for the first: on SQLite
//! because there is one writer, on PostgreSQL because its insert waits for the unique key, after which it is run again
//! and finds the answer. Only answers of success are stored: an error changed nothing, so trying again is just that.
//! An answer that holds a secret is sealed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::HeaderMap;
use rozmowa_db::{Tx, params};

use super::call::Reply;
use super::error::{Code, Error};
use crate::act::Act;
use crate::clock::{Ids, Millis};
use crate::secret;

rozmowa_db::statements! {
    STORED = "SELECT fingerprint, body, status FROM idempotency WHERE key = $1 AND created_at > $2";
    /// Over one whose time is over, too.
    STORE = "INSERT INTO idempotency (key, fingerprint, created_at, status, body) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint, created_at = excluded.created_at,
            status = excluded.status, body = excluded.body
        WHERE idempotency.created_at <= $6";
    /// In small steps: nobody waits for the broom.
    SWEEP = "DELETE FROM idempotency WHERE key IN
        (SELECT key FROM idempotency WHERE created_at <= $1 ORDER BY created_at LIMIT 500)";
}

/// How a sealed answer begins; no JSON does.
const SEALED: &str = "sealed:";

pub const KEPT_FOR: Millis = 24 * 60 * 60 * 1000;

/// Half of a keyed SHA-256: no two requests share one by chance.
pub type Hash = [u8; 16];

/// The key of a request, and what tells it from another request.
#[derive(Debug, Clone)]
pub struct Key {
    pub key: Hash,
    pub fingerprint: Hash,
}

impl Key {
    /// That of a step of a call that takes several transactions.
    #[must_use]
    pub fn step(&self, secret: &secret::Key, number: usize) -> Self {
        let number = u64::try_from(number).unwrap_or(u64::MAX).to_be_bytes();
        let key = secret.short_fingerprint(&[b"step", &self.key, &number]);
        Self { key, fingerprint: self.fingerprint }
    }
}

/// Described once for all POSTs.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IdempotencyKey {
    /// Our addition: sent again within 24 hours, the same request gets the stored answer. 1 to 255 visible ASCII
    /// characters.
    #[param(
        required = false,
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$"
    )]
    #[expect(dead_code, reason = "it describes; the header is read with the call")]
    key: String,
}

/// The header's text, if it is there.
pub fn header(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Code::BadIdempotencyKey.into());
    }
    match value.to_str() {
        Ok(text)
            if (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) =>
        {
            Ok(Some(text))
        }
        _ => Err(Code::BadIdempotencyKey.into()),
    }
}

/// The answer to this very request, if it was given before.
pub fn find(
    tx: &mut Tx<'_>,
    secret: &secret::Key,
    key: &Key,
    now: Millis,
) -> Result<Option<Reply>, Error> {
    let stored = tx.query_opt(&STORED, params![&key.key, now - KEPT_FOR], |row| {
        Ok((row.get::<Hash>(0)?, row.get::<String>(1)?, row.get::<i64>(2)?))
    })?;
    match stored {
        Some((fingerprint, body, status)) if fingerprint == key.fingerprint => {
            read(secret, key, body, status).map(Some)
        }
        Some(_) => Err(Code::IdempotencyKeyReused.into()),
        None => Ok(None),
    }
}

/// Runs the call unless it was answered before.
pub fn once(
    tx: &mut Tx<'_>,
    secret: &secret::Key,
    key: &Key,
    act: &Act<'_>,
    run: impl FnOnce(&mut Tx<'_>) -> Result<Reply, Error>,
) -> Result<Reply, Error> {
    let over = act.now - KEPT_FOR;
    if let Some(reply) = find(tx, secret, key, act.now)? {
        return Ok(reply);
    }
    let reply = run(tx)?;
    let body = written(secret, act.ids, key, &reply)?;
    let row = params![
        &key.key,
        &key.fingerprint,
        act.now,
        i64::from(reply.status().as_u16()),
        &body,
        over
    ];
    if tx.execute(&STORE, row)? == 0 {
        return Err(tx.run_again("the same Idempotency-Key was stored meanwhile").into());
    }
    Ok(reply)
}

fn written(secret: &secret::Key, ids: &Ids, key: &Key, reply: &Reply) -> Result<String, Error> {
    if reply.is_secret() {
        let sealed = secret.seal(ids, &purpose(key), reply.body());
        return Ok(format!("{SEALED}{}", STANDARD_NO_PAD.encode(sealed)));
    }
    String::from_utf8(reply.body().to_vec()).map_err(Error::internal)
}

fn read(secret: &secret::Key, key: &Key, body: String, status: i64) -> Result<Reply, Error> {
    let Some(encoded) = body.strip_prefix(SEALED) else {
        return Ok(Reply::from_stored(body.into_bytes(), status));
    };
    let sealed = STANDARD_NO_PAD.decode(encoded).map_err(Error::internal)?;
    let opened = secret.open_sealed(&purpose(key), &sealed);
    let opened =
        opened.ok_or_else(|| Error::internal("a stored answer was sealed for another call"))?;
    Ok(Reply::from_stored(opened, status).secret())
}

/// A sealed answer is that of its own row.
fn purpose(key: &Key) -> String {
    format!("answer {:032x}", u128::from_be_bytes(key.key))
}

/// Deletes some answers whose time is over, and says whether there may be more.
pub fn sweep(tx: &mut Tx<'_>, now: Millis) -> Result<bool, Error> {
    Ok(tx.execute(&SWEEP, params![now - KEPT_FOR])? == 500)
}
