//! The report at the console: the same rows, and everything together.

use rozmowa::http::Code;
use rozmowa::report::period::Aggregation;
use rozmowa::report::summary::{self, Query};
use serde_json::{Value, json};

use crate::client::get;
use crate::desk::{Desk, start_in};
use crate::reports;
use crate::server::Server;
use crate::store::on_both_engines;

const JUNE: [(&str, &str); 2] = [("date_from", "2026-06-01"), ("date_to", "2026-06-30")];

async fn report(server: &Server, desk: &Desk, more: &[(&str, &str)]) -> Value {
    let target = get("/console/reports/summary").query(&[&JUNE[..], more].concat());
    server.call(desk.signed(target)).await.expect(200).json()
}

/// One of the numbers, of each row.
fn numbers(rows: &Value, name: &str) -> Vec<i64> {
    let rows = rows.as_array().expect("a list");
    rows.iter().map(|row| row[name].as_i64().expect("an integer")).collect()
}

/// Two that Jan has answered in two queues, half a minute apart; one that nobody has.
async fn three(server: &Server) {
    for (queue, login) in [(3, Some("jkowalski")), (4, Some("jkowalski")), (3, None)] {
        let id = start_in(server, queue).await;
        server.message(&id, "Halo?").await;
        server.app.clock.advance(30_000);
        if let Some(login) = login {
            server.reply(&id, login, "Słucham").await;
        }
        server.app.clock.advance(60_000);
        server.stop(&id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_shows_the_rows_of_the_method_and_everything_together() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let desk = Desk::supervisor(&server, "anowak").await;
        three(&server).await;
        for more in [
            vec![],
            vec![("sum_users", "true"), ("aggregate_by", "minute")],
            vec![("chat_queue_ids[]", "3"), ("aggregate_by", "hour_of_day")],
            vec![("user_logins[]", "jkowalski"), ("response_threshold", "30")],
        ] {
            let shown = report(&server, &desk, &more).await;
            let rows = reports::rows(&server, &[&JUNE[..], &more].concat()).await;
            assert_eq!(shown["rows"], json!(rows), "{more:?}");
            assert_eq!(shown["is_cut"], false);
            let sum = |rows: &Value| numbers(rows, "incoming").iter().sum::<i64>();
            let total = shown["total"]["incoming"].as_i64().expect("an integer");
            assert_eq!([sum(&shown["rows"]), sum(&shown["agents"])], [total; 2], "{more:?}");
        }
        let by_minute =
            [("sum_users", "1"), ("aggregate_by", "minute"), ("response_threshold", "30")];
        let shown = report(&server, &desk, &by_minute).await;
        assert_eq!(numbers(&shown["rows"], "incoming"), [1, 1, 1]);
        let total = &shown["total"];
        assert_eq!((&total["series"], &total["user_name"]), (&json!(""), &json!("")));
        assert_eq!(numbers(&json!([total]), "sla_percent"), [67]);
        assert_eq!(total["wait_time"]["avg"], "00:00:30");
        assert_eq!(total["chat_time"]["sum"], "00:02:00");
        let names: Vec<_> =
            shown["agents"].as_array().unwrap().iter().map(|row| &row["user_name"]).collect();
        assert_eq!(names[0], "", "nobody's comes first");
        assert_eq!(
            numbers(&shown["agents"], "answered"),
            [0, 2],
            "though rows are of all together"
        );
        assert_eq!(numbers(&shown["queues"], "chat_queue_id"), [3, 4]);
        let counts: Vec<_> = shown["queues"]
            .as_array()
            .unwrap()
            .iter()
            .map(|queue| {
                (queue["counts"]["incoming"].clone(), queue["counts"]["abandoned"].clone())
            })
            .collect();
        assert_eq!(counts, [(json!(2), json!(1)), (json!(1), json!(0))]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_is_cut_says_so_and_counts_the_rest_all_the_same() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        three(&server).await;
        let zone = server.app.config.time_zone.clone();
        let cut = async |limit: usize| {
            let query = Query {
                from: 0,
                until: i64::MAX >> 20,
                agents: None,
                queues: None,
                is_sum: true,
                by: Aggregation::Minute,
                threshold: 20_000,
                limit,
                offset: 0,
            };
            let zone = zone.clone();
            let read = server.app.db.read(move |tx| summary::report(tx, &query, &zone)).await;
            serde_json::to_value(read.expect("it can be read")).expect("JSON")
        };
        for (limit, rows, is_cut) in [(1, 1, true), (2, 2, true), (3, 3, false), (9, 3, false)] {
            let shown = cut(limit).await;
            assert_eq!(shown["rows"].as_array().unwrap().len(), rows, "{limit}");
            assert_eq!(shown["is_cut"], is_cut, "{limit}");
            assert_eq!(shown["total"]["incoming"], 3, "{limit}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_for_supervisors_and_says_all_that_is_wrong() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let agent = Desk::agent(&server, "jkowalski", 3).await;
        let refused = agent.get(&server, "/console/reports/summary").await;
        assert_eq!(refused.status, 403);
        let supervisor = Desk::supervisor(&server, "anowak").await;
        let wrong = get("/console/reports/summary").query(&[
            ("date_from", "soon"),
            ("aggregate_by", "decade"),
            ("chat_queue_ids[]", "x"),
        ]);
        server.call(supervisor.signed(wrong)).await.expect_faults(&[
            Code::NotTime,
            Code::Missing,
            Code::NotInteger,
            Code::NotOneOf,
        ]);
    })
    .await;
}
