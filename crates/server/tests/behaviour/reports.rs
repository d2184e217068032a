//! The report: what every parameter does, what each number counts, and what days look like on which the clocks change.

use rozmowa::clock::Millis;
use rozmowa::http::Code;
use rozmowa::report::build;
use rozmowa::search;
use rozmowa_db::{Stmt, Tx};
use serde_json::{Value, json};

use crate::client::{Request, delete, get, post, put};
use crate::desk::start_in;
use crate::floor::set;
use crate::server::{NOON, Plan, Server};
use crate::store::{Engine, on_both_engines};
use crate::visitors::with_link;

pub const SUMMARY: &str = "/api/chats/reports/summary";
const SECOND: Millis = 1_000;
const HOUR: Millis = 3_600 * SECOND;

pub fn of(parameters: &[(&str, &str)]) -> Request {
    get(SUMMARY).query(parameters)
}

pub async fn rows(server: &Server, parameters: &[(&str, &str)]) -> Vec<Value> {
    let rows = server.call(of(parameters)).await.expect(200).json();
    rows.as_array().expect("a bare array").clone()
}

/// The report of June 2026 and what is around it.
async fn june(server: &Server, more: &[(&str, &str)]) -> Vec<Value> {
    let dates = [("date_from", "2026-05-01"), ("date_to", "2026-07-31")];
    rows(server, &[&dates[..], more].concat()).await
}

/// Series, agents, and one of the numbers.
fn told(rows: &[Value], number: &str) -> Vec<(String, String, i64)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let row = |row: &Value| {
        let number = row[number].as_i64().expect("an integer");
        (text(&row["series"]), text(&row["user_name"]), number)
    };
    rows.iter().map(row).collect()
}

fn series(rows: &[Value]) -> Vec<(&str, i64)> {
    let row = |row: &'_ Value| row["incoming"].as_i64().expect("an integer");
    rows.iter().map(|r| (r["series"].as_str().expect("a text"), row(r))).collect()
}

/// Until nothing is left that a report would have to read from logs.
pub async fn settled(server: &Server) {
    let behind = "SELECT 1 FROM conversation WHERE seq > indexed_seq LIMIT 1".to_owned();
    let behind = Stmt::composed("what is behind".to_owned(), behind);
    let is_behind = move |tx: &mut Tx<'_>| Ok(tx.query_opt(&behind, &[], |_| Ok(()))?.is_some());
    while build::step(&server.app.db).await.expect("a step") {}
    while server.write(is_behind).await {
        while server.write(search::index::step).await {}
    }
}

async fn named(server: &Server) {
    for (login, name, surname) in [("jkowalski", "John", "Doe"), ("anowak", "Anna", "Nowak")] {
        let agent = json!({ "name": name, "surname": surname });
        server.call(put(format!("/api/agents/{login}")).json(&agent)).await.expect_nothing();
    }
    for queue in [3, 4] {
        set(server, queue, |settings| settings.no_answer_seconds = 0).await;
    }
}

async fn rate(server: &Server, id: &str, rating: &str) {
    let target = format!("/api/chat_conversations/{id}/rate");
    server.call(post(target).form(&[("rating", rating)])).await.expect(200);
}

