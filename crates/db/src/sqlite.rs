//! SQLite: one writer with group commit, a few readers, and a checkpointer that keeps out of their way.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::job::Job;
use crate::migrate::{self, Migration};
use crate::tx::{Engine, Published};
use crate::{Error, Options, Sink, Tx};

/// Jobs of one COMMIT. More would only make the first of them wait longer.
const GROUP_MAX: usize = 512;
/// After this many new pages in the log (4 MiB) the checkpointer copies them into the main file.
const CHECKPOINT_PAGES: i32 = 1_000;
/// From this length (32 MiB) on, the writer starts the log over as soon as the checkpointer has been through it.
const RESTART_PAGES: i32 = 8_000;
/// How long a connection waits for another process's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Under unbroken load the writer leaves a gap this often, so that the CLI gets its turn beside the server.
const GAP_EVERY: Duration = Duration::from_millis(250);
const GAP: Duration = Duration::from_millis(1);
/// Earlier ones can corrupt a database when two connections reset the log at the same moment.
const OLDEST_SQLITE: i32 = 3_051_003;

pub(crate) struct Sqlite {
    doors: Doors,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

enum Doors {
    Threads {
        writer: Sender<Command>,
        readers: Sender<Command>,
        reader_count: usize,
    },
    /// For deterministic tests: a job runs on the thread that asks, and nothing else runs.
    Inline {
        writer: Mutex<Box<Writer>>,
        reader: Mutex<Connection>,
    },
}

enum Command {
    Run(Box<dyn Job>),
    Close,
}

impl Sqlite {
    pub(crate) fn open(
        path: &Path,
        options: &Options,
        migrations: &[Migration],
        sink: Sink,
    ) -> Result<Self, Error> {
        if rusqlite::version_number() < OLDEST_SQLITE {
            return Err(Error::Schema(format!("SQLite {} is too old", rusqlite::version())));
        }
        let mut connection = connect(path)?;
        migrate::run_sqlite(&mut connection, migrations, options.migrate)?;
        let (ask_checkpoint, checkpoints) = bounded(1);
        let passed = Arc::new(AtomicBool::new(false));
        let mut writer = Writer {
            connection,
            sink,
            ask_checkpoint,
            passed: Arc::clone(&passed),
            log_pages: Arc::default(),
            checkpointed_at_pages: 0,
            last_gap: Instant::now(),
        };
        writer.prepare()?;
        if options.inline {
            return Ok(Self {
                doors: Doors::Inline {
                    writer: Mutex::new(Box::new(writer)),
                    reader: Mutex::new(connect_reader(path)?),
                },
                threads: Mutex::default(),
            });
        }
        let mut threads = Vec::new();
        let (write, jobs) = bounded(options.queue_length);
        threads.push(spawn("db-writer", move || writer.run(&jobs)));
        let (read, jobs) = bounded(options.queue_length);
        for _ in 0..options.readers {
            let (connection, jobs) = (connect_reader(path)?, jobs.clone());
            threads.push(spawn("db-reader", move || run_reader(&connection, &jobs)));
        }
        let connection = connect(path)?;
        threads.push(spawn("db-checkpoint", move || {
            run_checkpointer(&connection, &checkpoints, &passed);
        }));
        Ok(Self {
            doors: Doors::Threads { writer: write, readers: read, reader_count: options.readers },
            threads: Mutex::new(threads),
        })
    }

    pub(crate) fn write(&self, job: Box<dyn Job>) -> Result<(), Error> {
        match &self.doors {
            Doors::Threads { writer, .. } => submit(writer, job),
            Doors::Inline { writer, .. } => {
                lock(writer).group(job, || None);
                Ok(())
            }
        }
    }

    pub(crate) fn read(&self, mut job: Box<dyn Job>) -> Result<(), Error> {
        match &self.doors {
            Doors::Threads { readers, .. } => submit(readers, job),
            Doors::Inline { reader, .. } => {
                read_one(&lock(reader), job.as_mut());
                job.answer();
                Ok(())
            }
        }
    }

