//! What an attack has tried once is tried every time.

use rozmowa::app::Surroundings;
use rozmowa::http::Code;
use serde_json::json;

use crate::client::{get, post};
use crate::server::{Plan, Server};
use crate::store::Engine;

const START: &str = "/api/chat_conversations/start";

#[tokio::test(flavor = "multi_thread")]
async fn whoever_hangs_up_before_the_answer_has_had_the_try() {
    let server = Server::on(Engine::Sqlite).await;
    // The address has 20 tries a minute; these are many more, and nobody waits for the answer.
    for n in 0..100 {
        let mut wire = server.wire().await;
        wire.send(&get("/api/chats").by("shop", &format!("guess {n}")).bytes()).await;
    }
    let mut last = server.call(get("/api/chats").by("shop", "one more")).await;
    for _ in 0..100 {
        if last.status == 429 {
            break;
        }
        last = server.call(get("/api/chats").by("shop", "one more")).await;
    }
    assert_eq!(last.status, 429);
    assert!(server.app.gate.hasher().hashes() <= 20, "{}", server.app.gate.hasher().hashes());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_stands_twice_in_json_is_a_contradiction() {
    let server = Server::on(Engine::Sqlite).await;
    let twice = br#"{"chat_queue_id": 3, "client_name": "Jan", "client_name": "Anna"}"#.to_vec();
    let answer = server.call(post(START).body("application/json", twice)).await;
    answer.expect_fault_of(Code::Contradiction, "client_name");
}

#[tokio::test(flavor = "multi_thread")]
async fn heaps_of_parameters_are_refused_in_few_words() {
    let server = Server::on(Engine::Sqlite).await;
    for body in ["a[]=1&".repeat(100_000), "a[x][y]=1&a=2&".repeat(50_000)] {
        let call = post(START).body("application/x-www-form-urlencoded", body);
        let answer = server.call(call).await;
        assert_eq!(answer.status, 400);
        assert!(answer.body.len() < 2_000, "{} bytes", answer.body.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_keys_or_two_credentials_are_none() {
    let server = Server::on(Engine::Sqlite).await;
    let call = post(format!("{START}?chat_queue_id=3")).key("one").key("two");
    server.call(call).await.expect_fault(Code::BadIdempotencyKey);
    let call = get("/api/chats").header("Authorization", "Basic eDp5");
    server.call(call).await.expect_fault(Code::Unauthorized);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_a_size() {
    let server = Server::on(Engine::Sqlite).await;
    let ids = [server.start(&[]).await, server.start(&[]).await];
    let long = "🦀".repeat(16_384);
    for id in &ids {
        for _ in 0..140 {
            server.message(id, &long).await;
        }
    }
    let all = server.call(get("/api/chats?include_messages=1")).await;
    all.expect_fault(Code::AnswerTooLarge);
    // One alone fits, as do both without their messages.
    let one =
        server.call(get(format!("/api/chats/{}?include_messages=1", ids[0]))).await.expect(200);
    assert_eq!(one.json()["messages"].as_array().map(Vec::len), Some(140));
    server.call(get("/api/chats")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_that_says_nothing_is_no_error() {
    let server = Server::on(Engine::Sqlite).await;
    let call = post(format!("{START}?chat_queue_id=3")).json(&json!(null));
    server.call(call).await.expect(200);
    let call = post(START).json(&json!([3]));
    server.call(call).await.expect_fault(Code::JsonNotObject);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_file_is_refused() {
    let plan = Plan::on(Engine::Sqlite);
    let key = plan.folder().join("secret.key");
    let server = plan.start().await;
    std::fs::write(&key, [7; 32]).unwrap();
    let config = server.app.config.clone();
    let opened = tokio::task::spawn_blocking(|| {
        rozmowa::server::open_app(config, Surroundings::real()).map(drop)
    });
    let refused = opened.await.unwrap().unwrap_err();
    assert!(refused.contains("not the key"), "{refused}");
}
