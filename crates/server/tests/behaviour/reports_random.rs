//! A report of random histories holds what a plain look at every log counts, at every aggregation, while clocks change.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rozmowa::agent::Role;
use rozmowa::clock::Millis;
use serde_json::{Value, json};

use crate::client::{Request, Wire, get, post, put};
use crate::desk::Desk;
use crate::floor::set;
use crate::reports::{faults, rows, settled};
use crate::server::{Plan, START, Server, started};
use crate::store::on_both_engines;

const HISTORIES: usize = 1_000;
/// Calls at once, each about a conversation of its own.
const AT_ONCE: usize = 8;
const AGENTS: [(&str, &str); 2] = [("jkowalski", "Jan Kowalski"), ("anowak", "Anna Nowak")];
/// Evenings before the clocks go forward, before they go back, and before the last day of a year.
const BEGIN: [&str; 3] = ["2026-03-28T19:00:00Z", "2026-10-24T19:00:00Z", "2026-12-30T19:00:00Z"];
const AGGREGATIONS: [(&str, &str); 7] = [
    ("hour_of_day", "%H"),
    ("minute", "%Y-%m-%d %H:%M"),
    ("hour", "%Y-%m-%d %H"),
    ("day", "%Y-%m-%d"),
    ("week", "%G-W%V"),
    ("month", "%Y-%m"),
    ("year", "%Y"),
];

fn utc(text: &str) -> Millis {
    text.parse::<Timestamp>().expect("a time").as_millisecond()
}

fn one<'a>(random: &mut StdRng, of: &[&'a str]) -> &'a str {
    of[random.random_range(0..of.len())]
}

/// What somebody might do to a conversation. It may be refused: then nothing has happened.
fn something(random: &mut StdRng, id: &str, bot: &str) -> Request {
    let call =
        |what: &str, body: Value| post(format!("/api/chat_conversations/{id}/{what}")).json(&body);
    let login = one(random, &["jkowalski", "anowak"]);
    let of_bot = json!({ "external_chatbot_id": bot, "text": "x" });
    match random.random_range(0..20) {
        0..5 => call("message", json!({ "text": "x" })),
        5..9 => call("reply", json!({ "text": "x", "user_login": login })),
        9..11 => call("assign", json!({ "user_login": login })),
        11 => {
            let queue = random.random_range(3..5);
            call("transfer", json!({ "user_login": login, "chat_queue_id": queue }))
        }
        12 => call("message", of_bot),
        13 => call(one(random, &["assign_bot", "hand_over", "stop"]), of_bot),
        14 => call("rate", json!({ "rating": one(random, &["sad", "neutral", "happy"]) })),
        15 => call("reopen", json!({})),
        16 => call("note", json!({ "text": "x", "user_login": login })),
        _ => call("stop", json!({})),
    }
}

/// Starts conversations and has something happen to them; each with the queue in which it was started.
async fn histories(server: &Server, bot: &str, random: &mut StdRng) -> Vec<(String, i64)> {
    let mut wires: Vec<Wire> = Vec::new();
    for _ in 0..AT_ONCE {
        wires.push(server.wire().await);
    }
    let mut all: Vec<(String, i64)> = Vec::new();
    for (place, begin) in BEGIN.iter().enumerate() {
        let wanted = HISTORIES * (place + 1) / BEGIN.len();
        server.app.clock.advance(utc(begin) - server.app.clock.now());
        while all.len() < wanted {
            // Some ten hours, minutes and seconds together.
            let pause = [500, 30_000, 1_200_000][random.random_range(0..3)];
            server.app.clock.advance(random.random_range(0..pause));
            let queues: Vec<i64> = (0..AT_ONCE).map(|_| random.random_range(3..5)).collect();
            let begun = wires.iter_mut().zip(&queues).map(async |(wire, queue)| {
                let query = [("chat_queue_id", &*queue.to_string())];
                started(&wire.call(&post(START).query(&query)).await)
            });
            all.extend(join_all(begun).await.into_iter().zip(queues.iter().copied()));
            for _ in 0..random.random_range(1..6) {
                server.app.clock.advance(random.random_range(0..pause / 2));
                // Of those that were started last: each call another one.
                let window = all.len().min(AT_ONCE * 6);
                let from = all.len() - window + random.random_range(0..=window - AT_ONCE);
                let chosen = &all[from..from + AT_ONCE];
                let calls: Vec<Request> =
                    chosen.iter().map(|(id, _)| something(random, id, bot)).collect();
                let done = wires.iter_mut().zip(&calls).map(async |(wire, call)| {
                    let answer = wire.call(call).await;
                    assert!([200, 409].contains(&answer.status), "{}", answer.text());
                });
                join_all(done).await;
            }
        }
    }
    all
}

