//! Bots, for integrators: our additions.

use axum::extract::Path;
use serde_json::Value;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use uuid::Uuid;

use super::given::{self, AddBot, BotId, ChangeBot, Shown};
use super::work::{self, HandOver};
use crate::conversation::api::{ConversationId, known as known_conversation};
use crate::http::error::Envelope;
use crate::http::idempotency::IdempotencyKey;
use crate::http::params::{Id, Node, Param, Text};
use crate::http::{Call, Code, Error, Fault, Reply};

/// Lists bots
///
/// Our addition. All of them; disabled ones too.
#[utoipa::path(
    get, path = "/api/bots", operation_id = "list_bots", tag = "additions",
    responses(
        (status = 200, description = "The bots.", body = [Shown]),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(call: Call) -> Result<Reply, Error> {
    given::list(call).await
}

/// Adds a bot
///
/// Our addition. It speaks through `message` with its `external_chatbot_id`, in the conversations that it has: those that
/// its queue gives it, or `assign_bot`.
#[utoipa::path(
    post, path = "/api/bots", operation_id = "add_bot", tag = "additions", params(IdempotencyKey),
    request_body = AddBot,
    responses(
        (status = 200, description = "The bot.", body = Shown),
        (status = 409, description = "There is a bot of this UUID already, or there are too many bots or webhooks.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn add(call: Call) -> Result<Reply, Error> {
    given::add(call).await
}

/// Changes a bot
///
/// Our addition. What is not given stays. Its subscription is changed as every other is, by `PUT webhooks/:id`.
#[utoipa::path(
    put, path = "/api/bots/{id}", operation_id = "change_bot", tag = "additions", params(BotId),
    request_body(content((Option<ChangeBot> = "application/json"), (Option<ChangeBot> = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "The bot as it is now.", body = Shown),
        (status = 404, description = "Unknown bot.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn change(Path(id): Path<String>, call: Call) -> Result<Reply, Error> {
    given::change(call, &id).await
}

/// Removes a bot
///
/// Our addition. With its subscription. Its conversations go to people.
#[utoipa::path(
    delete, path = "/api/bots/{id}", operation_id = "remove_bot", tag = "additions", params(BotId),
    responses(
        (status = 200, description = "It is removed. The body is empty."),
        (status = 404, description = "Unknown bot.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn remove(Path(id): Path<String>, call: Call) -> Result<Reply, Error> {
    given::remove(call, &id).await
}

crate::params! { body
    AssignBot {
        /// The bot that gets the conversation.
        external_chatbot_id: Uuid,
    }
}

/// Gives a conversation to a bot
///
/// Our addition. Whosever it is; the same bot again changes nothing.
#[utoipa::path(
    post, path = "/api/chat_conversations/{id}/assign_bot", operation_id = "assign_bot", tag = "additions",
    params(ConversationId, IdempotencyKey),
    request_body(content((AssignBot = "application/json"), (AssignBot = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "It is the bot's. The body is empty."),
        (status = 404, description = "Unknown conversation or bot.", body = Envelope),
        (status = 409, description = "The conversation is closed, or the bot is disabled.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn assign(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: AssignBot = call.params()?;
    let id = known_conversation(&id)?;
    call.write(move |tx, act| {
        work::assign(tx, act, &id, &given.external_chatbot_id)?;
        Ok(Reply::default())
    })
    .await
}

crate::params! { body
    HandOverConversation {
        /// The bot that hands its conversation over.
        external_chatbot_id: Uuid,
        /// Where people take it; without it in its queue.
        chat_queue_id: Option<Id> = 3,
        /// What the agents are to know: up to 16,384 characters. The client never sees it.
        note: Option<Text<16_384>> = "Pyta o paczkę 1234.",
        /// What the bot has learnt, for programs: an object, up to 16 KiB. The client never sees it.
        data: Option<Facts>,
    }
}

/// Hands a conversation over to people
///
/// Our addition. From now on it waits in the queue. Note and data are a note of the bot's in the log, for agents alone.
#[utoipa::path(
    post, path = "/api/chat_conversations/{id}/hand_over", operation_id = "hand_over_conversation", tag = "additions",
    params(ConversationId, IdempotencyKey),
    request_body = HandOverConversation,
    responses(
        (status = 200, description = "It waits for people. The body is empty."),
        (status = 404, description = "Unknown conversation, bot or chat queue.", body = Envelope),
        (status = 409, description = "The conversation is closed or not the bot's, or the bot or the queue is disabled.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn hand_over(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let exact = call.given().object("data");
    let given: HandOverConversation = call.params()?;
    let id = known_conversation(&id)?;
    let over = HandOver {
        chat_queue_id: given.chat_queue_id.map(|id| id.0),
        note: given.note.map(|note| note.0),
        data: given.data.map(|facts| exact.unwrap_or(facts.0)),
    };
    call.write(move |tx, act| {
        work::hand_over(tx, act, &id, &given.external_chatbot_id, &over)?;
        Ok(Reply::default())
    })
    .await
}

/// An object of whatever a program wants to keep. Its text as JSON has up to 16 KiB.
#[derive(Debug, Clone)]
pub struct Facts(pub Value);

impl Facts {
    const BYTES_MAX: usize = 16 * 1024;
}

impl Param for Facts {
    fn describe(_: bool) -> ObjectBuilder {
        ObjectBuilder::new().schema_type(Type::Object)
    }

    fn read(name: &'static str, node: Option<Node>, _: &jiff::tz::TimeZone) -> Result<Self, Fault> {
        let value = match node {
            // A form's object, or its text.
            Some(Node::Scalar(text)) => serde_json::from_str(&text).unwrap_or_default(),
            Some(node) => value(node),
            None => return Err(Fault::of(Code::Missing, name)),
        };
        if !value.is_object() {
            return Err(Fault::of(Code::NotObject, name));
        }
        // Even a NUL in it is stored as JSON writes it.
        if value.to_string().len() > Self::BYTES_MAX {
            return Err(Fault::of(Code::ObjectTooLarge, name).with("limit", Self::BYTES_MAX));
        }
        Ok(Self(value))
    }
}

fn value(node: Node) -> Value {
    match node {
        Node::Scalar(text) => text.into(),
        Node::List(nodes) => nodes.into_iter().map(value).collect(),
        Node::Map(nodes) => {
            Value::Object(nodes.into_iter().map(|(name, node)| (name, value(node))).collect())
        }
    }
}
