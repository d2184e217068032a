//! Conversations, for integrators: the methods of the contract and our additions.

use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use uuid::Uuid;

use super::list::{self, Filter};
use super::view::{self, Chat, Include};
use super::{NewConversation, NewMessage, Status};
use crate::agent;
use crate::bot::work;
use crate::clock;
use crate::http::error::Envelope;
use crate::http::idempotency::IdempotencyKey;
use crate::http::params::{
    Count, Cursor, Email, Flag, Id, Line, Many, Node, Param, Text, TimeFrom, TimeUntil,
};
use crate::http::{Call, Code, Error, Fault, Reply, page};

/// What is said: the longest has 16,384 characters.
pub type MessageText = Text<16_384>;
/// Files that go with a message, by their ids.
pub type FileIds = Many<Uuid, { crate::file::SENT_AT_ONCE_MAX }>;

crate::params! { query
    StartConversation {
        /// Chat queue.
        chat_queue_id: Id = 3,
        /// The client's first name.
        client_name: Option<Line<255>> = "Jan",
        /// The client's surname.
        client_surname: Option<Line<255>> = "Kowalski",
        /// The client's e-mail address.
        client_email: Option<Email> = "jan.kowalski@example.org",
        /// The client's id in your own systems: the `identifier` of the customer in the CRM.
        client_id: Option<Line<255>> = "1234",
        /// The customer's id in the CRM.
        customer_id: Option<Id> = 1,
    }
}

/// The conversation that was started.
#[derive(Serialize, ToSchema)]
pub struct StartedConversation {
    #[schema(example = "6ed7c941-2c8a-411e-95d2-338a9f64800a")]
    conversation_id: Uuid,
}

