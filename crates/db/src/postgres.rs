//! PostgreSQL: a number of connections, each owned by a thread that runs closures on it.

use std::sync::{Mutex, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use tokio_postgres::Config;

use crate::job::Job;
use crate::migrate::{self, Migration};
use crate::session::{CommitError, Mode, Session};
use crate::tx::Engine;
use crate::worker::{close, join, publish, submit};
use crate::{Error, Options, Published, Sink, Tx};

/// Serialization failures and deadlocks in a row before the caller hears of them.
const RERUNS_MAX: u32 = 10;
/// A peer that went away without a word is noticed after this long.
const PEER_TIMEOUT: Duration = Duration::from_secs(10);
/// While the server cannot be reached, calls fail at once instead of each waiting for its own attempt.
const RETRY_AFTER: Duration = Duration::from_millis(500);

pub(crate) struct Postgres {
    /// Gone when the store is closed; workers end when it is and the queue is empty.
    jobs: RwLock<Option<Sender<Call>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Postgres {
    pub(crate) fn open(
        url: &str,
        options: &Options,
        migrations: &[Migration],
        sink: &Sink,
    ) -> Result<Self, Error> {
        let mut config: Config = url.parse().map_err(|error| {
            Error::Unavailable(format!("the database address is not understood: {error}"))
        })?;
        config
            .application_name("rozmowa")
            .tcp_user_timeout(PEER_TIMEOUT)
            .keepalives_idle(PEER_TIMEOUT)
            .keepalives_interval(PEER_TIMEOUT / 5)
            .keepalives_retries(3);
        let mut first = connect(&config)?;
        migrate::run_postgres(&mut first, migrations, options.migrate)?;
        let (sender, jobs) = bounded(options.queue_length);
        let mut ready = Some(first);
        let threads = (0..options.connections)
            .map(|_| {
                let mut worker = Worker {
                    config: config.clone(),
                    session: ready.take(),
                    failed_at: None,
                    sink: Sink::clone(sink),
                };
                let jobs = jobs.clone();
                std::thread::Builder::new()
                    .name("db-postgres".to_owned())
                    .spawn(move || worker.run(&jobs))
                    .expect("a thread can be started")
            })
            .collect();
        Ok(Self { jobs: RwLock::new(Some(sender)), threads: Mutex::new(threads) })
    }

    pub(crate) fn write(&self, job: Box<dyn Job>) -> Result<(), Error> {
        submit(&self.jobs, (Mode::Write, job))
    }

    pub(crate) fn read(&self, job: Box<dyn Job>) -> Result<(), Error> {
        submit(&self.jobs, (Mode::Read, job))
    }

    pub(crate) fn close(&self) {
        close(&self.jobs);
        join(&self.threads);
    }
}

type Call = (Mode, Box<dyn Job>);

struct Worker {
    config: Config,
    session: Option<Session>,
    failed_at: Option<Instant>,
    sink: Sink,
}

/// How an attempt ended that is not over with the closure's own answer.
enum Broken {
    /// Worth another attempt on this connection.
    Conflict(Error),
    /// The connection is gone, and nothing was committed.
    Lost(Error),
    /// COMMIT was refused, and with it the transaction.
    Refused(Error),
    /// The connection went away while COMMIT was under way.
    InDoubt(Error),
}

impl Worker {
    fn run(&mut self, jobs: &Receiver<Call>) {
        while let Ok((mode, mut job)) = jobs.recv() {
            if mode == Mode::Read && job.is_abandoned() {
                continue;
            }
            let published = match self.complete(mode, job.as_mut()) {
                Ok(published) => published,
                Err(error) => {
                    job.fail(&error);
                    Vec::new()
                }
            };
            publish(&self.sink, published);
            job.answer();
        }
    }

    fn complete(&mut self, mode: Mode, job: &mut dyn Job) -> Result<Vec<Published>, Error> {
        let mut reruns = 0;
        let mut reconnected = false;
        loop {
            match self.attempt(mode, job) {
                Ok(published) => return Ok(published),
                Err(Broken::Conflict(error)) => {
                    reruns += 1;
                    if reruns > RERUNS_MAX {
                        return Err(error);
                    }
                    if let Some(session) = &mut self.session {
                        session.forget_prepared();
                    }
                }
                // The server may have been restarted since this connection's last call: one fresh attempt.
                Err(Broken::Lost(error)) => {
                    self.session = None;
                    if std::mem::replace(&mut reconnected, true) {
                        return Err(error);
                    }
                }
                Err(Broken::Refused(error)) => {
                    // COMMIT was answered with a rollback, so the connection is good.
                    return Err(error);
                }
                Err(Broken::InDoubt(error)) => {
                    self.session = None;
                    return Err(Error::InDoubt(error.to_string()));
                }
            }
        }
    }

    fn attempt(&mut self, mode: Mode, job: &mut dyn Job) -> Result<Vec<Published>, Broken> {
        self.reach().map_err(Broken::Lost)?;
        let Some(session) = &mut self.session else { unreachable!("reach() leaves a session") };
        session.begin(mode);
        let mut tx = Tx::new(Engine::Postgres(session));
        let keep = job.run(&mut tx);
        let failure = tx.failure().cloned();
        let published = tx.take_published();
        if keep && mode == Mode::Write {
            return match session.commit() {
                Ok(()) => Ok(published),
                Err(CommitError::Refused(error @ Error::Conflict(_))) => {
                    Err(Broken::Conflict(error))
                }
                Err(CommitError::Refused(error @ Error::Unavailable(_))) => {
                    Err(Broken::Lost(error))
                }
                Err(CommitError::Refused(error)) => Err(Broken::Refused(error)),
                Err(CommitError::InDoubt(error)) => Err(Broken::InDoubt(error)),
            };
        }
        let rolled_back = session.rollback();
        match failure {
            Some(error @ Error::Conflict(_)) if rolled_back.is_ok() => Err(Broken::Conflict(error)),
            // Whatever the closure made of it: the line was cut before anything could be committed.
            Some(error @ Error::Unavailable(_)) => Err(Broken::Lost(error)),
            _ => {
                // The closure's own answer stands; a connection that can't even roll back is not used again.
                if rolled_back.is_err() {
                    self.session = None;
                }
                Ok(Vec::new())
            }
        }
    }

    fn reach(&mut self) -> Result<(), Error> {
        if self.session.as_ref().is_some_and(|session| !session.is_closed()) {
            return Ok(());
        }
        if self.failed_at.is_some_and(|at| at.elapsed() < RETRY_AFTER) {
            return Err(Error::unavailable("PostgreSQL cannot be reached"));
        }
        match connect(&self.config) {
            Ok(session) => {
                self.session = Some(session);
                self.failed_at = None;
                Ok(())
            }
            Err(error) => {
                self.failed_at = Some(Instant::now());
                Err(error)
            }
        }
    }
}

fn connect(config: &Config) -> Result<Session, Error> {
    let mut session = Session::connect(config)?;
    // The promise of a 2xx answer must not hang on a server's defaults. The zone is never the server's business.
    session.batch(
        // Every statement has an index (a test sees to it): it is to be used also while a table is new and has no statistics.
        "SET synchronous_commit = on; SET TimeZone = 'UTC'; SET statement_timeout = '30s';
         SET idle_in_transaction_session_timeout = '30s';
         SET enable_seqscan = off; SET jit = off",
    )?;
    Ok(session)
}
