//! Visitors who may not write for a while: by address or e-mail.

pub mod console;

use std::net::{IpAddr, Ipv6Addr};

use rozmowa_db::{Row, Tx, params};
use serde::Serialize;

use crate::act::Act;
use crate::audit;
use crate::clock::Millis;
use crate::http::params::Named;
use crate::http::{Code, Error, Fault};

rozmowa_db::statements! {
    /// Who is blocked again keeps the number.
    ADD = "INSERT INTO block (id, kind, value, reason, agent_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (kind, value) DO UPDATE SET reason = excluded.reason, agent_id = excluded.agent_id,
            created_at = excluded.created_at, expires_at = excluded.expires_at
        RETURNING id";
    FIND = "SELECT b.id, b.kind, b.value, b.reason, b.agent_id, a.login, b.created_at, b.expires_at
        FROM block b LEFT JOIN agent a ON a.id = b.agent_id WHERE b.id = $1";
    OF_VALUE = "SELECT b.id, b.kind, b.value, b.reason, b.agent_id, a.login, b.created_at, b.expires_at
        FROM block b LEFT JOIN agent a ON a.id = b.agent_id WHERE b.kind = $1 AND b.value = $2";
    LIST = "SELECT b.id, b.kind, b.value, b.reason, b.agent_id, a.login, b.created_at, b.expires_at
        FROM block b LEFT JOIN agent a ON a.id = b.agent_id
        WHERE b.id < $1 AND (b.expires_at IS NULL OR b.expires_at > $2) ORDER BY b.id DESC LIMIT $3";
    REMOVE = "DELETE FROM block WHERE id = $1";
    IS_BLOCKED = "SELECT 1 FROM block WHERE ((kind = 0 AND value = $1) OR (kind = 1 AND value = $2))
        AND (expires_at IS NULL OR expires_at > $3) LIMIT 1";
    SWEEP = "DELETE FROM block WHERE id IN
        (SELECT id FROM block WHERE expires_at IS NOT NULL AND expires_at <= $1 ORDER BY expires_at LIMIT 500)";
}

/// What a visitor is known by. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Address = 0,
    Email = 1,
}

impl Named for Kind {
    const ALL: &[Self] = &[Self::Address, Self::Email];

    fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Email => "email",
        }
    }
}

/// Who is blocked, as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    pub kind: Kind,
    pub value: String,
}

impl Blocked {
    /// An address of IPv6 stands for its network of 64 bits: whoever has one has all of it.
    pub fn address(address: IpAddr) -> Self {
        let value = match address.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let network = Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX));
                format!("{network}/64")
            }
        };
        Self { kind: Kind::Address, value }
    }

    /// In any case.
    pub fn email(email: &str) -> Self {
        Self { kind: Kind::Email, value: email.trim().to_lowercase() }
    }
}

/// A block.
#[derive(Debug, Clone)]
pub struct Block {
    pub id: i64,
    pub blocked: Blocked,
    pub reason: String,
    pub agent_id: Option<i64>,
    pub agent_login: Option<String>,
    pub created_at: Millis,
    /// None: until it is lifted.
    pub expires_at: Option<Millis>,
}

fn read(row: &Row<'_>) -> Result<Block, rozmowa_db::Error> {
    let kind = if row.get::<i64>(1)? == 0 { Kind::Address } else { Kind::Email };
    Ok(Block {
        id: row.get(0)?,
        blocked: Blocked { kind, value: row.get(2)? },
        reason: row.get(3)?,
        agent_id: row.get(4)?,
        agent_login: row.get(5)?,
        created_at: row.get(6)?,
        expires_at: row.get(7)?,
    })
}

/// As the audit log shows one.
#[derive(Serialize)]
struct View<'a> {
    kind: &'static str,
    value: &'a str,
    reason: &'a str,
    expires_at: Option<Millis>,
}

impl<'a> View<'a> {
    fn of(block: &'a Block) -> Self {
        Self {
            kind: block.blocked.kind.name(),
            value: &block.blocked.value,
            reason: &block.reason,
            expires_at: block.expires_at,
        }
    }
}

/// Blocks a visitor; one who is blocked already is so anew. Gives the number.
pub fn add(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    agent_id: i64,
    blocked: &Blocked,
    reason: &str,
    expires_at: Option<Millis>,
) -> Result<i64, Error> {
    let Blocked { kind, value } = blocked;
    let was = tx.query_opt(&OF_VALUE, params![*kind as i64, value], read)?;
    let id = crate::counter::next(tx, "block")?;
    let row = params![id, *kind as i64, value, reason, agent_id, act.now, expires_at];
    let id = tx.query_one(&ADD, row, |row| row.get::<i64>(0))?;
    let becomes = View { kind: kind.name(), value, reason, expires_at };
    let was = was.as_ref().map(View::of);
    audit::record(tx, act, "block.add", &subject(id), was.as_ref(), Some(&becomes))?;
    Ok(id)
}

/// Those that hold, the newest first, with numbers below a given one.
pub fn list(tx: &mut Tx<'_>, below: i64, now: Millis, limit: i64) -> Result<Vec<Block>, Error> {
    Ok(tx.query(&LIST, params![below, now, limit], read)?)
}

/// The block of a visitor, whether its time is over or not.
pub fn of(tx: &mut Tx<'_>, blocked: &Blocked) -> Result<Option<Block>, Error> {
    Ok(tx.query_opt(&OF_VALUE, params![blocked.kind as i64, &blocked.value], read)?)
}

pub fn find(tx: &mut Tx<'_>, id: i64) -> Result<Block, Error> {
    tx.query_opt(&FIND, params![id], read)?.ok_or_else(|| unknown(id))
}

pub fn unknown(id: impl ToString) -> Error {
    Fault::new(Code::UnknownBlock).with("id", id).into()
}

pub fn lift(tx: &mut Tx<'_>, act: &Act<'_>, block: &Block) -> Result<(), Error> {
    if tx.execute(&REMOVE, params![block.id])? == 0 {
        return Err(unknown(block.id));
    }
    let was = View::of(block);
    audit::record(tx, act, "block.lift", &subject(block.id), Some(&was), None::<&View<'_>>)
}

/// Whether a visitor of this address or this e-mail is blocked.
pub fn is_blocked(
    tx: &mut Tx<'_>,
    address: Option<IpAddr>,
    email: Option<&str>,
    now: Millis,
) -> Result<bool, Error> {
    let address = address.map(|address| Blocked::address(address).value);
    let email = email.map(|email| Blocked::email(email).value);
    let who = params![address.as_deref(), email.as_deref(), now];
    Ok(tx.query_opt(&IS_BLOCKED, who, |_| Ok(()))?.is_some())
}

/// Deletes some blocks whose time is over, and says whether there may be more.
pub fn sweep(tx: &mut Tx<'_>, now: Millis) -> Result<bool, Error> {
    Ok(tx.execute(&SWEEP, params![now])? == 500)
}

fn subject(id: i64) -> String {
    format!("block {id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_by_what_their_owner_has() {
        let value = |text: &str| Blocked::address(text.parse().unwrap()).value;
        assert_eq!(value("203.0.113.5"), "203.0.113.5");
        assert_eq!(value("::ffff:203.0.113.5"), "203.0.113.5");
        assert_eq!(value("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(value("2001:db8:1:2::9"), value("2001:db8:1:2:ffff::"));
        assert_eq!(Blocked::email(" Jan@Example.ORG").value, "jan@example.org");
    }
}
