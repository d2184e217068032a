//! Places for stores on either engine, and waiting that ends.

use std::any::Any;
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rozmowa_db::{Address, Db, Error, Migration, Options, Published, Sink, params};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::sql;

/// Longer than anything here takes on a busy machine: whoever reaches it hangs.
pub const LONG: Duration = Duration::from_mins(1);

/// One test a name and engine: `on_both_engines!(name, …)` for functions `fn name(place: &Place)`.
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[test] fn $name() { super::$name(&$crate::place::Place::sqlite()); })*
        }
        mod on_postgres {
            $(#[test] fn $name() {
                if let Some(place) = $crate::place::Place::postgres() { super::$name(&place); }
            })*
        }
    };
}

/// Where one test keeps its data: a folder, or a schema of the server that the environment names.
pub struct Place {
    pub address: Address,
    ground: Ground,
}

enum Ground {
    Folder(TempDir),
    Schema { server: String, name: String },
}

impl Place {
    pub fn sqlite() -> Self {
        let folder = TempDir::with_prefix("rozmowa-db-").unwrap();
        let address = Address::Sqlite(folder.path().join("data.db"));
        Self { address, ground: Ground::Folder(folder) }
    }

    /// Says so and gives nothing when there is no server.
    pub fn postgres() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let server = postgres_server()?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("rozmowa_test_{}_{number}", std::process::id());
        outside_postgres(&server).batch_execute(&format!("CREATE SCHEMA {name}")).unwrap();
        let joint = if server.contains('?') { '&' } else { '?' };
        let address =
            Address::Postgres(format!("{server}{joint}options=-c%20search_path%3D{name}"));
        Some(Self { address, ground: Ground::Schema { server, name } })
    }

    pub fn open(&self) -> Db {
        self.open_with(&few())
    }

    pub fn open_with(&self, options: &Options) -> Db {
        self.open_heard(options, nobody())
    }

    pub fn open_heard(&self, options: &Options, sink: Sink) -> Db {
        Db::open(&self.address, options, sql::SCHEMA, sink).unwrap()
    }

    pub fn open_as(&self, options: &Options, migrations: &[Migration]) -> Result<Db, Error> {
        Db::open(&self.address, options, migrations, nobody())
    }

    /// The folder of a SQLite place.
    pub fn folder(&self) -> &std::path::Path {
        match &self.ground {
            Ground::Folder(folder) => folder.path(),
            Ground::Schema { .. } => panic!("PostgreSQL keeps its own files"),
        }
    }

    /// The database file of a SQLite place.
    pub fn file(&self) -> &std::path::Path {
        match &self.address {
            Address::Sqlite(path) => path,
            Address::Postgres(_) => panic!("PostgreSQL keeps its own files"),
        }
    }

    /// A connection that does not go through the store.
    pub fn outside(&self) -> Outside {
        match &self.address {
            Address::Sqlite(path) => Outside::Sqlite(outside_sqlite(path)),
            Address::Postgres(url) => Outside::Postgres(Box::new(outside_postgres(url))),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Ground::Schema { server, name } = &self.ground
            && let Ok(mut client) = postgres::Client::connect(server, postgres::NoTls)
        {
            let _ = client.batch_execute(&format!("DROP SCHEMA {name} CASCADE"));
        }
    }
}

pub enum Outside {
    Sqlite(rusqlite::Connection),
    Postgres(Box<postgres::Client>),
}

impl Outside {
    pub fn count(&mut self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        match self {
            Self::Sqlite(connection) => connection.query_row(&sql, [], |row| row.get(0)).unwrap(),
            Self::Postgres(client) => client.query_one(&sql, &[]).unwrap().get(0),
        }
    }

    pub fn has_table(&mut self, table: &str) -> bool {
        let found: i64 = match self {
            Self::Sqlite(connection) => connection
                .query_row("SELECT count(*) FROM sqlite_schema WHERE name = ?1", [table], |row| {
                    row.get(0)
                })
                .unwrap(),
            Self::Postgres(client) => client
                .query_one(
                    "SELECT count(*) FROM information_schema.tables
                     WHERE table_schema = current_schema() AND table_name = $1",
                    &[&table],
                )
                .unwrap()
                .get(0),
        };
        found > 0
    }
}

pub fn outside_sqlite(path: &std::path::Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(20)).unwrap();
    connection
}

pub fn outside_postgres(url: &str) -> postgres::Client {
    postgres::Client::connect(url, postgres::NoTls).unwrap()
}

