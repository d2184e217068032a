//! Who is on duty.

use rozmowa::clock::Millis;
use rozmowa::http::Code;
use serde_json::{Value, json};

use crate::client::{Answer, get, post, put};
use crate::server::Server;
use crate::store::{Engine, on_both_engines};

const HALF_A_DAY: Millis = 43_200_000;

async fn turn(server: &Server, method: &str, body: Value) -> Answer {
    server.call(post(format!("/api/agents/anowak/{method}")).json(&body)).await
}

async fn status(server: &Server) -> Value {
    server.call(get("/api/agents/anowak/status")).await.expect(200).json()
}

fn shown(status: &str, pause_id: Option<i64>, last_change: Option<&str>) -> Value {
    let date = last_change.map(|time| format!("2026-06-0{time}"));
    json!({"login": "anowak", "status": status, "pause_id": pause_id, "last_change": date})
}

async fn with_pauses(engine: Engine) -> Server {
    let server = Server::on(engine).await;
    for name in ["Kawa", "Obiad"] {
        server.call(post("/api/pauses").form(&[("name", name)])).await.expect(200);
    }
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_shown_with_the_documented_keys_in_their_order() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let never = server.call(get("/api/agents/anowak/status")).await.expect(200);
        let expected = r#"{"login":"anowak","status":"OFF","pause_id":null,"last_change":null}"#;
        assert_eq!(never.text(), expected);
        turn(&server, "login", json!({})).await.expect_nothing();
        let free = server.call(get("/api/agents/anowak/status")).await.expect(200);
        let expected =
            r#"{"login":"anowak","status":"FREE","pause_id":null,"last_change":"2026-06-01 12:00:00"}"#;
        assert_eq!(free.text(), expected);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shift_goes_from_login_to_logout() {
    on_both_engines(async |engine| {
        let server = with_pauses(engine).await;
        let steps = [
            ("login", json!({}), shown("FREE", None, Some("1 12:01:00"))),
            ("login", json!({}), shown("FREE", None, Some("1 12:01:00"))),
            ("free", json!({}), shown("FREE", None, Some("1 12:01:00"))),
            ("pause", json!({"pause_id": 1}), shown("PAUSED", Some(1), Some("1 12:04:00"))),
            ("pause", json!({"pause_id": "1"}), shown("PAUSED", Some(1), Some("1 12:04:00"))),
            ("login", json!({}), shown("PAUSED", Some(1), Some("1 12:04:00"))),
            ("pause", json!({"pause_id": 2}), shown("PAUSED", Some(2), Some("1 12:07:00"))),
            ("pause", json!({}), shown("PAUSED", None, Some("1 12:08:00"))),
            ("pause", json!({"pause_id": null}), shown("PAUSED", None, Some("1 12:08:00"))),
            ("free", json!({}), shown("FREE", None, Some("1 12:10:00"))),
            ("pause", json!({}), shown("PAUSED", None, Some("1 12:11:00"))),
            ("logout", json!({}), shown("OFF", None, Some("1 12:12:00"))),
            ("logout", json!({}), shown("OFF", None, Some("1 12:12:00"))),
            ("login", json!({}), shown("FREE", None, Some("1 12:14:00"))),
            ("logout", json!({}), shown("OFF", None, Some("1 12:15:00"))),
        ];
        for (method, body, expected) in steps {
            server.app.clock.advance(60_000);
            turn(&server, method, body.clone()).await.expect_nothing();
            assert_eq!(status(&server).await, expected, "{method} {body}");
        }
        for method in ["pause", "free"] {
            turn(&server, method, json!({})).await.expect_fault(Code::AgentOffDuty);
        }
        assert_eq!(status(&server).await, shown("OFF", None, Some("1 12:15:00")));
        let other = server.call(get("/api/agents/jkowalski/status")).await.json();
        assert_eq!(other["last_change"], Value::Null, "each has a status of one's own");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_over_is_off_since_its_end() {
    on_both_engines(async |engine| {
        let server = with_pauses(engine).await;
        turn(&server, "login", json!({})).await.expect_nothing();
        server.app.clock.advance(HALF_A_DAY - 1);
        assert_eq!(status(&server).await, shown("FREE", None, Some("1 12:00:00")));
        server.app.clock.advance(1);
        let off = shown("OFF", None, Some("2 00:00:00"));
        assert_eq!(status(&server).await, off);
        server.app.clock.advance(3_600_000);
        assert_eq!(status(&server).await, off);
        for method in ["pause", "free"] {
            turn(&server, method, json!({})).await.expect_fault(Code::AgentOffDuty);
        }
        turn(&server, "logout", json!({})).await.expect_nothing();
        assert_eq!(status(&server).await, off, "who was off already was so since then");
        turn(&server, "login", json!({"lease_seconds": 60})).await.expect_nothing();
        assert_eq!(status(&server).await, shown("FREE", None, Some("2 01:00:00")));
        server.app.clock.advance(60_000);
        assert_eq!(status(&server).await, shown("OFF", None, Some("2 01:01:00")));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_turn_renews_the_lease() {
    on_both_engines(async |engine| {
        let server = with_pauses(engine).await;
        let minute = json!({"lease_seconds": "60"});
        turn(&server, "login", minute.clone()).await.expect_nothing();
        for method in ["login", "pause", "login", "pause", "free", "free", "login"] {
            server.app.clock.advance(59_999);
            turn(&server, method, minute.clone()).await.expect_nothing();
        }
        assert_eq!(status(&server).await["status"], "FREE");
        turn(&server, "login", json!({"lease_seconds": 86_400})).await.expect_nothing();
        server.app.clock.advance(86_399_999);
        assert_eq!(status(&server).await["status"], "FREE");
        server.app.clock.advance(1);
        assert_eq!(status(&server).await["status"], "OFF");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_needs_a_reason_that_can_be_used_or_none() {
    on_both_engines(async |engine| {
        let server = with_pauses(engine).await;
        turn(&server, "login", json!({})).await.expect_nothing();
        turn(&server, "pause", json!({"pause_id": 3})).await.expect_fault(Code::UnknownPause);
        server.call(put("/api/pauses/2").json(&json!({"enabled": false}))).await.expect_nothing();
        turn(&server, "pause", json!({"pause_id": 2})).await.expect_fault(Code::PauseDisabled);
        assert_eq!(status(&server).await["status"], "FREE", "nothing has changed");
        turn(&server, "pause", json!({"pause_id": 1})).await.expect_nothing();
        server.call(put("/api/pauses/1").json(&json!({"enabled": false}))).await.expect_nothing();
        assert_eq!(status(&server).await["pause_id"], 1, "who pauses for it goes on");
        for (body, code, name) in [
            (json!({"pause_id": "x"}), Code::NotInteger, "pause_id"),
            (json!({"lease_seconds": 59}), Code::NotWithin, "lease_seconds"),
            (json!({"lease_seconds": 86_401}), Code::NotWithin, "lease_seconds"),
            (json!({"lease_seconds": "day"}), Code::NotWithin, "lease_seconds"),
        ] {
            turn(&server, "pause", body).await.expect_fault_of(code, name);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_account_is_closed_is_off_duty_at_once() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        turn(&server, "login", json!({})).await.expect_nothing();
        server.app.clock.advance(60_000);
        let close = json!({"active": false});
        server.call(put("/api/agents/anowak").json(&close)).await.expect_nothing();
        assert_eq!(status(&server).await, shown("OFF", None, Some("1 12:01:00")));
        for method in ["login", "logout", "pause", "free"] {
            turn(&server, method, json!({})).await.expect_fault(Code::AgentInactive);
        }
        let open = json!({"active": true});
        server.call(put("/api/agents/anowak").json(&open)).await.expect_nothing();
        assert_eq!(status(&server).await, shown("OFF", None, Some("1 12:01:00")));
        turn(&server, "login", json!({})).await.expect_nothing();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_account_is_never_on_duty_however_the_calls_fall() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        for _ in 0..20 {
            let mut tasks = tokio::task::JoinSet::new();
            for number in 0..4 {
                let mut wire = server.wire().await;
                let close = put("/api/agents/anowak").json(&json!({"active": false}));
                let call = if number == 0 { close } else { post("/api/agents/anowak/login") };
                tasks.spawn(async move { wire.call(&call).await.status });
            }
            tasks.join_all().await;
            assert_eq!(status(&server).await["status"], "OFF");
            let open = json!({"active": true});
            server.call(put("/api/agents/anowak").json(&open)).await.expect_nothing();
        }
    })
    .await;
}
