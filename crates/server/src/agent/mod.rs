//! Agents: the people who answer.

pub mod account_console;
pub mod api;
pub mod capacity;
pub mod colleagues_console;
pub mod console;
pub mod duty;
pub mod leave;
pub mod links;
pub mod links_console;
pub mod presence;
pub mod session;
pub mod signin;
pub mod status;
pub mod totp;

use rozmowa_db::{Row, Tx, params};
use serde::Serialize;

use crate::act::Act;
use crate::audit;
use crate::clock::Millis;
use crate::http::params::Named;
use crate::http::{Code, Error, Fault};
use crate::live::ToRoute;
use crate::locale::Language;
use presence::Presence;
use session::AgentSession;

rozmowa_db::statements! {
    FIND = "SELECT id, login, name, surname, email, number, language, role, capacity, open_chats, is_active
        FROM agent WHERE login = $1";
    /// What is decided by what was read stays so until the transaction's end.
    HOLD = {
        sqlite: "SELECT id, login, name, surname, email, number, language, role, capacity, open_chats, is_active
            FROM agent WHERE login = $1",
        postgres: "SELECT id, login, name, surname, email, number, language, role, capacity, open_chats, is_active
            FROM agent WHERE login = $1 FOR UPDATE",
    };
    HOLD_BY_ID = {
        sqlite: "SELECT id, login, name, surname, email, number, language, role, capacity, open_chats, is_active
            FROM agent WHERE id = $1",
        postgres: "SELECT id, login, name, surname, email, number, language, role, capacity, open_chats, is_active
            FROM agent WHERE id = $1 FOR UPDATE",
    };
    LIST = "SELECT id, login, name, surname, email, number, language, role, capacity, open_chats, is_active
        FROM agent ORDER BY id LIMIT $1 OFFSET $2";
    ADD = "INSERT INTO agent (id, login, name, surname, email, number, language, role, capacity, is_active,
            password_hash, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (login) DO NOTHING";
    CHANGE = "UPDATE agent SET name = $2, surname = $3, email = $4, number = $5, language = $6, role = $7,
            capacity = $8, is_active = $9
        WHERE id = $1";
    /// Who has a new password has not failed with it.
    SET_PASSWORD = "UPDATE agent SET password_hash = $2, failed_logins = 0, locked_until = 0 WHERE id = $1";
    /// Who has no password yet can't sign in.
    HAS_OTHER_ADMINISTRATOR = "SELECT 1 FROM agent
        WHERE role = 2 AND is_active = 1 AND password_hash <> '' AND id <> $1 LIMIT 1";
    HAS_ADMINISTRATOR = "SELECT 1 FROM agent WHERE role = 2 AND is_active = 1 LIMIT 1";
    OF_EMAIL = "SELECT id, login, name, surname, email, number, language, role, capacity, open_chats, is_active
        FROM agent WHERE lower(email) = $1 AND email <> '' AND is_active = 1 ORDER BY id LIMIT 10";
    LIST_WITH_PRESENCE = "SELECT a.id, a.login, a.name, a.surname, a.email, a.number, a.language, a.role, a.capacity,
            a.open_chats, a.is_active, p.status, p.pause_id, p.changed_at, p.lease_until
        FROM agent a LEFT JOIN presence p ON p.agent_id = a.id WHERE a.is_active >= $1 ORDER BY a.id LIMIT $2 OFFSET $3";
    LOGIN_OF = "SELECT login FROM agent WHERE id = $1";
}

/// What an agent may do: each may do what those before it may. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Agent = 0,
    Supervisor = 1,
    Administrator = 2,
}

impl Named for Role {
    const ALL: &[Self] = &[Self::Agent, Self::Supervisor, Self::Administrator];

    fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Supervisor => "supervisor",
            Self::Administrator => "administrator",
        }
    }
}

