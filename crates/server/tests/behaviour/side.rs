//! A side of a conversation on lines that may be cut: it writes down what it has said, and what has come.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rozmowa_load::socket::{Closed, Refused, Socket};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cutter;
use crate::people::soon;

/// On one line.
const TURNS: usize = 8;

/// One side, which writes down what it has said, and what has come.
pub struct Side {
    /// Of the server.
    pub address: SocketAddr,
    pub conversation: String,
    /// The token of a visitor, or the cookie of an agent.
    pub secret: String,
    pub is_agent: bool,
    pub log: BTreeMap<i64, Value>,
    pub faults: Vec<String>,
    /// Said, and not acknowledged yet.
    pub open: Option<(Uuid, String)>,
    pub said: BTreeSet<String>,
    pub random: StdRng,
}

impl Side {
    pub fn new(
        address: SocketAddr,
        conversation: &str,
        secret: String,
        is_agent: bool,
        seed: u64,
    ) -> Self {
        Self {
            address,
            conversation: conversation.to_owned(),
            secret,
            is_agent,
            log: BTreeMap::new(),
            faults: Vec::new(),
            open: None,
            said: BTreeSet::new(),
            random: StdRng::seed_from_u64(seed),
        }
    }

    /// Through a line that is cut, or one that is not.
    pub async fn connect(&self, cut: Option<(usize, usize)>) -> Result<Socket, Refused> {
        let host = self.address.to_string();
        let origin = format!("http://{host}");
        let address = match cut {
            Some((there, back)) => cutter::line(self.address, there, back).await,
            None => self.address,
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

    /// What the other side has said so far.
    fn heard(&self) -> usize {
        let other = if self.is_agent { "client" } else { "agent" };
        let is_theirs = |event: &&Value| event["kind"] == "message" && event["by"] == other;
        self.log.values().filter(is_theirs).count()
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
    pub async fn try_it(&mut self, mut socket: Socket) -> Result<(), Closed> {
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

    /// Takes a few turns with the other side, fewer than would count as a flood, and listens until the line is over.
    pub async fn talk_on(&mut self, mut socket: Socket) -> Result<(), Closed> {
        socket.send(&self.hello()).await?;
        for _ in 0..TURNS {
            let heard = self.heard();
            socket.send(&self.message()).await?;
            while self.open.is_some() || self.heard() == heard {
                let frame = socket.next().await?;
                self.take(&frame);
            }
        }
        loop {
            let frame = socket.next().await?;
            self.take(&frame);
        }
    }

    /// At last on a good line: what is still open is said, and the rest is heard.
    pub async fn settle(&mut self, until: i64) {
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

    pub async fn finish_saying(&mut self) {
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
