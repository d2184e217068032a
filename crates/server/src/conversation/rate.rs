//! What the client thought of it.

use rozmowa_db::{Row, Tx, params};
use serde_json::json;
use uuid::Uuid;

use super::log::{self, Event, Kind, Place, Speaker, Turn};
use crate::act::Act;
use crate::clock::Millis;
use crate::http::params::Named;
use crate::http::{Code, Error};

rozmowa_db::statements! {
    /// What is decided by what was read stays so until the transaction's end.
    HOLD = {
        sqlite: "SELECT rating, rating_text, rated_at FROM conversation WHERE id = $1",
        postgres: "SELECT rating, rating_text, rated_at FROM conversation WHERE id = $1 FOR UPDATE",
    };
    RATE = "UPDATE conversation SET seq = seq + 1, updated_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END,
            rating = $3, rating_text = $4, rated_at = coalesce(rated_at, $2)
        WHERE id = $1 RETURNING seq, updated_at, chat_queue_id, agent_id, status";
}

/// For so long a rating can be another one.
pub const CHANGEABLE: Millis = 24 * 60 * 60 * 1000;

/// The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rating {
    Sad = 0,
    Neutral = 1,
    Happy = 2,
}

impl Named for Rating {
    const ALL: &[Self] = &[Self::Sad, Self::Neutral, Self::Happy];

    fn name(self) -> &'static str {
        match self {
            Self::Sad => "sad",
            Self::Neutral => "neutral",
            Self::Happy => "happy",
        }
    }
}

impl Rating {
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.iter().copied().find(|rating| *rating as i64 == number)
    }
}

struct Held {
    rating: Option<i64>,
    text: Option<String>,
    rated_at: Option<Millis>,
}

/// The client rates a conversation, open or closed. For a day it can be changed; the same again changes nothing.
pub fn rate(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    rating: Rating,
    text: Option<&str>,
    client_key: Option<Uuid>,
) -> Result<Option<Place>, Error> {
    if let Some(place) = log::once(tx, id, client_key)? {
        return Ok(Some(place));
    }
    let held = tx.query_opt(&HOLD, params![id], |row: &Row<'_>| {
        Ok(Held { rating: row.get(0)?, text: row.get(1)?, rated_at: row.get(2)? })
    })?;
    let held = held.ok_or(Code::UnknownConversation)?;
    if held.rating == Some(rating as i64) && held.text.as_deref() == text {
        return Ok(None);
    }
    if held.rated_at.is_some_and(|at| act.now - at >= CHANGEABLE) {
        return Err(Code::RatingFinal.into());
    }
    let turn = tx.query_one(&RATE, params![id, act.now, rating as i64, text], Turn::read)?;
    let data = json!({"rating": rating.name()});
    let mut event = Event::of(Kind::Rated, Speaker::Client).with(&data).numbered(client_key);
    if let Some(text) = text {
        event = event.saying(text);
    }
    log::append(tx, act, id, turn, &event)?;
    Ok(Some(turn.place()))
}
