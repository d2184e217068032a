//! The schema and the statements of these tests.

use rozmowa_db::Migration;

pub const SCHEMA: &[Migration] = &[Migration {
    name: "0001_tests",
    sqlite: "CREATE TABLE number (n INTEGER NOT NULL PRIMARY KEY) STRICT;
             CREATE TABLE cell (id INTEGER NOT NULL PRIMARY KEY,
                 int INTEGER, real REAL, text TEXT, blob BLOB) STRICT;
             CREATE TABLE claim (who INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL) STRICT;
             CREATE TABLE piece (id INTEGER NOT NULL PRIMARY KEY, bytes BLOB NOT NULL) STRICT;",
    postgres: "CREATE TABLE number (n BIGINT NOT NULL PRIMARY KEY);
               CREATE TABLE cell (id BIGINT NOT NULL PRIMARY KEY,
                   int BIGINT, real DOUBLE PRECISION, text TEXT, blob BYTEA);
               CREATE TABLE claim (who BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL);
               CREATE TABLE piece (id BIGINT NOT NULL PRIMARY KEY, bytes BYTEA NOT NULL);",
}];

rozmowa_db::statements! {
    INSERT_NUMBER = "INSERT INTO number (n) VALUES ($1)";
    /// The next number, without a gap.
    COUNT_ON = "INSERT INTO number (n) SELECT coalesce(max(n), 0) + 1 FROM number";
    NUMBERS = "SELECT n FROM number ORDER BY n";
    COUNT_NUMBERS = "SELECT count(*) FROM number";
    RAISE_NUMBERS = "UPDATE number SET n = n + $1 RETURNING n";

    INSERT_CELL = "INSERT INTO cell (id, int, real, text, blob) VALUES ($1, $2, $3, $4, $5)";
    CELL = "SELECT int, real, text, blob FROM cell WHERE id = $1";
    RAISE_CELL = "UPDATE cell SET int = int + 1 WHERE id = $1";
    /// Two before one, and one twice.
    OUT_OF_ORDER = "SELECT CAST($2 AS TEXT), CAST($1 AS TEXT), CAST($3 AS BIGINT), CAST($1 AS TEXT)";

    CLAIMS_OF = "SELECT count(*) FROM claim WHERE name = $1";
    INSERT_CLAIM = "INSERT INTO claim (who, name) VALUES ($1, $2)";

    INSERT_PIECE = "INSERT INTO piece (id, bytes) VALUES ($1, $2)";
    COUNT_PIECES = "SELECT count(*) FROM piece";
    DELETE_PIECES = "DELETE FROM piece";

    /// The connection's own number; SQLite has none.
    BACKEND = { sqlite: "SELECT 0", postgres: "SELECT pg_backend_pid()" };
    SHORT_TIMEOUT = {
        sqlite: "SELECT '50ms'",
        postgres: "SELECT set_config('statement_timeout', '50ms', true)",
    };
    LONG_STATEMENT = { sqlite: "SELECT ''", postgres: "SELECT CAST(pg_sleep(60) AS TEXT)" };
}
