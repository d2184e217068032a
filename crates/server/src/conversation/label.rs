//! What a conversation is about: a topic and tags, for agents.

use rozmowa_db::{Row, Tx, params};
use serde_json::json;
use uuid::Uuid;

use super::log::{self, Event, Kind, Place, Turn};
use crate::act::Act;
use crate::http::{Code, Error};
use crate::label;

rozmowa_db::statements! {
    /// What is decided by what was read stays so until the transaction's end.
    HOLD = {
        sqlite: "SELECT topic_id FROM conversation WHERE id = $1",
        postgres: "SELECT topic_id FROM conversation WHERE id = $1 FOR UPDATE",
    };
    TAGS = "SELECT tag_id FROM conversation_tag WHERE conversation_id = $1 ORDER BY tag_id LIMIT 1000";
    SET_TOPIC = "UPDATE conversation SET seq = seq + 1, updated_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END,
            topic_id = $3
        WHERE id = $1 RETURNING seq, updated_at, chat_queue_id, agent_id, status";
    REMOVE_TAGS = "DELETE FROM conversation_tag WHERE conversation_id = $1";
    ADD_TAG = "INSERT INTO conversation_tag (conversation_id, tag_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
}

/// Tags that a conversation can have.
pub const TAGS_MAX: usize = 50;

/// What is to be said of a conversation; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    /// None within: it has no topic.
    pub topic_id: Option<Option<i64>>,
    pub tag_ids: Option<Vec<i64>>,
}

/// Sets topic and tags, open or closed. What changes nothing is no event.
pub fn set(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    by: Option<i64>,
    labels: &Labels,
    client_key: Option<Uuid>,
) -> Result<Option<Place>, Error> {
    if let Some(place) = log::once(tx, id, client_key)? {
        return Ok(Some(place));
    }
    let topic = tx.query_opt(&HOLD, params![id], |row| row.get::<Option<i64>>(0))?;
    let was_topic = topic.ok_or(Code::UnknownConversation)?;
    let was_tags = tags(tx, id)?;
    let topic_id = labels.topic_id.unwrap_or(was_topic);
    let mut tag_ids = labels.tag_ids.clone().unwrap_or_else(|| was_tags.clone());
    tag_ids.sort_unstable();
    tag_ids.dedup();
    if topic_id == was_topic && tag_ids == was_tags {
        return Ok(None);
    }
    // What it has already it may keep, also when nobody can choose it any more.
    if let Some(topic_id) = topic_id.filter(|id| Some(*id) != was_topic) {
        label::check_usable(tx, label::Kind::Topic, topic_id)?;
    }
    for tag_id in tag_ids.iter().filter(|id| !was_tags.contains(id)) {
        label::check_usable(tx, label::Kind::Tag, *tag_id)?;
    }
    let turn = tx.query_one(&SET_TOPIC, params![id, act.now, topic_id], Turn::read)?;
    if tag_ids != was_tags {
        tx.put(&REMOVE_TAGS, params![id])?;
        for tag_id in &tag_ids {
            tx.put(&ADD_TAG, params![id, *tag_id])?;
        }
    }
    let data = json!({"topic_id": topic_id, "tag_ids": tag_ids});
    let event = Event::by(Kind::Labelled, by).with(&data).numbered(client_key);
    log::append(tx, act, id, turn, &event)?;
    Ok(Some(turn.place()))
}

/// By number.
pub fn tags(tx: &mut Tx<'_>, id: &Uuid) -> Result<Vec<i64>, Error> {
    Ok(tx.query(&TAGS, params![id], |row: &Row<'_>| row.get(0))?)
}
