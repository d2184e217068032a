//! On duty or not, for agents at their console, and for supervisors about others.

use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;

use super::leave::{self, Leaving};
use super::presence::{self, CONSOLE_LEASE, Lease, Presence};
use super::session::AgentSession;
use super::status::StatusNow;
use super::{Agent, Role};
use crate::act::Act;
use crate::audit;
use crate::clock::Millis;
use crate::http::error::Envelope;
use crate::http::params::{Id, Line, Named, OneOf};
use crate::http::{Call, Code, Error, Fault, Reply};

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    Free,
    Paused,
    Off,
}

impl Named for Duty {
    const ALL: &[Self] = &[Self::Free, Self::Paused, Self::Off];

    fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Paused => "paused",
            Self::Off => "off",
        }
    }
}

/// Whether an agent is on duty.
#[derive(Serialize, ToSchema)]
pub struct DutyShown {
    login: String,
    #[serde(flatten)]
    status: StatusNow,
}

impl DutyShown {
    fn new(agent: Agent, presence: Presence) -> Self {
        let status = StatusNow::new(presence, agent.open_chats, agent.capacity);
        Self { login: agent.login, status }
    }
}

crate::params! { body
    SetDuty {
        /// `free` comes on duty, or ends a pause; `paused` is for who is on duty.
        status: OneOf<Duty> = "free",
        /// With `paused`: the reason.
        pause_id: Option<Id> = 1,
        /// With `off`: what becomes of open conversations. Without it they stay.
        conversations: Option<OneOf<Leaving>> = "keep",
        /// With `colleague`: whose they become, as far as there is room. The rest goes back to the queues.
        colleague: Option<Line<255>> = "anowak",
    }
}

/// Shows whether the caller is on duty
#[utoipa::path(
    get, path = "/console/duty", operation_id = "show_duty", tag = "console", security(("session" = [])),
    responses(
        (status = 200, description = "The status.", body = DutyShown),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show(call: Call<AgentSession>) -> Result<Reply, Error> {
    let login = call.caller().login.clone();
    shown(call, login).await
}

/// Comes on duty, pauses, goes on, or leaves
///
/// On duty by a lease of 90 seconds, which the console's socket renews.
#[utoipa::path(
    put, path = "/console/duty", operation_id = "set_duty", tag = "console", security(("session" = [])),
    request_body(content = SetDuty, content_type = "application/json"),
    responses(
        (status = 200, description = "It is so.", body = DutyShown),
        (status = 404, description = "Unknown reason or colleague.", body = Envelope),
        (status = 409, description = "The agent is off duty, the reason is disabled, or the colleague is not free.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn set(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    let wish = Wish::read(&mut call)?;
    let login = call.caller().login.clone();
    call.write(move |tx, act| {
        wish.grant(tx, act, &login)?;
        Reply::json(&find(tx, act.now, &login)?)
    })
    .await
}

/// Shows whether an agent is on duty, for supervisors
#[utoipa::path(
    get, path = "/console/agents/{login}/duty", operation_id = "show_agent_duty", tag = "console", security(("session" = [])),
    params(super::api::AgentLogin),
    responses(
        (status = 200, description = "The status.", body = DutyShown),
        (status = 404, description = "Unknown agent.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show_of(Path(login): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Supervisor)?;
    shown(call, super::api::known(login)?).await
}

/// Sets whether an agent is on duty, for supervisors
#[utoipa::path(
    put, path = "/console/agents/{login}/duty", operation_id = "set_agent_duty", tag = "console", security(("session" = [])),
    params(super::api::AgentLogin),
    request_body(content = SetDuty, content_type = "application/json"),
    responses(
        (status = 200, description = "It is so.", body = DutyShown),
        (status = 404, description = "Unknown agent, reason or colleague.", body = Envelope),
        (status = 409, description = "The agent is off duty, the account is not active, the reason is disabled, or the colleague is not free.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn set_of(
    Path(login): Path<String>,
    mut call: Call<AgentSession>,
) -> Result<Reply, Error> {
    call.caller().needs(Role::Supervisor)?;
    let wish = Wish::read(&mut call)?;
    let login = super::api::known(login)?;
    call.write(move |tx, act| {
        let was = find(tx, act.now, &login)?;
        wish.grant(tx, act, &login)?;
        let becomes = find(tx, act.now, &login)?;
        let subject = super::subject(&login);
        audit::record(tx, act, "agent.duty", &subject, Some(&was), Some(&becomes))?;
        Reply::json(&becomes)
    })
    .await
}

async fn shown(call: Call<AgentSession>, login: String) -> Result<Reply, Error> {
    call.read(move |tx, app| Reply::json(&find(tx, app.clock.now(), &login)?)).await
}

fn find(tx: &mut rozmowa_db::Tx<'_>, now: Millis, login: &str) -> Result<DutyShown, Error> {
    let agent = super::find(tx, login)?;
    let agent = agent.ok_or_else(|| super::fault(Code::UnknownAgent, login))?;
    let presence = presence::find(tx, agent.id, now)?;
    Ok(DutyShown::new(agent, presence))
}

struct Wish {
    duty: Duty,
    pause_id: Option<i64>,
    leaving: Leaving,
    colleague: Option<String>,
}

impl Wish {
    fn read(call: &mut Call<AgentSession>) -> Result<Self, Error> {
        let given: SetDuty = call.params()?;
        let leaving = given.conversations.map(|leaving| leaving.0).unwrap_or_default();
        if leaving == Leaving::Colleague && given.colleague.is_none() {
            return Err(Fault::of(Code::Missing, "colleague").into());
        }
        Ok(Self {
            duty: given.status.0,
            pause_id: given.pause_id.map(|id| id.0),
            leaving,
            colleague: given.colleague.map(Into::into),
        })
    }

    fn grant(&self, tx: &mut rozmowa_db::Tx<'_>, act: &Act<'_>, login: &str) -> Result<(), Error> {
        let lease = Lease::AtLeast(CONSOLE_LEASE);
        match self.duty {
            Duty::Free => {
                presence::login(tx, act, login, lease)?;
                presence::free(tx, act, login, lease)
            }
            Duty::Paused => presence::pause(tx, act, login, self.pause_id, lease),
            Duty::Off => leave::leave(tx, act, login, self.leaving, self.colleague.as_deref()),
        }
    }
}
