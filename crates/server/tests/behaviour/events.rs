//! A reader of streams: server-sent events off the wire, one by one.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{PATIENCE, Request, get};
use crate::server::Server;

/// An event as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub id: String,
    pub name: String,
    pub data: Value,
}

impl Event {
    pub fn seq(&self) -> i64 {
        self.data["seq"].as_i64().expect("a number")
    }

    pub fn conversation(&self) -> String {
        self.data["conversation_id"].as_str().expect("an id").to_owned()
    }

    /// What makes it known when it comes again.
    pub fn key(&self) -> (String, i64) {
        (self.conversation(), self.seq())
    }
}

pub struct Events {
    stream: TcpStream,
    /// Chunks as they came.
    raw: Vec<u8>,
    text: String,
    is_over: bool,
}

pub fn chat(id: &str) -> Request {
    get(format!("/api/chats/{id}/events"))
}

pub fn queue(id: i64) -> Request {
    get(format!("/api/chats/queues/{id}/events"))
}

impl Events {
    /// Opens a stream, from an event on.
    pub async fn of(server: &Server, request: Request, last: Option<&str>) -> Self {
        let request = match last {
            Some(last) => request.header("Last-Event-ID", last),
            None => request,
        };
        let mut stream = TcpStream::connect(server.address).await.expect("the server accepts");
        stream.write_all(&request.bytes()).await.expect("the server reads");
        let mut events = Self { stream, raw: Vec::new(), text: String::new(), is_over: false };
        let head = loop {
            if let Some(end) = events.raw.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let rest = events.raw.split_off(end + 4);
                break String::from_utf8(std::mem::replace(&mut events.raw, rest)).unwrap();
            }
            assert!(events.fill().await, "no answer");
        };
        assert!(
            head.starts_with("HTTP/1.1 200 "),
            "{head}{}",
            String::from_utf8_lossy(&events.raw)
        );
        assert!(head.to_lowercase().contains("content-type: text/event-stream"), "{head}");
        assert!(!head.to_lowercase().contains("content-encoding"), "{head}");
        events
    }

    async fn fill(&mut self) -> bool {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.raw)).await;
        matches!(read.expect("the server says something"), Ok(1..))
    }

    /// Moves whole chunks from what came to what is read.
    fn unchunk(&mut self) {
        while let Some(line) = self.raw.windows(2).position(|bytes| bytes == b"\r\n") {
            let size = std::str::from_utf8(&self.raw[..line]).expect("a chunk's size is ASCII");
            let size = usize::from_str_radix(size, 16).expect("a chunk's size");
            if self.raw.len() < line + 2 + size + 2 {
                return;
            }
            let chunk: Vec<u8> = self.raw.drain(..line + 2 + size + 2).collect();
            self.text.push_str(std::str::from_utf8(&chunk[line + 2..line + 2 + size]).unwrap());
            self.is_over |= size == 0;
        }
    }

    /// The next event; none when the server has ended the stream.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            self.unchunk();
            while let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                if let Some(event) = parsed(&block) {
                    return Some(event);
                }
            }
            if self.is_over || !self.fill().await {
                return None;
            }
        }
    }

    pub async fn take(&mut self, count: usize) -> Vec<Event> {
        let mut events = Vec::new();
        while events.len() < count {
            events.push(self.next().await.unwrap_or_else(|| panic!("it ended after {events:?}")));
        }
        events
    }

    /// All that comes until the server ends the stream.
    pub async fn rest(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

/// None for what carries nothing.
fn parsed(block: &str) -> Option<Event> {
    let field = |name: &str| {
        block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned()
    };
    let data = field("data: ");
    if data.is_empty() {
        return None;
    }
    let data = serde_json::from_str(&data).unwrap_or_else(|error| panic!("{error}: {block}"));
    Some(Event { id: field("id: "), name: field("event: "), data })
}
