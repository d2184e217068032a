//! Listeners: how connections are accepted, bounded, cut when they dawdle, and ended.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::service::Service;
use crate::config::Limits;

/// Bytes of a request's head that are read before it is refused.
const HEAD_BYTES_MAX: u32 = 64 * 1024;
/// Calls at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 128;
/// A peer that does not answer for this long is gone.
const PING_EVERY: Duration = Duration::from_secs(20);
/// Bytes that a peer does not acknowledge for this long end the connection.
const UNREAD_MAX: Duration = Duration::from_mins(1);
/// After a failed accept: most often there are no file descriptors left, and some will be free soon.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(50);
/// The first bytes of HTTP/2 without TLS.
const HTTP2_START: &[u8] = b"PRI ";

/// What all listeners share.
pub struct Door {
    service: Service,
    head_timeout: Duration,
    permits: Arc<Semaphore>,
    graceful: GracefulShutdown,
    /// Told to connections that have not said anything yet.
    closing: watch::Sender<bool>,
}

impl Door {
    pub fn new(service: Service, limits: &Limits) -> Self {
        Self {
            service,
            head_timeout: Duration::from_secs(limits.head_seconds),
            permits: Arc::new(Semaphore::new(limits.connections)),
            graceful: GracefulShutdown::new(),
            closing: watch::Sender::new(false),
        }
    }

    /// Accepts connections for as long as it is polled.
    pub async fn accept(&self, listener: &TcpListener, tls: Option<TlsAcceptor>) {
        loop {
            // Beyond the bound, new connections wait in the kernel's queue until one of ours has ended.
            let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else { return };
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
                    continue;
                }
            };
            let connection = Connection {
                service: self.service.clone(),
                peer,
                head_timeout: self.head_timeout,
                watcher: self.graceful.watcher(),
            };
            let (tls, mut closing) = (tls.clone(), self.closing.subscribe());
            tokio::spawn(async move {
                connection.serve(stream, tls, &mut closing).await;
                drop(permit);
            });
        }
    }

    /// Ends idle connections, and the others after the answer under way.
    pub async fn close(self) {
        self.closing.send_replace(true);
        self.graceful.shutdown().await;
    }
}

struct Connection {
    service: Service,
    peer: SocketAddr,
    head_timeout: Duration,
    watcher: Watcher,
}

impl Connection {
    async fn serve(
        self,
        stream: TcpStream,
        tls: Option<TlsAcceptor>,
        closing: &mut watch::Receiver<bool>,
    ) {
        let _ = stream.set_nodelay(true);
        // A peer that does not take its answer is gone, too.
        let _ = SockRef::from(&stream).set_tcp_user_timeout(Some(UNREAD_MAX));
        let limit = self.head_timeout;
        if let Some(tls) = tls {
            let greeted = async { tls.accept(stream).await.ok() };
            if let Some(stream) = in_time(limit, closing, greeted).await {
                let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                self.speak(stream, true, is_http2, closing).await;
            }
        } else if let Some(is_http2) = in_time(limit, closing, starts_http2(&stream)).await {
            self.speak(stream, false, is_http2, closing).await;
        }
    }

    /// Errors here are the peer's doing and end with the connection: broken lines, time-outs, nonsense.
    async fn speak(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        is_tls: bool,
        is_http2: bool,
        closing: &mut watch::Receiver<bool>,
    ) {
        let Self { service, peer, head_timeout, watcher } = self;
        let activity = Arc::new(Activity::default());
        let answer = {
            let activity = Arc::clone(&activity);
            service_fn(move |request: hyper::Request<Incoming>| {
                let service = service.clone();
                let under_way = Activity::begin(&activity);
                async move {
                    let answer = service.answer(request, peer.ip(), is_tls).await;
                    Ok::<_, Infallible>(answer.map(|body| Sending { body, _under_way: under_way }))
                }
            })
        };
        let io = TokioIo::new(stream);
        let ended = if is_http2 {
            let connection = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .keep_alive_interval(PING_EVERY)
                .max_concurrent_streams(STREAMS_MAX)
                .max_header_list_size(HEAD_BYTES_MAX)
                .serve_connection(io, answer);
            // HTTP/1 has a time-out for this built in.
            tokio::select! {
                ended = watcher.watch(connection) => ended,
                () = activity.idle_for(head_timeout) => Ok(()),
                // The library waits for a handshake that may never come.
                () = activity.none_by(closing) => Ok(()),
            }
        } else {
            let mut connection = pin!(
                http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(head_timeout)
                    .max_buf_size(HEAD_BYTES_MAX as usize)
                    .serve_connection(io, answer)
                    .with_upgrades()
            );
            // Sockets take their leave by themselves; what is waited for is the answer under way.
            let _watched = watcher;
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = closed(closing) => {
                    // Nor does it give up a head that was begun.
                    if activity.has_begun() {
                        connection.as_mut().graceful_shutdown();
                        connection.await
                    } else {
                        Ok(())
                    }
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, %peer, "a connection ended badly");
        }
    }
}

/// What a peer does before the server closes or loses its patience.
async fn in_time<T>(
    limit: Duration,
    closing: &mut watch::Receiver<bool>,
    step: impl Future<Output = Option<T>>,
) -> Option<T> {
    tokio::select! {
        step = timeout(limit, step) => step.ok().flatten(),
        () = closed(closing) => None,
    }
}

async fn closed(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closing| *closing).await;
}

/// What goes on on a connection: how many requests have begun, and how many are under way.
#[derive(Default)]
struct Activity {
    begun: AtomicUsize,
    under_way: AtomicUsize,
}

struct UnderWay(Arc<Activity>);

impl Activity {
    fn begin(this: &Arc<Self>) -> UnderWay {
        this.begun.fetch_add(1, Ordering::Relaxed);
        this.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(Arc::clone(this))
    }

    fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed) > 0
    }

    /// Resolves when the server closes, unless a request has ever begun.
    async fn none_by(&self, closing: &mut watch::Receiver<bool>) {
        closed(closing).await;
        if self.has_begun() {
            std::future::pending::<()>().await;
        }
    }

    /// Resolves when nothing has begun or been under way for that long.
    async fn idle_for(&self, time: Duration) {
        loop {
            let begun = self.begun.load(Ordering::Relaxed);
            tokio::time::sleep(time).await;
            if self.under_way.load(Ordering::Relaxed) == 0
                && self.begun.load(Ordering::Relaxed) == begun
            {
                return;
            }
        }
    }
}

/// An answer on its way: the request is over when the last byte has gone, or the peer.
struct Sending {
    body: Body,
    _under_way: UnderWay,
}

impl hyper::body::Body for Sending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Looks at the first bytes without taking them. `None` when the peer has gone.
async fn starts_http2(stream: &TcpStream) -> Option<bool> {
    let mut start = [0; HTTP2_START.len()];
    let mut wait = Duration::from_millis(2);
    loop {
        let seen = stream.peek(&mut start).await.ok().filter(|seen| *seen > 0)?;
        if start[..seen] != HTTP2_START[..seen] {
            return Some(false);
        }
        if seen == HTTP2_START.len() {
            return Some(true);
        }
        // Peek is ready for as long as anything is there: give the rest time to come, and more each time.
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
}

/// Serves a small router of ours to trusted peers: the metrics.
pub async fn serve_internal(listener: TcpListener, router: Router) {
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the metrics listener ended");
    }
}
