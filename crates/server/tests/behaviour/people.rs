//! Visitors and agents at their sockets.

use std::collections::BTreeMap;

use rozmowa::agent;
use rozmowa::agent::session::{self, COOKIE};
use rozmowa::queue::agents::{self, PRIORITY_DEFAULT};
use rozmowa::visitor::token;
use rozmowa_load::socket::{Closed, Refused, Socket};
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use crate::client::PATIENCE;
use crate::server::Server;

/// A side of a conversation that has a copy of its log.
pub struct Person {
    pub socket: Socket,
    /// What came, by number.
    pub log: BTreeMap<i64, Value>,
    /// Whether something came that was there already, or out of order.
    pub has_doubles: bool,
}

/// A visitor's token.
pub async fn token_of(server: &Server, conversation: &str) -> String {
    let id: Uuid = conversation.parse().expect("an id");
    server.act(move |tx, act| token::issue(tx, act, &id, None)).await
}

/// The cookie of an agent who has signed in.
pub async fn cookie_of(server: &Server, login: &'static str) -> String {
    let token = session::new_token(&server.app.ids);
    let opened = token.clone();
    server
        .act(move |tx, act| {
            let agent = agent::find(tx, login)?.expect("the agent is known");
            session::open(tx, act, &agent, &opened, "a test")
        })
        .await;
    format!("{COOKIE}={token}")
}

pub fn origin_of(server: &Server) -> String {
    format!("http://{}", server.address)
}

/// Has an agent answer a queue.
pub async fn member(server: &Server, queue: i64, login: &'static str) {
    server.act(move |tx, act| agents::set(tx, act, queue, login, PRIORITY_DEFAULT)).await;
}

pub async fn visitor_socket(server: &Server) -> Socket {
    let opened = Socket::open(server.address, "/visitor/socket", &[]).await;
    opened.unwrap_or_else(|refused| panic!("it opens: {refused:?}"))
}

pub async fn agent_socket(server: &Server, cookie: &str) -> Result<Socket, Refused> {
    let headers = [("cookie", cookie), ("origin", &origin_of(server))];
    Socket::open(server.address, "/console/socket", &headers).await
}

/// In time, or the test fails.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it comes in time")
}

impl Person {
    /// A visitor who has nothing of the log yet.
    pub async fn visitor(server: &Server, token: &str) -> Self {
        Self::visitor_after(server, token, BTreeMap::new()).await
    }

    /// One who has been here before.
    pub async fn visitor_after(server: &Server, token: &str, log: BTreeMap<i64, Value>) -> Self {
        let mut socket = visitor_socket(server).await;
        let after = log.keys().last().copied().unwrap_or_default();
        let hello = json!({ "type": "hello", "v": 1, "token": token, "after": after });
        socket.send(&hello).await.expect("it is taken");
        soon(socket.next_of("welcome")).await.expect("a welcome");
        Self { socket, log, has_doubles: false }
    }

    /// An agent who looks at a conversation.
    pub async fn agent(server: &Server, cookie: &str, conversation: &str) -> Self {
        let mut socket = agent_socket(server, cookie).await.expect("it opens");
        let hello = json!({ "type": "hello", "v": 1, "watch": { conversation: 0 } });
        socket.send(&hello).await.expect("it is taken");
        soon(socket.next_of("welcome")).await.expect("a welcome");
        Self { socket, log: BTreeMap::new(), has_doubles: false }
    }

    /// Takes in events of a frame.
    pub fn take(&mut self, frame: &Value) {
        if frame["type"] != "events" {
            return;
        }
        for event in frame["events"].as_array().expect("a list") {
            let seq = event["seq"].as_i64().expect("a number");
            let is_next = self.log.keys().last().is_none_or(|last| seq == last + 1);
            let is_new = self.log.insert(seq, event.clone()).is_none();
            self.has_doubles |= !is_new || !is_next;
        }
    }

    /// Reads on until the log is so long.
    pub async fn until(&mut self, seq: i64) {
        soon(async {
            while self.log.keys().last().is_none_or(|last| *last < seq) {
                let frame = self.socket.next().await.expect("it goes on");
                self.take(&frame);
            }
        })
        .await;
    }

    /// The next frame of a type; events on the way are taken in.
    pub async fn next_of(&mut self, kind: &str) -> Result<Value, Closed> {
        soon(async {
            loop {
                let frame = self.socket.next().await?;
                self.take(&frame);
                if frame["type"] == kind {
                    return Ok(frame);
                }
            }
        })
        .await
    }

    /// Says something, and waits until it is acknowledged.
    pub async fn says(&mut self, id: Uuid, text: &str) -> Value {
        let frame = json!({ "type": "message", "id": id, "text": text });
        self.socket.send(&frame).await.expect("it is taken");
        self.next_of("ack").await.expect("it is acknowledged")
    }

    pub async fn answers(&mut self, conversation: &str, id: Uuid, text: &str) -> Value {
        let frame =
            json!({ "type": "message", "conversation": conversation, "id": id, "text": text });
        self.socket.send(&frame).await.expect("it is taken");
        self.next_of("ack").await.expect("it is acknowledged")
    }

    /// The texts of the messages that came.
    pub fn texts(&self) -> Vec<&str> {
        let messages = self.log.values().filter(|event| event["kind"] == "message");
        messages.filter_map(|event| event["text"].as_str()).collect()
    }
}
