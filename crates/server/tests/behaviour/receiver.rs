//! A receiver of webhooks: keeps what arrives, byte for byte, and answers as it is told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::client::PATIENCE;

/// What a receiver does with a request.
#[derive(Debug, Clone)]
pub enum Behaviour {
    Answer(u16),
    /// With this header.
    With(u16, String),
    /// With this body.
    Body(u16, String),
    /// Reads and says nothing.
    Hang,
    /// Waits like that, and answers so.
    Late(Arc<tokio::sync::Semaphore>, u16),
    /// Announces an answer for ever.
    Flood,
    /// Answers with a body that never ends.
    Unended(u16),
    /// Reads and hangs up.
    Close,
    /// Waits until the test lets it.
    Hold(Arc<tokio::sync::Semaphore>),
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub line: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Arrival {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A field of a form.
    pub fn field(&self, name: &str) -> Option<String> {
        let mut fields = url::form_urlencoded::parse(self.body.as_bytes());
        fields.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// Listens on loopback until it is dropped or killed.
pub struct Receiver {
    pub address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

struct State {
    /// Of the next requests; when it is empty, `then`.
    script: Mutex<VecDeque<Behaviour>>,
    then: Mutex<Behaviour>,
    arrivals: watch::Sender<Vec<Arrival>>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        Self::on(listener)
    }

    /// At an address where one was killed.
    pub fn start_at(address: SocketAddr) -> Self {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("an option");
        socket.bind(address).expect("the port is still free");
        Self::on(socket.listen(1024).expect("it listens"))
    }

    pub fn on(listener: TcpListener) -> Self {
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            script: Mutex::default(),
            then: Mutex::new(Behaviour::Answer(200)),
            arrivals: watch::Sender::new(Vec::new()),
        });
        let task = tokio::spawn({
            let state = Arc::clone(&state);
            async move {
                let mut connections = tokio::task::JoinSet::new();
                while let Ok((stream, _)) = listener.accept().await {
                    connections.spawn(serve(stream, Arc::clone(&state)));
                }
            }
        });
        Self { address, state, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// What it does with the next requests.
    pub fn script(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.state.script.lock().unwrap().extend(behaviours);
    }

    /// What it does with all others.
    pub fn then(&self, behaviour: Behaviour) {
        *self.state.then.lock().unwrap() = behaviour;
    }

    pub fn arrivals(&self) -> Vec<Arrival> {
        self.state.arrivals.borrow().clone()
    }

    pub fn count(&self) -> usize {
        self.state.arrivals.borrow().len()
    }

    /// From here on only what arrives later counts.
    pub fn forget(&self) {
        self.state.arrivals.send_modify(Vec::clear);
    }

    pub fn bodies(&self) -> Vec<String> {
        self.arrivals().into_iter().map(|arrival| arrival.body).collect()
    }

    /// Waits until so many have arrived.
    pub async fn expect(&self, count: usize) -> Vec<Arrival> {
        let mut arrivals = self.state.arrivals.subscribe();
        let arrived = timeout(PATIENCE, arrivals.wait_for(|all| all.len() >= count)).await;
        match arrived {
            Ok(all) => all.expect("the receiver lives").clone(),
            Err(late) => {
                panic!("{late}: {count} were expected, and there came {:?}", self.bodies())
            }
        }
    }

    /// All connections break.
    pub async fn kill(mut self) -> SocketAddr {
        self.task.abort();
        // The port is free, and the connections are gone, once the task is over.
        let _ = (&mut self.task).await;
        self.address
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>) {
    let mut unread = Vec::new();
    loop {
        let arrival = loop {
            if let Some(arrival) = taken(&mut unread) {
                break arrival;
            }
            match stream.read_buf(&mut unread).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        };
        let behaviour = state.script.lock().unwrap().pop_front();
        let behaviour = behaviour.unwrap_or_else(|| state.then.lock().unwrap().clone());
        state.arrivals.send_modify(|all| all.push(arrival));
        let answer = match behaviour {
            Behaviour::Answer(status) => {
                format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nok")
            }
            Behaviour::With(status, header) => {
                format!("HTTP/1.1 {status} X\r\n{header}\r\nContent-Length: 0\r\n\r\n")
            }
            Behaviour::Body(status, body) => {
                format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len())
            }
            Behaviour::Late(gate, status) => {
                gate.acquire().await.expect("the gate is there").forget();
                format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n")
            }
            Behaviour::Flood => {
                let interim = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100);
                while stream.write_all(interim.as_bytes()).await.is_ok() {}
                return;
            }
            Behaviour::Unended(status) => {
                let head = format!("HTTP/1.1 {status} X\r\nContent-Length: 100\r\n\r\nok");
                let _ = stream.write_all(head.as_bytes()).await;
                std::future::pending().await
            }
            Behaviour::Hang => std::future::pending().await,
            Behaviour::Close => return,
            Behaviour::Hold(gate) => {
                gate.acquire().await.expect("the gate is there").forget();
                "HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n".to_owned()
            }
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn taken(unread: &mut Vec<u8>) -> Option<Arrival> {
    let head = unread.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let text = String::from_utf8(unread[..head].to_vec()).expect("a head is ASCII");
    let mut lines = text.split("\r\n");
    let line = lines.next().expect("a first line").to_owned();
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
        headers.append(name, HeaderValue::from_str(value).expect("a header's value"));
    }
    let length = headers.get("content-length").map_or(0, |length| {
        length.to_str().ok().and_then(|text| text.parse().ok()).expect("a length")
    });
    let body = unread.get(head + 4..head + 4 + length)?.to_vec();
    unread.drain(..head + 4 + length);
    Some(Arrival { line, headers, body: String::from_utf8(body).expect("a body is UTF-8") })
}
