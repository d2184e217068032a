//! Agents and their reasons to pause, from the command line.

use clap::{Args, Subcommand};

use super::admin::{NewPassword, email, line, name};
use super::{create, printable, transact};
use crate::agent::links::{self, Kind};
use crate::agent::{self, Changes, NewAgent, Role, capacity, session, totp};
use crate::clock::Ids;
use crate::config::Config;
use crate::http::params::{Login, Named};
use crate::installation;
use crate::locale::Language;
use crate::pause;

/// What is said of an agent.
#[derive(Args)]
pub struct About {
    /// The first name
    #[arg(long, value_parser = line)]
    name: Option<String>,
    #[arg(long, value_parser = line)]
    surname: Option<String>,
    #[arg(long, value_parser = email)]
    email: Option<String>,
    /// The telephone's
    #[arg(long, value_parser = line)]
    number: Option<String>,
    /// pl or en
    #[arg(long, value_parser = one_of::<Language>)]
    language: Option<Language>,
    /// agent, supervisor or administrator
    #[arg(long, value_parser = one_of::<Role>)]
    role: Option<Role>,
    /// How many conversations the agent can have open at once; a new agent's default is 3
    #[arg(long, value_parser = clap::value_parser!(i64).range(capacity::LEAST..=capacity::MOST))]
    capacity: Option<i64>,
}

fn one_of<T: Named>(text: &str) -> Result<T, String> {
    T::from_name(text).ok_or_else(|| format!("there are: {}", T::names()))
}

#[derive(Subcommand)]
pub enum AgentCommand {
    /// Add an agent; the password is read from standard input, or made up and printed on a terminal
    Add {
        #[arg(value_parser = login)]
        login: String,
        #[command(flatten)]
        about: About,
    },
    /// Change an agent; what is left out stays
    Set {
        login: String,
        #[command(flatten)]
        about: About,
    },
    /// Change an agent's password
    Passwd { login: String },
    /// Disable an agent's account: off duty at once, and nobody can speak as this agent
    Disable { login: String },
    /// Enable a disabled account
    Enable { login: String },
    /// Take an agent's second factor away: the password alone signs in
    TotpReset { login: String },
    /// List agents
    List,
}

fn login(text: &str) -> Result<String, String> {
    Login::parse(text).map(Into::into).ok_or_else(|| {
        "a login has letters, digits and . _ @ + -, with a letter or digit first".to_owned()
    })
}

impl AgentCommand {
    pub fn run(self, config: &Config) -> Result<(), String> {
        match self {
            Self::Add { login, about } => {
                let password = NewPassword::take()?;
                let defaults = NewAgent::default();
                let agent = NewAgent {
                    login,
                    name: about.name.unwrap_or_default(),
                    surname: about.surname.unwrap_or_default(),
                    email: about.email.unwrap_or_default(),
                    number: about.number.unwrap_or_default(),
                    language: about.language.unwrap_or(defaults.language),
                    role: about.role.unwrap_or(defaults.role),
                    capacity: about.capacity.unwrap_or(defaults.capacity),
                    is_active: defaults.is_active,
                    password_hash: password.hash()?,
                };
                println!("{}", create(config, move |tx, act| agent::add(tx, act, &agent))?);
                password.tell();
                Ok(())
            }
            Self::Set { login, about } => {
                let changes = Changes {
                    name: about.name,
                    surname: about.surname,
                    email: about.email,
                    number: about.number,
                    language: about.language,
                    role: about.role,
                    capacity: about.capacity,
                    ..Changes::default()
                };
                change(config, login, changes)
            }
            Self::Disable { login } => activate(config, login, false),
            Self::Enable { login } => activate(config, login, true),
            Self::Passwd { login } => {
                let password = NewPassword::take()?;
                let password_hash = Some(password.hash()?);
                change(config, login, Changes { password_hash, ..Changes::default() })?;
                // Only one that counts.
                password.tell();
                Ok(())
            }
            Self::TotpReset { login } => {
                let removed = transact(config, move |tx, act| {
                    let agent = agent::hold(tx, &login)?;
                    totp::remove(tx, act, &agent)
                })?;
                if !removed {
                    println!("There was no second factor.");
                }
                Ok(())
            }
            Self::List => {
                for agent in transact(config, |tx, _| agent::list(tx, 10_000, 0))? {
                    let state = if agent.is_active { "active" } else { "inactive" };
                    println!(
                        "{}\t{}\t{state}\t{} {}\t{}\t{}\t{}/{}",
                        agent.id,
                        agent.login,
                        printable(&agent.name),
                        printable(&agent.surname),
                        agent.email,
                        agent.role.name(),
                        agent.open_chats,
                        agent.capacity
                    );
                }
                Ok(())
            }
        }
    }
}

pub fn admin_link(config: &Config) -> Result<(), String> {
    let token = session::new_token(&Ids::from_system());
    let added = token.clone();
    let set = create(config, move |tx, act| {
        links::add_for_administrator(tx, act.now, &added)?;
        installation::public_url(tx)
    })?;
    println!("{}", Kind::FirstAdministrator.address(&config.base_url(&set), &token));
    Ok(())
}

fn activate(config: &Config, login: String, is_active: bool) -> Result<(), String> {
    change(config, login, Changes { is_active: Some(is_active), ..Changes::default() })
}

fn change(config: &Config, login: String, changes: Changes) -> Result<(), String> {
    transact(config, move |tx, act| agent::change(tx, act, &login, &changes))
}

#[derive(Subcommand)]
pub enum PauseCommand {
    /// Add a reason to pause and print its number
    Add {
        #[arg(value_parser = name)]
        name: String,
    },
    /// List reasons to pause
    List,
    /// Disable a reason: nobody can pause for it
    Disable { id: i64 },
    /// Enable a disabled reason
    Enable { id: i64 },
}

impl PauseCommand {
    pub fn run(self, config: &Config) -> Result<(), String> {
        match self {
            Self::Add { name } => {
                println!("{}", create(config, move |tx, act| pause::add(tx, act, &name))?);
                Ok(())
            }
            Self::List => {
                for pause in transact(config, |tx, _| pause::list(tx))? {
                    let state = if pause.is_enabled { "enabled" } else { "disabled" };
                    println!("{}\t{state}\t{}", pause.id, printable(&pause.name));
                }
                Ok(())
            }
            Self::Disable { id } => enable(config, id, false),
            Self::Enable { id } => enable(config, id, true),
        }
    }
}

fn enable(config: &Config, id: i64, is_enabled: bool) -> Result<(), String> {
    transact(config, move |tx, act| pause::change(tx, act, id, None, Some(is_enabled)))
}
