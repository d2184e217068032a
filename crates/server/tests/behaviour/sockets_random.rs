//! Lines that are cut at random moments: everybody ends with the log, and with nothing twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rozmowa::conversation::log;
use rozmowa_load::socket::{Closed, Refused, Socket};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::cutter;
use crate::people::{cookie_of, member, origin_of, soon, token_of};
use crate::server::Server;
use crate::store::{Engine, on_both_engines};

const CONVERSATIONS: usize = 5;
const CUTS_EACH: usize = 100;
/// With two sides to a conversation.
const CUTS: usize = CONVERSATIONS * CUTS_EACH * 2;

/// One side, which writes down what it has said, and what has come.
struct Side {
    server: Arc<Server>,
    conversation: String,
    /// The token of a visitor, or the cookie of an agent.
    secret: String,
    is_agent: bool,
    log: BTreeMap<i64, Value>,
    faults: Vec<String>,
    /// Said, and not acknowledged yet.
    open: Option<(Uuid, String)>,
    said: BTreeSet<String>,
    random: StdRng,
}

impl Side {
    /// Through a line that is cut, or one that is not.
    async fn connect(&self, cut: Option<(usize, usize)>) -> Result<Socket, Refused> {
        let origin = origin_of(&self.server);
        let host = self.server.address.to_string();
        let address = match cut {
            Some((there, back)) => cutter::line(self.server.address, there, back).await,
            None => self.server.address,
        };
        let headers = [("cookie", self.secret.as_str()), ("origin", &origin), ("host", &host)];
        let (path, headers) = if self.is_agent {
            ("/console/socket", &headers[..])
        } else {
            ("/visitor/socket", &[][..])
        };
        Socket::open(address, path, headers).await
    }

    fn hello(&self) -> Value {
        let after = self.log.keys().last().copied().unwrap_or_default();
        if self.is_agent {
            json!({ "type": "hello", "v": 1, "watch": { self.conversation.as_str(): after } })
        } else {
            json!({ "type": "hello", "v": 1, "token": self.secret, "after": after })
        }
    }

    fn message(&mut self) -> Value {
        let random = &mut self.random;
        let (id, text) = self.open.get_or_insert_with(|| {
            let id = Uuid::from_u128(random.random());
            (id, format!("{id} {}", "ż".repeat(random.random_range(0..500))))
        });
        self.said.insert(text.clone());
        json!({ "type": "message", "conversation": self.conversation, "id": id, "text": text })
    }

    fn take(&mut self, frame: &Value) {
        match frame["type"].as_str() {
            Some("events") => {
                for event in frame["events"].as_array().expect("a list") {
                    let seq = event["seq"].as_i64().expect("a number");
                    let next = self.log.keys().last().map_or(1, |last| last + 1);
                    if seq != next {
                        self.faults.push(format!("{seq} came where {next} was due"));
                    }
                    self.log.insert(seq, event.clone());
                }
            }
            Some("ack") => {
                let id = frame["id"].as_str().unwrap_or_default();
                if self.open.as_ref().is_some_and(|(open, _)| open.to_string() == id) {
                    self.open = None;
                }
            }
            Some("refused") => self.faults.push(frame.to_string()),
            _ => {}
        }
    }

    /// Says and hears as much as the line lets through.
    async fn try_it(&mut self, mut socket: Socket) -> Result<(), Closed> {
        socket.send(&self.hello()).await?;
        for _ in 0..self.random.random_range(1..4) {
            socket.send(&self.message()).await?;
            while self.open.is_some() {
                let frame = socket.next().await?;
                self.take(&frame);
            }
        }
        if self.random.random_bool(0.5) {
            socket.close().await;
        }
        Ok(())
    }

    async fn run(mut self, cuts: Arc<AtomicUsize>) -> Self {
        for _ in 0..CUTS_EACH {
            let cut = (self.random.random_range(1..6_000), self.random.random_range(1..20_000));
            if let Ok(socket) = self.connect(Some(cut)).await {
                let _ = soon(self.try_it(socket)).await;
            }
            cuts.fetch_add(1, Ordering::Relaxed);
        }
        self
    }

    /// At last on a good line: what is still open is said, and the rest is heard.
    async fn settle(&mut self, until: i64) {
        let mut socket = self.connect(None).await.expect("it opens");
        socket.send(&self.hello()).await.expect("it is taken");
        soon(async {
            while self.log.keys().last().is_none_or(|last| *last < until) {
                let frame = socket.next().await.expect("it goes on");
                self.take(&frame);
            }
        })
        .await;
    }

    async fn finish_saying(&mut self) {
        if self.open.is_none() {
            return;
        }
        let mut socket = self.connect(None).await.expect("it opens");
        socket.send(&self.hello()).await.expect("it is taken");
        socket.send(&self.message()).await.expect("it is taken");
        soon(async {
            while self.open.is_some() {
                let frame = socket.next().await.expect("it goes on");
                self.take(&frame);
            }
        })
        .await;
    }
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
            let side = Side {
                server: Arc::clone(&server),
                conversation: conversation.clone(),
                secret,
                is_agent,
                log: BTreeMap::new(),
                faults: Vec::new(),
                open: None,
                said: BTreeSet::new(),
                random: StdRng::seed_from_u64(random.random()),
            };
            sides.spawn(side.run(Arc::clone(&cuts)));
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
