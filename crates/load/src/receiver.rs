//! A receiver of webhooks for load: it shares the processors with the server that delivers to it, so it looks at nothing
//! but the length of a request and the conversation in it.
//!
//! It lives on a thread and a runtime of its own, in this process: what arrived when can then be held against what this
//! process sent.

use std::{
    collections::{HashMap, hash_map::Entry},
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};

use crate::{client::header, pause, ports};

const FIRST_BUFFER: usize = 2 * 1024;
/// A delivery is some hundreds of bytes; what is much larger is none.
const LARGEST_REQUEST: usize = 256 * 1024;
const TAKEN: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const NOT_UNDERSTOOD: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
/// After it was away its port may be held for a moment by what is left of a connection.
const BINDS: u32 = 100;
const BIND_EVERY: Duration = Duration::from_millis(20);

/// What the receiver does with those who call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Every delivery is taken.
    Taking,
    /// Deliveries are read and counted, and get no answer until the manner changes.
    Silent,
    /// Nobody listens, and connections that were open are closed.
    Away,
}

/// What has arrived of one conversation.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    pub first: Instant,
    pub times: u32,
    /// Whether one of them got an answer, or was about to.
    pub is_taken: bool,
}

/// All that has arrived.
#[derive(Debug, Default)]
struct Arrivals {
    requests: usize,
    by_conversation: HashMap<u128, Arrival>,
    last_new: Option<Instant>,
    /// The first request that was no delivery.
    strange: Option<String>,
}

impl Arrivals {
    fn note(&mut self, request: &Request, head_and_body: &[u8], is_taken: bool) {
        self.requests += 1;
        let Some(conversation) = request.conversation else {
            let text = || String::from_utf8_lossy(head_and_body).into_owned();
            self.strange.get_or_insert_with(text);
            return;
        };
        match self.by_conversation.entry(conversation) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.times += 1;
                known.is_taken |= is_taken;
            }
            Entry::Vacant(new) => {
                let now = Instant::now();
                new.insert(Arrival { first: now, times: 1, is_taken });
                self.last_new = Some(now);
            }
        }
    }

    fn take(&mut self, request: &Request) {
        let conversation = request.conversation.and_then(|of| self.by_conversation.get_mut(&of));
        if let Some(arrival) = conversation {
            arrival.is_taken = true;
        }
    }
}

