//! Lanes: receivers that do not wait for each other, restarts, and what is erased meanwhile.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::hooks::{
    CREATED, LOOPBACK, SAID, SECOND, attempts, drained, hasty, logged, pending, recover, redeliver,
    server, show, start_many, subscribe,
};
use crate::receiver::{Arrival, Behaviour, Receiver};
use crate::server::Plan;
use crate::store::on_both_engines;

fn told(arrivals: &[Arrival]) -> HashSet<String> {
    arrivals.iter().map(|arrival| arrival.field("conversation_id").expect("an id")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_receiver_does_not_wait_for_a_slow_or_a_dead_one() {
    on_both_engines(async |engine| {
        // The slow one may take as long as the rest of the test.
        let patient = "webhooks.timeout_seconds = 600\nlimits.shutdown_seconds = 1";
        let server = Plan::on(engine).configured(LOOPBACK).configured(patient).start().await;
        let (slow, dead) = (Receiver::start().await, Receiver::start().await);
        let healthy = Receiver::start().await;
        let gate = Arc::new(Semaphore::new(0));
        slow.then(Behaviour::Hold(Arc::clone(&gate)));
        let mut ids = Vec::new();
        for receiver in [&slow, &dead, &healthy] {
            ids.push(subscribe(&server, receiver, &[CREATED]).await);
        }
        dead.kill().await;
        let chats = start_many(&server, 300).await;
        assert_eq!(told(&healthy.expect(300).await), chats);
        drained(&server, ids[2]).await;
        assert_eq!(healthy.count(), 300, "once each");
        assert!(attempts(&server, ids[0]).await.is_empty(), "it was not asked a second time");
        assert_eq!(pending(&server, ids[0]).await.len(), 300);
        assert_eq!(pending(&server, ids[1]).await.len(), 300);
        // The slow one gets its own once it is not slow any more.
        gate.add_permits(300);
        assert_eq!(told(&slow.expect(300).await), chats);
        drained(&server, ids[0]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_fails_is_tried_with_care_and_gets_everything_once_it_recovers() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        let webhook = subscribe(&server, &receiver, &[CREATED]).await;
        receiver.script(vec![Behaviour::Answer(500); 9]);
        let first = start_many(&server, 1).await;
        logged(&server, webhook, 1).await;
        // One after the other: only failures in a row make a lane careful.
        let mut chats = first;
        for failures in 2..=9 {
            chats.extend(start_many(&server, 1).await);
            logged(&server, webhook, failures).await;
        }
        chats.extend(start_many(&server, 200).await);
        server.app.clock.advance(6 * SECOND);
        assert_eq!(told(&receiver.expect(9 + 209).await), chats);
        drained(&server, webhook).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_loses_nothing_that_waits_or_is_under_way() {
    on_both_engines(async |engine| {
        // A stop that does not wait for the receiver.
        let impatient = format!("{LOOPBACK}\nlimits.shutdown_seconds = 1");
        let mut server = Plan::on(engine).configured(&impatient).start().await;
        let receiver = Receiver::start().await;
        receiver.then(Behaviour::Hold(Arc::new(Semaphore::new(0))));
        let webhook = subscribe(&server, &receiver, &[CREATED]).await;
        let chats = start_many(&server, 300).await;
        receiver.expect(64).await;
        receiver.then(Behaviour::Answer(200));
        server.restart(&impatient).await;
        // On PostgreSQL the lease of the server before may have to run out.
        server.app.clock.advance(60 * SECOND);
        let arrivals = receiver.expect(64 + 300).await;
        assert_eq!(told(&arrivals[64..]), chats);
        drained(&server, webhook).await;
        assert_eq!(receiver.count(), 364, "only what was under way came twice");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_what_is_under_way_and_writes_it_down() {
    on_both_engines(async |engine| {
        let mut server = hasty(engine).await;
        let receiver = Receiver::start().await;
        let gate = Arc::new(Semaphore::new(0));
        receiver.then(Behaviour::Hold(Arc::clone(&gate)));
        let webhook = subscribe(&server, &receiver, &[CREATED]).await;
        let chats = start_many(&server, 10).await;
        receiver.expect(10).await;
        gate.add_permits(10);
        server.restart(LOOPBACK).await;
        drained(&server, webhook).await;
        let log = attempts(&server, webhook).await;
        assert!(log.iter().all(|attempt| attempt["outcome"] == "DELIVERED"));
        assert_eq!((log.len(), told(&receiver.arrivals())), (10, chats));
        assert_eq!(receiver.count(), 10);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_is_not_told() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        let webhook = subscribe(&server, &receiver, &[CREATED, SAID]).await;
        receiver.script(vec![Behaviour::Answer(500); 2]);
        let chat = server.start(&[]).await;
        logged(&server, webhook, 1).await;
        server.message(&chat, "Nie mów nikomu").await;
        logged(&server, webhook, 2).await;
        let failing_since = show(&server, webhook).await["failing_since"].clone();
        assert_eq!(failing_since, "2026-06-01 12:00:00");
        for table in ["conversation", "event"] {
            server.execute(&format!("DELETE FROM {table}")).await;
        }
        server.app.clock.advance(6 * SECOND);
        let log = logged(&server, webhook, 4).await;
        for attempt in log.iter().filter(|attempt| attempt["attempt"] == 2) {
            assert_eq!(attempt["outcome"], "GIVEN_UP");
            assert_eq!(attempt["error"], "what it tells of was erased");
            assert_eq!(attempt["http_status"], Value::Null);
            assert_eq!(attempt["next_attempt_at"], Value::Null);
        }
        assert_eq!(receiver.count(), 2, "nothing was sent");
        let shown = show(&server, webhook).await;
        assert_eq!((&shown["failing_since"], &shown["enabled"]), (&failing_since, &json!(true)));
        assert!(pending(&server, webhook).await.is_empty());
        // Ordered again, it is still not told.
        let what = json!({ "delivery_id": log[0]["delivery_id"] });
        redeliver(&server, webhook, what).await.expect(200);
        logged(&server, webhook, 5).await;
        assert_eq!(receiver.count(), 2);
        // With all that was given up it is not: there would be no end of it.
        assert_eq!(recover(&server, webhook, "2026-06-01").await.text(), r#"{"count":0}"#);
    })
    .await;
}
