//! The store: transactions on SQLite and PostgreSQL behind one door. It knows no word of the domain.
//!
//! [`Db::write`] and [`Db::read`] take an ordinary blocking closure; the future resolves after the change is
//! committed and synced to disk. A closure cannot await, so nobody can hold the writer across a network call, and a
//! dropped future leaves no half transaction: once queued, a closure runs to its end.

mod error;
mod inspect;
mod job;
mod migrate;
mod postgres;
mod session;
mod sqlite;
#[doc(hidden)]
pub mod stmt;
mod tx;
mod value;
mod worker;

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

pub use error::Error;
pub use migrate::Migration;
pub use sqlite::{backup, rebuild};
pub use stmt::Stmt;
pub use tx::{Published, Tx};
pub use value::{Column, Row, Value};

use job::{Call, Job};

/// Told what a transaction published, after its commit, on the thread that committed: be quick and never block.
pub type Sink = Arc<dyn Fn(Vec<Published>) + Send + Sync>;

/// Where the data is: `sqlite:PATH` or `postgres://…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    Sqlite(PathBuf),
    Postgres(String),
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => f.write_str(url),
        }
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some(path) = text.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
            Ok(Self::Sqlite(PathBuf::from(path)))
        } else if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            Ok(Self::Postgres(text.to_owned()))
        } else {
            Err(Error::Schema("a database is given as sqlite:PATH or postgres://…".to_owned()))
        }
    }
}

#[derive(Debug, Clone)]
pub struct Options {
    /// Calls that may wait for a connection; one more is [`Error::Overloaded`].
    pub queue_length: usize,
    /// SQLite's reading connections.
    pub readers: usize,
    /// PostgreSQL's connections.
    pub connections: usize,
    /// Bring the schema up to date; without it a database that is not is an error.
    pub migrate: bool,
    /// SQLite only: run each closure on the thread that asks, for deterministic tests.
    pub inline: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { queue_length: 8192, readers: 4, connections: 16, migrate: true, inline: false }
    }
}

/// A store. Clones share it.
#[derive(Clone)]
pub struct Db(Arc<Engine>);

enum Engine {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

impl Db {
    /// Opens the store and brings its schema up to date. Blocks: call it before the server starts, or on a thread
    /// where that is no harm.
    pub fn open(
        address: &Address,
        options: &Options,
        migrations: &[Migration],
        sink: Sink,
    ) -> Result<Self, Error> {
        let engine = match address {
            Address::Sqlite(path) => {
                Engine::Sqlite(sqlite::Sqlite::open(path, options, migrations, sink)?)
            }
            Address::Postgres(url) => {
                Engine::Postgres(postgres::Postgres::open(url, options, migrations, &sink)?)
            }
        };
        Ok(Self(Arc::new(engine)))
    }

    /// Runs a closure that may change things; resolves after commit. `Err` from the closure rolls its changes back.
    pub async fn write<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (call, answer) = Call::new(closure);
        self.send_write(Box::new(call))?;
        answer.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    /// Runs a closure that only looks, on one snapshot.
    pub async fn read<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (call, answer) = Call::new(closure);
        self.send_read(Box::new(call))?;
        answer.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    fn send_write(&self, job: Box<dyn Job>) -> Result<(), Error> {
        match &*self.0 {
            Engine::Sqlite(store) => store.write(job),
            Engine::Postgres(store) => store.write(job),
        }
    }

    fn send_read(&self, job: Box<dyn Job>) -> Result<(), Error> {
        match &*self.0 {
            Engine::Sqlite(store) => store.read(job),
            Engine::Postgres(store) => store.read(job),
        }
    }

    /// Finishes every accepted closure and lets go of the engine; later calls get [`Error::Closed`]. Blocks.
    pub fn close(&self) {
        match &*self.0 {
            Engine::Sqlite(store) => store.close(),
            Engine::Postgres(store) => store.close(),
        }
    }

    /// Whether the files of the store are still those it opened; PostgreSQL's are its server's business.
    pub fn files_are_in_place(&self) -> bool {
        match &*self.0 {
            Engine::Sqlite(store) => store.files_are_in_place(),
            Engine::Postgres(_) => true,
        }
    }

    pub fn is_sqlite(&self) -> bool {
        matches!(&*self.0, Engine::Sqlite(_))
    }
}
