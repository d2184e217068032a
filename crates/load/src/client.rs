//! A lean HTTP/1.1 keep-alive client: it shares two cores with the server that it measures, so it
//! writes pre-rendered bytes and looks at nothing but the status, the length and the body.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::SocketAddr,
    time::Duration,
};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

const FIRST_BUFFER: usize = 4 * 1024;
const LARGEST_HEAD: usize = 64 * 1024;

/// One answer, borrowed from its connection until the next call.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    pub status: u16,
    head: &'a [u8],
    pub body: &'a [u8],
}

impl Answer<'_> {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        header(self.head, name)
    }

    pub fn json(&self) -> io::Result<serde_json::Value> {
        serde_json::from_slice(self.body)
            .map_err(|error| bad(format!("no JSON in the answer: {error}: {}", self.text())))
    }

    /// An error that shows the answer, unless its status is 200.
    pub fn expect_ok(&self) -> io::Result<()> {
        if self.status == 200 {
            return Ok(());
        }
        Err(bad(format!("status {}: {}", self.status, self.text())))
    }
}

/// For use inside a Tokio runtime.
pub struct Connection {
    stream: tokio::net::TcpStream,
    inbox: Inbox,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = tokio::net::TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, inbox: Inbox::new() })
    }

    /// Takes over a connected stream of the standard library; must be called inside the runtime.
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: tokio::net::TcpStream::from_std(stream)?, inbox: Inbox::new() })
    }

    pub async fn call(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.inbox.clear();
        self.stream.write_all(request).await?;
        while !self.inbox.complete() {
            let read = self.stream.read(self.inbox.space()).await?;
            self.inbox.received(read)?;
        }
        Ok(self.inbox.answer())
    }
}

/// For single calls and for latencies measured one at a time: no runtime in between.
pub struct BlockingConnection {
    stream: std::net::TcpStream,
    inbox: Inbox,
}

impl BlockingConnection {
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = std::net::TcpStream::connect_timeout(&address, Duration::from_secs(10))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_mins(1)))?;
        Ok(Self { stream, inbox: Inbox::new() })
    }

    pub fn call(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.inbox.clear();
        self.stream.write_all(request)?;
        while !self.inbox.complete() {
            let read = self.stream.read(self.inbox.space())?;
            self.inbox.received(read)?;
        }
        Ok(self.inbox.answer())
    }
}

/// What has arrived of one answer.
struct Inbox {
    buffer: Vec<u8>,
    filled: usize,
    head: Option<Head>,
}

#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    length: usize,
    body: usize,
}

impl Inbox {
    fn new() -> Self {
        Self { buffer: vec![0; FIRST_BUFFER], filled: 0, head: None }
    }

    fn clear(&mut self) {
        self.filled = 0;
        self.head = None;
    }

    fn space(&mut self) -> &mut [u8] {
        &mut self.buffer[self.filled..]
    }

    fn received(&mut self, count: usize) -> io::Result<()> {
        if count == 0 {
            return Err(io::Error::new(
                ErrorKind::UnexpectedEof,
                "the server closed the connection",
            ));
        }
        self.filled += count;
        if self.head.is_none() {
            self.head = parse_head(&self.buffer[..self.filled])?;
        }
        match &self.head {
            Some(head) => {
                let total = head.length + head.body;
                if self.filled > total {
                    return Err(bad("the server sent more than one answer".to_owned()));
                }
                if self.buffer.len() < total {
                    self.buffer.resize(total, 0);
                }
            }
            None if self.filled >= LARGEST_HEAD => {
                return Err(bad("the head of the answer does not end".to_owned()));
            }
            None if self.filled == self.buffer.len() => self.buffer.resize(self.filled * 2, 0),
            None => {}
        }
        Ok(())
    }

    fn complete(&self) -> bool {
        self.head.as_ref().is_some_and(|head| self.filled == head.length + head.body)
    }

    fn answer(&self) -> Answer<'_> {
        let head = self.head.as_ref().expect("asked only when the answer is complete");
        Answer {
            status: head.status,
            head: &self.buffer[..head.length],
            body: &self.buffer[head.length..self.filled],
        }
    }
}

