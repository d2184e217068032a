//! Administration from the command line, beside a running server: changes count from the next call on.

use std::io::{BufRead, IsTerminal};

use clap::Subcommand;

use super::{create, customer_csv, printable, transact, write};
use crate::account::password;
use crate::clock::Ids;
use crate::config::Config;
use crate::conversation;
use crate::customer::{Changed, Customer};
use crate::http::params::{Email, Line};
use crate::http::{Code, Error};
use crate::installation::{self, PUBLIC_URL};
use crate::queue::given::Origin;
use crate::queue::{self, agents};
use crate::server;
use crate::setting::{Amount, Setting};

pub(super) fn found(found: bool, name: &str) -> Result<(), String> {
    if found { Ok(()) } else { Err(format!("there is no {name}")) }
}

#[derive(Subcommand)]
pub enum QueueCommand {
    /// Add a chat queue and print its number
    Add {
        #[arg(value_parser = name)]
        name: String,
        /// The number its callers know it by; without it the next free one
        #[arg(long, value_parser = clap::value_parser!(i64).range(1..=2_147_483_647))]
        id: Option<i64>,
    },
    /// List chat queues
    List,
    /// Disable a chat queue: it takes no new conversations
    Disable { id: i64 },
    /// Enable a disabled chat queue
    Enable { id: i64 },
    /// List the agents of a chat queue, those who go first first
    Agents { id: i64 },
    /// Have an agent answer a chat queue, or change the priority
    Assign {
        id: i64,
        login: String,
        /// A smaller one goes first
        #[arg(long, default_value_t = agents::PRIORITY_DEFAULT,
            value_parser = clap::value_parser!(i64).range(agents::PRIORITY_LEAST..=agents::PRIORITY_MOST))]
        priority: i64,
    },
    /// Have an agent answer a chat queue no more
    Unassign { id: i64, login: String },
}

impl QueueCommand {
    pub fn run(self, config: &Config) -> Result<(), String> {
        match self {
            Self::Add { name, id } => {
                // Refused, it uses up no number.
                let taken = || Error::from(Code::QueueTaken);
                let id = create(config, move |tx, act| {
                    queue::add(tx, act, id, &name)?.ok_or_else(taken)
                })?;
                println!("{id}");
            }
            Self::List => {
                for queue in transact(config, |tx, _| queue::list(tx))? {
                    let state = if queue.is_enabled { "enabled" } else { "disabled" };
                    println!("{}\t{state}\t{}", queue.id, printable(&queue.name));
                }
            }
            Self::Disable { id } => {
                transact(config, move |tx, act| queue::set_enabled(tx, act, id, false))?;
            }
            Self::Enable { id } => {
                transact(config, move |tx, act| queue::set_enabled(tx, act, id, true))?;
            }
            Self::Agents { id } => {
                for agent in transact(config, move |tx, act| agents::list(tx, id, act.now))? {
                    println!(
                        "{}\t{}\t{}/{}\t{}",
                        agent.login,
                        agent.priority,
                        agent.open_chats,
                        agent.capacity,
                        agent.status.name()
                    );
                }
            }
            Self::Assign { id, login, priority } => {
                transact(config, move |tx, act| agents::set(tx, act, id, &login, priority))?;
            }
            Self::Unassign { id, login } => {
                transact(config, move |tx, act| agents::remove(tx, act, id, &login))?;
            }
        }
        Ok(())
    }
}

#[derive(Subcommand)]
pub enum CustomerCommand {
    /// Add a customer and print its number; waiting conversations with its identifier become its own
    Add {
        /// Its id in your own systems: what callers give as client_id
        #[arg(long, value_parser = line)]
        identifier: Option<String>,
        #[arg(long, default_value = "", value_parser = line)]
        name: String,
        #[arg(long, default_value = "", value_parser = line)]
        surname: String,
        /// May be repeated
        #[arg(long = "email", value_parser = email)]
        emails: Vec<String>,
    },
    /// Change a customer; what is left out stays
    Set {
        id: i64,
        #[arg(long, value_parser = line)]
        name: Option<String>,
        #[arg(long, value_parser = line)]
        surname: Option<String>,
        /// In place of all that there were; may be repeated
        #[arg(long = "email", value_parser = email)]
        emails: Vec<String>,
    },
    /// Add and change customers as the lines of a CSV file say; beside a running server, too
    Import(customer_csv::Import),
    /// Write all customers and companies to a CSV file that import takes
    Export(customer_csv::Export),
}

