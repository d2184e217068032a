//! What the console shows: lists in pages, a conversation with all that is known, its log.

use rozmowa::http::Code;
use serde_json::{Value, json};

use crate::desk::{Desk, saying, start_in};
use crate::server::{NOON, Server};
use crate::store::on_both_engines;

async fn page(desk: &Desk, server: &Server, query: &str) -> Value {
    let target = format!("/console/conversations?{query}");
    desk.get(server, &target).await.expect(200).json()
}

/// All pages of a view, by so many.
async fn all(desk: &Desk, server: &Server, view: &str, limit: usize) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let query = format!("view={view}&limit={limit}&cursor={cursor}");
        let page = page(desk, server, &query).await;
        let rows = page["result"].as_array().expect("a list");
        assert!(rows.len() <= limit);
        found.extend(rows.iter().map(|row| row["conversation_id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return found,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_each_other() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let desk = Desk::supervisor(&server, "anowak").await;
        let mut started = Vec::new();
        for number in 0..20 {
            started.push(start_in(&server, 3 + number % 2).await);
            // Some in the same millisecond.
            server.app.clock.advance(number % 3);
        }
        for limit in [1, 3, 7, 20, 100] {
            assert_eq!(all(&desk, &server, "waiting", limit).await, started, "the oldest first");
            let mut newest = all(&desk, &server, "all", limit).await;
            newest.reverse();
            assert_eq!(newest, started);
        }
        for id in &started[..10] {
            server.assign(id, "anowak").await.expect_nothing();
            server.reply(id, "anowak", "a").await;
        }
        for id in &started[5..15] {
            server.stop(id).await;
        }
        let newest = |ids: &[String]| ids.iter().rev().cloned().collect::<Vec<_>>();
        for limit in [2, 5, 100] {
            assert_eq!(all(&desk, &server, "mine", limit).await, newest(&started[..5]));
            assert_eq!(all(&desk, &server, "closed", limit).await, newest(&started[5..15]));
            assert_eq!(all(&desk, &server, "waiting", limit).await, started[15..]);
            let open = [&started[..5], &started[15..]].concat();
            assert_eq!(all(&desk, &server, "all", limit).await, newest(&open));
        }
        for (query, parameter, code) in [
            ("", "view", Code::Missing),
            ("view=some", "view", Code::NotOneOf),
            ("view=all&cursor=x", "cursor", Code::NotCursor),
            ("view=all&cursor=1.2.3", "cursor", Code::NotCursor),
        ] {
            let answer = desk.get(&server, &format!("/console/conversations?{query}")).await;
            answer.expect_fault_of(code, parameter);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_has_what_a_list_shows() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let desk = Desk::supervisor(&server, "anowak").await;
        let id = server.start(&[("client_id", "77")]).await;
        for text in ["pierwsza", "druga"] {
            server.message(&id, text).await;
        }
        let row = async || page(&desk, &server, "view=all").await["result"][0].clone();
        let mut expected = json!({
            "conversation_id": id, "client_name": "Klient 77", "customer_id": null, "is_verified": true,
            "chat_queue_id": 3, "chat_queue": "Sklep", "status": "CREATED", "agent": null, "bot_id": null,
            "topic_id": null, "last_message": {"seq": 3, "at": NOON, "sent_by": "CLIENT", "text": "druga"},
            "unread": 2, "created_at": NOON, "closed_at": null, "waiting_since": NOON, "is_missed": false,
            "seq": 3, "agent_read_seq": 0,
        });
        assert_eq!(row().await, expected);
        desk.does(&server, &id, "read", json!({"seq": 2})).await;
        let long = "ż".repeat(300);
        desk.does(&server, &id, "reply", saying(&long, 1)).await;
        desk.does(&server, &id, "note", saying("nie dla listy", 2)).await;
        let changes = json!({
            "status": "IN_PROGRESS", "agent": {"agent_id": 2, "login": "anowak", "name": "anowak"},
            "last_message": {"seq": 5, "at": NOON, "sent_by": "AGENT", "text": "ż".repeat(200)},
            "unread": 1, "waiting_since": null, "seq": 6, "agent_read_seq": 2,
        });
        for (name, value) in changes.as_object().unwrap() {
            expected[name] = value.clone();
        }
        assert_eq!(row().await, expected);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_shown_with_all_that_is_known() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let desk = Desk::supervisor(&server, "anowak").await;
        let agent = Desk::agent(&server, "jkowalski", 3).await;
        let earlier = server.start(&[("customer_id", "1")]).await;
        let elsewhere = start_in(&server, 4).await;
        server.execute("UPDATE conversation SET customer_id = 1 WHERE chat_queue_id = 4").await;
        server.stop(&earlier).await;
        let stranger = server.start(&[("client_email", "Obcy@example.org")]).await;
        let again = server.start(&[("client_email", "Obcy@example.org")]).await;
        let id = server.start(&[("client_id", "1234")]).await;
        let uuid: uuid::Uuid = id.parse().unwrap();
        let statement = rozmowa_db::Stmt::composed(
            "client data".to_owned(),
            "INSERT INTO client_data (conversation_id, ip, browser) VALUES ($1, '203.0.113.5', 'Firefox')".to_owned(),
        );
        server
            .write(move |tx| Ok(tx.execute(&statement, rozmowa_db::params![&uuid])?))
            .await;
        let sheet = desk.sheet(&server, &id).await;
        let client = json!({
            "shown_name": "Jan Kowalski", "name": "Jan", "surname": "Kowalski", "email": "jan.kowalski@example.org",
            "client_id": "1234", "is_verified": true, "started_by": "program", "language": null,
        });
        let customer = json!({
            "customer_id": 1, "identifier": "1234", "name": "Jan", "surname": "Kowalski",
            "emails": ["jan.kowalski@example.org"],
        });
        assert_eq!((&sheet["client"], &sheet["customer"]), (&client, &customer));
        assert_eq!(sheet["client_data"]["ip"], "203.0.113.5");
        assert_eq!((&sheet["position"], &sheet["consents"]), (&json!(3), &json!([])));
        let ids = |sheet: &Value| {
            let earlier = sheet["earlier"].as_array().unwrap().clone();
            let id = |row: &Value| row["conversation_id"].as_str().unwrap().to_owned();
            earlier.iter().map(id).collect::<Vec<_>>()
        };
        assert_eq!(ids(&sheet), [elsewhere, earlier.clone()]);
        assert_eq!(ids(&agent.sheet(&server, &id).await), [earlier], "what the agent may open");
        let sheet = desk.sheet(&server, &again).await;
        assert_eq!(ids(&sheet), [stranger]);
        assert_eq!(sheet["customer"], Value::Null);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_shown_a_part_at_a_time() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let desk = Desk::supervisor(&server, "anowak").await;
        let id = server.start(&[]).await;
        for number in 0..9 {
            desk.does(&server, &id, "note", saying("a", number)).await;
        }
        let part = async |query: &str| {
            let target = format!("/console/conversations/{id}/events?{query}");
            let part = desk.get(&server, &target).await.expect(200).json();
            assert_eq!(part["seq"], 10);
            let events = part["events"].as_array().unwrap().clone();
            events.iter().map(|event| event["seq"].as_i64().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(part("").await, (1..=10).collect::<Vec<_>>());
        assert_eq!(part("after=3&limit=2").await, [4, 5]);
        assert_eq!(part("after=8").await, [9, 10]);
        assert_eq!(part("after=10").await, Vec::<i64>::new());
        let event = &desk.events(&server, &id).await[1];
        let expected = json!({
            "seq": 2, "at": NOON, "kind": "note", "sent_by": "AGENT",
            "agent": {"agent_id": 2, "login": "anowak", "name": "anowak"}, "bot_id": null, "text": "a", "data": null,
            "client_key": uuid::Uuid::from_u128(0),
        });
        assert_eq!(*event, expected);
    })
    .await;
}
