//! A connection to PostgreSQL, used by one thread, that saves round trips: they are what a small transaction costs there.

use std::collections::HashMap;
use std::future::Future;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Row, SimpleQueryMessage, Statement};

use crate::value::Encoded;
use crate::{Error, Stmt, Value};

/// Statements held back at most; `join_all` keeps the order of so few.
const HELD_MAX: usize = 16;
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// Longer than the server's own limit of a statement: beyond it the server is as good as gone.
const ANSWER_MAX: Duration = Duration::from_secs(40);
/// A transaction that writes begins no statement after so long, and with the server's limits of a statement and of waiting
/// for one it is over in less than two minutes: readers who look back that far miss nothing that commits late.
const BEGIN_MAX: Duration = Duration::from_secs(30);
const COMMIT_MAX: Duration = Duration::from_mins(1);

pub(crate) struct Session {
    /// Drives the connection, and only while a call waits for it.
    runtime: Runtime,
    client: Client,
    prepared: HashMap<&'static str, Statement>,
    begin: Begin,
    began: Instant,
    held: Vec<Held>,
    /// Nothing that comes over this connection can be believed any more.
    is_broken: bool,
}

/// Where a transaction stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begin {
    /// Its BEGIN goes out with the first statement.
    Held(Mode),
    Sent(Mode),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Read,
    Write,
}

impl Mode {
    const fn begin(self) -> &'static str {
        match self {
            Self::Write => "BEGIN",
            // One snapshot for all statements, as on the other engine.
            Self::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }
}

/// What goes out together with the next statement whose answer somebody needs.
struct Held {
    name: &'static str,
    statement: Statement,
    params: Vec<Encoded>,
}

/// How COMMIT failed.
pub(crate) enum CommitError {
    /// The server said no, to it or to a statement that went with it: nothing was committed.
    Refused(Error),
    /// Nobody said anything.
    InDoubt(Error),
}

