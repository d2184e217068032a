//! A person's data: all that is held is in the export, and after erasing it nothing finds any of it.

use std::path::PathBuf;

use rozmowa::agent::Role;
use rozmowa::block::{self, Blocked};
use rozmowa::clause::{self, Kind, NewClause};
use rozmowa::http::Code;
use rozmowa::person::{Person, erase};
use rozmowa::queue::settings::Texts;
use rozmowa::search;
use rozmowa_db::{Stmt, params};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::browser::Browser;
use crate::client::{Request, delete, get, post};
use crate::erase::files_with;
use crate::hooks::{self, subscribe};
use crate::program::{Home, Program, install, run};
use crate::receiver::Receiver;
use crate::server::{Server, new_customer, started};
use crate::store::{Engine, on_both_engines};
use crate::visitors::opened;

const EMAIL: &str = "Zenobia.Znak@Firma.example";
const ADDRESS: &str = "198.51.100.7";
/// What stands in all that the person is known by, said or was told; and of each kind one that is in no other text.
const MARK: &str = "zenobia";

fn own(text: String) -> Stmt {
    Stmt::composed(text.clone(), text)
}

/// Until all that was said can be found.
async fn indexed(server: &Server) {
    let behind = own("SELECT 1 FROM conversation WHERE seq > indexed_seq LIMIT 1".to_owned());
    while {
        while server.write(search::index::step).await {}
        server.write(move |tx| Ok(tx.query_opt(&behind, &[], |_| Ok(()))?)).await.is_some()
    } {}
}

async fn count(server: &Server, table: &str) -> i64 {
    let count = own(format!("SELECT count(*) FROM {table}"));
    server.write(move |tx| Ok(tx.query_one(&count, &[], |row| row.get(0))?)).await
}

async fn upload(server: &Server, id: &str, name: &str, bytes: &str) -> String {
    let target = format!("/api/chat_conversations/{id}/files?name={name}");
    let call = post(target).body("application/octet-stream", bytes);
    let answer = server.call(call).await.expect(200).json();
    answer["file_id"].as_str().expect("an id").to_owned()
}

/// The bytes that lie in the folder of files.
fn kept(server: &Server) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![server.folder().join("files")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.expect("it can be read").path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}

/// Somebody of whom there is something in every place, and the conversations that are theirs: of the customer who has the address among
/// others, of another one who has it, of nobody whom the CRM knows, and of a customer who has it no more.
async fn held(server: &Server) -> Vec<String> {
    let first = server.call(post("/api/customers").json(&json!({
        "name": "Zenobia", "surname": "Znak", "email": ["inny@firma.example", EMAIL], "phone_number": "600700800",
        "note": "zenobia-note", "address": {"city": "Zenobia-City"}, "identifier": "zenobia-1"
    })));
    let first = first.await.expect(201).json()["customer_id"].as_i64().expect("a number");
    let second = new_customer(None, "Zenobia", "Druga", &["zenobia.znak@firma.EXAMPLE"]);
    let second = server.add_customer(second).await.id;
    let record = json!({"type": "order", "payload": "{\"who\": \"zenobia-record\"}"});
    server
        .call(post(format!("/api/customers/{first}/feed_records")).json(&record))
        .await
        .expect_nothing();
    let group =
        server.call(post("/api/customer_field_groups").json(&json!({"name": "Zamówienia"})));
    let group = group.await.expect(200).json()["group_id"].clone();
    let fields = post(format!("/api/customer_field_groups/{group}/fields"));
    let fields = server.call(fields.json(&json!({"name": "Numer"}))).await.expect(200).json();
    let values = json!([{"field_id": fields["fields"][0]["field_id"], "value": "zenobia-item"}]);
    let item = json!({"group_id": group, "customer_id": first, "values": values});
    server.call(post("/api/customer_field_group_items").json(&item)).await.expect(200);

    let (first, second) = (first.to_string(), second.to_string());
    let chats = vec![
        server.start(&[("customer_id", &first)]).await,
        server.start(&[("customer_id", &second), ("client_email", "zenobia2@x.pl")]).await,
        // Whom nobody vouches for is linked to nobody.
        opened(
            server,
            &json!({"chat_queue_id": 3, "email": EMAIL.to_uppercase(), "name": "Zenobia"}),
        )
        .await
        .id,
        server.start(&[("customer_id", "2"), ("client_email", EMAIL)]).await,
    ];
    for chat in &chats {
        server.message(chat, "zenobia-asks").await;
        server.reply(chat, "jkowalski", "zenobia-is-told").await;
        server.note(chat, "jkowalski", "zenobia-noted").await;
    }
    let file = upload(server, &chats[0], "zenobia.txt", "zenobia-file").await;
    let with_file = json!({"text": "zenobia-sends", "file_ids": [file], "user_login": "jkowalski"});
    let reply = post(format!("/api/chat_conversations/{}/reply", chats[0])).json(&with_file);
    server.call(reply).await.expect_nothing();
    upload(server, &chats[2], "unsent.txt", "zenobia-unsent").await;
    let rate = json!({"rating": "sad", "text": "zenobia-rates"});
    server
        .call(post(format!("/api/chat_conversations/{}/rate", chats[2])).json(&rate))
        .await
        .expect(200);
    beside(server, &chats).await;
    chats
}

