//! What the store promises, on both engines through the same code wherever that makes sense.
//!
//! PostgreSQL takes part when `ROZMOWA_TEST_POSTGRES` names a server
//! (`rozmowa-load with-postgres -- cargo test -p rozmowa-db` brings one).

#[macro_use]
mod place;

mod migrating;
mod postgres_line;
mod queue;
mod sql;
mod sqlite_backup;
mod sqlite_beside;
mod sqlite_disk;
mod sqlite_log;
mod transactions;
mod values;
