//! How fast conversations are listed when a million are stored.

use std::{io, time::Instant};

use serde_json::Value;

use super::{Bench, report::Report, stock};
use crate::{
    client::BlockingConnection,
    request::{self, DEMO_QUEUE},
    server::Server,
    stats::median,
};

/// A page by cursor must cost the same however much is stored: the next page is found, not counted.
pub(super) fn cursor(bench: &Bench, report: &mut Report) -> io::Result<()> {
    let small = stock::copy(bench, bench.scale.small, "chats")?;
    let large = stock::copy(bench, bench.scale.large, "chats")?;
    let (small, large) = (Server::start(small.setup())?, Server::start(large.setup())?);
    small.settle(stock::SETTLE_WITHIN)?;
    large.settle(stock::SETTLE_WITHIN)?;

    let mut worst: f64 = 0.0;
    let small_filters = cursor_filters(&small)?;
    let large_filters = cursor_filters(&large)?;
    for ((name, small_filter), (_, large_filter)) in small_filters.iter().zip(&large_filters) {
        let mut small_walk = Walk::begin(&small, small_filter)?;
        let mut large_walk = Walk::begin(&large, large_filter)?;
        let mut ratios = Vec::new();
        for _ in 0..bench.scale.runs {
            let mut small_ms = Vec::new();
            let mut large_ms = Vec::new();
            for _ in 0..bench.scale.samples {
                small_ms.push(small_walk.step()?);
                large_ms.push(large_walk.step()?);
            }
            ratios.push(median(&large_ms) / median(&small_ms));
        }
        let ratio = median(&ratios);
        worst = worst.max(ratio);
        report.add(&format!("chats_cursor_ratio_{name}"), ratio, "");
    }
    report.add("chats_cursor_ratio", worst, "");
    small.stop()?;
    large.stop()
}

/// The documented listing, whose `count` is exact.
pub(super) fn count(bench: &Bench, report: &mut Report) -> io::Result<()> {
    let large = stock::copy(bench, bench.scale.large, "chats")?;
    let server = Server::start(large.setup())?;
    server.settle(stock::SETTLE_WITHIN)?;
    let mut connection = BlockingConnection::open(server.address())?;
    let filters = count_filters(&server)?;
    let mut medians: Vec<Vec<f64>> = vec![Vec::new(); filters.len()];
    for _ in 0..bench.scale.runs {
        for ((_, filter), medians) in filters.iter().zip(&mut medians) {
            let request = request::get(&format!("/api/chats?{filter}"));
            timed(&mut connection, &request)?;
            let mut samples = Vec::new();
            // A quarter of the samples of a cursor: these calls may be tens of times slower.
            for _ in 0..bench.scale.samples.div_ceil(4) {
                samples.push(timed(&mut connection, &request)?);
            }
            medians.push(median(&samples));
        }
    }
    let mut worst: f64 = 0.0;
    for ((name, _), medians) in filters.iter().zip(&medians) {
        let value = median(medians);
        worst = worst.max(value);
        report.add(&format!("chats_count_ms_{name}"), value, "ms");
    }
    report.add("chats_count_ms", worst, "ms");
    server.stop()
}

