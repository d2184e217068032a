//! What agents do to conversations at the console. Each asks [`access`](super::access) first, and holds the conversation.
//!
//! What makes an event takes a `client_key`: sent again with the same one, a call changes nothing and answers with the place
//! of what it did the first time.

use axum::extract::Path;
use rozmowa_db::Tx;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::api::{FileIds, MessageText, known};
use super::label::{Labels, TAGS_MAX};
use super::log::Place;
use super::transfer::{To, Transfer};
use super::{NewMessage, access, assign, label, note, read, reopen, transfer};
use crate::act::Act;
use crate::agent::presence::{self, Status as Duty};
use crate::agent::session::AgentSession;
use crate::agent::{self, Role};
use crate::http::error::Envelope;
use crate::http::params::{Count, Id, Line, Many, OrEmpty};
use crate::http::{Call, Code, Error, Fault, Reply};

/// Where the event stands; both null when there was nothing to do.
#[derive(Serialize, ToSchema)]
pub struct Done {
    #[schema(required)]
    seq: Option<i64>,
    /// Epoch milliseconds.
    #[schema(required)]
    at: Option<i64>,
}

pub(super) fn done(place: impl Into<Option<Place>>) -> Result<Reply, Error> {
    let place = place.into();
    Reply::json(&Done { seq: place.map(|place| place.seq), at: place.map(|place| place.at) })
}

crate::params! { body
    SaySomething {
        /// Up to 16,384 characters, not blank; may be left out beside files.
        text: Option<MessageText> = "Już sprawdzam.",
        /// Uploaded before, by agents.
        file_ids: Option<FileIds>,
        /// A UUID of the page's; the same one again is the same message.
        client_key: Option<Uuid>,
    }
}

/// One of the ways to say something.
type Say = fn(&mut Tx<'_>, &Act<'_>, &Uuid, &AgentSession, &NewMessage) -> Result<Place, Error>;

async fn say(
    id: &str,
    mut call: Call<AgentSession>,
    least: Role,
    how: Say,
) -> Result<Reply, Error> {
    call.caller().needs(least)?;
    let given: SaySomething = call.params()?;
    let id = known(id)?;
    let caller = call.caller().clone();
    let new = NewMessage {
        text: given.text.map(|text| text.0).unwrap_or_default(),
        client_key: given.client_key,
        files: given.file_ids.map(|ids| ids.0).unwrap_or_default(),
    };
    if new.is_empty() {
        return Err(Fault::of(Code::Missing, "text").into());
    }
    call.write(move |tx, act| {
        access::hold(tx, &caller, &id)?;
        done(how(tx, act, &id, &caller, &new)?)
    })
    .await
}

/// Answers the client
///
/// The conversation becomes the agent's if it was nobody's and there is room.
#[utoipa::path(
    post, path = "/console/conversations/{id}/reply", operation_id = "console_reply", tag = "console",
    security(("session" = [])), params(("id" = Uuid, Path)),
    request_body(content = SaySomething, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored.", body = Done),
        (status = 403, description = "Not one that the agent may see.", body = Envelope),
        (status = 404, description = "Unknown conversation.", body = Envelope),
        (status = 409, description = "The conversation is closed, or nobody's and the agent is at capacity.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn reply(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    say(&id, call, Role::Agent, |tx, act, id, who, new| super::reply(tx, act, id, &who.login, new))
        .await
}

/// Writes a note
///
/// For agents alone, also on a conversation that is closed.
#[utoipa::path(
    post, path = "/console/conversations/{id}/note", operation_id = "console_note", tag = "console",
    security(("session" = [])), params(("id" = Uuid, Path)),
    request_body(content = SaySomething, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored.", body = Done),
        (status = 403, description = "Not one that the agent may see.", body = Envelope),
        (status = 404, description = "Unknown conversation.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn note(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    say(&id, call, Role::Agent, |tx, act, id, who, new| note::note(tx, act, id, who.agent_id, new))
        .await
}

/// Whispers to the agent
///
/// A supervisor's word, for agents alone.
#[utoipa::path(
    post, path = "/console/conversations/{id}/whisper", operation_id = "console_whisper", tag = "console",
    security(("session" = [])), params(("id" = Uuid, Path)),
    request_body(content = SaySomething, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored.", body = Done),
        (status = 403, description = "For supervisors and administrators.", body = Envelope),
        (status = 404, description = "Unknown conversation.", body = Envelope),
        (status = 409, description = "The conversation is closed.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn whisper(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    say(&id, call, Role::Supervisor, |tx, act, id, who, new| {
        note::whisper(tx, act, id, who.agent_id, new)
    })
    .await
}

/// Takes a conversation that waits
///
/// For oneself, on duty and with room for it. One that is the agent's already stays so.
#[utoipa::path(
    post, path = "/console/conversations/{id}/claim", operation_id = "console_claim", tag = "console",
    security(("session" = [])), params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "It is the agent's. The body is empty."),
        (status = 403, description = "Not one that the agent may see.", body = Envelope),
        (status = 404, description = "Unknown conversation.", body = Envelope),
        (status = 409, description = "It does not wait any more, or the agent is off duty or at capacity.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn claim(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    let id = known(&id)?;
    let caller = call.caller().clone();
    call.write(move |tx, act| {
        let seen = access::hold(tx, &caller, &id)?;
        if seen.is_open() && seen.agent_id == Some(caller.agent_id) {
            return Ok(Reply::default());
        }
        if !seen.is_waiting {
            return Err(Code::NotWaiting.into());
        }
        if presence::find(tx, caller.agent_id, act.now)?.status == Duty::Off {
            return Err(agent::fault(Code::AgentOffDuty, &caller.login));
        }
        assign::assign(tx, act, &id, &caller.login)?;
        Ok(Reply::default())
    })
    .await
}