/// A client asks, and is answered so many seconds later.
async fn answered(server: &Server, queue: i64, login: &str, after: Millis) -> String {
    let id = start_in(server, queue).await;
    server.message(&id, "Dzień dobry").await;
    server.app.clock.advance(after * SECOND);
    server.reply(&id, login, "Dzień dobry").await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_as_the_vendor_documents_it() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        named(&server).await;
        let id = answered(&server, 3, "jkowalski", 0).await;
        server.app.clock.advance(48 * SECOND + 999);
        server.stop(&id).await;
        let times = |text: &str| json!({"min": text, "max": text, "sum": text, "avg": text});
        let expected = json!([{
            "series": "2026-06", "user_name": "John Doe", "incoming": 1, "incoming_to_agent": 1,
            "incoming_including_empty": 1, "abandoned": 0, "answered": 1, "incoming_to_bot": 0,
            "transferred_by_bot": 0, "finished_by_bot": 0, "service_level_percent": 100,
            "chat_time": times("00:00:48"), "wait_time": times("00:00:00"), "sla_percent": 100,
            "rating": {"rate": {"sad": 0, "neutral": 0, "happy": 0}},
        }]);
        assert_eq!(json!(june(&server, &[]).await), expected);
        settled(&server).await;
        assert_eq!(json!(june(&server, &[]).await), expected, "the same without the log");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_knows_what_was_acknowledged_before_it() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        named(&server).await;
        let id = start_in(&server, 3).await;
        let number = async |name: &str| {
            june(&server, &[("sum_users", "1")]).await.first().map(|row| row[name].clone())
        };
        assert_eq!(number("incoming_including_empty").await, Some(json!(1)));
        assert_eq!(number("incoming").await, Some(json!(0)));
        for round in 0..3 {
            server.message(&id, "Halo?").await;
            assert_eq!(number("incoming").await, Some(json!(1)));
            if round == 0 {
                settled(&server).await;
                assert_eq!(number("answered").await, Some(json!(0)));
            }
            server.reply(&id, "jkowalski", "Słucham").await;
            assert_eq!(number("answered").await, Some(json!(1)));
            server.stop(&id).await;
            assert_eq!(number("abandoned").await, Some(json!(0)));
            rate(&server, &id, ["sad", "neutral", "happy"][round]).await;
            let rates = number("rating").await.expect("a row")["rate"].clone();
            let [sad, neutral, happy] = [0, 1, 2].map(|place| i64::from(place == round));
            assert_eq!(rates, json!({"sad": sad, "neutral": neutral, "happy": happy}));
            server.call(post(format!("/api/chat_conversations/{id}/reopen"))).await.expect(200);
        }
        let deleted = server.call(delete(format!("/api/chat_conversations/{id}"))).await;
        deleted.expect_nothing();
        assert_eq!(june(&server, &[]).await, Vec::<Value>::new(), "its numbers go with it");
        settled(&server).await;
        assert_eq!(june(&server, &[]).await, Vec::<Value>::new());
        assert_eq!(faults(&server).await, [""; 0]);
    })
    .await;
}

