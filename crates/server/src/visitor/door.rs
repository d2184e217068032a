//! A conversation, for its visitor.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::data::{self, Browser};
use super::limit::{Rate, What};
use super::show::{self, VisitorConversation};
use super::token::Visitor;
use super::transcript::{self, Format};
use super::view::{self, VisitorEvent};
use crate::conversation::api::FileIds;
use crate::conversation::log::{Place, Speaker};
use crate::conversation::rate::{self, Rating};
use crate::conversation::{self, NewMessage, read};
use crate::http::error::Envelope;
use crate::http::idempotency::IdempotencyKey;
use crate::http::params::{Count, Flag, Hearsay, Named, OneOf, OrEmpty, Text, YesNo};
use crate::http::{Call, Code, Error, Fault, Reply, page};
use crate::live::{By, Passing, Topic};

/// Shows the conversation
///
/// Marks nothing as read.
#[utoipa::path(
    get, path = "/visitor/conversation", operation_id = "show_visitor_conversation", tag = "visitor",
    security(("visitor" = [])),
    responses(
        (status = 200, description = "The conversation.", body = VisitorConversation),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show(call: Call<Visitor>) -> Result<Reply, Error> {
    let id = call.caller().conversation;
    call.read(move |tx, app| Reply::json(&VisitorConversation::new(app, id, show::see(tx, &id)?)))
        .await
}

crate::params! { query
    ListVisitorEvents {
        /// What follows this place; without it from the start.
        after: Option<Count>,
        /// At most so many places of the log; more than 100 is taken as 100.
        limit: Option<Count>,
    }
}

/// A part of the log.
#[derive(Serialize, ToSchema)]
pub struct VisitorEvents {
    /// Of what is between agents, the place alone.
    events: Vec<VisitorEvent>,
    /// Up to where this tells the log: `after` of the next part.
    cursor: i64,
}

/// Lists what happened
///
/// The log as the visitor may see it, in order. Marks nothing as read.
#[utoipa::path(
    get, path = "/visitor/conversation/events", operation_id = "list_visitor_events", tag = "visitor",
    params(ListVisitorEvents), security(("visitor" = [])),
    responses(
        (status = 200, description = "What was found.", body = VisitorEvents),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn events(mut call: Call<Visitor>) -> Result<Reply, Error> {
    let given: ListVisitorEvents = call.params()?;
    let (id, after) = (call.caller().conversation, given.after.map_or(0, |after| after.0));
    let limit = page::limit(given.limit);
    call.read(move |tx, _| {
        let events = view::since(tx, &id, after, limit)?;
        let cursor = events.last().map_or(after, |event| event.seq);
        Reply::json(&VisitorEvents { events, cursor })
    })
    .await
}

crate::params! { body
    SendVisitorMessage {
        /// Up to 16,384 characters; may be left out beside files.
        text: Option<Text<16_384>> = "Dzień dobry",
        /// Made by the client: the same one again is the same message.
        client_key: Option<Uuid>,
        /// Uploaded before.
        file_ids: Option<FileIds>,
    }
}

/// Says something
#[utoipa::path(
    post, path = "/visitor/conversation/messages", operation_id = "send_visitor_message", tag = "visitor",
    params(IdempotencyKey), security(("visitor" = [])),
    request_body(content((SendVisitorMessage = "application/json"))),
    responses(
        (status = 200, description = "It is stored.", body = Place),
        (status = 403, description = "The visitor is blocked.", body = Envelope),
        (status = 409, description = "The conversation is closed: another one can be opened.", body = Envelope),
        (status = 429, description = "Too many messages.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn message(mut call: Call<Visitor>) -> Result<Reply, Error> {
    let given: SendVisitorMessage = call.params()?;
    let (id, from) = (call.caller().conversation, call.head().from);
    let new = NewMessage {
        text: given.text.map(|text| text.0).unwrap_or_default(),
        client_key: given.client_key,
        files: given.file_ids.map(|ids| ids.0).unwrap_or_default(),
    };
    if new.is_empty() {
        return Err(Fault::of(Code::Missing, "text").into());
    }
    let app = call.app();
    let rate = Rate::per_minute(app.config.visitors.messages_per_minute);
    app.visits.take(What::Messages(id), rate)?;
    call.write(move |tx, act| Reply::json(&show::say(tx, act, &id, from, &new)?)).await
}

crate::params! { body
    MarkRead {
        /// Up to this place.
        seq: Count = 7,
    }
}

/// Marks what was read
///
/// Never back.
#[utoipa::path(
    post, path = "/visitor/conversation/read", operation_id = "mark_visitor_read", tag = "visitor",
    security(("visitor" = [])),
    request_body(content((MarkRead = "application/json"))),
    responses(
        (status = 200, description = "It is stored. The body is empty."),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn mark_read(mut call: Call<Visitor>) -> Result<Reply, Error> {
    let given: MarkRead = call.params()?;
    let id = call.caller().conversation;
    call.write(move |tx, _| {
        read::by_client(tx, &id, given.seq.0)?;
        Ok(Reply::default())
    })
    .await
}

crate::params! { body
    TellTyping {
        /// False when the visitor has stopped.
        is_typing: YesNo = true,
        /// What stands there so far; shown where the queue shows it.
        text: Option<OrEmpty<Text<16_384>>>,
    }
}

/// Tells that the visitor types
///
/// Kept nowhere.
#[utoipa::path(
    post, path = "/visitor/conversation/typing", operation_id = "tell_visitor_typing", tag = "visitor",
    security(("visitor" = [])),
    request_body(content((TellTyping = "application/json"))),
    responses(
        (status = 200, description = "Who looks has been told. The body is empty."),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn typing(mut call: Call<Visitor>) -> Result<Reply, Error> {
    let given: TellTyping = call.params()?;
    let id = call.caller().conversation;
    let topic = Topic::Conversation(id);
    let hub = call.app().hub.clone();
    if hub.has_listeners(topic) {
        let seen = call.look(move |tx| show::see(tx, &id)).await?;
        let is_typing = given.is_typing.0;
        let text = given
            .text
            .and_then(|text| text.0)
            .filter(|_| is_typing && seen.settings.has_text_preview);
        let text = text.map(|text| text.0);
        hub.pass(
            topic,
            Passing::Typing { conversation: id, by: By::Visitor, is_typing, text },
            None,
        );
    }
    Ok(Reply::default())
}

crate::params! { body
    TellPage {
        /// The page that the visitor is on. Kept without what is behind `#`, up to 2,000 characters; of the title up to 255.
        url: Option<Hearsay> = "https://shop.example.org/buty",
        title: Option<Hearsay> = "Buty",
        /// The visitor has closed it, and no other is open.
        is_closed: Flag = false,
    }
}

/// Tells which page the visitor is on
#[utoipa::path(
    post, path = "/visitor/conversation/page", operation_id = "tell_visitor_page", tag = "visitor",
    security(("visitor" = [])),
    request_body(content((TellPage = "application/json"))),
    responses(
        (status = 200, description = "It is stored. The body is empty."),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn tell_page(mut call: Call<Visitor>) -> Result<Reply, Error> {
    let given: TellPage = call.params()?;
    let (id, hub) = (call.caller().conversation, call.app().hub.clone());
    let browser = Browser::of(&call.head().headers, call.head().from)
        .at(given.url.map(|url| url.0), given.title.map(|title| title.0));
    let is_open = !given.is_closed.0;
    let passing = Passing::Page {
        conversation: id,
        url: browser.page_url.clone(),
        title: browser.page_title.clone(),
        is_open,
    };
    let from = call.head().from;
    let reply = call.write(move |tx, act| {
        show::check_not_blocked(tx, &id, from, act.now)?;
        if is_open {
            data::note(tx, &id, &browser)?;
            data::page_open(tx, &id, act.now)?;
        } else {
            data::page_closed(tx, &id, act.now)?;
        }
        Ok(Reply::default())
    });
    let reply = reply.await?;
    hub.pass(Topic::Conversation(id), passing, None);
    Ok(reply)
}

crate::params! { body
    RateConversation {
        rating: OneOf<Rating> = "happy",
        /// Why.
        text: Option<Text<2_000>>,
        /// Made by the client: the same one again is the same rating.
        client_key: Option<Uuid>,
    }
}

/// Rates the conversation
///
/// Also after its end.
#[utoipa::path(
    post, path = "/visitor/conversation/rating", operation_id = "rate_visitor_conversation", tag = "visitor",
    security(("visitor" = [])),
    request_body(content((RateConversation = "application/json"))),
    responses(
        (status = 200, description = "It is stored. The body is empty."),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn rate(mut call: Call<Visitor>) -> Result<Reply, Error> {
    let given: RateConversation = call.params()?;
    let id = call.caller().conversation;
    let text = given.text.map(|text| text.0);
    let from = call.head().from;
    take_turn(&call)?;
    call.write(move |tx, act| {
        show::check_not_blocked(tx, &id, from, act.now)?;
        rate::rate(tx, act, &id, given.rating.0, text.as_deref(), given.client_key)?;
        Ok(Reply::default())
    })
    .await
}

/// Ends the conversation
///
/// A second time changes nothing.
#[utoipa::path(
    post, path = "/visitor/conversation/close", operation_id = "close_visitor_conversation", tag = "visitor",
    security(("visitor" = [])),
    responses(
        (status = 200, description = "It is closed. The body is empty."),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn close(call: Call<Visitor>) -> Result<Reply, Error> {
    let id = call.caller().conversation;
    call.write(move |tx, act| {
        conversation::close(tx, act, &id, Speaker::Client)?;
        Ok(Reply::default())
    })
    .await
}

/// What adds to the log is limited as messages are.
fn take_turn(call: &Call<Visitor>) -> Result<(), Error> {
    let rate = Rate::per_minute(call.app().config.visitors.messages_per_minute);
    call.app().visits.take(What::Messages(call.caller().conversation), rate)
}

/// Gives the transcript
///
/// To keep: `txt` or `html`, in the conversation's language.
#[utoipa::path(
    get, path = "/visitor/conversation/transcript/{format}", operation_id = "show_visitor_transcript", tag = "visitor",
    params(("format" = String, Path, description = "`txt` or `html`.")), security(("visitor" = [])),
    responses(
        (status = 200, description = "The transcript.", content_type = "text/plain"),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn transcript(
    Path(format): Path<String>,
    call: Call<Visitor>,
) -> Result<Response, Error> {
    let format = Format::from_name(&format).ok_or(Code::UnknownPath)?;
    let (id, app) = (call.caller().conversation, call.app().clone());
    let told = call.look(move |tx| transcript::of(tx, &id, &app.config.time_zone)).await?;
    let disposition = format!("attachment; filename=\"{id}.{}\"", format.name());
    let headers = [
        (header::CONTENT_TYPE, format.content_type().to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'".to_owned()),
    ];
    Ok((headers, told.render(format)).into_response())
}
