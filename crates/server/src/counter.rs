//! Numbers for administered things and customers, which the outside world knows by small integers.

use rozmowa_db::{Tx, params};

use crate::http::Error;

rozmowa_db::statements! {
    NEXT = "INSERT INTO id_counter (name, last_id) VALUES ($1, 1)
        ON CONFLICT (name) DO UPDATE SET last_id = id_counter.last_id + 1 RETURNING last_id";
    NEXT_MANY = "INSERT INTO id_counter (name, last_id) VALUES ($1, $2)
        ON CONFLICT (name) DO UPDATE SET last_id = id_counter.last_id + $2 RETURNING last_id";
    RAISE = "INSERT INTO id_counter (name, last_id) VALUES ($1, $2)
        ON CONFLICT (name) DO UPDATE SET last_id = CASE WHEN id_counter.last_id < $2 THEN $2 ELSE id_counter.last_id END";
}

/// A number that was never used before, also by something deleted since.
pub fn next(tx: &mut Tx<'_>, name: &str) -> Result<i64, Error> {
    Ok(tx.query_one(&NEXT, params![name], |row| row.get(0))?)
}

/// So many of them in a row, at once: the first.
pub fn next_many(tx: &mut Tx<'_>, name: &str, count: i64) -> Result<i64, Error> {
    let last: i64 = tx.query_one(&NEXT_MANY, params![name, count], |row| row.get(0))?;
    Ok(last - count + 1)
}

/// Keeps a number that was given from outside from being handed out.
pub fn raise(tx: &mut Tx<'_>, name: &str, to: i64) -> Result<(), Error> {
    tx.execute(&RAISE, params![name, to])?;
    Ok(())
}
