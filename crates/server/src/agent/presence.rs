//! Presence: who is on duty, free or paused.
//!
//! A row with a lease: one that is over is OFF since its end. Every change is a conditional update, and made while the
//! agent is held, so that an account that is being closed is not put on duty meanwhile.

use rozmowa_db::{Row, Tx, params};

use super::Agent;
use crate::act::Act;
use crate::clock::Millis;
use crate::http::{Code, Error};
use crate::pause;

rozmowa_db::statements! {
    FIND = "SELECT status, pause_id, changed_at, lease_until FROM presence WHERE agent_id = $1";
    BEGIN = "INSERT INTO presence (agent_id, status, pause_id, changed_at, lease_until) VALUES ($1, 1, NULL, $2, $3)
        ON CONFLICT (agent_id) DO UPDATE SET status = 1, pause_id = NULL, changed_at = $2, lease_until = $3
        WHERE presence.lease_until <= $2";
    RENEW = "UPDATE presence SET lease_until = $3 WHERE agent_id = $1 AND lease_until > $2";
    END = "UPDATE presence SET lease_until = $2 WHERE agent_id = $1 AND lease_until > $2";
    /// Free when there is no pause.
    TURN = "UPDATE presence SET status = $4, pause_id = $5, lease_until = $3,
            changed_at = CASE WHEN status = $4 AND pause_id IS NOT DISTINCT FROM $5 THEN changed_at ELSE $2 END
        WHERE agent_id = $1 AND lease_until > $2";
}

/// The numbers are stored; OFF is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Off = 0,
    Free = 1,
    Paused = 2,
}

impl Status {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "OFF",
            Self::Free => "FREE",
            Self::Paused => "PAUSED",
        }
    }
}

/// An agent's presence at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    pub status: Status,
    pub pause_id: Option<i64>,
    /// None when the agent never was on duty.
    pub last_change: Option<Millis>,
}

impl Presence {
    const NEVER: Self = Self { status: Status::Off, pause_id: None, last_change: None };

    /// From the columns `status`, `pause_id`, `changed_at`, `lease_until`, beginning with a given one; all are null when
    /// there is no row.
    pub fn read(row: &Row<'_>, from: usize, now: Millis) -> Result<Self, rozmowa_db::Error> {
        let Some(status) = row.get::<Option<i64>>(from)? else { return Ok(Self::NEVER) };
        let lease_until: Millis = row.get(from + 3)?;
        if lease_until <= now {
            return Ok(Self { last_change: Some(lease_until), ..Self::NEVER });
        }
        Ok(Self {
            status: if status == Status::Paused as i64 { Status::Paused } else { Status::Free },
            pause_id: row.get(from + 1)?,
            last_change: Some(row.get(from + 2)?),
        })
    }
}

pub fn find(tx: &mut Tx<'_>, agent_id: i64, now: Millis) -> Result<Presence, Error> {
    let found = tx.query_opt(&FIND, params![agent_id], |row| Presence::read(row, 0, now))?;
    Ok(found.unwrap_or(Presence::NEVER))
}

/// Puts an agent on duty, free; one who is on duty already stays as is, under a new lease.
pub fn login(tx: &mut Tx<'_>, act: &Act<'_>, login: &str, lease: Millis) -> Result<(), Error> {
    let agent = hold_active(tx, login)?;
    if !renew(tx, agent.id, act.now, lease)? {
        tx.execute(&BEGIN, params![agent.id, act.now, act.now + lease])?;
    }
    Ok(())
}

/// A new lease from now on; false when the agent is off duty.
pub fn renew(tx: &mut Tx<'_>, agent_id: i64, now: Millis, lease: Millis) -> Result<bool, Error> {
    Ok(tx.execute(&RENEW, params![agent_id, now, now + lease])? == 1)
}

pub fn logout(tx: &mut Tx<'_>, act: &Act<'_>, login: &str) -> Result<(), Error> {
    let agent = hold_active(tx, login)?;
    end(tx, agent.id, act.now)
}

/// Off duty from now on. Whoever is so already stays so since then.
pub fn end(tx: &mut Tx<'_>, agent_id: i64, now: Millis) -> Result<(), Error> {
    Ok(tx.put(&END, params![agent_id, now])?)
}

/// Pauses an agent on duty, for a reason or without one.
pub fn pause(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    login: &str,
    pause_id: Option<i64>,
    lease: Millis,
) -> Result<(), Error> {
    let agent = hold_active(tx, login)?;
    if let Some(id) = pause_id {
        pause::check_usable(tx, id)?;
    }
    turn(tx, act, &agent, Status::Paused, pause_id, lease)
}

/// Ends an agent's pause.
pub fn free(tx: &mut Tx<'_>, act: &Act<'_>, login: &str, lease: Millis) -> Result<(), Error> {
    let agent = hold_active(tx, login)?;
    turn(tx, act, &agent, Status::Free, None, lease)
}

fn turn(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    agent: &Agent,
    status: Status,
    pause_id: Option<i64>,
    lease: Millis,
) -> Result<(), Error> {
    let row = params![agent.id, act.now, act.now + lease, status as i64, pause_id];
    if tx.execute(&TURN, row)? == 1 {
        return Ok(());
    }
    Err(super::fault(Code::AgentOffDuty, &agent.login))
}

fn hold_active(tx: &mut Tx<'_>, login: &str) -> Result<Agent, Error> {
    let agent = super::hold(tx, login)?;
    if agent.is_active { Ok(agent) } else { Err(super::fault(Code::AgentInactive, login)) }
}
