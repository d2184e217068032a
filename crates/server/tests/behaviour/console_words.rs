//! What supervisors prepare for agents: canned answers, topics, tags; and who may not write.

use std::net::IpAddr;

use rozmowa::agent::Role;
use rozmowa::block;
use rozmowa::http::Code;
use rozmowa_db::{Stmt, params};
use serde_json::{Value, json};

use crate::client::get;
use crate::desk::Desk;
use crate::people::soon;
use crate::server::{NOON, Server};
use crate::store::on_both_engines;

const CANNED: &str = "/console/canned_answers";

async fn list(desk: &Desk, server: &Server, target: &str) -> Value {
    desk.get(server, target).await.expect(200).json()
}

async fn changes(server: &Server, subject: &str) -> Vec<String> {
    let target = format!("/api/audit?subject={}", subject.replace(' ', "%20"));
    let page = server.call(get(target)).await.expect(200).json();
    let entries = page["result"].as_array().expect("a list").clone();
    assert!(entries.iter().all(|entry| entry["actor_kind"] == "AGENT"), "{entries:?}");
    entries.iter().rev().map(|entry| entry["change"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn canned_answers_are_written_by_supervisors_for_all() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let agent = Desk::of(&server, "jkowalski").await;
        let boss = Desk::supervisor(&server, "anowak").await;
        let hello = json!({"shortcut": "witaj", "text": "Dzień dobry, {client_name|Państwo}!"});
        let added = boss.call(&server, "POST", CANNED, hello.clone()).await.expect(200).json();
        assert_eq!(added, json!({"id": 1}));
        let refused = async |body: Value, code| {
            boss.call(&server, "POST", CANNED, body).await.expect_fault(code);
        };
        refused(hello.clone(), Code::ShortcutTaken).await;
        refused(json!({"shortcut": "a", "text": "{client}"}), Code::UnknownPlaceholder).await;
        refused(json!({"shortcut": "a", "text": "a", "chat_queue_id": 99}), Code::UnknownQueue)
            .await;
        refused(json!({"shortcut": "a", "text": " "}), Code::BlankText).await;
        let shop = json!({"shortcut": "sklep", "text": "a", "chat_queue_id": 3});
        boss.call(&server, "POST", CANNED, shop).await.expect(200);
        let shortcuts = async |target: &str| {
            let answers = list(&agent, &server, target).await;
            let shortcut = |answer: &Value| answer["shortcut"].as_str().unwrap().to_owned();
            answers.as_array().unwrap().iter().map(shortcut).collect::<Vec<_>>()
        };
        assert_eq!(shortcuts(CANNED).await, ["sklep", "witaj"]);
        assert_eq!(shortcuts(&format!("{CANNED}?chat_queue_id=3")).await, ["sklep", "witaj"]);
        assert_eq!(shortcuts(&format!("{CANNED}?chat_queue_id=4")).await, ["witaj"]);
        let target = format!("{CANNED}/2");
        let change = json!({"chat_queue_id": "", "text": "tu {agent_name}"});
        boss.call(&server, "PUT", &target, change).await.expect_nothing();
        let one = &list(&agent, &server, CANNED).await[0];
        assert_eq!(
            (&one["chat_queue_id"], &one["text"]),
            (&Value::Null, &json!("tu {agent_name}"))
        );
        let taken = boss.call(&server, "PUT", &target, json!({"shortcut": "witaj"})).await;
        taken.expect_fault(Code::ShortcutTaken);
        let wrong = boss.call(&server, "PUT", &target, json!({"text": "{x}"})).await;
        wrong.expect_fault(Code::UnknownPlaceholder);
        boss.call(&server, "DELETE", &target, json!({})).await.expect_nothing();
        boss.call(&server, "DELETE", &target, json!({}))
            .await
            .expect_fault(Code::UnknownCannedAnswer);
        assert_eq!(shortcuts(CANNED).await, ["witaj"]);
        let all = ["canned.add", "canned.change", "canned.remove"];
        assert_eq!(changes(&server, "canned answer 2").await, all);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_and_tags_are_two_lists_of_names() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let agent = Desk::of(&server, "jkowalski").await;
        let boss = Desk::supervisor(&server, "anowak").await;
        for (kind, unknown) in [("topic", Code::UnknownTopic), ("tag", Code::UnknownTag)] {
            let all = format!("/console/{kind}s");
            let (first, ninth) = (format!("{all}/1"), format!("{all}/9"));
            boss.call(&server, "POST", &all, json!({"name": "Zwrot"})).await.expect(200);
            let taken = boss.call(&server, "POST", &all, json!({"name": "Zwrot"})).await;
            taken.expect_fault(Code::LabelTaken);
            boss.call(&server, "POST", &all, json!({"name": "Dostawa"})).await.expect(200);
            let taken = boss.call(&server, "PUT", &first, json!({"name": "Dostawa"})).await;
            taken.expect_fault(Code::LabelTaken);
            let change = json!({"name": "Zwroty", "enabled": false});
            boss.call(&server, "PUT", &first, change).await.expect_nothing();
            boss.call(&server, "PUT", &ninth, json!({})).await.expect_fault(unknown);
            let expected = json!([
                {"id": 2, "name": "Dostawa", "enabled": true},
                {"id": 1, "name": "Zwroty", "enabled": false},
            ]);
            assert_eq!(list(&agent, &server, &all).await, expected);
            let done = [format!("{kind}.add"), format!("{kind}.change")];
            assert_eq!(changes(&server, &format!("{kind} 1")).await, done);
        }
    })
    .await;
}

