//! What is learnt of a receiver is forgotten when somebody changes the subscription, and one conversation keeps no other
//! waiting.

use std::sync::Arc;

use rozmowa::http::Code;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::client::basic;
use crate::hooks::{
    CREATED, HOUR, LOOPBACK, SAID, add, attempts, change, drained, id, logged, put, redeliver,
    server, show, subscribe,
};
use crate::receiver::{Behaviour, Receiver};
use crate::server::{Plan, Server};
use crate::store::{Engine, on_both_engines};

/// A subscription whose receiver asked for a day of peace.
async fn left_alone(server: &Server, receiver: &Receiver) -> i64 {
    let webhook = subscribe(server, receiver, &[CREATED]).await;
    receiver.script([Behaviour::With(429, "Retry-After: 86400".to_owned())]);
    server.start(&[]).await;
    logged(server, webhook, 1).await;
    webhook
}

#[tokio::test(flavor = "multi_thread")]
async fn who_moves_is_not_bound_by_what_the_old_address_asked_for() {
    on_both_engines(async |engine| {
        let server = server(engine).await;
        let (old, new) = (Receiver::start().await, Receiver::start().await);
        let webhook = left_alone(&server, &old).await;
        change(&server, webhook, json!({ "subscription_url": new.url() })).await;
        let chat = server.start(&[]).await;
        let told = new.expect(1).await.swap_remove(0);
        assert_eq!(told.field("conversation_id"), Some(chat));
        assert_eq!(old.count(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_by_hand_and_switching_on_again_end_a_pause() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        let webhook = left_alone(&server, &receiver).await;
        let delivery = attempts(&server, webhook).await[0]["delivery_id"].clone();
        redeliver(&server, webhook, json!({ "delivery_id": delivery })).await.expect(200);
        receiver.expect(2).await;
        drained(&server, webhook).await;
        receiver.script([Behaviour::With(503, "Retry-After: 86400".to_owned())]);
        server.start(&[]).await;
        logged(&server, webhook, 3).await;
        change(&server, webhook, json!({ "enabled": false })).await;
        change(&server, webhook, json!({ "enabled": true })).await;
        server.start(&[]).await;
        receiver.expect(4).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_410_of_the_old_address_does_not_switch_the_new_one_off() {
    on_both_engines(async |engine| {
        let server = server(engine).await;
        let (old, new) = (Receiver::start().await, Receiver::start().await);
        let gate = Arc::new(Semaphore::new(0));
        old.script([Behaviour::Late(Arc::clone(&gate), 410)]);
        let webhook = subscribe(&server, &old, &[CREATED]).await;
        server.start(&[]).await;
        old.expect(1).await;
        change(&server, webhook, json!({ "subscription_url": new.url() })).await;
        server.start(&[]).await;
        new.expect(1).await;
        gate.add_permits(1);
        let log = logged(&server, webhook, 2).await;
        assert!(log.iter().any(|attempt| attempt["http_status"] == 410), "{log:?}");
        let shown = show(&server, webhook).await;
        assert_eq!((&shown["enabled"], shown.get("off_because")), (&json!(true), None));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_password_goes_to_no_other_host() {
    on_both_engines(async |engine| {
        let server = server(engine).await;
        let (old, other) = (Receiver::start().await, Receiver::start().await);
        let new = json!({
            "actions": [CREATED], "subscription_url": old.url(),
            "http_auth_user": "u", "http_auth_password": "p",
        });
        let webhook = id(&add(&server, new).await);
        let moved = json!({ "subscription_url": other.url() });
        server.call(put(webhook, moved)).await.expect_fault(Code::PasswordNeeded);
        assert_eq!(show(&server, webhook).await["subscription_url"], old.url());
        // Elsewhere on the same host it stays.
        let path = format!("{}/elsewhere", old.url());
        change(&server, webhook, json!({ "subscription_url": path })).await;
        server.start(&[]).await;
        assert_eq!(old.expect(1).await[0].header("authorization"), Some(&*basic("u", "p")));
        let given = json!({ "subscription_url": other.url(), "http_auth_password": "q" });
        change(&server, webhook, given).await;
        server.start(&[]).await;
        assert_eq!(other.expect(1).await[0].header("authorization"), Some(&*basic("u", "q")));
        change(&server, webhook, json!({ "subscription_url": old.url(), "http_auth_user": "" }))
            .await;
        server.start(&[]).await;
        assert_eq!(old.expect(2).await[1].header("authorization"), None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_talkative_conversation_keeps_no_other_waiting() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        let gate = Arc::new(Semaphore::new(0));
        receiver.then(Behaviour::Hold(Arc::clone(&gate)));
        let webhook = subscribe(&server, &receiver, &[CREATED, SAID]).await;
        let busy = server.start(&[]).await;
        for number in 0..400 {
            server.message(&busy, &number.to_string()).await;
        }
        let other = server.start(&[]).await;
        let told = receiver.expect(2).await;
        assert_eq!(told[1].field("conversation_id"), Some(other));
        assert_eq!(receiver.count(), 2, "one of the busy one is under way");
        receiver.then(Behaviour::Answer(200));
        gate.add_permits(2);
        drained(&server, webhook).await;
        assert_eq!(receiver.count(), 402);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_counts_although_the_rest_never_comes() {
    let (server, receiver) =
        (Plan::on(Engine::Sqlite).configured(LOOPBACK).start().await, Receiver::start().await);
    let webhook = subscribe(&server, &receiver, &[CREATED]).await;
    receiver.script([Behaviour::Unended(200), Behaviour::Unended(410)]);
    server.start(&[]).await;
    assert_eq!(logged(&server, webhook, 1).await[0]["outcome"], "DELIVERED");
    server.app.clock.advance(HOUR);
    server.start(&[]).await;
    assert_eq!(logged(&server, webhook, 2).await[0]["http_status"], 410);
    assert_eq!(show(&server, webhook).await["off_because"], "GONE");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_announces_an_answer_for_ever_is_hung_up_on() {
    let (server, receiver) = (server(Engine::Sqlite).await, Receiver::start().await);
    let webhook = subscribe(&server, &receiver, &[CREATED]).await;
    receiver.script([Behaviour::Flood]);
    server.start(&[]).await;
    let attempt = logged(&server, webhook, 1).await.swap_remove(0);
    assert_eq!(attempt["error"], "no answer: too many interim ones");
    assert!(attempt["duration_ms"].as_i64().unwrap() < 10_000, "{attempt}");
    server.start(&[]).await;
    receiver.expect(2).await;
}
