//! HTTP Basic for API users: one hash for many calls, failures limited by address.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use http::{HeaderMap, header};
use moka::future::Cache;
use rozmowa_db::{Db, Tx};

use super::address::limited_as;
use super::call::{Caller, Head};
use super::error::{Code, Error, Fault};
use crate::account::password::{Hasher, Hashes, Secret};
use crate::account::{self, Methods};
use crate::act::ActorKind;
use crate::app::App;
use crate::clock::{Clock, Ids, Millis};
use crate::secret::Key;

/// How long a right pair of name and password is remembered.
const REMEMBERED_FOR: Duration = Duration::from_mins(5);
const REMEMBERED_MAX: u64 = 10_000;
/// Failures are counted over this long, by at most so many addresses.
const WINDOW: Duration = Duration::from_mins(1);
const ADDRESSES_MAX: u64 = 100_000;
/// Longer ones are wrong without a look.
const HEADER_MAX: usize = 1024;

/// A program that calls, by name and password.
#[derive(Debug, Clone)]
pub struct ApiUser {
    pub api_user_id: i64,
    pub name: String,
    pub credential_version: i64,
    pub methods: Methods,
    /// The first moment at which the user is refused.
    pub expires_at: Option<Millis>,
    /// The same for the password, when it is one that was replaced.
    pub password_expires_at: Option<Millis>,
}

impl ApiUser {
    fn new(user: account::ApiUser, secret: Secret) -> Self {
        let old = user.old.filter(|_| secret == Secret::Old);
        Self {
            api_user_id: user.id,
            name: user.name,
            credential_version: user.credential_version,
            methods: user.methods,
            expires_at: user.expires_at,
            password_expires_at: old.map(|old| old.expires_at),
        }
    }

    /// That the password was right says nothing of how long it is: asked on every call, and by answers that take long.
    pub fn check_at(&self, now: Millis) -> Result<(), Code> {
        let is_over = |at: Option<Millis>| at.is_some_and(|at| at <= now);
        // A password that is over is a wrong one, and learns nothing.
        if is_over(self.password_expires_at) {
            return Err(Code::Unauthorized);
        }
        if is_over(self.expires_at) { Err(Code::Expired) } else { Ok(()) }
    }

    fn permit(&self, head: &Head) -> Result<(), Error> {
        if self.methods.allow_all() {
            return Ok(());
        }
        let method = head.method_name();
        if self.methods.allow(&method) {
            return Ok(());
        }
        Err(Fault::new(Code::Forbidden).with("method", method).into())
    }
}

impl Caller for ApiUser {
    const KIND: ActorKind = ActorKind::ApiUser;

    async fn enter(head: &Head, app: &App) -> Result<Arc<Self>, Error> {
        let caller = app.gate.check(&head.headers, head.from).await?;
        match caller.permit(head) {
            Ok(()) => Ok(caller),
            // What is remembered of the user may be out of date, and the method on its list by now.
            Err(refusal) if app.gate.is_unchanged(&caller).await? => Err(refusal),
            Err(_) => Self::enter_again(head, app).await,
        }
    }

    async fn enter_again(head: &Head, app: &App) -> Result<Arc<Self>, Error> {
        app.gate.forget(&head.headers).await;
        let caller = app.gate.check(&head.headers, head.from).await?;
        caller.permit(head)?;
        Ok(caller)
    }

    /// The user's time was looked at when it was checked: a call that has begun may end.
    fn recheck(&self, tx: &mut Tx<'_>, _: Millis) -> Result<Option<String>, Error> {
        account::recheck(tx, self.api_user_id, self.credential_version)
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn scope(&self) -> Vec<u8> {
        self.api_user_id.to_le_bytes().to_vec()
    }
}

/// Checks credentials.
pub struct Gate {
    db: Db,
    clock: Clock,
    hasher: Hasher,
    /// By a fingerprint under a key of this process: the cache holds no password.
    remembered: Cache<[u8; 32], Arc<ApiUser>>,
    key: Key,
    failures: Failures,
}

impl Gate {
    pub fn new(db: Db, clock: Clock, ids: &Ids, failures_per_minute: u32) -> Self {
        Self {
            db,
            clock,
            hasher: Hasher::new(ids.bytes()),
            remembered: Cache::builder()
                .max_capacity(REMEMBERED_MAX)
                .time_to_live(REMEMBERED_FOR)
                .build(),
            key: Key::passing(ids),
            failures: Failures::new(failures_per_minute),
        }
    }

    pub fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// A try of somebody at this address to give a password, which counts as wrong until it turns out right.
    pub fn attempt(&self, from: IpAddr) -> Result<Attempt, Error> {
        self.failures.begin(from)
    }

