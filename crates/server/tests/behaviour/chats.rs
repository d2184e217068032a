//! Lists of conversations: what each filter finds and what each part shows.

use std::time::Duration;

use rozmowa::http::Code;
use serde_json::{Value, json};

use crate::client::{get, post};
use crate::server::{Server, ids};
use crate::store::{Engine, on_both_engines};

/// A filter, and the conversations that it finds.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a String]);

/// A minute apart: waiting in 3 with an unknown client, in progress in 4, closed in 3, closed in 4.
async fn with_four(engine: Engine) -> (Server, [String; 4]) {
    let server = Server::on(engine).await;
    let mut all = Vec::new();
    for (queue, client) in [("3", "55"), ("4", "1234"), ("3", "1234"), ("4", "56")] {
        let call =
            post(crate::server::START).query(&[("chat_queue_id", queue), ("client_id", client)]);
        all.push(crate::server::started(&server.call(call).await));
        server.app.clock.advance(60_000);
    }
    let all: [String; 4] = all.try_into().unwrap();
    server.reply(&all[1], "jkowalski", "Dzień dobry").await;
    server.reply(&all[2], "anowak", "Dzień dobry").await;
    server.app.clock.advance(60_000);
    server.stop(&all[2]).await;
    server.stop(&all[3]).await;
    (server, all)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_filter_finds_its_own_newest_start_first() {
    on_both_engines(async |engine| {
        let (server, [waiting, handled, closed, missed]) = with_four(engine).await;
        let cases: &[Case] = &[
            (&[], &[&missed, &closed, &handled, &waiting]),
            (&[("status", "CREATED")], &[&waiting]),
            (&[("status", "IN_PROGRESS")], &[&handled]),
            (&[("status", "CLOSED")], &[&missed, &closed]),
            (&[("chat_queue_id", "3")], &[&closed, &waiting]),
            (&[("chat_queue_id", "99")], &[]),
            (&[("conversation_id", &handled)], &[&handled]),
            (&[("conversation_id", "019769d1-0000-7000-8000-000000000000")], &[]),
            (&[("conversation_id", "ffffffff-ffff-ffff-ffff-ffffffffffff")], &[]),
            (&[("customer_id", "1")], &[&closed, &handled]),
            (&[("customer_id", "2")], &[]),
            (&[("client_id", "1234")], &[&closed, &handled]),
            (&[("client_id", "55")], &[&waiting]),
            (&[("client_id", "nobody's")], &[]),
            (&[("client_id", "1234"), ("customer_id", "1")], &[&closed, &handled]),
            (&[("client_id", "1234"), ("customer_id", "2")], &[]),
            (&[("client_id", "55"), ("customer_id", "1")], &[]),
            (&[("user_login", "jkowalski")], &[&handled]),
            (&[("user_login", "anowak")], &[&closed]),
            (&[("user_login", "nobody")], &[]),
            (&[("date_from", "2026-06-01 12:02")], &[&missed, &closed]),
            (&[("date_to", "2026-06-01 12:01")], &[&handled, &waiting]),
            (&[("date_from", "2026-06-01 12:01"), ("date_to", "2026-06-01 12:01:00")], &[&handled]),
            (&[("date_from", "2026-06-02"), ("date_to", "2026-06-01")], &[]),
            (&[("updated_from", "2026-06-01 12:04")], &[&missed, &closed, &handled]),
            (&[("updated_from", "2026-06-01 12:05")], &[&missed, &closed]),
            (&[("updated_from", "2026-06-01 12:02")], &[&missed, &closed, &handled]),
            (&[("updated_from", "2026-06-01 12:06")], &[]),
            (&[("status", "CLOSED"), ("chat_queue_id", "4")], &[&missed]),
            (&[("limit", "2")], &[&missed, &closed]),
            (&[("limit", "2"), ("offset", "1")], &[&closed, &handled]),
            (&[("offset", "3")], &[&waiting]),
            (&[("offset", "9007199254740991")], &[]),
            (&[("limit", "0")], &[]),
        ];
        for (filter, expected) in cases {
            let answer = server.chats(filter).await;
            assert_eq!(ids(&answer).iter().collect::<Vec<_>>(), *expected, "{filter:?}");
            let is_page = filter.iter().any(|(name, _)| ["limit", "offset"].contains(name));
            let count = if is_page { 4 } else { expected.len() };
            assert_eq!(answer["count"], count, "{filter:?}");
            let keys: Vec<_> = answer.as_object().unwrap().keys().cloned().collect();
            assert_eq!(keys, ["count", "result"], "the documented shape and no more");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_shown_as_documented_and_in_parts_on_demand() {
    on_both_engines(async |engine| {
        let (server, [waiting, handled, ..]) = with_four(engine).await;
        let plain = json!({
            "chat_queue_id": 4, "client_email": "jan.kowalski@example.org", "client_name": "Jan Kowalski",
            "customer_id": 1, "conversation_id": handled, "created_at": "2026-06-01 12:01:00.000",
            "closed_at": null, "status": "IN_PROGRESS", "user_login": "jkowalski",
        });
        let messages = json!([{
            "message_id": format!("{handled}-3"), "sent_by": "AGENT", "user_login": "jkowalski",
            "text": "Dzień dobry", "created_at": "2026-06-01 12:04:00.000", "files": [],
        }]);
        let client_data = json!({
            "ip": null, "user_agent": null, "browser": null, "language": null, "page_url": null, "referrer": null,
        });
        let parts =
            [("include_messages", "messages", messages), ("include_files", "files", json!([])),
             ("include_client_data", "client_data", client_data)];
        for mask in 0..8 {
            let (mut query, mut expected) = (vec![("conversation_id", handled.as_str())], plain.clone());
            for (bit, (name, key, value)) in parts.iter().enumerate() {
                let is_wanted = mask & (1 << bit) != 0;
                query.push((name, if is_wanted { "true" } else { "0" }));
                if is_wanted {
                    expected[key] = value.clone();
                }
            }
            assert_eq!(server.chats(&query).await, json!({"count": 1, "result": [expected]}));
            let shown = server.call(get(format!("/api/chats/{handled}")).query(&query[1..])).await;
            assert_eq!(shown.expect(200).json(), expected);
        }
        let unknown = server.chats(&[("conversation_id", &waiting)]).await["result"][0].clone();
        assert_eq!(unknown["client_name"], "Klient 55");
        assert_eq!(unknown["client_email"], "");
        for key in ["customer_id", "closed_at", "user_login"] {
            assert_eq!(unknown[key], Value::Null, "{key}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_joined_without_loose_ends() {
    let server = Server::on(Engine::Sqlite).await;
    for (name, surname, joined) in [
        ("Jan", "Kowalski", "Jan Kowalski"),
        ("Jan", "", "Jan"),
        ("", "Kowalski", "Kowalski"),
        ("", "", ""),
    ] {
        let id = server.start(&[("client_name", name), ("client_surname", surname)]).await;
        assert_eq!(server.chat(&id).await["client_name"], joined);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_at_most_100_however_many_are_asked_for() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let mut wire = server.wire().await;
        let call = post(crate::server::START).query(&[("chat_queue_id", "3")]);
        let mut started = Vec::new();
        for _ in 0..230 {
            started.push(crate::server::started(&wire.call(&call).await));
        }
        started.reverse();
        for limit in ["100", "101", "230", "9007199254740991"] {
            let answer = server.chats(&[("limit", limit), ("include_messages", "1")]).await;
            assert_eq!(answer["count"], 230);
            assert_eq!(ids(&answer), started[..100], "{limit}");
        }
        assert_eq!(server.found(&[]).await.len(), 100, "it is the default too");
        assert_eq!(server.found(&[("offset", "200")]).await, started[200..]);
        let (mut cursor, mut all) = (String::new(), Vec::new());
        loop {
            let answer = server.chats(&[("cursor", &cursor)]).await;
            let keys: Vec<_> = answer.as_object().unwrap().keys().cloned().collect();
            assert_eq!(keys, ["next_cursor", "result"], "a cursor takes the place of the count");
            all.extend(ids(&answer));
            // Newcomers are on no later page.
            wire.call(&call).await.expect(200);
            match answer["next_cursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => break,
            }
        }
        assert_eq!(all, started);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_filters_are_refused_and_named() {
    let server = Server::on(Engine::Sqlite).await;
    for (code, name, value) in [
        (Code::NotCount, "limit", "-1"),
        (Code::NotCount, "limit", "all"),
        (Code::NotCount, "offset", "-1"),
        (Code::NotTime, "date_from", "yesterday"),
        (Code::NotTime, "date_from", "2026-02-29"),
        (Code::NotTime, "date_to", "2026-06-01T12:00"),
        (Code::NotTime, "date_to", "01.06.2026"),
        (Code::NotTime, "updated_from", "2026-6-1"),
        (Code::NotOneOf, "status", "OPEN"),
        (Code::NotOneOf, "status", "closed"),
        (Code::NotInteger, "chat_queue_id", "Sklep"),
        (Code::NotInteger, "customer_id", "0"),
        (Code::NotBoolean, "include_messages", "yes"),
        (Code::NotBoolean, "include_files", "2"),
        (Code::NotBoolean, "include_client_data", "on"),
        (Code::NotUuid, "conversation_id", "1234"),
        (Code::NotCursor, "cursor", "2"),
        (Code::ControlCharacter, "client_id", "a\0"),
        (Code::ControlCharacter, "user_login", "a\0"),
    ] {
        let answer = server.call(get("/api/chats").query(&[(name, value)])).await;
        answer.expect_fault_of(code, name);
    }
    let not_one_of = server.call(get("/api/chats").query(&[("status", "OPEN")])).await.text();
    assert!(not_one_of.contains("CREATED, IN_PROGRESS, CLOSED"), "{not_one_of}");
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_are_listed_by_number_disabled_ones_too() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.act(|tx, act| rozmowa::queue::set_enabled(tx, act, 3, false)).await;
        server.act(|tx, act| rozmowa::queue::add(tx, act, Some(1), "Ósma")).await;
        let answer = server.call(get("/api/chats/queues")).await.expect(200);
        assert_eq!(
            answer.json(),
            json!([
                {"id": 1, "chat_queue_id": 1, "name": "Ósma"},
                {"id": 3, "chat_queue_id": 3, "name": "Sklep"},
                {"id": 4, "chat_queue_id": 4, "name": "Reklamacje"},
            ])
        );
        let details = server.call(get("/api/chats/queues?include_details=true")).await.json();
        let enabled: Vec<_> =
            details.as_array().unwrap().iter().map(|queue| queue["enabled"].clone()).collect();
        assert_eq!(enabled, [true, false, true]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_travel_in_a_body_too() {
    let (server, [_, handled, ..]) = with_four(Engine::Sqlite).await;
    let call = get("/api/chats").json(&json!({"status": "IN_PROGRESS", "include_messages": true}));
    let answer = server.call(call).await.expect(200).json();
    assert_eq!(ids(&answer), [handled]);
    assert!(answer["result"][0]["messages"].is_array());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_long_conversation_the_end_is_shown() {
    let server = Server::on(Engine::Sqlite).await;
    let id = server.start(&[]).await;
    let mut wire = server.wire().await;
    let began = std::time::Instant::now();
    for number in 0..1_200 {
        let call = post(format!("/api/chat_conversations/{id}/message"));
        wire.call(&call.form(&[("text", &number.to_string())])).await.expect_nothing();
    }
    let messages = server.chat(&id).await["messages"].clone();
    let messages = messages.as_array().unwrap();
    assert_eq!(messages.len(), 1_000);
    assert_eq!(messages[999]["text"], "1199");
    assert!(began.elapsed() < Duration::from_mins(1));
}
