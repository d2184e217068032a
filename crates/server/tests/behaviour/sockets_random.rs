//! Lines that are cut at random moments: everybody ends with the log, and with nothing twice.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rozmowa::conversation::log;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::people::{cookie_of, member, soon, token_of};
use crate::server::Server;
use crate::side::Side;
use crate::store::{Engine, on_both_engines};

const CONVERSATIONS: usize = 5;
const CUTS_EACH: usize = 100;
/// With two sides to a conversation.
const CUTS: usize = CONVERSATIONS * CUTS_EACH * 2;

/// Tries it on many lines, each of which is cut.
async fn run(mut side: Side, cuts: Arc<AtomicUsize>) -> Side {
    for _ in 0..CUTS_EACH {
        let cut = (side.random.random_range(1..6_000), side.random.random_range(1..20_000));
        if let Ok(socket) = side.connect(Some(cut)).await {
            let _ = soon(side.try_it(socket)).await;
        }
        cuts.fetch_add(1, Ordering::Relaxed);
    }
    side
}

async fn note(server: &Server, conversation: &str) {
    let text = "Nie dla klienta";
    server.note(conversation, "jkowalski", text).await;
}

async fn stored(server: &Server, conversation: &str) -> Vec<log::Stored> {
    let id: Uuid = conversation.parse().expect("an id");
    let mut all: Vec<log::Stored> = Vec::new();
    loop {
        let after = all.last().map_or(0, |event| event.seq);
        let page =
            server.app.db.read(move |tx| log::page(tx, &id, after)).await.expect("it is read");
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

async fn everybody_ends_with_the_log(engine: Engine) {
    let seed = 20_261_122;
    let mut random = StdRng::seed_from_u64(seed);
    let server = Arc::new(Server::on(engine).await);
    member(&server, 3, "jkowalski").await;
    let cookie = cookie_of(&server, "jkowalski").await;
    let cuts = Arc::new(AtomicUsize::new(0));
    let (mut sides, mut conversations) = (JoinSet::new(), Vec::new());
    for _ in 0..CONVERSATIONS {
        let conversation = server.start(&[]).await;
        let token = token_of(&server, &conversation).await;
        for (is_agent, secret) in [(false, token), (true, cookie.clone())] {
            let side = Side::new(server.address, &conversation, secret, is_agent, random.random());
            sides.spawn(run(side, Arc::clone(&cuts)));
        }
        conversations.push(conversation);
    }
    while cuts.load(Ordering::Relaxed) < CUTS - CUTS / 10 {
        for conversation in &conversations {
            note(&server, conversation).await;
        }
        tokio::task::yield_now().await;
    }
    let mut sides = soon(sides.join_all()).await;
    for side in &mut sides {
        side.finish_saying().await;
    }
    for side in &mut sides {
        let log = stored(&server, &side.conversation).await;
        side.settle(i64::try_from(log.len()).expect("it is not that long")).await;
        assert_eq!(side.faults, [""; 0], "seed {seed}");
        let mut said = BTreeSet::new();
        for event in &log {
            let shown = &side.log[&event.seq];
            let is_hidden = event.kind.is_for_agents() && !side.is_agent;
            assert_eq!(shown.get("kind").is_none(), is_hidden, "{shown}");
            if is_hidden {
                assert_eq!(*shown, json!({ "seq": event.seq }));
                continue;
            }
            assert_eq!(shown["kind"], event.kind.name());
            assert_eq!(shown.get("text").and_then(Value::as_str), event.text.as_deref());
            let is_mine = shown["kind"] == "message" && (shown["by"] == "agent") == side.is_agent;
            if is_mine {
                assert!(said.insert(event.text.clone().expect("it says something")), "twice");
            }
        }
        assert_eq!(side.log.len(), log.len());
        assert_eq!(said, side.said, "what was said is there, seed {seed}");
        assert!(said.len() > CUTS_EACH / 5, "the lines let some of it through: {}", said.len());
        assert!(log.iter().any(|event| event.kind.is_for_agents()));
    }
    assert_eq!(server.log_faults().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_cut_lines_lose_and_double_nothing() {
    on_both_engines(everybody_ends_with_the_log).await;
}
