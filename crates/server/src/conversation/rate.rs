//! How a visitor liked a conversation.

use rozmowa_db::{Tx, params};
use uuid::Uuid;

use super::log::{self, Event, Kind, Place, Speaker, Turn};
use crate::act::Act;
use crate::http::params::Named;
use crate::http::{Code, Error};

rozmowa_db::statements! {
    /// Also after the conversation's end.
    RATE = "UPDATE conversation SET seq = seq + 1, updated_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END,
            rating = $3, rating_text = $4
        WHERE id = $1 RETURNING seq, updated_at, chat_queue_id, agent_id, status";
}

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

/// The last one counts.
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
    let rated = tx.query_opt(&RATE, params![id, act.now, rating as i64, text], Turn::read)?;
    let turn = rated.ok_or(Code::UnknownConversation)?;
    let data = serde_json::json!({ "rating": rating.name() });
    let mut event = Event::of(Kind::Rated, Speaker::Client).with(&data).numbered(client_key);
    if let Some(text) = text {
        event = event.saying(text);
    }
    log::append(tx, act, id, turn, &event)?;
    Ok(Some(turn.place()))
}
