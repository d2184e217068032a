//! How fast a year is counted that had a million conversations.

use std::{
    io,
    path::Path,
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::{Bench, report::Report, stock};
use crate::{client::BlockingConnection, request, server::Server, stats::median};

/// Everything that a stock has was started within minutes. In its place rows that are spread over 2025, of 20 agents, three of four with
/// an answer.
const SPREAD: &str = "
    DELETE FROM report_fact;
    INSERT INTO report_fact (conversation_id, seq, chat_queue_id, agent_id, marks, wait_ms, chat_ms, rating)
        WITH RECURSIVE number (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM number WHERE i + 1 < ?1)
        SELECT unhex(printf('%012x7%03x8%015x', 1735689600000 + i * (31536000000 / ?1), i % 4096, i)),
            8, 3 + i % 2, i % 20, 67, CASE WHEN i % 4 < 3 THEN i % 300000 END, CASE WHEN i % 4 < 3 THEN i % 3000000 END,
            CASE WHEN i % 5 = 0 THEN i % 3 END
        FROM number;";
/// Rows of a year by day: those of the last page need all of it.
const LAST_PAGE: usize = 365 * 20 - 100;

pub(super) fn measure(bench: &Bench, report: &mut Report) -> io::Result<()> {
    let stock = stock::copy(bench, bench.scale.large, "report")?;
    spread(&stock.setup().data.join("rozmowa.sqlite"), bench.scale.large)
        .map_err(io::Error::other)?;
    let server = Server::start(stock.setup())?;
    server.settle(stock::SETTLE_WITHIN)?;
    let mut connection = BlockingConnection::open(server.address())?;
    let path = "/api/chats/reports/summary?date_from=2025-01-01&date_to=2025-12-31";
    for (name, more) in [
        ("report_year_ms", format!("aggregate_by=day&limit=100&offset={LAST_PAGE}")),
        ("report_year_hour_of_day_ms", "aggregate_by=hour_of_day&sum_users=1".to_owned()),
        ("report_year_first_page_ms", "aggregate_by=day&limit=100".to_owned()),
    ] {
        let request = request::get(&format!("{path}&{more}"));
        let mut medians = Vec::new();
        for _ in 0..bench.scale.runs {
            // The first one reads what the others find in memory.
            timed(&mut connection, &request)?;
            let samples = bench.scale.samples.div_ceil(8);
            let took: io::Result<Vec<_>> =
                (0..samples).map(|_| timed(&mut connection, &request)).collect();
            medians.push(median(&took?));
        }
        report.add_median(name, &medians, "ms");
    }
    server.stop()
}

fn spread(file: &Path, count: usize) -> rusqlite::Result<()> {
    let mut database = Connection::open(file)?;
    let tx = database.transaction()?;
    let (delete, insert) = SPREAD.split_once(';').unwrap_or_default();
    tx.execute(delete, [])?;
    tx.execute(insert, [i64::try_from(count).unwrap_or(i64::MAX)])?;
    tx.commit()
}

fn timed(connection: &mut BlockingConnection, request: &[u8]) -> io::Result<f64> {
    let begun = Instant::now();
    connection.call(request)?.expect_ok()?;
    let took: Duration = begun.elapsed();
    Ok(took.as_secs_f64() * 1_000.0)
}
