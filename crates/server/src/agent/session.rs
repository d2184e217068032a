//! Sessions: how a browser goes on being an agent after signing in.
//!
//! A session is a row under the hash of a random token, which lies in a cookie that scripts can't read. Calls that change
//! something name the session's CSRF token, and come from a page of ours.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, Method, header};
use rozmowa_db::{Row, Tx, params};
use sha2::{Digest, Sha256};

use super::{Agent, Role};
use crate::act::{Act, ActorKind};
use crate::app::App;
use crate::audit;
use crate::clock::{Ids, Millis};
use crate::http::call::{Caller, Head};
use crate::http::{Code, Error, origin};
use crate::live::{Passed, Passing, Topic};
use crate::secret::Key;
use crate::webhook::Wanted;

rozmowa_db::statements! {
    ADD = "INSERT INTO session (token_hash, agent_id, credential_version, created_at, used_at, expires_at, address, user_agent)
        VALUES ($1, $2, $3, $4, $4, $5, $6, $7)";
    /// Runs first in every call's transaction, and brings along what the rest of it may need to know.
    FIND = "SELECT a.id, a.login, a.role, s.used_at, (SELECT value FROM setting WHERE name = 'webhooks.revision')
        FROM session s JOIN agent a ON a.id = s.agent_id
        WHERE s.token_hash = $1 AND s.expires_at > $2 AND a.is_active = 1 AND a.credential_version = s.credential_version";
    USED = "UPDATE session SET used_at = $2, expires_at = $3 WHERE token_hash = $1";
    END = "DELETE FROM session WHERE token_hash = $1 RETURNING agent_id";
    END_ALL = "DELETE FROM session WHERE agent_id = $1";
    /// Signing in on and on leaves no more than these beside the new one.
    END_OLD = "DELETE FROM session WHERE token_hash IN
        (SELECT token_hash FROM session WHERE agent_id = $1 AND token_hash <> $3 ORDER BY created_at DESC, token_hash LIMIT 100 OFFSET $2)";
    LIST = "SELECT s.token_hash, s.created_at, s.used_at, s.address, s.user_agent
        FROM session s JOIN agent a ON a.id = s.agent_id
        WHERE s.agent_id = $1 AND s.expires_at > $2 AND s.credential_version = a.credential_version
        ORDER BY s.used_at DESC, s.token_hash LIMIT 100";
    END_OTHERS = "DELETE FROM session WHERE agent_id = $1 AND token_hash <> $2";
    RAISE = "UPDATE agent SET credential_version = credential_version + 1 WHERE id = $1";
    KEEP = "UPDATE session SET credential_version = (SELECT credential_version FROM agent WHERE id = $2)
        WHERE token_hash = $1 AND agent_id = $2";
    SWEEP = "DELETE FROM session WHERE token_hash IN
        (SELECT token_hash FROM session WHERE expires_at <= $1 ORDER BY expires_at LIMIT 500)";
    VERSION = "SELECT credential_version FROM agent WHERE id = $1";
}

/// Without a call for this long a session is over.
pub const IDLE_MAX: Millis = 14 * 24 * 60 * 60 * 1000;
/// The use of a session is written down this often.
const NOTED_EVERY: Millis = 10 * 60 * 1000;
pub const COOKIE: &str = "rozmowa_session";
pub const CSRF_HEADER: &str = "x-csrf-token";
/// Sessions that an agent can have.
const SESSIONS_MAX: i64 = 50;
/// How long a browser keeps the cookie; whether the session lasts is for the server to say.
const COOKIE_SECONDS: u32 = 365 * 24 * 60 * 60;

/// The hash under which a token is stored: tokens are long and random, so a plain one is enough.
pub type TokenHash = [u8; 32];

/// A secret that its bearer presents.
pub fn new_token(ids: &Ids) -> String {
    URL_SAFE_NO_PAD.encode(ids.bytes::<32>())
}

pub fn token_hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

/// An agent at a browser.
#[derive(Debug, Clone)]
pub struct AgentSession {
    pub token_hash: TokenHash,
    pub agent_id: i64,
    pub login: String,
    pub role: Role,
    used_at: Millis,
}

impl AgentSession {
    /// For those alone who have at least this role.
    pub fn needs(&self, role: Role) -> Result<(), Error> {
        if self.role >= role { Ok(()) } else { Err(Code::RoleNeeded.into()) }
    }