    /// Finishes what was accepted, then lets go of the files.
    pub(crate) fn close(&self) {
        if let Doors::Threads { writer, readers, reader_count } = &self.doors {
            let _ = writer.send(Command::Close);
            for _ in 0..*reader_count {
                let _ = readers.send(Command::Close);
            }
        }
        for thread in lock(&self.threads).drain(..) {
            let _ = thread.join();
        }
    }
}

fn submit(queue: &Sender<Command>, job: Box<dyn Job>) -> Result<(), Error> {
    queue.try_send(Command::Run(job)).map_err(|error| match error {
        TrySendError::Full(_) => Error::Overloaded,
        TrySendError::Disconnected(_) => Error::Closed,
    })
}

struct Writer {
    connection: Connection,
    sink: Sink,
    ask_checkpoint: Sender<()>,
    /// The checkpointer has been through the log since the writer last looked.
    passed: Arc<AtomicBool>,
    /// Pages in the log after the latest commit, told by a hook.
    log_pages: Arc<AtomicI32>,
    checkpointed_at_pages: i32,
    last_gap: Instant,
}

/// Whether what a job changed can stay.
enum Kept {
    Yes,
    No,
}

impl Writer {
    fn prepare(&mut self) -> Result<(), Error> {
        // Zeros over what is deleted: erased is erased, in the file too.
        pragma(&self.connection, "PRAGMA secure_delete = ON; PRAGMA cache_size = -8192")?;
        let log_pages = Arc::clone(&self.log_pages);
        self.connection
            .wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
                log_pages.store(pages, Ordering::Relaxed);
                Ok(())
            }))
            .map_err(|error| Error::from_sqlite(&error, "wal_hook"))
    }

    fn run(mut self, jobs: &Receiver<Command>) {
        while let Ok(Command::Run(first)) = jobs.recv() {
            let mut closing = false;
            self.group(first, || match jobs.try_recv() {
                Ok(Command::Run(job)) => Some(job),
                Ok(Command::Close) => {
                    closing = true;
                    None
                }
                Err(_) => None,
            });
            if closing {
                break;
            }
            self.keep_log_short();
            if self.last_gap.elapsed() > GAP_EVERY {
                if !jobs.is_empty() {
                    std::thread::park_timeout(GAP);
                }
                self.last_gap = Instant::now();
            }
        }
        // A clean stop leaves one file: easier to copy, quicker to open.
        if let Err(error) = checkpoint(&self.connection, "TRUNCATE") {
            tracing::warn!(%error, "final checkpoint failed; the log is read at the next start");
        }
    }

    /// One COMMIT for everything that is waiting: that is what makes a durable call cheap.
    fn group(&mut self, first: Box<dyn Job>, mut more: impl FnMut() -> Option<Box<dyn Job>>) {
        let mut jobs: Vec<Box<dyn Job>> = Vec::new();
        let mut published: Vec<Published> = Vec::new();
        let mut next = Some(first);
        let mut outcome = self.execute("BEGIN IMMEDIATE").map(|()| Kept::Yes);
        while let Some(mut job) = next.take() {
            if matches!(outcome, Ok(Kept::Yes)) {
                outcome = self.run_bare(job.as_mut(), &mut published);
            }
            jobs.push(job);
            if matches!(outcome, Ok(Kept::Yes)) && jobs.len() < GROUP_MAX {
                next = more();
            }
        }
        let outcome = match outcome {
            Ok(Kept::Yes) => Ok(()),
            Ok(Kept::No) => self.again(&mut jobs, &mut published),
            Err(error) => Err(error),
        };
        let outcome = outcome.and_then(|()| self.execute("COMMIT"));
        if let Err(error) = &outcome {
            tracing::error!(%error, jobs = jobs.len(), "a group of transactions was not committed");
            self.give_up();
            for job in &mut jobs {
                job.fail(error);
            }
        } else if !published.is_empty() {
            (self.sink)(published);
        }
        for job in jobs {
            job.answer();
        }
    }

    /// Runs a job as part of the group, without a savepoint: keeping the images of all pages that it touches is a good
    /// part of a small transaction's cost. Nearly every job that fails has changed nothing when it does.
    fn run_bare(&self, job: &mut dyn Job, published: &mut Vec<Published>) -> Result<Kept, Error> {
        let before = self.connection.total_changes();
        let mut tx = Tx::new(Engine::Sqlite(&self.connection));
        if job.run(&mut tx) {
            published.append(&mut tx.take_published());
        } else if self.connection.is_autocommit() {
            // When the disk is full or fails, the engine may give up the whole transaction by itself.
            return Err(tx.failure().cloned().unwrap_or(Error::Closed));
        } else if self.connection.total_changes() != before {
            return Ok(Kept::No);
        }
        Ok(Kept::Yes)
    }

    /// The last of these jobs failed with half its work done: all are run once more, each under a savepoint.
    fn again(
        &self,
        jobs: &mut [Box<dyn Job>],
        published: &mut Vec<Published>,
    ) -> Result<(), Error> {
        published.clear();
        self.execute("ROLLBACK")?;
        self.execute("BEGIN IMMEDIATE")?;
        for job in jobs {
            self.execute("SAVEPOINT job")?;
            let mut tx = Tx::new(Engine::Sqlite(&self.connection));
            if job.run(&mut tx) {
                published.append(&mut tx.take_published());
            } else {
                if self.connection.is_autocommit() {
                    return Err(tx.failure().cloned().unwrap_or(Error::Closed));
                }
                self.execute("ROLLBACK TO job")?;
            }
            self.execute("RELEASE job")?;
        }
        Ok(())
    }

    fn give_up(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.execute("ROLLBACK")
        {
            tracing::error!(%error, "rollback failed");
        }
    }

    fn keep_log_short(&mut self) {
        let pages = self.log_pages.load(Ordering::Relaxed);
        if pages < self.checkpointed_at_pages {
            self.checkpointed_at_pages = 0;
        }
        if pages > RESTART_PAGES && self.passed.swap(false, Ordering::Acquire) {
            // Next to nothing is left to copy now. A reader in the way only means that it happens later.
            let _ = self.connection.busy_timeout(Duration::ZERO);
            if let Err(error) = checkpoint(&self.connection, "RESTART") {
                tracing::warn!(%error, "the log could not be started over");
            }
            let _ = set_busy_handler(&mut self.connection);
        }
        if pages - self.checkpointed_at_pages > CHECKPOINT_PAGES {
            self.checkpointed_at_pages = pages;
            let _ = self.ask_checkpoint.try_send(());
        }
    }

    fn execute(&self, sql: &'static str) -> Result<(), Error> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute([]))
            .map(|_| ())
            .map_err(|error| Error::from_sqlite(&error, sql))
    }
}

