//! The command line: serve, demo, and administration beside a running server.

#[expect(clippy::doc_markdown, reason = "the comments are help texts, read on a terminal")]
mod admin;
mod agents;
#[expect(clippy::doc_markdown, reason = "the comments are help texts, read on a terminal")]
mod api_user;
#[expect(clippy::doc_markdown, reason = "the comments are help texts, read on a terminal")]
mod audit;
mod customer_csv;
mod demo;
mod mail;
mod person;
mod report;
mod search;
mod storage;
mod webhook;

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use rozmowa_db::{Address, Db, Tx};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::act::{Act, Actor};
use crate::agent::links::{self, Kind};
use crate::agent::session;
use crate::app::Surroundings;
use crate::clock::{Clock, Ids};
use crate::config::{self, Config};
use crate::locale::Language;
use crate::server::{self, Running};

#[derive(Parser)]
#[command(
    name = "rozmowa",
    version,
    about = "Self-hosted live-chat server that speaks the Thulium chat API"
)]
struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

/// Which installation a command is about.
#[derive(Args, Clone)]
struct Place {
    /// The configuration file; without it the defaults and the environment count
    #[arg(long, global = true, env = "ROZMOWA_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data folder, in place of the configured one; the demo's is demo-data
    #[arg(long = "data", global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The database, in place of the configured one: sqlite:PATH or postgres://…
    #[arg(long, global = true, value_name = "URL")]
    database: Option<Address>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until SIGTERM or SIGINT
    Serve {
        /// Where HTTP is served, in place of what is configured
        #[arg(long, value_name = "ADDRESS:PORT")]
        listen: Option<SocketAddr>,
    },
    /// Serve sample data on loopback, to try things out
    Demo(demo::Demo),
    /// Programs that may call the API
    #[command(subcommand)]
    ApiUser(api_user::ApiUserCommand),
    /// Chat queues
    #[command(subcommand)]
    Queue(admin::QueueCommand),
    /// The people who answer
    #[command(subcommand)]
    Agent(agents::AgentCommand),
    /// Print a link, good for an hour and once, with which the first administrator is made
    AdminLink,
    /// Why agents pause
    #[command(subcommand)]
    Pause(agents::PauseCommand),
    /// Customers of the CRM
    #[command(subcommand)]
    Customer(admin::CustomerCommand),
    /// A person's data, by e-mail address: all that is held, or all of it removed
    #[command(subcommand)]
    Person(person::PersonCommand),
    /// Subscriptions that are told what happens
    #[command(subcommand)]
    Webhook(webhook::WebhookCommand),
    /// E-mail that this server sends
    #[command(subcommand)]
    Mail(mail::MailCommand),
    /// What agents search in
    #[command(subcommand)]
    Search(search::SearchCommand),
    /// What reports count
    #[command(subcommand)]
    Report(report::ReportCommand),
    /// Settings of the installation
    #[command(subcommand)]
    Setting(admin::SettingCommand),
    /// Who changed what and when: the administrative changes, the newest first
    Audit(audit::Audit),
    /// Print the configuration in force, each key with its source, secrets masked
    Config,
    /// Bring the database's schema up to date, as every start does
    Migrate,
    /// Write a consistent copy of the SQLite database to a new file, also while the server runs
    Backup {
        /// Must not exist yet
        file: PathBuf,
    },
    /// Put a backup in the place of the SQLite database, while no server runs on it
    Restore {
        /// Made by `rozmowa backup`
        file: PathBuf,
    },
    /// Write the SQLite database anew, so that nothing is left in its files of what was erased, while no server runs on it
    EraseCleanup,
    /// Check the database's file, its schema and its logs, also while the server runs
    Verify,
    /// Print the API's methods, as method lists spell them
    Methods,
    /// Print the reference of the API, as OpenAPI 3.1
    Openapi,
}

pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("rozmowa: {error}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(cli: Cli) -> Result<ExitCode, String> {
    match cli.command {
        Command::Openapi => {
            print!("{}", crate::router::reference());
            return Ok(ExitCode::SUCCESS);
        }
        Command::Methods => {
            println!("{}", crate::router::method_names().join("\n"));
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    let config = cli.place.load()?;
    match cli.command {
        // It says by its code whether lines were refused.
        Command::Customer(admin::CustomerCommand::Import(import)) => import.run(&config),
        command => dispatch_plain(command, &cli.place, config).map(|()| ExitCode::SUCCESS),
    }
}

fn dispatch_plain(command: Command, place: &Place, config: Config) -> Result<(), String> {
    match command {
        Command::Serve { listen } => {
            let mut config = config;
            if let Some(listen) = listen {
                config.listen_at(listen)?;
            }
            start_log(&config);
            serve(config)
        }
        Command::Demo(demo) => demo.run(place, config),
        Command::ApiUser(command) => command.run(&config),
        Command::Queue(command) => command.run(&config),
        Command::Agent(command) => command.run(&config),
        Command::AdminLink => agents::admin_link(&config),
        Command::Pause(command) => command.run(&config),
        Command::Customer(command) => command.run(&config),
        Command::Person(command) => command.run(&config),
        Command::Webhook(command) => command.run(&config),
        Command::Mail(command) => command.run(&config),
        Command::Search(command) => command.run(&config),
        Command::Report(command) => command.run(&config),
        Command::Setting(command) => command.run(&config),
        Command::Audit(audit) => audit.run(&config),
        Command::Config => {
            print!("{}", config::explain(&config));
            Ok(())
        }
        Command::Migrate => {
            server::open_store(&config, server::nobody_listens())?.close();
            println!("The schema is up to date.");
            Ok(())
        }
        Command::Backup { file } => storage::backup(&config, &file),
        Command::Restore { file } => storage::restore(&config, &file),
        Command::EraseCleanup => storage::erase_cleanup(&config),
        Command::Verify => storage::verify(&config),
        Command::Openapi | Command::Methods => Ok(()),
    }
}

impl Place {
    fn load(&self) -> Result<Config, String> {
        let mut config = Config::load(self.config.as_deref()).map_err(|error| error.to_string())?;
        if let Some(folder) = &self.data_dir {
            if config.database == Address::Sqlite(config.data_dir.join(storage::SQLITE_FILE)) {
                config.database = Address::Sqlite(folder.join(storage::SQLITE_FILE));
            }
            config.data_dir.clone_from(folder);
            config.tell_source("data_dir", &folder.display().to_string(), "command line");
        }
        if let Some(database) = &self.database {
            config.database = database.clone();
            config.tell_source("database", &database.to_string(), "command line");
        }
        Ok(config)
    }
}

/// Pretty on a terminal, JSON for machines.
fn start_log(config: &Config) {
    let level = config.log_level.to_string().to_lowercase();
    // The libraries' debug lines are about them, not about this server's work.
    let filter = EnvFilter::new(format!("warn,rozmowa={level},rozmowa_db={level}"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        log.init();
    } else {
        log.json().flatten_event(true).init();
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())
}

fn serve(config: Config) -> Result<(), String> {
    let lock = server::lock(&config.database)?;
    let app = server::open_app(config, Surroundings::real())?;
    runtime()?.block_on(async {
        let running = Running::start(app, lock)?;
        tracing::info!(
            listen = running.listen.map(display),
            tls_listen = running.tls_listen.map(display),
            metrics_listen = running.metrics_listen.map(display),
            version = env!("CARGO_PKG_VERSION"),
            "serving"
        );
        welcome(&running).await?;
        until_told_to_stop(running).await
    })
}

/// Tells whoever starts it how the first administrator is made, as long as there is none. Servers that are started again and again,
/// and several at once, tell it once a minute.
async fn welcome(running: &Running) -> Result<(), String> {
    let app = &running.app;
    let (token, now) = (session::new_token(&app.ids), app.clock.now());
    let added = token.clone();
    let made = app.db.write(move |tx| links::add_where_needed(tx, now, &added)).await;
    if !made.map_err(|error| error.cause().unwrap_or_default().to_owned())? {
        return Ok(());
    }
    // Not into the log: it is a secret, for an hour.
    println!(
        "\n  There is no administrator yet. This link makes the first one; it is good for an hour, and once:\n\n    {}\n\n  \
         `rozmowa admin-link` prints another.\n",
        Kind::FirstAdministrator.address(&app.base_url(), &token)
    );
    Ok(())
}

async fn until_told_to_stop(running: Running) -> Result<(), String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    running.stop().await;
    tracing::info!("stopped");
    Ok(())
}

/// Says so when a command is about to make a database: it may be the wrong place.
fn announce(config: &Config) {
    if let Address::Sqlite(path) = &config.database
        && !path.exists()
    {
        eprintln!("A new database: {}", path.display());
    }
}

/// Runs one transaction that may be an installation's first.
fn create<T: Send + 'static>(
    config: &Config,
    run: impl FnMut(&mut Tx<'_>, &Act<'_>) -> Result<T, crate::http::Error> + Send + 'static,
) -> Result<T, String> {
    announce(config);
    let db = server::open_store(config, server::nobody_listens())?;
    let result = write(&db, run);
    db.close();
    result
}

/// Runs one transaction on an installation's store, beside its server if one runs.
fn transact<T: Send + 'static>(
    config: &Config,
    run: impl FnMut(&mut Tx<'_>, &Act<'_>) -> Result<T, crate::http::Error> + Send + 'static,
) -> Result<T, String> {
    if let Address::Sqlite(path) = &config.database {
        storage::existing(path)?;
    }
    let db = server::open_store(config, server::nobody_listens())?;
    let result = write(&db, run);
    db.close();
    result
}

fn write<T: Send + 'static>(
    db: &Db,
    mut run: impl FnMut(&mut Tx<'_>, &Act<'_>) -> Result<T, crate::http::Error> + Send + 'static,
) -> Result<T, String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().build().map_err(|e| e.to_string())?;
    let (actor, ids) = (Actor::command_line(), Ids::from_system());
    let done = db.write(move |tx| {
        let act = Act::begin(tx, &actor, &Clock::System, &ids)?;
        run(tx, &act)
    });
    runtime.block_on(done).map_err(|error| told(&error))
}

/// What is wrong: the cause where there is one, as nobody else is there to look into the log.
fn told(error: &crate::http::Error) -> String {
    let messages = || {
        let faults = error.faults().iter().map(|fault| fault.message(Language::En));
        faults.collect::<Vec<_>>().join(" ")
    };
    error.cause().map_or_else(messages, str::to_owned)
}

/// A text that others chose, fit for a terminal: what would move the cursor or hide what follows is spelled out.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\'' | '\\' => out.push(c),
            c => out.extend(c.escape_debug()),
        }
    }
    out
}
