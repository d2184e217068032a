//! What visitors see of each other, and of what the company knows: nothing.

use rozmowa::agent::{self, Changes, Role};
use rozmowa::http::Code;
use rozmowa::router;
use serde_json::{Value, json};

use crate::client::post;
use crate::desk::Desk;
use crate::doors::call;
use crate::hooks;
use crate::people::{soon, visitor_socket};
use crate::receiver::{Behaviour, Receiver};
use crate::server::{Server, new_customer};
use crate::store::on_both_engines;
use crate::visitors::{Visitor, opened, somebody, with_link};

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_sees_and_changes_nothing_of_anybody_elses() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let body = json!({
            "chat_queue_id": 3, "name": "SEKRET", "email": "sekret@example.org", "text": "Mam SEKRET",
            "page_url": "https://sekret.example.org/",
        });
        let this = opened(&server, &body).await;
        let file = this.upload(&server, "sekret.pdf", "%PDF-1.7 SEKRET").await.expect(200).json();
        let file = file["file_id"].as_str().expect("an id").to_owned();
        let send = this.post("/messages").json(&json!({"file_ids": [file]}));
        server.call(send).await.expect(200);
        server.reply(&this.id, "jkowalski", "Znam SEKRET").await;
        let other = somebody(&server).await;
        let seen = async || (this.events(&server).await, server.call(this.get("")).await.json());
        let before = seen().await;
        for method in router::visitor_method_names() {
            // However it is named.
            for named in [&[][..], &[("conversation_id", &*this.id), ("id", &*this.id)]] {
                let request = other.as_this(call(&method, &this.id, &file)).query(named);
                let answer = server.call(request).await.text().to_lowercase();
                for secret in [&*this.id, &this.token, "sekret"] {
                    assert!(!answer.contains(&secret.to_lowercase()), "{method}: {answer}");
                }
            }
        }
        let mut socket = visitor_socket(&server).await;
        let hello = json!({"type": "hello", "v": 1, "token": other.token, "conversation": this.id});
        socket.send(&hello).await.expect("it is taken");
        assert_eq!(seen().await, before);
        this.say(&server, "Nowy SEKRET").await;
        let number = uuid::Uuid::from_u128(1);
        let own = json!({"type": "message", "id": number, "conversation": this.id, "text": "Halo"});
        socket.send(&own).await.expect("it is taken");
        // Whatever its own conversation, which is closed, makes of it.
        loop {
            let frame = soon(socket.next_text()).await.expect("it goes on");
            assert!(!frame.contains("SEKRET") && !frame.contains(&this.id), "{frame}");
            if frame.contains(&number.to_string()) {
                break;
            }
        }
        let texts = this.events(&server).await;
        assert_eq!(texts.len(), before.0.len() + 1, "{texts:?}");
    })
    .await;
}

