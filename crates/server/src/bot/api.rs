//! Bots, for integrators: our additions.

use axum::extract::Path;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use uuid::Uuid;

use super::work::{self, HandOver};
use super::{ACTIONS, Added, Bot, Changes, NewBot};
use crate::act::{Act, Actor};
use crate::conversation::api::{ConversationId, known as known_conversation};
use crate::http::error::Envelope;
use crate::http::idempotency::IdempotencyKey;
use crate::http::params::{Flag, Id, Line, Many, Node, OneOf, Param, Text, YesNo};
use crate::http::{Call, Code, Error, Fault, Reply};
use crate::webhook::api::{Address, BasicUser, check, distinct};
use crate::webhook::{Action, Format, NewWebhook};

/// A bot.
#[derive(Serialize, ToSchema)]
#[schema(as = Bot)]
pub struct Shown {
    /// The UUID that it speaks with.
    external_chatbot_id: Uuid,
    #[schema(example = "Paczkobot")]
    name: String,
    enabled: bool,
    /// Whether its `stop` hands over to people; else it closes.
    hands_over: bool,
    /// The subscription that hears of its conversations: `GET webhooks/:id` and what else there is for webhooks.
    #[schema(example = 5)]
    webhook_id: Option<i64>,
    /// Shown once, by the call that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    signing_secret: Option<String>,
}

impl Shown {
    fn new(bot: Bot, signing_secret: Option<String>) -> Self {
        Self {
            external_chatbot_id: bot.id,
            name: bot.name,
            enabled: bot.is_enabled,
            hands_over: bot.is_handing_over,
            webhook_id: bot.webhook_id,
            signing_secret,
        }
    }
}

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
    call.read(|tx, _| {
        let bots = super::list(tx)?.into_iter().map(|bot| Shown::new(bot, None));
        Reply::json(&bots.collect::<Vec<_>>())
    })
    .await
}

crate::params! { body
    AddBot {
        name: Line<255> = "Paczkobot",
        /// The UUID that it is known by already; without it one is made.
        external_chatbot_id: Option<Uuid>,
        /// Whether its `stop` hands over to people; else it closes.
        hands_over: Flag,
        /// Where it hears of its conversations, by POST; see `POST webhooks`. Without it the bot reads the streams.
        subscription_url: Option<Address> = "https://example.org/bot",
        http_auth_user: Option<BasicUser>,
        http_auth_password: Option<Line<255>>,
        /// `form` (the default) or `json`.
        format: Option<OneOf<Format>>,
        /// Sign deliveries by Standard Webhooks. The answer then has the `signing_secret`, this once.
        signing: Flag,
        /// What it wants to hear of; by default what it needs.
        actions: Option<Many<OneOf<Action>, 50>> = ["CHAT_CONVERSATION_CREATED", "CHAT_MESSAGE_CREATED"],
    }
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
pub async fn add(mut call: Call) -> Result<Reply, Error> {
    let subscription_url = check(&mut call).await;
    let given: AddBot = call.params()?;
    let app = call.app().clone();
    let actions = given.actions.map_or_else(|| ACTIONS.to_vec(), |given| distinct(&given.0));
    let webhook = subscription_url.map(|subscription_url| NewWebhook {
        subscription_url,
        actions: actions.clone(),
        http_auth_user: given.http_auth_user.clone().map(|user| user.0).unwrap_or_default(),
        http_auth_password: given.http_auth_password.clone().map(Into::into),
        format: given.format.map_or(Format::Form, |format| format.0),
        is_signed: given.signing.0,
    });
    let new = NewBot {
        id: given.external_chatbot_id,
        name: given.name.into(),
        is_handing_over: given.hands_over.0,
        webhook,
    };
    call.write(move |tx, act| {
        let Added { bot, signing_secret } = super::add(tx, act, &app.secret, &new)?;
        let has_secret = signing_secret.is_some();
        let reply = Reply::json(&Shown::new(bot, signing_secret))?;
        Ok(if has_secret { reply.secret() } else { reply })
    })
    .await
}

crate::params! { body
    ChangeBot {
        name: Option<Line<255>> = "Paczkobot",
        /// The conversations of a disabled one go to people, and it may not speak.
        enabled: Option<YesNo> = true,
        hands_over: Option<YesNo> = true,
    }
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
pub async fn change(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: ChangeBot = call.params()?;
    let id = known(&id)?;
    let changes = Changes {
        name: given.name.map(Into::into),
        is_enabled: given.enabled.map(|yes| yes.0),
        is_handing_over: given.hands_over.map(|yes| yes.0),
    };
    call.write(move |tx, act| {
        let bot = super::change(tx, act, &id, &changes)?;
        if !bot.is_enabled {
            // What is left goes within seconds.
            work::let_go(tx, act, &id)?;
        }
        Reply::json(&Shown::new(bot, None))
    })
    .await
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
    let id = known(&id)?;
    let app = call.app().clone();
    // In steps, so that nobody waits; whoever is cut off in between finds it disabled.
    let actor = Actor::system();
    let disable = Changes { is_enabled: Some(false), ..Changes::default() };
    call.look(move |tx| super::known(tx, &id).map(|_| ())).await?;
    let of_step = app.clone();
    let step = app.db.write(move |tx| {
        let act = Act::of(tx, &of_step, &actor)?;
        super::change(tx, &act, &id, &disable)?;
        work::let_go(tx, &act, &id)
    });
    let mut has_more = step.await?;
    while has_more {
        let (of_step, actor) = (app.clone(), Actor::system());
        let step = app.db.write(move |tx| {
            let act = Act::of(tx, &of_step, &actor)?;
            work::let_go(tx, &act, &id)
        });
        has_more = step.await?;
    }
    call.write(move |tx, act| {
        super::remove(tx, act, &id)?;
        Ok(Reply::default())
    })
    .await
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

/// The path's `:id`. What is no UUID is the id of nothing.
fn known(id: &str) -> Result<Uuid, Error> {
    Uuid::try_parse(id).map_err(|_| Code::UnknownBot.into())
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

/// Described once for all methods of one bot.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub struct BotId {
    /// The bot's `external_chatbot_id`.
    #[expect(dead_code, reason = "it describes; the path is read by the router")]
    id: Uuid,
}
