//! A call that is sent again with its key is answered again and done once.

use std::sync::LazyLock;

use rozmowa::clock::Millis;
use rozmowa::http::idempotency;
use rozmowa::http::{Code, Reply};
use rozmowa_db::Stmt;
use serde_json::json;

use crate::client::{Request, post};
use crate::server::{PASSWORD, START, Server, started};
use crate::store::{Engine, on_both_engines};

const DAY: Millis = 24 * 60 * 60 * 1000;

fn start(key: &str) -> Request {
    post(START).query(&[("chat_queue_id", "3"), ("client_id", "1")]).key(key)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_call_again_gets_the_stored_answer() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let first = server.call(start("a")).await;
        let id = started(&first);
        // What happened to the conversation since does not matter, nor to the queue.
        server.stop(&id).await;
        server.act(|tx, act| rozmowa::queue::set_enabled(tx, act, 3, false)).await;
        let again = server.call(start("a")).await;
        assert_eq!(again.body, first.body);
        assert_eq!(again.header("Content-Type"), first.header("Content-Type"));
        server.call(start("b")).await.expect_fault(Code::QueueDisabled);
        assert_eq!(server.count().await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_call_under_the_same_key_is_refused() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = started(&server.call(start("a")).await);
        for other in [
            post(START).query(&[("chat_queue_id", "3"), ("client_id", "2")]).key("a"),
            start("a").json(&json!({"client_name": "Jan"})),
            post(START).query(&[("chat_queue_id", "3")]).key("a"),
        ] {
            server.call(other).await.expect_fault(Code::IdempotencyKeyReused);
        }
        assert_eq!(started(&server.call(start("a")).await), id, "the first answer still stands");
        assert_eq!(server.count().await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_one_users_and_one_paths() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.add_api_user("other", "*").await;
        let mine = started(&server.call(start("a")).await);
        let others = started(&server.call(start("a").by("other", PASSWORD)).await);
        assert_ne!(mine, others);
        let message = |id: &str| {
            post(format!("/api/chat_conversations/{id}/message")).form(&[("text", "Raz")]).key("a")
        };
        server.call(message(&mine)).await.expect_nothing();
        server.call(message(&others)).await.expect_nothing();
        assert_eq!(server.chat(&others).await["messages"].as_array().unwrap().len(), 1);
        // Without a key every call counts, and keys differ in every letter.
        assert_ne!(started(&server.call(start("A")).await), mine);
        assert_eq!(server.count().await, 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_sent_again_is_said_once() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.start(&[]).await;
        for (method, body) in [
            ("message", json!({"text": "Raz"})),
            ("reply", json!({"text": "Raz", "user_login": "anowak"})),
            ("stop", json!({})),
        ] {
            let call = post(format!("/api/chat_conversations/{id}/{method}")).json(&body).key("k");
            for _ in 0..3 {
                server.call(call.clone()).await.expect_nothing();
            }
        }
        assert_eq!(server.chat(&id).await["messages"].as_array().unwrap().len(), 2);
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_once_under_one_key_start_one_conversation() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.start(&[]).await;
        for round in 0..4 {
            let key = format!("round {round}").replace(' ', "-");
            let mut tasks = Vec::new();
            for _ in 0..50 {
                let (mut wire, call) = (server.wire().await, start(&key));
                tasks.push(tokio::spawn(async move { started(&wire.call(&call).await) }));
            }
            let mut ids = Vec::new();
            for task in tasks {
                ids.push(task.await.expect("a call ends"));
            }
            ids.dedup();
            assert_eq!(ids.len(), 1, "{ids:?}");
            assert_eq!(server.count().await, 2 + round);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_wrong_is_not_stored() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.call(post(START).key("a")).await.expect_fault(Code::Missing);
        started(&server.call(start("a")).await);
        server.act(|tx, act| rozmowa::queue::set_enabled(tx, act, 3, false)).await;
        server.call(start("b")).await.expect_fault(Code::QueueDisabled);
        server.act(|tx, act| rozmowa::queue::set_enabled(tx, act, 3, true)).await;
        started(&server.call(start("b")).await);
        server.call(start("c").by("api_reader", PASSWORD)).await.expect_fault(Code::Forbidden);
        started(&server.call(start("c")).await);
        assert_eq!(server.count().await, 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_free_again_after_a_day() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let first = started(&server.call(start("a")).await);
        server.app.clock.advance(DAY - 1);
        assert_eq!(started(&server.call(start("a")).await), first);
        server.app.clock.advance(1);
        let other = post(START).query(&[("chat_queue_id", "4")]).key("a");
        let second = started(&server.call(other.clone()).await);
        assert_ne!(second, first);
        server.app.clock.advance(DAY - 1);
        assert_eq!(started(&server.call(other).await), second, "its day begins anew");
        assert_eq!(server.count().await, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_keys_are_swept_away_and_young_ones_stay() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let mut wire = server.wire().await;
        for key in 0..510 {
            wire.call(&start(&key.to_string())).await.expect(200);
        }
        server.app.clock.advance(DAY);
        let young = started(&server.call(start("young")).await);
        let now = server.app.clock.now();
        assert!(server.write(move |tx| idempotency::sweep(tx, now)).await, "there is more");
        assert!(!server.write(move |tx| idempotency::sweep(tx, now)).await, "that was all");
        assert_eq!(started(&server.call(start("young")).await), young);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_has_1_to_255_visible_ascii_characters() {
    let server = Server::on(Engine::Sqlite).await;
    for key in ["", "a b", "żółć", "a\tb", &"a".repeat(256)] {
        server.call(start(key)).await.expect_fault(Code::BadIdempotencyKey);
    }
    for key in ["!", "~", "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", &"a".repeat(255)] {
        let first = started(&server.call(start(key)).await);
        assert_eq!(started(&server.call(start(key)).await), first);
    }
}

static BODIES: LazyLock<Stmt> = LazyLock::new(|| {
    Stmt::composed("bodies".to_owned(), "SELECT body FROM idempotency ORDER BY key".to_owned())
});

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_with_a_secret_is_stored_sealed_and_given_again() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let secret = json!({"signing_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
        let answer = async |key: u8, is_secret: bool| {
            let (app, secret) = (server.app.clone(), secret.clone());
            let key = idempotency::Key { key: [key; 16], fingerprint: [0; 16] };
            let reply = server
                .act(move |tx, act| {
                    idempotency::once(tx, &app.secret, &key, act, |_| {
                        let reply = Reply::json(&secret)?;
                        Ok(if is_secret { reply.secret() } else { reply })
                    })
                })
                .await;
            String::from_utf8(reply.body().to_vec()).unwrap()
        };
        for key in [1, 2] {
            for _ in 0..3 {
                assert_eq!(answer(key, true).await, secret.to_string());
            }
        }
        assert_eq!(answer(3, false).await, secret.to_string());
        assert_eq!(answer(3, false).await, secret.to_string());
        let bodies: Vec<String> =
            server.write(|tx| Ok(tx.query(&BODIES, &[], |row| row.get(0))?)).await;
        let [first, second, plain] = &bodies[..] else { panic!("{bodies:?}") };
        assert!(first.starts_with("sealed:") && second.starts_with("sealed:"), "{bodies:?}");
        assert!(!first.contains("whsec") && first != second, "{bodies:?}");
        assert_eq!(*plain, secret.to_string());

        // An answer in another one's place is not given out.
        server
            .execute(&format!("UPDATE idempotency SET body = '{first}' WHERE body = '{second}'"))
            .await;
        let key = idempotency::Key { key: [2; 16], fingerprint: [0; 16] };
        let app = server.app.clone();
        let swapped = server
            .act(move |tx, act| {
                let again = idempotency::once(tx, &app.secret, &key, act, |_| Ok(Reply::default()));
                Ok(again.is_err())
            })
            .await;
        assert!(swapped);
    })
    .await;
}