/// What the company and its agents know of a customer, and of each other; the customer's visitor is to hear none of it.
const INNER: &[&str] = &[
    // The CRM, and what is looked up elsewhere.
    "KLIENT-7",
    "Zenobia",
    "Kryptonim",
    "zenobia@firma.example",
    "druga@firma.example",
    "customer",
    "Firma Mgła",
    "600 700 800",
    "https://crm.example.org/7",
    // What agents tell each other.
    "NOTATKA",
    "SZEPT",
    "PRZEKAZANIE",
    "poufne.pdf",
    "WYZWISKA",
    "Temat niemiły",
    "znacznik niemiły",
    // Who they are, but for the first name.
    "jkowalski",
    "anowak",
    "Tajniak",
    "tajniak@example.org",
    "wew-4711",
    "Skryta",
];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_crm_and_of_agents_talk_reaches_a_visitor() {
    on_both_engines(async |engine| {
        let server = hooks::server(engine).await;
        for (login, name, surname) in
            [("jkowalski", "Jan", "Tajniak"), ("anowak", "Anna", "Skryta")]
        {
            let changes = Changes {
                name: Some(name.to_owned()),
                surname: Some(surname.to_owned()),
                email: Some(format!("{}@example.org", surname.to_lowercase())),
                number: Some("wew-4711".to_owned()),
                ..Changes::default()
            };
            server.act(move |tx, act| agent::change(tx, act, login, &changes)).await;
        }
        let emails = ["zenobia@firma.example", "druga@firma.example"];
        server.add_customer(new_customer(Some("KLIENT-7"), "Zenobia", "Kryptonim", &emails)).await;
        let boss = Desk::with(&server, "anowak", Role::Administrator).await;
        let shop = Receiver::start().await;
        let answer = json!({"title": "Firma Mgła", "rows": [
            {"label": "Telefon", "value": "600 700 800", "link": "https://crm.example.org/7"},
        ]});
        shop.then(Behaviour::Body(200, answer.to_string()));
        let settings = json!({"url": shop.url()});
        boss.call(&server, "PUT", "/console/settings/lookup", settings).await.expect(200);

        let id = server.start(&[("client_id", "KLIENT-7")]).await;
        let visitor = with_link(&server, &id).await;
        visitor.say(&server, "Dzień dobry").await;
        let own = visitor.upload(&server, "moje.pdf", "%PDF-1.7").await.expect(200).json();
        let own = own["file_id"].as_str().expect("an id").to_owned();
        let send = visitor.post("/messages").json(&json!({"file_ids": [own]}));
        server.call(send).await.expect(200);
        server.reply(&id, "jkowalski", "W czym pomóc?").await;
        let upload = post(format!("/console/conversations/{id}/files?name=poufne.pdf"));
        let upload = boss.signed(upload).body("application/pdf", "%PDF-1.7");
        let file = server.call(upload).await.expect(200).json()["file_id"].clone();
        boss.does(&server, &id, "note", json!({"text": "NOTATKA", "file_ids": [file]})).await;
        boss.does(&server, &id, "whisper", json!({"text": "SZEPT"})).await;
        let mut labels = Vec::new();
        for (of, name) in [("topics", "Temat niemiły"), ("tags", "znacznik niemiły")] {
            let added =
                boss.call(&server, "POST", &format!("/console/{of}"), json!({"name": name})).await;
            labels.push(added.expect(200).json()["id"].clone());
        }
        let set = json!({"topic_id": labels[0], "tag_ids": [labels[1]]});
        boss.does(&server, &id, "label", set).await;
        let hand_on = json!({"chat_queue_id": 4, "note": "PRZEKAZANIE"});
        boss.does(&server, &id, "transfer", hand_on).await;

        let file = file.as_str().expect("an id");
        let hidden = visitor.get(&format!("/files/{file}"));
        server.call(hidden).await.expect_fault(Code::UnknownFile);
        let mut methods = router::visitor_method_names();
        methods.sort_by_key(|method| method.ends_with("/close"));
        let mut told = told_on_socket(&server, &visitor).await;
        for is_blocked in [false, true] {
            if is_blocked {
                let block = json!({"email": "zenobia@firma.example", "reason": "WYZWISKA"});
                boss.call(&server, "POST", "/console/blocks", block).await.expect(200);
                let say = visitor.post("/messages").json(&json!({"text": "Halo?"}));
                server.call(say).await.expect_fault(Code::VisitorBlocked);
            }
            for method in &methods {
                let answer = server.call(visitor.as_this(call(method, &id, &own))).await;
                assert!(![401, 404].contains(&answer.status), "{method}: {}", answer.text());
                told.extend([method, ": ", &*answer.text(), "\n"]);
            }
        }
        told.push_str(&told_on_socket(&server, &visitor).await);
        for secret in INNER {
            let is_there = told.to_lowercase().contains(&secret.to_lowercase());
            assert!(!is_there, "{secret}: {told}");
        }
        assert!(told.contains("W czym pomóc?") && told.contains("Jan"), "{told}");

        // It is all there, for those whom it is for.
        let mut known = String::new();
        for target in [
            &*format!("/console/conversations/{id}"),
            &*format!("/console/conversations/{id}/events"),
            &*format!("/console/conversations/{id}/lookup"),
            "/console/agents/jkowalski",
            "/console/agents/anowak",
            "/console/blocks",
            "/console/topics",
            "/console/tags",
        ] {
            known.push_str(&boss.get(&server, target).await.expect(200).text());
        }
        for secret in INNER {
            assert!(known.contains(secret), "{secret}: {known}");
        }
    })
    .await;
}

/// All that a visitor's socket says until the log is told.
async fn told_on_socket(server: &Server, visitor: &Visitor) -> String {
    let shown = server.call(visitor.get("")).await.expect(200).json();
    let mut socket = visitor_socket(server).await;
    let hello = json!({"type": "hello", "v": 1, "token": visitor.token});
    socket.send(&hello).await.expect("it is taken");
    let mut told = String::new();
    loop {
        let frame = soon(socket.next_text()).await.expect("it goes on");
        told.push_str(&frame);
        let frame: Value = serde_json::from_str(&frame).expect("it is JSON");
        let last = frame["events"].as_array().and_then(|events| events.last());
        if last.is_some_and(|event| event["seq"] == shown["seq"]) {
            return told;
        }
    }
}
