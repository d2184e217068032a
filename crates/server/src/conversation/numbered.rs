//! Messages that their sender has numbered: the same again is the same message.

use rozmowa_db::{Tx, params};
use uuid::Uuid;

use super::log::{self, Event, Kind, Speaker, Turn};
use super::{ANSWER, HEAR, assign, silent};
use crate::act::Act;
use crate::agent::Agent;
use crate::clock::Millis;
use crate::http::Error;

/// Where a message stands, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    pub seq: i64,
    pub at: Millis,
}

/// The client says something.
pub fn hear(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    key: Uuid,
    text: &str,
) -> Result<Sent, Error> {
    assign::hold(tx, id)?;
    if let Some((seq, at)) = log::sent(tx, id, &key)? {
        return Ok(Sent { seq, at });
    }
    let Some(turn) = tx.query_opt(&HEAR, params![id, act.now], Turn::read)? else {
        return Err(silent(tx, id)?);
    };
    let event = Event::of(Kind::Message, Speaker::Client).saying(text).numbered(Some(key));
    log::append(tx, act, id, turn, &event)?;
    Ok(Sent { seq: turn.seq, at: turn.at })
}

/// An agent says something.
pub fn answer(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    agent: &Agent,
    key: Uuid,
    text: &str,
) -> Result<Sent, Error> {
    assign::hold(tx, id)?;
    if let Some((seq, at)) = log::sent(tx, id, &key)? {
        return Ok(Sent { seq, at });
    }
    assign::take(tx, act, id, agent)?;
    let Some(turn) = tx.query_opt(&ANSWER, params![id, act.now], Turn::read)? else {
        return Err(silent(tx, id)?);
    };
    let event = Event::of(Kind::Message, Speaker::Agent).about(agent.id).saying(text);
    log::append(tx, act, id, turn, &event.numbered(Some(key)))?;
    Ok(Sent { seq: turn.seq, at: turn.at })
}
