//! Erased is erased: by no query, no delivery, and after the clean-up not in the files either.

use rozmowa::conversation::erase;
use rozmowa::http::Code;
use rozmowa_db::{Stmt, params};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Request, delete, get};
use crate::hooks::{self, drained, logged, subscribe};
use crate::receiver::Receiver;
use crate::server::Server;
use crate::store::on_both_engines;

const DELETED: &str = "CHAT_CONVERSATION_DELETED";
const ERASED: &str = "CHAT_CONTENT_ERASED";
const SECRET: &str = "Zażółć gęślą jaźń 7 tajnych słów";

fn whole(id: &str) -> Request {
    delete(format!("/api/chat_conversations/{id}"))
}

fn content(id: &str, participant: &str) -> Request {
    delete(format!("/api/chat_conversations/content/{id}/{participant}"))
}

fn uuid(id: &str) -> Uuid {
    id.parse().expect("it is a UUID")
}

/// Who said what, as lists show it.
async fn said(server: &Server, id: &str) -> Vec<(String, Value)> {
    let chat = server.chat(id).await;
    let messages = chat["messages"].as_array().expect("a list").clone();
    let by = |message: &Value| message["sent_by"].as_str().expect("a side").to_owned();
    messages.iter().map(|message| (by(message), message["text"].clone())).collect()
}

/// Rows of a table that are about a conversation.
async fn rows(server: &Server, table: &str, id: &str) -> i64 {
    let text = format!("SELECT count(*) FROM {table} WHERE conversation_id = $1");
    let (count, id) = (Stmt::composed(format!("rows of {table}"), text), uuid(id));
    server.write(move |tx| Ok(tx.query_one(&count, params![&id], |row| row.get(0))?)).await
}

/// Something in every table that knows conversations.
async fn fill(server: &Server, id: &str) {
    let id = uuid(id);
    for text in [
        "INSERT INTO client_data (conversation_id, ip) VALUES ($1, '1.2.3.4')",
        "INSERT INTO consent (conversation_id, clause_id, is_given, at) VALUES ($1, 1, 1, 1)",
        "INSERT INTO missed (conversation_id, agent_id, at) VALUES ($1, 1, 1)",
        "INSERT INTO conversation_tag (conversation_id, tag_id) VALUES ($1, 1)",
        "INSERT INTO visitor_token (token_hash, conversation_id, created_at) VALUES ($1, $1, 1)",
        "INSERT INTO mail (id, due_at, kind, address, language, conversation_id, attempts)
            VALUES ($1, 1, 0, 'a@b', 'pl', $1, 0)",
    ] {
        let statement = Stmt::composed(text[..30].to_owned(), text.to_owned());
        server.write(move |tx| Ok(tx.execute(&statement, params![&id])?)).await;
    }
    let file = "INSERT INTO file (id, conversation_id, seq, sent_by, name, size, content_type, sha256, created_at)
        VALUES ($1, $1, 2, 0, 'a.txt', 1, 'text/plain', $2, 1)";
    let file = Stmt::composed("a file".to_owned(), file.to_owned());
    server.write(move |tx| Ok(tx.execute(&file, params![&id, &[7_u8; 32]])?)).await;
}

