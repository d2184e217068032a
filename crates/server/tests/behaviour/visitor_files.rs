//! Files: in by any door, harmless on the way out, and gone when they are to be.

use std::path::PathBuf;
use std::time::Duration;

use rozmowa::agent::Role;
use rozmowa::file::{self, Side, sweep};
use rozmowa::http::Code;
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use crate::client::{Answer, Request, Wire, get, post};
use crate::hooks::until;
use crate::server::{Plan, Server};
use crate::store::{Engine, on_both_engines};
use crate::visitors::{AtConsole, Visitor, set, somebody, with_link};

const DAY: i64 = 24 * 3_600_000;

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend(b"\x08\x06\0\0\0");
    bytes
}

async fn uploaded(server: &Server, visitor: &Visitor, name: &str, bytes: &[u8]) -> String {
    id(&visitor.upload(server, name, bytes).await.expect(200))
}

fn id(answer: &Answer) -> String {
    answer.json()["file_id"].as_str().expect("an id").to_owned()
}

async fn sent(server: &Server, visitor: &Visitor, files: &[&str]) -> Answer {
    server.call(visitor.post("/messages").json(&json!({ "file_ids": files }))).await
}

async fn download(server: &Server, visitor: &Visitor, file: &str) -> Answer {
    server.call(visitor.get(&format!("/files/{file}"))).await
}

