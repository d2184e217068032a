//! Whose a conversation is, and how many an agent can have.

use rozmowa::http::Code;
use rozmowa_db::{Stmt, Tx, params};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::client::post;
use crate::server::Server;
use crate::store::on_both_engines;

const NOBODYS: &str = "019769d1-0000-7000-8000-000000000000";

/// The kinds of a conversation's events, with the agents they are about.
async fn events(server: &Server, id: &str) -> Vec<(i64, Option<i64>)> {
    let id: uuid::Uuid = id.parse().expect("an id");
    let text = "SELECT kind, agent_id FROM event WHERE conversation_id = $1 ORDER BY seq";
    let statement = Stmt::composed("events".to_owned(), text.to_owned());
    let read = move |tx: &mut Tx<'_>| {
        Ok(tx.query(&statement, params![&id], |row| Ok((row.get(0)?, row.get(1)?)))?)
    };
    server.write(read).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_assigned_and_taken_away_again() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.start(&[]).await;
        for (login, open) in [
            ("jkowalski", [1, 0]),
            ("jkowalski", [1, 0]),
            ("anowak", [0, 1]),
            ("jkowalski", [1, 0]),
        ] {
            server.app.clock.advance(1_000);
            server.assign(&id, login).await.expect_nothing();
            let chat = server.chat(&id).await;
            assert_eq!((&chat["user_login"], &chat["status"]), (&json!(login), &json!("CREATED")));
            let counted = [server.open_chats("jkowalski").await, server.open_chats("anowak").await];
            assert_eq!(counted, open);
        }
        assert_eq!(
            events(&server, &id).await,
            [(0, None), (2, Some(1)), (2, Some(2)), (2, Some(1))],
            "the same agent again changes nothing"
        );
        let since = [("updated_from", "2026-06-01 12:00:04")];
        assert_eq!(server.found(&since).await, std::slice::from_ref(&id));
        server.stop(&id).await;
        server.stop(&id).await;
        assert_eq!(server.open_chats("jkowalski").await, 0);
        assert_eq!(server.chat(&id).await["user_login"], "jkowalski");
        server.assign(&id, "anowak").await.expect_fault(Code::ConversationClosed);
        server.assign(&id, "jkowalski").await.expect_fault(Code::ConversationClosed);
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_assigned_stays_as_it_is() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.start(&[]).await;
        server.execute("UPDATE agent SET is_active = 0 WHERE login = 'retired'").await;
        server.assign(&id, "nobody").await.expect_fault(Code::UnknownAgent);
        server.assign(&id, "retired").await.expect_fault(Code::AgentInactive);
        for id in [NOBODYS, "1234"] {
            server.assign(id, "anowak").await.expect_fault(Code::UnknownConversation);
        }
        let target = format!("/api/chat_conversations/{id}/assign");
        server.call(post(target)).await.expect_fault_of(Code::Missing, "user_login");
        assert_eq!(server.chat(&id).await["user_login"], Value::Null);
        assert_eq!(events(&server, &id).await, [(0, None)]);
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_room_gets_nothing_more() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.set_capacity("anowak", 2).await;
        let (first, second) = (server.start(&[]).await, server.start(&[]).await);
        let (third, others) = (server.start(&[]).await, server.start(&[]).await);
        server.assign(&first, "anowak").await.expect_nothing();
        server.reply(&second, "anowak", "Dzień dobry").await;
        server.assign(&others, "jkowalski").await.expect_nothing();
        let full = server.assign(&third, "anowak").await.expect_fault(Code::AgentAtCapacity);
        assert!(full.text().contains("anowak"), "{}", full.text());
        server.assign(&others, "anowak").await.expect_fault(Code::AgentAtCapacity);
        let target = format!("/api/chat_conversations/{third}/reply");
        let body = json!({"user_login": "anowak", "text": "I ja"});
        server.call(post(&*target).json(&body)).await.expect_fault(Code::AgentAtCapacity);
        let chat = server.chat(&third).await;
        assert_eq!(
            (&chat["user_login"], &chat["status"], &chat["messages"]),
            (&Value::Null, &json!("CREATED"), &json!([]))
        );
        assert_eq!(events(&server, &third).await, [(0, None)], "nothing has changed");
        assert_eq!(server.chat(&others).await["user_login"], "jkowalski");
        // What is theirs or another's can be answered all the same.
        server.reply(&first, "anowak", "Słucham").await;
        server.reply(&others, "anowak", "Podpowiem").await;
        server.assign(&first, "anowak").await.expect_nothing();
        server.stop(&first).await;
        server.call(post(target).json(&body)).await.expect_nothing();
        server.assign(&others, "anowak").await.expect_fault(Code::AgentAtCapacity);
        server.assign(&second, "jkowalski").await.expect_nothing();
        server.assign(&others, "anowak").await.expect_nothing();
        assert_eq!(server.open_chats("anowak").await, 2);
        // A smaller capacity takes nothing away, and nothing comes until there is room.
        server.set_capacity("anowak", 1).await;
        assert_eq!(server.open_chats("anowak").await, 2);
        server.stop(&third).await;
        server.assign(&second, "anowak").await.expect_fault(Code::AgentAtCapacity);
        server.stop(&others).await;
        server.assign(&second, "anowak").await.expect_nothing();
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_above_capacity_however_many_are_assigned_at_once() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.set_capacity("anowak", 2).await;
        // Many short races: what could go wrong goes wrong near the boundary alone.
        for round in 0..30 {
            let mut tasks = JoinSet::new();
            for number in 0..6 {
                let id = server.start(&[]).await;
                let mut wire = server.wire().await;
                let (method, body) = if (number + round) % 2 == 0 {
                    ("assign", json!({"user_login": "anowak"}))
                } else {
                    ("reply", json!({"user_login": "anowak", "text": "Ja!"}))
                };
                let call = post(format!("/api/chat_conversations/{id}/{method}")).json(&body);
                tasks.spawn(async move { (wire.call(&call).await, id) });
            }
            let mut done = Vec::new();
            for (answer, id) in tasks.join_all().await {
                match answer.status {
                    200 => done.push(id),
                    _ => drop(answer.expect_fault(Code::AgentAtCapacity)),
                }
            }
            assert_eq!(done.len(), 2);
            assert_eq!(server.open_chats("anowak").await, 2);
            for id in done {
                server.stop(&id).await;
            }
        }
        assert_eq!(server.found(&[("user_login", "anowak")]).await.len(), 60);
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_change_hands_crosswise_without_end_or_error() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        for login in ["jkowalski", "anowak", "retired"] {
            server.set_capacity(login, 4).await;
        }
        let mut ids = Vec::new();
        for login in ["jkowalski", "jkowalski", "anowak", "anowak", "retired", "retired"] {
            let id = server.start(&[]).await;
            server.assign(&id, login).await.expect_nothing();
            ids.push(id);
        }
        let mut tasks = JoinSet::new();
        for worker in 0..12_usize {
            let (mut wire, ids) = (server.wire().await, ids.clone());
            tasks.spawn(async move {
                for step in 0..15_usize {
                    let id = &ids[(worker + step) % ids.len()];
                    let login = ["jkowalski", "anowak", "retired"][(worker * 7 + step * 5) % 3];
                    let call = post(format!("/api/chat_conversations/{id}/assign"));
                    let answer = wire.call(&call.form(&[("user_login", login)])).await;
                    assert!(matches!(answer.status, 200 | 409), "{}", answer.text());
                }
                wire.call(&post(format!("/api/chat_conversations/{}/stop", ids[worker % 3]))).await
            });
        }
        for answer in tasks.join_all().await {
            answer.expect_nothing();
        }
        let mut open = 0;
        for login in ["jkowalski", "anowak", "retired"] {
            let counted = server.open_chats(login).await;
            assert!((0..=4).contains(&counted), "{login} {counted}");
            open += counted;
        }
        assert_eq!(open, 3);
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_that_is_wrong_is_found() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.assign(&server.start(&[]).await, "anowak").await.expect_nothing();
        server.execute("UPDATE agent SET open_chats = 2 WHERE login <> 'jkowalski'").await;
        let expected = [
            "agent anowak: open_chats is 2, but 1 conversations are open",
            "agent retired: open_chats is 2, but 0 conversations are open",
        ];
        assert_eq!(server.log_faults().await, expected);
    })
    .await;
}