async fn is_blocked(server: &Server, address: Option<&str>, email: Option<&'static str>) -> bool {
    let address: Option<IpAddr> = address.map(|address| address.parse().unwrap());
    let now = server.app.clock.now();
    server.write(move |tx| block::is_blocked(tx, address, email, now)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn visitors_are_blocked_for_a_while_by_address_or_email() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let agent = Desk::of(&server, "jkowalski").await;
        let other = Desk::of(&server, "retired").await;
        let boss = Desk::with(&server, "anowak", Role::Supervisor).await;
        let block = async |desk: &Desk, body: Value| {
            desk.call(&server, "POST", "/console/blocks", body).await
        };
        let minute = json!({"address": "203.0.113.5", "reason": "spam", "expires_in_seconds": 60});
        let first = block(&agent, minute).await.expect(200).json();
        assert_eq!(first, json!({"id": 1}));
        let second = json!({"email": "Zly@Example.org", "reason": "groźby"});
        block(&agent, second).await.expect(200);
        block(&agent, json!({"address": "2001:db8::1", "reason": "a"})).await.expect(200);
        for (address, email, expected) in [
            (Some("203.0.113.5"), None, true),
            (Some("::ffff:203.0.113.5"), None, true),
            (Some("203.0.113.6"), None, false),
            (Some("2001:db8::ffff"), Some("dobry@example.org"), true),
            (Some("2001:db8:0:1::1"), None, false),
            (None, Some("zly@example.ORG"), true),
            (Some("203.0.113.6"), Some("zly@example.org"), true),
            (None, Some("203.0.113.5"), false),
            (None, None, false),
        ] {
            let is = is_blocked(&server, address, email).await;
            assert_eq!(is, expected, "{address:?} {email:?}");
        }
        let shown = list(&other, &server, "/console/blocks").await;
        let expected = json!({
            "id": 1, "kind": "address", "value": "203.0.113.5", "reason": "spam",
            "agent_login": "jkowalski", "created_at": NOON, "expires_at": NOON + 60_000,
        });
        assert_eq!(shown["result"][2], expected);
        let page = list(&other, &server, "/console/blocks?limit=2").await;
        assert_eq!(page["next_cursor"], 2);
        let rest = list(&other, &server, "/console/blocks?limit=2&cursor=2").await;
        assert_eq!((&rest["result"][0]["id"], &rest["next_cursor"]), (&json!(1), &Value::Null));
        for (body, code) in [
            (json!({"reason": "a"}), Code::NotExactlyOne),
            (json!({"address": "1.1.1.1", "email": "a@b", "reason": "a"}), Code::NotExactlyOne),
            (json!({"address": "1.1.1", "reason": "a"}), Code::NotAddress),
            (json!({"address": "1.1.1.1"}), Code::Missing),
            (
                json!({"address": "1.1.1.1", "reason": "a", "expires_in_seconds": 1}),
                Code::NotWithin,
            ),
        ] {
            block(&agent, body).await.expect_fault(code);
        }
        // Lifted by who made it, or by a supervisor.
        let lift = async |desk: &Desk, id: i64| {
            desk.call(&server, "DELETE", &format!("/console/blocks/{id}"), json!({})).await
        };
        lift(&other, 2).await.expect_fault(Code::RoleNeeded);
        lift(&boss, 2).await.expect_nothing();
        lift(&boss, 2).await.expect_fault(Code::UnknownBlock);
        lift(&agent, 3).await.expect_nothing();
        assert!(!is_blocked(&server, None, Some("zly@example.org")).await);
        assert_eq!(changes(&server, "block 2").await, ["block.add", "block.lift"]);
        // Over, and swept.
        server.app.clock.advance(59_999);
        assert!(is_blocked(&server, Some("203.0.113.5"), None).await);
        server.app.clock.advance(1);
        assert!(!is_blocked(&server, Some("203.0.113.5"), None).await);
        assert_eq!(list(&other, &server, "/console/blocks").await["result"], json!([]));
        let now = server.app.clock.now();
        let swept = server.write(move |tx| block::sweep(tx, now)).await;
        assert!(!swept, "there is no more");
        let count = Stmt::composed("blocks".to_owned(), "SELECT count(*) FROM block".to_owned());
        let remaining = soon(
            server.write(move |tx| Ok(tx.query_one(&count, params![], |row| row.get::<i64>(0))?)),
        );
        assert_eq!(remaining.await, 0);
    })
    .await;
}
