//! What is said in a conversation, and how it ends.

use rozmowa::http::Code;
use serde_json::{Value, json};

use crate::client::{Answer, post};
use crate::server::{NOON, Server};
use crate::store::on_both_engines;

const NOBODYS: &str = "019769d1-0000-7000-8000-000000000000";

fn target(id: &str, method: &str) -> String {
    format!("/api/chat_conversations/{id}/{method}")
}

async fn say(server: &Server, id: &str, text: &str) -> Answer {
    server.call(post(target(id, "message")).json(&json!({"text": text}))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_runs_from_start_to_stop() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.start(&[("client_id", "1234")]).await;
        server.app.clock.advance(1_500);
        say(&server, &id, "Dzień dobry").await.expect_nothing();
        server.app.clock.advance(1_500);
        let chat = server.chat(&id).await;
        assert_eq!(chat["status"], "CREATED", "the client alone does not make progress");
        assert_eq!(chat["closed_at"], Value::Null);
        server.stop(&id).await;
        let closed = server.chat(&id).await;
        assert_eq!(
            closed,
            json!({
                "chat_queue_id": 3, "client_email": "jan.kowalski@example.org", "client_name": "Jan Kowalski",
                "customer_id": 1, "conversation_id": id, "created_at": "2026-06-01 12:00:00.000",
                "closed_at": "2026-06-01 12:00:03.000", "status": "CLOSED", "user_login": null,
                "messages": [{
                    "message_id": format!("{id}-2"), "sent_by": "CLIENT", "user_login": null,
                    "text": "Dzień dobry", "created_at": "2026-06-01 12:00:01.500", "files": [],
                }],
            })
        );
        server.app.clock.advance(1_500);
        server.stop(&id).await;
        assert_eq!(server.chat(&id).await, closed, "a second stop changes nothing");
        say(&server, &id, "Halo?").await.expect_fault(Code::ConversationClosed);
        let body = json!({"text": "Halo?", "user_login": "jkowalski"});
        let reply = server.call(post(target(&id, "reply")).json(&body)).await;
        reply.expect_fault(Code::ConversationClosed);
        assert_eq!(server.chat(&id).await, closed);
        let since = [("updated_from", "2026-06-01 12:00:04")];
        assert!(server.found(&since).await.is_empty(), "and nothing was changed in secret");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_means_nothing_is_not_found() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.start(&[]).await;
        let max = "ffffffff-ffff-ffff-ffff-ffffffffffff";
        for id in [
            NOBODYS,
            max,
            "1234",
            "x",
            "%00",
            "6ed7c941-2c8a-411e-95d2-338a9f64800",
            "'%20OR%201=1",
        ] {
            say(&server, id, "a").await.expect_fault(Code::UnknownConversation);
            let stop = server.call(post(target(id, "stop"))).await;
            stop.expect_fault(Code::UnknownConversation);
            let body = json!({"text": "a", "user_login": "jkowalski"});
            let reply = server.call(post(target(id, "reply")).json(&body)).await;
            reply.expect_fault(Code::UnknownConversation);
            let show = server.call(crate::client::get(format!("/api/chats/{id}"))).await;
            show.expect_fault(Code::UnknownConversation);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_kept_to_the_letter() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.start(&[]).await;
        let texts = [
            "Zażółć gęślą jaźń – ZAŻÓŁĆ GĘŚLĄ JAŹŃ",
            "👩‍👩‍👧‍👦 🇵🇱 👍🏽 🫠",
            "z\u{307}o\u{301}\u{142}c\u{301}, which is not żółć",
            "  first line\r\n\tsecond line  \n",
            "\u{202e}right to left\u{202c} שלום مرحبا",
            "\\u0041 \" ' ; -- <b>&amp;</b> %00 {name} $1 ?1",
            "https://x/y",
            "\u{1}\u{7f}\u{85}",
            "a",
        ];
        for (position, text) in texts.into_iter().enumerate() {
            match position % 3 {
                0 => say(&server, &id, text).await.expect_nothing(),
                1 => server.message(&id, text).await,
                _ => {
                    let call = post(target(&id, "message")).query(&[("text", text)]);
                    server.call(call).await.expect_nothing();
                }
            }
        }
        let escaped = r#"{"text": "https:\/\/x\/y \ud83d\ude00"}"#;
        let call = post(target(&id, "message")).body("application/json", escaped);
        server.call(call).await.expect_nothing();
        let kept: Vec<_> = texts.into_iter().chain(["https://x/y 😀"]).map(Value::from).collect();
        let chat = server.chat(&id).await;
        let shown: Vec<_> = chat["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|message| message["text"].clone())
            .collect();
        assert_eq!(shown, kept);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_has_up_to_16384_characters() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.start(&[]).await;
        for letter in ["a", "ż", "😀"] {
            let longest = letter.repeat(16_384);
            say(&server, &id, &longest).await.expect_nothing();
            let chat = server.chat(&id).await;
            assert_eq!(chat["messages"].as_array().unwrap().last().unwrap()["text"], *longest);
            let longer = letter.repeat(16_385);
            say(&server, &id, &longer).await.expect_fault_of(Code::TooLong, "text");
            let body = json!({"text": longer, "user_login": "jkowalski"});
            let reply = server.call(post(target(&id, "reply")).json(&body)).await;
            reply.expect_fault_of(Code::TooLong, "text");
        }
        server.message(&id, &"😀".repeat(16_384)).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blank_text_is_no_message() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.start(&[]).await;
        for blank in ["", " ", "\r\n\t", "\u{a0}\u{2003}\u{3000}"] {
            say(&server, &id, blank).await.expect_fault_of(Code::BlankText, "text");
        }
        say(&server, &id, "a\0b").await.expect_fault_of(Code::ControlCharacter, "text");
        for body in [json!({}), json!({"text": null})] {
            let answer = server.call(post(target(&id, "message")).json(&body)).await;
            answer.expect_fault_of(Code::Missing, "text");
        }
        for body in [json!({"text": ["a"]}), json!({"text": {"a": "b"}})] {
            let answer = server.call(post(target(&id, "message")).json(&body)).await;
            answer.expect_fault_of(Code::NotText, "text");
        }
        assert_eq!(server.chat(&id).await["messages"], json!([]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_makes_progress_and_the_conversation_the_agents() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.start(&[]).await;
        server.message(&id, "Jest tam kto?").await;
        assert_eq!(server.chat(&id).await["user_login"], Value::Null);
        server.reply(&id, "jkowalski", "Jestem.").await;
        let chat = server.chat(&id).await;
        assert_eq!(
            (&chat["status"], &chat["user_login"]),
            (&json!("IN_PROGRESS"), &json!("jkowalski"))
        );
        server.reply(&id, "anowak", "I ja.").await;
        let chat = server.chat(&id).await;
        assert_eq!(chat["user_login"], "jkowalski", "a second voice does not take it away");
        server.message(&id, "Świetnie").await;
        let chat = server.chat(&id).await;
        assert_eq!(chat["status"], "IN_PROGRESS");
        let said: Vec<_> = chat["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| {
                (
                    m["sent_by"].as_str().unwrap(),
                    m["user_login"].as_str(),
                    m["text"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(
            said,
            [
                ("CLIENT", None, "Jest tam kto?"),
                ("AGENT", Some("jkowalski"), "Jestem."),
                ("AGENT", Some("anowak"), "I ja."),
                ("CLIENT", None, "Świetnie"),
            ]
        );
        server.stop(&id).await;
        assert_eq!(server.chat(&id).await["user_login"], "jkowalski", "it stays theirs");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_known_and_active_agents_reply() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.start(&[]).await;
        server.execute("UPDATE agent SET is_active = 0 WHERE login = 'retired'").await;
        for (login, code) in [
            ("retired", Code::AgentInactive),
            ("nobody", Code::UnknownAgent),
            ("JKOWALSKI", Code::UnknownAgent),
        ] {
            let body = json!({"text": "Witam", "user_login": login});
            let answer = server.call(post(target(&id, "reply")).json(&body)).await;
            let answer = answer.expect_fault(code);
            assert!(answer.text().contains(login), "{}", answer.text());
        }
        let answer = server.call(post(target(&id, "reply")).json(&json!({"text": "Witam"}))).await;
        answer.expect_fault_of(Code::Missing, "user_login");
        let chat = server.chat(&id).await;
        assert_eq!((&chat["status"], &chat["messages"]), (&json!("CREATED"), &json!([])));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_is_not_registered_can_neither_speak_nor_stop() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.start(&[]).await;
        for method in ["message", "stop"] {
            let mut body = json!({"text": "Bip", "external_chatbot_id": NOBODYS});
            let answer = server.call(post(target(&id, method)).json(&body)).await;
            answer.expect_fault(Code::UnknownBot);
            body["external_chatbot_id"] = "bip".into();
            let answer = server.call(post(target(&id, method)).json(&body)).await;
            answer.expect_fault_of(Code::NotUuid, "external_chatbot_id");
            body["external_chatbot_id"] = Value::Null;
            server.call(post(target(&id, method)).json(&body)).await.expect_nothing();
        }
        assert_eq!(server.chat(&id).await["messages"].as_array().unwrap().len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_voices_at_once_all_get_their_place() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.start(&[]).await;
        let mut tasks = Vec::new();
        for number in 0..40 {
            let mut wire = server.wire().await;
            let login = if number % 2 == 0 { "jkowalski" } else { "anowak" };
            let (method, body) = match number % 4 {
                0 | 1 => ("reply", json!({"user_login": login, "text": number.to_string()})),
                _ => ("message", json!({"text": number.to_string()})),
            };
            let call = post(target(&id, method)).json(&body);
            tasks.push(tokio::spawn(async move { wire.call(&call).await.expect_nothing() }));
        }
        for task in tasks {
            task.await.expect("a call ends");
        }
        let chat = server.chat(&id).await;
        let mut texts: Vec<i64> = chat["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|message| message["text"].as_str().unwrap().parse().unwrap())
            .collect();
        texts.sort_unstable();
        assert_eq!(texts, (0..40).collect::<Vec<_>>());
        assert_eq!(server.log_faults().await, Vec::<String>::new());
        assert_eq!(server.app.clock.now(), NOON);
    })
    .await;
}