/// Ends when dropped.
pub struct Receiver {
    address: SocketAddr,
    arrivals: Arc<Mutex<Arrivals>>,
    orders: Option<mpsc::Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

type Order = (Manner, oneshot::Sender<io::Result<()>>);

impl Receiver {
    pub fn start(manner: Manner) -> io::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free_port()?));
        let arrivals = Arc::new(Mutex::new(Arrivals::default()));
        // One order at a time: who gives it waits for it.
        let (orders, given) = mpsc::channel(1);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::clone(&arrivals);
        let thread = thread::spawn(move || runtime.block_on(serve(address, shared, given)));
        let receiver = Self { address, arrivals, orders: Some(orders), thread: Some(thread) };
        receiver.turn(manner)?;
        Ok(receiver)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Changes the manner; it holds when this returns. Not for use inside a Tokio runtime.
    pub fn turn(&self, manner: Manner) -> io::Result<()> {
        let ended = || io::Error::other("the receiver's thread has ended");
        let (done, is_done) = oneshot::channel();
        let orders = self.orders.as_ref().ok_or_else(ended)?;
        orders.blocking_send((manner, done)).map_err(|_| ended())?;
        is_done.blocking_recv().map_err(|_| ended())?
    }

    fn arrivals(&self) -> MutexGuard<'_, Arrivals> {
        lock(&self.arrivals)
    }

    /// Requests, repeated ones too.
    pub fn requests(&self) -> usize {
        self.arrivals().requests
    }

    /// Conversations of which something has arrived.
    pub fn conversations(&self) -> usize {
        self.arrivals().by_conversation.len()
    }

    /// What has arrived of the conversation with this id.
    pub fn arrival(&self, id: &str) -> Option<Arrival> {
        self.arrivals().by_conversation.get(&conversation_number(id.as_bytes())?).copied()
    }

    /// Waits until this many conversations have arrived, and says when the last of them did.
    pub fn wait_for(&self, conversations: usize, limit: Duration) -> io::Result<Instant> {
        let what = format!("{conversations} conversations to be delivered");
        let found = pause::wait_until(&what, limit, Duration::from_millis(2), || {
            let arrivals = self.arrivals();
            let is_all = arrivals.by_conversation.len() >= conversations;
            Ok(arrivals.last_new.filter(|_| is_all))
        });
        found.map_err(|error| {
            let (requests, found) = (self.requests(), self.conversations());
            io::Error::new(error.kind(), format!("{error}: {found} came, in {requests} requests"))
        })
    }

    /// An error that shows the first request that was not understood, if there was one.
    pub fn expect_understood(&self) -> io::Result<()> {
        match &self.arrivals().strange {
            None => Ok(()),
            Some(request) => Err(io::Error::other(format!("not a delivery: {request}"))),
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn lock(arrivals: &Mutex<Arrivals>) -> MutexGuard<'_, Arrivals> {
    arrivals.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes orders until there is nobody left to give them.
async fn serve(
    address: SocketAddr,
    arrivals: Arc<Mutex<Arrivals>>,
    mut orders: mpsc::Receiver<Order>,
) {
    let (manner, seen) = watch::channel(Manner::Away);
    let mut listener = None;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            order = orders.recv() => {
                let Some((turned, done)) = order else { return };
                let turn = match (turned, &listener) {
                    (Manner::Away, _) => {
                        listener = None;
                        connections.shutdown().await;
                        Ok(())
                    }
                    (_, Some(_)) => Ok(()),
                    (_, None) => bind(address).await.map(|bound| listener = Some(bound)),
                };
                manner.send_replace(turned);
                let _ = done.send(turn);
            }
            accepted = accept(listener.as_ref()) => {
                // Out of file handles, say: who called tries again.
                if let Ok(stream) = accepted {
                    connections.spawn(connection(stream, Arc::clone(&arrivals), seen.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let mut binds = 1;
    loop {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && binds < BINDS => {
                binds += 1;
                tokio::time::sleep(BIND_EVERY).await;
            }
            outcome => return outcome,
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => Ok(listener.accept().await?.0),
        None => std::future::pending().await,
    }
}

/// One request after the other; ends with the connection, or after what is no request.
async fn connection(
    mut stream: TcpStream,
    arrivals: Arc<Mutex<Arrivals>>,
    mut manner: watch::Receiver<Manner>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; FIRST_BUFFER];
    let mut filled = 0;
    loop {
        match parse(&buffer[..filled]) {
            Ok(Some(request)) => {
                let is_silent = *manner.borrow() == Manner::Silent;
                lock(&arrivals).note(&request, &buffer[..request.length], !is_silent);
                if is_silent {
                    // An error: the receiver ends, and this with it.
                    let _ = manner.wait_for(|manner| *manner != Manner::Silent).await;
                    lock(&arrivals).take(&request);
                }
                stream.write_all(TAKEN).await?;
                buffer.copy_within(request.length..filled, 0);
                filled -= request.length;
            }
            Ok(None) => {
                if filled == buffer.len() {
                    buffer.resize(filled * 2, 0);
                }
                let read = stream.read(&mut buffer[filled..]).await?;
                if read == 0 {
                    return Ok(());
                }
                filled += read;
            }
            Err(what) => {
                let text = format!("{what}: {}", String::from_utf8_lossy(&buffer[..filled]));
                lock(&arrivals).strange.get_or_insert(text);
                return stream.write_all(NOT_UNDERSTOOD).await;
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Request {
    /// Of head and body.
    length: usize,
    /// None in what is no delivery.
    conversation: Option<u128>,
}

/// `None` while the request is not all there; an error for what can't become one.
fn parse(bytes: &[u8]) -> Result<Option<Request>, &'static str> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return if bytes.len() < LARGEST_REQUEST { Ok(None) } else { Err("a head without an end") };
    };
    let head = &bytes[..end + 4];
    if !head.starts_with(b"POST ") {
        return Err("not a POST");
    }
    let body: usize = header(head, "content-length")
        .and_then(|length| length.parse().ok())
        .ok_or("no Content-Length")?;
    if body > LARGEST_REQUEST {
        return Err("a body that is too long");
    }
    let length = head.len() + body;
    let Some(body) = bytes.get(head.len()..length) else { return Ok(None) };
    Ok(Some(Request { length, conversation: conversation(body) }))
}

/// The conversation in the body of a form.
fn conversation(body: &[u8]) -> Option<u128> {
    body.split(|byte| *byte == b'&')
        .find_map(|field| field.strip_prefix(b"conversation_id="))
        .and_then(conversation_number)
}

/// The number that a UUID spells.
fn conversation_number(text: &[u8]) -> Option<u128> {
    if text.len() != 36 {
        return None;
    }
    let mut number = 0;
    for (place, byte) in text.iter().enumerate() {
        match (place, byte) {
            (8 | 13 | 18 | 23, b'-') => {}
            (8 | 13 | 18 | 23, _) => return None,
            _ => number = (number << 4) | u128::from(char::from(*byte).to_digit(16)?),
        }
    }
    Some(number)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{
        io::{Read, Write},
        net::TcpStream as BlockingStream,
    };

    use super::*;
    use crate::client::BlockingConnection;

    pub(crate) const ONE: &str = "6ed7c941-2c8a-411e-95d2-338a9f64800a";
    pub(crate) const TWO: &str = "6ed7c941-2c8a-411e-95d2-338a9f64800b";
    const SOON: Duration = Duration::from_secs(10);

    pub(crate) fn delivery(id: &str) -> Vec<u8> {
        let body = format!(
            "action=CHAT_CONVERSATION_CREATED&conversation_id={id}&client_name=Jan&client_email=null"
        );
        format!(
            "POST /hook HTTP/1.1\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    #[test]
    fn a_delivery_is_read_whole_or_not_yet() {
        let bytes = delivery(ONE);
        let whole = Request {
            length: bytes.len(),
            conversation: Some(0x6ed7_c941_2c8a_411e_95d2_338a_9f64_800a),
        };
        for length in 0..bytes.len() {
            assert_eq!(parse(&bytes[..length]), Ok(None), "{length}");
        }
        assert_eq!(parse(&bytes), Ok(Some(whole)));
        // The next one behind it changes nothing.
        let two = [delivery(ONE), delivery(TWO)].concat();
        assert_eq!(parse(&two).unwrap().unwrap().length, bytes.len());
    }

    #[test]
    fn what_is_no_delivery_is_told_apart() {
        let test = b"POST / HTTP/1.1\r\nContent-Length: 19\r\n\r\naction=WEBHOOK_TEST";
        assert_eq!(parse(test), Ok(Some(Request { length: test.len(), conversation: None })));
        assert!(parse(b"GET / HTTP/1.1\r\n\r\n").is_err());
        assert!(parse(b"POST / HTTP/1.1\r\n\r\n").is_err());
        assert!(parse(b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n").is_err());
        assert!(parse(b"POST / HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n").is_err());
        assert!(parse(&vec![b'x'; LARGEST_REQUEST]).is_err());
    }

    #[test]
    fn conversations_have_one_spelling_each() {
        assert_eq!(conversation_number(ONE.as_bytes()).unwrap().to_be_bytes()[15], 0x0a);
        assert_eq!(
            conversation_number(ONE.to_uppercase().as_bytes()),
            conversation_number(ONE.as_bytes())
        );
        for wrong in ["", "null", &ONE[1..], &ONE.replace('-', "0"), &ONE.replace('e', "x")] {
            assert_eq!(conversation_number(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(conversation(b"a=b&conversation_id=null"), None);
        assert_eq!(
            conversation(b"a=b&my_conversation_id=6ed7c941-2c8a-411e-95d2-338a9f64800a"),
            None
        );
    }

    #[test]
    fn arrivals_and_repeats_are_counted() {
        let receiver = Receiver::start(Manner::Taking).unwrap();
        let mut connection = BlockingConnection::open(receiver.address).unwrap();
        for id in [ONE, TWO, ONE] {
            connection.call(&delivery(id)).unwrap().expect_ok().unwrap();
        }
        assert_eq!((receiver.requests(), receiver.conversations()), (3, 2));
        assert_eq!(receiver.arrival(ONE).unwrap().times, 2);
        assert!(receiver.arrival(ONE).unwrap().first <= receiver.arrival(TWO).unwrap().first);
        assert!(receiver.arrival("nonsense").is_none());
        receiver.wait_for(2, SOON).unwrap();
        let late = receiver.wait_for(3, Duration::ZERO).unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        receiver.expect_understood().unwrap();
    }

    #[test]
    fn a_silent_one_counts_and_answers_when_it_is_woken() {
        let receiver = Receiver::start(Manner::Silent).unwrap();
        let mut stream = BlockingStream::connect(receiver.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        stream.write_all(&delivery(ONE)).unwrap();
        receiver.wait_for(1, SOON).unwrap();
        let mut answer = [0; TAKEN.len()];
        assert!(stream.read(&mut answer).is_err());
        assert!(!receiver.arrival(ONE).unwrap().is_taken);
        receiver.turn(Manner::Taking).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, TAKEN);
        assert!(receiver.arrival(ONE).unwrap().is_taken);
    }

    #[test]
    fn what_went_away_without_an_answer_was_not_taken() {
        let receiver = Receiver::start(Manner::Silent).unwrap();
        let mut stream = BlockingStream::connect(receiver.address).unwrap();
        stream.write_all(&delivery(ONE)).unwrap();
        receiver.wait_for(1, SOON).unwrap();
        receiver.turn(Manner::Away).unwrap();
        receiver.turn(Manner::Taking).unwrap();
        assert!(!receiver.arrival(ONE).unwrap().is_taken);
        let mut connection = BlockingConnection::open(receiver.address).unwrap();
        connection.call(&delivery(ONE)).unwrap().expect_ok().unwrap();
        assert!(receiver.arrival(ONE).unwrap().is_taken);
    }

    #[test]
    fn one_that_is_away_refuses_until_it_is_back() {
        let receiver = Receiver::start(Manner::Taking).unwrap();
        let mut open = BlockingConnection::open(receiver.address).unwrap();
        open.call(&delivery(ONE)).unwrap().expect_ok().unwrap();
        receiver.turn(Manner::Away).unwrap();
        assert!(open.call(&delivery(TWO)).is_err());
        let refused = BlockingStream::connect(receiver.address).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        receiver.turn(Manner::Taking).unwrap();
        let mut again = BlockingConnection::open(receiver.address).unwrap();
        again.call(&delivery(TWO)).unwrap().expect_ok().unwrap();
        assert_eq!(receiver.conversations(), 2);
    }

    #[test]
    fn what_is_not_understood_is_shown() {
        let receiver = Receiver::start(Manner::Taking).unwrap();
        let mut connection = BlockingConnection::open(receiver.address).unwrap();
        assert_eq!(connection.call(b"GET /hook HTTP/1.1\r\n\r\n").unwrap().status, 400);
        let error = receiver.expect_understood().unwrap_err().to_string();
        assert!(error.contains("GET /hook"), "{error}");
    }
}
