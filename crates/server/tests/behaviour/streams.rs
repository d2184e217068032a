//! Streams: whoever comes back, at any point, ends with exactly the log; of a queue, with all of it.

use std::collections::{HashMap, HashSet};
use std::sync::mpsc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rozmowa::account;
use rozmowa::conversation::{self, log};
use rozmowa::http::Code;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::client::{PATIENCE, delete, post, put};
use crate::events::{Event, Events, chat, queue};
use crate::hooks::until;
use crate::server::{NOON, PASSWORD, START, Server, started};
use crate::store::{Engine, engines, on_both_engines};

/// More than sockets take of it, and then more than an inbox.
const SAID: usize = 1_200;

/// Kinds and texts of a conversation, as the store has them.
async fn stored(server: &Server, id: &str) -> Vec<(i64, String, Option<String>)> {
    let id: Uuid = id.parse().unwrap();
    let events = server.write(move |tx| log::since(tx, &id, 0, 10_000)).await;
    let shown = |event: log::Stored| (event.seq, event.kind.name().to_owned(), event.text);
    events.into_iter().map(shown).collect()
}

fn shown(event: &Event) -> (i64, String, Option<String>) {
    let text = event.data["text"].as_str().map(str::to_owned);
    assert_eq!(event.data["kind"], event.name.as_str());
    (event.seq(), event.name.clone(), text)
}

