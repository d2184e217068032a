//! Agents, for integrators: the methods of the contract and our additions.

use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;

use super::presence::{self, Lease};
use super::{Agent, Changes, NewAgent, Role, capacity};
use crate::http::call::Caller;
use crate::http::error::Envelope;
use crate::http::idempotency::IdempotencyKey;
use crate::http::params::{
    Count, Email, Flag, Id, Line, Login, Many, Named, OneOf, OrEmpty, Password, Within, YesNo,
};
use crate::http::{Call, Code, Error, Reply, page};
use crate::locale::Language;
use crate::time;

pub type Capacity = Within<{ capacity::LEAST }, { capacity::MOST }>;
pub type Roles = Many<OneOf<Role>, 10>;
type LeaseSeconds = Within<60, 86_400>;

/// Half a day: longer than a shift, shorter than until the next.
const LEASE_DEFAULT_SECONDS: i64 = 43_200;

/// An agent.
#[derive(Serialize, ToSchema)]
pub struct AgentShown {
    #[schema(example = 1)]
    agent_id: i64,
    #[schema(example = "jkowalski")]
    login: String,
    #[schema(example = "Jan")]
    name: String,
    #[schema(example = "Kowalski")]
    surname: String,
    /// Empty when there is none.
    #[schema(example = "jan.kowalski@example.org")]
    email: String,
    /// Whether the account is open.
    active: bool,
    /// The telephone's; empty when there is none.
    #[schema(example = "101")]
    number: String,
    /// About the telephone: always null.
    #[schema(required)]
    outbound_mode: Option<String>,
    /// About the telephone: always null.
    #[schema(required)]
    group_id: Option<i64>,
    /// With details: `agent`, `supervisor` or `administrator`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    roles: Option<[&'static str; 1]>,
    /// With details: conversations that the agent can have open at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    capacity: Option<i64>,
    /// With details: conversations that are open.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    open_chats: Option<i64>,
    /// With details: `pl` or `en`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    language: Option<&'static str>,
}

impl AgentShown {
    pub fn new(agent: Agent, has_details: bool) -> Self {
        Self {
            roles: has_details.then(|| [agent.role.name()]),
            capacity: has_details.then_some(agent.capacity),
            open_chats: has_details.then_some(agent.open_chats),
            language: has_details.then(|| agent.language.name()),
            agent_id: agent.id,
            login: agent.login,
            name: agent.name,
            surname: agent.surname,
            email: agent.email,
            active: agent.is_active,
            number: agent.number,
            outbound_mode: None,
            group_id: None,
        }
    }
}

crate::params! { query
    ListAgents {
        /// At most so many; more than 100 is taken as 100.
        limit: Option<Count>,
        /// Skips so many.
        offset: Option<Count>,
        /// Our addition: adds what the vendor's agents do not have.
        include_details: Flag,
    }
}

