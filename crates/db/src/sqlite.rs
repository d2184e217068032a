//! SQLite: one writer with group commit, a few readers, and a checkpointer that keeps out of their way.

use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::job::Job;
use crate::migrate::{self, Migration};
use crate::tx::{Engine, Published};
use crate::worker::{close, join, publish, submit};
use crate::{Error, Options, Sink, Tx};

/// Jobs of one COMMIT. More would only make the first of them wait longer.
const GROUP_MAX: usize = 512;
/// After this many new pages in the log (16 MiB) the checkpointer copies them into the main file.
const CHECKPOINT_PAGES: i32 = 4_000;
/// From this length (48 MiB) on, the writer starts the log over as soon as the checkpointer has been through it.
const RESTART_PAGES: i32 = 12_000;
/// Without a call for this long, the log is copied into the file.
const QUIET: Duration = Duration::from_secs(2);
/// How long a connection waits for another process's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
const BUSY_ASK_EVERY: Duration = Duration::from_micros(200);
/// Under unbroken load the writer leaves a gap this often, so that the CLI gets its turn beside the server.
const GAP_EVERY: Duration = Duration::from_millis(250);
const GAP: Duration = Duration::from_millis(1);
/// Somebody in another process who has written within this time is at work: they get their turn after each of ours.
const GUEST_STAYS: Duration = Duration::from_millis(500);
/// Earlier ones can corrupt a database when two connections reset the log at the same moment.
const OLDEST_SQLITE: i32 = 3_051_003;

pub(crate) struct Sqlite {
    path: PathBuf,
    /// Which file it was when it was opened.
    inode: u64,
    doors: Doors,
    /// The writer's first. Each hands back its connection.
    threads: Mutex<Vec<JoinHandle<Connection>>>,
}

enum Doors {
    Threads {
        writer: Queue,
        reader: Queue,
    },
    /// For deterministic tests: a job runs on the thread that asks, and nothing else runs.
    Inline(Mutex<Option<Box<Inline>>>),
}

/// Gone when the store is closed; threads end when it is and what was queued is done.
type Queue = RwLock<Option<Sender<Box<dyn Job>>>>;

struct Inline {
    writer: Writer,
    reader: Connection,
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
        let mut connection = connect(path, options.migrate)?;
        migrate::run_sqlite(&mut connection, migrations, options.migrate)?;
        let (ask_checkpoint, checkpoints) = bounded(1);
        let log = Arc::new(Log::default());
        let mut writer = Writer {
            connection,
            sink,
            ask_checkpoint,
            log: Arc::clone(&log),
            checkpointed_at_pages: 0,
            last_gap: Instant::now(),
            version: 0,
            guest_seen: None,
            is_failing: false,
        };
        writer.prepare()?;
        let inode = std::fs::metadata(path).map_err(Error::unavailable)?.ino();
        if options.inline {
            let inline = Inline { writer, reader: connect_reader(path)? };
            return Ok(Self {
                path: path.to_owned(),
                inode,
                doors: Doors::Inline(Mutex::new(Some(Box::new(inline)))),
                threads: Mutex::default(),
            });
        }
        let mut threads = Vec::new();
        let (write, jobs) = bounded(options.queue_length);
        threads.push(spawn("db-writer", move || writer.run(&jobs)));
        let (read, jobs) = bounded(options.queue_length);
        for _ in 0..options.readers {
            let (connection, jobs) = (connect_reader(path)?, jobs.clone());
            threads.push(spawn("db-reader", move || run_reader(connection, &jobs)));
        }
        let connection = connect(path, false)?;
        threads
            .push(spawn("db-checkpoint", move || run_checkpointer(connection, &checkpoints, &log)));
        let doors =
            Doors::Threads { writer: RwLock::new(Some(write)), reader: RwLock::new(Some(read)) };
        Ok(Self { path: path.to_owned(), inode, doors, threads: Mutex::new(threads) })
    }

    pub(crate) fn write(&self, job: Box<dyn Job>) -> Result<(), Error> {
        match &self.doors {
            Doors::Threads { writer, .. } => submit(writer, job),
            Doors::Inline(inline) => {
                lock(inline).as_mut().ok_or(Error::Closed)?.writer.group(job, || None);
                Ok(())
            }
        }
    }

    pub(crate) fn read(&self, mut job: Box<dyn Job>) -> Result<(), Error> {
        match &self.doors {
            Doors::Threads { reader, .. } => submit(reader, job),
            Doors::Inline(inline) => {
                read_one(&lock(inline).as_ref().ok_or(Error::Closed)?.reader, job.as_mut());
                job.answer();
                Ok(())
            }
        }
    }

    /// Whether the files that are open are still those under their names.
    pub(crate) fn files_are_in_place(&self) -> bool {
        let log = PathBuf::from(format!("{}-wal", self.path.display()));
        std::fs::metadata(&self.path).is_ok_and(|file| file.ino() == self.inode) && log.exists()
    }

    /// Finishes what was accepted, then lets go of the files.
    pub(crate) fn close(&self) {
        match &self.doors {
            Doors::Threads { writer, reader } => {
                close(writer);
                close(reader);
                // One after the other: the last one copies the log into the file and removes it, but of two that are
                // closed at the same moment each takes the other for the last.
                let connections = join(&self.threads);
                connections.into_iter().rev().for_each(drop);
            }
            Doors::Inline(inline) => drop(lock(inline).take()),
        }
    }
}