const TABLES: [&str; 9] = [
    "client_data",
    "consent",
    "missed",
    "conversation_tag",
    "visitor_token",
    "mail",
    "file",
    "event",
    "erasing",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_conversation_is_nowhere_whatever_its_status() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let kept = server.start(&[]).await;
        server.message(&kept, "stays").await;
        for (is_assigned, is_closed) in [(false, false), (true, false), (true, true), (false, true)]
        {
            let id = server.start(&[("client_email", "a@b.pl"), ("client_name", "Ala")]).await;
            server.message(&id, SECRET).await;
            if is_assigned {
                server.reply(&id, "jkowalski", SECRET).await;
            }
            if is_closed {
                server.stop(&id).await;
            }
            fill(&server, &id).await;
            let is_open = i64::from(is_assigned && !is_closed);
            assert_eq!(server.open_chats("jkowalski").await, is_open);
            server.call(whole(&id)).await.expect_nothing();
            assert_eq!(server.open_chats("jkowalski").await, 0, "{is_assigned} {is_closed}");
            for table in TABLES {
                assert_eq!(rows(&server, table, &id).await, 0, "{table}");
            }
            server
                .call(get(format!("/api/chats/{id}")))
                .await
                .expect_fault(Code::UnknownConversation);
            assert_eq!(server.found(&[]).await, [&*kept]);
            for call in [whole(&id), content(&id, "both")] {
                server.call(call).await.expect_fault(Code::UnknownConversation);
            }
            assert_eq!(server.log_faults().await, Vec::<String>::new());
        }
        let nobodys = "6ed7c941-2c8a-7115-95d2-338a9f64800a";
        for id in [nobodys, "nothing"] {
            server.call(whole(id)).await.expect_fault(Code::UnknownConversation);
            server.call(content(id, "user")).await.expect_fault(Code::UnknownConversation);
        }
        server.call(content(&kept, "agent")).await.expect_fault_of(Code::NotOneOf, "participant");
        assert_eq!(said(&server, &kept).await, [("CLIENT".to_owned(), json!("stays"))]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_texts_of_a_side_are_gone_and_its_messages_stay() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        for (participant, agents, clients) in
            [("user", false, true), ("customer", true, false), ("both", false, false)]
        {
            let id = server.start(&[]).await;
            fill(&server, &id).await;
            server.message(&id, "question").await;
            server.reply(&id, "jkowalski", "answer").await;
            server.call(content(&id, participant)).await.expect_nothing();
            server.message(&id, "later").await;
            let text = |is_left: bool, text: &str| if is_left { json!(text) } else { Value::Null };
            let expected = [
                ("CLIENT".to_owned(), text(clients, "question")),
                ("AGENT".to_owned(), text(agents, "answer")),
                ("CLIENT".to_owned(), json!("later")),
            ];
            assert_eq!(said(&server, &id).await, expected, "{participant}");
            assert_eq!(rows(&server, "file", &id).await, i64::from(clients), "{participant}");
            assert_eq!(rows(&server, "erasing", &id).await, 0);
            // Again, and all of it.
            server.call(content(&id, "both")).await.expect_nothing();
            let left = said(&server, &id).await;
            assert!(left.iter().all(|(_, text)| text.is_null()), "{left:?}");
            server.stop(&id).await;
        }
        assert_eq!(server.log_faults().await, Vec::<String>::new());
        let lines = server.audited().await;
        assert_eq!(lines.len(), 6, "{lines:?}");
        assert_eq!(lines[0].0, "conversation.erase");
        assert_eq!(lines[0].3, json!({ "participant": "user" }));
    })
    .await;
}