/// Lists agents
///
/// By number; those whose account is closed too.
#[utoipa::path(
    get, path = "/api/agents", operation_id = "list_agents", tag = "agents", params(ListAgents),
    responses(
        (status = 200, description = "The agents.", body = [AgentShown]),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(mut call: Call) -> Result<Reply, Error> {
    let given: ListAgents = call.params()?;
    call.read(move |tx, _| {
        let limit = page::limit(given.limit);
        let agents = super::list(tx, limit, given.offset.map_or(0, |offset| offset.0))?;
        let shown = |agent| AgentShown::new(agent, given.include_details.0);
        Reply::json(&agents.into_iter().map(shown).collect::<Vec<_>>())
    })
    .await
}

crate::params! { query
    ShowAgent {
        /// Our addition: adds what the vendor's agents do not have.
        include_details: Flag,
    }
}

/// Shows an agent
#[utoipa::path(
    get, path = "/api/agents/{login}", operation_id = "show_agent", tag = "agents", params(AgentLogin, ShowAgent),
    responses(
        (status = 200, description = "The agent.", body = AgentShown),
        (status = 404, description = "Unknown agent.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show(Path(login): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: ShowAgent = call.params()?;
    let login = known(login)?;
    call.read(move |tx, _| {
        let agent = super::find(tx, &login)?;
        let agent = agent.ok_or_else(|| super::fault(Code::UnknownAgent, &login))?;
        Reply::json(&AgentShown::new(agent, given.include_details.0))
    })
    .await
}

/// Whether an agent is on duty.
#[derive(Serialize, ToSchema)]
pub struct AgentStatus {
    #[schema(example = "jkowalski")]
    login: String,
    /// `OFF`, `FREE` or `PAUSED`.
    #[schema(example = "FREE")]
    status: &'static str,
    /// The reason of a pause; null without one.
    #[schema(required)]
    pause_id: Option<i64>,
    /// When that came about; null when the agent never was on duty.
    #[schema(required, example = "2016-04-20 09:46:24")]
    last_change: Option<String>,
}

/// Shows whether an agent is on duty
///
/// For chat work: `OFF`, `FREE` or `PAUSED`.
#[utoipa::path(
    get, path = "/api/agents/{login}/status", operation_id = "show_agent_status", tag = "agents", params(AgentLogin),
    responses(
        (status = 200, description = "The status.", body = AgentStatus),
        (status = 404, description = "Unknown agent.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn status(Path(login): Path<String>, call: Call) -> Result<Reply, Error> {
    let login = known(login)?;
    call.read(move |tx, app| {
        let agent = super::find(tx, &login)?;
        let agent = agent.ok_or_else(|| super::fault(Code::UnknownAgent, &login))?;
        let presence = presence::find(tx, agent.id, app.clock.now())?;
        let zone = &app.config.time_zone;
        Reply::json(&AgentStatus {
            login: agent.login,
            status: presence.status.name(),
            pause_id: presence.pause_id,
            last_change: presence.last_change.map(|at| time::with_seconds(at, zone)),
        })
    })
    .await
}

crate::params! { body
    AddAgent {
        /// First name.
        name: Line<255> = "Jan",
        /// Surname.
        surname: Line<255> = "Kowalski",
        /// What the agent is called by; it can't be changed.
        login: Login = "jkowalski",
        /// Up to 1,024 characters.
        password: Password = "correct horse",
        /// The telephone's.
        number: Option<Line<64>> = "101",
        /// E-mail address.
        email: Option<Email> = "jan.kowalski@example.org",
        /// The agent's own; without it `pl`.
        language: Option<OneOf<Language>> = "pl",
        /// Whether the account is open; it is without it.
        active: Option<YesNo> = true,
        /// The highest counts; without it `agent`.
        roles: Option<Roles> = ["agent"],
        /// Our addition: how many conversations the agent can have open at once; without it 3.
        capacity: Option<Capacity> = 3,
    }
}

/// The agent that was added.
#[derive(Serialize, ToSchema)]
pub struct AddedAgent {
    /// A text here, as the vendor has it.
    #[schema(example = "11")]
    agent_id: String,
    #[schema(example = "jkowalski")]
    agent_login: String,
}

/// Adds an agent
#[utoipa::path(
    post, path = "/api/agents", operation_id = "add_agent", tag = "agents", params(IdempotencyKey),
    request_body(content = AddAgent, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored.", body = AddedAgent),
        (status = 409, description = "The login is taken.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn add(mut call: Call) -> Result<Reply, Error> {
    let given: AddAgent = call.params()?;
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
        password_hash: hash(&call, given.password).await?,
    };
    call.write(move |tx, act| {
        let agent_id = super::add(tx, act, &new)?.to_string();
        Reply::json(&AddedAgent { agent_id, agent_login: new.login.clone() })
    })
    .await
}

crate::params! { body
    ChangeAgent {
        name: Option<Line<255>> = "Jan",
        surname: Option<Line<255>> = "Kowalski",
        /// Up to 1,024 characters.
        password: Option<Password> = "correct horse",
        /// The telephone's; empty: none any more.
        number: Option<OrEmpty<Line<64>>> = "101",
        /// Empty: none any more.
        email: Option<OrEmpty<Email>> = "jan.kowalski@example.org",
        language: Option<OneOf<Language>> = "pl",
        /// A closed account is off duty at once, and nobody can speak as this agent.
        active: Option<YesNo> = true,
        /// The highest counts.
        roles: Option<Roles> = ["agent"],
        /// How many conversations the agent can have open at once. What is open already stays so.
        capacity: Option<Capacity> = 3,
    }
}

/// Changes an agent
///
/// Our addition. What is not given stays.
#[utoipa::path(
    put, path = "/api/agents/{login}", operation_id = "change_agent", tag = "additions", params(AgentLogin),
    request_body(content = Option<ChangeAgent>, content_type = "application/json"),
    responses(
        (status = 200, description = "It is stored. The body is empty."),
        (status = 404, description = "Unknown agent.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn change(Path(login): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: ChangeAgent = call.params()?;
    let login = known(login)?;
    let changes = given.into_changes(&call, &login).await?;
    call.write(move |tx, act| {
        super::change(tx, act, &login, &changes)?;
        Ok(Reply::default())
    })
    .await
}

impl ChangeAgent {
    /// The same for every door.
    pub async fn into_changes<C: Caller>(
        self,
        call: &Call<C>,
        login: &str,
    ) -> Result<Changes, Error> {
        let mut password_hash = None;
        if let Some(password) = self.password {
            let of = login.to_owned();
            let agent = call.look(move |tx| super::find(tx, &of)).await?;
            // Nobody's password costs no hash either.
            agent.ok_or_else(|| super::fault(Code::UnknownAgent, login))?;
            password_hash = Some(hash(call, password).await?);
        }
        Ok(Changes {
            name: self.name.map(Into::into),
            surname: self.surname.map(Into::into),
            email: self.email.map(|email| email.0.map(Into::into).unwrap_or_default()),
            number: self.number.map(|number| number.0.map(Into::into).unwrap_or_default()),
            language: self.language.map(|language| language.0),
            role: highest(self.roles),
            capacity: self.capacity.map(|capacity| capacity.0),
            is_active: self.active.map(|yes| yes.0),
            password_hash,
        })
    }
}

pub fn highest(roles: Option<Roles>) -> Option<Role> {
    roles?.0.into_iter().map(|role| role.0).max()
}

/// Before the transaction, which may run twice, and after the parameters: wrong ones cost no hash.
async fn hash<C: Caller>(call: &Call<C>, password: Password) -> Result<String, Error> {
    let app = call.app();
    app.gate.hasher().hash(password.0, app.ids.bytes()).await
}

crate::params! { body
    Duty {
        /// Our addition: off duty after so many seconds unless called again; without it 43200.
        lease_seconds: Option<LeaseSeconds> = 43_200,
    }
}

fn lease(seconds: Option<LeaseSeconds>) -> Lease {
    Lease::Exactly(seconds.map_or(LEASE_DEFAULT_SECONDS, |seconds| seconds.0) * 1_000)
}

/// Puts an agent on duty
///
/// The status becomes `FREE`; of an agent on duty it stays, and the lease is renewed.
#[utoipa::path(
    post, path = "/api/agents/{login}/login", operation_id = "login_agent", tag = "agents",
    params(AgentLogin, IdempotencyKey),
    request_body(content((Option<Duty> = "application/json"), (Option<Duty> = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "It is so. The body is empty."),
        (status = 404, description = "Unknown agent.", body = Envelope),
        (status = 409, description = "The agent's account is not active.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn login(Path(login): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: Duty = call.params()?;
    let login = known(login)?;
    call.write(move |tx, act| {
        presence::login(tx, act, &login, lease(given.lease_seconds))?;
        Ok(Reply::default())
    })
    .await
}

/// Takes an agent off duty
///
/// The status becomes `OFF`. A second time changes nothing. Open conversations stay the agent's.
#[utoipa::path(
    post, path = "/api/agents/{login}/logout", operation_id = "logout_agent", tag = "agents",
    params(AgentLogin, IdempotencyKey),
    request_body(content((Option<Duty> = "application/json"), (Option<Duty> = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "It is so. The body is empty."),
        (status = 404, description = "Unknown agent.", body = Envelope),
        (status = 409, description = "The agent's account is not active.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn logout(Path(login): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let _: Duty = call.params()?;
    let login = known(login)?;
    call.write(move |tx, act| {
        presence::logout(tx, act, &login)?;
        Ok(Reply::default())
    })
    .await
}

crate::params! { body
    PauseAgent {
        /// The reason, from `GET pauses`.
        pause_id: Option<Id> = 1,
        /// Our addition: off duty after so many seconds unless called again; without it 43200.
        lease_seconds: Option<LeaseSeconds> = 43_200,
    }
}

/// Pauses an agent
///
/// The status becomes `PAUSED`, and the lease is renewed.
#[utoipa::path(
    post, path = "/api/agents/{login}/pause", operation_id = "pause_agent", tag = "agents",
    params(AgentLogin, IdempotencyKey),
    request_body(content((Option<PauseAgent> = "application/json"), (Option<PauseAgent> = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "It is so. The body is empty."),
        (status = 404, description = "Unknown agent or reason.", body = Envelope),
        (status = 409, description = "The agent is off duty, the account is not active, or the reason is disabled.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn pause(Path(login): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: PauseAgent = call.params()?;
    let login = known(login)?;
    call.write(move |tx, act| {
        let pause_id = given.pause_id.map(|id| id.0);
        presence::pause(tx, act, &login, pause_id, lease(given.lease_seconds))?;
        Ok(Reply::default())
    })
    .await
}

/// Ends an agent's pause
///
/// The status becomes `FREE`, and the lease is renewed.
#[utoipa::path(
    post, path = "/api/agents/{login}/free", operation_id = "free_agent", tag = "agents",
    params(AgentLogin, IdempotencyKey),
    request_body(content((Option<Duty> = "application/json"), (Option<Duty> = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "It is so. The body is empty."),
        (status = 404, description = "Unknown agent.", body = Envelope),
        (status = 409, description = "The agent is off duty, or the account is not active.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn free(Path(login): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: Duty = call.params()?;
    let login = known(login)?;
    call.write(move |tx, act| {
        presence::free(tx, act, &login, lease(given.lease_seconds))?;
        Ok(Reply::default())
    })
    .await
}

/// A path's `:login`. What no login can be is nobody's; PostgreSQL can't even be asked for some of it.
pub fn known(login: String) -> Result<String, Error> {
    let is_login = login.len() <= 1_024 && !login.chars().any(char::is_control);
    if is_login { Ok(login) } else { Err(super::fault(Code::UnknownAgent, "")) }
}

/// Described once for all methods of one agent.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub struct AgentLogin {
    /// The agent's login.
    #[expect(dead_code, reason = "it describes; the path is read by the router")]
    #[param(example = "jkowalski")]
    login: String,
}