impl CustomerCommand {
    pub fn run(self, config: &Config) -> Result<(), String> {
        let (identifier, name, surname, emails) = match self {
            Self::Import(import) => return import.run(config).map(|_| ()),
            Self::Export(export) => return export.run(config),
            Self::Add { identifier, name, surname, emails } => (identifier, name, surname, emails),
            Self::Set { id, name, surname, emails } => {
                let emails = Some(emails).filter(|emails| !emails.is_empty());
                let changed = transact(config, move |tx, act| {
                    conversation::change_customer(tx, act, id, |customer| {
                        if let Some(name) = &name {
                            customer.name.clone_from(name);
                        }
                        if let Some(surname) = &surname {
                            customer.surname.clone_from(surname);
                        }
                        if let Some(emails) = &emails {
                            customer.emails.clone_from(emails);
                        }
                    })
                })?;
                return found(!matches!(changed, Changed::Unknown), &format!("customer {id}"));
            }
        };
        let identifier =
            identifier.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        if identifier.is_none() && name.is_empty() && surname.is_empty() && emails.is_empty() {
            return Err("a customer needs an identifier, a name, a surname or an e-mail".into());
        }
        let customer = Customer { identifier, name, surname, emails, ..Customer::default() };
        super::announce(config);
        let db = server::open_store(config, server::nobody_listens())?;
        let added = write(&db, move |tx, act| conversation::add_customer(tx, act, &customer))?;
        let result = match added {
            None => Err("there is a customer of this identifier already".to_owned()),
            Some(customer) => {
                println!("{}", customer.id);
                // In steps, so that the server's calls come in between.
                while write(&db, conversation::link_more)? {}
                Ok(())
            }
        };
        db.close();
        result
    }
}

#[derive(Subcommand)]
pub enum SettingCommand {
    /// List settings with their values
    List,
    /// Change a setting
    Set {
        name: String,
        /// true or false, or a number; 0 is off; or an address
        value: String,
    },
}

impl SettingCommand {
    pub fn run(self, config: &Config) -> Result<(), String> {
        match self {
            Self::List => {
                for setting in Setting::ALL.iter().copied() {
                    println!(
                        "{} = {}",
                        setting.name(),
                        transact(config, move |tx, _| setting.get(tx))?
                    );
                }
                for amount in Amount::ALL.iter().copied() {
                    let value = transact(config, move |tx, _| amount.get(tx))?;
                    println!("{} = {value}", amount.name());
                }
                let url = transact(config, |tx, _| installation::public_url(tx))?;
                println!("{PUBLIC_URL} = {url}");
                Ok(())
            }
            Self::Set { name, value } => {
                if name == PUBLIC_URL {
                    return set_public_url(config, &value);
                }
                let amount = Amount::ALL.iter().copied().find(|amount| amount.name() == name);
                if let Some(amount) = amount {
                    let value = value.parse().ok().filter(|days| (0..=Amount::MOST).contains(days));
                    let value = value.ok_or_else(|| {
                        format!("{name}: it must be a number from 0 to {}", Amount::MOST)
                    })?;
                    return transact(config, move |tx, act| amount.set(tx, act, value));
                }
                let setting = Setting::ALL.iter().copied().find(|setting| setting.name() == name);
                let Some(setting) = setting else {
                    let names = Setting::ALL.iter().map(|setting| setting.name());
                    let names = names.chain(Amount::ALL.iter().map(|amount| amount.name()));
                    let names = names.chain([PUBLIC_URL]).collect::<Vec<_>>().join(", ");
                    return Err(format!("there is no setting {name}; there are: {names}"));
                };
                let value =
                    value.parse().map_err(|_| format!("{name}: it must be true or false"))?;
                transact(config, move |tx, act| setting.set(tx, act, value))
            }
        }
    }
}

fn set_public_url(config: &Config, given: &str) -> Result<(), String> {
    let url = if given.is_empty() { Some(String::new()) } else { Origin::parse(given) };
    let url = url.ok_or("it must be an address like https://chat.example.org, without a path")?;
    if !config.public_url.is_empty() {
        eprintln!("The configuration says {}, and that counts.", config.public_url);
    }
    transact(config, move |tx, act| installation::set_public_url(tx, act, &url))
}

/// One line, as the API takes names.
pub(super) fn line(text: &str) -> Result<String, String> {
    Line::<255>::parse(text).map(Into::into).ok_or_else(|| {
        "it must be one line of at most 255 characters, without control characters".to_owned()
    })
}

/// A line that is not blank.
pub(super) fn name(text: &str) -> Result<String, String> {
    let name = line(text)?;
    if name.is_empty() { Err("it must not be blank".to_owned()) } else { Ok(name) }
}

pub(super) fn email(text: &str) -> Result<String, String> {
    Email::parse(text).map(Into::into).ok_or_else(|| "this is not an e-mail address".to_owned())
}

/// A password from standard input: the first line. On a terminal one is made up and printed instead, so that none is
/// typed in sight or left in a shell's history.
pub(super) struct NewPassword {
    pub text: String,
    is_made_up: bool,
}

impl NewPassword {
    pub fn take() -> Result<Self, String> {
        let stdin = std::io::stdin();
        if stdin.is_terminal() {
            let text = password::made_up(&Ids::from_system());
            return Ok(Self { text, is_made_up: true });
        }
        let mut line = String::new();
        stdin.lock().read_line(&mut line).map_err(|error| error.to_string())?;
        let text = line.trim_end_matches(['\r', '\n']).to_owned();
        if text.is_empty() {
            return Err("the password is read from standard input, and there was none".into());
        }
        Ok(Self { text, is_made_up: false })
    }

    /// Prints what nobody else knows.
    pub fn tell(&self) {
        if self.is_made_up {
            println!("password: {}", self.text);
        }
    }

    pub fn hash(&self) -> Result<String, String> {
        let salt = Ids::from_system().bytes();
        password::hash(&self.text, salt)
            .map_err(|error| error.cause().unwrap_or_default().to_owned())
    }
}