fn run_checkpointer(connection: &Connection, asked: &Receiver<()>, passed: &AtomicBool) {
    while asked.recv().is_ok() {
        match checkpoint(connection, "PASSIVE") {
            Ok(()) => passed.store(true, Ordering::Release),
            Err(error) => {
                tracing::warn!(%error, "checkpoint failed; the log grows until one succeeds");
            }
        }
    }
}

fn checkpoint(connection: &Connection, mode: &str) -> Result<(), Error> {
    connection
        .query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))
        .map_err(|error| Error::from_sqlite(&error, "wal_checkpoint"))
}

fn run_reader(connection: &Connection, jobs: &Receiver<Command>) {
    while let Ok(Command::Run(mut job)) = jobs.recv() {
        read_one(connection, job.as_mut());
        job.answer();
    }
}

/// One snapshot for all statements of the closure.
fn read_one(connection: &Connection, job: &mut dyn Job) {
    let begin = connection.prepare_cached("BEGIN").and_then(|mut s| s.execute([]));
    match begin {
        Ok(_) => {
            job.run(&mut Tx::new(Engine::Sqlite(connection)));
            if let Err(error) =
                connection.prepare_cached("ROLLBACK").and_then(|mut s| s.execute([]))
            {
                tracing::warn!(%error, "a read transaction could not be ended");
            }
        }
        Err(error) => job.fail(&Error::from_sqlite(&error, "BEGIN")),
    }
}

fn connect(path: &Path) -> Result<Connection, Error> {
    let wrong = |error| Error::from_sqlite(&error, &format!("open {}", path.display()));
    let mut connection = Connection::open(path).map_err(wrong)?;
    set_busy_handler(&mut connection).map_err(wrong)?;
    connection.set_prepared_statement_cache_capacity(256);
    // Plans never depend on what is bound. Otherwise a statement that touches a partial index is compiled anew at
    // every call, which took half of the writer's time.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(wrong)?;
    pragma(
        &connection,
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;
         PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF",
    )?;
    Ok(connection)
}

fn connect_reader(path: &Path) -> Result<Connection, Error> {
    let connection = connect(path)?;
    pragma(&connection, "PRAGMA query_only = ON; PRAGMA cache_size = -2048")?;
    Ok(connection)
}

fn pragma(connection: &Connection, text: &str) -> Result<(), Error> {
    connection.execute_batch(text).map_err(|error| Error::from_sqlite(&error, text))
}

/// Asks again every 200 µs: the built-in handler sleeps up to 100 ms, and a busy server's gaps are shorter.
fn set_busy_handler(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_handler(Some(|tries| {
        std::thread::park_timeout(Duration::from_micros(200));
        u128::try_from(tries).unwrap_or(0) * 200 < BUSY_TIMEOUT.as_micros()
    }))
}

/// Writes a consistent copy of a database that may be in use to a new file, and syncs it.
pub fn backup(source: &Path, target: &Path) -> Result<(), Error> {
    if target.exists() {
        return Err(Error::Unavailable(format!("{} is there already", target.display())));
    }
    // One snapshot from a single read transaction; the online-backup API would start over at every commit of the
    // server. Written beside the target first, so that a broken-off backup is never taken for one.
    let partial = PathBuf::from(format!("{}.partial", target.display()));
    let _ = std::fs::remove_file(&partial);
    let connection = connect(source)?;
    let name = partial.to_str().ok_or_else(|| Error::unavailable("the path is not UTF-8"))?;
    connection
        .execute("VACUUM INTO ?1", [name])
        .map_err(|error| Error::from_sqlite(&error, "VACUUM INTO"))?;
    std::fs::File::open(&partial)
        .and_then(|file| file.sync_all())
        .and_then(|()| std::fs::rename(&partial, target))
        .and_then(|()| {
            let folder = target.parent().filter(|p| !p.as_os_str().is_empty());
            std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        })
        .map_err(Error::unavailable)
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body).expect("a thread can be started")
}

/// A panic inside is caught before it could leave anything half done, so a poisoned lock is still good.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
