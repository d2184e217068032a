//! Signing in: a password, a code where the agent has a second factor, and patience with those who mistype.
//!
//! After ten failures in a row the account is locked for a growing time. Failures are counted in the agent's row; what was
//! tried at a locked account counts for nothing, right or wrong. So of many tries at once no more are told apart than
//! of tries one after the other. Logins that nobody has behave the same, and are counted in memory: there is nothing to guard.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::sync::Cache;
use rozmowa_db::{Row, Tx, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::session::{self, AgentSession, TokenHash};
use super::{Agent, totp};
use crate::account::password::Hashes;
use crate::act::{Act, Actor, ActorKind};
use crate::app::App;
use crate::clock::Millis;
use crate::http::{Code, Error, Fault};

rozmowa_db::statements! {
    FIND = "SELECT id, password_hash, credential_version, totp_secret, locked_until
        FROM agent WHERE login = $1 AND is_active = 1";
    /// Unless it was locked meanwhile.
    FAIL = "UPDATE agent SET failed_logins = failed_logins + 1 WHERE id = $1 AND locked_until <= $2 RETURNING failed_logins";
    ACCESS = "SELECT id, CASE WHEN password_hash = '' THEN 0 ELSE 1 END, CASE WHEN totp_secret IS NULL THEN 0 ELSE 1 END
        FROM agent WHERE id BETWEEN $1 AND $2 ORDER BY id";
    LOCK = "UPDATE agent SET locked_until = $2 WHERE id = $1";
    LOCKED = "SELECT locked_until FROM agent WHERE id = $1";
    /// Unless the account was locked or changed since the password was looked at.
    SUCCEED = "UPDATE agent SET failed_logins = 0, locked_until = 0
        WHERE id = $1 AND credential_version = $2 AND locked_until <= $3 AND is_active = 1";
}

/// So many failures in a row lock an account.
const FAILURES_MAX: i64 = 10;
const FIRST_LOCK: Millis = 60_000;
const LONGEST_LOCK: Millis = 60 * 60_000;
/// A failure is told this long after the hash, so that time does not tell whether there was an account to count it for.
const COUNTED_IN: Duration = Duration::from_millis(50);

/// Until when an account is locked after so many failures in a row.
fn lock_after(failures: i64, now: Millis) -> Option<Millis> {
    let beyond = failures - FAILURES_MAX;
    (beyond >= 0).then(|| now + LONGEST_LOCK.min(FIRST_LOCK << beyond.min(16)))
}

/// What somebody gives to be taken for an agent.
#[derive(Clone)]
pub struct Given {
    pub login: String,
    pub password: String,
    pub code: Option<String>,
}

/// Whether a second factor is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factors {
    Password,
    All,
}

/// Whose credentials they were. Counts only when [`succeed`] says so in the transaction that relies on it.
#[derive(Debug, Clone)]
pub struct Checked {
    agent_id: i64,
    credential_version: i64,
    step: Option<i64>,
}

/// What an agent signs in with.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Access {
    /// Without one an invitation is still to be taken up.
    has_password: bool,
    /// Whether signing in takes a code, too.
    has_second_factor: bool,
}

/// The same, by number, of all agents with numbers from the first to the last.
pub fn access(tx: &mut Tx<'_>, first: i64, last: i64) -> Result<BTreeMap<i64, Access>, Error> {
    let found = tx.query(&ACCESS, params![first, last], |row: &Row<'_>| {
        let access = Access { has_password: row.get(1)?, has_second_factor: row.get(2)? };
        Ok((row.get(0)?, access))
    })?;
    Ok(found.into_iter().collect())
}

struct Found {
    id: i64,
    password_hash: String,
    credential_version: i64,
    totp_secret: Option<Vec<u8>>,
    locked_until: Millis,
}

fn find(tx: &mut Tx<'_>, login: &str) -> Result<Option<Found>, Error> {
    let found = tx.query_opt(&FIND, params![login], |row: &Row<'_>| {
        Ok(Found {
            id: row.get(0)?,
            password_hash: row.get(1)?,
            credential_version: row.get(2)?,
            totp_secret: row.get(3)?,
            locked_until: row.get(4)?,
        })
    })?;
    Ok(found)
}

/// Looks at credentials: one answer for all that are wrong, in the same time.
pub async fn check(
    app: &App,
    from: IpAddr,
    given: &Given,
    factors: Factors,
) -> Result<Checked, Error> {
    // Before the hash, and before the lock: who tries much costs little.
    let attempt = app.gate.attempt(from)?;
    let login = given.login.clone();
    let found = app.db.read(move |tx| find(tx, &login)).await?;
    let now = app.clock.now();
    let locked_until = match &found {
        Some(agent) => agent.locked_until,
        None => app.nobodies.locked_until(&given.login),
    };
    if locked_until > now {
        return Err(locked(locked_until - now));
    }
    let hash = found.as_ref().map(|agent| agent.password_hash.clone());
    // Who was invited and has no password yet is like nobody.
    let hash = hash.filter(|hash| !hash.is_empty());
    let hashes = hash.map(|newest| Hashes { newest, old: None });
    let is_right = app.gate.hasher().verify(given.password.clone(), hashes).await?.is_some();
    let Some(agent) = found else {
        tokio::time::sleep(COUNTED_IN).await;
        return Err(match app.nobodies.fail(&given.login, now) {
            Some(until) => locked(until - now),
            None => Code::WrongSignIn.into(),
        });
    };
    let mut step = None;
    if is_right {
        match (&agent.totp_secret, &given.code, factors) {
            (None, ..) | (_, _, Factors::Password) => {}
            (Some(_), None, Factors::All) => {
                attempt.was_right();
                return Err(Code::CodeNeeded.into());
            }
            (Some(sealed), Some(code), Factors::All) => {
                let secret = totp::open(&app.secret, agent.id, sealed)?;
                step = totp::step_of(&secret, code, now);
                if step.is_none() {
                    return Err(fail(app, agent.id).await?);
                }
            }
        }
        attempt.was_right();
        let credential_version = agent.credential_version;
        return Ok(Checked { agent_id: agent.id, credential_version, step });
    }
    Err(fail(app, agent.id).await?)
}