/// What the writer and the checkpointer tell each other of the log.
#[derive(Default)]
struct Log {
    /// After the latest commit, told by a hook.
    pages: AtomicI32,
    /// The checkpointer has been through it since the writer last looked.
    passed: AtomicBool,
}

impl Log {
    /// The next thing is to start it over, which takes a moment in which nobody else works on it.
    fn is_due_for_restart(&self) -> bool {
        self.pages.load(Ordering::Relaxed) > RESTART_PAGES && self.passed.load(Ordering::Acquire)
    }
}

struct Writer {
    connection: Connection,
    sink: Sink,
    ask_checkpoint: Sender<()>,
    log: Arc<Log>,
    checkpointed_at_pages: i32,
    last_gap: Instant,
    /// What the engine says of others' commits: another number when there was one.
    version: i64,
    /// When another process was last seen to have written.
    guest_seen: Option<Instant>,
    is_failing: bool,
}

/// Whether what a job changed can stay.
enum Kept {
    Yes,
    No,
}

impl Writer {
    fn prepare(&mut self) -> Result<(), Error> {
        // Zeros over what is deleted: erased is erased, in the file too.
        pragma(&self.connection, "PRAGMA secure_delete = ON; PRAGMA cache_size = -32768")?;
        let log = Arc::clone(&self.log);
        self.connection
            .wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
                log.pages.store(pages, Ordering::Relaxed);
                Ok(())
            }))
            .map_err(|error| Error::from_sqlite(&error, "wal_hook"))
    }

    fn run(mut self, jobs: &Receiver<Box<dyn Job>>) -> Connection {
        loop {
            let first = match jobs.recv_timeout(QUIET) {
                Ok(first) => first,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    self.settle();
                    continue;
                }
            };
            self.group(first, || jobs.try_recv().ok());
            self.keep_log_short();
            let has_guest = self.guest_seen.is_some_and(|seen| seen.elapsed() < GUEST_STAYS);
            if has_guest || self.last_gap.elapsed() > GAP_EVERY {
                if !jobs.is_empty() {
                    std::thread::park_timeout(GAP);
                }
                self.last_gap = Instant::now();
            }
        }
        self.connection
    }

    /// One COMMIT for everything that is waiting: that is what makes a durable call cheap.
    fn group(&mut self, first: Box<dyn Job>, mut more: impl FnMut() -> Option<Box<dyn Job>>) {
        let mut jobs: Vec<Box<dyn Job>> = Vec::new();
        let mut published: Vec<Published> = Vec::new();
        let mut next = Some(first);
        let mut outcome = self.execute("BEGIN IMMEDIATE").map(|()| Kept::Yes);
        // Whoever waited behind somebody else's lock all that time has waited long enough.
        let is_held_up = outcome.is_err();
        while let Some(mut job) = next.take() {
            if matches!(outcome, Ok(Kept::Yes)) {
                outcome = self.run_bare(job.as_mut(), &mut published);
            }
            jobs.push(job);
            if is_held_up || (matches!(outcome, Ok(Kept::Yes)) && jobs.len() < GROUP_MAX) {
                next = more();
            }
        }
        self.look_for_guest();
        let outcome = match outcome {
            Ok(Kept::Yes) => Ok(()),
            Ok(Kept::No) => self.again(&mut jobs, &mut published),
            Err(error) => Err(error),
        };
        let outcome = outcome.and_then(|()| self.commit());
        if let Err(error) = &outcome {
            // Told once, not for each of the thousands that may follow.
            if !std::mem::replace(&mut self.is_failing, true) {
                tracing::error!(%error, "writes fail, and are answered so until one succeeds");
            }
            self.give_up();
            published.clear();
            for job in &mut jobs {
                job.fail(error);
            }
        }
        if outcome.is_ok() && std::mem::take(&mut self.is_failing) {
            tracing::info!("writes succeed again");
        }
        publish(&self.sink, published);
        for job in jobs {
            job.answer();
        }
    }

    /// Looks whether another process has written since the last time: an import that works beside a busy server would get a turn
    /// four times a second otherwise.
    fn look_for_guest(&mut self) {
        let version = self
            .connection
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)));
        if let Ok(version) = version
            && std::mem::replace(&mut self.version, version) != version
        {
            self.guest_seen = Some(Instant::now());
        }
    }

    fn commit(&self) -> Result<(), Error> {
        self.execute("COMMIT").map_err(|error| match error {
            // The log may have it all the same, and a crash before the next commit would bring it back.
            Error::Unavailable(cause) => Error::InDoubt(cause),
            error => error,
        })
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
        // A full disk may have room again in the log, once it has been copied.
        let _ = self.ask_checkpoint.try_send(());
        if !self.connection.is_autocommit()
            && let Err(error) = self.execute("ROLLBACK")
        {
            tracing::error!(%error, "rollback failed");
        }
    }

    fn keep_log_short(&mut self) {
        let pages = self.log.pages.load(Ordering::Relaxed);
        if pages < self.checkpointed_at_pages {
            self.checkpointed_at_pages = 0;
        }
        if self.log.is_due_for_restart() {
            self.log.passed.store(false, Ordering::Release);
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

    /// In a quiet moment what is only in the log goes into the file, however little it is.
    fn settle(&mut self) {
        let pages = self.log.pages.load(Ordering::Relaxed);
        if pages != self.checkpointed_at_pages {
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

fn run_checkpointer(connection: Connection, asked: &Receiver<()>, log: &Log) -> Connection {
    while asked.recv().is_ok() {
        if log.is_due_for_restart() {
            continue;
        }
        match checkpoint(&connection, "PASSIVE") {
            Ok(()) => log.passed.store(true, Ordering::Release),
            Err(error) => {
                tracing::warn!(%error, "checkpoint failed; the log grows until one succeeds");
            }
        }
    }
    connection
}

fn checkpoint(connection: &Connection, mode: &str) -> Result<(), Error> {
    connection
        .query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))
        .map_err(|error| Error::from_sqlite(&error, "wal_checkpoint"))
}

fn run_reader(connection: Connection, jobs: &Receiver<Box<dyn Job>>) -> Connection {
    while let Ok(mut job) = jobs.recv() {
        // A read for nobody is for nothing; impatient callers must not hold up those that wait.
        if job.is_abandoned() {
            continue;
        }
        read_one(&connection, job.as_mut());
        job.answer();
    }
    connection
}

/// One snapshot for all statements of the closure.
fn read_one(connection: &Connection, job: &mut dyn Job) {
    if !connection.is_autocommit() {
        // The last one could not be ended.
        let _ = connection.execute_batch("ROLLBACK");
    }
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

fn connect(path: &Path, may_create: bool) -> Result<Connection, Error> {
    let wrong = |error| Error::from_sqlite(&error, &format!("open {}", path.display()));
    let mut flags = OpenFlags::default();
    flags.set(OpenFlags::SQLITE_OPEN_CREATE, may_create);
    let mut connection = Connection::open_with_flags(path, flags).map_err(wrong)?;
    set_busy_handler(&mut connection).map_err(wrong)?;
    connection.set_prepared_statement_cache_capacity(256);
    // Plans never depend on what is bound. Otherwise a statement that touches a partial index is compiled anew at
    // every call, which took half of the writer's time.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(wrong)?;
    use_log(&connection)?;
    pragma(
        &connection,
        "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;
         PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF",
    )?;
    Ok(connection)
}

/// Asks again by itself: a new file becomes one with a log by an upgrade from a read lock, where the busy handler is
/// never asked, and several processes may be at it at once.
fn use_log(connection: &Connection) -> Result<(), Error> {
    let since = Instant::now();
    loop {
        match pragma(connection, "PRAGMA journal_mode = WAL") {
            Err(Error::Busy(_)) if since.elapsed() < BUSY_TIMEOUT => {
                std::thread::park_timeout(BUSY_ASK_EVERY);
            }
            result => return result,
        }
    }
}

fn connect_reader(path: &Path) -> Result<Connection, Error> {
    let connection = connect(path, false)?;
    pragma(&connection, "PRAGMA query_only = ON; PRAGMA cache_size = -2048")?;
    Ok(connection)
}

fn pragma(connection: &Connection, text: &str) -> Result<(), Error> {
    connection.execute_batch(text).map_err(|error| Error::from_sqlite(&error, text))
}

/// Asks again every 200 µs: the built-in handler sleeps up to 100 ms, and a busy server's gaps are shorter.
fn set_busy_handler(connection: &mut Connection) -> rusqlite::Result<()> {
    let mut since = Instant::now();
    connection.busy_handler(Some(move |tries| {
        if tries == 0 {
            since = Instant::now();
        }
        std::thread::park_timeout(BUSY_ASK_EVERY);
        since.elapsed() < BUSY_TIMEOUT
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
    copy(source, &partial)
        .and_then(|()| put_in_place(&partial, target).map_err(Error::unavailable))
        .inspect_err(|_| {
            // What the engine wrote on the way stands beside it.
            for left in [partial.clone(), PathBuf::from(format!("{}-journal", partial.display()))] {
                let _ = std::fs::remove_file(left);
            }
        })
}

/// Writes a database anew that nobody else uses, so that its files have nothing left of what was deleted: neither between
/// the rows nor in the log.
pub fn rebuild(path: &Path) -> Result<(), Error> {
    let connection = connect(path, false)?;
    pragma(&connection, "PRAGMA secure_delete = ON; VACUUM")?;
    let is_busy: bool = connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .map_err(|error| Error::from_sqlite(&error, "wal_checkpoint"))?;
    if is_busy {
        return Err(Error::Busy("somebody else uses it, and the log stays".to_owned()));
    }
    Ok(())
}

fn copy(source: &Path, target: &Path) -> Result<(), Error> {
    let connection = connect(source, false)?;
    // For its owner's eyes only, from the first byte on.
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(target)
        .map_err(|error| Error::Unavailable(format!("{}: {error}", target.display())))?;
    let name = target.to_str().ok_or_else(|| Error::unavailable("the path is not UTF-8"))?;
    connection
        .execute("VACUUM INTO ?1", [name])
        .map(|_| ())
        .map_err(|error| Error::from_sqlite(&error, "VACUUM INTO"))
}

fn put_in_place(partial: &Path, target: &Path) -> std::io::Result<()> {
    std::fs::File::open(partial)?.sync_all()?;
    // Unlike a rename, a link never takes the place of a file that has appeared meanwhile.
    std::fs::hard_link(partial, target)?;
    std::fs::remove_file(partial)?;
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn spawn<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body).expect("a thread can be started")
}

/// A panic inside is caught before it could leave anything half done, so a poisoned lock is still good.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
