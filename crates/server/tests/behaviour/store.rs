//! A store of one's own for each test, on either engine.

use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use postgres::{Client, NoTls};

/// The variable with the address of a PostgreSQL whose databases we may make and drop.
const POSTGRES: &str = "ROZMOWA_TEST_POSTGRES";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

static ADDRESS: LazyLock<Option<String>> = LazyLock::new(|| std::env::var(POSTGRES).ok());

/// Runs a test on SQLite, and on PostgreSQL where there is one.
pub async fn on_both_engines(test: impl AsyncFn(Engine)) {
    test(Engine::Sqlite).await;
    if ADDRESS.is_some() {
        test(Engine::Postgres).await;
    }
}

/// The engines there are, for what is no behaviour over HTTP.
pub fn engines() -> impl Iterator<Item = Engine> {
    let postgres = ADDRESS.is_some().then_some(Engine::Postgres);
    [Engine::Sqlite].into_iter().chain(postgres)
}

/// A database that goes when this is dropped.
pub enum Store {
    Sqlite(String),
    Postgres { url: String, name: String },
}

impl Store {
    /// SQLite's file is in the folder. Blocks.
    pub fn make(engine: Engine, folder: &Path) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        match engine {
            Engine::Sqlite => {
                Self::Sqlite(format!("sqlite:{}", folder.join("test.sqlite").display()))
            }
            Engine::Postgres => {
                let number = MADE.fetch_add(1, Ordering::Relaxed);
                let name = format!("behaviour_{}_{number}", std::process::id());
                on_postgres(&format!("CREATE DATABASE {name}"));
                let (server, _) = address().rsplit_once('/').expect("an address names a database");
                Self::Postgres { url: format!("{server}/{name}"), name }
            }
        }
    }

    pub fn url(&self) -> &str {
        match self {
            Self::Sqlite(url) | Self::Postgres { url, .. } => url,
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Self::Postgres { name, .. } = self {
            let text = format!("DROP DATABASE {name} WITH (FORCE)");
            // Not on this thread: it may belong to a runtime, and the client brings its own.
            let _ = std::thread::spawn(move || on_postgres(&text)).join();
        }
    }
}

fn address() -> &'static str {
    ADDRESS.as_deref().expect("PostgreSQL is asked for only where there is one")
}

fn on_postgres(text: &str) {
    let mut client = Client::connect(address(), NoTls).expect("PostgreSQL answers");
    client.batch_execute(text).unwrap_or_else(|error| panic!("{text}: {error}"));
}