pub async fn faults(server: &Server) -> Vec<String> {
    let found = server.app.db.read(|tx| {
        let mut faults = Vec::new();
        build::orphans(tx, &mut faults)?;
        let mut after = uuid::Uuid::nil();
        while let Some(last) = build::verify(tx, &after, 100, &mut faults)? {
            after = last;
        }
        Ok::<_, rozmowa::http::Error>(faults)
    });
    found.await.expect("it can be read")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_number_counts_what_the_reference_says() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        named(&server).await;
        // Answered after 10, 20 and 40 s; two closed after 100 s and 30 hours, one goes on.
        let first = answered(&server, 3, "jkowalski", 10).await;
        let second = answered(&server, 3, "jkowalski", 20).await;
        let third = answered(&server, 3, "jkowalski", 40).await;
        server.app.clock.advance(40 * SECOND);
        server.stop(&first).await;
        // Nobody's: abandoned, waiting, and two empty ones.
        let gone = start_in(&server, 3).await;
        server.message(&gone, "Halo?").await;
        server.stop(&gone).await;
        let waits = start_in(&server, 3).await;
        server.message(&waits, "Halo?").await;
        let empty = start_in(&server, 3).await;
        server.stop(&empty).await;
        start_in(&server, 3).await;
        for (id, rating) in
            [(&first, "happy"), (&second, "happy"), (&gone, "sad"), (&empty, "neutral")]
        {
            rate(&server, id, rating).await;
        }
        server.app.clock.advance(30 * HOUR);
        server.stop(&third).await;
        let rows = june(&server, &[]).await;
        assert_eq!(
            told(&rows, "incoming_including_empty"),
            [("2026-06".into(), String::new(), 4), ("2026-06".into(), "John Doe".into(), 3)]
        );
        let (nobody, john) = (&rows[0], &rows[1]);
        let of = |row: &Value, names: &[&str]| {
            names.iter().map(|name| row[*name].as_i64().unwrap()).collect::<Vec<_>>()
        };
        let names = [
            "incoming",
            "incoming_to_agent",
            "abandoned",
            "answered",
            "service_level_percent",
            "sla_percent",
        ];
        assert_eq!(of(nobody, &names), [2, 2, 1, 0, 0, 0]);
        assert_eq!(of(john, &names), [3, 3, 0, 3, 100, 67]);
        let waited =
            json!({"min": "00:00:10", "max": "00:00:40", "sum": "00:01:10", "avg": "00:00:23"});
        assert_eq!(john["wait_time"], waited);
        let talked =
            json!({"min": "00:01:40", "max": "30:00:40", "sum": "30:02:20", "avg": "15:01:10"});
        assert_eq!(john["chat_time"], talked);
        let none =
            json!({"min": "00:00:00", "max": "00:00:00", "sum": "00:00:00", "avg": "00:00:00"});
        assert_eq!((&nobody["chat_time"], &nobody["wait_time"]), (&none, &none));
        assert_eq!(john["rating"], json!({"rate": {"sad": 0, "neutral": 0, "happy": 2}}));
        assert_eq!(nobody["rating"], json!({"rate": {"sad": 1, "neutral": 1, "happy": 0}}));
        // What was said is no part of it.
        for id in [&first, &gone] {
            server
                .call(delete(format!("/api/chat_conversations/content/{id}/both")))
                .await
                .expect_nothing();
        }
        assert_eq!(june(&server, &[]).await, rows);
        settled(&server).await;
        assert_eq!(june(&server, &[]).await, rows);
        // Another queue, nobody's any more, and somebody else's.
        let transfer = |id: &str| post(format!("/api/chat_conversations/{id}/transfer"));
        let to_queue = json!({"user_login": "jkowalski", "chat_queue_id": 4});
        server.call(transfer(&second).json(&to_queue)).await.expect_nothing();
        let moved = june(&server, &[]).await;
        assert_eq!(
            told(&moved, "answered"),
            [("2026-06".into(), String::new(), 1), ("2026-06".into(), "John Doe".into(), 2)]
        );
        server.assign(&second, "anowak").await.expect_nothing();
        let moved = june(&server, &[("chat_queue_ids", "4")]).await;
        assert_eq!(told(&moved, "answered"), [("2026-06".into(), "Anna Nowak".into(), 1)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_parameter_does_what_it_says() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        named(&server).await;
        for (queue, login, after) in
            [(3, "jkowalski", 5), (4, "jkowalski", 30), (3, "anowak", 5), (3, "retired", 5)]
        {
            answered(&server, queue, login, after).await;
        }
        let alone = start_in(&server, 4).await;
        server.message(&alone, "Halo?").await;
        let all = |rows: &[Value]| {
            told(rows, "incoming")
                .into_iter()
                .map(|(_, user, number)| (user, number))
                .collect::<Vec<_>>()
        };
        let row = |user: &str, number: i64| (user.to_owned(), number);
        let by_name = [row("", 1), row("Anna Nowak", 1), row("John Doe", 2), row("retired", 1)];
        assert_eq!(
            all(&june(&server, &[]).await),
            by_name,
            "who has no name is called by the login"
        );
        assert_eq!(all(&june(&server, &[("sum_users", "true")]).await), [row("", 5)]);
        let logins = [("user_logins[]", "jkowalski"), ("user_logins[]", "anowak")];
        assert_eq!(all(&june(&server, &logins).await), by_name[1..3]);
        assert_eq!(
            all(&june(&server, &[&logins[..], &[("sum_users", "1")]].concat()).await),
            [row("", 3)]
        );
        assert!(june(&server, &[("user_logins[]", "nobody")]).await.is_empty());
        assert_eq!(
            all(&june(&server, &[("chat_queue_ids[]", "4")]).await),
            [row("", 1), row("John Doe", 1)]
        );
        let both = [("chat_queue_ids[]", "3"), ("chat_queue_ids[]", "999")];
        assert_eq!(
            all(&june(&server, &both).await),
            [row("Anna Nowak", 1), row("John Doe", 1), row("retired", 1)]
        );
        for (threshold, per_cent) in [("4", 0), ("5", 50), ("30", 100), ("0", 0)] {
            let john = [("user_logins", "jkowalski"), ("response_threshold", threshold)];
            assert_eq!(june(&server, &john).await[0]["sla_percent"], per_cent, "{threshold}");
        }
        for (limit, offset, expected) in [
            ("2", "0", 0..2),
            ("2", "1", 1..3),
            ("100", "3", 3..4),
            ("1000", "0", 0..4),
            ("0", "0", 0..0),
            ("5", "4", 4..4),
        ] {
            let page = june(&server, &[("limit", limit), ("offset", offset)]).await;
            assert_eq!(all(&page), by_name[expected], "{limit} {offset}");
        }
        let bounds = async |from: &str, to: &str| {
            let rows =
                rows(&server, &[("date_from", from), ("date_to", to), ("sum_users", "1")]).await;
            rows.first().map_or(0, |row| row["incoming"].as_i64().unwrap())
        };
        assert_eq!(bounds("2026-06-01", "2026-06-01").await, 5);
        assert_eq!(bounds("2026-06-01 12:00:05", "2026-06-01 12:00:05").await, 1);
        assert_eq!(bounds("2026-06-02", "2026-06-30").await, 0);
        assert_eq!(bounds("2026-06-30", "2026-06-01").await, 0);
        server.call(get(SUMMARY)).await.expect_faults(&[Code::Missing, Code::Missing]);
        let wrong = [
            ("date_from", "soon"),
            ("date_to", "2026-06-01"),
            ("aggregate_by", "decade"),
            ("response_threshold", "-1"),
            ("chat_queue_ids[]", "x"),
            ("sum_users", "both"),
        ];
        server.call(of(&wrong)).await.expect_faults(&[
            Code::NotTime,
            Code::NotInteger,
            Code::NotBoolean,
            Code::NotOneOf,
            Code::NotCount,
        ]);
    })
    .await;
}

