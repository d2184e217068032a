//! Messages that their sender has numbered: the same again is the same message.

use rozmowa_db::{Tx, params};
use uuid::Uuid;

use super::log::{self, Event, Kind, Place, Speaker, Turn};
use super::{ANSWER, assign, silent};
use crate::act::Act;
use crate::agent::Agent;
use crate::http::Error;

/// An agent says something.
pub fn answer(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    agent: &Agent,
    key: Uuid,
    text: &str,
) -> Result<Place, Error> {
    if let Some(place) = log::once(tx, id, Some(key))? {
        return Ok(place);
    }
    assign::take(tx, act, id, agent)?;
    let Some(turn) = tx.query_opt(&ANSWER, params![id, act.now], Turn::read)? else {
        return Err(silent(tx, id)?);
    };
    let event = Event::of(Kind::Message, Speaker::Agent).about(agent.id).saying(text);
    log::append(tx, act, id, turn, &event.numbered(Some(key)))?;
    Ok(turn.place())
}
