//! Agents as colleagues see them, and as administrators administer them, at the console.

use std::collections::BTreeMap;

use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;

use super::account_console::{check_length, chosen};
use super::api::{AgentLogin, AgentShown, Capacity, ChangeAgent, Roles, highest, known};
use super::presence::{self, Presence};
use super::session::{self, AgentSession};
use super::signin::{self, Access};
use super::{Agent, NewAgent, Role, capacity, totp};
use crate::clock::Millis;
use crate::http::error::Envelope;
use crate::http::params::{Count, Email, Line, Login, OneOf, Password, YesNo};
use crate::http::{Call, Code, Error, Reply, page};
use crate::locale::Language;

/// An agent as a colleague.
#[derive(Serialize, ToSchema)]
pub struct Colleague {
    login: String,
    name: String,
    surname: String,
    /// `OFF`, `FREE` or `PAUSED`.
    status: &'static str,
    pause_id: Option<i64>,
    /// When that came about; null when the agent never was on duty.
    last_change: Option<Millis>,
    /// For administrators: all about the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    account: Option<Account>,
}

/// All about an agent's account.
#[derive(Serialize, ToSchema)]
pub struct Account {
    #[serde(flatten)]
    agent: AgentShown,
    #[serde(flatten)]
    access: Access,
}

impl Colleague {
    /// With what administrators alone see, if one asks.
    fn new(agent: Agent, presence: Presence, access: Option<Access>) -> Self {
        Self {
            login: agent.login.clone(),
            name: agent.name.clone(),
            surname: agent.surname.clone(),
            status: presence.status.name(),
            pause_id: presence.pause_id,
            last_change: presence.last_change,
            account: access.map(|access| Account { agent: AgentShown::new(agent, true), access }),
        }
    }
}

crate::params! { query
    ListColleagues {
        /// At most so many; more than 100 is taken as 100.
        limit: Option<Count>,
        /// Skips so many.
        offset: Option<Count>,
    }
}

/// Lists agents
///
/// By number. Closed accounts are for administrators.
#[utoipa::path(
    get, path = "/console/agents", operation_id = "list_colleagues", tag = "console", params(ListColleagues),
    security(("session" = [])),
    responses(
        (status = 200, description = "The agents.", body = [Colleague]),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    let given: ListColleagues = call.params()?;
    let role = call.caller().role;
    call.read(move |tx, app| {
        let (limit, offset) = (page::limit(given.limit), given.offset.map_or(0, |offset| offset.0));
        let is_administrator = role >= Role::Administrator;
        let now = app.clock.now();
        let agents = super::list_with_presence(tx, !is_administrator, limit, offset, now)?;
        let access = match &agents[..] {
            [(first, _), ..] if is_administrator => {
                let last = agents.last().map_or(first.id, |(agent, _)| agent.id);
                signin::access(tx, first.id, last)?
            }
            _ => BTreeMap::new(),
        };
        let shown = agents.into_iter().map(|(agent, presence)| {
            let access = access.get(&agent.id).copied();
            Colleague::new(agent, presence, access)
        });
        Reply::json(&shown.collect::<Vec<_>>())
    })
    .await
}

