//! Queues, and who answers them.

use rozmowa::http::Code;
use serde_json::{Value, json};

use crate::client::{delete, get, post, put};
use crate::server::{START, Server};
use crate::store::on_both_engines;

fn agents_of(queue: &str) -> String {
    format!("/api/chats/queues/{queue}/agents")
}

async fn set(server: &Server, login: &str, body: Value) {
    server.call(put(format!("{}/{login}", agents_of("3"))).json(&body)).await.expect_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_is_added_and_changed() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let added = server.call(post("/api/chats/queues").json(&json!({"name": "Zwroty"}))).await;
        assert_eq!(added.expect(200).text(), r#"{"chat_queue_id":5}"#);
        let given = json!({"name": "Serwis", "id": 40});
        let added = server.call(post("/api/chats/queues").json(&given)).await;
        assert_eq!(added.expect(200).json(), json!({"chat_queue_id": 40}));
        for (given, is_change) in [
            (json!({}), false),
            (json!({"name": "Zwroty", "enabled": 1}), false),
            (json!({"name": "Zwroty i wymiany"}), true),
            (json!({"enabled": false}), true),
            (json!({"enabled": false}), false),
        ] {
            let before = server.audited().await.len();
            server.call(put("/api/chats/queues/5").json(&given)).await.expect_nothing();
            assert_eq!(server.audited().await.len() - before, usize::from(is_change), "{given}");
        }
        let listed = server.call(get("/api/chats/queues")).await.json();
        assert_eq!(listed[2], json!({"id": 5, "chat_queue_id": 5, "name": "Zwroty i wymiany"}));
        let start = post(START).query(&[("chat_queue_id", "5")]);
        server.call(start).await.expect_fault(Code::QueueDisabled);
        for body in [json!({"name": "Sklep"}), json!({"name": "Inna", "id": 3})] {
            server.call(post("/api/chats/queues").json(&body)).await.expect_fault(Code::QueueTaken);
        }
        let rename = put("/api/chats/queues/5").json(&json!({"name": "Sklep"}));
        server.call(rename).await.expect_fault(Code::QueueTaken);
        for id in [json!(0), json!(2_147_483_648_i64), json!("x")] {
            let call = post("/api/chats/queues").json(&json!({"name": "Inna", "id": id}));
            server.call(call).await.expect_fault_of(Code::NotWithin, "id");
        }
        let next = server.call(post("/api/chats/queues").json(&json!({"name": "Inna"}))).await;
        assert_eq!(next.json(), json!({"chat_queue_id": 41}));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_one_queues_however_many_want_it_at_once() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..9 {
            let mut wire = server.wire().await;
            let call = match number % 3 {
                0 => post("/api/chats/queues"),
                1 => put("/api/chats/queues/3"),
                _ => put("/api/chats/queues/4"),
            };
            tasks.spawn(async move { wire.call(&call.form(&[("name", "Nowa")])).await.status });
        }
        for status in tasks.join_all().await {
            assert!(matches!(status, 200 | 409), "{status}");
        }
        let names = server.call(get("/api/chats/queues")).await.text();
        assert_eq!(names.matches("Nowa").count(), 1, "{names}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_go_first_are_listed_first() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        assert_eq!(server.call(get(agents_of("3"))).await.expect(200).text(), "[]");
        server.set_capacity("anowak", 5).await;
        server.set_capacity("jkowalski", 2).await;
        set(&server, "anowak", json!({})).await;
        set(&server, "jkowalski", json!({"priority": "100"})).await;
        set(&server, "retired", json!({"priority": 1})).await;
        server.call(post("/api/agents/anowak/login")).await.expect_nothing();
        server.assign(&server.start(&[]).await, "jkowalski").await.expect_nothing();
        let most = rozmowa::agent::capacity::MOST;
        let one = |login: &str, priority, capacity: i64, open, status: &str| {
            format!(
                r#"{{"login":"{login}","priority":{priority},"capacity":{capacity},"open_chats":{open},"status":"{status}"}}"#
            )
        };
        let listed = server.call(get(agents_of("3"))).await.expect(200).text();
        let expected = [
            one("retired", 1, most, 0, "OFF"),
            one("jkowalski", 100, 2, 1, "OFF"),
            one("anowak", 100, 5, 0, "FREE"),
        ];
        assert_eq!(listed, format!("[{}]", expected.join(",")));
        set(&server, "jkowalski", json!({"priority": 1_000})).await;
        server.call(delete(format!("{}/retired", agents_of("3")))).await.expect_nothing();
        server.call(post("/api/agents/anowak/pause")).await.expect_nothing();
        let listed = server.call(get(agents_of("3"))).await.expect(200).text();
        let expected = [one("anowak", 100, 5, 0, "PAUSED"), one("jkowalski", 1_000, 2, 1, "OFF")];
        assert_eq!(listed, format!("[{}]", expected.join(",")));
        assert_eq!(server.call(get(agents_of("4"))).await.expect(200).text(), "[]");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_of_a_queues_agents_is_written_down_once() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        set(&server, "anowak", json!({"priority": 5})).await;
        set(&server, "anowak", json!({"priority": 5})).await;
        set(&server, "anowak", json!({})).await;
        for _ in 0..2 {
            server.call(delete(format!("{}/anowak", agents_of("3")))).await.expect_nothing();
        }
        let view = |priority: i64| json!({"login": "anowak", "priority": priority});
        let line = |change: &str, was: Value, becomes: Value| {
            (change.to_owned(), "queue 3".to_owned(), was, becomes)
        };
        assert_eq!(
            server.audited().await,
            [
                line("queue.agent.add", Value::Null, view(5)),
                line("queue.agent.change", view(5), view(100)),
                line("queue.agent.remove", view(100), Value::Null),
            ]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_found() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        for id in ["9", "0", "x", "%00", "9223372036854775808"] {
            let of_agent = format!("{}/anowak", agents_of(id));
            for call in [
                put(format!("/api/chats/queues/{id}")),
                get(agents_of(id)),
                put(&*of_agent),
                delete(of_agent),
            ] {
                server.call(call).await.expect_fault(Code::UnknownQueue);
            }
        }
        let nobody = format!("{}/nobody", agents_of("3"));
        for call in [put(&*nobody), delete(nobody)] {
            server.call(call).await.expect_fault(Code::UnknownAgent);
        }
        for priority in ["0", "1001", "high"] {
            let call = put(format!("{}/anowak", agents_of("3"))).form(&[("priority", priority)]);
            server.call(call).await.expect_fault_of(Code::NotWithin, "priority");
        }
        assert_eq!(server.call(get(agents_of("3"))).await.text(), "[]");
    })
    .await;
}
