//! Looking at a database from outside: plans, schema, integrity. For tests and `verify`, never on a call's way.

use crate::session::Session;
use crate::{Error, Stmt};

pub(crate) fn plan_sqlite(
    connection: &rusqlite::Connection,
    stmt: &Stmt,
) -> rusqlite::Result<Vec<String>> {
    let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", stmt.sqlite()))?;
    let mut rows = explain.raw_query();
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        lines.push(row.get(3)?);
    }
    Ok(lines)
}

/// The plan for unknown parameters, on tables where a sequential scan is chosen only if nothing else can be.
pub(crate) fn plan_postgres(session: &mut Session, stmt: &Stmt) -> Result<Vec<String>, Error> {
    let nulls = vec!["NULL"; session.params_of(stmt)?].join(", ");
    let arguments = if nulls.is_empty() { String::new() } else { format!("({nulls})") };
    session.flush()?;
    session
        .batch("SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan")?;
    session.texts(&format!(
        "PREPARE looked_at AS {};
         EXPLAIN (COSTS OFF) EXECUTE looked_at{arguments}; DEALLOCATE looked_at",
        stmt.postgres()
    ))
}

/// Tables that only one engine needs. Full-text indexes are left out too: each engine has its own kind.
const OWN: &str = "'lock_stripe', 'schema_migration'";
const FULL_TEXT: &str =
    "SELECT f.relname::text FROM pg_class f JOIN pg_attribute x ON x.attrelid = f.oid
    WHERE x.atttypid = 'tsvector'::regtype";

pub(crate) fn schema_sqlite(connection: &rusqlite::Connection) -> rusqlite::Result<Vec<String>> {
    let mut lines = connection
        .prepare(&format!(
            "SELECT 'column ' || t.name || '.' || c.name || ' ' || c.type
                    || CASE WHEN c.\"notnull\" OR c.pk THEN ' NOT NULL' ELSE '' END
             FROM sqlite_schema t JOIN pragma_table_info(t.name) c
             WHERE t.name IN (SELECT name FROM pragma_table_list WHERE type = 'table') AND t.type = 'table'
           AND t.name NOT IN ({OWN}) AND t.name NOT LIKE 'sqlite_%'"
        ))?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<String>>>()?;
    let mut indexes = connection.prepare(&format!(
        "SELECT t.name, i.name, i.\"unique\", i.origin,
                (SELECT group_concat(name, ', ') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno)),
                (SELECT s.sql FROM sqlite_schema s WHERE s.name = i.name),
                (SELECT group_concat(name, ', ') FROM (SELECT name FROM pragma_table_info(t.name) WHERE pk > 0 ORDER BY pk))
         FROM sqlite_schema t JOIN pragma_index_list(t.name) i
         WHERE t.name IN (SELECT name FROM pragma_table_list WHERE type = 'table') AND t.type = 'table'
           AND t.name NOT IN ({OWN}) AND t.name NOT LIKE 'sqlite_%'"
    ))?;
    let mut rows = indexes.query([])?;
    while let Some(row) = rows.next()? {
        let (table, name): (String, String) = (row.get(0)?, row.get(1)?);
        let (unique, origin): (bool, String) = (row.get(2)?, row.get(3)?);
        let (columns, sql): (String, Option<String>) = (row.get(4)?, row.get(5)?);
        let filter = sql
            .as_deref()
            .and_then(|sql| sql.split_once(" WHERE "))
            .map_or(String::new(), |(_, filter)| format!(" WHERE {}", bare(filter)));
        if origin == "pk" {
            // A table without row ids lists its key columns as the index.
            let key: String = row.get(6)?;
            lines.push(format!("key {table} ({key})"));
        } else if origin == "u" {
            lines.push(format!("unique {table} ({columns})"));
        } else {
            let kind = if unique { "unique index" } else { "index" };
            lines.push(format!("{kind} {name} on {table} ({columns}){filter}"));
        }
    }
    // A single integer key is the row id itself and has no index of its own.
    let mut keys = connection.prepare(&format!(
        "SELECT t.name, max(c.name) FROM sqlite_schema t JOIN pragma_table_info(t.name) c
         WHERE t.name IN (SELECT name FROM pragma_table_list WHERE type = 'table') AND t.type = 'table'
           AND t.name NOT IN ({OWN}) AND t.name NOT LIKE 'sqlite_%' AND c.pk > 0
           AND NOT EXISTS (SELECT 1 FROM pragma_index_list(t.name) i WHERE i.origin = 'pk')
         GROUP BY t.name HAVING count(*) = 1"
    ))?;
    let mut rows = keys.query([])?;
    while let Some(row) = rows.next()? {
        lines.push(format!("key {} ({})", row.get::<_, String>(0)?, row.get::<_, String>(1)?));
    }
    lines.sort();
    Ok(lines)
}

pub(crate) fn schema_postgres(session: &mut Session) -> Result<Vec<String>, Error> {
    let mut lines: Vec<String> = session
        .query(
            &Stmt::composed(
                "inspect::COLUMNS".to_owned(),
                format!(
                    "SELECT table_name::text, column_name::text, data_type::text, is_nullable::text
                 FROM information_schema.columns
                 WHERE table_schema = current_schema() AND table_name NOT IN ({OWN})
                   AND table_name::text NOT IN ({FULL_TEXT})"
                ),
            ),
            &[],
        )?
        .iter()
        .map(|row| {
            let (table, column, ty): (&str, &str, &str) = (row.get(0), row.get(1), row.get(2));
            // SQLite's one integer, one real and one blob class under their names there.
            let ty = match ty {
                "bigint" => "INTEGER",
                "double precision" => "REAL",
                "bytea" => "BLOB",
                "text" => "TEXT",
                other => other,
            };
            let null = if row.get::<_, &str>(3) == "NO" { " NOT NULL" } else { "" };
            format!("column {table}.{column} {ty}{null}")
        })
        .collect();
    let indexes = session.query(
        &Stmt::composed("inspect::INDEXES".to_owned(), format!(
            "SELECT t.relname::text, i.relname::text, x.indisunique, x.indisprimary,
                    (SELECT string_agg(a.attname, ', ' ORDER BY k.n) FROM unnest(x.indkey::int[]) WITH ORDINALITY k (attnum, n)
                     JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum),
                    pg_get_expr(x.indpred, x.indrelid),
                    EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.oid)
             FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
             JOIN pg_namespace s ON s.oid = t.relnamespace
             WHERE s.nspname = current_schema() AND t.relname NOT IN ({OWN}) AND t.relname::text NOT IN ({FULL_TEXT})"
        )),
        &[],
    )?;
    for row in &indexes {
        let (table, name, columns): (&str, &str, &str) = (row.get(0), row.get(1), row.get(4));
        let filter = row
            .get::<_, Option<&str>>(5)
            .map_or(String::new(), |filter| format!(" WHERE {}", bare(filter)));
        lines.push(if row.get(3) {
            format!("key {table} ({columns})")
        } else if row.get(6) {
            format!("unique {table} ({columns})")
        } else {
            let kind = if row.get(2) { "unique index" } else { "index" };
            format!("{kind} {name} on {table} ({columns}){filter}")
        });
    }
    lines.sort();
    Ok(lines)
}

/// A condition without what the engines print differently.
fn bare(filter: &str) -> String {
    filter
        .replace(['(', ')'], "")
        .replace("::text", "")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

pub(crate) fn integrity_sqlite(connection: &rusqlite::Connection) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare("PRAGMA integrity_check")?
        .query_map([], |row| row.get(0))?
        .filter(|line| !matches!(line, Ok(line) if line == "ok"))
        .collect()
}