/// Says so much past the door: one statement for many events.
async fn say_much(server: &Server, id: &str, count: i64) {
    let id = uuid(id);
    let text = "INSERT INTO event (conversation_id, seq, at, kind, sent_by, text) VALUES ($1, $2, 1, 1, $3, 'tajne')";
    let say = Stmt::composed("say".to_owned(), text.to_owned());
    let text = "UPDATE conversation SET seq = $2 WHERE id = $1";
    let number = Stmt::composed("number".to_owned(), text.to_owned());
    server
        .write(move |tx| {
            for seq in 2..=count {
                tx.put(&say, params![&id, seq, seq % 2])?;
            }
            tx.execute(&number, params![&id, count])?;
            Ok(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_conversation_is_shown_no_more_from_the_first_step_on() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let long = server.start(&[]).await;
        say_much(&server, &long, 900).await;
        let id = uuid(&long);
        // As the method does it, without what comes after its transaction.
        server
            .act(move |tx, act| erase::contents(tx, act, &id, erase::Participant::Customer))
            .await;
        assert_eq!(rows(&server, "erasing", &long).await, 1);
        let messages = said(&server, &long).await;
        assert_eq!(messages.len(), 899);
        assert!(messages.iter().all(|(by, text)| text.is_null() == (by == "CLIENT")));
        server.message(&long, "later").await;
        assert_eq!(said(&server, &long).await.last().unwrap().1, json!("later"));
        let mut steps = 0;
        while server.act(erase::more).await {
            steps += 1;
        }
        assert!(steps >= 4, "{steps}");
        assert_eq!(rows(&server, "erasing", &long).await, 0);
        assert_eq!(said(&server, &long).await.last().unwrap().1, json!("later"));

        server.act(move |tx, act| erase::conversation(tx, act, &id)).await;
        assert!(rows(&server, "event", &long).await > 0);
        server.call(whole(&long)).await.expect_fault(Code::UnknownConversation);
        let faults = server.log_faults().await;
        assert_eq!(faults, Vec::<String>::new(), "what is being erased is no orphan");
        while server.act(erase::more).await {}
        assert_eq!(rows(&server, "event", &long).await, 0);

        let at_once = server.start(&[]).await;
        say_much(&server, &at_once, 900).await;
        server.call(whole(&at_once)).await.expect_nothing();
        assert_eq!(rows(&server, "event", &at_once).await, 0);
        assert_eq!(rows(&server, "erasing", &at_once).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_is_not_delivered_and_those_who_listen_are_told() {
    on_both_engines(async |engine| {
        let server = hooks::server(engine).await;
        let receiver = Receiver::start().await;
        let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
        receiver.script([crate::receiver::Behaviour::Hold(std::sync::Arc::clone(&gate))]);
        let actions = [hooks::CREATED, hooks::SAID, ERASED, DELETED];
        let webhook = subscribe(&server, &receiver, &actions).await;
        let id = server.start(&[]).await;
        // The first one is under way, the rest waits behind it.
        receiver.expect(1).await;
        server.message(&id, SECRET).await;
        server.call(content(&id, "customer")).await.expect_nothing();
        gate.add_permits(1);
        let arrivals = receiver.expect(3).await;
        assert_eq!(arrivals[1].field("text").as_deref(), Some("null"));
        assert_eq!(arrivals[2].field("action").as_deref(), Some(ERASED));
        let details = arrivals[2].field("details");
        assert_eq!(details.as_deref(), Some(r#"{"participant":"customer"}"#));
        drained(&server, webhook).await;

        receiver.script([crate::receiver::Behaviour::Hold(std::sync::Arc::clone(&gate))]);
        receiver.forget();
        server.message(&id, "first").await;
        receiver.expect(1).await;
        server.message(&id, SECRET).await;
        server.call(whole(&id)).await.expect_nothing();
        gate.add_permits(1);
        let arrivals = receiver.expect(2).await;
        assert_eq!(arrivals[1].field("action").as_deref(), Some(DELETED));
        assert_eq!(arrivals[1].field("conversation_id").as_deref(), Some(&*id));
        drained(&server, webhook).await;
        assert_eq!(receiver.count(), 2, "{:?}", receiver.bodies());
        let log = logged(&server, webhook, 6).await;
        assert_eq!(log.iter().filter(|line| line["outcome"] == "DELIVERED").count(), 5);
        assert!(receiver.bodies().iter().all(|body| !body.contains("tajnych")));
    })
    .await;
}

/// Whether the files of a folder hold a text, and which.
pub fn files_with(folder: &std::path::Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let bytes = std::fs::read(&path).expect("the file can be read");
            if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_clean_up_nothing_is_left_in_the_files() {
    let mut server = Server::on(crate::store::Engine::Sqlite).await;
    let marker = |number: usize| format!("MARKER-{number}-{}", "ż".repeat(number * 300));
    let mut ids = Vec::new();
    for number in 0..24 {
        let id =
            server.start(&[("client_name", "NAME-MARKER"), ("client_email", "marker@x.pl")]).await;
        server.message(&id, &marker(number)).await;
        server.reply(&id, "jkowalski", &marker(number)).await;
        let over = "INSERT INTO client_data (conversation_id, ip) VALUES ($1, 'IP-MARKER')";
        let (over, of) = (Stmt::composed(format!("ip {number}"), over.to_owned()), uuid(&id));
        server.write(move |tx| Ok(tx.execute(&over, params![&of])?)).await;
        ids.push(id);
    }
    let kept = server.start(&[]).await;
    server.message(&kept, "this one stays").await;
    assert!(!files_with(server.folder(), "MARKER").is_empty());
    for (number, id) in ids.iter().enumerate() {
        if number % 3 == 0 {
            // What has a name goes as a whole, afterwards.
            server.call(content(id, "both")).await.expect_nothing();
        }
        server.call(whole(id)).await.expect_nothing();
    }
    let database = server.folder().join("test.sqlite");
    server.running.take().expect("it runs").stop().await;
    rozmowa_db::rebuild(&database).expect("nobody uses it");
    for text in ["MARKER", "marker@x.pl", "żżżż"] {
        assert_eq!(files_with(server.folder(), text), Vec::<String>::new(), "{text}");
    }
    assert!(!files_with(server.folder(), "this one stays").is_empty());
}
