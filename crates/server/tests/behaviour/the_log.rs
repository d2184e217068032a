//! Whatever is done to conversations, each has one log without a gap, and what is shown is what the log says.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rozmowa::clock::Millis;
use serde_json::json;

use crate::client::{Wire, post};
use crate::server::{START, Server, started};
use crate::store::engines;

const CASES: u32 = 32;

#[derive(Debug, Clone)]
enum Step {
    Start,
    /// Of the conversation with this number, if there are so many.
    Message(usize),
    Reply(usize, &'static str),
    Stop(usize),
    /// Twice under one key.
    Repeated(usize),
    Wait(Millis),
}

fn step() -> impl Strategy<Value = Step> {
    let place = 0..4_usize;
    prop_oneof![
        2 => Just(Step::Start),
        4 => place.clone().prop_map(Step::Message),
        4 => (place.clone(), prop_oneof![Just("jkowalski"), Just("anowak"), Just("nobody")])
            .prop_map(|(place, login)| Step::Reply(place, login)),
        1 => place.clone().prop_map(Step::Stop),
        1 => place.prop_map(Step::Repeated),
        1 => (0..100_000_i64).prop_map(Step::Wait),
    ]
}

/// What the test expects of one conversation.
#[derive(Debug)]
struct Known {
    id: String,
    status: &'static str,
    user_login: Option<&'static str>,
    texts: Vec<String>,
}

impl Known {
    fn says(&mut self, text: &str) -> u16 {
        if self.status == "CLOSED" {
            return 409;
        }
        self.texts.push(text.to_owned());
        200
    }
}

async fn take(server: &Server, wire: &mut Wire, step: &Step, number: usize, all: &mut Vec<Known>) {
    let text = format!("{number} ż");
    let call = |known: &Known, method: &str| {
        post(format!("/api/chat_conversations/{}/{method}", known.id)).key(&format!("{number}"))
    };
    let (call, repeat, expected) = match step {
        Step::Start => {
            let id = started(&wire.call(&post(START).query(&[("chat_queue_id", "3")])).await);
            all.push(Known { id, status: "CREATED", user_login: None, texts: Vec::new() });
            return;
        }
        Step::Wait(by) => return server.app.clock.advance(*by),
        Step::Message(place) | Step::Repeated(place) => {
            let Some(known) = all.get_mut(*place) else { return };
            let expected = known.says(&text);
            let times = if matches!(step, Step::Repeated(_)) { 2 } else { 1 };
            (call(known, "message").json(&json!({"text": text})), times, expected)
        }
        Step::Reply(place, login) => {
            let Some(known) = all.get_mut(*place) else { return };
            let expected = if *login == "nobody" { 404 } else { known.says(&text) };
            if expected == 200 {
                known.status = "IN_PROGRESS";
                known.user_login.get_or_insert(login);
            }
            (call(known, "reply").json(&json!({"text": text, "user_login": login})), 1, expected)
        }
        Step::Stop(place) => {
            let Some(known) = all.get_mut(*place) else { return };
            known.status = "CLOSED";
            (call(known, "stop"), 2, 200)
        }
    };
    for _ in 0..repeat {
        wire.call(&call).await.expect(expected);
    }
}

async fn tell(server: &Server, steps: &[Step]) {
    let (mut wire, mut all) = (server.wire().await, Vec::new());
    for (number, step) in steps.iter().enumerate() {
        take(server, &mut wire, step, number, &mut all).await;
    }
    assert_eq!(server.log_faults().await, Vec::<String>::new());
    for known in all {
        let chat = server.chat(&known.id).await;
        assert_eq!(chat["status"], known.status);
        assert_eq!(chat["user_login"], json!(known.user_login));
        assert_eq!(chat["closed_at"].is_null(), known.status != "CLOSED");
        let messages = chat["messages"].as_array().unwrap();
        let texts: Vec<_> =
            messages.iter().map(|message| message["text"].as_str().unwrap()).collect();
        assert_eq!(texts, known.texts);
        let places: Vec<i64> = messages
            .iter()
            .map(|message| {
                message["message_id"].as_str().unwrap().rsplit('-').next().unwrap().parse().unwrap()
            })
            .collect();
        assert!(places.is_sorted(), "{places:?}");
    }
}

#[test]
fn every_history_leaves_a_log_without_a_gap() {
    for engine in engines() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let server = runtime.block_on(Server::on(engine));
        let config = Config { failure_persistence: None, ..Config::with_cases(CASES) };
        let histories = prop::collection::vec(step(), 1..50);
        TestRunner::new(config)
            .run(&histories, |steps| {
                runtime.block_on(tell(&server, &steps));
                Ok(())
            })
            .unwrap_or_else(|error| panic!("{engine:?}: {error}"));
    }
}