/// All bytes that lie in the folder, by their path.
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

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_with_a_message_to_the_other_side() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let visitor = somebody(&server).await;
        let picture = png(640, 480);
        let answer = visitor.upload(&server, "zdjęcie 1.png", &*picture).await.expect(200);
        let file = id(&answer);
        let shown = json!({"file_id": file, "name": "zdjęcie 1.png", "size": picture.len(), "content_type": "image/png"});
        assert_eq!(answer.json(), shown);
        // Until it is sent it is the visitor's own business.
        server.assign(&visitor.id, "jkowalski").await.expect(200);
        let agent = AtConsole::of(&server, "jkowalski", Role::Agent).await;
        let at_console = agent.as_this(get(format!("/console/conversations/{}/files/{file}", visitor.id)));
        server.call(at_console.clone()).await.expect_fault(Code::UnknownFile);
        sent(&server, &visitor, &[&file]).await.expect(200);
        let events = visitor.events(&server).await;
        let message = events.last().expect("a message");
        assert_eq!((&message["text"], &message["data"]), (&json!(""), &json!({"files": [shown]})));
        for answer in [
            server.call(at_console).await,
            download(&server, &visitor, &file).await,
            server.call(get(format!("/api/chat_conversations/{}/files/{file}", visitor.id))).await,
        ] {
            let answer = answer.expect(200);
            assert_eq!(answer.body, picture);
            for (name, value) in [
                ("Content-Type", "image/png"),
                ("Content-Disposition", "inline; filename=\"zdj_cie 1.png\"; filename*=UTF-8''zdj%C4%99cie%201.png"),
                ("X-Content-Type-Options", "nosniff"),
                ("Content-Security-Policy", "sandbox; default-src 'none'"),
                ("Cache-Control", "private, no-cache"),
                ("ETag", &*format!("\"{file}\"")),
            ] {
                assert_eq!(answer.header(name), Some(value), "{name}");
            }
        }
        let again = visitor.get(&format!("/files/{file}")).header("If-None-Match", &format!("\"{file}\""));
        assert!(server.call(again).await.expect(304).body.is_empty());
        let part = visitor.get(&format!("/files/{file}")).header("Range", "bytes=1-3");
        let part = server.call(part).await.expect(206);
        assert_eq!(part.body, b"PNG");
        assert_eq!(part.header("Content-Range"), Some(&*format!("bytes 1-3/{}", picture.len())));
        let beyond = visitor.get(&format!("/files/{file}")).header("Range", "bytes=999-");
        server.call(beyond).await.expect(416);
        let target = format!("/api/chats/{}?include_files=1&include_messages=1", visitor.id);
        let chat = server.call(get(target)).await.expect(200).json();
        let files = chat["files"].as_array().expect("a list");
        assert_eq!(files.len(), 1);
        assert_eq!(files[0]["created_at"], "2026-06-01 12:00:00.000");
        let url = files[0]["url"].as_str().expect("a url");
        assert!(url.ends_with(&format!("/api/chat_conversations/{}/files/{file}", visitor.id)), "{url}");
        assert_eq!(chat["messages"][0]["files"], json!([file]));
        assert_eq!(server.log_faults().await, [""; 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_and_agents_upload_too_and_nobody_sends_what_is_not_theirs() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let (one, other) = (somebody(&server).await, somebody(&server).await);
        let of_other = uploaded(&server, &other, "x", b"x").await;
        let own = uploaded(&server, &one, "y", b"y").await;
        let target = format!("/api/chat_conversations/{}/files", one.id);
        let by_program =
            post(format!("{target}?name=z")).body("application/pdf", "%PDF-1").key("k");
        let first = server.call(by_program.clone()).await.expect(200);
        assert_eq!(server.call(by_program).await.text(), first.text());
        let other_bytes =
            post(format!("{target}?name=z")).body("application/pdf", "%PDF-2").key("k");
        server.call(other_bytes).await.expect_fault(Code::IdempotencyKeyReused);
        server.assign(&one.id, "jkowalski").await.expect(200);
        let agent = AtConsole::of(&server, "jkowalski", Role::Agent).await;
        let stranger = AtConsole::of(&server, "anowak", Role::Agent).await;
        let to_console =
            post(format!("/console/conversations/{}/files?name=a", one.id)).body("x/y", "agent");
        let of_agent = id(&server.call(agent.as_this(to_console.clone())).await.expect(200));
        server.call(stranger.as_this(to_console.clone())).await.expect_fault(Code::RoleNeeded);
        server.call(to_console.anonymous()).await.expect_fault(Code::NotSignedIn);
        let nobody = "6ed7c941-2c8a-411e-95d2-338a9f64800a";
        for not_to_send in [&*of_other, &of_agent, nobody] {
            sent(&server, &one, &[&own, not_to_send]).await.expect_fault(Code::FileNotToSend);
        }
        sent(&server, &one, &[&own, &own]).await.expect_fault(Code::FileNotToSend);
        sent(&server, &one, &[&own]).await.expect(200);
        sent(&server, &one, &[&own]).await.expect_fault(Code::FileNotToSend);
        sent(&server, &one, &[nobody; 11]).await.expect_fault_of(Code::TooManyValues, "file_ids");
        // Another visitor's token, and what the agent has not said.
        download(&server, &other, &own).await.expect_fault(Code::UnknownFile);
        download(&server, &one, &of_agent).await.expect_fault(Code::UnknownFile);
        download(&server, &one, "..%2f..%2fsecret.key").await.expect_fault(Code::UnknownFile);
        let elsewhere = format!("/api/chat_conversations/{}/files/{own}", other.id);
        server.call(get(elsewhere)).await.expect_fault(Code::UnknownFile);
        server
            .call(get(format!("/visitor/conversation/files/{own}")).anonymous())
            .await
            .expect_fault(Code::BadVisitorToken);
        let unknown = post(format!("/api/chat_conversations/{nobody}/files")).body("a/b", "x");
        server.call(unknown).await.expect_fault(Code::UnknownConversation);
        assert_eq!(server.log_faults().await, [""; 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_harmless_picture_is_bytes_to_keep() {
    let server = Server::on(Engine::Sqlite).await;
    let visitor = somebody(&server).await;
    for (name, bytes, kind) in [
        ("strona.png", &b"<html><script>alert(1)</script></html>"[..], "application/octet-stream"),
        ("rysunek.svg", b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"><script>1</script></svg>", "application/octet-stream"),
        ("a.xml", b"<?xml version=\"1.0\"?><!DOCTYPE x>", "application/octet-stream"),
        ("a.js", b"alert(1)", "application/octet-stream"),
        ("a.pdf", b"%PDF-1.7", "application/pdf"),
    ] {
        let file = uploaded(&server, &visitor, name, bytes).await;
        let answer = download(&server, &visitor, &file).await.expect(200);
        assert_eq!(answer.header("Content-Type"), Some(kind), "{name}");
        let disposition = answer.header("Content-Disposition").expect("a disposition");
        assert!(disposition.starts_with("attachment; "), "{disposition}");
        assert_eq!(answer.body, bytes);
    }
    let bomb = visitor.upload(&server, "bomba.png", png(60_000, 60_000)).await;
    let told = bomb.expect_fault(Code::PictureTooLarge).faults()[0].1.clone();
    assert!(told.contains("60000"), "{told}");
    visitor.upload(&server, "nic", "").await.expect_fault(Code::EmptyFile);
    let answer = visitor.upload(&server, "..\\..\\/etc/passwd\u{202e}gnp", "x").await.expect(200);
    assert_eq!(answer.json()["name"], "passwdgnp");
    let answer = visitor.upload(&server, "a\r\nSet-Cookie: b=c\".txt", "x").await.expect(200);
    let file = id(&answer);
    let answer = download(&server, &visitor, &file).await.expect(200);
    assert_eq!(answer.header("Set-Cookie"), None);
    // What lies in the folder is named by what it holds.
    assert!(!kept(&server).iter().any(|path| path.to_string_lossy().contains("passwd")));
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_five_megabytes_and_not_a_byte_more() {
    let server = Server::on(Engine::Sqlite).await;
    let visitor = somebody(&server).await;
    let limit = 25 * 1024 * 1024;
    let most = visitor.post("/files?name=a").body("a/b", vec![7; limit]);
    let answer = server.wire().await.send_reading(&most.bytes()).await.expect(200);
    assert_eq!(answer.json()["size"], limit);
    let file = id(&answer);
    assert_eq!(download(&server, &visitor, &file).await.expect(200).body.len(), limit);
    let more = visitor.post("/files?name=a").body("a/b", vec![7; limit + 1]);
    let answer = server.wire().await.send_reading(&more.bytes()).await;
    answer.expect_fault(Code::FileTooLarge);
    // Without a length that is known beforehand, too.
    let head = format!(
        "POST /visitor/conversation/files HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        visitor.token
    );
    let mut bytes = head.into_bytes();
    for _ in 0..26 {
        bytes.extend(b"100000\r\n");
        bytes.extend(vec![7; 0x10_0000]);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    server.wire().await.send_reading(&bytes).await.expect_fault(Code::FileTooLarge);
    until("nothing is left half-way", async || (kept(&server).len() == 1).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_slowly_or_hangs_up_leaves_nothing() {
    let server = Plan::on(Engine::Sqlite).configured("limits.body_seconds = 1").start().await;
    let visitor = somebody(&server).await;
    let head = format!(
        "POST /visitor/conversation/files HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\nContent-Length: 100000\r\n\r\nabc",
        visitor.token
    );
    let mut slow = server.wire().await;
    slow.send(head.as_bytes()).await;
    let answer = timeout(Duration::from_secs(10), slow.answer()).await.expect("it is cut");
    answer.expect_fault(Code::BodyIncomplete);
    let mut gone = server.wire().await;
    gone.send(head.as_bytes()).await;
    until("it has begun", async || (!kept(&server).is_empty()).then_some(())).await;
    drop(gone);
    until("nothing is left half-way", async || kept(&server).is_empty().then_some(())).await;
    // Four at once into one conversation; then there is room again.
    let mut waiting = Vec::new();
    for _ in 0..4 {
        let mut wire = server.wire().await;
        wire.send(head.as_bytes()).await;
        waiting.push(wire);
    }
    until("all have begun", async || (kept(&server).len() == 4).then_some(())).await;
    visitor.upload(&server, "a", "a").await.expect_fault(Code::TooManyCalls);
    drop(waiting);
    until("there is room", async || {
        (visitor.upload(&server, "a", "a").await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_server_left_is_swept_at_the_next_start() {
    on_both_engines(async |engine| {
        let mut server = Server::on(engine).await;
        let visitor = somebody(&server).await;
        let file = uploaded(&server, &visitor, "a", b"stays").await;
        let stays = kept(&server);
        let files = server.folder().join("files");
        let orphan = files.join("ab").join("c".repeat(62));
        std::fs::create_dir_all(files.join("ab")).expect("a folder can be made");
        std::fs::write(&orphan, "of no row").expect("a file can be made");
        std::fs::create_dir_all(files.join("incoming")).expect("a folder can be made");
        std::fs::write(files.join("incoming").join("half"), "half").expect("a file can be made");
        server.restart("").await;
        until("it is swept", async || (kept(&server) == stays).then_some(())).await;
        download(&server, &visitor, &file).await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_wait_to_be_sent_and_not_for_longer_than_a_day() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let visitor = somebody(&server).await;
        let mut calls = tokio::task::JoinSet::new();
        for number in 0..4 {
            let (address, upload) = (server.address, visitor.post("/files?name=a"));
            calls.spawn(async move {
                let mut statuses = Vec::new();
                for more in 0..6 {
                    let upload = upload.clone().body("a/b", format!("{number} {more}"));
                    // What is refused before it was read ends its connection.
                    statuses.push(Wire::open(address).await.call(&upload).await.status);
                }
                statuses
            });
        }
        let statuses: Vec<u16> = calls.join_all().await.into_iter().flatten().collect();
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 20);
        assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 4);
        until("what was refused is gone", async || (kept(&server).len() == 20).then_some(())).await;
        let sent_file = {
            server
                .execute("DELETE FROM file WHERE id = (SELECT id FROM file ORDER BY id LIMIT 1)")
                .await;
            uploaded(&server, &visitor, "b", b"sent").await
        };
        sent(&server, &visitor, &[&sent_file]).await.expect(200);
        server.app.clock.advance(DAY);
        while server.act(sweep::unsent).await {}
        // Also the one whose row was taken past the product: once a day everything is looked through.
        until("they are gone", async || (kept(&server).len() == 1).then_some(())).await;
        download(&server, &visitor, &sent_file).await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn erased_files_are_gone_unless_somebody_else_has_the_same() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let (one, other) = (somebody(&server).await, somebody(&server).await);
        let own = uploaded(&server, &one, "a", b"same").await;
        let same = uploaded(&server, &other, "b", b"same").await;
        let alone = uploaded(&server, &one, "c", b"alone").await;
        sent(&server, &one, &[&own, &alone]).await.expect(200);
        assert_eq!(kept(&server).len(), 2);
        let erase = async |visitor: &Visitor, side: Side| {
            let id: Uuid = visitor.id.parse().expect("an id");
            let more = server.write(move |tx| file::erase(tx, &id, side, i64::MAX)).await;
            assert!(!more);
        };
        erase(&one, Side::Others).await;
        download(&server, &one, &alone).await.expect(200);
        erase(&one, Side::Client).await;
        for gone in [&own, &alone] {
            download(&server, &one, gone).await.expect_fault(Code::UnknownFile);
        }
        assert_eq!(one.events(&server).await.last().expect("a message").get("data"), None);
        until("its bytes are gone", async || (kept(&server).len() == 1).then_some(())).await;
        download(&server, &other, &same).await.expect(200);
        erase(&other, Side::Both).await;
        until("all are gone", async || kept(&server).is_empty().then_some(())).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_may_take_no_files() {
    let server = Server::on(Engine::Sqlite).await;
    let id = server.start(&[]).await;
    let visitor = with_link(&server, &id).await;
    set(&server, 3, |settings| settings.takes_files = false).await;
    visitor.upload(&server, "a", "a").await.expect_fault(Code::FilesNotTaken);
    let by_program: Request =
        post(format!("/api/chat_conversations/{id}/files?name=a")).body("a/b", "a");
    let file = server.call(by_program).await.expect(200);
    let message = json!({"file_ids": [file.json()["file_id"]]});
    server.call(visitor.post("/messages").json(&message)).await.expect_fault(Code::FilesNotTaken);
    let none: &Value = &server.call(visitor.get("")).await.json();
    assert_eq!(none["takes_files"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_and_programs_send_files_and_those_of_notes_stay_among_agents() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let visitor = somebody(&server).await;
        server.assign(&visitor.id, "jkowalski").await.expect(200);
        let agent = AtConsole::of(&server, "jkowalski", Role::Agent).await;
        let mut files = Vec::new();
        for name in ["answer", "note"] {
            let target = format!("/console/conversations/{}/files?name={name}", visitor.id);
            let upload = agent.as_this(post(target).body("a/b", name));
            files.push(id(&server.call(upload).await.expect(200)));
        }
        let target = format!("/api/chat_conversations/{}/files?name=program", visitor.id);
        files.push(id(&server.call(post(target).body("a/b", "program")).await.expect(200)));
        let say = async |how: &str, body: Value| {
            let target = format!("/console/conversations/{}/{how}", visitor.id);
            server.call(agent.as_this(post(target).json(&body))).await
        };
        say("reply", json!({})).await.expect_fault_of(Code::Missing, "text");
        say("reply", json!({"file_ids": [files[0]]})).await.expect(200);
        say("note", json!({"text": "x", "file_ids": [files[1]]})).await.expect(200);
        let body = json!({"user_login": "jkowalski", "text": "y", "file_ids": [files[2]]});
        let reply = post(format!("/api/chat_conversations/{}/reply", visitor.id)).json(&body);
        server.call(reply).await.expect_nothing();
        download(&server, &visitor, &files[0]).await.expect(200);
        download(&server, &visitor, &files[1]).await.expect_fault(Code::UnknownFile);
        download(&server, &visitor, &files[2]).await.expect(200);
        for file in &files {
            let target = format!("/console/conversations/{}/files/{file}", visitor.id);
            server.call(agent.as_this(get(target))).await.expect(200);
        }
        let seen = serde_json::to_string(&visitor.events(&server).await).expect("it is JSON");
        assert!(seen.contains(&files[0]) && seen.contains(&files[2]) && !seen.contains(&files[1]));
        let target = format!("/console/conversations/{}/events", visitor.id);
        let events = server.call(agent.as_this(get(target))).await.expect(200).text();
        assert!(events.contains("\"name\":\"note\"") && events.contains("\"name\":\"answer\""));
        assert_eq!(server.log_faults().await, [""; 0]);
    })
    .await;
}
