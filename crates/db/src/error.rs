//! What can go wrong in a store, told apart by what the caller can do about it.

use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The queue of waiting calls is full. Nothing was done: try again a little later.
    #[error("too many calls are waiting for the store")]
    Overloaded,
    /// The disk has no room. Nothing was done.
    #[error("the disk is full: {0}")]
    Full(String),
    /// The file or the server takes no writes. Nothing was done.
    #[error("the store is read-only: {0}")]
    ReadOnly(String),
    /// Others hold the database, or a row of it, for longer than we wait. Nothing was done.
    #[error("the database is held by others: {0}")]
    Busy(String),
    /// The engine cannot be reached or cannot read or write its files. Nothing was done.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The connection or the disk failed during COMMIT. Whether the change was made is not known.
    #[error("the store failed during commit: {0}")]
    InDoubt(String),
    /// Two transactions were in each other's way more often than we re-run them.
    #[error("gave up after repeated conflicts: {0}")]
    Conflict(String),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The closure panicked; its changes were rolled back.
    #[error("the transaction panicked: {0}")]
    Panicked(String),
    /// Our own mistake: a statement that does not fit the schema, or a broken constraint.
    #[error("statement {statement}: {message}")]
    Statement { statement: String, message: String },
    /// The database was made by a newer version, or a migration was changed after it ran.
    #[error("{0}")]
    Schema(String),
}

impl Error {
    pub(crate) fn unavailable(cause: impl fmt::Display) -> Self {
        Self::Unavailable(cause.to_string())
    }

    /// Whether a later try can succeed without anybody changing the program.
    pub fn is_temporary(&self) -> bool {
        !matches!(self, Self::Panicked(_) | Self::Statement { .. } | Self::Schema(_))
    }

    pub(crate) fn from_sqlite(error: &rusqlite::Error, statement: &str) -> Self {
        use rusqlite::ffi::ErrorCode as Code;
        let message = error.to_string();
        match error.sqlite_error_code() {
            Some(Code::DiskFull) => Self::Full(message),
            Some(Code::ReadOnly | Code::PermissionDenied) => Self::ReadOnly(message),
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Self::Busy(message),
            Some(
                Code::SystemIoFailure
                | Code::CannotOpen
                | Code::DatabaseCorrupt
                | Code::NotADatabase
                | Code::OutOfMemory
                | Code::FileLockingProtocolFailed,
            ) => Self::Unavailable(message),
            _ => Self::Statement { statement: statement.to_owned(), message },
        }
    }

    pub(crate) fn from_postgres(error: &tokio_postgres::Error, statement: &str) -> Self {
        use tokio_postgres::error::SqlState as State;
        let message = error.as_db_error().map_or_else(
            || error.to_string(),
            |db| format!("{} ({})", db.message(), db.code().code()),
        );
        let Some(state) = error.code() else {
            // Without a code there was no answer from the server at all: an encoding mistake of ours, or the line.
            return if error.is_closed() || is_io(error) {
                Self::Unavailable(message)
            } else {
                Self::Statement { statement: statement.to_owned(), message }
            };
        };
        // The last two: another node has migrated, and what this connection had prepared is no good any more.
        let again = [
            State::T_R_SERIALIZATION_FAILURE,
            State::T_R_DEADLOCK_DETECTED,
            State::FEATURE_NOT_SUPPORTED,
            State::INVALID_SQL_STATEMENT_NAME,
        ];
        if again.contains(state) {
            return Self::Conflict(message);
        }
        if *state == State::QUERY_CANCELED {
            return Self::Busy(message);
        }
        match &state.code()[..2] {
            "53" if *state == State::DISK_FULL => Self::Full(message),
            "08" | "53" | "57" | "58" => Self::Unavailable(message),
            "25" if *state == State::READ_ONLY_SQL_TRANSACTION => Self::ReadOnly(message),
            _ => Self::Statement { statement: statement.to_owned(), message },
        }
    }
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<std::io::Error>() {
            return true;
        }
        cause = error.source();
    }
    false
}
