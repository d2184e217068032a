//! HTTP Basic for API users: one hash for many calls, failures limited by address.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use governor::clock::Clock as _;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use http::{HeaderMap, header};
use moka::future::Cache;
use rozmowa_db::Db;

use super::address::limited_as;
use super::error::{Code, Error, Fault};
use crate::account::password::Hasher;
use crate::account::{self, Methods};
use crate::clock::Ids;
use crate::secret::Key;

/// How long a right pair of name and password is remembered.
const REMEMBERED_FOR: Duration = Duration::from_mins(5);
const REMEMBERED_MAX: u64 = 10_000;
/// Longer ones are wrong without a look.
const HEADER_MAX: usize = 1024;

/// Who calls.
#[derive(Debug, Clone)]
pub struct Caller {
    pub api_user_id: i64,
    pub credential_version: i64,
    pub methods: Methods,
}

/// Checks credentials.
pub struct Gate {
    db: Db,
    hasher: Hasher,
    /// By a fingerprint under a key of this process: the cache holds no password.
    remembered: Cache<[u8; 32], Arc<Caller>>,
    key: Key,
    failures: DefaultKeyedRateLimiter<IpAddr>,
}

impl Gate {
    pub fn new(db: Db, ids: &Ids, failures_per_minute: u32) -> Self {
        let quota = NonZeroU32::new(failures_per_minute).unwrap_or(NonZeroU32::MIN);
        Self {
            db,
            hasher: Hasher::new(ids.bytes()),
            remembered: Cache::builder()
                .max_capacity(REMEMBERED_MAX)
                .time_to_live(REMEMBERED_FOR)
                .build(),
            key: Key::passing(ids),
            failures: RateLimiter::keyed(Quota::per_minute(quota)),
        }
    }

    pub fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// Forgets addresses that have been quiet.
    pub fn tidy(&self) {
        self.failures.retain_recent();
        self.failures.shrink_to_fit();
    }

    /// Who the header says is calling. That nothing has changed since is checked in the call's own transaction.
    pub async fn check(&self, headers: &HeaderMap, from: IpAddr) -> Result<Arc<Caller>, Error> {
        let Some((name, password)) = credentials(headers) else {
            return Err(Code::Unauthorized.into());
        };
        let print = self.key.fingerprint(&[name.as_bytes(), password.as_bytes()]);
        if let Some(caller) = self.remembered.get(&print).await {
            return Ok(caller);
        }
        // One hash for a burst of the same; an error is not remembered.
        self.remembered
            .try_get_with(print, self.verify(name, password, from))
            .await
            .map_err(|error: Arc<Error>| (*error).clone())
    }

    /// Forgets one pair, after it was found changed.
    pub async fn forget(&self, headers: &HeaderMap) {
        if let Some((name, password)) = credentials(headers) {
            let print = self.key.fingerprint(&[name.as_bytes(), password.as_bytes()]);
            self.remembered.invalidate(&print).await;
        }
    }

    async fn verify(
        &self,
        name: String,
        password: String,
        from: IpAddr,
    ) -> Result<Arc<Caller>, Error> {
        // Before the hash, so that guessing costs the guesser and not us. A right pair takes its share too, once
        // in five minutes.
        if let Err(wait) = self.failures.check_key(&limited_as(from)) {
            let wait = wait.wait_time_from(self.failures.clock().now()).as_secs() + 1;
            let fault = Fault::new(Code::TooManyFailures).with("seconds", wait);
            return Err(Error::from(fault).retry_after(wait));
        }
        let found = self.db.read(move |tx| account::find(tx, &name)).await?;
        let user = found.filter(|user| user.is_enabled);
        let hash = user.as_ref().map(|user| user.password_hash.clone());
        let matches = self.hasher.verify(password, hash).await?;
        match user {
            Some(user) if matches => Ok(Arc::new(Caller {
                api_user_id: user.id,
                credential_version: user.credential_version,
                methods: user.methods,
            })),
            _ => Err(Code::Unauthorized.into()),
        }
    }
}

fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, encoded) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") || encoded.len() > HEADER_MAX {
        return None;
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(encoded.trim_ascii()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (name, password) = text.split_once(':')?;
    // PostgreSQL can't be asked for a name with NUL.
    (!name.contains('\0')).then(|| (name.to_owned(), password.to_owned()))
}
