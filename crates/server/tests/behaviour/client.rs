//! A client that hides nothing: exact bytes out, whole answers in, and whether the server hung up.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use rozmowa::http::Code;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Nothing in these tests takes this long; what does would never end.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A request as most clients make it.
#[derive(Debug, Clone)]
pub struct Request {
    method: &'static str,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

pub fn get(target: impl Into<String>) -> Request {
    Request::new("GET", target)
}

pub fn post(target: impl Into<String>) -> Request {
    Request::new("POST", target)
}

pub fn put(target: impl Into<String>) -> Request {
    Request::new("PUT", target)
}

pub fn delete(target: impl Into<String>) -> Request {
    Request::new("DELETE", target)
}

impl Request {
    /// From `api_user`, who may call everything.
    pub fn new(method: &'static str, target: impl Into<String>) -> Self {
        let request = Self { method, target: target.into(), headers: Vec::new(), body: Vec::new() };
        request.by("api_user", "api_pass")
    }

    pub fn by(self, name: &str, password: &str) -> Self {
        let value = basic(name, password);
        self.anonymous().header("Authorization", &value)
    }

    pub fn anonymous(mut self) -> Self {
        self.headers.retain(|(name, _)| name != "Authorization");
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn key(self, key: &str) -> Self {
        self.header("Idempotency-Key", key)
    }

    pub fn in_polish(self) -> Self {
        self.header("Accept-Language", "pl,en;q=0.5")
    }

    pub fn query(mut self, parameters: &[(&str, &str)]) -> Self {
        self.target = format!("{}?{}", self.target, form(parameters));
        self
    }

    pub fn json(self, value: &Value) -> Self {
        self.body("application/json", value.to_string())
    }

    pub fn form(self, parameters: &[(&str, &str)]) -> Self {
        self.body("application/x-www-form-urlencoded", form(parameters))
    }

    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("Content-Type", content_type)
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.headers.iter().any(|(name, _)| name == "Host") {
            head.push_str("Host: test\r\n");
        }
        for (name, value) in &self.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        if self.method != "GET" || !self.body.is_empty() {
            head.extend(["Content-Length: ", &self.body.len().to_string(), "\r\n"]);
        }
        head.push_str("\r\n");
        [head.into_bytes(), self.body.clone()].concat()
    }
}

pub fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

pub fn form(parameters: &[(&str, &str)]) -> String {
    let encode =
        |text| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
    let pairs: Vec<_> = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    pairs.join("&")
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// 200 with nothing, as the vendor answers when there is nothing to say.
    #[track_caller]
    pub fn expect_nothing(self) {
        let answer = self.expect(200);
        assert_eq!(answer.text(), "");
        assert_eq!(answer.header("Content-Length"), Some("0"));
    }

    /// An error with exactly these faults, in this order.
    #[track_caller]
    pub fn expect_faults(self, codes: &[Code]) -> Self {
        let answer = self.expect(codes[0].status().as_u16());
        let told: Vec<u32> = answer.faults().into_iter().map(|(code, _)| code).collect();
        let expected: Vec<u32> = codes.iter().map(|code| code.number()).collect();
        assert_eq!(told, expected, "{}", answer.text());
        answer
    }

    #[track_caller]
    pub fn expect_fault(self, code: Code) -> Self {
        self.expect_faults(&[code])
    }

    /// An error with one fault that is about this parameter.
    #[track_caller]
    pub fn expect_fault_of(self, code: Code, parameter: &str) {
        let answer = self.expect_fault(code);
        let message = &answer.faults()[0].1;
        assert!(message.split_whitespace().any(|word| word == parameter), "{message}");
    }

    /// Code and message of each fault.
    pub fn faults(&self) -> Vec<(u32, String)> {
        let json = self.json();
        let errors = json["errors"].as_array().unwrap_or_else(|| panic!("no envelope: {json}"));
        errors
            .iter()
            .map(|error| {
                let code = error["code"].as_u64().and_then(|code| u32::try_from(code).ok());
                (code.expect("a code"), error["message"].as_str().expect("a message").to_owned())
            })
            .collect()
    }
}

/// A connection.
pub struct Wire<S = TcpStream> {
    stream: S,
    unread: Vec<u8>,
}

impl Wire {
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server accepts");
        stream.set_nodelay(true).expect("a socket takes options");
        Self::over(stream)
    }
}