    /// Whose cookie this is; for sockets, which have no CSRF token but come from a page of ours.
    pub async fn of_cookie(head: &Head, app: &App) -> Result<Self, Error> {
        let token = cookie(&head.headers).ok_or(Code::NotSignedIn)?;
        let (hash, now) = (token_hash(&token), app.clock.now());
        let found = app.db.read(move |tx| find(tx, &hash, now)).await?;
        let (session, _) = found.ok_or(Code::NotSignedIn)?;
        if now - session.used_at >= NOTED_EVERY {
            let noted = app.db.write(move |tx| {
                Ok::<_, Error>(tx.execute(&USED, params![&hash, now, now + IDLE_MAX])?)
            });
            noted.await?;
        }
        Ok(session)
    }
}

impl Caller for AgentSession {
    const KIND: ActorKind = ActorKind::Agent;

    async fn enter(head: &Head, app: &App) -> Result<Arc<Self>, Error> {
        let session = Self::of_cookie(head, app).await?;
        let is_safe = matches!(head.method, Method::GET | Method::HEAD);
        if let Some(origin) = origin::given(&head.headers)
            && !origin::is_own(head, app, origin)
        {
            return Err(Code::ForeignOrigin.into());
        }
        // Whoever gives one with a question wants no answer of another session: a browser may have changed hands.
        let given = head.headers.get(CSRF_HEADER);
        if !is_safe || given.is_some() {
            let given = given.map_or(&b""[..], HeaderValue::as_bytes);
            let expected = csrf_token(&app.secret, &session.token_hash);
            if !bool::from(subtle::ConstantTimeEq::ct_eq(given, expected.as_bytes())) {
                return Err(Code::CsrfTokenNeeded.into());
            }
        }
        Ok(Arc::new(session))
    }

    fn recheck(&self, tx: &mut Tx<'_>, now: Millis) -> Result<Option<String>, Error> {
        let found = find(tx, &self.token_hash, now)?;
        match found {
            Some((session, revision)) if session.role == self.role => Ok(revision),
            _ => Err(Error::stale_credential()),
        }
    }

    fn name(&self) -> String {
        self.login.clone()
    }

    fn scope(&self) -> Vec<u8> {
        [b"agent", &self.agent_id.to_le_bytes()[..]].concat()
    }
}

/// Somebody at a browser who has not signed in: calls of theirs come from pages of ours, or from no page.
#[derive(Debug)]
pub struct Anybody;

impl Caller for Anybody {
    const KIND: ActorKind = ActorKind::Agent;

    async fn enter(head: &Head, app: &App) -> Result<Arc<Self>, Error> {
        match origin::given(&head.headers) {
            Some(origin) if !origin::is_own(head, app, origin) => Err(Code::ForeignOrigin.into()),
            _ => Ok(Arc::new(Self)),
        }
    }

    fn recheck(&self, tx: &mut Tx<'_>, _: Millis) -> Result<Option<String>, Error> {
        Wanted::revision(tx)
    }

    fn name(&self) -> String {
        String::new()
    }

    fn scope(&self) -> Vec<u8> {
        b"anybody".to_vec()
    }
}

/// The cookie of a session, or its end.
pub fn set_cookie(head: &Head, app: &App, token: Option<&str>) -> HeaderValue {
    let is_secure = head.is_tls || app.public_url.get().starts_with("https://");
    let secure = if is_secure { "; Secure" } else { "" };
    let (token, seconds) = token.map_or(("", 0), |token| (token, COOKIE_SECONDS));
    let text =
        format!("{COOKIE}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).expect("tokens are ASCII")
}

/// The session that a browser has or had.
pub fn given(head: &Head) -> Option<TokenHash> {
    cookie(&head.headers).map(|token| token_hash(&token))
}

/// What pages of ours send along with a change.
pub fn csrf_token(key: &Key, token_hash: &TokenHash) -> String {
    URL_SAFE_NO_PAD.encode(key.fingerprint(&[b"csrf", token_hash]))
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs =
        values.flat_map(|value| value.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| name.trim() == COOKIE).map(|(_, value)| value.trim().to_owned())
}

fn find(
    tx: &mut Tx<'_>,
    hash: &TokenHash,
    now: Millis,
) -> Result<Option<(AgentSession, Option<String>)>, Error> {
    let found = tx.query_opt(&FIND, params![hash, now], |row: &Row<'_>| {
        let session = AgentSession {
            token_hash: *hash,
            agent_id: row.get(0)?,
            login: row.get(1)?,
            role: Role::from_number(row.get(2)?),
            used_at: row.get(3)?,
        };
        Ok((session, row.get(4)?))
    })?;
    Ok(found)
}

