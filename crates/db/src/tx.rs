//! A transaction: the only way to the data.

use std::any::Any;

use crate::session::Session;
use crate::{Error, Row, Stmt, Value};

/// What a transaction asked to be told after commit. The store carries it and does not look inside.
pub type Published = Box<dyn Any + Send>;

/// A running transaction, the same on both engines.
///
/// - After a statement's error it refuses everything else, and the closure's changes are rolled back, whatever the
///   closure returns. Conflicts that are expected are `ON CONFLICT`, not errors.
/// - Isolation is READ COMMITTED at least: a check followed by a write is a constraint, a conditional update, or
///   stands under [`Tx::lock`].
/// - The closure may be run again, so it has no effect but on its `Tx`.
pub struct Tx<'c> {
    engine: Engine<'c>,
    failure: Option<Error>,
    published: Vec<Published>,
    statements: u64,
}

pub(crate) enum Engine<'c> {
    Sqlite(&'c rusqlite::Connection),
    Postgres(&'c mut Session),
}

impl<'c> Tx<'c> {
    pub(crate) fn new(engine: Engine<'c>) -> Self {
        Self { engine, failure: None, published: Vec::new(), statements: 0 }
    }

    /// Runs a statement that gives no rows and says how many rows it changed.
    pub fn execute(&mut self, stmt: &Stmt, params: &[Value<'_>]) -> Result<u64, Error> {
        self.guard()?;
        self.statements += 1;
        let done = match &mut self.engine {
            Engine::Sqlite(connection) => connection
                .prepare_cached(stmt.sqlite())
                .and_then(|mut s| s.execute(rusqlite::params_from_iter(params)))
                .map(|changed| changed as u64)
                .map_err(|error| Error::from_sqlite(&error, stmt.name())),
            Engine::Postgres(session) => session.execute(stmt, params),
        };
        done.map_err(|error| self.fail(error))
    }

    /// Runs a statement whose answer nobody needs: most inserts. On PostgreSQL it goes out together with the next one, and
    /// an error in it fails that one, or the commit.
    pub fn put(&mut self, stmt: &Stmt, params: &[Value<'_>]) -> Result<(), Error> {
        if let Engine::Sqlite(_) = self.engine {
            return self.execute(stmt, params).map(|_| ());
        }
        self.guard()?;
        self.statements += 1;
        let held = match &mut self.engine {
            Engine::Postgres(session) => session.put(stmt, params),
            Engine::Sqlite(_) => Ok(()),
        };
        held.map_err(|error| self.fail(error))
    }

    /// Every row of an answer. A statement without a `LIMIT` belongs only where the rows are few by nature.
    pub fn query<T>(
        &mut self,
        stmt: &Stmt,
        params: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        self.guard()?;
        self.statements += 1;
        let rows = match &mut self.engine {
            Engine::Sqlite(connection) => sqlite_rows(connection, stmt, params, &mut read),
            Engine::Postgres(session) => session
                .query(stmt, params)
                .and_then(|rows| rows.iter().map(|row| read(&Row::Postgres(row))).collect()),
        };
        rows.map_err(|error| self.fail(error))
    }

    /// The first row, if there is one.
    pub fn query_opt<T>(
        &mut self,
        stmt: &Stmt,
        params: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        self.guard()?;
        self.statements += 1;
        let row = match &mut self.engine {
            Engine::Sqlite(connection) => sqlite_row(connection, stmt, params, &mut read),
            Engine::Postgres(session) => session
                .query(stmt, params)
                .and_then(|rows| rows.first().map(|row| read(&Row::Postgres(row))).transpose()),
        };
        row.map_err(|error| self.fail(error))
    }

    /// The one row that the statement is sure to give (an aggregate, a `RETURNING` that must hit).
    pub fn query_one<T>(
        &mut self,
        stmt: &Stmt,
        params: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match self.query_opt(stmt, params, read)? {
            Some(row) => Ok(row),
            None => Err(self.fail(Error::Statement {
                statement: stmt.name().to_owned(),
                message: "gave no row".to_owned(),
            })),
        }
    }

    /// Gives up this run because another transaction was first, and has the closure run again on what that one left.
    pub fn run_again(&mut self, why: &str) -> Error {
        self.fail(Error::Conflict(why.to_owned()))
    }

    /// To be handed on after commit, in this order; dropped when the transaction is rolled back or run again.
    pub fn publish(&mut self, message: impl Any + Send) {
        self.published.push(Box::new(message));
    }

    /// Holds every other transaction with one of these keys back until this one has ended: for the few checks that no
    /// constraint can express. Once a transaction, with all the keys it needs, so that two never wait for each other.
    /// Keys share 256 stripes and may wait without need. SQLite has one writer and needs nothing.
    pub fn lock(&mut self, keys: &[&str]) -> Result<(), Error> {
        self.guard()?;
        if let Engine::Postgres(_) = self.engine {
            let mut stripes: Vec<i64> = keys.iter().map(|key| stripe(key)).collect();
            stripes.sort_unstable();
            stripes.dedup();
            for stripe in stripes {
                self.query_one(&crate::migrate::LOCK_STRIPE, &[Value::Int(stripe)], |_| Ok(()))?;
            }
        }
        Ok(())
    }

    /// For the few parameters whose text differs between the engines, as that of a full-text query.
    pub fn is_sqlite(&self) -> bool {
        matches!(self.engine, Engine::Sqlite(_))
    }

    /// How many statements it was asked to run so far: for tests that count what a change costs.
    pub fn statement_count(&self) -> u64 {
        self.statements
    }

    /// How the engine would run a statement, line by line: for the test that looks for full scans. It is prepared on
    /// the way, so a statement that does not fit the schema is an error.
    pub fn plan(&mut self, stmt: &Stmt) -> Result<Vec<String>, Error> {
        self.guard()?;
        let lines = match &mut self.engine {
            Engine::Sqlite(connection) => crate::inspect::plan_sqlite(connection, stmt)
                .map_err(|error| Error::from_sqlite(&error, stmt.name())),
            Engine::Postgres(session) => crate::inspect::plan_postgres(session, stmt),
        };
        lines.map_err(|error| self.fail(error))
    }

    /// Tables, columns and indexes, described alike on both engines: for the test that compares them.
    pub fn schema(&mut self) -> Result<Vec<String>, Error> {
        self.guard()?;
        let lines = match &mut self.engine {
            Engine::Sqlite(connection) => crate::inspect::schema_sqlite(connection)
                .map_err(|error| Error::from_sqlite(&error, "schema")),
            Engine::Postgres(session) => crate::inspect::schema_postgres(session),
        };
        lines.map_err(|error| self.fail(error))
    }

    /// The engine's own check of its files: what it found wrong, nothing when all is well. PostgreSQL checks its
    /// files with tools of its own, so there it finds nothing.
    pub fn integrity_check(&mut self) -> Result<Vec<String>, Error> {
        self.guard()?;
        match &mut self.engine {
            Engine::Sqlite(connection) => crate::inspect::integrity_sqlite(connection)
                .map_err(|error| Error::from_sqlite(&error, "integrity_check"))
                .map_err(|error| self.fail(error)),
            Engine::Postgres(_) => Ok(Vec::new()),
        }
    }

    pub(crate) fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    pub(crate) fn fail(&mut self, error: Error) -> Error {
        self.failure.get_or_insert(error).clone()
    }

    /// Ready for the next job of a group.
    pub(crate) fn take_published(&mut self) -> Vec<Published> {
        self.failure = None;
        self.statements = 0;
        std::mem::take(&mut self.published)
    }

    fn guard(&self) -> Result<(), Error> {
        self.failure.clone().map_or(Ok(()), Err)
    }
}

fn sqlite_rows<T>(
    connection: &rusqlite::Connection,
    stmt: &Stmt,
    params: &[Value<'_>],
    read: &mut impl FnMut(&Row<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let wrong = |error| Error::from_sqlite(&error, stmt.name());
    let mut statement = connection.prepare_cached(stmt.sqlite()).map_err(wrong)?;
    let mut rows = statement.query(rusqlite::params_from_iter(params)).map_err(wrong)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next().map_err(wrong)? {
        all.push(read(&Row::Sqlite(row))?);
    }
    Ok(all)
}

fn sqlite_row<T>(
    connection: &rusqlite::Connection,
    stmt: &Stmt,
    params: &[Value<'_>],
    read: &mut impl FnMut(&Row<'_>) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    let wrong = |error| Error::from_sqlite(&error, stmt.name());
    let mut statement = connection.prepare_cached(stmt.sqlite()).map_err(wrong)?;
    let mut rows = statement.query(rusqlite::params_from_iter(params)).map_err(wrong)?;
    let first = rows.next().map_err(wrong)?.map(|row| read(&Row::Sqlite(row))).transpose()?;
    // A statement that returns rows while it changes some (RETURNING) has done its work with the first row.
    while rows.next().map_err(wrong)?.is_some() {}
    Ok(first)
}

/// FNV-1a, the high eight bits.
fn stripe(key: &str) -> i64 {
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    i64::try_from(hash >> 56).unwrap_or(0)
}
