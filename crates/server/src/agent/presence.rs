//! Presence: who is on duty, free or paused.
//!
//! A row with a lease: one that is over is OFF since its end. Every change is a conditional update, and made while the
//! agent is held, so that an account that is being closed is not put on duty meanwhile, and nobody is given a conversation
//! while leaving.

use rozmowa_db::{Row, Tx, params};

use super::{Agent, status};
use crate::act::Act;
use crate::clock::Millis;
use crate::http::{Code, Error};
use crate::live::ToRoute;
use crate::pause;

rozmowa_db::statements! {
    FIND = "SELECT status, pause_id, changed_at, lease_until FROM presence WHERE agent_id = $1";
    BEGIN = "INSERT INTO presence (agent_id, status, pause_id, changed_at, lease_until) VALUES ($1, 1, NULL, $2, $3)
        ON CONFLICT (agent_id) DO UPDATE
        SET status = 1, pause_id = NULL, changed_at = $2, lease_until = $3, ended_how = 0, left_to = NULL
        WHERE presence.lease_until <= $2";
    /// With 1 as the last one, a longer lease stays.
    RENEW = "UPDATE presence SET lease_until = CASE WHEN $4 = 1 AND lease_until > $3 THEN lease_until ELSE $3 END
        WHERE agent_id = $1 AND lease_until > $2";
    /// Whose lease was lost a moment ago is on duty as before.
    REVIVE = "UPDATE presence SET lease_until = $3
        WHERE agent_id = $1 AND lease_until <= $2 AND lease_until > $4 AND ended_how = 0";
    END = "UPDATE presence SET lease_until = CASE WHEN lease_until > $2 THEN $2 ELSE lease_until END,
            ended_how = $3, left_to = $4
        WHERE agent_id = $1";
    /// Free when there is no pause.
    TURN = "UPDATE presence SET status = $4, pause_id = $5,
            lease_until = CASE WHEN $6 = 1 AND lease_until > $3 THEN lease_until ELSE $3 END,
            changed_at = CASE WHEN status = $4 AND pause_id IS NOT DISTINCT FROM $5 THEN changed_at ELSE $2 END
        WHERE agent_id = $1 AND lease_until > $2";
    /// Who is on duty already stays so for as long as before.
    SILENCE = "UPDATE presence SET status = 2, pause_id = NULL, changed_at = $2
        WHERE agent_id = $1 AND lease_until > $2 AND status = 1";
}

/// How long a console's agent stays on duty without being heard of.
pub const CONSOLE_LEASE: Millis = 90_000;
/// After a lost lease, for so long everything is as if it were not.
pub const GRACE: Millis = 180_000;

/// For how long an agent is on duty from now on, unless heard of again.
#[derive(Debug, Clone, Copy)]
pub enum Lease {
    Exactly(Millis),
    /// A longer one that was given elsewhere stays.
    AtLeast(Millis),
}

impl Lease {
    const fn until(self, now: Millis) -> Millis {
        match self {
            Self::Exactly(length) | Self::AtLeast(length) => now + length,
        }
    }

    const fn keeps_longer(self) -> bool {
        matches!(self, Self::AtLeast(_))
    }
}

/// How a lease came to its end, other than by being lost. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By hand: open conversations stay.
    Left,
    /// By hand: open conversations are moved to a colleague, or back to their queues.
    Leaving(Option<i64>),
    /// With the account.
    Closed,
}

impl Ended {
    const fn stored(self) -> (i64, Option<i64>) {
        match self {
            Self::Left => (1, None),
            Self::Leaving(to) => (2, to),
            Self::Closed => (3, None),
        }
    }
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
pub fn login(tx: &mut Tx<'_>, act: &Act<'_>, login: &str, lease: Lease) -> Result<(), Error> {
    let agent = hold_active(tx, login)?;
    if !renew(tx, agent.id, act.now, lease)? {
        tx.execute(&BEGIN, params![agent.id, act.now, lease.until(act.now)])?;
        tell(tx, agent.id);
    }
    Ok(())
}

/// A new lease from now on; false when the agent is off duty.
fn renew(tx: &mut Tx<'_>, agent_id: i64, now: Millis, lease: Lease) -> Result<bool, Error> {
    let row = params![agent_id, now, lease.until(now), lease.keeps_longer()];
    Ok(tx.execute(&RENEW, row)? == 1)
}

/// A console has been heard of. False when the agent is off duty; who lost the lease a moment ago is not.
pub fn renew_at_console(tx: &mut Tx<'_>, agent_id: i64, now: Millis) -> Result<bool, Error> {
    if renew(tx, agent_id, now, Lease::AtLeast(CONSOLE_LEASE))? {
        return Ok(true);
    }
    let row = params![agent_id, now, now + CONSOLE_LEASE, now - GRACE];
    let is_back = tx.execute(&REVIVE, row)? == 1;
    if is_back {
        tell(tx, agent_id);
    }
    Ok(is_back)
}

/// Off duty by hand; open conversations stay the agent's.
pub fn logout(tx: &mut Tx<'_>, act: &Act<'_>, login: &str) -> Result<(), Error> {
    let agent = hold_active(tx, login)?;
    end(tx, agent.id, act.now, Ended::Left)
}

/// Off duty from now on. Whoever is so already stays so since then.
pub fn end(tx: &mut Tx<'_>, agent_id: i64, now: Millis, how: Ended) -> Result<(), Error> {
    let (how, to) = how.stored();
    tx.put(&END, params![agent_id, now, how, to])?;
    tell(tx, agent_id);
    Ok(())
}

/// Pauses an agent on duty, for a reason or without one.
pub fn pause(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    login: &str,
    pause_id: Option<i64>,
    lease: Lease,
) -> Result<(), Error> {
    let agent = hold_active(tx, login)?;
    if let Some(id) = pause_id {
        pause::check_usable(tx, id)?;
    }
    turn(tx, act, &agent, Status::Paused, pause_id, lease)
}

/// Ends an agent's pause.
pub fn free(tx: &mut Tx<'_>, act: &Act<'_>, login: &str, lease: Lease) -> Result<(), Error> {
    let agent = hold_active(tx, login)?;
    turn(tx, act, &agent, Status::Free, None, lease)
}

/// Pauses an agent who does not answer, and whom the caller holds.
pub fn silence(tx: &mut Tx<'_>, agent_id: i64, now: Millis) -> Result<(), Error> {
    tx.put(&SILENCE, params![agent_id, now])?;
    tell(tx, agent_id);
    Ok(())
}

fn turn(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    agent: &Agent,
    status: Status,
    pause_id: Option<i64>,
    lease: Lease,
) -> Result<(), Error> {
    let (until, keeps_longer) = (lease.until(act.now), lease.keeps_longer());
    let row = params![agent.id, act.now, until, status as i64, pause_id, keeps_longer];
    if tx.execute(&TURN, row)? == 0 {
        return Err(super::fault(Code::AgentOffDuty, &agent.login));
    }
    tell(tx, agent.id);
    Ok(())
}

/// Who looks at agents sees it, and who waits may have somebody now.
fn tell(tx: &mut Tx<'_>, agent_id: i64) {
    tx.publish(status::Changed(agent_id));
    tx.publish(ToRoute(None));
}

pub(super) fn hold_active(tx: &mut Tx<'_>, login: &str) -> Result<Agent, Error> {
    let agent = super::hold(tx, login)?;
    if agent.is_active { Ok(agent) } else { Err(super::fault(Code::AgentInactive, login)) }
}
