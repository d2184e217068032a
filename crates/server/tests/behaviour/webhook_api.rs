//! Subscriptions: what the methods take, answer and refuse, and what a subscription hears of.

use rozmowa::http::Code;
use rozmowa_db::Stmt;
use serde_json::{Value, json};

use crate::client::{Request, basic, get, post};
use crate::hooks::{
    CLOSED, CREATED, SAID, add, change, drained, hasty, id, pages, pending, put, remove, server,
    show, start_many, subscribe, sweep, until,
};
use crate::receiver::{Behaviour, Receiver};
use crate::server::Server;
use crate::store::{Engine, on_both_engines};

const HOOKS: &str = "/api/webhooks";
const URL: &str = "https://192.0.10.1/hook";

async fn list(server: &Server) -> Value {
    server.call(get(HOOKS)).await.expect(200).json()
}

async fn rows(server: &Server, table: &str) -> i64 {
    let count = Stmt::composed("a count".to_owned(), format!("SELECT count(*) FROM {table}"));
    server.write(move |tx| Ok(tx.query_one(&count, &[], |row| row.get(0))?)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_are_listed_as_a_bare_array_with_the_documented_keys_in_order() {
    on_both_engines(async |engine| {
        let server = server(engine).await;
        assert_eq!(server.call(get(HOOKS)).await.expect(200).text(), "[]");
        let body = r#"{"actions": ["CHAT_CONVERSATION_CLOSED", "CHAT_CONVERSATION_CREATED"],
            "subscription_url": "https:\/\/192.0.10.1\/hook", "http_auth_user": "u", "http_auth_password": "p"}"#;
        let added = server.call(post(HOOKS).body("application/json", body)).await.expect(200);
        let first = r#"{"id":1,"actions":["CHAT_CONVERSATION_CREATED","CHAT_CONVERSATION_CLOSED"],"subscription_url":"https://192.0.10.1/hook","http_auth_user":"u","http_auth_password":""}"#;
        assert_eq!(added.text(), first);
        add(&server, json!({ "actions": [SAID], "subscription_url": URL })).await;
        let second = r#"{"id":2,"actions":["CHAT_MESSAGE_CREATED"],"subscription_url":"https://192.0.10.1/hook","http_auth_user":"","http_auth_password":""}"#;
        let listed = server.call(get(HOOKS)).await.expect(200).text();
        assert_eq!(listed, format!("[{first},{second}]"));
        let details = server.call(get(format!("{HOOKS}?include_details=true"))).await.expect(200);
        let more = r#","format":"form","signing":false,"has_http_auth_password":true,"enabled":true,"created_at":"2026-06-01 12:00:00"}"#;
        let first = format!("{}{more}", first.trim_end_matches('}'));
        assert!(details.text().starts_with(&format!("[{first},")), "{}", details.text());
        assert_eq!(server.call(get(format!("{HOOKS}/1"))).await.expect(200).text(), first);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_travel_in_json_forms_and_queries_and_lists_as_php_writes_them() {
    let server = server(Engine::Sqlite).await;
    let listed = |actions: &[&str]| json!(actions);
    let pairs = [("actions[]", CREATED), ("actions[]", CLOSED), ("subscription_url", URL)];
    let numbered = [("actions[0]", CREATED), ("actions[1]", CLOSED), ("subscription_url", URL)];
    for request in [
        post(HOOKS).json(&json!({ "actions": [CREATED, CLOSED], "subscription_url": URL })),
        post(HOOKS).form(&pairs),
        post(HOOKS).form(&numbered),
        post(HOOKS).query(&pairs),
        post(HOOKS).query(&pairs).header("Content-Type", "application/json"),
        post(HOOKS)
            .query(&[("subscription_url", URL)])
            .json(&json!({ "actions": [CREATED, CLOSED, CREATED] })),
    ] {
        let added = server.call(request).await.expect(200).json();
        assert_eq!(added["actions"], listed(&[CREATED, CLOSED]));
        assert_eq!(added["subscription_url"], URL);
    }
    let alone = [("actions", CREATED), ("subscription_url", URL)];
    let added = server.call(post(HOOKS).form(&alone)).await.expect(200).json();
    assert_eq!(added["actions"], listed(&[CREATED]));
    let changed = Request::new("PUT", format!("{HOOKS}/1")).form(&[("actions[]", SAID)]);
    assert_eq!(server.call(changed).await.expect(200).json()["actions"], listed(&[SAID]));
    let changed = Request::new("PUT", format!("{HOOKS}/1")).query(&[("enabled", "0")]);
    server.call(changed).await.expect(200);
    assert_eq!(show(&server, 1).await["enabled"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_told_and_nothing_is_added() {
    on_both_engines(async |engine| {
        let server = server(engine).await;
        let with = |key: &str, value: Value| {
            let mut webhook = json!({ "actions": [CREATED], "subscription_url": URL });
            webhook[key] = value;
            post(HOOKS).json(&webhook)
        };
        for (key, value, code) in [
            ("actions", Value::Null, Code::Missing),
            ("actions", json!([]), Code::Missing),
            ("actions", json!([""]), Code::Missing),
            ("actions", json!(["CHAT_CONVERSATION_CREATED", "NOTHING"]), Code::NotOneOf),
            ("actions", json!(["WEBHOOK_TEST"]), Code::NotOneOf),
            ("actions", json!({ "a": CREATED }), Code::NotList),
            ("actions", json!(vec![CREATED; 51]), Code::TooManyValues),
            ("subscription_url", Value::Null, Code::Missing),
            ("subscription_url", json!(""), Code::Missing),
            ("subscription_url", json!("example.org/hook"), Code::NotUrl),
            ("subscription_url", json!("ftp://192.0.10.1/"), Code::NotUrl),
            ("subscription_url", json!("http://u:p@192.0.10.1/"), Code::NotUrl),
            ("subscription_url", json!("http://192.0.10.1/#part"), Code::NotUrl),
            ("subscription_url", json!(format!("http://192.0.10.1/{}", "a".repeat(2000))), Code::TooLong),
            ("http_auth_user", json!("a:b"), Code::ColonInUser),
            ("format", json!("xml"), Code::NotOneOf),
            ("signing", json!("perhaps"), Code::NotBoolean),
        ] {
            let answer = server.call(with(key, value)).await;
            answer.expect_fault_of(code, key);
        }
        let all = json!({ "http_auth_user": "a:b", "http_auth_password": "p", "subscription_url": "x", "actions": ["X"] });
        server.call(post(HOOKS).json(&all)).await.expect_faults(&[Code::NotUrl, Code::NotOneOf, Code::ColonInUser]);
        let both = json!({ "http_auth_user": "a:b", "subscription_url": "x", "actions": [CREATED] });
        server.call(post(HOOKS).json(&both)).await.expect_faults(&[Code::NotUrl, Code::ColonInUser]);
        assert_eq!(list(&server).await, json!([]));
        for unknown in ["1", "0", "-1", "x", "99999999999999999999"] {
            for request in [
                get(format!("{HOOKS}/{unknown}")),
                Request::new("PUT", format!("{HOOKS}/{unknown}")),
                Request::new("DELETE", format!("{HOOKS}/{unknown}")),
                get(format!("{HOOKS}/{unknown}/attempts")),
                get(format!("{HOOKS}/{unknown}/pending")),
                post(format!("{HOOKS}/{unknown}/test")),
                post(format!("{HOOKS}/{unknown}/rotate_secret")),
                post(format!("{HOOKS}/{unknown}/redeliver")).json(&json!({ "delivery_id": uuid::Uuid::nil() })),
                post(format!("{HOOKS}/{unknown}/recover")).json(&json!({ "date_from": "2026-06-01" })),
            ] {
                server.call(request).await.expect_fault(Code::UnknownWebhook);
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_refused_changes_nothing() {
    on_both_engines(async |engine| {
        let server = server(engine).await;
        let was = add(&server, json!({ "actions": [CREATED], "subscription_url": URL })).await;
        let was = show(&server, id(&was)).await;
        for (wrong, code, parameter) in [
            (json!({ "actions": ["NOTHING"] }), Code::NotOneOf, "actions"),
            (json!({ "subscription_url": "x" }), Code::NotUrl, "subscription_url"),
            (json!({ "http_auth_user": "a:b" }), Code::ColonInUser, "http_auth_user"),
            (json!({ "format": "xml" }), Code::NotOneOf, "format"),
            (json!({ "enabled": "perhaps" }), Code::NotBoolean, "enabled"),
        ] {
            server.call(put(1, wrong)).await.expect_fault_of(code, parameter);
            assert_eq!(show(&server, 1).await, was);
        }
        // Nothing to hear of is said by switching it off.
        assert_eq!(change(&server, 1, json!({ "actions": [] })).await["actions"], json!([CREATED]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_may_stand_alone() {
    let (server, receiver) = (server(Engine::Sqlite).await, Receiver::start().await);
    let webhook = subscribe(&server, &receiver, &[CREATED]).await;
    change(&server, webhook, json!({ "http_auth_password": "p" })).await;
    server.start(&[]).await;
    assert_eq!(receiver.expect(1).await[0].header("authorization"), Some(&*basic("", "p")));
    change(&server, webhook, json!({ "http_auth_user": "" })).await;
    server.start(&[]).await;
    assert_eq!(receiver.expect(2).await[1].header("authorization"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_change_leaves_out_stays_and_an_empty_user_takes_the_password_along() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        let new = json!({
            "actions": [CREATED], "subscription_url": receiver.url(),
            "http_auth_user": "user", "http_auth_password": "pass", "format": "json",
        });
        let webhook = id(&add(&server, new).await);
        let authorization = async |count| {
            server.start(&[]).await;
            let arrivals = receiver.expect(count).await;
            arrivals[count - 1].header("authorization").map(str::to_owned)
        };
        let was = show(&server, webhook).await;
        server.call(Request::new("PUT", format!("{HOOKS}/{webhook}"))).await.expect(200);
        assert_eq!(show(&server, webhook).await, was);
        assert_eq!(authorization(1).await.as_deref(), Some("Basic dXNlcjpwYXNz"));
        change(&server, webhook, json!({ "actions": [CREATED, CLOSED], "http_auth_password": "" }))
            .await;
        assert_eq!(authorization(2).await.as_deref(), Some("Basic dXNlcjpwYXNz"));
        let answer = change(&server, webhook, json!({ "http_auth_user": "other" })).await;
        assert_eq!(answer["http_auth_user"], "other");
        assert_eq!(authorization(3).await.as_deref(), Some("Basic b3RoZXI6cGFzcw=="));
        let now = show(&server, webhook).await;
        assert_eq!((&now["format"], &now["actions"]), (&json!("json"), &json!([CREATED, CLOSED])));
        let answer = change(&server, webhook, json!({ "http_auth_user": "" })).await;
        assert_eq!(answer["http_auth_user"], "");
        assert_eq!(show(&server, webhook).await["has_http_auth_password"], false);
        assert_eq!(authorization(4).await, None);
        change(&server, webhook, json!({ "http_auth_user": "user" })).await;
        assert_eq!(authorization(5).await.as_deref(), Some("Basic dXNlcjo="), "the password went");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_subscriptions_are_enough() {
    on_both_engines(async |engine| {
        let server = server(engine).await;
        let mut wire = server.wire().await;
        let call = post(HOOKS).json(&json!({ "actions": [CREATED], "subscription_url": URL }));
        for _ in 0..100 {
            wire.call(&call).await.expect(200);
        }
        wire.call(&call).await.expect_fault(Code::TooManyWebhooks);
        assert_eq!(list(&server).await.as_array().unwrap().len(), 100);
        remove(&server, 7).await;
        assert_eq!(
            id(&wire.call(&call).await.expect(200).json()),
            101,
            "numbers are not used again"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_hears_of_what_begins_after_it_and_of_nothing_before() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        let mut wire = server.wire().await;
        let start = post(crate::server::START).query(&[("chat_queue_id", "3")]);
        wire.call(&start).await.expect(200);
        let call = json!({ "actions": [CREATED], "subscription_url": receiver.url() });
        // Right behind each other, on one connection and without a wait.
        let both = [post(HOOKS).json(&call).bytes(), start.bytes()].concat();
        wire.send(&both).await;
        wire.answer().await.expect(200);
        let after = crate::server::started(&wire.answer().await);
        let heard = receiver.expect(1).await[0].field("conversation_id");
        assert_eq!(heard.as_deref(), Some(&*after));
        drained(&server, 1).await;
        assert_eq!(receiver.count(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_disabled_hears_of_nothing_and_gets_what_waited_once_enabled() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        let webhook = subscribe(&server, &receiver, &[CREATED]).await;
        receiver.script([Behaviour::Answer(500)]);
        let waits = server.start(&[]).await;
        until("the retry", async || {
            (pending(&server, webhook).await[0]["attempts"] == 1).then_some(())
        })
        .await;
        change(&server, webhook, json!({ "enabled": false })).await;
        let shown = show(&server, webhook).await;
        assert_eq!((&shown["enabled"], &shown["off_because"]), (&json!(false), &json!("BY_HAND")));
        server.start(&[]).await;
        server.app.clock.advance(60_000);
        let other = Receiver::start().await;
        subscribe(&server, &other, &[CREATED]).await;
        let later = server.start(&[]).await;
        other.expect(1).await;
        assert_eq!(receiver.count(), 1, "it is off");
        change(&server, webhook, json!({ "enabled": true })).await;
        assert_eq!(show(&server, webhook).await["off_because"], Value::Null);
        let heard = receiver.expect(2).await;
        assert_eq!(heard[1].field("conversation_id").as_deref(), Some(&*waits));
        drained(&server, webhook).await;
        let last = server.start(&[]).await;
        let heard = receiver.expect(3).await;
        assert_eq!(heard[2].field("conversation_id").as_deref(), Some(&*last));
        assert!(!receiver.bodies().iter().any(|body| body.contains(&later)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_removed_hears_of_nothing_and_its_rows_go() {
    on_both_engines(async |engine| {
        let (server, receiver) = (hasty(engine).await, Receiver::start().await);
        let webhook = subscribe(&server, &receiver, &[CREATED, SAID]).await;
        receiver.then(Behaviour::Answer(500));
        // More than a step of clearing up takes.
        start_many(&server, 310).await;
        receiver.expect(8).await;
        let other = Receiver::start().await;
        let stays = subscribe(&server, &other, &[CREATED]).await;
        remove(&server, webhook).await;
        server.call(get(format!("{HOOKS}/{webhook}"))).await.expect_fault(Code::UnknownWebhook);
        server.start(&[]).await;
        other.expect(1).await;
        drained(&server, stays).await;
        // Attempts that were under way are over when nothing more comes of them.
        until("the rows to go", async || {
            sweep(&server).await;
            let left = (rows(&server, "delivery").await, rows(&server, "delivery_attempt").await);
            (left == (0, 1)).then_some(())
        })
        .await;
        let heard = receiver.count();
        server.app.clock.advance(60_000);
        server.start(&[]).await;
        other.expect(2).await;
        assert_eq!(receiver.count(), heard);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_want_reaches_both() {
    on_both_engines(async |engine| {
        let server = server(engine).await;
        let (first, second) = (Receiver::start().await, Receiver::start().await);
        subscribe(&server, &first, &[CREATED, CLOSED]).await;
        subscribe(&server, &second, &[CLOSED, SAID]).await;
        let id = server.start(&[]).await;
        server.stop(&id).await;
        assert!(second.expect(1).await[0].body.starts_with("action=CHAT_CONVERSATION_CLOSED&"));
        assert!(first.expect(2).await[0].body.starts_with("action=CHAT_CONVERSATION_CREATED&"));
        assert_eq!(first.bodies()[1], second.bodies()[0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_read_page_by_page_without_loss_or_repeat() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        let webhook = subscribe(&server, &receiver, &[CREATED, SAID]).await;
        // Eight failures make a lane careful; these are fewer.
        receiver.script(vec![Behaviour::Answer(500); 7]);
        let chat = server.start(&[]).await;
        for n in 0..11 {
            if n % 3 == 0 {
                server.app.clock.advance(1);
            }
            server.message(&chat, &n.to_string()).await;
        }
        crate::hooks::logged(&server, webhook, 12).await;
        for what in ["attempts", "pending"] {
            let target = format!("{HOOKS}/{webhook}/{what}");
            let whole = pages(&server, &target, 100).await;
            assert_eq!(whole.len(), if what == "attempts" { 12 } else { 7 });
            for limit in [1, 2, 3, 5, whole.len(), whole.len() + 1] {
                assert_eq!(pages(&server, &target, limit).await, whole, "{what} by {limit}");
            }
            for wrong in ["x", "1", "1:2", ":", "-1:00000000-0000-7000-8000-000000000000"] {
                let request = get(&target).query(&[("cursor", wrong)]);
                server.call(request).await.expect_fault_of(Code::NotCursor, "cursor");
            }
        }
        let ids: Vec<_> = pages(&server, &format!("{HOOKS}/{webhook}/attempts"), 5).await;
        let ids: Vec<_> =
            ids.iter().map(|attempt| attempt["delivery_id"].as_str().unwrap()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] > pair[1]), "newest first: {ids:?}");
        let due: Vec<_> = pending(&server, webhook).await;
        let due: Vec<_> = due.iter().map(|waits| waits["due_at"].as_str().unwrap()).collect();
        assert!(due.is_sorted(), "{due:?}");
    })
    .await;
}
