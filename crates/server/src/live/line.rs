//! One socket: frames in, frames out, signals from the hub, and whether the other end is still there.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout};

use super::bucket::Bucket;
use super::close::Close;
use super::hub::{Inbox, Signal, Topic};
use crate::http::address::limited_as;
use crate::http::{Code, Error};

pub const SUBPROTOCOL: &str = "rozmowa.v1";
/// A message of 16,384 characters fits, whatever they are and however they are escaped in JSON.
const FRAME_BYTES_MAX: usize = 128 * 1024;
/// The library's own default would be what most of a server's memory is used for.
const READ_BUFFER_BYTES: usize = 2 * 1024;
pub const PING_EVERY: Duration = Duration::from_secs(25);
/// Two pings without an answer, and some.
const SILENT_AFTER: Duration = Duration::from_mins(1);
/// A peer that does not take a frame for this long is gone.
const SEND_MAX: Duration = Duration::from_secs(20);
/// For saying good-bye.
const FAREWELL_MAX: Duration = Duration::from_secs(2);
/// Frames of any kind.
const FRAMES_PER_SECOND: f32 = 25.0;
const FRAMES_BURST: f32 = 100.0;

/// The sockets of this process, bounded.
pub struct Sockets {
    permits: Arc<Semaphore>,
    all: u32,
    by_address: Mutex<HashMap<IpAddr, usize>>,
    by_address_max: usize,
}

/// A socket's place among them.
pub struct Place {
    sockets: Arc<Sockets>,
    address: IpAddr,
    _permit: OwnedSemaphorePermit,
}

impl Sockets {
    pub fn new(all: usize, by_address_max: usize) -> Self {
        let all = u32::try_from(all).unwrap_or(u32::MAX).min(1 << 28);
        let permits = Arc::new(Semaphore::new(all as usize));
        Self { permits, all, by_address: Mutex::default(), by_address_max }
    }

    /// A place for one more, or why there is none.
    pub fn enter(self: &Arc<Self>, from: IpAddr) -> Result<Place, Error> {
        let permit = Arc::clone(&self.permits).try_acquire_owned();
        let permit = permit.map_err(|_| Error::from(Code::TooManySockets).retry_after(10))?;
        let address = limited_as(from);
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_address.entry(address).or_default();
        if *count >= self.by_address_max {
            return Err(Error::from(Code::TooManySockets).retry_after(10));
        }
        *count += 1;
        drop(by_address);
        Ok(Place { sockets: Arc::clone(self), address, _permit: permit })
    }

    /// Resolves when there is none any more.
    pub async fn all_gone(&self) {
        let _ = self.permits.acquire_many(self.all).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_address = self.sockets.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

/// What a socket is to do next.
pub enum Next {
    Frame(Utf8Bytes),
    Signal(Signal),
    /// The other end has just shown that it is there.
    Alive,
}

pub struct Line {
    socket: WebSocket,
    pub inbox: Inbox,
    frames: Bucket,
    next_ping: Instant,
    /// Only the answer to a ping of ours counts as a sign of life.
    awaits_pong: bool,
    heard_at: Instant,
    _place: Place,
}

/// As our sockets are: small.
pub fn configured(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(4 * FRAME_BYTES_MAX)
        .max_message_size(FRAME_BYTES_MAX)
        .max_frame_size(FRAME_BYTES_MAX)
}

impl Line {
    pub fn new(socket: WebSocket, inbox: Inbox, place: Place) -> Self {
        let now = Instant::now();
        let frames = Bucket::new(FRAMES_PER_SECOND, FRAMES_BURST);
        Self {
            socket,
            inbox,
            frames,
            next_ping: now + PING_EVERY,
            awaits_pong: false,
            heard_at: now,
            _place: place,
        }
    }

    /// The first frame of the other end.
    pub async fn hello(&mut self, within: Duration) -> Result<Utf8Bytes, Close> {
        self.inbox.listen(Topic::End);
        let hello = self.first_frame(within).await;
        self.inbox.unlisten(Topic::End);
        hello
    }

    async fn first_frame(&mut self, within: Duration) -> Result<Utf8Bytes, Close> {
        let first = async {
            loop {
                if let Next::Frame(frame) = self.next().await? {
                    return Ok(frame);
                }
            }
        };
        timeout(within, first).await.unwrap_or(Err(Close::Silent))
    }

    pub async fn next(&mut self) -> Result<Next, Close> {
        loop {
            tokio::select! {
                signal = self.inbox.next() => return Ok(Next::Signal(signal?)),
                message = self.socket.recv() => {
                    self.heard_at = Instant::now();
                    match message {
                        Some(Ok(Message::Text(frame))) => {
                            self.frames.take().map_err(|_| Close::Flooding)?;
                            return Ok(Next::Frame(frame));
                        }
                        Some(Ok(Message::Pong(_))) if std::mem::take(&mut self.awaits_pong) => {
                            return Ok(Next::Alive);
                        }
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => self.frames.take().map_err(|_| Close::Flooding)?,
                        Some(Ok(Message::Binary(_))) => return Err(Close::BadFrame),
                        Some(Ok(Message::Close(_))) | None => return Err(Close::Done),
                        Some(Err(error)) => return Err(broken(&error)),
                    }
                }
                () = sleep_until(self.next_ping) => {
                    if self.heard_at.elapsed() > SILENT_AFTER {
                        return Err(Close::Silent);
                    }
                    self.next_ping = Instant::now() + PING_EVERY;
                    self.awaits_pong = true;
                    Box::pin(self.put(Message::Ping(bytes::Bytes::new()))).await?;
                }
            }
        }
    }

    pub async fn send(&mut self, frame: &impl Serialize) -> Result<(), Close> {
        let text = serde_json::to_string(frame).map_err(|_| Close::Unavailable)?;
        self.put(Message::text(text)).await
    }

    /// Waits for the other end as long as it is not too far behind.
    async fn put(&mut self, message: Message) -> Result<(), Close> {
        tokio::select! {
            sent = timeout(SEND_MAX, self.socket.send(message)) => match sent {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) => Err(Close::Done),
                Err(_) => Err(Close::Resync),
            },
            end = self.inbox.ended() => Err(end.into()),
        }
    }

    /// Says why, and lets the other end read it.
    pub async fn close(&mut self, why: Close) {
        let frame = CloseFrame { code: why.number(), reason: Utf8Bytes::from_static(why.about()) };
        let farewell = async {
            // Fails when the other end was first: then reading sends the answer to its closing.
            let _ = self.socket.send(Message::Close(Some(frame))).await;
            while let Some(Ok(_)) = self.socket.recv().await {}
        };
        let _ = timeout(FAREWELL_MAX, farewell).await;
    }
}

/// A frame that is too long or not one is the client's fault; everything else is the network's.
fn broken(error: &axum::Error) -> Close {
    let text = error.to_string();
    let is_faulty =
        ["too long", "UTF-8", "utf-8", "protocol error"].iter().any(|it| text.contains(it));
    if is_faulty && !text.contains("without closing handshake") {
        Close::BadFrame
    } else {
        Close::Done
    }
}
