//! Migrations: numbered pairs of files, run once each, in order, one process at a time.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::session::Session;
use crate::{Error, Stmt};

/// One step of the schema, as two texts side by side.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    pub name: &'static str,
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

/// `migrations!("0001_start", "0002_more")` embeds `migrations/NAME.{sqlite,postgres}.sql` of the calling crate.
#[macro_export]
macro_rules! migrations {
    ($($name:literal),* $(,)?) => {
        &[$($crate::Migration {
            name: $name,
            sqlite: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/", $name, ".sqlite.sql")),
            postgres: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/", $name, ".postgres.sql")),
        }),*]
    };
}

/// See [`Tx::lock`](crate::Tx::lock). The rows are made by [`run_postgres`].
pub(crate) const LOCK_STRIPE: Stmt = Stmt::new(
    "migrate::LOCK_STRIPE",
    "SELECT 1",
    "SELECT id FROM lock_stripe WHERE id = $1 FOR UPDATE",
);

const APPLIED: Stmt = Stmt::new(
    "migrate::APPLIED",
    "SELECT name, checksum FROM schema_migration ORDER BY position",
    "SELECT name, checksum FROM schema_migration ORDER BY position",
);
const RECORD: Stmt = Stmt::new(
    "migrate::RECORD",
    "INSERT INTO schema_migration VALUES (?1, ?2, ?3)",
    "INSERT INTO schema_migration VALUES ($1, $2, $3)",
);

const HISTORY: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
    position BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)";

pub(crate) fn run_sqlite(
    connection: &mut rusqlite::Connection,
    migrations: &[Migration],
    may_change: bool,
) -> Result<(), Error> {
    let wrong = |error| Error::from_sqlite(&error, "migration");
    let mut done = 0;
    // Most starts find nothing to do and need no lock to see it.
    if let Ok(applied) = read_sqlite(connection) {
        done = check(&applied, migrations, |m| m.sqlite)?;
        if done == migrations.len() {
            return Ok(());
        }
    }
    if !may_change {
        return Err(behind(done, migrations));
    }
    let tx = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(wrong)?;
    tx.execute_batch(HISTORY).map_err(wrong)?;
    let applied = read_sqlite(&tx).map_err(wrong)?;
    done = done.max(check(&applied, migrations, |m| m.sqlite)?);
    for (position, migration) in (0_i64..).zip(migrations).skip(done) {
        tx.execute_batch(migration.sqlite)
            .map_err(|error| Error::Schema(format!("migration {}: {error}", migration.name)))?;
        tx.execute(RECORD.sqlite(), (position, migration.name, checksum(migration.sqlite)))
            .map_err(wrong)?;
    }
    tx.commit().map_err(wrong)
}

fn read_sqlite(connection: &rusqlite::Connection) -> rusqlite::Result<Vec<(String, String)>> {
    connection
        .prepare(APPLIED.sqlite())?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

pub(crate) fn run_postgres(
    session: &mut Session,
    migrations: &[Migration],
    may_change: bool,
) -> Result<(), Error> {
    if !may_change {
        let applied = read_postgres(session).unwrap_or_default();
        let done = check(&applied, migrations, |m| m.postgres)?;
        return if done == migrations.len() { Ok(()) } else { Err(behind(done, migrations)) };
    }
    // Two nodes that start at once may both find no table; the loser of that race tries again and finds it.
    let mut tries = 0;
    while let Err(error) = session.batch(&format!(
        "BEGIN; {HISTORY};
         CREATE TABLE IF NOT EXISTS lock_stripe (id BIGINT NOT NULL PRIMARY KEY);
         INSERT INTO lock_stripe SELECT * FROM generate_series(0, 255) ON CONFLICT DO NOTHING; COMMIT"
    )) {
        session.batch("ROLLBACK")?;
        tries += 1;
        if tries == 5 {
            return Err(error);
        }
    }
    session.batch("BEGIN; SELECT id FROM lock_stripe WHERE id = 0 FOR UPDATE")?;
    let applied = read_postgres(session)?;
    let done = check(&applied, migrations, |m| m.postgres)?;
    for (position, migration) in (0_i64..).zip(migrations).skip(done) {
        session
            .batch(migration.postgres)
            .map_err(|error| Error::Schema(format!("migration {}: {error}", migration.name)))?;
        let sum = checksum(migration.postgres);
        session.execute(&RECORD, crate::params![position, migration.name, &sum])?;
    }
    session.batch("COMMIT")
}

fn read_postgres(session: &mut Session) -> Result<Vec<(String, String)>, Error> {
    Ok(session.query(&APPLIED, &[])?.iter().map(|row| (row.get(0), row.get(1))).collect())
}

fn behind(done: usize, migrations: &[Migration]) -> Error {
    Error::Schema(format!(
        "the database has {done} of this program's {} migrations; bring its schema up to date first",
        migrations.len()
    ))
}

/// How many of the migrations are in, once it is sure that they are these.
fn check(
    applied: &[(String, String)],
    known: &[Migration],
    text: impl Fn(&Migration) -> &str,
) -> Result<usize, Error> {
    for (position, (name, sum)) in applied.iter().enumerate() {
        let Some(migration) = known.get(position) else {
            return Err(Error::Schema(format!(
                "the database was made by a newer version (it has migration {name}, which this program does not \
                 know): run that version, or restore a backup made before the upgrade"
            )));
        };
        if migration.name != name || checksum(text(migration)) != *sum {
            return Err(Error::Schema(format!(
                "migration {name} of the database is not the one this program knows under number {position}"
            )));
        }
    }
    Ok(applied.len())
}

fn checksum(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
