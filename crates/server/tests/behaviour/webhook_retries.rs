//! What happens when a receiver does not take a delivery.

use std::sync::Arc;

use rozmowa::audit;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::client::post;
use crate::hooks::{
    CREATED, DAY, HOUR, SCHEDULE, SECOND, attempts, change, drained, hasty, logged, pending,
    recover, redeliver, server, show, start_many, subscribe, until,
};
use crate::receiver::{Behaviour, Receiver};
use crate::server::Server;
use crate::store::{Engine, on_both_engines};

/// The `Retry-After` of this many seconds after the clock's time.
fn date_after(server: &Server, seconds: i64) -> String {
    let at = u64::try_from(server.app.clock.now() / SECOND + seconds).unwrap();
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + std::time::Duration::from_secs(at))
}

/// What changes of a subscription the audit log knows that the server made by itself.
async fn switched_off(server: &Server) -> Vec<String> {
    let filter = audit::Filter {
        from: Uuid::nil(),
        until: Uuid::max(),
        subject: Some("webhook 1".to_owned()),
        actor: None,
    };
    let entries = server.act(move |tx, _| audit::list(tx, &filter, 100)).await;
    let own = entries.into_iter().filter(|entry| entry.change == "webhook.switch_off");
    own.map(|entry| format!("{} {}", entry.actor_kind.name(), entry.becomes.unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_tried_again_by_the_schedule_until_it_arrives() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        let webhook = subscribe(&server, &receiver, &[CREATED]).await;
        receiver.script([Behaviour::Answer(500), Behaviour::Answer(500), Behaviour::Answer(200)]);
        server.start(&[]).await;
        for failures in 1..=2 {
            logged(&server, webhook, failures).await;
            let wait = SCHEDULE[failures - 1] * SECOND;
            // The jitter is a fifth.
            server.app.clock.advance(wait * 4 / 5 - 1);
            let other = Receiver::start().await;
            let flag = subscribe(&server, &other, &[CREATED]).await;
            change(&server, webhook, json!({ "actions": ["CHAT_CONVERSATION_CLOSED"] })).await;
            server.start(&[]).await;
            other.expect(1).await;
            change(&server, flag, json!({ "enabled": false })).await;
            assert_eq!(receiver.count(), failures, "it is too early");
            server.app.clock.advance(wait * 2 / 5 + 1);
            receiver.expect(failures + 1).await;
        }
        drained(&server, webhook).await;
        let bodies = receiver.bodies();
        assert!(bodies.iter().all(|body| *body == bodies[0]));
        assert_eq!(show(&server, webhook).await["failing_since"], Value::Null);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_of_each_attempt_what_came_of_it() {
    on_both_engines(async |engine| {
        let (server, receiver) = (hasty(engine).await, Receiver::start().await);
        let target = Receiver::start().await;
        let webhook = subscribe(&server, &receiver, &[CREATED]).await;
        receiver.script([
            Behaviour::Answer(500),
            Behaviour::Hang,
            Behaviour::Close,
            Behaviour::With(302, format!("Location: {}", target.url())),
            Behaviour::Answer(404),
        ]);
        let chat = server.start(&[]).await;
        let expected = [
            (json!(500), Some("500 Internal Server Error")),
            (Value::Null, Some("no answer in 1 s")),
            (Value::Null, Some("no answer: ")),
            (json!(302), Some("302 Found: redirects are not followed")),
            (json!(404), Some("404 Not Found")),
            (json!(200), None),
        ];
        for (place, (status, error)) in expected.iter().enumerate() {
            let attempt = logged(&server, webhook, place + 1).await.swap_remove(0);
            assert_eq!(attempt["attempt"], place + 1);
            assert_eq!(attempt["action"], CREATED);
            assert_eq!(attempt["conversation_id"], chat);
            assert_eq!(attempt["seq"], 1);
            assert_eq!(attempt["customer_id"], Value::Null);
            assert_eq!(attempt["date"], "2026-06-01 12:00:00");
            assert_eq!(attempt["http_status"], *status);
            let Some(error) = error else {
                assert_eq!(attempt["error"], Value::Null);
                assert_eq!(attempt["outcome"], "DELIVERED");
                assert_eq!(attempt["next_attempt_at"], Value::Null);
                break;
            };
            let told = attempt["error"].as_str().unwrap();
            assert!(told == *error || error.ends_with(": ") && told.starts_with(error), "{told}");
            assert_eq!(attempt["outcome"], "RETRY");
            let waits = &pending(&server, webhook).await[0];
            assert_eq!(waits["due_at"], attempt["next_attempt_at"]);
            assert_eq!(waits["attempts"], place + 1);
            assert_eq!(waits["delivery_id"], attempt["delivery_id"]);
            let wait = crate::hooks::millis_of_day(&attempt["next_attempt_at"])
                - crate::hooks::millis_of_day(&attempt["attempted_at"]);
            let planned = SCHEDULE[place] * SECOND;
            assert!((planned * 4 / 5..=planned * 6 / 5).contains(&wait), "{wait} for {planned}");
            server.app.clock.advance(wait);
        }
        assert_eq!(target.count(), 0, "the redirect was not followed");
        let all = attempts(&server, webhook).await;
        assert!(all.iter().all(|attempt| attempt["delivery_id"] == all[0]["delivery_id"]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_comes_back_gets_what_it_missed() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        let webhook = subscribe(&server, &receiver, &[CREATED]).await;
        server.start(&[]).await;
        receiver.expect(1).await;
        let address = receiver.kill().await;
        let missed = [server.start(&[]).await, server.start(&[]).await];
        let log = logged(&server, webhook, 3).await;
        for attempt in &log[..2] {
            assert!(attempt["error"].as_str().unwrap().starts_with("no connection: "), "{attempt}");
        }
        let receiver = Receiver::start_at(address);
        server.app.clock.advance(6 * SECOND);
        let arrivals = receiver.expect(2).await;
        for id in missed {
            assert!(arrivals.iter().any(|arrival| arrival.body.contains(&id)));
        }
        drained(&server, webhook).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_is_switched_off_and_what_waits_is_kept() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        let webhook = subscribe(&server, &receiver, &[CREATED]).await;
        receiver.script([Behaviour::Answer(500), Behaviour::Answer(500), Behaviour::Answer(410)]);
        let mut kept = vec![server.start(&[]).await, server.start(&[]).await];
        logged(&server, webhook, 2).await;
        server.start(&[]).await;
        logged(&server, webhook, 3).await;
        let shown = show(&server, webhook).await;
        assert_eq!((&shown["enabled"], &shown["off_because"]), (&json!(false), &json!("GONE")));
        assert_eq!(
            switched_off(&server).await,
            [r#"SYSTEM {"enabled":false,"off_because":"GONE"}"#]
        );
        let last = attempts(&server, webhook).await.swap_remove(0);
        assert_eq!((&last["http_status"], &last["outcome"]), (&json!(410), &json!("GIVEN_UP")));
        server.app.clock.advance(HOUR);
        assert_eq!(pending(&server, webhook).await.len(), 2);
        assert_eq!(receiver.count(), 3);
        change(&server, webhook, json!({ "enabled": true })).await;
        let arrivals = receiver.expect(5).await;
        let told = |arrival: &crate::receiver::Arrival| arrival.field("conversation_id").unwrap();
        let mut heard: Vec<_> = arrivals[3..].iter().map(told).collect();
        heard.sort();
        kept.sort();
        assert_eq!(heard, kept);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_410_nothing_goes_out_but_what_was_under_way() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        let webhook = subscribe(&server, &receiver, &[CREATED]).await;
        receiver.script([Behaviour::With(503, "Retry-After: 120".to_owned())]);
        start_many(&server, 1).await;
        logged(&server, webhook, 1).await;
        start_many(&server, 200).await;
        // One says it; the others that are under way are taken.
        let gate = Arc::new(Semaphore::new(0));
        receiver.script([Behaviour::Answer(410)]);
        receiver.script(vec![Behaviour::Hold(Arc::clone(&gate)); 63]);
        server.app.clock.advance(120 * SECOND);
        receiver.expect(1 + 64).await;
        let off = async || (show(&server, webhook).await["enabled"] == false).then_some(());
        until("it to be switched off", off).await;
        gate.add_permits(63);
        logged(&server, webhook, 1 + 64).await;
        change(&server, webhook, json!({ "actions": [CREATED] })).await;
        assert_eq!(receiver.count(), 1 + 64);
        assert_eq!(pending(&server, webhook).await.len(), 201 - 64);
        change(&server, webhook, json!({ "enabled": true })).await;
        receiver.expect(1 + 201).await;
        drained(&server, webhook).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_to_be_left_alone_is_left_alone() {
    on_both_engines(async |engine| {
        for (status, is_date) in [(429, false), (429, true), (503, false), (503, true)] {
            let (server, receiver) = (server(engine).await, Receiver::start().await);
            let webhook = subscribe(&server, &receiver, &[CREATED]).await;
            let wait = if is_date { date_after(&server, 120) } else { "120".to_owned() };
            receiver.script([Behaviour::With(status, format!("Retry-After: {wait}"))]);
            server.start(&[]).await;
            let attempt = logged(&server, webhook, 1).await.swap_remove(0);
            assert_eq!(attempt["next_attempt_at"], "2026-06-01 12:02:00.000", "{wait}");
            // The rest of the lane waits too; another subscription's does not.
            let other = Receiver::start().await;
            subscribe(&server, &other, &[CREATED]).await;
            server.start(&[]).await;
            other.expect(1).await;
            server.app.clock.advance(120 * SECOND - 1);
            server.start(&[]).await;
            other.expect(2).await;
            assert_eq!(receiver.count(), 1, "{wait}");
            server.app.clock.advance(1);
            receiver.expect(4).await;
            drained(&server, webhook).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longer_of_schedule_and_retry_after_counts() {
    let (server, receiver) = (server(Engine::Sqlite).await, Receiver::start().await);
    let webhook = subscribe(&server, &receiver, &[CREATED]).await;
    let cases = [
        ("Retry-After: 1", 4 * SECOND, 6 * SECOND),
        ("Retry-After: soon", 240 * SECOND, 360 * SECOND),
        // Nobody is believed who asks for more than a day.
        ("Retry-After: 99999999", 24 * HOUR, 24 * HOUR),
    ];
    receiver.script(cases.map(|(header, ..)| Behaviour::With(500, header.to_owned())));
    server.start(&[]).await;
    for (place, (header, at_least, at_most)) in cases.into_iter().enumerate() {
        logged(&server, webhook, place + 1).await;
        server.app.clock.advance(at_least - 1);
        assert_eq!(pending(&server, webhook).await.len(), 1);
        assert_eq!(receiver.count(), place + 1, "{header}");
        server.app.clock.advance(at_most - at_least + 1);
        receiver.expect(place + 2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_whole_schedule_did_not_deliver_is_given_up_and_can_be_ordered_again() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        let webhook = subscribe(&server, &receiver, &[CREATED]).await;
        receiver.then(Behaviour::Answer(500));
        let chat = server.start(&[]).await;
        for (failures, wait) in SCHEDULE.iter().enumerate() {
            let attempt = logged(&server, webhook, failures + 1).await.swap_remove(0);
            assert_eq!(attempt["outcome"], "RETRY");
            server.app.clock.advance(wait * SECOND * 6 / 5);
        }
        let last = logged(&server, webhook, 8).await.swap_remove(0);
        assert_eq!((&last["attempt"], &last["outcome"]), (&json!(8), &json!("GIVEN_UP")));
        assert_eq!(last["next_attempt_at"], Value::Null);
        assert_eq!(pending(&server, webhook).await, Vec::<Value>::new());
        // A test that failed is not among them.
        server.call(post(format!("/api/webhooks/{webhook}/test"))).await.expect(200);
        receiver.expect(9).await;
        receiver.then(Behaviour::Answer(200));
        let recovered = async |from| recover(&server, webhook, from).await.expect(200).text();
        assert_eq!(recovered("2026-06-01 12:00:01").await, r#"{"count":0}"#);
        assert_eq!(recovered("2026-06-01 12:00:00").await, r#"{"count":1}"#);
        let arrivals = receiver.expect(10).await;
        assert_eq!(arrivals[9].field("conversation_id"), Some(chat));
        drained(&server, webhook).await;
        assert_eq!(recovered("2026-06-01 12:00:00").await, r#"{"count":0}"#);
        // The test is the newest.
        let mut log = attempts(&server, webhook).await;
        assert_eq!(
            (&log[0]["action"], &log[0]["outcome"]),
            (&json!("WEBHOOK_TEST"), &json!("GIVEN_UP"))
        );
        let last = log.swap_remove(1);
        assert_eq!((&last["attempt"], &last["outcome"]), (&json!(9), &json!("DELIVERED")));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_days_of_nothing_but_failures_switch_it_off_and_one_success_does_not_let_it() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        let webhook = subscribe(&server, &receiver, &[CREATED]).await;
        // Of each conversation one attempt is looked at; its retries come and go with the days.
        let fails_now = async || {
            let before = attempts(&server, webhook).await.len();
            server.start(&[]).await;
            logged(&server, webhook, before + 1).await;
        };
        receiver.then(Behaviour::Answer(500));
        fails_now().await;
        assert_eq!(show(&server, webhook).await["failing_since"], "2026-06-01 12:00:00");
        server.app.clock.advance(3 * DAY);
        receiver.then(Behaviour::Answer(200));
        fails_now().await;
        drained(&server, webhook).await;
        assert_eq!(show(&server, webhook).await["failing_since"], Value::Null);
        receiver.then(Behaviour::Answer(500));
        fails_now().await;
        server.app.clock.advance(2 * DAY);
        fails_now().await;
        assert_eq!(show(&server, webhook).await["failing_since"], "2026-06-04 12:00:00");
        assert_eq!(show(&server, webhook).await["enabled"], true, "five days after the first");
        server.app.clock.advance(3 * DAY - 1);
        fails_now().await;
        assert_eq!(show(&server, webhook).await["enabled"], true);
        server.app.clock.advance(1);
        server.start(&[]).await;
        let off = async || (show(&server, webhook).await["enabled"] == false).then_some(());
        until("it to be switched off", off).await;
        assert_eq!(show(&server, webhook).await["off_because"], "FAILING");
        assert_eq!(
            switched_off(&server).await,
            [r#"SYSTEM {"enabled":false,"off_because":"FAILING"}"#]
        );
        change(&server, webhook, json!({ "enabled": true })).await;
        let shown = show(&server, webhook).await;
        assert_eq!((&shown["off_because"], &shown["enabled"]), (&Value::Null, &json!(true)));
        fails_now().await;
        assert_eq!(show(&server, webhook).await["enabled"], true, "its days begin anew");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_is_ordered_again_keeps_its_id() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        let webhook = subscribe(&server, &receiver, &[CREATED]).await;
        change(&server, webhook, json!({ "format": "json" })).await;
        server.start(&[]).await;
        let log = logged(&server, webhook, 1).await;
        let what = json!({ "delivery_id": log[0]["delivery_id"] });
        // Twice at once is once.
        let gate = Arc::new(Semaphore::new(0));
        receiver.script([Behaviour::Hold(Arc::clone(&gate))]);
        for _ in 0..2 {
            let answer = redeliver(&server, webhook, what.clone()).await.expect(200);
            assert_eq!(answer.text(), r#"{"count":1}"#);
        }
        receiver.expect(2).await;
        gate.add_permits(1);
        drained(&server, webhook).await;
        let arrivals = receiver.arrivals();
        assert_eq!(arrivals.len(), 2);
        assert_eq!(arrivals[0].header("webhook-id"), arrivals[1].header("webhook-id"));
        assert_eq!(arrivals[0].header("webhook-id"), log[0]["delivery_id"].as_str());
        let log = attempts(&server, webhook).await;
        assert_eq!(log.len(), 2);
        assert_eq!((&log[0]["attempt"], &log[0]["outcome"]), (&json!(2), &json!("DELIVERED")));
        // One that waits for its next attempt is brought forward.
        receiver.script([Behaviour::Answer(500)]);
        server.start(&[]).await;
        let waits = logged(&server, webhook, 3).await[0]["delivery_id"].clone();
        redeliver(&server, webhook, json!({ "delivery_id": waits })).await.expect(200);
        receiver.expect(4).await;
        drained(&server, webhook).await;
        for (wrong, code) in [
            (json!({}), rozmowa::http::Code::Missing),
            (json!({ "delivery_id": "x" }), rozmowa::http::Code::NotUuid),
            (json!({ "delivery_id": Uuid::nil() }), rozmowa::http::Code::UnknownDelivery),
        ] {
            redeliver(&server, webhook, wrong).await.expect_fault(code);
        }
        recover(&server, webhook, "x").await.expect_fault(rozmowa::http::Code::NotTime);
    })
    .await;
}