/// Something that happens in a conversation that is open.
async fn happen(server: &Server, random: &mut StdRng, id: &str) {
    let text = format!("{} ż\n\"&", random.random_range(0..1_000_000));
    match random.random_range(0..6) {
        0 => server.reply(id, "jkowalski", &text).await,
        1 => server.assign(id, "anowak").await.expect_nothing(),
        2 => {
            let participant = ["user", "customer", "both"][random.random_range(0..3)];
            let path = format!("/api/chat_conversations/content/{id}/{participant}");
            server.call(delete(path)).await.expect_nothing();
        }
        _ => server.message(id, &text).await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_resumed_at_any_point_is_the_log() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        for seed in 0..4 {
            let mut random = StdRng::seed_from_u64(seed);
            let id = server.start(&[]).await;
            let mut live = Events::of(&server, chat(&id), None).await;
            let count = random.random_range(1..25);
            let mut seen = live.take(1).await;
            for _ in 0..count {
                happen(&server, &mut random, &id).await;
            }
            server.stop(&id).await;
            let whole = stored(&server, &id).await;
            seen.extend(live.take(whole.len() - 1).await);
            let places: Vec<_> = seen.iter().map(Event::seq).collect();
            assert_eq!(places, (1..).take(whole.len()).collect::<Vec<_>>(), "seed {seed}");
            for after in 0..=whole.len() {
                let mut events = Events::of(&server, chat(&id), Some(&after.to_string())).await;
                let rest = events.take(whole.len() - after).await;
                assert_eq!(
                    rest.iter().map(shown).collect::<Vec<_>>(),
                    whole[after..],
                    "seed {seed}"
                );
                assert!(rest.iter().all(|event| event.id == event.seq().to_string()));
            }
            let by_parameter = crate::client::get(format!("/api/chats/{id}/events?after=1"));
            let mut events = Events::of(&server, by_parameter, None).await;
            assert_eq!(events.take(1).await[0].seq(), 2);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_says_who_did_what() {
    let server = Server::on(Engine::Sqlite).await;
    let id = server.start(&[]).await;
    let mut events = Events::of(&server, chat(&id), Some("1")).await;
    server.reply(&id, "jkowalski", "Dzień dobry").await;
    let said = events.take(2).await.remove(1);
    let expected = json!({
        "conversation_id": id, "seq": 3, "kind": "message", "created_at": "2026-06-01 12:00:00.000",
        "sent_by": "AGENT", "user_login": "jkowalski", "external_chatbot_id": null, "text": "Dzień dobry",
        "details": null,
    });
    assert_eq!(said.data, expected);
    for (request, code) in [
        (chat("6ed7c941-2c8a-7115-95d2-338a9f64800a"), Code::UnknownConversation),
        (chat("x"), Code::UnknownConversation),
        (queue(99), Code::UnknownQueue),
        (chat(&id).header("Last-Event-ID", "-1"), Code::NotEventId),
        (chat(&id).header("Last-Event-ID", "q0"), Code::NotEventId),
        (queue(3).header("Last-Event-ID", "7"), Code::NotEventId),
        (queue(3).header("Last-Event-ID", "q00000000000x"), Code::NotEventId),
    ] {
        server.call(request).await.expect_fault(code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_conversation() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.start(&[]).await;
        let mut of_chat = Events::of(&server, chat(&id), None).await;
        let mut of_queue = Events::of(&server, queue(3), None).await;
        of_chat.take(1).await;
        of_queue.take(1).await;
        server.call(delete(format!("/api/chat_conversations/{id}"))).await.expect_nothing();
        let rest = of_chat.rest().await;
        assert_eq!(rest.len(), 1, "{rest:?}");
        for event in [&rest[0], &of_queue.take(1).await[0]] {
            assert_eq!(event.name, "deleted");
            assert_eq!(event.conversation(), id);
        }
        server.call(chat(&id)).await.expect_fault(Code::UnknownConversation);
    })
    .await;
}

/// What a reader of a queue has: each conversation's events, without repeats.
#[derive(Default)]
struct Reader {
    seen: HashMap<String, Vec<i64>>,
    last: Option<String>,
    repeats: usize,
}

impl Reader {
    fn read(&mut self, event: &Event) {
        let (id, seq) = event.key();
        let seen = self.seen.entry(id).or_default();
        if seen.contains(&seq) {
            self.repeats += 1;
        } else {
            assert!(seen.last().is_none_or(|last| *last < seq), "{seq} after {seen:?}");
            seen.push(seq);
        }
        self.last = Some(event.id.clone());
    }

    fn has(&self, all: &HashSet<(String, i64)>) -> bool {
        let has = |(id, seq): &(String, i64)| self.seen.get(id).is_some_and(|s| s.contains(seq));
        all.iter().all(has)
    }

    /// Reads until all has come.
    async fn finish(&mut self, events: &mut Events, all: &HashSet<(String, i64)>) {
        while !self.has(all) {
            let event = events.next().await.expect("there is more to come");
            assert_ne!(event.name, "end", "{event:?}");
            self.read(&event);
        }
    }
}

async fn all_of(server: &Server, ids: &[String]) -> HashSet<(String, i64)> {
    let mut all = HashSet::new();
    for id in ids {
        all.extend(stored(server, id).await.into_iter().map(|(seq, ..)| (id.clone(), seq)));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queues_stream_misses_nothing_wherever_it_is_broken_off() {
    on_both_engines(async |engine| {
        let server = std::sync::Arc::new(Server::on(engine).await);
        let mut connected = Events::of(&server, queue(3), None).await;
        let mut writers = JoinSet::new();
        for seed in 0..4 {
            let server = std::sync::Arc::clone(&server);
            writers.spawn(async move {
                let mut random = StdRng::seed_from_u64(seed);
                let mut ids = Vec::new();
                for _ in 0..6 {
                    ids.push(server.start(&[]).await);
                    for _ in 0..8 {
                        let id = &ids[random.random_range(0..ids.len())];
                        happen(&server, &mut random, id).await;
                        server.app.clock.advance(random.random_range(0..3_000));
                    }
                }
                ids
            });
        }
        let mut restless = Reader::default();
        let mut random = StdRng::seed_from_u64(9);
        let mut ids = Vec::new();
        while !writers.is_empty() {
            let mut events = Events::of(&server, queue(3), restless.last.as_deref()).await;
            for _ in 0..random.random_range(0..20) {
                match tokio::time::timeout(Duration::from_millis(200), events.next()).await {
                    Ok(Some(event)) => restless.read(&event),
                    _ => break,
                }
            }
            while let Some(done) = writers.try_join_next() {
                ids.extend(done.expect("nothing panics"));
            }
        }
        let start = post(START).query(&[("chat_queue_id", "4")]);
        let other = started(&server.call(start).await);
        let all = all_of(&server, &ids).await;
        let mut events = Events::of(&server, queue(3), restless.last.as_deref()).await;
        restless.finish(&mut events, &all).await;
        let mut steady = Reader::default();
        steady.finish(&mut connected, &all).await;
        assert_eq!(steady.repeats, 0, "who stays connected sees nothing twice");
        assert!(!steady.seen.contains_key(&other) && !restless.seen.contains_key(&other));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_stays_open_while_others_commit_is_not_skipped() {
    // SQLite has one writer: nothing stays open there while others commit.
    for engine in engines().filter(|engine| *engine == Engine::Postgres) {
        let server = Server::on(engine).await;
        let (slow, quick) = (server.start(&[]).await, server.start(&[]).await);
        let mut connected = Events::of(&server, queue(3), None).await;
        let (release, released) = mpsc::sync_channel::<()>(1);
        let (begin, has_begun) = tokio::sync::oneshot::channel();
        let (begin, id) = (std::sync::Mutex::new(Some(begin)), slow.parse::<Uuid>().unwrap());
        let app = server.app.clone();
        let held = tokio::spawn(async move {
            let (of_act, actor) = (app.clone(), rozmowa::act::Actor::system());
            let run = move |tx: &mut rozmowa_db::Tx<'_>| {
                let act = rozmowa::act::Act::of(tx, &of_act, &actor)?;
                let new = conversation::NewMessage {
                    text: "early and late".to_owned(),
                    client_key: None,
                    files: Vec::new(),
                };
                conversation::message(tx, &act, &id, &new)?;
                if let Some(begin) = begin.lock().unwrap().take() {
                    begin.send(()).unwrap();
                    released.recv_timeout(PATIENCE).unwrap();
                }
                Ok::<_, rozmowa::http::Error>(())
            };
            app.db.write(run).await
        });
        has_begun.await.unwrap();
        server.app.clock.advance(50_000);
        server.message(&quick, "late and early").await;
        // Both have read what was committed later, and one goes away with that.
        let mut steady = Reader::default();
        let so_far = HashSet::from([(slow.clone(), 1), (quick.clone(), 1), (quick.clone(), 2)]);
        steady.finish(&mut connected, &so_far).await;
        let mut resumed = Reader { last: steady.last.clone(), ..Reader::default() };
        server.app.clock.advance(30_000);
        let more = server.start(&[]).await;
        steady.finish(&mut connected, &HashSet::from([(more.clone(), 1)])).await;
        release.send(()).unwrap();
        held.await.unwrap().unwrap();
        let all = all_of(&server, &[slow, quick, more]).await;
        assert_eq!(all.len(), 5);
        steady.finish(&mut connected, &all).await;
        let last = resumed.last.clone();
        let mut events = Events::of(&server, queue(3), last.as_deref()).await;
        resumed.finish(&mut events, &all).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_that_goes_to_another_queue_is_shown_up_to_there() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let bot = server.call(post("/api/bots").json(&json!({ "name": "a" }))).await.json();
        let bot = bot["external_chatbot_id"].as_str().unwrap().to_owned();
        let to_bot = json!({ "external_chatbot_id": bot });
        server.call(put("/api/chats/queues/3").json(&to_bot)).await.expect_nothing();
        let mut connected = Events::of(&server, queue(3), None).await;
        let mut arriving = Events::of(&server, queue(4), None).await;
        let id = server.start(&[]).await;
        let first = connected.take(1).await.remove(0);
        server.app.clock.advance(1_000_000);
        let over =
            json!({ "external_chatbot_id": bot, "chat_queue_id": 4, "note": "wie wszystko" });
        let call = post(format!("/api/chat_conversations/{id}/hand_over")).json(&over);
        server.call(call).await.expect_nothing();
        server.message(&id, "in the other queue").await;
        let kinds =
            |events: &[Event]| events.iter().map(|event| event.name.clone()).collect::<Vec<_>>();
        assert_eq!(kinds(&connected.take(2).await), ["note", "handed_over"]);
        assert_eq!(kinds(&arriving.take(2).await), ["handed_over", "message"]);
        let mut resumed = Events::of(&server, queue(3), Some(&first.id)).await;
        let again = resumed.take(3).await;
        assert_eq!(kinds(&again), ["started", "note", "handed_over"]);
        let details = json!({ "from_chat_queue_id": 3, "chat_queue_id": 4 });
        assert_eq!(again[2].data["details"], details);
        // Erased or not, where it went to stays to be known.
        let path = format!("/api/chat_conversations/content/{id}/both");
        server.call(delete(path)).await.expect_nothing();
        let mut resumed = Events::of(&server, queue(3), Some(&first.id)).await;
        let again = resumed.take(3).await;
        assert_eq!((&again[1].data["text"], &again[2].data["details"]), (&Value::Null, &details));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_no_longer_read_is_cut() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.add_api_user("reader", "GET *").await;
        let id = server.start(&[]).await;
        let mut all = Vec::new();
        for request in [chat(&id), queue(3)] {
            all.push(Events::of(&server, request.by("reader", PASSWORD), None).await);
        }
        for events in &mut all {
            events.take(1).await;
        }
        server.act(|tx, act| account::set_expiry(tx, act, "reader", Some(NOON + 1))).await;
        for events in &mut all {
            let rest = events.rest().await;
            let last = rest.last().expect("it says why");
            assert_eq!(last.name, "end");
            assert_eq!(last.data, json!({ "reason": "credentials", "reconnect": true }));
        }
        server.app.clock.advance(1);
        server.call(chat(&id).by("reader", PASSWORD)).await.expect_fault(Code::Expired);
        until("no stream", async || (server.app.streams.count() == 0).then_some(())).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_only_so_many_streams_of_a_caller() {
    let server = Server::on(Engine::Sqlite).await;
    let id = server.start(&[]).await;
    let mut all = Vec::new();
    for _ in 0..100 {
        all.push(Events::of(&server, chat(&id), None).await);
    }
    let refused = server.call(chat(&id)).await.expect_fault(Code::TooManyStreams);
    assert!(refused.header("Retry-After").is_some());
    all.pop();
    until("room", async || (server.app.streams.count() < 100).then_some(())).await;
    Events::of(&server, chat(&id), None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_is_cut_and_resumes_whole() {
    let server = Server::on(Engine::Sqlite).await;
    let id = server.start(&[]).await;
    let text = "x".repeat(16_000);
    let mut slow = Events::of(&server, chat(&id), None).await;
    let mut quick = Events::of(&server, chat(&id), None).await;
    let say = async {
        for _ in 0..SAID {
            server.message(&id, &text).await;
        }
    };
    let (seen, ()) = tokio::join!(quick.take(SAID + 1), say);
    assert_eq!(seen.len(), SAID + 1);
    let mut before = slow.rest().await;
    before.retain(|event| event.name != "end");
    assert!(before.len() < SAID, "{}", before.len());
    let last = before.last().expect("something arrived").id.clone();
    let mut resumed = Events::of(&server, chat(&id), Some(&last)).await;
    let rest = resumed.take(SAID + 1 - before.len()).await;
    let places: Vec<_> = before.iter().chain(&rest).map(Event::seq).collect();
    assert_eq!(places, (1..).take(SAID + 1).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_ends_its_streams() {
    let mut server = Server::on(Engine::Sqlite).await;
    let id = server.start(&[]).await;
    let mut events = Events::of(&server, chat(&id), None).await;
    events.take(1).await;
    server.restart("").await;
    let rest = events.rest().await;
    assert_eq!(rest.len(), 1, "{rest:?}");
    assert_eq!(rest[0].data["reason"], "stopping");
    let mut events = Events::of(&server, chat(&id), Some("0")).await;
    assert_eq!(events.take(1).await[0].seq(), 1);
}