pub fn postgres_server() -> Option<String> {
    let server = std::env::var("ROZMOWA_TEST_POSTGRES").ok();
    if server.is_none() {
        eprintln!("skipped: ROZMOWA_TEST_POSTGRES names no server");
    }
    server
}

/// Enough of everything for a test, and few connections on a server that many tests share.
pub fn few() -> Options {
    Options { connections: 4, readers: 2, ..Options::default() }
}

/// One connection, so that one closure holds up all others.
pub fn one() -> Options {
    Options { connections: 1, ..few() }
}

pub fn nobody() -> Sink {
    Arc::new(|_| ())
}

/// A sink that remembers the numbers published.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<Vec<i64>>>);

impl Heard {
    pub fn sink(&self) -> Sink {
        let heard = self.clone();
        Arc::new(move |messages| heard.0.lock().unwrap().extend(messages.into_iter().map(number)))
    }

    pub fn numbers(&self) -> Vec<i64> {
        self.0.lock().unwrap().clone()
    }
}

pub fn number(message: Published) -> i64 {
    let message: Box<dyn Any> = message;
    *message.downcast::<i64>().unwrap()
}

pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
});

pub fn wait<T>(future: impl Future<Output = T>) -> T {
    within(LONG, future)
}

pub fn within<T>(limit: Duration, future: impl Future<Output = T>) -> T {
    RUNTIME.block_on(async {
        tokio::time::timeout(limit, future)
            .await
            .unwrap_or_else(|_| panic!("no answer within {limit:?}"))
    })
}

pub fn start<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    RUNTIME.spawn(future)
}

pub fn finish<T>(tasks: Vec<JoinHandle<T>>) -> Vec<T> {
    tasks.into_iter().map(|task| wait(task).unwrap()).collect()
}

/// Looks again and again until it is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LONG, "waited in vain until {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

pub type Call<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Puts a call into the store's queue, where it stays for now.
pub fn queued<'a, T>(call: impl Future<Output = T> + 'a) -> Call<'a, T> {
    let mut call: Call<'a, T> = Box::pin(call);
    assert!(poll(&mut call).is_pending(), "the call was answered at once");
    call
}

pub fn poll<T>(call: &mut Call<'_, T>) -> Poll<T> {
    call.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Lets a closure stop in its middle until the test says so.
pub struct Gate {
    reached: Receiver<()>,
    open: SyncSender<()>,
}

/// The closure's side of a [`Gate`]. It stops once: a store may run a closure again.
pub struct Stop {
    reached: SyncSender<()>,
    opened: Receiver<()>,
    passed: Cell<bool>,
}

pub fn gate() -> (Gate, Stop) {
    let (reached, was_reached) = sync_channel(1);
    let (open, opened) = sync_channel(1);
    (Gate { reached: was_reached, open }, Stop { reached, opened, passed: Cell::new(false) })
}

impl Gate {
    pub fn wait(&self) {
        self.reached.recv_timeout(LONG).expect("the closure did not get there");
    }

    pub fn open(&self) {
        self.open.send(()).unwrap();
    }
}

impl Stop {
    pub fn here(&self) {
        if self.passed.replace(true) {
            return;
        }
        let _ = self.reached.send(());
        // The test is over, and so is the stop.
        let _ = self.opened.recv_timeout(LONG);
    }
}

/// Occupies the writer (with [`one`], everything on PostgreSQL) until the gate is opened.
pub fn occupy(db: &Db) -> (Gate, JoinHandle<Result<(), Error>>) {
    let (gate, stop) = gate();
    let db = db.clone();
    let task = start(async move {
        db.write(move |_| {
            stop.here();
            Ok(())
        })
        .await
    });
    gate.wait();
    (gate, task)
}

pub async fn insert(db: &Db, n: i64) -> Result<(), Error> {
    db.write(move |tx| tx.execute(&sql::INSERT_NUMBER, params![n]).map(drop)).await
}

pub fn numbers(db: &Db) -> Vec<i64> {
    wait(db.read(|tx| tx.query(&sql::NUMBERS, params![], |row| row.get(0))))
        .unwrap_or_else(|error: Error| panic!("{error}"))
}

/// What the engine's own check finds wrong with its files.
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the method is for one lifetime only"
)]
pub fn found_wrong(db: &Db) -> Vec<String> {
    wait(db.read(|tx| tx.integrity_check())).unwrap_or_else(|error: Error| panic!("{error}"))
}
