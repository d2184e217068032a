//! A server that is killed while people talk: what was acknowledged is there, once, and everybody goes on.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::client::{get, post, put};
use crate::people::soon;
use crate::program::{Home, Program, install};
use crate::server::{PASSWORD, START, started};
use crate::side::Side;
use crate::store::{Engine, on_both_engines};

const KILLS: usize = 8;

/// Talks until the line is over.
async fn talk(mut side: Side) -> Side {
    let socket = side.connect(None).await;
    if let Ok(socket) = socket {
        let _ = side.talk_on(socket).await;
    }
    side
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_servers_lose_and_double_nothing_that_was_said() {
    on_both_engines(talk_through_kills).await;
}

async fn talk_through_kills(engine: Engine) {
    let mut random = StdRng::seed_from_u64(7);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    let home = Home::make(engine, data).await;
    install(&home);
    let mut server = Program::serve(&home, &log).await;
    let agent =
        json!({ "name": "Jan", "surname": "Kowalski", "login": "jkowalski", "password": PASSWORD });
    server.call(post("/api/agents").json(&agent)).await.expect(200);
    server.call(put("/api/chats/queues/3/agents/jkowalski")).await.expect_nothing();
    let signed_in = json!({ "login": "jkowalski", "password": PASSWORD });
    let signed_in =
        server.call(post("/console/session").anonymous().json(&signed_in)).await.expect(200);
    let cookie = signed_in.header("Set-Cookie").expect("a cookie");
    let cookie = cookie.split(';').next().expect("it has a name").to_owned();
    let id = started(&server.call(post(START).query(&[("chat_queue_id", "3")])).await);
    let token = server
        .call(post(format!("/api/chat_conversations/{id}/visitor_token")))
        .await
        .expect(200)
        .json();
    let token = token["token"].as_str().expect("a token").to_owned();
    let mut visitor = Side::new(server.address, &id, token, false, random.random());
    let mut agent = Side::new(server.address, &id, cookie, true, random.random());
    for _ in 0..KILLS {
        (visitor.address, agent.address) = (server.address, server.address);
        let before = visitor.said.len() + agent.said.len();
        let until = random.random_range(3..12);
        let talking = tokio::spawn(async move { tokio::join!(talk(visitor), talk(agent)) });
        soon(async {
            loop {
                let chat = get(format!("/api/chats/{id}?include_messages=true"));
                let chat = server.call(chat).await.expect(200).json();
                if chat["messages"].as_array().expect("a list").len() >= before + until {
                    return;
                }
            }
        })
        .await;
        server.kill();
        (visitor, agent) = soon(talking).await.expect("nothing panics");
        server = Program::serve(&home, &log).await;
    }
    for side in [&mut visitor, &mut agent] {
        side.address = server.address;
        side.finish_saying().await;
    }
    let chat =
        server.call(get(format!("/api/chats/{id}?include_messages=true"))).await.expect(200).json();
    let messages = chat["messages"].as_array().expect("a list");
    let texts = |by: &str| -> Vec<String> {
        let of = messages.iter().filter(|message| message["sent_by"] == by);
        of.map(|message| message["text"].as_str().expect("a text").to_owned()).collect()
    };
    for (side, by) in [(&mut visitor, "CLIENT"), (&mut agent, "AGENT")] {
        let texts = texts(by);
        let once: BTreeSet<String> = texts.iter().cloned().collect();
        assert_eq!(once.len(), texts.len(), "nothing is there twice");
        assert_eq!(once, side.said, "what was said is there");
        let last = messages.last().expect("there are some")["message_id"].as_str().expect("an id");
        let last = last.rsplit('-').next().and_then(|seq| seq.parse().ok()).expect("a number");
        side.settle(last).await;
        assert_eq!(side.faults, [""; 0]);
        let heard = side.log.values().filter(|event| event["kind"] == "message");
        let heard: Vec<&Value> = heard.map(|event| &event["text"]).collect();
        let stored: Vec<&Value> = messages.iter().map(|message| &message["text"]).collect();
        assert_eq!(heard, stored);
    }
}
