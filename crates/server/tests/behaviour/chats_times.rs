//! Times are local times of the installation's zone, also on the days when clocks change.

use rozmowa::clock::Millis;

use crate::server::{Plan, Server};
use crate::store::{Engine, on_both_engines};

fn at(utc: &str) -> Millis {
    utc.parse::<jiff::Timestamp>().expect("a time").as_millisecond()
}

/// One conversation at each of the given times, which rise.
async fn starting_at(engine: Engine, times: &[&str]) -> (Server, Vec<String>) {
    let server = Plan::on(engine).at(at(times[0])).start().await;
    let mut ids = Vec::new();
    for time in times {
        server.app.clock.advance(at(time) - server.app.clock.now());
        ids.push(server.start(&[]).await);
    }
    (server, ids)
}

async fn created(server: &Server, filter: &[(&str, &str)]) -> Vec<String> {
    let chats = server.chats(filter).await;
    let mut times: Vec<_> = chats["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|chat| chat["created_at"].as_str().unwrap().to_owned())
        .collect();
    times.reverse();
    times
}

#[tokio::test(flavor = "multi_thread")]
async fn every_documented_form_of_a_time_is_read() {
    on_both_engines(async |engine| {
        let times = [
            "2026-05-31T21:59:59.999Z",
            "2026-05-31T22:00:00.000Z",
            "2026-06-01T10:00:00.000Z",
            "2026-06-01T10:00:00.999Z",
            "2026-06-01T10:00:01.000Z",
            "2026-06-01T10:01:00.000Z",
            "2026-06-01T21:59:59.999Z",
            "2026-06-01T22:00:00.000Z",
        ];
        let (server, ids) = starting_at(engine, &times).await;
        for (filter, expected) in [
            (&[("date_from", "2026-06-01")][..], &ids[1..]),
            (&[("date_from", "2026-06-01 12:00")], &ids[2..]),
            (&[("date_from", "2026-06-01 12:00:01")], &ids[4..]),
            (&[("date_to", "2026-06-01")], &ids[..7]),
            (&[("date_to", "2026-05-31")], &ids[..1]),
            (&[("date_to", "2026-06-01 12:00")], &ids[..5]),
            (&[("date_to", "2026-06-01 12:00:00")], &ids[..4]),
            (&[("date_from", "2026-06-01"), ("date_to", "2026-06-01")], &ids[1..7]),
        ] {
            let mut found = server.found(filter).await;
            found.reverse();
            assert_eq!(found, expected, "{filter:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clocks_go_forward() {
    on_both_engines(async |engine| {
        let (server, _) = starting_at(
            engine,
            &[
                "2026-03-28T22:59:59.999Z",
                "2026-03-28T23:00:00Z",
                "2026-03-29T00:30:00Z",
                "2026-03-29T00:59:59.999Z",
                "2026-03-29T01:00:00Z",
                "2026-03-29T01:30:00Z",
                "2026-03-29T21:59:59.999Z",
                "2026-03-29T22:00:00Z",
            ],
        )
        .await;
        let all = created(&server, &[]).await;
        assert_eq!(
            all,
            [
                "2026-03-28 23:59:59.999",
                "2026-03-29 00:00:00.000",
                "2026-03-29 01:30:00.000",
                "2026-03-29 01:59:59.999",
                "2026-03-29 03:00:00.000",
                "2026-03-29 03:30:00.000",
                "2026-03-29 23:59:59.999",
                "2026-03-30 00:00:00.000"
            ]
        );
        // The day has 23 hours.
        let day = [("date_from", "2026-03-29"), ("date_to", "2026-03-29")];
        assert_eq!(created(&server, &day).await, all[1..7]);
        assert_eq!(created(&server, &[("date_to", "2026-03-29 01:59:59")]).await, all[..4]);
        assert_eq!(created(&server, &[("date_from", "2026-03-29 03:00")]).await, all[4..]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_is_skipped_means_the_moment_of_the_jump() {
    let times = ["2026-03-29T00:45:00Z", "2026-03-29T01:15:00Z", "2026-03-29T01:45:00Z"];
    let (server, _) = starting_at(Engine::Sqlite, &times).await;
    let all = created(&server, &[]).await;
    assert_eq!(
        all,
        ["2026-03-29 01:45:00.000", "2026-03-29 03:15:00.000", "2026-03-29 03:45:00.000"]
    );
    assert_eq!(created(&server, &[("date_from", "2026-03-29 02:30")]).await, all[1..]);
    assert_eq!(created(&server, &[("date_to", "2026-03-29 02:30")]).await, all[..1]);
}

/// A quarter past and a quarter to, from one o'clock to four, with the hour from two to three twice.
const NIGHT: [&str; 8] = [
    "2026-10-24T23:15:00Z",
    "2026-10-24T23:45:00Z",
    "2026-10-25T00:15:00Z",
    "2026-10-25T00:45:00Z",
    "2026-10-25T01:15:00Z",
    "2026-10-25T01:45:00Z",
    "2026-10-25T02:15:00Z",
    "2026-10-25T02:45:00Z",
];

#[tokio::test(flavor = "multi_thread")]
async fn the_clocks_go_back() {
    on_both_engines(async |engine| {
        let (server, _) = starting_at(engine, &NIGHT).await;
        let all = created(&server, &[]).await;
        let hour = ["01:15", "01:45", "02:15", "02:45", "02:15", "02:45", "03:15", "03:45"];
        assert_eq!(all, hour.map(|time| format!("2026-10-25 {time}:00.000")));
        let day = [("date_from", "2026-10-25"), ("date_to", "2026-10-25")];
        assert_eq!(created(&server, &day).await, all, "the day has 25 hours");
        // The hour that comes twice is taken whole: nobody can say which of the two is meant.
        assert_eq!(created(&server, &[("date_from", "2026-10-25 02:00")]).await, all[2..]);
        assert_eq!(created(&server, &[("date_to", "2026-10-25 02:59:59")]).await, all[..6]);
        assert_eq!(created(&server, &[("date_from", "2026-10-25 02:30")]).await, all[3..]);
        assert_eq!(created(&server, &[("date_to", "2026-10-25 02:30")]).await, all[..5]);
        assert_eq!(created(&server, &[("date_from", "2026-10-25 03:00")]).await, all[6..]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_before_the_repeated_hour_has_none_of_it() {
    let (server, _) = starting_at(Engine::Sqlite, &NIGHT).await;
    for bound in ["2026-10-25 01:59", "2026-10-25 01:59:59"] {
        assert_eq!(created(&server, &[("date_to", bound)]).await.len(), 2, "{bound}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_zone_is_a_line_of_configuration() {
    let server =
        Plan::on(Engine::Sqlite).configured("time_zone = \"America/New_York\"").start().await;
    server.start(&[]).await;
    assert_eq!(created(&server, &[]).await, ["2026-06-01 06:00:00.000"]);
    assert_eq!(created(&server, &[("date_to", "2026-06-01 05:59")]).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn bounds_beyond_all_time_are_no_bounds() {
    on_both_engines(async |engine| {
        let (server, ids) = starting_at(engine, &["2026-06-01T10:00:00Z"]).await;
        for filter in [
            ("date_from", "0001-01-01"),
            ("date_from", "1970-01-01 00:00"),
            ("updated_from", "1900-01-01 00:00:00"),
            ("date_to", "9999-12-30"),
            ("date_to", "9999-12-31"),
            ("date_to", "9999-12-31 23:59:59"),
        ] {
            assert_eq!(server.found(&[filter]).await, ids, "{filter:?}");
        }
        assert!(server.found(&[("date_to", "1969-12-31")]).await.is_empty());
        assert!(server.found(&[("date_from", "9999-12-31")]).await.is_empty());
    })
    .await;
}