impl<S: AsyncReadExt + AsyncWriteExt + Unpin> Wire<S> {
    pub fn over(stream: S) -> Self {
        Self { stream, unread: Vec::new() }
    }

    pub async fn call(&mut self, request: &Request) -> Answer {
        self.send(&request.bytes()).await;
        self.answer().await
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        assert!(self.try_send(bytes).await, "the server hung up");
    }

    /// False when the server has hung up.
    pub async fn try_send(&mut self, bytes: &[u8]) -> bool {
        let written = timeout(PATIENCE, self.stream.write_all(bytes)).await;
        written.expect("the server reads").is_ok()
    }

    /// Sends all of it while the answer is read, as clients do that do not wait for each other.
    pub async fn send_reading(mut self, bytes: &[u8]) -> Answer
    where
        S: Send,
    {
        let (mut from, mut to) = tokio::io::split(self.stream);
        let send = async {
            let _ = to.write_all(bytes).await;
        };
        let read = async {
            loop {
                if let Some(answer) = taken(&mut self.unread) {
                    return answer;
                }
                let read = from.read_buf(&mut self.unread).await.expect("an answer before the end");
                assert!(read > 0, "no answer, only {:?}", String::from_utf8_lossy(&self.unread));
            }
        };
        let both = async { tokio::join!(send, read).1 };
        timeout(PATIENCE, both).await.expect("an answer")
    }

    pub async fn answer(&mut self) -> Answer {
        let read = async {
            loop {
                if let Some(answer) = taken(&mut self.unread) {
                    return answer;
                }
                let read = self.stream.read_buf(&mut self.unread).await.expect("an answer");
                assert!(read > 0, "no answer, only {:?}", String::from_utf8_lossy(&self.unread));
            }
        };
        timeout(PATIENCE, read).await.expect("an answer")
    }

    /// What the server answers before it hangs up, if anything.
    pub async fn answer_or_end(&mut self) -> Option<Answer> {
        let read = async {
            loop {
                if let Some(answer) = taken(&mut self.unread) {
                    return Some(answer);
                }
                match self.stream.read_buf(&mut self.unread).await {
                    Ok(0) | Err(_) => return None,
                    Ok(_) => {}
                }
            }
        };
        timeout(PATIENCE, read).await.expect("an answer or the end")
    }

    /// Waits for exactly these bytes.
    pub async fn expect_interim(&mut self, bytes: &[u8]) {
        let mut read = vec![0; bytes.len()];
        let arrived = timeout(PATIENCE, self.stream.read_exact(&mut read)).await;
        arrived.expect("the server says something").expect("it does not hang up");
        assert_eq!(String::from_utf8_lossy(&read), String::from_utf8_lossy(bytes));
    }

    /// Waits for the server to hang up, and returns what it said before.
    pub async fn end(&mut self) -> Vec<u8> {
        let read = async {
            loop {
                match self.stream.read_buf(&mut self.unread).await {
                    Ok(0) | Err(_) => return std::mem::take(&mut self.unread),
                    Ok(_) => {}
                }
            }
        };
        timeout(PATIENCE, read).await.expect("the server hangs up")
    }
}

/// The first answer in what has arrived, once it is whole.
fn taken(unread: &mut Vec<u8>) -> Option<Answer> {
    let head = unread.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let text = String::from_utf8(unread[..head].to_vec()).expect("a head is ASCII");
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status line");
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
        headers.append(name, HeaderValue::from_str(value).expect("a header's value"));
    }
    let (body, length) = match headers.get("content-length") {
        // It says nothing of a body because there is none.
        None if status == "304" => (Vec::new(), 0),
        Some(length) => {
            let length: usize = length.to_str().ok()?.parse().expect("a length");
            (unread.get(head + 4..head + 4 + length)?.to_vec(), length)
        }
        None => chunks(&unread[head + 4..])?,
    };
    unread.drain(..head + 4 + length);
    Some(Answer { status: status.parse().expect("a status"), headers, body })
}

/// A chunked body and its length on the wire.
fn chunks(mut rest: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (all, mut body) = (rest.len(), Vec::new());
    loop {
        let line = rest.windows(2).position(|bytes| bytes == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..line]).expect("a chunk's size is ASCII");
        let size = usize::from_str_radix(size, 16).expect("a chunk's size");
        body.extend_from_slice(rest.get(line + 2..line + 2 + size)?);
        rest = rest.get(line + 2 + size + 2..)?;
        if size == 0 {
            return Some((body, all - rest.len()));
        }
    }
}
