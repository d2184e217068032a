//! Streams, for integrators: our additions.

use axum::extract::Path;
use axum::response::Response;

use super::api::{ConversationId, known};
use super::stream::{self, Place};
use crate::http::error::Envelope;
use crate::http::params::{Count, Line};
use crate::http::{Call, Code, Error, Fault};
use crate::live::Topic;
use crate::live::sse::Stream;
use crate::queue;
use crate::queue::api::ChatQueueId;
use crate::queue::given::number;

crate::params! { query
    StreamChat {
        /// The log after this `seq`; without it all of it. `Last-Event-ID` goes before.
        after: Option<Count>,
    }
}

/// The id that the client's library has kept.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
pub struct LastEventId {
    /// The id of the last event that arrived.
    #[param(required = false, rename = "Last-Event-ID", max_length = 20)]
    #[expect(dead_code, reason = "it describes; the header is read with the call")]
    id: String,
}

/// Streams a conversation
///
/// Our addition. The log of the conversation as server-sent events, from a place on, and everything as it happens. An
/// event's id is its `seq`.
#[utoipa::path(
    get, path = "/api/chats/{id}/events", operation_id = "stream_chat", tag = "additions",
    params(ConversationId, StreamChat, LastEventId),
    responses(
        (status = 200, description = "Events, until somebody hangs up or the conversation is deleted.", body = String, content_type = "text/event-stream"),
        (status = 404, description = "Unknown conversation.", body = Envelope),
        (status = 429, description = "Too many streams.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn conversation(Path(id): Path<String>, mut call: Call) -> Result<Response, Error> {
    let given: StreamChat = call.params()?;
    let after = match last_event_id(&call)? {
        Some(last) => path_count(last).ok_or_else(not_an_id)?,
        None => given.after.map_or(0, |after| after.0),
    };
    let id = known(&id)?;
    let mut inbox = call.app().hub.inbox();
    // First of all, so that nothing falls in between.
    inbox.listen(Topic::Conversation(id));
    if !call.look(move |tx| stream::exists(tx, &id)).await? {
        return Err(Code::UnknownConversation.into());
    }
    let (stream, response) = Stream::open(call.app(), call.caller(), inbox)?;
    tokio::spawn(stream::conversation(stream, id, after));
    Ok(response)
}

crate::params! { query
    StreamQueue {
        /// Where to go on: the id of an event of this queue's stream; without it from now on. `Last-Event-ID` goes before.
        after: Option<Line<20>>,
    }
}

/// Streams a queue
///
/// Our addition. What happens in all conversations of a queue, as server-sent events. At least once, in order within a
/// conversation; repeats are known by `conversation_id` and `seq`. An event's id is a place to go on from.
#[utoipa::path(
    get, path = "/api/chats/queues/{id}/events", operation_id = "stream_chat_queue", tag = "additions",
    params(ChatQueueId, StreamQueue, LastEventId),
    responses(
        (status = 200, description = "Events, until somebody hangs up.", body = String, content_type = "text/event-stream"),
        (status = 404, description = "Unknown chat queue.", body = Envelope),
        (status = 429, description = "Too many streams.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn queue(Path(id): Path<String>, mut call: Call) -> Result<Response, Error> {
    let given: StreamQueue = call.params()?;
    let last = last_event_id(&call)?.map(str::to_owned);
    let from = match last.or_else(|| given.after.map(Into::into)) {
        Some(last) => Place::parse(&last).ok_or_else(not_an_id)?,
        None => Place(call.app().clock.now()),
    };
    let id = number(&id)?;
    let mut inbox = call.app().hub.inbox();
    inbox.listen(Topic::Queue(id));
    if call.look(move |tx| queue::find(tx, id)).await?.is_none() {
        return Err(queue::fault(Code::UnknownQueue, id));
    }
    let (stream, response) = Stream::open(call.app(), call.caller(), inbox)?;
    tokio::spawn(stream::queue(stream, id, from));
    Ok(response)
}

fn last_event_id(call: &Call) -> Result<Option<&str>, Error> {
    let Some(value) = call.head().headers.get("last-event-id") else { return Ok(None) };
    let text = value.to_str().map_err(|_| not_an_id())?.trim();
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn path_count(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn not_an_id() -> Error {
    Fault::new(Code::NotEventId).into()
}