/// In the transaction that relies on it: whether the credentials still count. They don't when the account was locked or
/// changed meanwhile, or the code was used.
pub fn succeed(tx: &mut Tx<'_>, checked: &Checked, now: Millis) -> Result<bool, Error> {
    if let Some(step) = checked.step
        && !totp::use_step(tx, checked.agent_id, step)?
    {
        return Ok(false);
    }
    let row = params![checked.agent_id, checked.credential_version, now];
    Ok(tx.execute(&SUCCEED, row)? == 1)
}

/// Counts a failure, and says what is answered.
pub async fn fail(app: &App, agent_id: i64) -> Result<Error, Error> {
    let now = app.clock.now();
    let counted = app.db.write(move |tx| {
        let failures = tx.query_opt(&FAIL, params![agent_id, now], |row| row.get::<i64>(0))?;
        let Some(failures) = failures else {
            let until = tx.query_opt(&LOCKED, params![agent_id], |row| row.get(0))?;
            return Ok(until);
        };
        let until = lock_after(failures, now);
        if let Some(until) = until {
            tx.execute(&LOCK, params![agent_id, until])?;
        }
        Ok::<_, Error>(until)
    });
    let ((), counted) = tokio::join!(tokio::time::sleep(COUNTED_IN), counted);
    Ok(match counted? {
        Some(until) if until > now => {
            tracing::warn!(agent_id, "an account is locked after too many failures to sign in");
            locked(until - now)
        }
        _ => Code::WrongSignIn.into(),
    })
}

impl Checked {
    /// The answer when [`succeed`] says no.
    pub async fn refuse(&self, app: &App) -> Result<Error, Error> {
        fail(app, self.agent_id).await
    }
}

fn locked(left: Millis) -> Error {
    let seconds = (left.unsigned_abs().div_ceil(1_000)).max(1);
    Error::from(Fault::new(Code::AccountLocked).with("seconds", seconds)).retry_after(seconds)
}

/// Who signs in, and from where.
pub struct Entrance {
    pub from: IpAddr,
    pub request_id: Option<String>,
    pub user_agent: String,
    /// The session that the browser had.
    pub former: Option<TokenHash>,
}

/// Opens a session, and gives its token.
pub async fn sign_in(app: &App, given: Given, at: Entrance) -> Result<(Agent, String), Error> {
    let checked = check(app, at.from, &given, Factors::All).await?;
    let token = session::new_token(&app.ids);
    let (own, given_token, of) = (app.clone(), token.clone(), checked.clone());
    let opened = app.db.write(move |tx| {
        let actor = Actor {
            kind: ActorKind::Agent,
            name: given.login.clone(),
            from: Some(at.from),
            request_id: at.request_id.clone(),
        };
        let act = Act::of(tx, &own, &actor)?;
        if !succeed(tx, &of, act.now)? {
            return Ok(None);
        }
        let Some(agent) = super::find(tx, &given.login)? else { return Ok(None) };
        if let Some(former) = &at.former {
            session::end(tx, former)?;
        }
        session::open(tx, &act, &agent, &given_token, &at.user_agent)?;
        Ok::<_, Error>(Some(agent))
    });
    match opened.await? {
        Some(agent) => Ok((agent, token)),
        None => Err(checked.refuse(app).await?),
    }
}

/// The agent's own password once more, before something that a borrowed browser must not do.
pub async fn check_again(
    app: &App,
    from: IpAddr,
    session: &AgentSession,
    password: String,
    code: Option<String>,
) -> Result<Checked, Error> {
    let factors = if code.is_some() { Factors::All } else { Factors::Password };
    let given = Given { login: session.login.clone(), password, code };
    check(app, from, &given, factors).await
}

/// Failures with logins that nobody has.
pub struct Nobodies(Cache<String, Arc<Mutex<Failures>>>);

#[derive(Default)]
struct Failures {
    count: i64,
    locked_until: Millis,
}

const NOBODIES_MAX: u64 = 10_000;
const NOBODIES_FOR: Duration = Duration::from_hours(24);

impl Default for Nobodies {
    fn default() -> Self {
        let cache = Cache::builder().max_capacity(NOBODIES_MAX).time_to_idle(NOBODIES_FOR).build();
        Self(cache)
    }
}

impl Nobodies {
    fn locked_until(&self, login: &str) -> Millis {
        let known = self.0.get(login);
        known.map_or(0, |known| known.lock().unwrap_or_else(PoisonError::into_inner).locked_until)
    }

    /// Until when it is locked now, if it is.
    fn fail(&self, login: &str, now: Millis) -> Option<Millis> {
        let known = self.0.get_with(login.to_owned(), Arc::default);
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.locked_until <= now {
            known.count += 1;
            known.locked_until = lock_after(known.count, now).unwrap_or(0);
        }
        Some(known.locked_until).filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_grow_from_a_minute_to_an_hour() {
        let minutes = |failures| lock_after(failures, 0).map(|until| until / 60_000);
        assert_eq!((minutes(0), minutes(9)), (None, None));
        let grown: Vec<_> = (10..18).filter_map(minutes).collect();
        assert_eq!(grown, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(minutes(i64::MAX), Some(60));
    }
}