    /// Who the header says is calling. That nothing has changed since is checked in the call's own transaction.
    pub async fn check(&self, headers: &HeaderMap, from: IpAddr) -> Result<Arc<ApiUser>, Error> {
        let Some((name, password)) = credentials(headers) else {
            return Err(Code::Unauthorized.into());
        };
        let print = self.key.fingerprint(&[name.as_bytes(), password.as_bytes()]);
        if let Some(caller) = self.remembered.get(&print).await {
            match caller.check_at(self.clock.now()) {
                Ok(()) => return Ok(caller),
                // Nor does a refusal cost a hash, unless the user was changed since.
                Err(Code::Expired) if self.is_unchanged(&caller).await? => {
                    return Err(Code::Expired.into());
                }
                Err(_) => self.remembered.invalidate(&print).await,
            }
        }
        // One hash for a burst of the same; an error is not remembered.
        let caller = self
            .remembered
            .try_get_with(print, self.verify(name, password, from))
            .await
            .map_err(|error: Arc<Error>| (*error).clone())?;
        caller.check_at(self.clock.now())?;
        Ok(caller)
    }

    /// Whether the user is still what it was when its password was checked. For refusals: what is allowed is checked in
    /// the call's own transaction.
    pub async fn is_unchanged(&self, caller: &ApiUser) -> Result<bool, Error> {
        let (id, version) = (caller.api_user_id, caller.credential_version);
        match self.db.read(move |tx| account::recheck(tx, id, version)).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_stale_credential() => Ok(false),
            Err(error) => Err(error),
        }
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
    ) -> Result<Arc<ApiUser>, Error> {
        // Counted before the hash and taken back when all is well: whoever hangs up meanwhile has had the try.
        let attempt = self.failures.begin(from)?;
        let found = self.db.read(move |tx| account::find(tx, &name)).await?;
        let user = found.filter(|user| user.is_enabled);
        let now = self.clock.now();
        let hashes = user.as_ref().map(|user| Hashes {
            newest: user.password_hash.clone(),
            old: user.old_at(now).map(|old| old.hash.clone()),
        });
        let secret = self.hasher.verify(password, hashes).await?;
        let (Some(user), Some(secret)) = (user, secret) else {
            return Err(Code::Unauthorized.into());
        };
        attempt.was_right();
        let caller = Arc::new(ApiUser::new(user, secret));
        if caller.check_at(now).is_ok() {
            self.note_use(&caller, secret, now);
        }
        Ok(caller)
    }

    /// In a write of its own, for which no call waits and by which none fails. There are no more of them than hashes.
    fn note_use(&self, caller: &ApiUser, secret: Secret, now: Millis) {
        let (db, id, version) = (self.db.clone(), caller.api_user_id, caller.credential_version);
        tokio::spawn(async move {
            let noted = db.write(move |tx| account::used(tx, id, version, secret, now)).await;
            if let Err(error) = noted {
                tracing::warn!(
                    api_user_id = id,
                    cause = error.cause(),
                    "the use of a password could not be noted"
                );
            }
        });
    }
}

/// Wrong credentials by address, in windows of a minute that begin with the first try.
struct Failures {
    limit: u32,
    windows: moka::sync::Cache<IpAddr, Arc<Window>>,
}

struct Window {
    since: Instant,
    failures: AtomicU32,
}

/// A try that counts as wrong until it turns out right.
pub struct Attempt(Arc<Window>);

impl Failures {
    fn new(limit: u32) -> Self {
        let windows =
            moka::sync::Cache::builder().max_capacity(ADDRESSES_MAX).time_to_live(WINDOW).build();
        Self { limit, windows }
    }

    fn begin(&self, from: IpAddr) -> Result<Attempt, Error> {
        let window = self.windows.get_with(limited_as(from), || {
            Arc::new(Window { since: Instant::now(), failures: AtomicU32::new(0) })
        });
        if window.failures.fetch_add(1, Ordering::Relaxed) < self.limit {
            return Ok(Attempt(window));
        }
        window.failures.fetch_sub(1, Ordering::Relaxed);
        let wait = WINDOW.saturating_sub(window.since.elapsed()).as_secs() + 1;
        let fault = Fault::new(Code::TooManyFailures).with("seconds", wait);
        Err(Error::from(fault).retry_after(wait))
    }
}

impl Attempt {
    pub fn was_right(self) {
        self.0.failures.fetch_sub(1, Ordering::Relaxed);
    }
}

fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    // Two of them are nobody's.
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let value = value.as_bytes();
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
