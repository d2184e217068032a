//! Signatures, checked by somebody else's code.

use rozmowa::clock::Clock;
use serde_json::json;
use standardwebhooks::Webhook as Verifier;

use crate::client::post;
use crate::hooks::{CREATED, HOUR, LOOPBACK, SAID, add, change, id, logged, server, show};
use crate::receiver::{Arrival, Behaviour, Receiver};
use crate::server::{Plan, Server};
use crate::store::{Engine, on_both_engines};

/// The verifier compares timestamps with the real time.
async fn server_now(engine: Engine) -> Server {
    Plan::on(engine).at(Clock::System.now()).configured(LOOPBACK).start().await
}

fn secret(answer: &serde_json::Value) -> String {
    let secret = answer["signing_secret"].as_str().expect("a secret").to_owned();
    assert!(secret.starts_with("whsec_"));
    secret
}

fn verifies(secret: &str, arrival: &Arrival) -> bool {
    let verifier = Verifier::new(secret).expect("a secret");
    verifier.verify(arrival.body.as_bytes(), &arrival.headers).is_ok()
}

/// The same for deliveries that were made when the held clock was elsewhere.
fn is_signed_under(secret: &str, arrival: &Arrival) -> bool {
    let verifier = Verifier::new(secret).expect("a secret");
    let at = arrival.header("webhook-timestamp").unwrap().parse().expect("seconds");
    let id = arrival.header("webhook-id").expect("an id");
    let signature = verifier.sign(id, at, arrival.body.as_bytes()).expect("UTF-8");
    arrival.header("webhook-signature").unwrap().split(' ').any(|one| one == signature)
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_deliveries_verify_in_both_formats_and_no_others_do() {
    on_both_engines(async |engine| {
        let server = server_now(engine).await;
        for format in ["form", "json"] {
            let receiver = Receiver::start().await;
            let webhook = json!({
                "actions": [CREATED, SAID], "subscription_url": receiver.url(), "signing": true, "format": format,
            });
            let secret = secret(&add(&server, webhook).await);
            let chat = server.start(&[("client_name", "Zażółć gęślą jaźń 😀")]).await;
            server.message(&chat, "Pchnąć w tę łódź jeża").await;
            for arrival in receiver.expect(2).await {
                assert!(verifies(&secret, &arrival), "{arrival:?}");
                assert!(!verifies("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &arrival));
                let mut other = arrival.clone();
                other.body.push(' ');
                assert!(!verifies(&secret, &other));
                let mut other = arrival.clone();
                other.headers.insert("webhook-id", "1".parse().unwrap());
                assert!(!verifies(&secret, &other));
            }
            assert!(receiver.bodies()[0].contains(if format == "json" { "😀" } else { "%F0%9F%98%80" }));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_is_signed_anew_under_the_same_id() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        let webhook =
            json!({ "actions": [CREATED], "subscription_url": receiver.url(), "signing": true });
        let added = add(&server, webhook).await;
        receiver.script([Behaviour::Answer(500)]);
        server.start(&[]).await;
        logged(&server, id(&added), 1).await;
        server.app.clock.advance(6_000);
        let arrivals = receiver.expect(2).await;
        let header = |n: usize, name| arrivals[n].header(name).expect("it is signed");
        assert_eq!(header(0, "webhook-id"), header(1, "webhook-id"));
        assert_ne!(header(0, "webhook-timestamp"), header(1, "webhook-timestamp"));
        assert_ne!(header(0, "webhook-signature"), header(1, "webhook-signature"));
        assert!(arrivals.iter().all(|arrival| is_signed_under(&secret(&added), arrival)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_secrets_sign_until_the_time_of_the_old_one_is_over() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server_now(engine).await, Receiver::start().await);
        let webhook =
            json!({ "actions": [CREATED], "subscription_url": receiver.url(), "signing": true });
        let added = add(&server, webhook).await;
        let old = secret(&added);
        let rotate = format!("/api/webhooks/{}/rotate_secret", id(&added));
        let hours = json!({ "overlap_hours": 2 });
        let new = secret(&server.call(post(&rotate).json(&hours)).await.expect(200).json());
        assert_ne!(old, new);
        assert!(show(&server, id(&added)).await["old_signing_secret_expires_at"].is_string());
        server.start(&[]).await;
        let during = receiver.expect(1).await.remove(0);
        assert!(verifies(&old, &during) && verifies(&new, &during));
        let signatures = during.header("webhook-signature").unwrap().split(' ').count();
        assert_eq!(signatures, 2);
        server.app.clock.advance(2 * HOUR - 1);
        server.start(&[]).await;
        let last = receiver.expect(2).await.remove(1);
        assert!(is_signed_under(&old, &last) && is_signed_under(&new, &last));
        server.app.clock.advance(1);
        server.start(&[]).await;
        let after = receiver.expect(3).await.remove(2);
        assert!(!is_signed_under(&old, &after) && is_signed_under(&new, &after));
        // Without an overlap the old one is over at once.
        let hours = json!({ "overlap_hours": 0 });
        let newest = secret(&server.call(post(&rotate).json(&hours)).await.expect(200).json());
        server.start(&[]).await;
        let at_once = receiver.expect(4).await.remove(3);
        assert!(!is_signed_under(&new, &at_once) && is_signed_under(&newest, &at_once));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_did_not_ask_for_signatures_gets_none() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server_now(engine).await, Receiver::start().await);
        let webhook = json!({ "actions": [CREATED], "subscription_url": receiver.url() });
        let added = add(&server, webhook).await;
        assert!(added.get("signing_secret").is_none());
        server.start(&[]).await;
        let plain = receiver.expect(1).await.remove(0);
        let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
        assert!(names.iter().all(|name| plain.header(name).is_none()));
        let secret = secret(&change(&server, id(&added), json!({ "signing": true })).await);
        let again = change(&server, id(&added), json!({ "signing": true })).await;
        assert!(again.get("signing_secret").is_none(), "it is shown once");
        server.start(&[]).await;
        assert!(verifies(&secret, &receiver.expect(2).await[1]));
        change(&server, id(&added), json!({ "signing": false })).await;
        server.start(&[]).await;
        let plain = receiver.expect(3).await.remove(2);
        assert!(names.iter().all(|name| plain.header(name).is_none()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_beside_a_rotation_loses_neither() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        let new =
            json!({ "actions": [CREATED], "subscription_url": receiver.url(), "signing": true });
        let webhook = id(&add(&server, new).await);
        for round in 0..20 {
            let format = if round % 2 == 0 { "json" } else { "form" };
            let rotate = post(format!("/api/webhooks/{webhook}/rotate_secret"))
                .form(&[("overlap_hours", "0")]);
            let (rotated, ()) = tokio::join!(
                async { secret(&server.call(rotate).await.expect(200).json()) },
                async {
                    change(&server, webhook, json!({ "format": format })).await;
                }
            );
            let test = post(format!("/api/webhooks/{webhook}/test"));
            server.call(test).await.expect(200);
            let arrival = receiver.expect(round + 1).await.swap_remove(round);
            assert!(is_signed_under(&rotated, &arrival), "round {round}");
            assert_eq!(arrival.body.starts_with('{'), format == "json", "round {round}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_is_sent_again_under_its_key_goes_out_once() {
    let (server, receiver) = (server(Engine::Sqlite).await, Receiver::start().await);
    let new = json!({ "actions": [CREATED], "subscription_url": receiver.url() });
    let webhook = id(&add(&server, new).await);
    let test = || post(format!("/api/webhooks/{webhook}/test")).key("once");
    let first = server.call(test()).await.expect(200).json();
    assert_eq!(server.call(test()).await.expect(200).json(), first);
    assert_eq!(receiver.count(), 1);
}