/// Shows an agent
///
/// For administrators.
#[utoipa::path(
    get, path = "/console/agents/{login}", operation_id = "show_colleague", tag = "console", params(AgentLogin),
    security(("session" = [])),
    responses(
        (status = 200, description = "The agent.", body = Colleague),
        (status = 404, description = "Unknown agent.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show(Path(login): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let login = known(login)?;
    call.read(move |tx, app| {
        let agent = super::find(tx, &login)?;
        let agent = agent.ok_or_else(|| super::fault(Code::UnknownAgent, &login))?;
        let presence = presence::find(tx, agent.id, app.clock.now())?;
        let access = signin::access(tx, agent.id, agent.id)?.remove(&agent.id);
        Reply::json(&Colleague::new(agent, presence, access))
    })
    .await
}

crate::params! { body
    AddColleague {
        name: Line<255> = "Jan",
        surname: Line<255> = "Kowalski",
        /// What the agent is called by; it can't be changed.
        login: Login = "jkowalski",
        /// At least 8 characters. Without it the agent can sign in after an invitation.
        password: Option<Password> = "correct horse",
        /// The telephone's.
        number: Option<Line<64>> = "101",
        email: Option<Email> = "jan.kowalski@example.org",
        /// Without it `pl`.
        language: Option<OneOf<Language>> = "pl",
        /// Whether the account is open; it is without it.
        active: Option<YesNo> = true,
        /// The highest counts; without it `agent`.
        roles: Option<Roles> = ["agent"],
        /// How many conversations the agent can have open at once; without it 3.
        capacity: Option<Capacity> = 3,
    }
}

/// Adds an agent
///
/// For administrators.
#[utoipa::path(
    post, path = "/console/agents", operation_id = "add_colleague", tag = "console", security(("session" = [])),
    request_body(content = AddColleague, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored. The body is empty."),
        (status = 409, description = "The login is taken.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn add(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let given: AddColleague = call.params()?;
    let password_hash = match given.password {
        Some(password) => chosen(call.app(), "password", password).await?,
        None => String::new(),
    };
    let new = NewAgent {
        login: given.login.into(),
        name: given.name.into(),
        surname: given.surname.into(),
        email: given.email.map(Into::into).unwrap_or_default(),
        number: given.number.map(Into::into).unwrap_or_default(),
        language: given.language.map_or(Language::Pl, |language| language.0),
        role: highest(given.roles).unwrap_or(Role::Agent),
        capacity: given.capacity.map_or(capacity::DEFAULT, |capacity| capacity.0),
        is_active: given.active.is_none_or(|yes| yes.0),
        password_hash,
    };
    call.write(move |tx, act| {
        super::add(tx, act, &new)?;
        Ok(Reply::default())
    })
    .await
}

/// Changes an agent
///
/// For administrators. What is not given stays. With another password or role, or a closed account, sessions are over.
#[utoipa::path(
    put, path = "/console/agents/{login}", operation_id = "change_colleague", tag = "console", params(AgentLogin),
    request_body(content = Option<ChangeAgent>, content_type = "application/json"), security(("session" = [])),
    responses(
        (status = 200, description = "It is stored. The body is empty."),
        (status = 404, description = "Unknown agent.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn change(
    Path(login): Path<String>,
    mut call: Call<AgentSession>,
) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let given: ChangeAgent = call.params()?;
    let login = known(login)?;
    if let Some(password) = &given.password {
        check_length("password", password)?;
    }
    let changes = given.into_changes(&call, &login).await?;
    call.write(move |tx, act| {
        super::change(tx, act, &login, &changes)?;
        Ok(Reply::default())
    })
    .await
}

/// Ends all sessions of an agent
///
/// For administrators. Whoever is at the agent's browsers has to sign in again.
#[utoipa::path(
    delete, path = "/console/agents/{login}/sessions", operation_id = "end_colleagues_sessions", tag = "console",
    params(AgentLogin), security(("session" = [])),
    responses(
        (status = 200, description = "They are over. The body is empty."),
        (status = 404, description = "Unknown agent.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn end_sessions(
    Path(login): Path<String>,
    call: Call<AgentSession>,
) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let login = known(login)?;
    call.write(move |tx, act| {
        let agent = super::hold(tx, &login)?;
        session::end_of(tx, act, &agent)?;
        Ok(Reply::default())
    })
    .await
}

/// Takes away an agent's second factor
///
/// For administrators: the password alone signs in then. A second time changes nothing. One's own is removed at
/// `POST /console/account/second_factor/remove`.
#[utoipa::path(
    delete, path = "/console/agents/{login}/second_factor", operation_id = "take_second_factor", tag = "console",
    params(AgentLogin), security(("session" = [])),
    responses(
        (status = 200, description = "There is none any more. The body is empty."),
        (status = 404, description = "Unknown agent.", body = Envelope),
        (status = 409, description = "It is one's own.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn take_second_factor(
    Path(login): Path<String>,
    call: Call<AgentSession>,
) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let login = known(login)?;
    let own = call.caller().agent_id;
    call.write(move |tx, act| {
        let agent = super::hold(tx, &login)?;
        if agent.id == own {
            return Err(Code::OwnSecondFactor.into());
        }
        totp::remove(tx, act, &agent)?;
        Ok(Reply::default())
    })
    .await
}
