//! What agents say among themselves: it reaches a visitor as nothing but a moved cursor.

use rozmowa_db::Tx;
use uuid::Uuid;

use super::log::{self, Event, Kind, Place, Speaker};
use super::{NewMessage, Status};
use crate::act::Act;
use crate::file;
use crate::http::{Code, Error};

/// A note of an agent, also on a conversation that is closed.
pub fn note(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    agent_id: i64,
    new: &NewMessage,
) -> Result<Place, Error> {
    write(tx, act, id, Kind::Note, agent_id, new)
}

/// A supervisor's word to the agent, while the conversation lasts.
pub fn whisper(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    agent_id: i64,
    new: &NewMessage,
) -> Result<Place, Error> {
    if log::hold(tx, id)? == Some(Status::Closed) {
        return Err(Code::ConversationClosed.into());
    }
    write(tx, act, id, Kind::Whisper, agent_id, new)
}

fn write(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    kind: Kind,
    agent_id: i64,
    new: &NewMessage,
) -> Result<Place, Error> {
    if let Some(place) = log::once(tx, id, new.client_key)? {
        return Ok(place);
    }
    let turn = log::turn(tx, act, id)?.ok_or(Code::UnknownConversation)?;
    let mut event = Event::of(kind, Speaker::Agent).about(agent_id).saying(&new.text);
    if let Some(data) = file::send(tx, id, turn.seq, Speaker::Agent, &new.files)? {
        event = event.with(&data);
    }
    log::append(tx, act, id, turn, &event.numbered(new.client_key))?;
    Ok(turn.place())
}
