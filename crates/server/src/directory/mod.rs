//! What a console knows of the installation: its queues, agents, and what there is to choose from. Read at its start, and again
//! when it is told of a change.

pub mod console;

use std::collections::{BTreeMap, BTreeSet};

use rozmowa_db::{Row, Tx, params};
use serde::Serialize;
use utoipa::ToSchema;

use crate::agent;
use crate::agent::session::AgentSession;
use crate::agent::status::StatusNow;
use crate::app::App;
use crate::clock::Millis;
use crate::http::Error;
use crate::http::params::Named;
use crate::label::{self, Kind, Label};
use crate::queue::{self, hours};
use crate::{installation, mail, pause};

rozmowa_db::statements! {
    /// Who answers which queue.
    MEMBERS = "SELECT agent_id, chat_queue_id FROM queue_agent ORDER BY agent_id, chat_queue_id LIMIT 100000";
}

const AGENTS_MAX: i64 = 10_000;

/// What the console needs to know of the installation.
#[derive(Serialize, ToSchema)]
pub struct Directory {
    me: Me,
    /// By number, disabled ones too.
    queues: Vec<DirectoryQueue>,
    /// By number, those with closed accounts too.
    agents: Vec<DirectoryAgent>,
    /// Reasons to pause, by number.
    pauses: Vec<Choice>,
    /// By name.
    topics: Vec<Choice>,
    /// By name.
    tags: Vec<Choice>,
    /// The installation's, as in `Europe/Warsaw`.
    time_zone: String,
    /// Sample data, on loopback.
    is_demo: bool,
    /// E-mail goes out.
    has_mail: bool,
    /// A file may be so large.
    file_bytes_max: u64,
    /// An administrator has said where the installation is reached, or the configuration does.
    is_set_up: bool,
    server_time: i64,
}

/// Who asks.
#[derive(Serialize, ToSchema)]
pub struct Me {
    agent_id: i64,
    login: String,
    /// `agent`, `supervisor` or `administrator`.
    role: &'static str,
}

/// A chat queue, as agents see it.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "it is a description, not a state")]
pub struct DirectoryQueue {
    id: i64,
    name: String,
    /// Whether it takes new conversations.
    enabled: bool,
    /// Whether the caller answers it.
    is_mine: bool,
    /// Working hours are now.
    is_open: bool,
    /// Within which somebody who waits is to get a first answer of a person.
    answer_goal_seconds: i64,
    takes_files: bool,
}

/// An agent, as colleagues see one.
#[derive(Serialize, ToSchema)]
pub struct DirectoryAgent {
    pub agent_id: i64,
    login: String,
    name: String,
    surname: String,
    /// `agent`, `supervisor` or `administrator`.
    role: &'static str,
    /// Whether the account is open.
    pub is_active: bool,
    #[serde(flatten)]
    pub status: StatusNow,
    /// The queues that the agent answers.
    pub chat_queue_ids: Vec<i64>,
}

/// One of what can be chosen.
#[derive(Serialize, ToSchema)]
pub struct Choice {
    id: i64,
    name: String,
    /// Nobody can choose a disabled one.
    enabled: bool,
}

impl From<Label> for Choice {
    fn from(label: Label) -> Self {
        Self { id: label.id, name: label.name, enabled: label.is_enabled }
    }
}

pub fn read(tx: &mut Tx<'_>, who: &AgentSession, app: &App) -> Result<Directory, Error> {
    let (now, zone) = (app.clock.now(), &app.config.time_zone);
    let agents = agents(tx, now)?;
    let mine: BTreeSet<i64> = agents
        .iter()
        .filter(|agent| agent.agent_id == who.agent_id)
        .flat_map(|agent| agent.chat_queue_ids.iter().copied())
        .collect();
    let queues = queue::list(tx)?.into_iter().map(|queue| DirectoryQueue {
        id: queue.id,
        name: queue.name,
        enabled: queue.is_enabled,
        is_mine: mine.contains(&queue.id),
        is_open: hours::is_open(queue.settings.hours.as_ref(), now, zone),
        answer_goal_seconds: queue.settings.answer_goal_seconds,
        takes_files: queue.settings.takes_files,
    });
    let mut choices = |kind| -> Result<Vec<Choice>, Error> {
        Ok(label::list(tx, kind)?.into_iter().map(Choice::from).collect())
    };
    let (topics, tags) = (choices(Kind::Topic)?, choices(Kind::Tag)?);
    let pauses = pause::list(tx)?.into_iter().map(|pause| Choice {
        id: pause.id,
        name: pause.name,
        enabled: pause.is_enabled,
    });
    Ok(Directory {
        me: Me { agent_id: who.agent_id, login: who.login.clone(), role: who.role.name() },
        queues: queues.collect(),
        agents,
        pauses: pauses.collect(),
        topics,
        tags,
        time_zone: zone.iana_name().unwrap_or("UTC").to_owned(),
        is_demo: app.config.is_demo,
        has_mail: mail::is_on(app),
        file_bytes_max: app.config.files.max_bytes,
        is_set_up: installation::is_set_up(tx, &app.config)?,
        server_time: now,
    })
}

/// All agents, by number, with what each does now.
pub fn agents(tx: &mut Tx<'_>, now: Millis) -> Result<Vec<DirectoryAgent>, Error> {
    let mut queues: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    let pair = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    for (agent_id, queue_id) in tx.query(&MEMBERS, params![], pair)? {
        queues.entry(agent_id).or_default().push(queue_id);
    }
    let listed = agent::list_with_presence(tx, false, AGENTS_MAX, 0, now)?;
    let shown = listed.into_iter().map(|(agent, presence)| DirectoryAgent {
        agent_id: agent.id,
        role: agent.role.name(),
        is_active: agent.is_active,
        status: StatusNow::new(presence, agent.open_chats, agent.capacity),
        chat_queue_ids: queues.remove(&agent.id).unwrap_or_default(),
        login: agent.login,
        name: agent.name,
        surname: agent.surname,
    });
    Ok(shown.collect())
}