/// Opens a session for an agent whose password was right, and gives its token.
pub fn open(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    agent: &Agent,
    token: &str,
    user_agent: &str,
) -> Result<(), Error> {
    let version: i64 = tx.query_one(&VERSION, params![agent.id], |row| row.get(0))?;
    let address = act.actor.from.map(|from| from.to_string()).unwrap_or_default();
    let hash = token_hash(token);
    let until = act.now + IDLE_MAX;
    tx.put(&ADD, params![&hash, agent.id, version, act.now, until, address.as_str(), user_agent])?;
    Ok(tx.put(&END_OLD, params![agent.id, SESSIONS_MAX - 1, &hash])?)
}

/// A session as its agent sees it.
pub struct Listed {
    pub token_hash: TokenHash,
    pub created_at: Millis,
    pub used_at: Millis,
    pub address: String,
    pub user_agent: String,
}

/// The agent's sessions, the one used last first.
pub fn list(tx: &mut Tx<'_>, agent_id: i64, now: Millis) -> Result<Vec<Listed>, Error> {
    let listed = tx.query(&LIST, params![agent_id, now], |row: &Row<'_>| {
        Ok(Listed {
            token_hash: row.get(0)?,
            created_at: row.get(1)?,
            used_at: row.get(2)?,
            address: row.get(3)?,
            user_agent: row.get(4)?,
        })
    })?;
    Ok(listed)
}

pub fn end_others(tx: &mut Tx<'_>, session: &AgentSession) -> Result<(), Error> {
    tell_sockets(tx, session.agent_id);
    Ok(tx.put(&END_OTHERS, params![session.agent_id, &session.token_hash])?)
}

/// The agent's account is not what it was: all sessions are over, and calls under way end.
pub fn raise(tx: &mut Tx<'_>, agent_id: i64) -> Result<(), Error> {
    tx.put(&RAISE, params![agent_id])?;
    end_all(tx, agent_id)
}

/// All sessions but the one that the change is made from.
pub fn raise_for_others(tx: &mut Tx<'_>, session: &AgentSession) -> Result<(), Error> {
    tx.put(&RAISE, params![session.agent_id])?;
    end_others(tx, session)?;
    Ok(tx.put(&KEEP, params![&session.token_hash, session.agent_id])?)
}

pub fn end(tx: &mut Tx<'_>, hash: &TokenHash) -> Result<(), Error> {
    if let Some(agent_id) = tx.query_opt(&END, params![hash], |row| row.get(0))? {
        tell_sockets(tx, agent_id);
    }
    Ok(())
}

/// Ends all sessions of an agent.
pub fn end_all(tx: &mut Tx<'_>, agent_id: i64) -> Result<(), Error> {
    tell_sockets(tx, agent_id);
    Ok(tx.put(&END_ALL, params![agent_id])?)
}

/// Ends all sessions of a colleague.
pub fn end_of(tx: &mut Tx<'_>, act: &Act<'_>, agent: &Agent) -> Result<(), Error> {
    let sessions = list(tx, agent.id, act.now)?.len();
    end_all(tx, agent.id)?;
    if sessions == 0 {
        return Ok(());
    }
    let subject = super::subject(&agent.login);
    audit::record(tx, act, "agent.end_sessions", &subject, Some(&sessions), Some(&0))
}

/// A socket lasts no longer than its session, and tells no more than the agent may see.
pub fn tell_sockets(tx: &mut Tx<'_>, agent_id: i64) {
    tx.publish(Passed { topic: Topic::Agent(agent_id), passing: Passing::Recheck });
}

/// Deletes some sessions whose time is over, and says whether there may be more.
pub fn sweep(tx: &mut Tx<'_>, now: Millis) -> Result<bool, Error> {
    Ok(tx.execute(&SWEEP, params![now])? == 500)
}
