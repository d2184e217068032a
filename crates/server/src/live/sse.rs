//! Streams for integrators: what server-sent events have in common.
//!
//! A stream reads the log; the hub only says when to look. So it shows what is committed, in order, and what was erased it
//! does not show. Beside it looks every few seconds by itself: whether its caller still may, and for what other processes
//! have written.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Write;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::{HeaderName, HeaderValue, header};
use hyper::body::Frame;
use rozmowa_db::Tx;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{End, Inbox, Signal, Told};
use crate::app::App;
use crate::http::auth::ApiUser;
use crate::http::call::Caller;
use crate::http::{Code, Error, Fault};

/// Streams of a process, and of one API user.
const ALL_MAX: usize = 1_000;
const OF_USER_MAX: usize = 100;
/// How often a stream looks although nobody tells it anything.
pub const LOOK_EVERY: Duration = Duration::from_secs(5);
/// A comment after so long without an event, so that nobody in between takes the line for dead.
const BEAT_EVERY: Duration = Duration::from_secs(15);
/// A reader who takes nothing for so long is gone.
const UNREAD_MAX: Duration = Duration::from_mins(1);
/// Pieces that wait for the reader.
const AHEAD: usize = 2;
/// What clients wait before they come back.
const RETRY_MS: u32 = 2_000;

/// Who has streams open.
#[derive(Default)]
pub struct Streams(Mutex<HashMap<i64, usize>>);

/// A stream's place among them.
struct Place {
    streams: Arc<Streams>,
    user: i64,
}

impl Streams {
    fn open(self: &Arc<Self>, user: i64) -> Result<Place, Error> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, own) = (open.values().sum::<usize>(), open.entry(user).or_default());
        for (count, limit) in [(*own, OF_USER_MAX), (all, ALL_MAX)] {
            if count >= limit {
                let fault = Fault::new(Code::TooManyStreams).with("limit", limit);
                return Err(Error::from(fault).retry_after(BEAT_EVERY.as_secs()));
            }
        }
        *own += 1;
        Ok(Place { streams: Arc::clone(self), user })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.user);
            }
        }
    }
}

/// The reader's end.
struct Chunks {
    pieces: mpsc::Receiver<Bytes>,
    _place: Place,
}

impl hyper::body::Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.pieces.poll_recv(context).map(|piece| piece.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// Why a stream is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// Nobody reads any more.
    Gone,
    /// More has happened than the reader took.
    Behind,
    /// The server stops.
    Stopping,
    /// The caller may not read any more, or has to say again who it is.
    Credentials,
    /// The store failed.
    Store,
    /// Nothing can come any more.
    Complete,
}

impl Over {
    /// What the reader is told, and whether coming back makes sense.
    const fn told(self) -> Option<(&'static str, bool)> {
        match self {
            Self::Gone | Self::Complete => None,
            Self::Behind => Some(("behind", true)),
            Self::Stopping => Some(("stopping", true)),
            Self::Credentials => Some(("credentials", true)),
            Self::Store => Some(("unavailable", true)),
        }
    }
}

impl From<End> for Over {
    fn from(end: End) -> Self {
        match end {
            End::Behind => Self::Behind,
            End::Stopping => Self::Stopping,
        }
    }
}

impl From<Error> for Over {
    fn from(error: Error) -> Self {
        if error.is_stale_credential() {
            return Self::Credentials;
        }
        tracing::debug!(cause = error.cause(), "a stream could not go on");
        Self::Store
    }
}

/// What a stream waits for.
pub enum Wake {
    Told(Arc<Told>),
    /// Time to look.
    Look,
}

/// The writer's end.
pub struct Stream {
    pub app: App,
    caller: Arc<ApiUser>,
    inbox: Inbox,
    pieces: mpsc::Sender<Bytes>,
    sent_at: Instant,
    looked_at: Instant,
}

impl Stream {
    /// Of a caller, who listens already; and the answer.
    pub fn open(app: &App, caller: &Arc<ApiUser>, inbox: Inbox) -> Result<(Self, Response), Error> {
        let place = app.streams.open(caller.api_user_id)?;
        let (sender, pieces) = mpsc::channel(AHEAD);
        let mut response = Response::new(Body::new(Chunks { pieces, _place: place }));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        // What is read in advance is read too late.
        let unbuffered = HeaderName::from_static("x-accel-buffering");
        headers.insert(unbuffered, HeaderValue::from_static("no"));
        let now = Instant::now();
        let stream = Self {
            app: app.clone(),
            caller: Arc::clone(caller),
            inbox,
            pieces: sender,
            sent_at: now,
            looked_at: now,
        };
        Ok((stream, response))
    }

    /// The first thing to send.
    pub fn greeting() -> String {
        format!("retry: {RETRY_MS}\n\n")
    }

    /// Sends as fast as it is read, and gives up when more happens meanwhile than can wait.
    pub async fn send(&mut self, text: String) -> Result<(), Over> {
        if text.is_empty() {
            return Ok(());
        }
        tokio::select! {
            biased;
            sent = timeout(UNREAD_MAX, self.pieces.send(text.into())) => match sent {
                Ok(Ok(())) => {
                    self.sent_at = Instant::now();
                    Ok(())
                }
                _ => Err(Over::Gone),
            },
            end = self.inbox.ended() => Err(end.into()),
        }
    }

    /// Reads as the caller, who may have been locked out meanwhile.
    pub async fn read<T, F>(&mut self, run: F) -> Result<T, Over>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T, Error> + Send + Sync + 'static,
    {
        let (app, caller) = (self.app.clone(), Arc::clone(&self.caller));
        let read = self.app.db.read(move |tx| {
            let now = app.clock.now();
            caller.check_at(now).map_err(|_| Error::stale_credential())?;
            caller.recheck(tx, now)?;
            run(tx)
        });
        let read = read.await?;
        Ok(read)
    }

    /// Waits for something to show, for the time to look, or for the end.
    pub async fn wait(&mut self) -> Result<Wake, Over> {
        loop {
            let look = LOOK_EVERY.saturating_sub(self.looked_at.elapsed());
            tokio::select! {
                signal = self.inbox.next() => match signal? {
                    Signal::Told(told) => return Ok(Wake::Told(told)),
                    Signal::Passing(_) => {}
                },
                () = tokio::time::sleep(look) => {
                    self.looked_at = Instant::now();
                    return Ok(Wake::Look);
                }
                () = self.pieces.closed() => return Err(Over::Gone),
            }
        }
    }

    /// What has come in the meantime, if anything.
    pub fn next_told(&mut self) -> Result<Option<Arc<Told>>, Over> {
        loop {
            match self.inbox.try_next() {
                None => return Ok(None),
                Some(Ok(Signal::Told(told))) => return Ok(Some(told)),
                Some(Ok(Signal::Passing(_))) => {}
                Some(Err(end)) => return Err(end.into()),
            }
        }
    }

    /// A sign of life, when there was none for long.
    pub async fn beat(&mut self, text: String) -> Result<(), Over> {
        if self.sent_at.elapsed() < BEAT_EVERY { Ok(()) } else { self.send(text).await }
    }

    /// Tells why, if there is room: who comes back finds everything either way.
    pub fn end(self, why: Over) {
        if let Some((reason, reconnect)) = why.told() {
            let data = json!({ "reason": reason, "reconnect": reconnect });
            let _ = self.pieces.try_send(format!("event: end\ndata: {data}\n\n").into());
        }
    }
}

/// Writes an event.
pub fn event(text: &mut String, id: &str, name: &str, data: &serde_json::Value) {
    let _ = write!(text, "id: {id}\nevent: {name}\ndata: {data}\n\n");
}