impl Role {
    const fn from_number(number: i64) -> Self {
        match number {
            0 => Self::Agent,
            1 => Self::Supervisor,
            _ => Self::Administrator,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Agent {
    pub id: i64,
    pub login: String,
    pub name: String,
    pub surname: String,
    pub email: String,
    /// The telephone's.
    pub number: String,
    pub language: Language,
    pub role: Role,
    /// Conversations that the agent can have open at once, and those that are.
    pub capacity: i64,
    pub open_chats: i64,
    pub is_active: bool,
}

fn read(row: &Row<'_>) -> Result<Agent, rozmowa_db::Error> {
    Ok(Agent {
        id: row.get(0)?,
        login: row.get(1)?,
        name: row.get(2)?,
        surname: row.get(3)?,
        email: row.get(4)?,
        number: row.get(5)?,
        language: if row.get::<String>(6)? == "en" { Language::En } else { Language::Pl },
        role: Role::from_number(row.get(7)?),
        capacity: row.get(8)?,
        open_chats: row.get(9)?,
        is_active: row.get(10)?,
    })
}

pub fn find(tx: &mut Tx<'_>, login: &str) -> Result<Option<Agent>, Error> {
    Ok(tx.query_opt(&FIND, params![login], read)?)
}

/// The agent, whose account is open.
pub fn active(tx: &mut Tx<'_>, login: &str) -> Result<Agent, Error> {
    let agent = find(tx, login)?.ok_or_else(|| fault(Code::UnknownAgent, login))?;
    if agent.is_active { Ok(agent) } else { Err(fault(Code::AgentInactive, login)) }
}

/// The agent, whom nobody else changes until this transaction has ended. Conversations are held before agents.
pub fn hold(tx: &mut Tx<'_>, login: &str) -> Result<Agent, Error> {
    tx.query_opt(&HOLD, params![login], read)?.ok_or_else(|| fault(Code::UnknownAgent, login))
}

impl Agent {
    /// Whether the account is one that may do everything.
    fn administers(&self) -> bool {
        self.is_active && self.role == Role::Administrator
    }
}

/// Whether somebody can administer the installation at the console.
pub fn has_administrator(tx: &mut Tx<'_>) -> Result<bool, Error> {
    Ok(tx.query_opt(&HAS_ADMINISTRATOR, params![], |_| Ok(()))?.is_some())
}

/// The agent of a number.
pub fn of_number(tx: &mut Tx<'_>, id: i64) -> Result<Option<Agent>, Error> {
    let login = tx.query_opt(&LOGIN_OF, params![id], |row| row.get::<String>(0))?;
    login.map_or(Ok(None), |login| find(tx, &login))
}

/// The same by number, for who knows that there is one.
pub fn hold_by_id(tx: &mut Tx<'_>, id: i64) -> Result<Agent, Error> {
    Ok(tx.query_one(&HOLD_BY_ID, params![id], read)?)
}

/// Two by number, the smaller one first, as everybody does who holds several.
pub fn hold_both(
    tx: &mut Tx<'_>,
    agent_id: i64,
    to: Option<i64>,
) -> Result<(Agent, Option<Agent>), Error> {
    if let Some(to) = to.filter(|to| *to < agent_id) {
        let colleague = hold_by_id(tx, to)?;
        return Ok((hold_by_id(tx, agent_id)?, Some(colleague)));
    }
    let agent = hold_by_id(tx, agent_id)?;
    let colleague = to.map(|to| hold_by_id(tx, to)).transpose()?;
    Ok((agent, colleague))
}

pub fn fault(code: Code, login: &str) -> Error {
    Fault::new(code).with("login", login).into()
}

pub fn list(tx: &mut Tx<'_>, limit: i64, offset: i64) -> Result<Vec<Agent>, Error> {
    Ok(tx.query(&LIST, params![limit, offset], read)?)
}

/// Agents with their presence, by number; only those whose account is open, or all.
pub fn list_with_presence(
    tx: &mut Tx<'_>,
    only_active: bool,
    limit: i64,
    offset: i64,
    now: Millis,
) -> Result<Vec<(Agent, Presence)>, Error> {
    let listed = tx.query(&LIST_WITH_PRESENCE, params![only_active, limit, offset], |row| {
        Ok((read(row)?, Presence::read(row, 11, now)?))
    })?;
    Ok(listed)
}

/// Those who may sign in and have this address. Case makes no difference, at least in ASCII.
pub fn of_email(tx: &mut Tx<'_>, email: &str) -> Result<Vec<Agent>, Error> {
    Ok(tx.query(&OF_EMAIL, params![&email.to_ascii_lowercase()], read)?)
}

/// What makes an agent.
#[derive(Debug, Clone)]
pub struct NewAgent {
    pub login: String,
    pub name: String,
    pub surname: String,
    pub email: String,
    pub number: String,
    pub language: Language,
    pub role: Role,
    pub capacity: i64,
    pub is_active: bool,
    pub password_hash: String,
}

impl Default for NewAgent {
    fn default() -> Self {
        Self {
            login: String::new(),
            name: String::new(),
            surname: String::new(),
            email: String::new(),
            number: String::new(),
            language: Language::Pl,
            role: Role::Agent,
            capacity: capacity::DEFAULT,
            is_active: true,
            password_hash: String::new(),
        }
    }
}

/// Gives the number.
pub fn add(tx: &mut Tx<'_>, act: &Act<'_>, new: &NewAgent) -> Result<i64, Error> {
    let taken =
        || Error::from(Fault::new(Code::LoginTaken).about("login").with("login", &new.login));
    if find(tx, &new.login)?.is_some() {
        return Err(taken());
    }
    let agent = Agent {
        id: crate::counter::next(tx, "agent")?,
        login: new.login.clone(),
        name: new.name.clone(),
        surname: new.surname.clone(),
        email: new.email.clone(),
        number: new.number.clone(),
        language: new.language,
        role: new.role,
        capacity: new.capacity,
        open_chats: 0,
        is_active: new.is_active,
    };
    let row = params![
        agent.id,
        &agent.login,
        &agent.name,
        &agent.surname,
        &agent.email,
        &agent.number,
        agent.language.tag(),
        agent.role as i64,
        agent.capacity,
        agent.is_active,
        &new.password_hash,
        act.now,
    ];
    if tx.execute(&ADD, row)? == 0 {
        return Err(taken());
    }
    let view = View::of(&agent, false);
    audit::record(tx, act, "agent.add", &subject(&agent.login), None::<&View<'_>>, Some(&view))?;
    Ok(agent.id)
}

/// What is to be another; the rest stays.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    pub name: Option<String>,
    pub surname: Option<String>,
    pub email: Option<String>,
    pub number: Option<String>,
    pub language: Option<Language>,
    pub role: Option<Role>,
    pub capacity: Option<i64>,
    pub is_active: Option<bool>,
    pub password_hash: Option<String>,
}

impl Changes {
    fn made_to(&self, was: &Agent) -> Agent {
        let text = |new: &Option<String>, was: &String| new.as_ref().unwrap_or(was).clone();
        Agent {
            id: was.id,
            login: was.login.clone(),
            name: text(&self.name, &was.name),
            surname: text(&self.surname, &was.surname),
            email: text(&self.email, &was.email),
            number: text(&self.number, &was.number),
            language: self.language.unwrap_or(was.language),
            role: self.role.unwrap_or(was.role),
            capacity: self.capacity.unwrap_or(was.capacity),
            open_chats: was.open_chats,
            is_active: self.is_active.unwrap_or(was.is_active),
        }
    }
}

/// Whose account is closed is not on duty any more. A capacity below the conversations that are open takes none away. With
/// another password or role, or a closed account, sessions are over.
pub fn change(tx: &mut Tx<'_>, act: &Act<'_>, login: &str, changes: &Changes) -> Result<(), Error> {
    change_from(tx, act, login, changes, None)
}

/// The same from a session that is to go on.
pub fn change_from(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    login: &str,
    changes: &Changes,
    session: Option<&AgentSession>,
) -> Result<(), Error> {
    if changes.role.is_some() || changes.is_active == Some(false) {
        // Two who are the last ones can't both go.
        tx.lock(&["administrators"])?;
    }
    let was = hold(tx, login)?;
    let becomes = changes.made_to(&was);
    if was.administers()
        && !becomes.administers()
        && tx.query_opt(&HAS_OTHER_ADMINISTRATOR, params![was.id], |_| Ok(()))?.is_none()
    {
        return Err(Code::LastAdministrator.into());
    }
    let has_password = changes.password_hash.is_some();
    let (before, after) = (View::of(&was, false), View::of(&becomes, has_password));
    if before == after {
        return Ok(());
    }
    let row = params![
        becomes.id,
        &becomes.name,
        &becomes.surname,
        &becomes.email,
        &becomes.number,
        becomes.language.tag(),
        becomes.role as i64,
        becomes.capacity,
        becomes.is_active,
    ];
    tx.put(&CHANGE, row)?;
    if let Some(hash) = &changes.password_hash {
        tx.put(&SET_PASSWORD, params![becomes.id, hash])?;
        links::forget(tx, becomes.id)?;
    }
    if has_password || (was.role, was.is_active) != (becomes.role, becomes.is_active) {
        match session {
            Some(session) => session::raise_for_others(tx, session)?,
            None => session::raise(tx, becomes.id)?,
        }
    }
    if was.is_active && !becomes.is_active {
        presence::end(tx, becomes.id, act.now, presence::Ended::Closed)?;
    }
    tx.publish(ToRoute(None));
    audit::record(tx, act, "agent.change", &subject(login), Some(&before), Some(&after))
}

fn subject(login: &str) -> String {
    format!("agent {login}")
}

/// An agent as the audit log shows one: no hash, and of a new password only that there is one.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct View<'a> {
    agent_id: i64,
    login: &'a str,
    name: &'a str,
    surname: &'a str,
    email: &'a str,
    number: &'a str,
    language: &'static str,
    role: &'static str,
    capacity: i64,
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'static str>,
}

impl<'a> View<'a> {
    fn of(agent: &'a Agent, has_new_password: bool) -> Self {
        Self {
            agent_id: agent.id,
            login: &agent.login,
            name: &agent.name,
            surname: &agent.surname,
            email: &agent.email,
            number: &agent.number,
            language: agent.language.tag(),
            role: agent.role.name(),
            capacity: agent.capacity,
            active: agent.is_active,
            password: has_new_password.then_some("changed"),
        }
    }
}
