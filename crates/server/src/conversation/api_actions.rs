//! What integrators do to conversations beyond the documented methods: our additions.

use axum::extract::Path;
use rozmowa_db::Tx;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use super::api::{ConversationId, MessageText, known};
use super::console_actions::to;
use super::label::{Labels, TAGS_MAX};
use super::rate::{self, Rating};
use super::transfer::{self, Transfer};
use super::{NewMessage, note, reopen};
use crate::agent;
use crate::http::error::Envelope;
use crate::http::idempotency::IdempotencyKey;
use crate::http::params::{Id, Line, Many, OneOf, Text};
use crate::http::{Call, Error, Reply};
use crate::label::{self as labels, Kind};

crate::params! { body
    TransferConversation {
        /// The agent who hands it on.
        user_login: Line<255> = "jkowalski",
        /// Either this, the agent it goes to,
        to_user_login: Option<Line<255>>,
        /// or this, the chat queue in which it waits in turn.
        chat_queue_id: Option<Id>,
        /// For whoever gets it; the client does not see it.
        note: Option<MessageText> = "Pyta o zwrot.",
        /// A UUID of yours; the same one again is the same transfer.
        client_key: Option<Uuid>,
    }
}

/// The parameters, and that there is one place to go to.
struct OnePlace;

impl PartialSchema for OnePlace {
    fn schema() -> RefOr<Schema> {
        // An empty login is none.
        let login = ObjectBuilder::new().schema_type(Type::String).pattern(Some(r"\S"));
        let login = ObjectBuilder::new().property("to_user_login", login).required("to_user_login");
        let queue = ObjectBuilder::new().required("chat_queue_id");
        let one_of = OneOfBuilder::new().item(login.build()).item(queue.build());
        AllOfBuilder::new()
            .item(TransferConversation::schema())
            .item(Schema::OneOf(one_of.build()))
            .into()
    }
}

impl ToSchema for OnePlace {}

