//! A conversation while it runs, from the visitor's side: what is said, read, seen, rated, kept, and what is too much.

use rozmowa::agent::Changes;
use rozmowa::conversation::log::{Event, Kind, Speaker};
use rozmowa::http::Code;
use rozmowa::live::{By, Passing, Signal, Topic};
use rozmowa_load::socket::{Refused, Socket};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{get, post};
use crate::people::{Person, soon, visitor_socket};
use crate::server::{NOON, Plan, Server};
use crate::store::{Engine, on_both_engines};
use crate::visitors::{opened, set, somebody, with_link};

/// Something that only agents see.
async fn note(server: &Server, id: &str, kind: Kind, text: &'static str) {
    use rozmowa::conversation::log;
    let id: Uuid = id.parse().expect("an id");
    server
        .act(move |tx, act| {
            let turn = log::turn(tx, act, &id)?.expect("it is there");
            let event = Event::of(kind, Speaker::Agent).about(1).saying(text);
            log::append(tx, act, &id, turn, &event.with(&json!({"secret": text})))
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_agents_tell_each_other_is_a_moved_cursor() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let changes = Changes {
            name: Some("Jan".to_owned()),
            surname: Some("Tajny".to_owned()),
            ..Changes::default()
        };
        server.act(move |tx, act| rozmowa::agent::change(tx, act, "jkowalski", &changes)).await;
        let id = server.start(&[("client_id", "1234")]).await;
        let visitor = with_link(&server, &id).await;
        visitor.say(&server, "Dzień dobry").await;
        for kind in [Kind::Note, Kind::Whisper, Kind::Labelled, Kind::Linked] {
            note(&server, &id, kind, "SEKRET").await;
        }
        server.reply(&id, "jkowalski", "W czym pomóc?").await;
        for kind in
            [Kind::Transferred, Kind::Unassigned, Kind::HandedOver, Kind::Erased, Kind::Reopened]
        {
            note(&server, &id, kind, "SEKRET").await;
        }
        let expected = [
            "started",
            "message",
            "assigned",
            "message",
            "transferred",
            "unassigned",
            "handed_over",
            "erased",
            "reopened",
        ];
        assert_eq!(visitor.kinds(&server).await, expected);
        let events = visitor.events(&server).await;
        assert_eq!((&events[6]["name"], &events[7]["name"]), (&json!("Jan"), &json!("Jan")));
        for hidden in &events[2..6] {
            assert_eq!(hidden.as_object().map(serde_json::Map::len), Some(1), "{hidden}");
        }
        let all = server.call(visitor.get("/events")).await.text();
        for secret in ["SEKRET", "Tajny", "jkowalski", "1234", "Kowalski", "note", "whisper"] {
            assert!(!all.contains(secret), "{secret}: {all}");
        }
        let shown = server.call(visitor.get("")).await.expect(200);
        assert_eq!(shown.json()["agent"], "Jan");
        assert_eq!(shown.json()["name"], Value::Null);
        // Every place is passed over or told, in parts of any size.
        for limit in 1..=5 {
            let (mut after, mut seqs) = (0, Vec::new());
            loop {
                let query = [("after", &*after.to_string()), ("limit", &*limit.to_string())];
                let part =
                    server.call(visitor.get("/events").query(&query)).await.expect(200).json();
                let events = part["events"].as_array().expect("a list");
                seqs.extend(events.iter().map(|event| event["seq"].as_i64().expect("a number")));
                let cursor = part["cursor"].as_i64().expect("a number");
                if cursor == after {
                    break;
                }
                after = cursor;
            }
            assert_eq!(seqs, (1..=13).collect::<Vec<_>>());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_number_is_the_same_message() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let visitor = somebody(&server).await;
        let key = "0190aaaa-0000-7000-8000-000000000001";
        let call = visitor.post("/messages").json(&json!({"text": "raz", "client_key": key}));
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (mut wire, call) = (server.wire().await, call.clone());
            calls.spawn(async move { wire.call(&call).await.expect(200).json() });
        }
        for place in calls.join_all().await {
            assert_eq!(place, json!({"seq": 2, "at": NOON}));
        }
        assert_eq!(visitor.kinds(&server).await, ["started", "message"]);
        // The other conversation of the same client has numbers of its own.
        let other = somebody(&server).await;
        let same = other.post("/messages").json(&json!({"text": "raz", "client_key": key}));
        server.call(same).await.expect(200);
        assert_eq!(other.kinds(&server).await, ["started", "message"]);
        server.stop(&visitor.id).await;
        // It was sent while the conversation was open.
        assert_eq!(server.call(call).await.expect(200).json()["seq"], 2);
        let late = visitor.post("/messages").json(&json!({"text": "dwa"}));
        server.call(late).await.expect_fault(Code::ConversationClosed);
        assert_eq!(server.log_faults().await, [""; 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_have_bounds() {
    let server = Server::on(Engine::Sqlite).await;
    let visitor = somebody(&server).await;
    let say = |text: String| visitor.post("/messages").json(&json!({ "text": text }));
    server.call(say("ż".repeat(16_384))).await.expect(200);
    server.call(say("ż".repeat(16_385))).await.expect_fault_of(Code::TooLong, "text");
    server.call(say(" \n".to_owned())).await.expect_fault_of(Code::BlankText, "text");
    server
        .call(visitor.post("/messages").json(&json!({})))
        .await
        .expect_fault_of(Code::Missing, "text");
    let odd = json!({"text": "x", "client_key": "1", "file_ids": ["2"]});
    server
        .call(visitor.post("/messages").json(&odd))
        .await
        .expect_faults(&[Code::NotUuid, Code::NotUuid]);
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_typing_and_pages_are_told_to_who_looks() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let visitor = somebody(&server).await;
        visitor.say(&server, "a").await;
        let id: Uuid = visitor.id.parse().expect("an id");
        let mut inbox = server.app.hub.inbox();
        inbox.listen(Topic::Conversation(id));
        let next = async || loop {
            match inbox.next().await.expect("it goes on") {
                Signal::Passing(passing) => break (*passing).clone(),
                Signal::Told(_) => {}
            }
        };
        let tell =
            async |path: &str, body: Value| server.call(visitor.post(path).json(&body)).await;
        tell("/typing", json!({"is_typing": true, "text": "tajne"})).await.expect_nothing();
        assert!(matches!(
            next().await,
            Passing::Typing { by: By::Visitor, is_typing: true, text: None, .. }
        ));
        set(&server, 3, |settings| settings.has_text_preview = true).await;
        tell("/typing", json!({"is_typing": true, "text": "widać"})).await.expect_nothing();
        assert!(
            matches!(next().await, Passing::Typing { text: Some(text), .. } if text == "widać")
        );
        tell("/typing", json!({"is_typing": false, "text": "nie widać"})).await.expect_nothing();
        assert!(matches!(next().await, Passing::Typing { is_typing: false, text: None, .. }));
        tell("/read", json!({"seq": 1})).await.expect_nothing();
        assert!(matches!(next().await, Passing::Read { by: By::Visitor, seq: 1, .. }));
        // Never back, and never beyond what there is.
        tell("/read", json!({"seq": 0})).await.expect_nothing();
        tell("/read", json!({"seq": 999})).await.expect_nothing();
        assert!(matches!(next().await, Passing::Read { seq: 2, .. }));
        assert_eq!(server.call(visitor.get("")).await.json()["read_seq"], 2);
        tell("/page", json!({"url": "https://shop.example.org/koszyk", "title": "Koszyk"}))
            .await
            .expect_nothing();
        assert!(matches!(next().await, Passing::Page { is_open: true, url: Some(_), .. }));
        let chat = server.call(get(format!("/api/chats/{id}?include_client_data=1"))).await.json();
        assert_eq!(chat["client_data"]["page_url"], "https://shop.example.org/koszyk");
        // An agent may follow it.
        tell("/page", json!({"url": "javascript:alert(1)", "title": "x"})).await.expect_nothing();
        assert!(matches!(next().await, Passing::Page { is_open: true, url: None, .. }));
        let chat = server.call(get(format!("/api/chats/{id}?include_client_data=1"))).await.json();
        assert_eq!(chat["client_data"]["page_url"], "https://shop.example.org/koszyk");
        tell("/page", json!({"is_closed": true})).await.expect_nothing();
        assert!(matches!(next().await, Passing::Page { is_open: false, .. }));
        tell("/typing", json!({})).await.expect_fault_of(Code::Missing, "is_typing");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_shows_what_is_typed_as_long_as_the_queue_of_now_does() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        set(&server, 3, |settings| settings.has_text_preview = true).await;
        let visitor = somebody(&server).await;
        let mut socket = visitor_socket(&server).await;
        let hello = json!({"type": "hello", "v": 1, "token": visitor.token});
        socket.send(&hello).await.expect("it is taken");
        soon(socket.next_of("welcome")).await.expect("a welcome");
        let mut inbox = server.app.hub.inbox();
        inbox.listen(Topic::Conversation(visitor.id.parse().expect("an id")));
        let mut typed = async || {
            let frame = json!({"type": "typing", "is_typing": true, "text": "tajne"});
            socket.send(&frame).await.expect("it is taken");
            loop {
                let Signal::Passing(passing) = inbox.next().await.expect("it goes on") else {
                    continue;
                };
                if let Passing::Typing { text, .. } = &*passing {
                    break text.clone();
                }
            }
        };
        assert_eq!(typed().await.as_deref(), Some("tajne"));
        let transfer = format!("/api/chat_conversations/{}/transfer", visitor.id);
        for (queue, is_shown) in [(4, false), (3, true)] {
            let body = json!({"user_login": "jkowalski", "chat_queue_id": queue});
            server.call(post(&*transfer).json(&body)).await.expect(200);
            crate::hooks::until("it is of the other queue", async || {
                (typed().await.is_some() == is_shown).then_some(())
            })
            .await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_page_is_nobodys_absence() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        set(&server, 3, |settings| settings.idle_close_seconds = 3_600).await;
        let (stays, goes) = (somebody(&server).await, somebody(&server).await);
        let status = async |visitor: &crate::visitors::Visitor| {
            let shown = server.call(visitor.get("")).await.json();
            shown["status"].as_str().expect("a status").to_owned()
        };
        server.call(goes.post("/page").json(&json!({"is_closed": true}))).await.expect_nothing();
        // A page says that it is open every now and then; in between it is taken as such.
        for _ in 0..7 {
            server.call(stays.post("/page").json(&json!({}))).await.expect_nothing();
            server.app.clock.advance(510_000);
        }
        settle(&server, NOON).await;
        assert_eq!((&*status(&stays).await, &*status(&goes).await), ("CREATED", "CREATED"));
        server.app.clock.advance(60_000);
        settle(&server, NOON + 3_600_000).await;
        assert_eq!((&*status(&stays).await, &*status(&goes).await), ("CREATED", "CLOSED"));
        // One that says nothing more is gone.
        server.app.clock.advance(3_700_000);
        settle(&server, NOON + 7_260_000).await;
        assert_eq!(status(&stays).await, "CLOSED");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_us_is_not_ended_as_idle() {
    const MINUTE: i64 = 60_000;
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        for queue in [3, 4] {
            set(&server, queue, |settings| {
                (settings.idle_close_seconds, settings.no_answer_seconds) = (3_600, 0);
            })
            .await;
        }
        let text = json!({"chat_queue_id": 3, "text": "Czy są w rozmiarze 38?"});
        let (unanswered, returned) = (opened(&server, &text).await, opened(&server, &text).await);
        let thankful = opened(&server, &text).await;
        let leave = async |visitor: &crate::visitors::Visitor| {
            let call = visitor.post("/page").json(&json!({"is_closed": true}));
            server.call(call).await.expect_nothing();
        };
        let statuses = async |expected: [&str; 3]| {
            for (visitor, expected) in [&unanswered, &returned, &thankful].into_iter().zip(expected)
            {
                let shown = server.call(visitor.get("")).await.json();
                assert_eq!(shown["status"], expected, "{}", shown["queue"]);
            }
        };
        server.reply(&returned.id, "jkowalski", "Sprawdzę").await;
        server.reply(&thankful.id, "jkowalski", "Są").await;
        // Nobody has it any more when the client goes on.
        let transfer = format!("/api/chat_conversations/{}/transfer", returned.id);
        let transfer = post(transfer).json(&json!({"user_login": "jkowalski", "chat_queue_id": 4}));
        server.call(transfer).await.expect(200);
        server.app.clock.advance(1);
        returned.say(&server, "I jeszcze 39").await;
        thankful.say(&server, "Dziękuję").await;
        for visitor in [&unanswered, &returned, &thankful] {
            leave(visitor).await;
        }
        // Over night.
        let at = NOON + 1 + 210 * MINUTE;
        server.app.clock.advance(210 * MINUTE);
        settle(&server, at).await;
        statuses(["CREATED", "IN_PROGRESS", "CLOSED"]).await;
        server.app.clock.advance(30 * MINUTE);
        server.reply(&unanswered.id, "jkowalski", "Są").await;
        server.assign(&returned.id, "jkowalski").await.expect_nothing();
        // From the answer the visitor has the whole time, and so has the agent from when it was theirs.
        server.app.clock.advance(59 * MINUTE);
        settle(&server, at + 89 * MINUTE).await;
        statuses(["IN_PROGRESS", "IN_PROGRESS", "CLOSED"]).await;
        server.app.clock.advance(MINUTE);
        settle(&server, at + 90 * MINUTE).await;
        statuses(["CLOSED", "CLOSED", "CLOSED"]).await;
        assert_eq!(server.log_faults().await, [""; 0]);
    })
    .await;
}

/// Waits until no timer is due.
async fn settle(server: &Server, at: i64) {
    let due = rozmowa_db::Stmt::composed(
        "due".into(),
        "SELECT count(*) FROM timer WHERE due_at <= $1".into(),
    );
    crate::hooks::until("timers fire", async || {
        let row = rozmowa_db::Value::from(at);
        let left: i64 =
            server.write(move |tx| Ok(tx.query_one(&due, &[row], |row| row.get(0))?)).await;
        (left == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn visitors_rate_and_end_their_conversations() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let visitor = somebody(&server).await;
        server.reply(&visitor.id, "jkowalski", "Halo").await;
        server.call(visitor.post("/close")).await.expect_nothing();
        server.call(visitor.post("/close")).await.expect_nothing();
        assert_eq!(server.open_chats("jkowalski").await, 0);
        let rate = |rating: &str| {
            visitor.post("/rating").json(&json!({"rating": rating, "text": "Szybko"}))
        };
        server.call(rate("happy")).await.expect_nothing();
        server.call(rate("great")).await.expect_fault_of(Code::NotOneOf, "rating");
        let shown = server.call(visitor.get("")).await.json();
        assert_eq!((&shown["status"], &shown["rating"]), (&json!("CLOSED"), &json!("happy")));
        let events = visitor.events(&server).await;
        let last = events.last().expect("an event");
        assert_eq!((&last["kind"], &last["text"]), (&json!("rated"), &json!("Szybko")));
        assert_eq!(last["data"], json!({"rating": "happy"}));
        let closed = events.iter().find(|event| event["kind"] == "closed").expect("it was closed");
        assert_eq!(closed["by"], "client");
        assert_eq!(server.log_faults().await, [""; 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transcript_is_text_or_a_page_in_which_nothing_runs() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let body = json!({
            "chat_queue_id": 3, "name": "Ola <b>", "language": "pl",
            "text": "<script>alert(1)</script> & \"x\"\n[2026-06-01 12:00:00] Ania:\nudaję",
        });
        let visitor = opened(&server, &body).await;
        server.reply(&visitor.id, "jkowalski", "tajne").await;
        visitor.upload(&server, "a<b>.pdf", "%PDF-1.7").await.expect(200);
        note(&server, &visitor.id, Kind::Note, "SEKRET").await;
        // As erasure leaves it.
        server.execute("UPDATE event SET text = NULL WHERE text = 'tajne'").await;
        let text = server.call(visitor.get("/transcript/txt")).await.expect(200);
        assert_eq!(text.header("Content-Type"), Some("text/plain; charset=utf-8"));
        let disposition = text.header("Content-Disposition").expect("a disposition");
        assert!(disposition.starts_with("attachment; ") && disposition.ends_with(".txt\""), "{disposition}");
        let expected = "Rozmowa: Sklep\n\n\
            [2026-06-01 12:00:00] -- Początek rozmowy --\n\
            [2026-06-01 12:00:00] Ola <b>:\n    <script>alert(1)</script> & \"x\"\n    [2026-06-01 12:00:00] Ania:\n    udaję\n\
            [2026-06-01 12:00:00] -- Rozmowę prowadzi konsultant --\n\
            [2026-06-01 12:00:00] Konsultant:\n    [treść usunięta]\n";
        assert_eq!(text.text(), expected);
        let html = server.call(visitor.get("/transcript/html")).await.expect(200);
        assert_eq!(html.header("Content-Security-Policy"), Some("sandbox; default-src 'none'"));
        assert_eq!(html.header("X-Content-Type-Options"), Some("nosniff"));
        let page = html.text();
        assert!(page.contains("<html lang=\"pl\">") && page.contains("&lt;script&gt;"), "{page}");
        assert!(!page.contains("<script") && !page.contains("<b>\n") && !page.contains("SEKRET"), "{page}");
        server.call(visitor.get("/transcript/exe")).await.expect_fault(Code::UnknownPath);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_limited_and_nobody_else_notices() {
    let server = Plan::on(Engine::Sqlite)
        .configured("visitors.messages_per_minute = 5\nvisitors.calls_per_minute = 100")
        .start()
        .await;
    let (noisy, quiet) = (somebody(&server).await, somebody(&server).await);
    let message = noisy.post("/messages").json(&json!({"text": "x"}));
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(server.call(message.clone()).await.status);
    }
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429, 429, 429]);
    quiet.say(&server, "ja też").await;
    // One token has a fifth of what its address has.
    let mut wire = server.wire().await;
    let mut allowed = 0;
    let refused = loop {
        let answer = wire.call(&noisy.get("")).await;
        if answer.status != 200 {
            break answer;
        }
        allowed += 1;
        assert!(allowed <= 30, "nothing is limited");
    };
    assert!(refused.expect_fault(Code::TooManyCalls).header("Retry-After").is_some());
    server.call(quiet.get("")).await.expect(200);
    // The address as a whole, before a token is looked at; programs are none of that.
    let mut last = 0;
    for _ in 0..200 {
        let call = get("/visitor/conversation").anonymous().header("Authorization", "Bearer x");
        last = wire.call(&call).await.status;
        if last == 429 {
            break;
        }
    }
    assert_eq!(last, 429);
    // So is whatever else looks something up for anybody.
    for path in ["/chat/3", "/widget.js?queue=3"] {
        server.call(get(path).anonymous()).await.expect_fault(Code::TooManyCalls);
    }
    let foreign = [("origin", "https://other.example.org")];
    let socket = Socket::open(server.address, "/visitor/socket", &foreign).await;
    assert!(matches!(socket, Err(Refused::Status(429))));
    visitor_socket(&server).await;
    server.call(post("/api/chat_conversations/start?chat_queue_id=3")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_and_a_call_see_the_same() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let visitor = somebody(&server).await;
        let mut person = Person::visitor(&server, &visitor.token).await;
        let file = visitor.upload(&server, "a.pdf", "%PDF-1.7").await.expect(200).json();
        let id = Uuid::from_u128(7);
        let message = json!({"type": "message", "id": id, "file_ids": [file["file_id"]]});
        person.socket.send(&message).await.expect("it is taken");
        assert_eq!(person.next_of("ack").await.expect("it is acknowledged")["seq"], 2);
        for kind in
            [Kind::Note, Kind::Transferred, Kind::HandedOver, Kind::Unassigned, Kind::Whisper]
        {
            note(&server, &visitor.id, kind, "SEKRET").await;
        }
        server.reply(&visitor.id, "jkowalski", "Halo").await;
        server.call(visitor.post("/rating").json(&json!({"rating": "sad"}))).await.expect_nothing();
        let by_call = visitor.events(&server).await;
        let last = by_call.last().and_then(|event| event["seq"].as_i64()).expect("a number");
        person.until(last).await;
        let mut later = Person::visitor(&server, &visitor.token).await;
        later.until(last).await;
        for person in [person, later] {
            assert_eq!(person.log.into_values().collect::<Vec<_>>(), by_call);
        }
        assert!(!serde_json::to_string(&by_call).expect("it is JSON").contains("SEKRET"));
        assert_eq!(by_call[1]["data"]["files"][0]["name"], "a.pdf");
    })
    .await;
}