/// What the API has no words for: consents, browsers, blocks, e-mails.
async fn beside(server: &Server, chats: &[String]) {
    let ids: Vec<Uuid> = chats.iter().map(|id| id.parse().expect("an id")).collect();
    server
        .act(move |tx, act| {
            let texts = Texts { pl: "Zgoda".to_owned(), ..Texts::default() };
            let (kind, name) = (Kind::Consent, "RODO".to_owned());
            let clause = NewClause { kind, name, is_required: true, texts };
            let clause = clause::write(tx, act, &clause)?;
            clause::give(tx, act, &ids[1], std::slice::from_ref(&clause), &[clause.id])?;
            let ip = own("UPDATE client_data SET ip = $2, page_url = 'https://zenobia.example' WHERE conversation_id = $1".to_owned());
            tx.execute(&ip, params![&ids[2], ADDRESS])?;
            let by_ip = Blocked::address(ADDRESS.parse().expect("an address"));
            block::add(tx, act, 1, &by_ip, "zenobia-ip", None)?;
            // One that was lifted is in the audit log still.
            let lifted = block::add(tx, act, 1, &Blocked::email(EMAIL), "zenobia-lifted", None)?;
            let lifted = block::find(tx, lifted)?;
            block::lift(tx, act, &lifted)?;
            block::add(tx, act, 1, &Blocked::email(EMAIL), "zenobia-blocked", None)?;
            block::add(tx, act, 1, &Blocked::email("other@x.pl"), "stays", None)?;
            let mail = own("INSERT INTO mail (id, due_at, kind, address, language, conversation_id, attempts, error, given_up_at)
                VALUES ($1, 1, 2, $2, 'pl', $3, 6, 'refused', $4)".to_owned());
            let stays = "SELECT id FROM conversation WHERE client_email = 'bob@x.pl'";
            let others = tx.query_opt(&own(stays.to_owned()), &[], |row| row.get::<Uuid>(0))?;
            for (to, of) in [(EMAIL, others), ("somebody@x.pl", Some(ids[0])), ("bob@x.pl", others)] {
                let id = act.ids.v7(act.now);
                tx.execute(&mail, params![&id, to, of.as_ref(), act.now])?;
            }
            Ok(())
        })
        .await;
}

/// Somebody else, of whom all stays.
async fn other(server: &Server) -> String {
    let id = server.start(&[("client_email", "bob@x.pl"), ("client_name", "Bob")]).await;
    server.message(&id, "bob-asks").await;
    // The same bytes as those of a file that is erased.
    let file = upload(server, &id, "bob.txt", "zenobia-unsent").await;
    let sent = json!({"text": "bob-sends", "file_ids": [file], "user_login": "jkowalski"});
    server
        .call(post(format!("/api/chat_conversations/{id}/reply")).json(&sent))
        .await
        .expect_nothing();
    id
}

fn export(email: &str) -> Request {
    get("/api/persons/export").query(&[("email", email)])
}

fn erasing(email: &str) -> Request {
    post("/api/persons/erase").json(&json!({ "email": email }))
}

fn expected_counts() -> Value {
    json!({
        "customers": 2, "field_items": 1, "feed_records": 1, "conversations": 4, "messages": 13, "files": 2, "consents": 1,
        "ratings": 1, "blocks": 2, "mails": 2, "audit_entries": 4
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_held_is_in_the_export() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let bob = other(&server).await;
        let chats = held(&server).await;
        // Before the search knows of it, and after.
        let early = server.call(export(EMAIL)).await.expect(200).json();
        indexed(&server).await;
        let all = server.call(export("zenobia.znak@firma.EXAMPLE")).await.expect(200).json();
        assert_eq!(all["conversations"], early["conversations"]);
        assert_eq!(all["counts"], expected_counts(), "{all:#}");
        assert_eq!(all["email"], EMAIL.to_lowercase());
        let text = all.to_string();
        for mark in [
            "zenobia-note",
            "Zenobia-City",
            "zenobia-1",
            "zenobia-record",
            "zenobia-item",
            "zenobia-asks",
            "zenobia-is-told",
            "zenobia-noted",
            "zenobia.txt",
            "zenobia-sends",
            "unsent.txt",
            "zenobia-rates",
            "https://zenobia.example",
            "RODO",
            "zenobia-ip",
            "zenobia-blocked",
            "zenobia-lifted",
            "somebody@x.pl",
            "600700800",
            ADDRESS,
        ] {
            assert!(text.contains(mark), "{mark}");
        }
        assert!(!text.contains("bob-") && !text.contains("other@x.pl"), "{text}");
        let shown = all["conversations"].as_array().expect("a list");
        let ids: Vec<_> =
            shown.iter().map(|one| one["conversation_id"].as_str().unwrap()).collect();
        assert_eq!(ids, chats);
        assert_eq!(shown[0]["is_verified"], true);
        assert_eq!(shown[2]["is_verified"], false);
        assert_eq!(shown[2]["rating"], "sad");
        assert_eq!(shown[1]["consents"][0]["is_given"], true);
        let kinds: Vec<_> = shown[2]["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["kind"].as_str().unwrap())
            .collect();
        assert_eq!(kinds[0], "started");
        assert!(kinds.contains(&"note") && kinds.contains(&"rated"), "{kinds:?}");
        assert!(shown[0]["files"][0].get("content").is_none());
        let whole = [("email", EMAIL), ("include_files", "1")];
        let whole = get("/api/persons/export").query(&whole);
        let whole = server.call(whole).await.expect(200).json();
        // `zenobia-file`
        assert_eq!(whole["conversations"][0]["files"][0]["content"], "emVub2JpYS1maWxl");

        // Who has looked is noted, and whom is not.
        let lines = server.audited().await;
        let looked: Vec<_> = lines.iter().filter(|line| line.0 == "person.export").collect();
        assert_eq!(looked.len(), 3);
        assert!(looked[0].1.starts_with("person ") && !looked[0].1.contains(MARK), "{looked:?}");
        assert_eq!(
            all["audit"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|l| l["change"] == "person.export")
                .count(),
            1
        );

        let nobody = server.call(export("nobody@x.pl")).await.expect(200).json();
        assert_eq!(
            (&nobody["counts"]["conversations"], &nobody["customers"]),
            (&json!(0), &json!([]))
        );
        server.call(get("/api/persons/export")).await.expect_fault_of(Code::Missing, "email");
        server.call(export("no address")).await.expect_fault_of(Code::NotEmail, "email");
        assert!(!server.chat(&bob).await.is_null());
    })
    .await;
}

/// Every table that holds texts, as one text.
async fn everything(server: &Server) -> String {
    let mut all = String::new();
    for (table, columns) in [
        ("customer", "name || surname || note || coalesce(identifier, '')"),
        ("customer_email", "email"),
        ("customer_word", "word"),
        ("feed_record", "payload"),
        ("field_item_value", "value"),
        (
            "conversation",
            "client_name || client_surname || client_email || coalesce(rating_text, '')",
        ),
        ("event", "coalesce(text, '') || coalesce(data, '')"),
        ("client_data", "coalesce(page_url, '') || coalesce(ip, '')"),
        ("file", "name"),
        ("block", "value || reason"),
        ("mail", "address"),
        ("audit", "subject || coalesce(was, '') || coalesce(becomes, '')"),
        ("person_erasure", "coalesce(email, '') || counts"),
        ("idempotency", "body"),
    ] {
        let rows = own(format!("SELECT {columns} FROM {table}"));
        let texts = server.write(move |tx| Ok(tx.query(&rows, &[], |row| row.get::<String>(0))?));
        all.extend(texts.await.into_iter().map(|text| text.to_lowercase() + "\n"));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn after_erasing_nothing_finds_any_of_it() {
    on_both_engines(async |engine| {
        let server = hooks::server(engine).await;
        let bob = other(&server).await;
        let receiver = Receiver::start().await;
        let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
        receiver.script([crate::receiver::Behaviour::Hold(std::sync::Arc::clone(&gate))]);
        let webhook =
            subscribe(&server, &receiver, &[hooks::CREATED, hooks::SAID, "CUSTOMER_UPDATED"]).await;
        let chats = held(&server).await;
        indexed(&server).await;
        let before = everything(&server).await;
        for mark in ["zenobia-lifted", "zenobia-asks", "zenobia-record", "zenobia-ip", ADDRESS] {
            assert!(before.contains(mark), "{mark}");
        }
        assert_eq!(kept(&server).len(), 2);
        let answer = server.call(erasing(EMAIL).key("once")).await.expect(200);
        let receipt = answer.json();
        assert_eq!(receipt["erased"], expected_counts(), "{receipt:#}");
        assert_eq!(receipt["ordered_by_kind"], "API_USER");
        assert_eq!(receipt["ordered_by"], "api_user");
        assert_eq!(receipt["finished_at"], "2026-06-01 12:00:00");
        let hash = receipt["email_sha256"].as_str().expect("a text").to_owned();
        assert_eq!(hash.len(), 64);
        assert!(!answer.text().to_lowercase().contains(MARK));

        let after = everything(&server).await;
        for mark in [MARK, ADDRESS, "inny@firma"] {
            let left: Vec<_> = after.lines().filter(|line| line.contains(mark)).collect();
            assert_eq!(left, [""; 0], "{mark}");
        }
        assert!(after.contains("bob-asks") && after.contains("other@x.pl"));
        for table in ["person_file", "customer_gone", "erasing", "consent", "field_item"] {
            assert_eq!(count(&server, table).await, 0, "{table}");
        }
        let boss = Browser::of(&server, "anowak", Role::Administrator).await;
        for q in ["zenobia", "asks", "firma"] {
            let found = boss.call(&server, get("/console/search").query(&[("q", q)])).await;
            let found = found.expect(200).json();
            let hits = found["result"].as_array().expect("a list");
            assert!(hits.iter().all(|hit| hit["conversation_id"] == bob), "{q}: {hits:?}");
        }
        let found = boss.call(&server, get("/console/customers").query(&[("q", "zenobia")])).await;
        assert_eq!(found.expect(200).json(), json!([]));
        assert_eq!(server.found(&[]).await, [&*bob]);
        for chat in &chats {
            server
                .call(get(format!("/api/chats/{chat}")))
                .await
                .expect_fault(Code::UnknownConversation);
        }
        // The bytes that somebody else has too are somebody else's.
        let left = kept(&server);
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(std::fs::read(&left[0]).expect("it is there"), b"zenobia-unsent");
        // What waits to be delivered tells nothing any more.
        receiver.forget();
        gate.add_permits(1);
        hooks::drained(&server, webhook).await;
        assert!(receiver.bodies().iter().all(|body| !body.to_lowercase().contains(MARK)));

        // Sent again it is the same receipt; ordered again, one of nothing.
        assert_eq!(server.call(erasing(EMAIL).key("once")).await.expect(200).json(), receipt);
        let again = server.call(erasing(EMAIL)).await.expect(200).json();
        assert_ne!(again["erasure_id"], receipt["erasure_id"]);
        assert!(again["erased"].as_object().unwrap().values().all(|count| *count == 0), "{again}");
        let nothing = server.call(export(EMAIL)).await.expect(200).json();
        assert!(
            nothing["counts"].as_object().unwrap().values().all(|count| *count == 0),
            "{nothing}"
        );
        let lines = server.audited().await;
        let told = |change: &str| {
            lines
                .iter()
                .filter(|line| line.0 == change)
                .map(|line| line.1.clone())
                .collect::<Vec<_>>()
        };
        let subject = format!("person {hash}");
        assert_eq!(told("person.erase"), [subject.clone(), subject.clone()]);
        assert_eq!(told("person.erased"), [subject.clone(), subject]);
        assert_eq!(server.log_faults().await, [""; 0]);
        server.call(post("/api/persons/erase")).await.expect_fault_of(Code::Missing, "email");
        let twice = post("/api/persons/erase").json(&json!({"email": "x"}));
        server.call(twice).await.expect_fault_of(Code::NotEmail, "email");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasing_that_was_broken_off_goes_on_by_itself() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let chats = held(&server).await;
        // So long that it takes steps of its own.
        let long: Uuid = chats[0].parse().expect("an id");
        server
            .act(move |tx, act| {
                let say = own("INSERT INTO event (conversation_id, seq, at, kind, sent_by, text) VALUES ($1, $2, $3, 1, 0, 'zenobia')".to_owned());
                let number = own("UPDATE conversation SET seq = 700 WHERE id = $1".to_owned());
                let last = own("SELECT seq FROM conversation WHERE id = $1".to_owned());
                let last = tx.query_one(&last, params![&long], |row| row.get::<i64>(0))?;
                for seq in last + 1..=700 {
                    tx.put(&say, params![&long, seq, act.now])?;
                }
                tx.execute(&number, params![&long])?;
                Ok(())
            })
            .await;
        // As the method does it, up to where a crash may be.
        let id = server.act(|tx, act| erase::order(tx, act, &Person::new(EMAIL))).await;
        let none = erase::Reach { patience: Some(std::time::Duration::ZERO), has_files: false };
        assert!(!erase::run(&server.app, id, none).await.expect("the store answers"));
        // Whoever orders it meanwhile gets the same.
        let same = server.act(|tx, act| erase::order(tx, act, &Person::new(EMAIL))).await;
        assert_eq!(same, id);
        // Another process, which has no files.
        let reach = erase::Reach { patience: None, has_files: false };
        assert!(!erase::run(&server.app, id, reach).await.expect("the store answers"));
        assert!(count(&server, "person_file").await > 0);
        assert!(everything(&server).await.contains(&EMAIL.to_lowercase()), "it is not finished");
        erase::more(&server.app).await;
        let after = everything(&server).await;
        assert!(!after.contains(MARK), "{after}");
        assert_eq!(kept(&server), Vec::<PathBuf>::new());
        let app = server.app.clone();
        let receipt = server.write(move |tx| erase::receipt(tx, &id, &app)).await;
        assert!(receipt.finished_at.is_some());
        assert_eq!((receipt.erased.conversations, receipt.erased.customers), (4, 2));
        assert!(receipt.erased.messages > 600, "{receipt:?}");
        assert_eq!(receipt.ordered_by_kind, "SYSTEM");
        assert_eq!(server.log_faults().await, [""; 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_do_it_at_the_console_and_others_by_permission() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        held(&server).await;
        let boss = Browser::of(&server, "anowak", Role::Administrator).await;
        let target = get("/console/persons/export").query(&[("email", EMAIL)]);
        let all = boss.call(&server, target).await.expect(200).json();
        assert_eq!(all["counts"], expected_counts());
        let order = post("/console/persons/erase").json(&json!({"email": EMAIL}));
        let receipt = boss.call(&server, order.clone()).await.expect(200).json();
        assert_eq!(receipt["erased"], expected_counts());
        assert_eq!(
            (&receipt["ordered_by_kind"], &receipt["ordered_by"]),
            (&json!("AGENT"), &json!("anowak"))
        );
        let supervisor = Browser::of(&server, "jkowalski", Role::Supervisor).await;
        supervisor.call(&server, order).await.expect_fault(Code::RoleNeeded);
        let log = boss.call(&server, get("/console/audit")).await.expect(200);
        assert!(log.text().contains("person.erased"));
        assert!(!log.text().to_lowercase().contains(MARK), "{}", log.text());

        server.add_api_user("exporter", "GET persons/export").await;
        server.call(export(EMAIL).by("exporter", crate::server::PASSWORD)).await.expect(200);
        let refused = server.call(erasing(EMAIL).by("exporter", crate::server::PASSWORD)).await;
        refused.expect_fault(Code::Forbidden);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_for_an_answer_is_for_the_command_line() {
    let server = Server::on(Engine::Sqlite).await;
    let much = "ż".repeat(30_000);
    server
        .act(move |tx, act| {
            let add = own(
                "INSERT INTO feed_record (customer_id, id, type, payload) VALUES (1, $1, 'x', $2)"
                    .to_owned(),
            );
            for _ in 0..600 {
                tx.put(&add, params![&act.ids.v7(act.now), &much])?;
            }
            Ok(())
        })
        .await;
    let jan = "jan.kowalski@example.org";
    let fault = server.call(export(jan)).await.expect_fault(Code::PersonTooLarge);
    assert!(fault.faults()[0].1.contains("32 MiB"), "{}", fault.text());
    let receipt = server.call(erasing(jan)).await.expect(200).json();
    assert_eq!(receipt["erased"]["feed_records"], 600);
    assert_eq!(count(&server, "feed_record").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_in_the_files_of_the_database() {
    let mut server = Server::on(Engine::Sqlite).await;
    let bob = other(&server).await;
    held(&server).await;
    indexed(&server).await;
    assert!(!files_with(server.folder(), "zenobia-asks").is_empty());
    server.call(erasing(EMAIL)).await.expect(200);
    server.call(delete(format!("/api/chat_conversations/{bob}"))).await.expect_nothing();
    server.running.take().expect("it runs").stop().await;
    rozmowa_db::rebuild(&server.folder().join("test.sqlite")).expect("nobody uses it");
    for mark in ["zenobia", "Zenobia", "ZENOBIA", "zenobia.znak@firma", ADDRESS, "inny@firma"] {
        assert_eq!(files_with(server.folder(), mark), Vec::<String>::new(), "{mark}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_writes_it_to_a_folder_and_erases_it_with_and_without_a_server() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let home = Home::make(Engine::Sqlite, folder.path().join("home")).await;
    install(&home);
    let log = folder.path().join("log");
    for is_serving in [false, true] {
        let server = Program::serve(&home, &log).await;
        let start =
            post("/api/chat_conversations/start?chat_queue_id=3&client_email=jan@example.org");
        let chat = started(&server.call(start).await);
        let upload = post(format!("/api/chat_conversations/{chat}/files?name=list.txt"));
        server.call(upload.body("application/octet-stream", "the contents")).await.expect(200);
        let server = if is_serving {
            Some(server)
        } else {
            server.kill();
            None
        };
        let to = folder.path().join(format!("export-{is_serving}"));
        let path = to.to_str().expect("a path");
        run(&home, &["person", "export", "--email", "JAN@example.org", "--to", path]);
        let text = std::fs::read_to_string(to.join("person.json")).expect("it is there");
        let export: Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(export["conversations"][0]["conversation_id"], chat);
        let file = export["conversations"][0]["files"][0]["path"].as_str().expect("a path");
        assert_eq!(std::fs::read(to.join(file)).expect("it is there"), b"the contents");
        let said = run(&home, &["person", "export", "--email", "jan@example.org"]);
        assert!(said.contains(&chat));
        let said = run(&home, &["person", "erase", "--email", "jan@example.org", "--yes"]);
        let receipt: Value =
            serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
        assert_eq!(
            (&receipt["erased"]["conversations"], &receipt["erased"]["files"]),
            (&json!(1), &json!(1))
        );
        assert_eq!(receipt["ordered_by_kind"], "COMMAND_LINE");
        assert!(receipt["finished_at"].is_string(), "{said}");
        let mut left = Vec::new();
        for place in std::fs::read_dir(home.folder.join("files")).expect("a folder") {
            let place = place.expect("it can be read").path();
            left.extend(
                std::fs::read_dir(place)
                    .expect("a folder")
                    .map(|file| file.expect("a file").path()),
            );
        }
        assert_eq!(left, Vec::<PathBuf>::new());
        if let Some(server) = &server {
            let gone = get(format!("/api/chats/{chat}"));
            server.call(gone).await.expect_fault(Code::UnknownConversation);
        }
    }
}