/// Hands a conversation on
///
/// Our addition. To an agent on duty and with room for it, or to a chat queue.
#[utoipa::path(
    post, path = "/api/chat_conversations/{id}/transfer", operation_id = "transfer_conversation", tag = "additions",
    params(ConversationId, IdempotencyKey),
    request_body(
        content = OnePlace, content_type = "application/json",
        example = json!({"user_login": "jkowalski", "to_user_login": "anowak", "note": "Pyta o zwrot."}),
    ),
    responses(
        (status = 200, description = "It is there. The body is empty."),
        (status = 404, description = "Unknown conversation, agent or chat queue.", body = Envelope),
        (status = 409, description = "The conversation is closed or there already, an agent's account is not active, the agent is off duty or at capacity, or the chat queue is disabled.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn transfer(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: TransferConversation = call.params()?;
    let to = to(given.to_user_login.map(Into::into), given.chat_queue_id, "to_user_login")?;
    let note = given.note.map(|note| note.0);
    let order = Transfer { to, note, client_key: given.client_key };
    let id = known(&id)?;
    call.write(move |tx, act| {
        let by = agent::active(tx, &given.user_login)?;
        transfer::transfer(tx, act, &id, by.id, &order)?;
        Ok(Reply::default())
    })
    .await
}

crate::params! { body
    AddNote {
        /// The agent whose note it is.
        user_login: Line<255> = "jkowalski",
        /// Up to 16,384 characters, not blank.
        text: MessageText = "Klient dzwonił w tej sprawie.",
        /// A UUID of yours; the same one again is the same note.
        client_key: Option<Uuid>,
    }
}

/// Writes a note
///
/// Our addition. For agents alone; also on a conversation that is closed.
#[utoipa::path(
    post, path = "/api/chat_conversations/{id}/note", operation_id = "add_note", tag = "additions",
    params(ConversationId, IdempotencyKey),
    request_body(content((AddNote = "application/json"), (AddNote = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "It is stored. The body is empty."),
        (status = 404, description = "Unknown conversation or agent.", body = Envelope),
        (status = 409, description = "The agent's account is not active.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn note(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: AddNote = call.params()?;
    let id = known(&id)?;
    let new = NewMessage { text: given.text.0, client_key: given.client_key, files: Vec::new() };
    call.write(move |tx, act| {
        let by = agent::active(tx, &given.user_login)?;
        note::note(tx, act, &id, by.id, &new)?;
        Ok(Reply::default())
    })
    .await
}

crate::params! { body
    RateConversation {
        rating: OneOf<Rating> = "happy",
        /// The client's words, if there are any.
        text: Option<Text<1_000>> = "Szybko i miło.",
        /// A UUID of yours; the same one again is the same rating.
        client_key: Option<Uuid>,
    }
}

/// Rates a conversation
///
/// Our addition. For the client, open or closed. Within 24 hours of the first one another rating takes its place.
#[utoipa::path(
    post, path = "/api/chat_conversations/{id}/rate", operation_id = "rate_conversation", tag = "additions",
    params(ConversationId, IdempotencyKey),
    request_body(content((RateConversation = "application/json"), (RateConversation = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "It is stored. The body is empty."),
        (status = 404, description = "Unknown conversation.", body = Envelope),
        (status = 409, description = "It was rated more than 24 hours ago.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn rate(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: RateConversation = call.params()?;
    let id = known(&id)?;
    call.write(move |tx, act| {
        let text = given.text.as_ref().map(|text| text.0.as_str());
        rate::rate(tx, act, &id, given.rating.0, text, given.client_key)?;
        Ok(Reply::default())
    })
    .await
}

crate::params! { body
    ReopenConversation {
        /// The agent who opens it again, if it is one.
        user_login: Option<Line<255>> = "jkowalski",
        /// A UUID of yours; the same one again is the same opening.
        client_key: Option<Uuid>,
    }
}

/// Opens a conversation again
///
/// Our addition. It goes back to the agent who had it, if that one is free and has room; else it waits in its chat queue. One
/// that is open stays as it is.
#[utoipa::path(
    post, path = "/api/chat_conversations/{id}/reopen", operation_id = "reopen_conversation", tag = "additions",
    params(ConversationId, IdempotencyKey),
    request_body(content((Option<ReopenConversation> = "application/json"), (Option<ReopenConversation> = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "It is open. The body is empty."),
        (status = 404, description = "Unknown conversation or agent.", body = Envelope),
        (status = 409, description = "The agent's account is not active.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn reopen(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: ReopenConversation = call.params()?;
    let id = known(&id)?;
    call.write(move |tx, act| {
        let by = acting(tx, given.user_login.as_deref())?;
        reopen::reopen(tx, act, &id, by, given.client_key)?;
        Ok(Reply::default())
    })
    .await
}

crate::params! { body
    CloseConversation {
        /// The agent who closes it, if it is one.
        user_login: Option<Line<255>> = "jkowalski",
        /// What it was about: the name of a topic.
        topic: Option<Line<255>> = "Zwrot",
        /// Names of tags, in place of all that there were.
        tags: Option<Many<Line<255>, TAGS_MAX>> = ["reklamacja", "pilne"],
        /// A UUID of yours; the same one again is the same closing.
        client_key: Option<Uuid>,
    }
}

/// Closes a conversation
///
/// Our addition. As `stop` does, for an agent and with what it was about. A second time changes nothing but that.
#[utoipa::path(
    post, path = "/api/chat_conversations/{id}/close", operation_id = "close_conversation", tag = "additions",
    params(ConversationId, IdempotencyKey),
    request_body(content = Option<CloseConversation>, content_type = "application/json"),
    responses(
        (status = 200, description = "It is closed. The body is empty."),
        (status = 404, description = "Unknown conversation, agent, topic or tag.", body = Envelope),
        (status = 409, description = "The agent's account is not active, or the topic or a tag is disabled.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn close(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: CloseConversation = call.params()?;
    let id = known(&id)?;
    call.write(move |tx, act| {
        let by = acting(tx, given.user_login.as_deref())?;
        let mut named = Labels::default();
        if let Some(topic) = &given.topic {
            named.topic_id = Some(Some(id_of(tx, Kind::Topic, topic)?));
        }
        if let Some(tags) = &given.tags {
            let ids = tags.0.iter().map(|tag| id_of(tx, Kind::Tag, tag));
            named.tag_ids = Some(ids.collect::<Result<_, _>>()?);
        }
        super::finish(tx, act, &id, by, &named, given.client_key)?;
        Ok(Reply::default())
    })
    .await
}

fn id_of(tx: &mut Tx<'_>, kind: Kind, name: &str) -> Result<i64, Error> {
    let label = labels::named(tx, kind, name)?;
    label.map(|label| label.id).ok_or_else(|| labels::unknown(kind, name))
}

fn acting(tx: &mut Tx<'_>, login: Option<&str>) -> Result<Option<i64>, Error> {
    login.map(|login| agent::active(tx, login).map(|agent| agent.id)).transpose()
}
