//! Links that are good once: for the first administrator, for who is invited, and for who has forgotten a password.
//!
//! A link carries a secret behind `#`, where no server's log sees it; here only its hash is kept. A GET uses nothing up.

use rozmowa_db::{Row, Tx, params};

use super::session::token_hash;
use super::{Agent, Changes, NewAgent};
use crate::act::{Act, Actor};
use crate::clock::Millis;
use crate::http::{Code, Error};

rozmowa_db::statements! {
    ADD = "INSERT INTO one_time_link (token_hash, kind, agent_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)";
    FIND = "SELECT kind, agent_id FROM one_time_link WHERE token_hash = $1 AND expires_at > $2";
    /// To the first who uses it.
    TAKE = "DELETE FROM one_time_link WHERE token_hash = $1";
    MADE = "SELECT created_at FROM one_time_link WHERE agent_id = $1 AND kind = $2 ORDER BY created_at DESC LIMIT 1";
    MADE_FIRST = "SELECT created_at FROM one_time_link WHERE agent_id IS NULL AND kind = $1 ORDER BY created_at DESC LIMIT 1";
    FORGET = "DELETE FROM one_time_link WHERE agent_id = $1";
    SWEEP = "DELETE FROM one_time_link WHERE token_hash IN
        (SELECT token_hash FROM one_time_link WHERE expires_at <= $1 ORDER BY expires_at LIMIT 500)";
}

/// What a link is for. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    FirstAdministrator = 0,
    Invitation = 1,
    PasswordReset = 2,
}

const MINUTE: Millis = 60 * 1_000;
const HOUR: Millis = 60 * MINUTE;

impl Kind {
    pub const fn time(self) -> Millis {
        match self {
            Self::FirstAdministrator | Self::PasswordReset => HOUR,
            Self::Invitation => 7 * 24 * HOUR,
        }
    }

    const fn from_number(number: i64) -> Self {
        match number {
            0 => Self::FirstAdministrator,
            1 => Self::Invitation,
            _ => Self::PasswordReset,
        }
    }

    /// Where it leads.
    pub fn address(self, base: &str, token: &str) -> String {
        let page = match self {
            Self::FirstAdministrator => "welcome",
            Self::Invitation | Self::PasswordReset => "password",
        };
        format!("{base}/console/{page}#{token}")
    }
}

/// Makes a link good.
pub fn add(
    tx: &mut Tx<'_>,
    now: Millis,
    kind: Kind,
    agent_id: Option<i64>,
    token: &str,
) -> Result<(), Error> {
    let until = now + kind.time();
    Ok(tx.put(&ADD, params![&token_hash(token), kind as i64, agent_id, now, until])?)
}

/// A link for the first administrator, who does not exist yet.
pub fn add_for_administrator(tx: &mut Tx<'_>, now: Millis, token: &str) -> Result<(), Error> {
    if super::has_administrator(tx)? {
        return Err(Code::HasAdministrator.into());
    }
    add(tx, now, Kind::FirstAdministrator, None, token)
}

/// The same for a server that starts: not where there is somebody, or one was made a moment ago. Whether it was made.
pub fn add_where_needed(tx: &mut Tx<'_>, now: Millis, token: &str) -> Result<bool, Error> {
    if super::has_administrator(tx)? {
        return Ok(false);
    }
    let kind = Kind::FirstAdministrator;
    let last = tx.query_opt(&MADE_FIRST, params![kind as i64], |row| row.get::<Millis>(0))?;
    if last.is_some_and(|at| (now - MINUTE..=now).contains(&at)) {
        return Ok(false);
    }
    add(tx, now, kind, None, token)?;
    Ok(true)
}

/// Whether a link of a kind was made for an agent since.
pub fn was_made_since(
    tx: &mut Tx<'_>,
    agent_id: i64,
    kind: Kind,
    since: Millis,
) -> Result<bool, Error> {
    let made = tx.query_opt(&MADE, params![agent_id, kind as i64], |row| row.get::<Millis>(0))?;
    Ok(made.is_some_and(|made| made > since))
}

/// Whose password a link may set, without using it up.
pub fn find(tx: &mut Tx<'_>, token: &str, now: Millis) -> Result<Option<Agent>, Error> {
    let found = tx.query_opt(&FIND, params![&token_hash(token), now], |row: &Row<'_>| {
        Ok((Kind::from_number(row.get(0)?), row.get::<Option<i64>>(1)?))
    })?;
    let Some((Kind::Invitation | Kind::PasswordReset, Some(agent_id))) = found else {
        return Ok(None);
    };
    Ok(super::of_number(tx, agent_id)?.filter(|agent| agent.is_active))
}

/// Whether a link for the first administrator is good, without using it up.
pub fn is_for_administrator(tx: &mut Tx<'_>, token: &str, now: Millis) -> Result<bool, Error> {
    let kind = tx.query_opt(&FIND, params![&token_hash(token), now], |row| row.get::<i64>(0))?;
    Ok(kind.map(Kind::from_number) == Some(Kind::FirstAdministrator))
}

fn take(tx: &mut Tx<'_>, token: &str) -> Result<(), Error> {
    if tx.execute(&TAKE, params![&token_hash(token)])? == 1 {
        return Ok(());
    }
    Err(Code::UnknownLink.into())
}

/// Uses a link up and adds the first administrator.
pub fn add_administrator(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    token: &str,
    new: &NewAgent,
) -> Result<(), Error> {
    // Of two links at once one is told that there is somebody.
    tx.lock(&["first administrator"])?;
    if !is_for_administrator(tx, token, act.now)? {
        return Err(Code::UnknownLink.into());
    }
    if super::has_administrator(tx)? {
        return Err(Code::HasAdministrator.into());
    }
    let actor = named(act, &new.login);
    super::add(tx, &act.by(&actor), new)?;
    take(tx, token)
}

/// Uses a link up and sets the password of its agent, whose login is given. All sessions are over.
pub fn set_password(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    token: &str,
    password_hash: &str,
) -> Result<String, Error> {
    let agent = find(tx, token, act.now)?.ok_or(Code::UnknownLink)?;
    take(tx, token)?;
    let changes = Changes { password_hash: Some(password_hash.to_owned()), ..Changes::default() };
    let actor = named(act, &agent.login);
    super::change(tx, &act.by(&actor), &agent.login, &changes)?;
    Ok(agent.login)
}

/// Whoever brings a link is who it was made for.
fn named(act: &Act<'_>, login: &str) -> Actor {
    Actor { name: login.to_owned(), ..act.actor.clone() }
}

/// No link of an agent is good any more.
pub fn forget(tx: &mut Tx<'_>, agent_id: i64) -> Result<(), Error> {
    Ok(tx.put(&FORGET, params![agent_id])?)
}

/// Deletes some links whose time is over, and says whether there may be more.
pub fn sweep(tx: &mut Tx<'_>, now: Millis) -> Result<bool, Error> {
    Ok(tx.execute(&SWEEP, params![now])? == 500)
}
