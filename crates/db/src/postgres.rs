//! PostgreSQL: a number of connections, each owned by a thread that runs closures on it.

use std::sync::Mutex;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tokio_postgres::Config;

use crate::job::Job;
use crate::migrate::{self, Migration};
use crate::session::Session;
use crate::tx::Engine;
use crate::{Error, Options, Sink, Tx};

/// Serialization failures and deadlocks in a row before the caller hears of them.
const RERUNS_MAX: u32 = 10;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A peer that went away without a word is noticed after this long.
const PEER_TIMEOUT: Duration = Duration::from_secs(10);
/// While the server cannot be reached, calls fail at once instead of each waiting for its own attempt.
const RETRY_AFTER: Duration = Duration::from_millis(500);

pub(crate) struct Postgres {
    jobs: Sender<Command>,
    connections: usize,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

enum Command {
    Run(Mode, Box<dyn Job>),
    Close,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Read,
    Write,
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
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_user_timeout(PEER_TIMEOUT)
            .keepalives_idle(PEER_TIMEOUT);
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
        Ok(Self { jobs: sender, connections: options.connections, threads: Mutex::new(threads) })
    }

    pub(crate) fn write(&self, job: Box<dyn Job>) -> Result<(), Error> {
        self.submit(Mode::Write, job)
    }

    pub(crate) fn read(&self, job: Box<dyn Job>) -> Result<(), Error> {
        self.submit(Mode::Read, job)
    }

    fn submit(&self, mode: Mode, job: Box<dyn Job>) -> Result<(), Error> {
        self.jobs.try_send(Command::Run(mode, job)).map_err(|error| match error {
            TrySendError::Full(_) => Error::Overloaded,
            TrySendError::Disconnected(_) => Error::Closed,
        })
    }

    pub(crate) fn close(&self) {
        for _ in 0..self.connections {
            let _ = self.jobs.send(Command::Close);
        }
        let mut threads = self.threads.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for thread in threads.drain(..) {
            let _ = thread.join();
        }
    }
}

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
    fn run(&mut self, jobs: &Receiver<Command>) {
        while let Ok(Command::Run(mode, mut job)) = jobs.recv() {
            if let Err(error) = self.complete(mode, job.as_mut()) {
                job.fail(&error);
            }
            job.answer();
        }
    }

    fn complete(&mut self, mode: Mode, job: &mut dyn Job) -> Result<(), Error> {
        let mut reruns = 0;
        let mut reconnected = false;
        loop {
            match self.attempt(mode, job) {
                Ok(()) => return Ok(()),
                Err(Broken::Conflict(error)) => {
                    reruns += 1;
                    if reruns > RERUNS_MAX {
                        return Err(error);
                    }
                }
                // The server may have been restarted since this connection's last call: one fresh attempt.
                Err(Broken::Lost(error)) => {
                    self.session = None;
                    if std::mem::replace(&mut reconnected, true) {
                        return Err(error);
                    }
                }
                Err(Broken::Refused(error)) => return Err(error),
                Err(Broken::InDoubt(error)) => {
                    self.session = None;
                    return Err(Error::InDoubt(error.to_string()));
                }
            }
        }
    }

    fn attempt(&mut self, mode: Mode, job: &mut dyn Job) -> Result<(), Broken> {
        self.reach().map_err(Broken::Lost)?;
        let Self { session: Some(session), sink, .. } = self else {
            unreachable!("reach() leaves a session");
        };
        session.hold(match mode {
            Mode::Write => "BEGIN",
            // One snapshot for all statements, as on the other engine.
            Mode::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        });
        let mut tx = Tx::new(Engine::Postgres(session));
        let keep = job.run(&mut tx);
        let failure = tx.failure().cloned();
        let published = tx.take_published();
        if session.is_held() && (!keep || mode == Mode::Read) {
            session.drop_held();
            return match failure {
                Some(error) if session.is_closed() => Err(Broken::Lost(error)),
                _ => Ok(()),
            };
        }
        if keep && mode == Mode::Write {
            session.batch("COMMIT").map_err(|error| match error {
                Error::Conflict(_) => Broken::Conflict(error),
                Error::Statement { .. } | Error::Full(_) | Error::ReadOnly(_) => {
                    Broken::Refused(error)
                }
                // A server that is shutting down may have committed before it said so.
                _ => Broken::InDoubt(error),
            })?;
            if !published.is_empty() {
                sink(published);
            }
            return Ok(());
        }
        session.drop_held();
        let rolled_back = session.batch("ROLLBACK");
        match failure {
            Some(error) if error.wants_rerun() && rolled_back.is_ok() => {
                Err(Broken::Conflict(error))
            }
            Some(error) if session.is_closed() => Err(Broken::Lost(error)),
            _ => rolled_back.map_err(Broken::Lost),
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
        "SET synchronous_commit = on; SET TimeZone = 'UTC'; SET statement_timeout = '30s'",
    )?;
    Ok(session)
}
