//! A connection to PostgreSQL, used by one thread, that saves round trips: they are what a small transaction costs there.

use std::collections::HashMap;

use futures_util::future::join_all;
use tokio::runtime::Runtime;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Row, SimpleQueryMessage, Statement};

use crate::value::Owned;
use crate::{Error, Stmt, Value};

/// Statements held back at most; `join_all` keeps the order of so few.
const HELD_MAX: usize = 16;

pub(crate) struct Session {
    /// Drives the connection, and only while a call waits for it.
    runtime: Runtime,
    client: Client,
    prepared: HashMap<&'static str, Statement>,
    held: Vec<Held>,
}

/// What goes out together with the next statement whose answer somebody needs.
enum Held {
    Text(&'static str),
    Statement { name: &'static str, statement: Statement, params: Vec<Owned> },
}

impl Session {
    pub(crate) fn connect(config: &Config) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::unavailable)?;
        let (client, connection) = runtime
            .block_on(config.connect(NoTls))
            .map_err(|error| Error::unavailable(full(&error)))?;
        runtime.spawn(async move {
            // Whoever waits for an answer hears of it, too.
            if let Err(error) = connection.await {
                tracing::debug!(error = full(&error), "a connection to PostgreSQL ended");
            }
        });
        Ok(Self { runtime, client, prepared: HashMap::new(), held: Vec::new() })
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Whether nothing has been sent since [`Session::hold`].
    pub(crate) fn is_held(&self) -> bool {
        !self.held.is_empty() && matches!(self.held[0], Held::Text(_))
    }

    /// Forgets what was held back.
    pub(crate) fn drop_held(&mut self) {
        self.held.clear();
    }

    /// Holds a plain text back: BEGIN.
    pub(crate) fn hold(&mut self, text: &'static str) {
        self.held.push(Held::Text(text));
    }

    /// Holds a statement back whose answer nobody needs but for its error.
    pub(crate) fn hold_statement(
        &mut self,
        stmt: &Stmt,
        params: &[Value<'_>],
    ) -> Result<(), Error> {
        let statement = self.statement(stmt)?;
        let params = params.iter().map(|value| Owned::from(*value)).collect();
        self.held.push(Held::Statement { name: stmt.name(), statement, params });
        if self.held.len() < HELD_MAX {
            return Ok(());
        }
        self.batch("")
    }

    pub(crate) fn query(&mut self, stmt: &Stmt, params: &[Value<'_>]) -> Result<Vec<Row>, Error> {
        let statement = self.statement(stmt)?;
        let params = to_sql(params);
        let (client, held) = (&self.client, std::mem::take(&mut self.held));
        let (before, rows) = self.runtime.block_on(async {
            tokio::join!(send_all(client, &held), client.query(&statement, &params))
        });
        before?;
        rows.map_err(|error| Error::from_postgres(&error, stmt.name()))
    }

    pub(crate) fn execute(&mut self, stmt: &Stmt, params: &[Value<'_>]) -> Result<u64, Error> {
        let statement = self.statement(stmt)?;
        let params = to_sql(params);
        let (client, held) = (&self.client, std::mem::take(&mut self.held));
        let (before, changed) = self.runtime.block_on(async {
            tokio::join!(send_all(client, &held), client.execute(&statement, &params))
        });
        before?;
        changed.map_err(|error| Error::from_postgres(&error, stmt.name()))
    }

    /// Plain texts: COMMIT, ROLLBACK, migrations.
    pub(crate) fn batch(&mut self, text: &str) -> Result<(), Error> {
        let (client, held) = (&self.client, std::mem::take(&mut self.held));
        let (before, done) = self
            .runtime
            .block_on(async { tokio::join!(send_all(client, &held), client.batch_execute(text)) });
        before?;
        done.map_err(|error| Error::from_postgres(&error, text))
    }

    /// Rows of a plain text, for looking at plans.
    pub(crate) fn texts(&mut self, text: &str) -> Result<Vec<String>, Error> {
        let answers = self
            .runtime
            .block_on(self.client.simple_query(text))
            .map_err(|error| Error::from_postgres(&error, text))?;
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
        self.runtime
            .block_on(self.client.prepare(stmt.postgres()))
            .map(|statement| statement.params().len())
            .map_err(|error| Error::from_postgres(&error, stmt.name()))
    }

    fn statement(&mut self, stmt: &Stmt) -> Result<Statement, Error> {
        if let Some(statement) = self.prepared.get(stmt.postgres()) {
            return Ok(statement.clone());
        }
        let statement = self
            .runtime
            .block_on(self.client.prepare(stmt.postgres()))
            .map_err(|error| Error::from_postgres(&error, stmt.name()))?;
        self.prepared.insert(stmt.postgres(), statement.clone());
        Ok(statement)
    }
}

/// Sends in order, without waiting in between; the first error is the one that counts.
async fn send_all(client: &Client, held: &[Held]) -> Result<(), Error> {
    let answers = join_all(held.iter().map(|held| async move {
        match held {
            Held::Text(text) => {
                client.batch_execute(text).await.map_err(|error| Error::from_postgres(&error, text))
            }
            Held::Statement { name, statement, params } => {
                let params: Vec<&(dyn ToSql + Sync)> =
                    params.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
                let done = client.execute(statement, &params).await;
                done.map(|_| ()).map_err(|error| Error::from_postgres(&error, name))
            }
        }
    }));
    answers.await.into_iter().collect()
}

fn to_sql<'a>(params: &'a [Value<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

/// The library's own text says only which step failed; the cause says why.
fn full(error: &tokio_postgres::Error) -> String {
    use std::error::Error;
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
