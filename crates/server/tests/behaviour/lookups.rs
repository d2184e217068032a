//! What the company's own systems know of a client: asked, bounded, remembered, and nobody else's business.

use rozmowa::agent::Role;
use rozmowa::http::Code;
use serde_json::{Value, json};

use crate::client::get;
use crate::desk::Desk;
use crate::hooks::{LOOPBACK, server as that_may_call};
use crate::receiver::{Behaviour, Receiver};
use crate::server::Server;
use crate::store::{Engine, on_both_engines};

const SETTINGS: &str = "/console/settings/lookup";

async fn set(desk: &Desk, server: &Server, body: Value) -> Value {
    desk.call(server, "PUT", SETTINGS, body).await.expect(200).json()
}

async fn look(desk: &Desk, server: &Server, id: &str) -> Value {
    desk.get(server, &format!("/console/conversations/{id}/lookup")).await.expect(200).json()
}

async fn state(desk: &Desk, server: &Server, id: &str) -> String {
    look(desk, server, id).await["state"].as_str().expect("a state").to_owned()
}

fn answering(body: &str) -> Behaviour {
    Behaviour::Body(200, body.to_owned())
}

const ANSWER: &str = r#"{"title": "Klient", "rows": [{"label": "Zamówienie", "value": "7/2026", "link": "https://shop.example.org/7"}]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_looked_up_once_a_minute() {
    on_both_engines(async |engine| {
        let server = that_may_call(engine).await;
        let desk = Desk::with(&server, "anowak", Role::Administrator).await;
        let shop = Receiver::start().await;
        shop.then(answering(ANSWER));
        let id = server.start(&[("client_id", "1234")]).await;
        assert_eq!(state(&desk, &server, &id).await, "not_set_up");
        let url = format!("http://{}/client?shop=1", shop.address);
        let shown = set(&desk, &server, json!({"url": url, "secret": "s3cret"})).await;
        assert_eq!(shown, json!({"url": url, "has_secret": true}));
        let found = look(&desk, &server, &id).await;
        assert_eq!(found["state"], "found");
        let row = json!({
            "label": "Zamówienie", "value": "7/2026", "link": "https://shop.example.org/7",
        });
        assert_eq!((&found["title"], &found["rows"]), (&json!("Klient"), &json!([row])));
        let arrival = &shop.arrivals()[0];
        let expected =
            "GET /client?shop=1&email=jan.kowalski%40example.org&identifier=1234 HTTP/1.1";
        assert_eq!(arrival.line, expected);
        assert_eq!(arrival.header("Authorization"), Some("Bearer s3cret"));
        server.app.clock.advance(59_999);
        assert_eq!(look(&desk, &server, &id).await, found);
        assert_eq!(shop.count(), 1, "it was remembered");
        server.app.clock.advance(1);
        look(&desk, &server, &id).await;
        assert_eq!(shop.count(), 2);
        // Another secret is another question.
        set(&desk, &server, json!({"secret": ""})).await;
        look(&desk, &server, &id).await;
        assert_eq!(shop.arrivals()[2].header("Authorization"), None);
        let nobody = server.start(&[]).await;
        assert_eq!(state(&desk, &server, &nobody).await, "nothing_to_ask");
        set(&desk, &server, json!({"url": ""})).await;
        assert_eq!(state(&desk, &server, &id).await, "not_set_up");
        assert_eq!(shop.count(), 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_told_and_soon_tried_again() {
    let server = that_may_call(Engine::Sqlite).await;
    let desk = Desk::with(&server, "anowak", Role::Administrator).await;
    let shop = Receiver::start().await;
    let id = server.start(&[("client_email", "jan@example.org")]).await;
    set(&desk, &server, json!({"url": shop.url()})).await;
    let elsewhere = Receiver::start().await;
    let large = format!(r#"{{"title": "{}", "rows": []}}"#, "a".repeat(70_000));
    for (behaviour, expected) in [
        (Behaviour::Answer(500), "bad_status"),
        (Behaviour::With(302, format!("Location: {}", elsewhere.url())), "bad_status"),
        (answering(&large), "too_large"),
        (answering("<html>"), "unreadable"),
        (answering(r#"{"rows": 1}"#), "unreadable"),
        (Behaviour::Close, "no_answer"),
        (Behaviour::Flood, "no_answer"),
        (Behaviour::Hang, "no_answer"),
        (Behaviour::Unended(200), "no_answer"),
        (answering(ANSWER), "found"),
    ] {
        shop.then(behaviour);
        assert_eq!(state(&desk, &server, &id).await, expected);
        let count = shop.count();
        assert_eq!(state(&desk, &server, &id).await, expected);
        assert_eq!(shop.count(), count, "a failure is remembered, too");
        server.app.clock.advance(5_000);
    }
    assert_eq!(elsewhere.count(), 0, "redirects are not followed");
}

#[tokio::test(flavor = "multi_thread")]
async fn inner_addresses_are_not_asked() {
    on_both_engines(async |engine| {
        let shop = Receiver::start().await;
        let mut server = Server::on(engine).await;
        let desk = Desk::with(&server, "anowak", Role::Administrator).await;
        let url = shop.url();
        for (url, code) in [
            (url.as_str(), Code::AddressNotAllowed),
            ("http://169.254.169.254/latest", Code::AddressNotAllowed),
            ("http://user@example.org/", Code::NotUrl),
            ("file:///etc/passwd", Code::NotUrl),
        ] {
            let refused = desk.call(&server, "PUT", SETTINGS, json!({ "url": url })).await;
            refused.expect_fault_of(code, "url");
        }
        // Set while it was allowed, asked when it is not any more.
        server.restart(LOOPBACK).await;
        let desk = Desk::of(&server, "anowak").await;
        set(&desk, &server, json!({ "url": url })).await;
        server.restart("").await;
        let desk = Desk::of(&server, "anowak").await;
        let id = server.start(&[("client_id", "1234")]).await;
        assert_eq!(state(&desk, &server, &id).await, "not_allowed");
        assert_eq!(shop.count(), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_goes_to_one_host_and_is_seen_by_nobody() {
    on_both_engines(async |engine| {
        let server = that_may_call(engine).await;
        let desk = Desk::with(&server, "anowak", Role::Administrator).await;
        set(&desk, &server, json!({"url": "http://127.0.0.1:1/a", "secret": "tajne-haslo"})).await;
        set(&desk, &server, json!({"url": "http://127.0.0.1:1/b"})).await;
        let other =
            desk.call(&server, "PUT", SETTINGS, json!({"url": "http://127.0.0.1:2/b"})).await;
        other.expect_fault(Code::SecretNeeded);
        set(&desk, &server, json!({"url": "http://127.0.0.1:2/b", "secret": ""})).await;
        let shown = desk.get(&server, SETTINGS).await.expect(200).text();
        assert!(!shown.contains("tajne"), "{shown}");
        let audit = server.call(get("/api/audit?subject=lookup")).await.expect(200);
        assert_eq!(audit.json()["result"].as_array().unwrap().len(), 3);
        assert!(!audit.text().contains("tajne"), "{}", audit.text());
        let stored = server.write(|tx| rozmowa::setting::text(tx, "lookup")).await.unwrap();
        assert!(!stored.contains("tajne"), "{stored}");
    })
    .await;
}
