//! Listeners: how connections are accepted, bounded, cut when they dawdle, and ended.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
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
}

impl Door {
    pub fn new(service: Service, limits: &Limits) -> Self {
        Self {
            service,
            head_timeout: Duration::from_secs(limits.head_seconds),
            permits: Arc::new(Semaphore::new(limits.connections)),
            graceful: GracefulShutdown::new(),
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
            let tls = tls.clone();
            tokio::spawn(async move {
                connection.serve(stream, tls).await;
                drop(permit);
            });
        }
    }

    /// Ends idle connections, and the others after the answer under way.
    pub async fn close(self) {
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
    async fn serve(self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        let _ = stream.set_nodelay(true);
        let limit = self.head_timeout;
        match tls {
            Some(tls) => {
                if let Ok(Ok(stream)) = timeout(limit, tls.accept(stream)).await {
                    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    self.speak(stream, is_http2).await;
                }
            }
            None => {
                if let Ok(Some(is_http2)) = timeout(limit, starts_http2(&stream)).await {
                    self.speak(stream, is_http2).await;
                }
            }
        }
    }

    /// Errors here are the peer's doing and end with the connection: broken lines, time-outs, nonsense.
    async fn speak(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        is_http2: bool,
    ) {
        let Self { service, peer, head_timeout, watcher } = self;
        let answer = service_fn(move |request: hyper::Request<Incoming>| {
            let service = service.clone();
            async move { Ok::<_, Infallible>(service.answer(request, peer.ip()).await) }
        });
        let io = TokioIo::new(stream);
        let ended = if is_http2 {
            let connection = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .keep_alive_interval(PING_EVERY)
                .max_concurrent_streams(STREAMS_MAX)
                .max_header_list_size(HEAD_BYTES_MAX)
                .serve_connection(io, answer);
            watcher.watch(connection).await
        } else {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(head_timeout)
                .max_buf_size(HEAD_BYTES_MAX as usize)
                .serve_connection(io, answer);
            watcher.watch(connection).await
        };
        if let Err(error) = ended {
            tracing::debug!(%error, %peer, "a connection ended badly");
        }
    }
}

/// Looks at the first bytes without taking them. `None` when the peer has gone.
async fn starts_http2(stream: &TcpStream) -> Option<bool> {
    let mut start = [0; HTTP2_START.len()];
    loop {
        let seen = stream.peek(&mut start).await.ok().filter(|seen| *seen > 0)?;
        if start[..seen] != HTTP2_START[..seen] {
            return Some(false);
        }
        if seen == HTTP2_START.len() {
            return Some(true);
        }
        // Peek is ready for as long as anything is there: give the rest time to come.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Serves a small router of ours to trusted peers: the metrics.
pub async fn serve_internal(listener: TcpListener, router: Router) {
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the metrics listener ended");
    }
}
