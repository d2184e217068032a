//! A person's data, from the command line.

use std::fs;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Subcommand;
use rozmowa_db::Address;
use serde::Serialize;
use uuid::Uuid;

use super::admin::email;
use super::{runtime, storage};
use crate::act::{Act, Actor};
use crate::app::{App, Surroundings};
use crate::config::Config;
use crate::http::Error;
use crate::person::erase::{self, Reach, Receipt};
use crate::person::export::{self, Beside, Want};
use crate::person::shown::Export;
use crate::person::{Person, record_export};
use crate::secret::write_private;
use crate::server;

/// For how long a running server is given to take the bytes of files away, and how often it is looked.
const SERVERS_TIME: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(Subcommand)]
pub enum PersonCommand {
    /// Print all that is held on a person as JSON, or write it to a folder with the files
    Export {
        /// Whose, in any case
        #[arg(long, value_parser = email)]
        email: String,
        /// A new folder: person.json, and the files beside it
        #[arg(long, value_name = "FOLDER")]
        to: Option<PathBuf>,
    },
    /// Remove all that is held on a person, for good, and print the receipt as JSON
    Erase {
        /// Whose, in any case
        #[arg(long, value_parser = email)]
        email: String,
        /// Don't ask
        #[arg(long)]
        yes: bool,
    },
}

impl PersonCommand {
    pub fn run(self, config: &Config) -> Result<(), String> {
        if let Address::Sqlite(path) = &config.database {
            storage::existing(path)?;
        }
        let app = server::open_app(config.clone(), Surroundings::real())?;
        let done = runtime()?.block_on(async {
            match self {
                Self::Export { email, to } => {
                    export(&app, &Person::new(&email), to.as_deref()).await
                }
                Self::Erase { email, yes } => erase(&app, &Person::new(&email), yes).await,
            }
        });
        app.db.close();
        done
    }
}

fn told(error: &Error) -> String {
    error.cause().unwrap_or("no cause was told").to_owned()
}

async fn gathered(app: &App, person: &Person) -> Result<(Export, Vec<Beside>), String> {
    let want = Want { file_contents: false, bytes_max: None };
    export::gather(app, person, want).await.map_err(|error| told(&error))
}

async fn export(app: &App, person: &Person, to: Option<&Path>) -> Result<(), String> {
    if let Some(folder) = to.filter(|folder| folder.exists()) {
        return Err(format!("{} is there already", folder.display()));
    }
    let (mut export, beside) = gathered(app, person).await?;
    let of = person.clone();
    act(app, move |tx, act| record_export(tx, act, &of)).await?;
    let Some(folder) = to else {
        println!("{}", json(&export)?);
        return Ok(());
    };
    write(app, folder, &mut export, &beside)?;
    println!("All that is held is in {}.", folder.display());
    Ok(())
}

/// For its owner's eyes only, as all of ours.
fn write(app: &App, folder: &Path, export: &mut Export, beside: &[Beside]) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    server::create_folder(folder).map_err(failed)?;
    for file in beside {
        let conversation = &mut export.conversations[file.conversation];
        let shown = &mut conversation.files[file.file];
        let bytes = match fs::read(app.files.path(&file.content)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                eprintln!("{}: it is not in the folder of files here", shown.file_id);
                continue;
            }
            Err(error) => return Err(failed(error)),
        };
        // A folder for each: files of one conversation may have the same name.
        let of = Path::new("files").join(conversation.conversation_id.to_string());
        let of = of.join(shown.file_id.to_string());
        server::create_folder(&folder.join(&of)).map_err(failed)?;
        let path = of.join(name_of(&shown.name));
        write_private(&folder.join(&path), &bytes).map_err(failed)?;
        shown.path = Some(path.display().to_string());
    }
    write_private(&folder.join("person.json"), json(export)?.as_bytes()).map_err(failed)
}

/// What a disk takes: names are clean when they are stored, but may be longer than a disk's.
fn name_of(name: &str) -> String {
    const MAX: usize = 200;
    let clean = crate::file::name::clean(name);
    let too_much = clean.len().saturating_sub(MAX);
    // What comes last says what it is.
    let from = (too_much..=clean.len()).find(|at| clean.is_char_boundary(*at)).unwrap_or(0);
    clean[from..].to_owned()
}

async fn erase(app: &App, person: &Person, yes: bool) -> Result<(), String> {
    if !yes {
        let (export, _) = gathered(app, person).await?;
        eprintln!("Held on {}:\n{}", person.email(), json(&export.counts)?);
        ask(person)?;
    }
    // Without a server this process is the one that has the folder of files.
    let lock = server::lock(&app.config.database);
    let is_alone = matches!(lock, Ok(Some(_)));
    let ordered = person.clone();
    let id = act(app, move |tx, act| erase::order(tx, act, &ordered)).await?;
    let reach = Reach { patience: None, has_files: is_alone };
    let since = Instant::now();
    while !erase::run(app, id, reach).await.map_err(|error| told(&error))? {
        if since.elapsed() > SERVERS_TIME {
            eprintln!("The bytes of files are left: a server takes them away as soon as one runs.");
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    drop(lock);
    println!("{}", json(&receipt(app, id).await?)?);
    Ok(())
}

/// Whoever types the address knows whom it is about.
fn ask(person: &Person) -> Result<(), String> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err("nothing is erased without a question: say --yes".into());
    }
    eprint!("All of it is removed for good. The address once more: ");
    std::io::stderr().flush().map_err(|error| error.to_string())?;
    let mut line = String::new();
    stdin.lock().read_line(&mut line).map_err(|error| error.to_string())?;
    if Person::new(line.trim()) == *person {
        return Ok(());
    }
    Err("that is another one: nothing is erased".into())
}

async fn receipt(app: &App, id: Uuid) -> Result<Receipt, String> {
    let own = app.clone();
    let receipt = app.db.read(move |tx| erase::receipt(tx, &id, &own)).await;
    receipt.map_err(|error: Error| told(&error))
}

async fn act<T: Send + 'static>(
    app: &App,
    run: impl Fn(&mut rozmowa_db::Tx<'_>, &Act<'_>) -> Result<T, Error> + Send + 'static,
) -> Result<T, String> {
    let (own, actor) = (app.clone(), Actor::command_line());
    let done = app.db.write(move |tx| {
        let act = Act::of(tx, &own, &actor)?;
        run(tx, &act)
    });
    done.await.map_err(|error| told(&error))
}

fn json(value: &impl Serialize) -> Result<String, String> {
    serde_json::to_string_pretty(value).map_err(|error| error.to_string())
}