/// `None` while the head is not all there.
fn parse_head(bytes: &[u8]) -> io::Result<Option<Head>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = &bytes[..end + 4];
    if !head.starts_with(b"HTTP/1.1 ") {
        return Err(bad(format!("not an HTTP/1.1 answer: {}", String::from_utf8_lossy(head))));
    }
    let status = std::str::from_utf8(&head[9..12])
        .ok()
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| bad("the status is not a number".to_owned()))?;
    // Every answer that these tools ask for has a length; a chunked one would be a change to notice.
    let body = match header(head, "content-length") {
        Some(text) => text.parse().map_err(|_| bad(format!("the content length is {text:?}")))?,
        None if status == 204 || status == 304 => 0,
        None => {
            return Err(bad(
                "the answer has no Content-Length; chunked answers are not read here".to_owned()
            ));
        }
    };
    Ok(Some(Head { status, length: head.len(), body }))
}

pub(crate) fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    head.split(|byte| *byte == b'\n').skip(1).find_map(|line| {
        let (start, rest) = line.split_at_checked(name.len())?;
        if !start.eq_ignore_ascii_case(name.as_bytes()) {
            return None;
        }
        let value = rest.strip_prefix(b":")?;
        std::str::from_utf8(value).ok().map(str::trim)
    })
}

fn bad(text: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(inbox: &mut Inbox, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let space = inbox.space();
            let count = space.len().min(rest.len());
            space[..count].copy_from_slice(&rest[..count]);
            inbox.received(count)?;
            rest = &rest[count..];
        }
        Ok(())
    }

    #[test]
    fn an_answer_is_read_whole() {
        let mut inbox = Inbox::new();
        receive(&mut inbox, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nRetry-After: 1\r\n\r\n{}")
            .unwrap();
        assert!(inbox.complete());
        let answer = inbox.answer();
        assert_eq!((answer.status, answer.body), (200, &b"{}"[..]));
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert_eq!(answer.header("retry"), None);
    }

    #[test]
    fn an_answer_may_come_byte_by_byte() {
        let mut inbox = Inbox::new();
        for byte in b"HTTP/1.1 503 Busy\r\ncontent-length: 3\r\n\r\nabc" {
            assert!(!inbox.complete());
            receive(&mut inbox, &[*byte]).unwrap();
        }
        assert!(inbox.complete());
        assert_eq!((inbox.answer().status, inbox.answer().body), (503, &b"abc"[..]));
    }

    #[test]
    fn a_large_body_grows_the_buffer() {
        let mut inbox = Inbox::new();
        let body = vec![b'x'; 50_000];
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        receive(&mut inbox, head.as_bytes()).unwrap();
        receive(&mut inbox, &body).unwrap();
        assert_eq!(inbox.answer().body, body);
        inbox.clear();
        receive(&mut inbox, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        assert!(inbox.complete());
        assert!(inbox.answer().body.is_empty());
    }

    #[test]
    fn a_large_head_grows_the_buffer_up_to_a_bound() {
        let mut inbox = Inbox::new();
        let head =
            format!("HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 1\r\n\r\na", "y".repeat(9_000));
        receive(&mut inbox, head.as_bytes()).unwrap();
        assert_eq!(inbox.answer().body, b"a");
        inbox.clear();
        assert!(receive(&mut inbox, &vec![b'z'; LARGEST_HEAD + 1]).is_err());
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert!(parse_head(b"HTTP/1.1 200 OK\r\n").unwrap().is_none());
        assert!(parse_head(b"HTTP/1.1 2x0 OK\r\ncontent-length: 0\r\n\r\n").is_err());
        assert!(parse_head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
        assert!(parse_head(b"SSH-2.0\r\n\r\n").is_err());
        let mut inbox = Inbox::new();
        assert!(
            receive(&mut inbox, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1").is_err()
        );
        assert!(inbox.received(0).is_err());
    }

    #[test]
    fn no_content_needs_no_length() {
        let head = parse_head(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().unwrap();
        assert_eq!(head, Head { status: 204, length: 27, body: 0 });
    }
}
