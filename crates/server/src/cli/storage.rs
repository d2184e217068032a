//! Looking after the database: backup, restore, verify.

use std::fs;
use std::path::{Path, PathBuf};

use rozmowa_db::{Address, Db, Options};
use uuid::Uuid;

use crate::agent::capacity;
use crate::config::Config;
use crate::conversation::{erase, log};
use crate::http::Error;
use crate::report::build;
use crate::schema::MIGRATIONS;
use crate::server;

/// The database's name in the data folder.
pub const SQLITE_FILE: &str = "rozmowa.sqlite";
/// Conversations that one step of verifying looks at.
const VERIFY_STEP: i64 = 5_000;
/// More faults than this say nothing new.
const FAULTS_MAX: usize = 50;

pub fn backup(config: &Config, target: &Path) -> Result<(), String> {
    let source = sqlite_path(config)?;
    if target.exists() {
        return Err(format!("{} is there already", target.display()));
    }
    rozmowa_db::backup(source, target).map_err(|error| format!("{}: {error}", target.display()))?;
    println!(
        "Backed up to {}. Keep {} too, elsewhere: it is not in the backup.",
        target.display(),
        config.data_dir.join("secret.key").display()
    );
    Ok(())
}

/// The old database stays beside the new one, until somebody deletes it.
pub fn restore(config: &Config, source: &Path) -> Result<(), String> {
    let target = match &config.database {
        Address::Sqlite(path) => path,
        Address::Postgres(_) => return Err(NOT_SQLITE.into()),
    };
    let _lock = server::lock(&config.database)?;
    check(source)?;
    let told = |error: std::io::Error| format!("{}: {error}", target.display());
    let copy = beside(target, "restoring");
    fs::copy(source, &copy).map_err(told)?;
    fs::File::open(&copy).and_then(|file| file.sync_all()).map_err(told)?;
    if target.exists() {
        // What is still in the log belongs to the old file: it goes along, or it would be played into the new one.
        let old = (1..1_000)
            .map(|n| beside(target, &format!("before-restore-{n}")))
            .find(|path| !path.exists())
            .ok_or("no name is left for the former database")?;
        for suffix in ["", "-wal", "-shm"] {
            let (from, to) = (with_suffix(target, suffix), with_suffix(&old, suffix));
            if from.exists() {
                fs::rename(&from, &to).map_err(told)?;
            }
        }
        println!("The former database is kept as {}.", old.display());
    }
    fs::rename(&copy, target).map_err(told)?;
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    fs::File::open(folder.unwrap_or(Path::new(".")))
        .and_then(|folder| folder.sync_all())
        .map_err(told)?;
    println!("Restored {}.", target.display());
    Ok(())
}

/// What is being erased goes to its end first.
pub fn erase_cleanup(config: &Config) -> Result<(), String> {
    let path = match &config.database {
        Address::Sqlite(path) => path,
        Address::Postgres(_) => return Err(
            "on PostgreSQL it is VACUUM FULL of conversation, event and the other tables; see the manual's section on erasing"
                .into(),
        ),
    };
    existing(path)?;
    let _lock = server::lock(&config.database)?;
    let db = server::open_store(config, server::nobody_listens())?;
    while super::write(&db, erase::more)? {}
    db.close();
    rozmowa_db::rebuild(path).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("What was erased is in {} no more. Older backups still have it.", path.display());
    Ok(())
}

pub fn verify(config: &Config) -> Result<(), String> {
    if let Address::Sqlite(path) = &config.database {
        existing(path)?;
    }
    let (faults, conversations) = examine(&config.database)?;
    if faults.is_empty() {
        println!("{conversations} conversations: all is well.");
        return Ok(());
    }
    Err(faults.join("\n"))
}

fn check(file: &Path) -> Result<(), String> {
    existing(file)?;
    let (faults, _) = examine(&Address::Sqlite(file.to_owned()))?;
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}

/// What is wrong with a database, and how many conversations it has. Changes nothing.
fn examine(database: &Address) -> Result<(Vec<String>, usize), String> {
    let options = Options { migrate: false, readers: 1, connections: 1, ..Options::default() };
    let sink = std::sync::Arc::new(|_: Vec<rozmowa_db::Published>| {});
    let shown = match database {
        Address::Sqlite(path) => path.display().to_string(),
        Address::Postgres(_) => "PostgreSQL".to_owned(),
    };
    let told = |error: String| format!("{shown}: {error}");
    let db = Db::open(database, &options, MIGRATIONS, sink).map_err(|e| told(e.to_string()))?;
    let result = read(&db, |tx| {
        let mut faults = tx.integrity_check()?;
        log::orphans(tx, &mut faults)?;
        capacity::verify(tx, &mut faults)?;
        build::orphans(tx, &mut faults)?;
        // One snapshot for all steps: a running server's changes come before or after, never in between.
        let (mut after, mut conversations) = (Uuid::nil(), 0);
        while let Some((last, seen)) = log::verify(tx, &after, VERIFY_STEP, &mut faults)? {
            after = last;
            conversations += seen;
            if faults.len() > FAULTS_MAX {
                break;
            }
        }
        let mut after = Uuid::nil();
        while faults.len() <= FAULTS_MAX
            && let Some(last) = build::verify(tx, &after, VERIFY_STEP, &mut faults)?
        {
            after = last;
        }
        Ok((faults, conversations))
    });
    db.close();
    result.map_err(told)
}

fn read<T: Send + 'static>(
    db: &Db,
    run: impl FnMut(&mut rozmowa_db::Tx<'_>) -> Result<T, Error> + Send + 'static,
) -> Result<T, String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().build().map_err(|e| e.to_string())?;
    runtime
        .block_on(db.read(run))
        .map_err(|error| error.cause().unwrap_or("no cause was told").to_owned())
}

const NOT_SQLITE: &str = "this is for SQLite; PostgreSQL has pg_dump and pg_restore";

fn sqlite_path(config: &Config) -> Result<&Path, String> {
    match &config.database {
        Address::Sqlite(path) => existing(path).map(|()| path.as_path()),
        Address::Postgres(_) => Err(NOT_SQLITE.into()),
    }
}

pub fn existing(path: &Path) -> Result<(), String> {
    if path.is_file() {
        Ok(())
    } else {
        Err(format!("{}: there is no such database", path.display()))
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    with_suffix(path, &format!(".{suffix}"))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}