crate::params! { body
    AssignTo {
        /// The agent whose it becomes.
        user_login: Line<255> = "jkowalski",
    }
}

/// Assigns a conversation
///
/// Also away from another agent, on duty or not: the supervisor decides. The same agent again changes nothing.
#[utoipa::path(
    post, path = "/console/conversations/{id}/assign", operation_id = "console_assign", tag = "console",
    security(("session" = [])), params(("id" = Uuid, Path)),
    request_body(content = AssignTo, content_type = "application/json"),
    responses(
        (status = 200, description = "It is the agent's. The body is empty."),
        (status = 403, description = "For supervisors and administrators.", body = Envelope),
        (status = 404, description = "Unknown conversation or agent.", body = Envelope),
        (status = 409, description = "The conversation is closed, or the agent is at capacity or not active.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn assign(Path(id): Path<String>, mut call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Supervisor)?;
    let given: AssignTo = call.params()?;
    give(&id, call, given.user_login.into()).await
}

/// Takes a conversation over
///
/// A supervisor, from whoever has it, with room for it.
#[utoipa::path(
    post, path = "/console/conversations/{id}/take_over", operation_id = "console_take_over", tag = "console",
    security(("session" = [])), params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "It is the supervisor's. The body is empty."),
        (status = 403, description = "For supervisors and administrators.", body = Envelope),
        (status = 404, description = "Unknown conversation.", body = Envelope),
        (status = 409, description = "The conversation is closed, or the supervisor is at capacity.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn take_over(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Supervisor)?;
    let login = call.caller().login.clone();
    give(&id, call, login).await
}

async fn give(id: &str, call: Call<AgentSession>, login: String) -> Result<Reply, Error> {
    let id = known(id)?;
    let caller = call.caller().clone();
    call.write(move |tx, act| {
        access::hold(tx, &caller, &id)?;
        assign::assign(tx, act, &id, &login)?;
        Ok(Reply::default())
    })
    .await
}

crate::params! { body
    HandOn {
        /// Either this, the agent it goes to,
        user_login: Option<Line<255>> = "anowak",
        /// or this, the queue in which it waits in turn.
        chat_queue_id: Option<Id> = 4,
        /// For whoever gets it; the client does not see it.
        note: Option<MessageText> = "Pyta o zwrot, numer 7/2026.",
        /// A UUID of the page's; the same one again is the same transfer.
        client_key: Option<Uuid>,
    }
}