fn utc(text: &str) -> Millis {
    text.parse::<jiff::Timestamp>().expect("a time").as_millisecond()
}

/// A conversation of one message at each of the given times, which rise.
async fn begun_at(engine: Engine, times: &[&str]) -> Server {
    let server = Plan::on(engine).at(utc(times[0])).start().await;
    for time in times {
        server.app.clock.advance(utc(time) - server.app.clock.now());
        let id = start_in(&server, 3).await;
        server.message(&id, "Halo?").await;
    }
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hour_that_clocks_repeat_is_one_period() {
    on_both_engines(async |engine| {
        // 01:59, 02:30 twice, 02:59 for the second time, 03:00, and the next day.
        let times = [
            "2026-10-24T23:59:00Z",
            "2026-10-25T00:30:00Z",
            "2026-10-25T01:30:10Z",
            "2026-10-25T01:59:59Z",
            "2026-10-25T02:00:00Z",
            "2026-10-25T23:00:00Z",
        ];
        let server = begun_at(engine, &times).await;
        for is_settled in [false, true] {
            if is_settled {
                settled(&server).await;
            }
            let by = async |by: &str| {
                rows(
                    &server,
                    &[("date_from", "2026-10-24"), ("date_to", "2026-10-26"), ("aggregate_by", by)],
                )
                .await
            };
            assert_eq!(
                series(&by("minute").await),
                [
                    ("2026-10-25 01:59", 1),
                    ("2026-10-25 02:30", 2),
                    ("2026-10-25 02:59", 1),
                    ("2026-10-25 03:00", 1),
                    ("2026-10-26 00:00", 1)
                ]
            );
            assert_eq!(
                series(&by("hour").await),
                [
                    ("2026-10-25 01", 1),
                    ("2026-10-25 02", 3),
                    ("2026-10-25 03", 1),
                    ("2026-10-26 00", 1)
                ]
            );
            assert_eq!(
                series(&by("hour_of_day").await),
                [("00", 1), ("01", 1), ("02", 3), ("03", 1)]
            );
            assert_eq!(series(&by("day").await), [("2026-10-25", 5), ("2026-10-26", 1)]);
            assert_eq!(series(&by("week").await), [("2026-W43", 5), ("2026-W44", 1)]);
            let hour = [
                ("date_from", "2026-10-25 02:00"),
                ("date_to", "2026-10-25 02:59"),
                ("aggregate_by", "hour"),
            ];
            assert_eq!(series(&rows(&server, &hour).await), [("2026-10-25 02", 3)]);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hour_that_clocks_skip_has_no_row() {
    on_both_engines(async |engine| {
        // 01:59:59, 03:00, and 23:59 of a day of 23 hours.
        let times = [
            "2026-03-29T00:59:59Z",
            "2026-03-29T01:00:00Z",
            "2026-03-29T21:59:00Z",
            "2026-03-29T22:00:00Z",
        ];
        let server = begun_at(engine, &times).await;
        let by = async |by: &str| {
            rows(
                &server,
                &[("date_from", "2026-03-01"), ("date_to", "2026-03-31"), ("aggregate_by", by)],
            )
            .await
        };
        assert_eq!(
            series(&by("hour").await),
            [
                ("2026-03-29 01", 1),
                ("2026-03-29 03", 1),
                ("2026-03-29 23", 1),
                ("2026-03-30 00", 1)
            ]
        );
        assert_eq!(series(&by("day").await), [("2026-03-29", 3), ("2026-03-30", 1)]);
        let skipped = [("date_from", "2026-03-29 02:00"), ("date_to", "2026-03-29 02:59")];
        assert!(rows(&server, &skipped).await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_belongs_to_the_period_of_its_start() {
    on_both_engines(async |engine| {
        // The last minute of 2026 in Warsaw, and the first of 2027; both days are of the year's 53rd week.
        let server = begun_at(engine, &["2026-12-31T22:59:30Z", "2026-12-31T23:00:30Z"]).await;
        let dates = [("date_from", "2026-12-01"), ("date_to", "2027-12-31")];
        let found = server.found(&[]).await;
        for id in &found {
            server.app.clock.advance(40 * 24 * HOUR);
            server.reply(id, "jkowalski", "Dzień dobry").await;
            server.stop(id).await;
        }
        let by =
            async |by: &str| rows(&server, &[&dates[..], &[("aggregate_by", by)]].concat()).await;
        assert_eq!(series(&by("year").await), [("2026", 1), ("2027", 1)]);
        assert_eq!(series(&by("month").await), [("2026-12", 1), ("2027-01", 1)]);
        assert_eq!(series(&by("week").await), [("2026-W53", 2)]);
        assert_eq!(by("year").await[0]["wait_time"]["max"], "1920:01:00");
        let first = rows(&server, &[&dates[..], &[("limit", "1"), ("offset", "1")]].concat()).await;
        assert_eq!(series(&first), [("2027-01", 1)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bots_are_counted_and_so_are_messages_of_files_alone() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        named(&server).await;
        let bot = server
            .call(post("/api/bots").json(&json!({"name": "Paczkobot"})))
            .await
            .expect(200)
            .json();
        let bot = bot["external_chatbot_id"].as_str().expect("a UUID").to_owned();
        server
            .call(put("/api/chats/queues/3").json(&json!({"external_chatbot_id": bot})))
            .await
            .expect_nothing();
        let call = async |id: &str, what: &str| {
            let body = json!({"external_chatbot_id": bot, "text": "Już sprawdzam."});
            server
                .call(post(format!("/api/chat_conversations/{id}/{what}")).json(&body))
                .await
                .expect(200);
        };
        let asked = async |queue: i64| {
            let id = start_in(&server, queue).await;
            server.message(&id, "Gdzie paczka?").await;
            id
        };
        // Closed by the bot, by the client, handed over and abandoned, handed over and answered, taken, and still the bot's.
        let [by_bot, by_client, abandoned, over, taken, _open] = [
            asked(3).await,
            asked(3).await,
            asked(3).await,
            asked(3).await,
            asked(3).await,
            asked(3).await,
        ];
        call(&by_bot, "message").await;
        call(&by_bot, "stop").await;
        server.stop(&by_client).await;
        call(&abandoned, "hand_over").await;
        server.stop(&abandoned).await;
        call(&over, "hand_over").await;
        server.reply(&over, "jkowalski", "Dzień dobry").await;
        server.reply(&taken, "jkowalski", "Dzień dobry").await;
        // Empty: no number but one.
        let empty = start_in(&server, 3).await;
        call(&empty, "stop").await;
        let row = june(&server, &[("sum_users", "1")]).await.remove(0);
        let names = [
            "incoming_including_empty",
            "incoming",
            "incoming_to_bot",
            "incoming_to_agent",
            "transferred_by_bot",
            "finished_by_bot",
            "answered",
            "abandoned",
            "service_level_percent",
        ];
        assert_eq!(names.map(|name| row[name].as_i64().unwrap()), [7, 6, 6, 3, 2, 2, 2, 1, 33]);
        // People's first, then a bot's; and a client who sends a file and no word.
        let file = start_in(&server, 4).await;
        let visitor = with_link(&server, &file).await;
        let uploaded = visitor.upload(&server, "a.txt", "x").await.expect(200).json();
        let body = json!({"file_ids": [uploaded["file_id"]]});
        server.call(visitor.post("/messages").json(&body)).await.expect(200);
        call(&file, "assign_bot").await;
        call(&file, "stop").await;
        let row = june(&server, &[("chat_queue_ids", "4")]).await.remove(0);
        assert_eq!(names.map(|name| row[name].as_i64().unwrap()), [1, 1, 1, 1, 0, 1, 0, 0, 0]);
        let before = june(&server, &[]).await;
        settled(&server).await;
        assert_eq!(june(&server, &[]).await, before);
        assert_eq!(faults(&server).await, [""; 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_reports_count_can_be_thrown_away_and_made_anew() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        named(&server).await;
        let mut all = Vec::new();
        for place in 0..120 {
            let id = start_in(&server, 3 + place % 2).await;
            server.message(&id, "Halo?").await;
            all.push(id);
        }
        for id in &all[..60] {
            server.reply(id, "anowak", "Dzień dobry").await;
        }
        settled(&server).await;
        let expected = june(&server, &[]).await;
        assert_eq!(series(&expected), [("2026-06", 60), ("2026-06", 60)]);
        // As an installation is that was there before reports.
        server.write(build::begin).await;
        server.execute("DELETE FROM report_fact").await;
        assert_eq!(june(&server, &[]).await, expected, "the logs are read");
        // Something happens meanwhile, before and behind the place where a step ends.
        assert!(build::step(&server.app.db).await.expect("a step"));
        server.reply(&all[0], "anowak", "Jeszcze raz").await;
        server.reply(&all[119], "anowak", "Dzień dobry").await;
        server.call(delete(format!("/api/chat_conversations/{}", all[1]))).await.expect_nothing();
        server.call(delete(format!("/api/chat_conversations/{}", all[118]))).await.expect_nothing();
        let expected = june(&server, &[]).await;
        assert_eq!(series(&expected), [("2026-06", 58), ("2026-06", 60)]);
        // What was wrong is right afterwards, and whoever is stopped goes on.
        settled(&server).await;
        assert_eq!(june(&server, &[]).await, expected);
        server.execute("UPDATE report_fact SET marks = 0, wait_ms = 5").await;
        assert_eq!(faults(&server).await.len(), 118);
        server.write(build::begin).await;
        server.write(build::begin).await;
        settled(&server).await;
        assert_eq!((june(&server, &[]).await, faults(&server).await), (expected, Vec::new()));
        // The search made anew is none of the report's business.
        let mut after = Some(uuid::Uuid::nil());
        while let Some(from) = after {
            after = server.write(move |tx| search::index::clear(tx, &from)).await;
        }
        let again = june(&server, &[]).await;
        settled(&server).await;
        assert_eq!((june(&server, &[]).await, faults(&server).await), (again, Vec::new()));
        assert_eq!(server.app.clock.now(), NOON);
    })
    .await;
}