/// What a log says, read in the plainest way.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is counted for itself")]
struct Counted {
    at: Millis,
    queue: i64,
    user: &'static str,
    has_client: bool,
    answered_at: Option<Millis>,
    closed_at: Option<Millis>,
    was_bots: bool,
    was_peoples: bool,
    was_handed_over: bool,
    is_closed_with_bot: bool,
    rating: Option<String>,
}

fn count(events: &[Value], queue: i64) -> Counted {
    let at = |event: &Value| event["at"].as_i64().expect("a time");
    let kind = |event: &Value| event["kind"].as_str().expect("a kind").to_owned();
    let is = |event: &Value, what: &str, by: &str| event["kind"] == what && event["sent_by"] == by;
    let first = &events[0];
    let mut counted = Counted {
        at: at(first),
        queue,
        user: "",
        has_client: events.iter().any(|event| is(event, "message", "CLIENT")),
        answered_at: events.iter().find(|event| is(event, "message", "AGENT")).map(at),
        closed_at: None,
        was_bots: false,
        was_peoples: false,
        was_handed_over: events.iter().any(|event| event["kind"] == "handed_over"),
        is_closed_with_bot: false,
        rating: None,
    };
    let mut has_bot = false;
    for event in events {
        match &*kind(event) {
            "started" => has_bot = !event["bot_id"].is_null(),
            "given_to_bot" => (has_bot, counted.user) = (true, ""),
            "handed_over" | "unassigned" | "transferred" => (has_bot, counted.user) = (false, ""),
            "assigned" => {
                let login = event["agent"]["login"].as_str().expect("a login");
                let name = AGENTS.iter().find(|(known, _)| *known == login).expect("an agent").1;
                (has_bot, counted.user) = (false, name);
            }
            "closed" => {
                (counted.closed_at, counted.is_closed_with_bot) = (Some(at(event)), has_bot);
                has_bot = false;
            }
            "reopened" => {
                (counted.closed_at, counted.is_closed_with_bot, counted.user) = (None, false, "");
            }
            "rated" => counted.rating = event["data"]["rating"].as_str().map(str::to_owned),
            _ => {}
        }
        counted.was_bots |= has_bot;
        // Whoever is not a bot's while it goes on is people's.
        counted.was_peoples |= !has_bot && counted.closed_at.is_none();
        if let Some(queue) = event["data"]["chat_queue_id"].as_i64() {
            counted.queue = queue;
        }
    }
    counted
}

fn lengths(all: impl Iterator<Item = Millis>) -> Value {
    let all: Vec<Millis> = all.collect();
    let shown = |millis: Millis| {
        let seconds = millis / 1_000;
        format!("{:02}:{:02}:{:02}", seconds / 3600, seconds % 3600 / 60, seconds % 60)
    };
    let sum = all.iter().sum::<Millis>();
    json!({
        "min": shown(all.iter().copied().min().unwrap_or(0)),
        "max": shown(all.iter().copied().max().unwrap_or(0)),
        "sum": shown(sum),
        "avg": shown(if all.is_empty() { 0 } else { sum / i64::try_from(all.len()).unwrap() }),
    })
}

fn row((series, user): (&str, &str), all: &[&Counted], threshold: i64) -> Value {
    let wait = |one: &Counted| one.answered_at.map(|at| at - one.at);
    let incoming: Vec<&Counted> = all.iter().copied().filter(|one| one.has_client).collect();
    let count = |which: &dyn Fn(&Counted) -> bool| incoming.iter().filter(|one| which(one)).count();
    let per_cent = |part: usize| {
        #[expect(clippy::cast_precision_loss, reason = "there are few")]
        let exact =
            if incoming.is_empty() { 0.0 } else { 100.0 * part as f64 / incoming.len() as f64 };
        #[expect(clippy::cast_possible_truncation, reason = "it is at most 100")]
        let rounded = exact.round() as i64;
        rounded
    };
    let rated = |name: &str| all.iter().filter(|one| one.rating.as_deref() == Some(name)).count();
    let is_answered = |one: &Counted| one.answered_at.is_some();
    json!({
        "series": series,
        "user_name": user,
        "incoming": incoming.len(),
        "incoming_to_agent": count(&|one| one.was_peoples),
        "incoming_including_empty": all.len(),
        "abandoned": count(&|one| one.closed_at.is_some() && !is_answered(one) && !one.is_closed_with_bot),
        "answered": count(&is_answered),
        "incoming_to_bot": count(&|one| one.was_bots),
        "transferred_by_bot": count(&|one| one.was_handed_over),
        "finished_by_bot": count(&|one| one.is_closed_with_bot),
        "service_level_percent": per_cent(count(&is_answered)),
        "chat_time": lengths(incoming.iter().filter_map(|one| Some(one.closed_at? - one.answered_at?))),
        "wait_time": lengths(incoming.iter().filter_map(|one| wait(one))),
        "sla_percent": per_cent(count(&|one| wait(one).is_some_and(|wait| wait <= threshold * 1_000))),
        "rating": {"rate": {"sad": rated("sad"), "neutral": rated("neutral"), "happy": rated("happy")}},
    })
}