/// Starts a conversation
///
/// The customer is looked up in the CRM by `customer_id`, then `client_id`, then `client_email`; what matches nobody falls
/// through to the next. Always a new conversation; without an agent on duty it waits in the queue.
#[utoipa::path(
    post, path = "/api/chat_conversations/start", operation_id = "start_conversation", tag = "chats",
    params(StartConversation, IdempotencyKey),
    responses(
        (status = 200, description = "It is stored.", body = StartedConversation, links(
            ("message" = (operation_id = "send_message", parameters(("id" = "$response.body#/conversation_id")))),
            ("reply" = (operation_id = "reply_to_conversation", parameters(("id" = "$response.body#/conversation_id")))),
            ("assign" = (operation_id = "assign_conversation", parameters(("id" = "$response.body#/conversation_id")))),
            ("stop" = (operation_id = "stop_conversation", parameters(("id" = "$response.body#/conversation_id")))),
            ("show" = (operation_id = "show_chat", parameters(("id" = "$response.body#/conversation_id")))),
        )),
        (status = 404, description = "Unknown chat queue.", body = Envelope),
        (status = 409, description = "Disabled chat queue.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn start(mut call: Call) -> Result<Reply, Error> {
    let given: StartConversation = call.params()?;
    let new = NewConversation {
        chat_queue_id: given.chat_queue_id.0,
        client_name: given.client_name.map(Into::into).unwrap_or_default(),
        client_surname: given.client_surname.map(Into::into).unwrap_or_default(),
        client_email: given.client_email.map(Into::into),
        client_id: given.client_id.map(Into::into),
        customer_id: given.customer_id.map(|id| id.0),
        ..NewConversation::default()
    };
    call.write(move |tx, act| {
        let conversation_id = super::start(tx, act, &new)?;
        Reply::json(&StartedConversation { conversation_id })
    })
    .await
}

crate::params! { body
    SendMessage {
        /// What is said: up to 16,384 characters, not blank.
        text: MessageText = "Dzień dobry, gdzie jest moja paczka?",
        /// The bot that speaks; without it the client does.
        external_chatbot_id: Option<Uuid>,
        /// Our addition: a UUID of yours; the same one again is the same message.
        client_key: Option<Uuid>,
        /// Our addition: files that were uploaded before.
        file_ids: Option<FileIds>,
    }
}

/// Sends a message
///
/// The client speaks, or the bot whose `external_chatbot_id` is given.
#[utoipa::path(
    post, path = "/api/chat_conversations/{id}/message", operation_id = "send_message", tag = "chats",
    params(ConversationId, IdempotencyKey),
    request_body(content = SendMessage, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored. The body is empty."),
        (status = 404, description = "Unknown conversation or bot.", body = Envelope),
        (status = 409, description = "The conversation is closed or not the bot's, or the bot is disabled.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn message(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: SendMessage = call.params()?;
    let id = known(&id)?;
    let new = NewMessage {
        text: given.text.0,
        client_key: given.client_key,
        files: given.file_ids.map(|ids| ids.0).unwrap_or_default(),
    };
    call.write(move |tx, act| {
        match &given.external_chatbot_id {
            Some(bot) => work::say(tx, act, &id, bot, &new)?,
            None => super::message(tx, act, &id, &new).map(|_| ())?,
        }
        Ok(Reply::default())
    })
    .await
}

crate::params! { body
    StopConversation {
        /// The bot that stops.
        external_chatbot_id: Option<Uuid>,
    }
}

/// Ends a conversation
///
/// Its status becomes `CLOSED`. A second time changes nothing. With `external_chatbot_id` that bot stops: its conversation is
/// closed, or handed over to people, by the bot's setting.
#[utoipa::path(
    post, path = "/api/chat_conversations/{id}/stop", operation_id = "stop_conversation", tag = "chats",
    params(ConversationId, IdempotencyKey),
    request_body(content((Option<StopConversation> = "application/json"), (Option<StopConversation> = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "It is closed. The body is empty."),
        (status = 404, description = "Unknown conversation or bot.", body = Envelope),
        (status = 409, description = "The conversation is not the bot's, or the bot is disabled.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn stop(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: StopConversation = call.params()?;
    let id = known(&id)?;
    call.write(move |tx, act| {
        match &given.external_chatbot_id {
            Some(bot) => work::stop(tx, act, &id, bot)?,
            None => super::stop(tx, act, &id)?,
        }
        Ok(Reply::default())
    })
    .await
}

crate::params! { body
    ReplyToConversation {
        /// The agent who speaks.
        user_login: Line<255> = "jkowalski",
        /// What is said: up to 16,384 characters, not blank.
        text: MessageText = "Paczka będzie u Pana jutro.",
        /// A UUID of yours; the same one again is the same message.
        client_key: Option<Uuid>,
        /// Files that were uploaded before.
        file_ids: Option<FileIds>,
    }
}

/// Replies as an agent
///
/// Our addition. The status becomes `IN_PROGRESS`; the conversation is assigned to the agent if it was nobody's.
#[utoipa::path(
    post, path = "/api/chat_conversations/{id}/reply", operation_id = "reply_to_conversation", tag = "additions",
    params(ConversationId, IdempotencyKey),
    request_body(content = ReplyToConversation, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored. The body is empty."),
        (status = 404, description = "Unknown conversation or agent.", body = Envelope),
        (status = 409, description = "The conversation is closed, the agent's account is not active, or the conversation is nobody's and the agent is at capacity.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn reply(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: ReplyToConversation = call.params()?;
    let id = known(&id)?;
    let new = NewMessage {
        text: given.text.0,
        client_key: given.client_key,
        files: given.file_ids.map(|ids| ids.0).unwrap_or_default(),
    };
    call.write(move |tx, act| {
        super::reply(tx, act, &id, &given.user_login, &new)?;
        Ok(Reply::default())
    })
    .await
}

crate::params! { body
    AssignConversation {
        /// The agent whose it becomes.
        user_login: Line<255> = "jkowalski",
    }
}

/// Assigns a conversation
///
/// Our addition. To this agent, also away from another; the same one again changes nothing. Whether the agent is on duty
/// or one of the queue's is not asked: who calls this decides.
#[utoipa::path(
    post, path = "/api/chat_conversations/{id}/assign", operation_id = "assign_conversation", tag = "additions",
    params(ConversationId, IdempotencyKey),
    request_body(content((AssignConversation = "application/json"), (AssignConversation = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "It is the agent's. The body is empty."),
        (status = 404, description = "Unknown conversation or agent.", body = Envelope),
        (status = 409, description = "The conversation is closed, the agent's account is not active, or the agent is at capacity.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn assign(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: AssignConversation = call.params()?;
    let id = known(&id)?;
    call.write(move |tx, act| {
        super::assign::assign(tx, act, &id, &given.user_login)?;
        Ok(Reply::default())
    })
    .await
}

crate::params! { query
    ListChats {
        /// At most so many; more than 100 is taken as 100.
        limit: Option<Count>,
        /// Skips so many.
        offset: Option<Count>,
        /// Started then or later: `2014-07-04`, `2014-07-14 12:34` or `2014-07-14 12:34:56`.
        date_from: Option<TimeFrom>,
        /// Started then or earlier, that whole day, minute or second included.
        date_to: Option<TimeUntil>,
        /// `CREATED` started by the client, `IN_PROGRESS` an agent has replied, `CLOSED`.
        status: Option<Status>,
        chat_queue_id: Option<Id>,
        /// Adds `messages`.
        include_messages: Flag,
        /// Adds `files`.
        include_files: Flag,
        /// Adds `client_data`.
        include_client_data: Flag,
        /// Our addition: this conversation alone.
        conversation_id: Option<Uuid>,
        /// Our addition: of this customer.
        customer_id: Option<Id>,
        /// Our addition: started with this external id.
        client_id: Option<Line<255>>,
        /// Our addition: handled by this agent.
        user_login: Option<Line<255>>,
        /// Our addition: changed then or later.
        updated_from: Option<TimeFrom>,
        /// Our addition: pages without counting and skipping. Empty for the first page, then `next_cursor`; the answer has
        /// `next_cursor` in place of `count`.
        cursor: Option<Cursor>,
    }
}

/// Conversations, newest start first.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Chats {
    Counted {
        /// All that were found, without limit and offset.
        count: i64,
        result: Vec<Chat>,
    },
    /// With `cursor`.
    Page {
        result: Vec<Chat>,
        /// Where the next page begins; null on the last one.
        #[schema(required)]
        next_cursor: Option<Uuid>,
    },
}

/// Lists conversations
#[utoipa::path(
    get, path = "/api/chats", operation_id = "list_chats", tag = "chats", params(ListChats),
    responses(
        (status = 200, description = "What was found.", body = Chats),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(mut call: Call) -> Result<Reply, Error> {
    let given: ListChats = call.params()?;
    call.read(move |tx, app| {
        let limit = page::limit(given.limit);
        let offset = given.offset.map_or(0, |offset| offset.0);
        let is_cursor = given.cursor.is_some();
        let Some(filter) = filter(tx, &given)? else {
            return Reply::json(&if is_cursor {
                Chats::Page { result: Vec::new(), next_cursor: None }
            } else {
                Chats::Counted { count: 0, result: Vec::new() }
            });
        };
        let found = list::page(tx, &filter, limit + i64::from(is_cursor), offset)?;
        let (items, has_more) = page::cut(found, limit);
        let next_cursor = items.last().map(|item| item.id).filter(|_| has_more);
        let result = view::show(tx, items, given.include(), app)?;
        Reply::json(&if is_cursor {
            Chats::Page { result, next_cursor }
        } else {
            Chats::Counted { count: list::count(tx, &filter)?, result }
        })
    })
    .await
}

impl ListChats {
    fn include(&self) -> Include {
        Include {
            messages: self.include_messages.0,
            files: self.include_files.0,
            client_data: self.include_client_data.0,
        }
    }
}

/// What was asked for as a filter; `None` when it names somebody who does not exist, and so nothing.
fn filter(tx: &mut rozmowa_db::Tx<'_>, given: &ListChats) -> Result<Option<Filter>, Error> {
    let mut filter = Filter {
        status: given.status,
        chat_queue_id: given.chat_queue_id.map(|id| id.0),
        customer_id: given.customer_id.map(|id| id.0),
        client_id: given.client_id.as_deref().map(str::to_owned),
        updated_from: given.updated_from.map(|at| at.0),
        ..Filter::default()
    };
    if let Some(TimeFrom(at)) = given.date_from {
        filter.from = clock::first_id_at(at);
    }
    if let Some(TimeUntil(at)) = given.date_to {
        filter.until = clock::first_id_at(at);
    }
    if let Some(Cursor(Some(last))) = given.cursor {
        filter.until = filter.until.min(last);
    }
    if let Some(id) = given.conversation_id {
        filter.from = filter.from.max(id);
        filter.until = filter.until.min(Uuid::from_u128(id.as_u128().saturating_add(1)));
    }
    if let Some(login) = &given.user_login {
        let Some(agent) = agent::find(tx, login)? else { return Ok(None) };
        filter.agent_id = Some(agent.id);
    }
    Ok(Some(filter))
}

crate::params! { query
    ShowChat {
        /// Adds `messages`.
        include_messages: Flag,
        /// Adds `files`.
        include_files: Flag,
        /// Adds `client_data`.
        include_client_data: Flag,
    }
}

/// Shows a conversation
///
/// Our addition.
#[utoipa::path(
    get, path = "/api/chats/{id}", operation_id = "show_chat", tag = "additions", params(ConversationId, ShowChat),
    responses(
        (status = 200, description = "The conversation.", body = Chat),
        (status = 404, description = "Unknown conversation.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: ShowChat = call.params()?;
    let id = known(&id)?;
    call.read(move |tx, app| {
        let until = Uuid::from_u128(id.as_u128().saturating_add(1));
        let filter = Filter { from: id, until, ..Filter::default() };
        let items = list::page(tx, &filter, 1, 0)?;
        let include = Include {
            messages: given.include_messages.0,
            files: given.include_files.0,
            client_data: given.include_client_data.0,
        };
        let chats = view::show(tx, items, include, app)?;
        let chat = chats.into_iter().next().ok_or(Code::UnknownConversation)?;
        Reply::json(&chat)
    })
    .await
}

/// The path's `:id`. What is no UUID is the id of nothing.
pub fn known(id: &str) -> Result<Uuid, Error> {
    Uuid::try_parse(id).map_err(|_| Code::UnknownConversation.into())
}

/// Described once for all methods of one conversation.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ConversationId {
    /// The conversation's id, from `start`.
    #[expect(dead_code, reason = "it describes; the path is read by the router")]
    id: Uuid,
}

impl Param for Status {
    fn describe(_: bool) -> ObjectBuilder {
        let names = Self::ALL.iter().map(|status| status.name());
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names))
    }

    fn read(
        name: &'static str,
        node: Option<Node>,
        zone: &jiff::tz::TimeZone,
    ) -> Result<Self, Fault> {
        let given = Line::<32>::read(name, node, zone)?;
        Self::ALL.iter().copied().find(|status| status.name() == &*given).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|status| status.name()).collect();
            Fault::of(Code::NotOneOf, name).with("values", names.join(", "))
        })
    }
}