type Filters = Vec<(&'static str, String)>;

fn cursor_filters(server: &Server) -> io::Result<Filters> {
    let landmarks = Landmarks::find(server)?;
    Ok(vec![
        ("none", String::new()),
        ("created", "status=CREATED".to_owned()),
        ("closed", "status=CLOSED".to_owned()),
        ("queue", format!("chat_queue_id={DEMO_QUEUE}")),
        ("customer", "customer_id=1".to_owned()),
        // Nobody's: the whole of an index, or of the table, for an empty page.
        ("user", "user_login=nobody".to_owned()),
        ("dates", format!("date_from={}&date_to={}", landmarks.middle, landmarks.later)),
    ])
}

fn count_filters(server: &Server) -> io::Result<Filters> {
    let middle = Landmarks::find(server)?.middle;
    let queue = format!("chat_queue_id={DEMO_QUEUE}");
    Ok(vec![
        ("none", String::new()),
        ("created", "status=CREATED".to_owned()),
        ("in_progress", "status=IN_PROGRESS".to_owned()),
        ("closed", "status=CLOSED".to_owned()),
        ("queue", queue.clone()),
        ("half", format!("date_from={middle}")),
        ("closed_queue_half", format!("status=CLOSED&{queue}&date_from={middle}")),
        ("customer", "customer_id=1".to_owned()),
        ("client", "client_id=1234".to_owned()),
        ("unknown_client", "client_id=unknown-1011".to_owned()),
        ("updated", format!("updated_from={middle}")),
    ])
}

/// Moments inside the stored conversations, ready for a query.
struct Landmarks {
    middle: String,
    /// A little after the middle, so that the range holds a few conversations of a hundred.
    later: String,
}

impl Landmarks {
    fn find(server: &Server) -> io::Result<Self> {
        let mut connection = BlockingConnection::open(server.address())?;
        let count = ask(&mut connection, "limit=1")?
            .get("count")
            .and_then(Value::as_u64)
            .ok_or_else(|| io::Error::other("the list has no count"))?;
        let middle = created_at(&mut connection, count / 2)?;
        // The API takes whole seconds: widen the range until something falls into it.
        let mut later = middle.clone();
        for part in [50, 20, 10, 5, 3] {
            later = created_at(&mut connection, count / 2 - count / part)?;
            let range = format!("date_from={middle}&date_to={later}&limit=1");
            let found = ask(&mut connection, &range)?;
            if found.get("count").and_then(Value::as_u64) > Some(0) {
                break;
            }
        }
        Ok(Self { middle, later })
    }
}

fn ask(connection: &mut BlockingConnection, query: &str) -> io::Result<Value> {
    let answer = connection.call(&request::get(&format!("/api/chats?{query}")))?;
    answer.expect_ok()?;
    answer.json()
}

/// When the conversation at this place of the list started, to the second.
fn created_at(connection: &mut BlockingConnection, offset: u64) -> io::Result<String> {
    let list = ask(connection, &format!("limit=1&offset={offset}"))?;
    list.pointer("/result/0/created_at")
        .and_then(Value::as_str)
        .and_then(|time| time.get(..19))
        .map(request::query_value)
        .ok_or_else(|| io::Error::other(format!("no created_at at offset {offset}: {list}")))
}

/// Pages of one listing, one after the other, from the first again after the last: early and late
/// pages alike.
struct Walk {
    connection: BlockingConnection,
    filter: String,
    cursor: String,
}

impl Walk {
    fn begin(server: &Server, filter: &str) -> io::Result<Self> {
        let mut walk = Self {
            connection: BlockingConnection::open(server.address())?,
            filter: filter.to_owned(),
            cursor: String::new(),
        };
        walk.step()?;
        Ok(walk)
    }

    /// Fetches the next page; milliseconds.
    fn step(&mut self) -> io::Result<f64> {
        let path = format!("/api/chats?cursor={}&limit=100&{}", self.cursor, self.filter);
        let request = request::get(path.trim_end_matches('&'));
        let begun = Instant::now();
        let answer = self.connection.call(&request)?;
        let took = begun.elapsed();
        answer.expect_ok()?;
        self.cursor = match answer.json()?.get("next_cursor") {
            Some(Value::String(cursor)) => request::query_value(cursor),
            Some(Value::Null) => String::new(),
            _ => return Err(io::Error::other("a page by cursor has no next_cursor")),
        };
        Ok(took.as_secs_f64() * 1_000.0)
    }
}

fn timed(connection: &mut BlockingConnection, request: &[u8]) -> io::Result<f64> {
    let begun = Instant::now();
    connection.call(request)?.expect_ok()?;
    Ok(begun.elapsed().as_secs_f64() * 1_000.0)
}