/// The rows of those that are wanted, in order.
fn recount(all: &[Counted], pattern: &str, is_sum: bool, threshold: i64) -> Vec<Value> {
    let zone = TimeZone::get("Europe/Warsaw").expect("it is known");
    let mut periods: BTreeMap<(String, &str), Vec<&Counted>> = BTreeMap::new();
    for one in all {
        let at = Timestamp::from_millisecond(one.at).expect("a time").to_zoned(zone.clone());
        let user = if is_sum { "" } else { one.user };
        periods.entry((at.strftime(pattern).to_string(), user)).or_default().push(one);
    }
    periods.iter().map(|((series, user), all)| row((series, user), all, threshold)).collect()
}

/// All pages of a report.
async fn report(server: &Server, parameters: &[(&str, &str)]) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let offset = all.len().to_string();
        let page = rows(server, &[parameters, &[("offset", &*offset)]].concat()).await;
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_of_random_histories_equal_a_plain_recount_of_their_logs() {
    on_both_engines(async |engine| {
        let server = Plan::on(engine).at(utc(BEGIN[0])).start().await;
        for queue in [3, 4] {
            // Nothing happens by itself.
            set(&server, queue, |settings| settings.no_answer_seconds = 0).await;
        }
        for (login, name) in AGENTS {
            let (name, surname) = name.split_once(' ').expect("two names");
            let agent = json!({ "name": name, "surname": surname });
            server.call(put(format!("/api/agents/{login}")).json(&agent)).await.expect_nothing();
        }
        let bot = post("/api/bots").json(&json!({ "name": "Paczkobot" }));
        let bot = server.call(bot).await.expect(200).json();
        let bot = bot["external_chatbot_id"].as_str().expect("a UUID").to_owned();
        let of_queue = put("/api/chats/queues/4").json(&json!({ "external_chatbot_id": bot }));
        server.call(of_queue).await.expect_nothing();
        let mut random = StdRng::seed_from_u64(10);
        let all = histories(&server, &bot, &mut random).await;
        assert!(all.len() >= HISTORIES);

        let desk = Desk::with(&server, "anowak", Role::Administrator).await;
        let mut wire = server.wire().await;
        let mut counted = Vec::new();
        for (id, queue) in &all {
            let log = desk.signed(get(format!("/console/conversations/{id}/events")));
            let log = wire.call(&log).await.expect(200).json();
            counted.push(count(log["events"].as_array().expect("a list"), *queue));
        }
        let year = [("date_from", "2026-01-01"), ("date_to", "2027-12-31")];
        for is_settled in [false, true] {
            if is_settled {
                settled(&server).await;
            }
            for (by, pattern) in AGGREGATIONS {
                let threshold = random.random_range(0..600);
                let text = threshold.to_string();
                let of = [("aggregate_by", by), ("response_threshold", &*text)];
                let found = report(&server, &[&year[..], &of].concat()).await;
                let expected = recount(&counted, pattern, false, threshold);
                assert_eq!(found.len(), expected.len(), "{engine:?} {by}");
                for (found, expected) in found.iter().zip(&expected) {
                    assert_eq!(found, expected, "{engine:?} {by}");
                }
                // Of some of them.
                let (queue, (login, user)) =
                    (3 + random.random_range(0..2), AGENTS[random.random_range(0..2)]);
                let queue_text = queue.to_string();
                let some = [
                    ("chat_queue_ids[]", &*queue_text),
                    ("user_logins[]", login),
                    ("sum_users", "true"),
                ];
                let found = report(&server, &[&year[..], &of, &some].concat()).await;
                let wanted: Vec<Counted> = counted
                    .iter()
                    .filter(|one| one.queue == queue && one.user == user)
                    .cloned()
                    .collect();
                assert_eq!(found, recount(&wanted, pattern, true, threshold), "{engine:?} {by}");
            }
        }
        assert_eq!(faults(&server).await, [""; 0]);
    })
    .await;
}