impl Session {
    pub(crate) fn connect(config: &Config) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::unavailable)?;
        let (client, connection) = runtime
            .block_on(async { timeout(CONNECT_MAX, config.connect(NoTls)).await })
            .map_err(|_| Error::unavailable("PostgreSQL does not answer"))?
            .map_err(|error| Error::unavailable(full(&error)))?;
        runtime.spawn(async move {
            // Whoever waits for an answer hears of it, too.
            if let Err(error) = connection.await {
                tracing::debug!(error = full(&error), "a connection to PostgreSQL ended");
            }
        });
        let begin = Begin::Sent(Mode::Write);
        Ok(Self {
            runtime,
            client,
            prepared: HashMap::new(),
            begin,
            began: Instant::now(),
            held: Vec::new(),
            is_broken: false,
        })
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_broken || self.client.is_closed()
    }

    /// Starts a transaction, which costs nothing before its first statement.
    pub(crate) fn begin(&mut self, mode: Mode) {
        self.held.clear();
        self.begin = Begin::Held(mode);
        self.began = Instant::now();
    }

    /// Fails when a transaction that writes is older than that. The connection goes with it.
    fn check_age(&mut self, limit: Duration) -> Result<(), Error> {
        let is_write = matches!(self.begin, Begin::Held(Mode::Write) | Begin::Sent(Mode::Write));
        if is_write && self.began.elapsed() > limit {
            self.is_broken = true;
            return Err(Error::unavailable("a transaction took too long and was given up"));
        }
        Ok(())
    }

    /// Ends a transaction whose changes are not to be kept.
    pub(crate) fn rollback(&mut self) -> Result<(), Error> {
        self.held.clear();
        match std::mem::replace(&mut self.begin, Begin::Sent(Mode::Write)) {
            Begin::Held(_) => Ok(()),
            Begin::Sent(_) => self.batch("ROLLBACK"),
        }
    }

    /// Sends what was held back, and COMMIT with it.
    pub(crate) fn commit(&mut self) -> Result<(), CommitError> {
        if matches!(self.begin, Begin::Held(_)) && self.held.is_empty() {
            return Ok(());
        }
        self.check_age(COMMIT_MAX).map_err(CommitError::Refused)?;
        let (begin, held) = self.take_held();
        let (client, runtime) = (&self.client, &self.runtime);
        let sent = runtime.block_on(async {
            timeout(ANSWER_MAX, async {
                tokio::join!(send_all(client, begin, &held), client.batch_execute("COMMIT"))
            })
            .await
        });
        let Ok((before, done)) = sent else {
            self.is_broken = true;
            return Err(CommitError::InDoubt(no_answer()));
        };
        // When something before COMMIT was refused, the server has answered COMMIT with a rollback.
        match before.and_then(|()| done.map_err(|error| (error, "COMMIT"))) {
            Ok(()) => Ok(()),
            Err((error, name)) => {
                let told = Error::from_postgres(&error, name);
                // A server that is shutting down at COMMIT itself may have committed before it said so.
                let may_be_done = name == "COMMIT" && matches!(told, Error::Unavailable(_));
                if error.code().is_some() && !may_be_done {
                    Err(CommitError::Refused(told))
                } else {
                    Err(CommitError::InDoubt(told))
                }
            }
        }
    }

    /// Holds a statement back whose answer nobody needs but for its error.
    pub(crate) fn put(&mut self, stmt: &Stmt, params: &[Value<'_>]) -> Result<(), Error> {
        if matches!(self.begin, Begin::Held(Mode::Read) | Begin::Sent(Mode::Read))
            || self.held.len() == HELD_MAX
        {
            return self.execute(stmt, params).map(|_| ());
        }
        let statement = self.statement(stmt)?;
        if statement.params().len() != params.len() {
            let message =
                format!("{} parameters instead of {}", params.len(), statement.params().len());
            return Err(Error::Statement { statement: stmt.name().to_owned(), message });
        }
        let params = params
            .iter()
            .zip(statement.params())
            .map(|(value, ty)| Encoded::new(value, ty))
            .collect::<Result<_, _>>()
            .map_err(|message| Error::Statement { statement: stmt.name().to_owned(), message })?;
        self.held.push(Held { name: stmt.name(), statement, params });
        Ok(())
    }

    pub(crate) fn query(&mut self, stmt: &Stmt, params: &[Value<'_>]) -> Result<Vec<Row>, Error> {
        self.check_age(BEGIN_MAX)?;
        let statement = self.statement(stmt)?;
        let (begin, held) = self.take_held();
        let (client, params) = (&self.client, to_sql(params));
        let sent = wait(&self.runtime, async {
            tokio::join!(send_all(client, begin, &held), client.query(&statement, &params))
        });
        self.answered(sent, stmt.name())
    }

    pub(crate) fn execute(&mut self, stmt: &Stmt, params: &[Value<'_>]) -> Result<u64, Error> {
        self.check_age(BEGIN_MAX)?;
        let statement = self.statement(stmt)?;
        let (begin, held) = self.take_held();
        let (client, params) = (&self.client, to_sql(params));
        let sent = wait(&self.runtime, async {
            tokio::join!(send_all(client, begin, &held), client.execute(&statement, &params))
        });
        self.answered(sent, stmt.name())
    }

    /// A plain text, outside of what is held back: migrations, ROLLBACK.
    pub(crate) fn batch(&mut self, text: &str) -> Result<(), Error> {
        let done = wait(&self.runtime, self.client.batch_execute(text));
        self.one(done, text)
    }

    /// Rows of a plain text, for looking at plans.
    pub(crate) fn texts(&mut self, text: &str) -> Result<Vec<String>, Error> {
        let answers = wait(&self.runtime, self.client.simple_query(text));
        let answers = self.one(answers, text)?;
        Ok(answers
            .iter()
            .filter_map(|answer| match answer {
                SimpleQueryMessage::Row(row) => row.get(0).map(|line| line.trim().to_owned()),
                _ => None,
            })
            .collect())
    }

    /// How many parameters a statement has; it is an error when it does not fit the schema.
    pub(crate) fn params_of(&mut self, stmt: &Stmt) -> Result<usize, Error> {
        let statement = wait(&self.runtime, self.client.prepare(stmt.postgres()));
        self.one(statement, stmt.name()).map(|statement| statement.params().len())
    }

    /// Sends what was held back, for a plain text that has to come after it.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        let (begin, held) = self.take_held();
        let client = &self.client;
        let sent = wait(&self.runtime, async { (send_all(client, begin, &held).await, Ok(())) });
        self.answered(sent, "flush")
    }

    /// Another node may have changed what they were prepared for.
    pub(crate) fn forget_prepared(&mut self) {
        self.prepared.clear();
    }

    fn statement(&mut self, stmt: &Stmt) -> Result<Statement, Error> {
        if let Some(statement) = self.prepared.get(stmt.postgres()) {
            return Ok(statement.clone());
        }
        let prepared = wait(&self.runtime, self.client.prepare(stmt.postgres()));
        let statement = self.one(prepared, stmt.name())?;
        self.prepared.insert(stmt.postgres(), statement.clone());
        Ok(statement)
    }

    fn take_held(&mut self) -> (Option<&'static str>, Vec<Held>) {
        let begin = match self.begin {
            Begin::Held(mode) => {
                self.begin = Begin::Sent(mode);
                Some(mode.begin())
            }
            Begin::Sent(_) => None,
        };
        (begin, std::mem::take(&mut self.held))
    }

    fn one<T>(
        &mut self,
        sent: Result<Result<T, tokio_postgres::Error>, Error>,
        name: &str,
    ) -> Result<T, Error> {
        match sent {
            Ok(answer) => answer.map_err(|error| Error::from_postgres(&error, name)),
            Err(error) => {
                self.is_broken = true;
                Err(error)
            }
        }
    }

    fn answered<T>(&mut self, sent: Result<Sent<T>, Error>, name: &str) -> Result<T, Error> {
        let (before, answer) = sent.inspect_err(|_| self.is_broken = true)?;
        if let Err((error, name)) = before {
            // Without BEGIN what came after it ran on its own: such a connection is not used again.
            self.is_broken |= name.starts_with("BEGIN");
            return Err(Error::from_postgres(&error, name));
        }
        answer.map_err(|error| Error::from_postgres(&error, name))
    }
}

/// The first error of what was held back, with its statement, and the answer of what went with it.
type Sent<T> =
    (Result<(), (tokio_postgres::Error, &'static str)>, Result<T, tokio_postgres::Error>);

fn wait<T>(runtime: &Runtime, answer: impl Future<Output = T>) -> Result<T, Error> {
    runtime.block_on(async { timeout(ANSWER_MAX, answer).await }).map_err(|_| no_answer())
}

fn no_answer() -> Error {
    Error::unavailable("PostgreSQL does not answer")
}

/// Sends in order, without waiting in between.
async fn send_all(
    client: &Client,
    begin: Option<&'static str>,
    held: &[Held],
) -> Result<(), (tokio_postgres::Error, &'static str)> {
    let opened = async {
        match begin {
            Some(text) => client.batch_execute(text).await.map_err(|error| (error, text)),
            None => Ok(()),
        }
    };
    let puts = join_all(held.iter().map(|held| async move {
        let params: Vec<&(dyn ToSql + Sync)> =
            held.params.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        client.execute(&held.statement, &params).await.map_err(|error| (error, held.name))
    }));
    let (opened, puts) = tokio::join!(opened, puts);
    opened?;
    puts.into_iter().try_for_each(|put| put.map(|_| ()))
}

fn to_sql<'a>(params: &'a [Value<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

/// The library's own text says only which step failed; the cause says why.
fn full(error: &tokio_postgres::Error) -> String {
    use std::error::Error;
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
