//! Where deliveries may not go, whatever it is called.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rozmowa::http::Code;
use rozmowa::webhook::guard::Names;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::client::{get, post};
use crate::hooks::{
    CREATED, LOOPBACK, add, attempts, drained, id, logged, put, server, show, subscribe,
};
use crate::receiver::Receiver;
use crate::server::{Plan, Server};
use crate::store::{Engine, on_both_engines};

const PUBLIC: &str = "https://192.0.10.1/hook";
const LOCAL: &str = "127.0.0.1";

fn addresses(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().expect("an address")).collect()
}

/// Names that mean the same every time.
fn names() -> Names {
    Names::Held(Arc::new(|name: &str| match name {
        "inner.example.org" => addresses(&[LOCAL]),
        "meta.example.org" => addresses(&["169.254.169.254"]),
        "v6.example.org" => addresses(&["fd00::1"]),
        "mapped.example.org" => addresses(&["::ffff:10.0.0.1"]),
        "all.inner.example.org" => addresses(&["10.0.0.1", "192.168.0.1"]),
        "public.example.org" => addresses(&["192.0.10.1"]),
        _ => Vec::new(),
    }))
}

async fn is_refused(server: &Server, webhook: i64, url: &str, address: &str) {
    let was = show(server, webhook).await;
    let new = json!({ "actions": [CREATED], "subscription_url": url });
    for request in
        [post("/api/webhooks").json(&new), put(webhook, json!({ "subscription_url": url }))]
    {
        for (request, words) in
            [(request.clone(), "leads to"), (request.clone().in_polish(), "prowadzi do")]
        {
            let answer = server.call(request).await.expect_fault(Code::AddressNotAllowed);
            let message = &answer.faults()[0].1;
            let expected = format!("subscription_url {words} {address},");
            assert!(message.contains(&expected), "{url}: {message}");
        }
    }
    assert_eq!(show(server, webhook).await, was);
    let all = server.call(get("/api/webhooks")).await.expect(200).json();
    assert_eq!(all.as_array().unwrap().len(), 1, "{url}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_an_inner_address_is_subscribed() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let new = json!({ "actions": [CREATED], "subscription_url": PUBLIC });
        let webhook = id(&add(&server, new).await);
        for (host, address) in [
            ("127.0.0.1", LOCAL),
            ("127.0.0.1:8080", LOCAL),
            ("127.1", LOCAL),
            ("2130706433", LOCAL),
            ("0177.0.0.1", LOCAL),
            ("0x7f.0.0.1", LOCAL),
            ("%31%32%37.0.0.1", LOCAL),
            ("127.0.0.1.", LOCAL),
            ("10.1.2.3", "10.1.2.3"),
            ("167772161", "10.0.0.1"),
            ("012.0.0.1", "10.0.0.1"),
            ("169.254.169.254", "169.254.169.254"),
            ("192.168.0.1", "192.168.0.1"),
            ("0.0.0.0", "0.0.0.0"),
            ("[::1]", "::1"),
            ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
            ("[::ffff:a00:1]", "::ffff:10.0.0.1"),
            ("[fd00::1]", "fd00::1"),
        ] {
            is_refused(&server, webhook, &format!("http://{host}/hook"), address).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn localhost_is_refused_by_what_the_system_says_it_is() {
    let server = Server::on(Engine::Sqlite).await;
    for name in ["localhost", "LOCALHOST"] {
        let new = json!({ "actions": [CREATED], "subscription_url": format!("http://{name}:9/") });
        let answer = server.call(post("/api/webhooks").json(&new)).await;
        let answer = answer.expect_fault(Code::AddressNotAllowed);
        let message = &answer.faults()[0].1;
        assert!(message.contains("127.0.0.1") || message.contains("::1"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_inner_addresses_are_refused_and_names_of_none_are_for_later() {
    on_both_engines(async |engine| {
        let server = Plan::on(engine).names(names()).start().await;
        let new =
            json!({ "actions": [CREATED], "subscription_url": "https://public.example.org/" });
        let webhook = id(&add(&server, new).await);
        for (name, address) in [
            ("inner.example.org", LOCAL),
            ("INNER.example.org", LOCAL),
            ("meta.example.org", "169.254.169.254"),
            ("v6.example.org", "fd00::1"),
            ("mapped.example.org", "::ffff:10.0.0.1"),
            ("all.inner.example.org", "10.0.0.1"),
        ] {
            is_refused(&server, webhook, &format!("https://{name}/hook"), address).await;
        }
        server
            .call(put(webhook, json!({ "subscription_url": "https://later.example.org/" })))
            .await
            .expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_means_something_else_at_delivery_is_judged_anew() {
    on_both_engines(async |engine| {
        let receiver = Receiver::start().await;
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        // Public for the subscription, then what the attacker wanted.
        let rebinding = Names::Held(Arc::new(move |_: &str| {
            let is_first = count.fetch_add(1, Ordering::Relaxed) == 0;
            addresses(&[if is_first { "192.0.10.1" } else { LOCAL }])
        }));
        let server = Plan::on(engine).names(rebinding).start().await;
        let url = format!("http://rebound.example.org:{}/hook", receiver.address.port());
        let new = json!({ "actions": [CREATED], "subscription_url": url });
        let webhook = id(&add(&server, new).await);
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        server.start(&[]).await;
        let attempt = logged(&server, webhook, 1).await.remove(0);
        assert!(asked.load(Ordering::Relaxed) > 1);
        let told = attempt["error"].as_str().unwrap();
        assert!(told.starts_with("127.0.0.1 is not a public address"), "{told}");
        assert_eq!((&attempt["http_status"], &attempt["outcome"]), (&Value::Null, &json!("RETRY")));
        let test =
            server.call(post(format!("/api/webhooks/{webhook}/test"))).await.expect(200).json();
        assert_eq!(test["delivered"], false);
        assert!(test["error"].as_str().unwrap().starts_with("127.0.0.1 is not a public address"));
        assert_eq!(receiver.count(), 0, "nothing arrived");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_addresses_only_those_that_may_be_called_are_called() {
    on_both_engines(async |engine| {
        // On this machine 127.0.0.2 stands for a public one: it is allowed, and 127.0.0.1 is not.
        let outer = TcpListener::bind("127.0.0.2:0").await.expect("a port is free");
        let port = outer.local_addr().unwrap().port();
        let inner = Receiver::start_at(format!("{LOCAL}:{port}").parse().unwrap());
        let outer = Receiver::on(outer);
        let both = Names::Held(Arc::new(|_: &str| addresses(&[LOCAL, "127.0.0.2", "::1"])));
        let allowed = "webhooks.allowed_networks = [\"127.0.0.2/32\"]";
        let server = Plan::on(engine).configured(allowed).names(both).start().await;
        let url = format!("http://both.example.org:{port}/hook");
        let webhook =
            id(&add(&server, json!({ "actions": [CREATED], "subscription_url": url })).await);
        for count in 1..=3 {
            server.start(&[]).await;
            outer.expect(count).await;
        }
        let address = outer.kill().await;
        server.start(&[]).await;
        let attempt = logged(&server, webhook, 4).await.remove(0);
        assert!(attempt["error"].as_str().unwrap().starts_with("no connection: "), "{attempt}");
        assert_eq!(address.port(), inner.address.port());
        assert_eq!(inner.count(), 0, "it is not called in the other's place");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_not_allowed_any_more_is_not_called() {
    on_both_engines(async |engine| {
        let (mut server, receiver) = (server(engine).await, Receiver::start().await);
        let webhook = subscribe(&server, &receiver, &[CREATED]).await;
        server.start(&[]).await;
        receiver.expect(1).await;
        drained(&server, webhook).await;
        server.restart("").await;
        server.start(&[]).await;
        let attempt = logged(&server, webhook, 2).await.remove(0);
        let told = attempt["error"].as_str().unwrap();
        assert!(told.starts_with("127.0.0.1 is not a public address"), "{told}");
        assert_eq!(receiver.count(), 1);
        // Allowed again, it gets what waited.
        server.restart(LOOPBACK).await;
        server.app.clock.advance(6_000);
        receiver.expect(2).await;
        drained(&server, webhook).await;
        assert_eq!(attempts(&server, webhook).await.len(), 3);
    })
    .await;
}
