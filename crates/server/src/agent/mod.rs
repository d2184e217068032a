//! Agents: the people who answer.

use rozmowa_db::{Row, Tx, params};

use crate::act::Act;
use crate::http::Error;

rozmowa_db::statements! {
    FIND = "SELECT id, login, name, surname, email, is_active FROM agent WHERE login = $1";
    LIST = "SELECT id, login, name, surname, email, is_active FROM agent ORDER BY id LIMIT 10000";
    ADD = "INSERT INTO agent (id, login, name, surname, email, password_hash, is_active, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, 1, $7) ON CONFLICT (login) DO NOTHING";
    SET_ACTIVE = "UPDATE agent SET is_active = $2 WHERE login = $1";
    SET_PASSWORD = "UPDATE agent SET password_hash = $2 WHERE login = $1";
}

#[derive(Debug, Clone)]
pub struct Agent {
    pub id: i64,
    pub login: String,
    pub name: String,
    pub surname: String,
    pub email: String,
    pub is_active: bool,
}

fn read(row: &Row<'_>) -> Result<Agent, rozmowa_db::Error> {
    Ok(Agent {
        id: row.get(0)?,
        login: row.get(1)?,
        name: row.get(2)?,
        surname: row.get(3)?,
        email: row.get(4)?,
        is_active: row.get(5)?,
    })
}

pub fn find(tx: &mut Tx<'_>, login: &str) -> Result<Option<Agent>, Error> {
    Ok(tx.query_opt(&FIND, params![login], read)?)
}

pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Agent>, Error> {
    Ok(tx.query(&LIST, params![], read)?)
}

/// What makes an agent.
#[derive(Debug, Clone)]
pub struct NewAgent {
    pub login: String,
    pub name: String,
    pub surname: String,
    pub email: String,
    pub password_hash: String,
}

/// `None` when the login is taken.
pub fn add(tx: &mut Tx<'_>, act: &Act<'_>, agent: &NewAgent) -> Result<Option<i64>, Error> {
    let NewAgent { login, name, surname, email, password_hash } = agent;
    let id = crate::counter::next(tx, "agent")?;
    let added =
        tx.execute(&ADD, params![id, login, name, surname, email, password_hash, act.now])?;
    Ok((added == 1).then_some(id))
}

/// False when there is no such agent.
pub fn set_active(
    tx: &mut Tx<'_>,
    _act: &Act<'_>,
    login: &str,
    is_active: bool,
) -> Result<bool, Error> {
    Ok(tx.execute(&SET_ACTIVE, params![login, is_active])? == 1)
}

/// False when there is no such agent.
pub fn set_password(
    tx: &mut Tx<'_>,
    _act: &Act<'_>,
    login: &str,
    password_hash: &str,
) -> Result<bool, Error> {
    Ok(tx.execute(&SET_PASSWORD, params![login, password_hash])? == 1)
}