/// Hands a conversation on
///
/// To an agent on duty and with room for it, or to a queue.
#[utoipa::path(
    post, path = "/console/conversations/{id}/transfer", operation_id = "console_transfer", tag = "console",
    security(("session" = [])), params(("id" = Uuid, Path)),
    request_body(content = HandOn, content_type = "application/json"),
    responses(
        (status = 200, description = "It is there.", body = Done),
        (status = 403, description = "Not one that the agent may see.", body = Envelope),
        (status = 404, description = "Unknown conversation, agent or queue.", body = Envelope),
        (status = 409, description = "The conversation is closed or there already, the agent is off duty, at capacity or not active, or the queue is disabled.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn transfer(
    Path(id): Path<String>,
    mut call: Call<AgentSession>,
) -> Result<Reply, Error> {
    let given: HandOn = call.params()?;
    let to = to(given.user_login.map(Into::into), given.chat_queue_id, "user_login")?;
    let note = given.note.map(|note| note.0);
    let order = Transfer { to, note, client_key: given.client_key };
    let id = known(&id)?;
    let caller = call.caller().clone();
    call.write(move |tx, act| {
        access::hold(tx, &caller, &id)?;
        done(transfer::transfer(tx, act, &id, caller.agent_id, &order)?)
    })
    .await
}

/// Exactly one of both.
pub(super) fn to(
    login: Option<String>,
    queue_id: Option<Id>,
    name: &'static str,
) -> Result<To, Error> {
    match (login, queue_id) {
        (Some(login), None) => Ok(To::Agent(login)),
        (None, Some(queue_id)) => Ok(To::Queue(queue_id.0)),
        _ => Err(Fault::of(Code::NotExactlyOne, name).with("other", "chat_queue_id").into()),
    }
}

crate::params! { body
    SetLabels {
        /// What it is about; empty: none.
        topic_id: Option<OrEmpty<Id>> = 1,
        /// In place of all that there were; empty: none.
        tag_ids: Option<OrEmpty<Many<Id, TAGS_MAX>>> = [1, 2],
        /// A UUID of the page's; the same one again is the same change.
        client_key: Option<Uuid>,
    }
}

impl SetLabels {
    fn labels(&self) -> Labels {
        let ids = |many: &Many<Id, TAGS_MAX>| many.0.iter().map(|id| id.0).collect();
        Labels {
            topic_id: self.topic_id.as_ref().map(|topic| topic.0.map(|id| id.0)),
            tag_ids: self.tag_ids.as_ref().map(|tags| tags.0.as_ref().map(ids).unwrap_or_default()),
        }
    }
}

/// Closes a conversation
///
/// With what it was about. A second time changes nothing but that.
#[utoipa::path(
    post, path = "/console/conversations/{id}/close", operation_id = "console_close", tag = "console",
    security(("session" = [])), params(("id" = Uuid, Path)),
    request_body(content = Option<SetLabels>, content_type = "application/json"),
    responses(
        (status = 200, description = "It is closed.", body = Done),
        (status = 403, description = "Not one that the agent may see.", body = Envelope),
        (status = 404, description = "Unknown conversation, topic or tag.", body = Envelope),
        (status = 409, description = "The topic or a tag is disabled.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn close(Path(id): Path<String>, mut call: Call<AgentSession>) -> Result<Reply, Error> {
    let given: SetLabels = call.params()?;
    let id = known(&id)?;
    let caller = call.caller().clone();
    call.write(move |tx, act| {
        access::hold(tx, &caller, &id)?;
        let by = Some(caller.agent_id);
        done(super::finish(tx, act, &id, by, &given.labels(), given.client_key)?)
    })
    .await
}

/// Says what a conversation is about
///
/// Open or closed. What is not given stays.
#[utoipa::path(
    post, path = "/console/conversations/{id}/label", operation_id = "console_label", tag = "console",
    security(("session" = [])), params(("id" = Uuid, Path)),
    request_body(content = Option<SetLabels>, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored.", body = Done),
        (status = 403, description = "Not one that the agent may see.", body = Envelope),
        (status = 404, description = "Unknown conversation, topic or tag.", body = Envelope),
        (status = 409, description = "The topic or a tag is disabled.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn label(Path(id): Path<String>, mut call: Call<AgentSession>) -> Result<Reply, Error> {
    let given: SetLabels = call.params()?;
    let id = known(&id)?;
    let caller = call.caller().clone();
    call.write(move |tx, act| {
        access::hold(tx, &caller, &id)?;
        let by = Some(caller.agent_id);
        done(label::set(tx, act, &id, by, &given.labels(), given.client_key)?)
    })
    .await
}

crate::params! { body
    Reopen {
        /// A UUID of the page's; the same one again is the same opening.
        client_key: Option<Uuid>,
    }
}

/// Opens a conversation again
///
/// It goes back to the agent who had it, if that one is free and has room; else it waits in its queue. One that is open stays
/// as it is.
#[utoipa::path(
    post, path = "/console/conversations/{id}/reopen", operation_id = "console_reopen", tag = "console",
    security(("session" = [])), params(("id" = Uuid, Path)),
    request_body(content = Option<Reopen>, content_type = "application/json"),
    responses(
        (status = 200, description = "It is open.", body = Done),
        (status = 403, description = "Not one that the agent may see.", body = Envelope),
        (status = 404, description = "Unknown conversation.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn reopen(Path(id): Path<String>, mut call: Call<AgentSession>) -> Result<Reply, Error> {
    let given: Reopen = call.params()?;
    let id = known(&id)?;
    let caller = call.caller().clone();
    call.write(move |tx, act| {
        access::hold(tx, &caller, &id)?;
        done(reopen::reopen(tx, act, &id, Some(caller.agent_id), given.client_key)?)
    })
    .await
}

crate::params! { body
    ReadUpTo {
        /// The last event that was read.
        seq: Count = 5,
    }
}

/// Says up to where the agents' side has read
///
/// It never goes back. No event.
#[utoipa::path(
    post, path = "/console/conversations/{id}/read", operation_id = "console_read", tag = "console",
    security(("session" = [])), params(("id" = Uuid, Path)),
    request_body(content = ReadUpTo, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored. The body is empty."),
        (status = 403, description = "Not one that the agent may see.", body = Envelope),
        (status = 404, description = "Unknown conversation.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn read(Path(id): Path<String>, mut call: Call<AgentSession>) -> Result<Reply, Error> {
    let given: ReadUpTo = call.params()?;
    let id = known(&id)?;
    let caller = call.caller().clone();
    call.write(move |tx, _| {
        access::see(tx, &caller, &id)?;
        read::by_agent(tx, &id, caller.agent_id, given.seq.0)?;
        Ok(Reply::default())
    })
    .await
}
