//! What agents do to conversations, and when it is refused.

use rozmowa::http::Code;
use rozmowa::live::{By, Passing, Signal, Topic};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::client::post;
use crate::desk::{Desk, go, saying, start_in, told};
use crate::people::soon;
use crate::server::{NOON, Server};
use crate::store::on_both_engines;

const NOBODYS: &str = "019769d1-0000-7000-8000-000000000000";

async fn healthy(server: &Server) {
    assert_eq!(server.log_faults().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_and_whispers_are_for_agents() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let agent = Desk::agent(&server, "jkowalski", 3).await;
        let boss = Desk::supervisor(&server, "anowak").await;
        let id = server.start(&[]).await;
        let note = agent.does(&server, &id, "note", saying("dzwonił", 1)).await;
        assert_eq!(note, json!({"seq": 2, "at": NOON}));
        assert_eq!(agent.does(&server, &id, "note", saying("dzwonił", 1)).await, note);
        boss.does(&server, &id, "whisper", saying("spokojnie", 2)).await;
        agent.is_refused(&server, &id, "whisper", saying("a", 3), Code::RoleNeeded).await;
        let expected =
            [("started", None), ("note", Some("jkowalski")), ("whisper", Some("anowak"))];
        assert_eq!(agent.told(&server, &id).await, told(&expected));
        assert_eq!(server.chat(&id).await["messages"], json!([]), "no message for the client");
        server.stop(&id).await;
        boss.is_refused(&server, &id, "whisper", saying("a", 4), Code::ConversationClosed).await;
        agent.does(&server, &id, "note", saying("po rozmowie", 5)).await;
        agent.is_refused(&server, &id, "note", json!({"text": " "}), Code::BlankText).await;
        agent.is_refused(&server, NOBODYS, "note", saying("a", 6), Code::UnknownConversation).await;
        healthy(&server).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_is_claimed_by_one_who_has_room() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let agent = Desk::agent(&server, "jkowalski", 3).await;
        let other = Desk::agent(&server, "anowak", 3).await;
        server.set_capacity("jkowalski", 1).await;
        let (first, second) = (server.start(&[]).await, server.start(&[]).await);
        for _ in 0..2 {
            agent.does(&server, &first, "claim", json!({})).await;
        }
        let expected = [("started", None), ("assigned", Some("jkowalski"))];
        assert_eq!(
            agent.told(&server, &first).await,
            told(&expected),
            "the second changes nothing"
        );
        agent.is_refused(&server, &second, "claim", json!({}), Code::AgentAtCapacity).await;
        other.is_refused(&server, &first, "claim", json!({}), Code::NotWaiting).await;
        go(&server, "anowak", "logout").await;
        other.is_refused(&server, &second, "claim", json!({}), Code::AgentOffDuty).await;
        server.stop(&second).await;
        agent.is_refused(&server, &second, "claim", json!({}), Code::NotWaiting).await;
        assert_eq!(server.open_chats("jkowalski").await, 1);
        healthy(&server).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn supervisors_assign_and_take_over() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let agent = Desk::agent(&server, "jkowalski", 3).await;
        let boss = Desk::supervisor(&server, "anowak").await;
        let id = server.start(&[]).await;
        let to = |login: &str| json!({ "user_login": login });
        boss.does(&server, &id, "assign", to("jkowalski")).await;
        agent.is_refused(&server, &id, "assign", to("anowak"), Code::RoleNeeded).await;
        agent.is_refused(&server, &id, "take_over", json!({}), Code::RoleNeeded).await;
        boss.is_refused(&server, &id, "assign", to("nobody"), Code::UnknownAgent).await;
        boss.does(&server, &id, "take_over", json!({})).await;
        assert_eq!(server.open_chats("jkowalski").await, 0);
        assert_eq!(server.open_chats("anowak").await, 1);
        let sheet = boss.sheet(&server, &id).await;
        assert_eq!(sheet["agent"]["login"], "anowak");
        server.set_capacity("jkowalski", 1).await;
        let second = server.start(&[]).await;
        boss.does(&server, &second, "assign", to("jkowalski")).await;
        boss.is_refused(&server, &id, "assign", to("jkowalski"), Code::AgentAtCapacity).await;
        server.stop(&id).await;
        boss.is_refused(&server, &id, "take_over", json!({}), Code::ConversationClosed).await;
        healthy(&server).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_goes_to_a_colleague_with_a_note() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let agent = Desk::agent(&server, "jkowalski", 3).await;
        let other = Desk::agent(&server, "anowak", 4).await;
        let id = server.start(&[]).await;
        agent.does(&server, &id, "claim", json!({})).await;
        let mut inbox = server.app.hub.inbox();
        inbox.listen(Topic::Agent(1));
        let order = json!({
            "user_login": "anowak", "note": "pyta o zwrot", "client_key": uuid::Uuid::from_u128(7),
        });
        let done = agent.does(&server, &id, "transfer", order.clone()).await;
        assert_eq!(done["seq"], 4);
        let Ok(Signal::Told(heard)) = soon(inbox.next()).await else { panic!("it ended") };
        assert_eq!(heard.event.kind.name(), "note");
        let Ok(Signal::Told(heard)) = soon(inbox.next()).await else { panic!("it ended") };
        assert_eq!(heard.event.kind.name(), "transferred", "who had it hears of it");
        let expected = [
            ("started", None),
            ("assigned", Some("jkowalski")),
            ("note", Some("jkowalski")),
            ("transferred", Some("jkowalski")),
            ("assigned", Some("anowak")),
        ];
        assert_eq!(other.told(&server, &id).await, told(&expected));
        let events = other.events(&server, &id).await;
        assert_eq!(events[3]["data"], json!({"to_agent_id": 2, "to_agent_login": "anowak"}));
        assert_eq!(events[3]["text"], Value::Null, "the note is elsewhere");
        assert_eq!(server.open_chats("jkowalski").await, 0);
        assert_eq!(server.open_chats("anowak").await, 1);
        // The former agent still answers the queue, and the same order again is the same.
        assert_eq!(agent.does(&server, &id, "transfer", order).await, done);
        assert_eq!(other.told(&server, &id).await.len(), 5);

        let to = |login: &str| json!({ "user_login": login, "note": "a" });
        let refused = async |login, code| {
            other.is_refused(&server, &id, "transfer", to(login), code).await;
        };
        refused("anowak", Code::TransferredAlready).await;
        refused("nobody", Code::UnknownAgent).await;
        refused("retired", Code::AgentOffDuty).await;
        server.set_capacity("jkowalski", 1).await;
        let second = server.start(&[]).await;
        agent.does(&server, &second, "claim", json!({})).await;
        refused("jkowalski", Code::AgentAtCapacity).await;
        server.execute("UPDATE agent SET is_active = 0 WHERE login = 'retired'").await;
        refused("retired", Code::AgentInactive).await;
        for body in [json!({}), json!({"user_login": "jkowalski", "chat_queue_id": 4})] {
            other.is_refused(&server, &id, "transfer", body, Code::NotExactlyOne).await;
        }
        server.stop(&id).await;
        refused("jkowalski", Code::ConversationClosed).await;
        assert_eq!(other.told(&server, &id).await.len(), 6, "what was refused left nothing");
        healthy(&server).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_goes_to_a_queue_and_waits_there_in_turn() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let agent = Desk::agent(&server, "jkowalski", 3).await;
        let other = Desk::agent(&server, "anowak", 4).await;
        let boss = Desk::supervisor(&server, "retired").await;
        let id = server.start(&[]).await;
        agent.does(&server, &id, "claim", json!({})).await;
        agent.does(&server, &id, "reply", saying("chwileczkę", 1)).await;
        server.app.clock.advance(1_000);
        let before = start_in(&server, 4).await;
        server.app.clock.advance(1_000);
        let mut inbox = server.app.hub.inbox();
        inbox.listen(Topic::Agent(1));
        inbox.listen(Topic::Queue(3));
        let order = json!({"chat_queue_id": 4, "note": "to nie my"});
        agent.does(&server, &id, "transfer", order).await;
        // The note comes once for the agent and once for the queue; so does the transfer, though both have it no more.
        for kind in ["note", "note", "transferred", "transferred"] {
            let Ok(Signal::Told(heard)) = soon(inbox.next()).await else { panic!("it ended") };
            assert_eq!(heard.event.kind.name(), kind);
        }
        let sheet = other.sheet(&server, &id).await;
        assert_eq!((&sheet["chat_queue_id"], &sheet["agent"]), (&json!(4), &Value::Null));
        assert_eq!((&sheet["status"], &sheet["position"]), (&json!("IN_PROGRESS"), &json!(2)));
        assert_eq!(sheet["waiting_since"], json!(NOON + 2_000));
        assert_eq!(other.sheet(&server, &before).await["position"], 1);
        assert_eq!(server.open_chats("jkowalski").await, 0);
        agent.is_refused(&server, &id, "note", saying("a", 2), Code::RoleNeeded).await;

        let to = |queue: i64| json!({ "chat_queue_id": queue });
        boss.is_refused(&server, &id, "transfer", to(4), Code::TransferredAlready).await;
        boss.is_refused(&server, &id, "transfer", to(99), Code::UnknownQueue).await;
        server.execute("UPDATE chat_queue SET is_enabled = 0 WHERE id = 3").await;
        boss.is_refused(&server, &id, "transfer", to(3), Code::QueueDisabled).await;
        server.execute("UPDATE chat_queue SET is_enabled = 1 WHERE id = 3").await;
        // Who waits in the wrong place has waited.
        server.app.clock.advance(1_000);
        boss.does(&server, &id, "transfer", to(3)).await;
        assert_eq!(boss.sheet(&server, &id).await["waiting_since"], json!(NOON + 2_000));
        healthy(&server).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_closed_with_what_it_was_about() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let agent = Desk::agent(&server, "jkowalski", 3).await;
        let boss = Desk::supervisor(&server, "anowak").await;
        let named = |name: &str| json!({ "name": name });
        for name in ["Zwrot", "Dostawa"] {
            boss.call(&server, "POST", "/console/topics", named(name)).await.expect(200);
        }
        for name in ["pilne", "vip", "stare"] {
            boss.call(&server, "POST", "/console/tags", named(name)).await.expect(200);
        }
        let id = server.start(&[]).await;
        agent.does(&server, &id, "claim", json!({})).await;
        let refused = async |what, body, code| {
            agent.is_refused(&server, &id, what, body, code).await;
        };
        refused("close", json!({"topic_id": 9}), Code::UnknownTopic).await;
        refused("close", json!({"tag_ids": [1, 9]}), Code::UnknownTag).await;
        boss.call(&server, "PUT", "/console/tags/3", json!({"enabled": false})).await.expect(200);
        refused("label", json!({"tag_ids": [3]}), Code::LabelDisabled).await;
        let order =
            json!({"topic_id": 1, "tag_ids": [2, 1], "client_key": uuid::Uuid::from_u128(1)});
        let done = agent.does(&server, &id, "close", order.clone()).await;
        assert_eq!(done["seq"], 4);
        assert_eq!(agent.does(&server, &id, "close", order).await, done);
        let nothing = json!({"seq": null, "at": null});
        assert_eq!(agent.does(&server, &id, "close", json!({})).await, nothing);
        let expected = [
            ("started", None),
            ("assigned", Some("jkowalski")),
            ("labelled", Some("jkowalski")),
            ("closed", Some("jkowalski")),
        ];
        assert_eq!(agent.told(&server, &id).await, told(&expected));
        let sheet = agent.sheet(&server, &id).await;
        assert_eq!((&sheet["topic_id"], &sheet["tag_ids"]), (&json!(1), &json!([1, 2])));
        assert_eq!(server.open_chats("jkowalski").await, 0);
        // Later, too: what is not given stays, what is empty is taken away.
        agent.does(&server, &id, "label", json!({"tag_ids": []})).await;
        agent.does(&server, &id, "label", json!({"topic_id": 2})).await;
        assert_eq!(agent.does(&server, &id, "label", json!({"topic_id": 2})).await, nothing);
        let sheet = agent.sheet(&server, &id).await;
        assert_eq!((&sheet["topic_id"], &sheet["tag_ids"]), (&json!(2), &json!([])));
        let events = agent.events(&server, &id).await;
        assert_eq!(events[5]["data"], json!({"topic_id": 2, "tag_ids": []}));
        agent.does(&server, &id, "label", json!({"topic_id": ""})).await;
        assert_eq!(agent.sheet(&server, &id).await["topic_id"], Value::Null);
        healthy(&server).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_opened_again_goes_to_who_had_it_or_waits() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        // One who answers no queue: nothing is assigned by itself.
        let boss = Desk::supervisor(&server, "anowak").await;
        let finished = async || {
            let id = server.start(&[]).await;
            server.assign(&id, "jkowalski").await.expect_nothing();
            server.stop(&id).await;
            id
        };
        let whose = async |id: &str| boss.sheet(&server, id).await["agent"]["login"].clone();
        // Off duty, on a pause, full: it waits.
        let id = finished().await;
        boss.does(&server, &id, "reopen", json!({})).await;
        let sheet = boss.sheet(&server, &id).await;
        assert_eq!((&sheet["status"], &sheet["agent"]), (&json!("CREATED"), &Value::Null));
        assert_eq!((&sheet["closed_at"], &sheet["position"]), (&Value::Null, &json!(1)));
        go(&server, "jkowalski", "login").await;
        go(&server, "jkowalski", "pause").await;
        let id = finished().await;
        boss.does(&server, &id, "reopen", json!({})).await;
        assert_eq!(whose(&id).await, Value::Null, "not to somebody on a pause");
        go(&server, "jkowalski", "free").await;
        let (id, second) = (finished().await, finished().await);
        server.set_capacity("jkowalski", 1).await;
        let order = json!({"client_key": uuid::Uuid::from_u128(1)});
        let done = boss.does(&server, &id, "reopen", order.clone()).await;
        assert_eq!(whose(&id).await, "jkowalski");
        assert_eq!(boss.does(&server, &id, "reopen", order).await, done);
        let nothing = json!({"seq": null, "at": null});
        assert_eq!(boss.does(&server, &id, "reopen", json!({})).await, nothing, "it is open");
        let expected = [
            ("started", None),
            ("assigned", Some("jkowalski")),
            ("closed", None),
            ("reopened", Some("anowak")),
            ("assigned", Some("jkowalski")),
        ];
        assert_eq!(boss.told(&server, &id).await, told(&expected));
        boss.does(&server, &second, "reopen", json!({})).await;
        assert_eq!(whose(&second).await, Value::Null, "there is no room");
        assert_eq!(server.open_chats("jkowalski").await, 1);
        boss.does(&server, &id, "reply", saying("jestem", 2)).await;
        server.stop(&id).await;
        boss.does(&server, &id, "reopen", json!({})).await;
        assert_eq!(server.chat(&id).await["status"], "IN_PROGRESS", "somebody has answered");
        assert_eq!(server.chat(&id).await["closed_at"], Value::Null);
        healthy(&server).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_time_begins_anew_when_a_conversation_is_opened_again() {
    const MINUTE: i64 = 60_000;
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let boss = Desk::supervisor(&server, "anowak").await;
        let settings = rozmowa::queue::Settings::default().to_stored();
        server.execute(&format!("UPDATE chat_queue SET settings = '{settings}'")).await;
        let id = server.start(&[]).await;
        server.message(&id, "dzień dobry").await;
        server.reply(&id, "jkowalski", "słucham").await;
        server.stop(&id).await;
        server.app.clock.advance(59 * MINUTE);
        boss.does(&server, &id, "reopen", json!({})).await;
        let is_closed = async || server.chat(&id).await["status"] == "CLOSED";
        // The first timer fires here, and finds that there is time left.
        server.app.clock.advance(2 * MINUTE);
        let fired = async || {
            let due = "SELECT count(*) FROM timer WHERE kind = 1 AND due_at <= $1";
            let due = rozmowa_db::Stmt::composed("due".to_owned(), due.to_owned());
            let now = server.app.clock.now();
            server
                .write(move |tx| {
                    Ok(tx.query_one(&due, rozmowa_db::params![now], |row| row.get::<i64>(0))? == 0)
                })
                .await
        };
        soon(async {
            while !fired().await {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert!(!is_closed().await, "an hour from when it was opened again");
        server.app.clock.advance(58 * MINUTE);
        soon(async {
            while !is_closed().await {
                tokio::task::yield_now().await;
            }
        })
        .await;
        healthy(&server).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rating_can_be_changed_for_a_day() {
    const HOUR: i64 = 3_600_000;
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let boss = Desk::supervisor(&server, "anowak").await;
        let id = server.start(&[]).await;
        let rate = async |body: Value| {
            server.call(post(format!("/api/chat_conversations/{id}/rate")).json(&body)).await
        };
        assert_eq!(boss.sheet(&server, &id).await["rating"], Value::Null);
        rate(json!({"rating": "angry"})).await.expect_fault_of(Code::NotOneOf, "rating");
        rate(json!({"rating": "sad", "text": "długo"})).await.expect_nothing();
        rate(json!({"rating": "sad", "text": "długo"})).await.expect_nothing();
        server.stop(&id).await;
        server.app.clock.advance(24 * HOUR - 1);
        rate(json!({"rating": "happy"})).await.expect_nothing();
        let shown = boss.sheet(&server, &id).await["rating"].clone();
        assert_eq!(shown, json!({"rating": "happy", "text": null, "at": NOON}));
        server.app.clock.advance(1);
        rate(json!({"rating": "sad"})).await.expect_fault(Code::RatingFinal);
        rate(json!({"rating": "happy"})).await.expect_nothing();
        let events = boss.events(&server, &id).await;
        let rated: Vec<_> = events.iter().filter(|event| event["kind"] == "rated").collect();
        assert_eq!(rated.len(), 2);
        assert_eq!(
            (&rated[0]["data"], &rated[0]["text"]),
            (&json!({"rating": "sad"}), &json!("długo"))
        );
        let target = format!("/api/chat_conversations/{NOBODYS}/rate");
        let unknown = server.call(post(target).json(&json!({"rating": "sad"}))).await;
        unknown.expect_fault(Code::UnknownConversation);
        healthy(&server).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn read_marks_go_forward_only_and_are_passed_on() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let boss = Desk::supervisor(&server, "anowak").await;
        let id = server.start(&[]).await;
        for text in ["a", "b", "c"] {
            server.message(&id, text).await;
        }
        let uuid: uuid::Uuid = id.parse().unwrap();
        let mut inbox = server.app.hub.inbox();
        inbox.listen(Topic::Conversation(uuid));
        for (given, mark) in [(2, 2), (1, 2), (2, 2), (3, 3), (99, 4), (4, 4)] {
            boss.does(&server, &id, "read", json!({ "seq": given })).await;
            let sheet = boss.sheet(&server, &id).await;
            assert_eq!((&sheet["agent_read_seq"], &sheet["seq"]), (&json!(mark), &json!(4)));
            assert_eq!(sheet["client_read_seq"], 0);
        }
        for expected in [2, 3, 4] {
            let Ok(Signal::Passing(heard)) = soon(inbox.next()).await else { panic!("no passing") };
            let Passing::Read { by, seq, .. } = *heard else { panic!("{heard:?}") };
            assert_eq!((by, seq), (By::Agent(2), expected));
        }
        assert_eq!(server.chat(&id).await["messages"].as_array().unwrap().len(), 3);
        healthy(&server).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_a_hundred_times_at_once_is_said_once() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let boss = Desk::supervisor(&server, "anowak").await;
        let id = server.start(&[]).await;
        let target = |what: &str| format!("/console/conversations/{id}/{what}");
        let mut calls = JoinSet::new();
        let all = [
            boss.signed(post(target("reply"))).json(&saying("odpowiedź", 1)),
            boss.signed(post(target("note"))).json(&saying("notatka", 2)),
            post(format!("/api/chat_conversations/{id}/message")).json(&saying("pytanie", 3)),
        ];
        for number in 0..100 {
            let mut wire = server.wire().await;
            let request = all[number % all.len()].clone();
            calls.spawn(async move { (number % 3, wire.call(&request).await.expect(200).text()) });
        }
        let answers = calls.join_all().await;
        for kind in 0..3 {
            let mut said: Vec<_> = answers.iter().filter(|(which, _)| *which == kind).collect();
            said.dedup();
            assert_eq!(said.len(), 1, "{said:?}");
        }
        let events = boss.events(&server, &id).await;
        let said: Vec<_> = events.iter().filter_map(|event| event["text"].as_str()).collect();
        assert_eq!(said.len(), 3, "{said:?}");
        // After the end, too, it is the same message; another one comes too late.
        server.stop(&id).await;
        boss.does(&server, &id, "reply", saying("odpowiedź", 1)).await;
        boss.is_refused(&server, &id, "reply", saying("inna", 9), Code::ConversationClosed).await;
        healthy(&server).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_act_for_named_agents() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let boss = Desk::supervisor(&server, "anowak").await;
        for (list, name) in [("topics", "Zwrot"), ("tags", "pilne"), ("tags", "vip")] {
            let target = format!("/console/{list}");
            boss.call(&server, "POST", &target, json!({ "name": name })).await.expect(200);
        }
        go(&server, "jkowalski", "login").await;
        let id = server.start(&[]).await;
        let api = async |what: &str, body: Value| {
            server.call(post(format!("/api/chat_conversations/{id}/{what}")).json(&body)).await
        };
        api("note", json!({"user_login": "anowak", "text": "a"})).await.expect_nothing();
        api("note", json!({"user_login": "nobody", "text": "a"}))
            .await
            .expect_fault(Code::UnknownAgent);
        let hand =
            |login: &str| json!({"user_login": "anowak", "to_user_login": login, "note": "b"});
        api("transfer", hand("jkowalski")).await.expect_nothing();
        api("transfer", hand("jkowalski")).await.expect_fault(Code::TransferredAlready);
        api("transfer", hand("retired")).await.expect_fault(Code::AgentOffDuty);
        api("transfer", json!({"user_login": "anowak"})).await.expect_fault(Code::NotExactlyOne);
        api("transfer", json!({"user_login": "anowak", "chat_queue_id": 4})).await.expect_nothing();
        assert_eq!(server.chat(&id).await["chat_queue_id"], 4);
        api("close", json!({"topic": "Nic"})).await.expect_fault(Code::UnknownTopic);
        api("close", json!({"tags": ["nic"]})).await.expect_fault(Code::UnknownTag);
        let about = json!({"user_login": "anowak", "topic": "Zwrot", "tags": ["vip", "pilne"]});
        api("close", about).await.expect_nothing();
        let sheet = boss.sheet(&server, &id).await;
        assert_eq!((&sheet["topic_id"], &sheet["tag_ids"]), (&json!(1), &json!([1, 2])));
        api("reopen", json!({})).await.expect_nothing();
        api("reopen", json!({"user_login": "nobody"})).await.expect_fault(Code::UnknownAgent);
        api("close", json!({})).await.expect_nothing();
        let expected = [
            ("started", None),
            ("note", Some("anowak")),
            ("note", Some("anowak")),
            ("transferred", Some("anowak")),
            ("assigned", Some("jkowalski")),
            ("transferred", Some("anowak")),
            ("labelled", Some("anowak")),
            ("closed", Some("anowak")),
            ("reopened", None),
            ("closed", None),
        ];
        assert_eq!(boss.told(&server, &id).await, told(&expected));
        healthy(&server).await;
    })
    .await;
}
