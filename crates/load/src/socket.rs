//! A client of the sockets, as `docs/PROTOCOL.md` describes them.

use std::io;
use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

const SUBPROTOCOL: &str = "rozmowa.v1";
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// A socket that is open.
pub struct Socket(WebSocketStream<TcpStream>);

/// How a socket was ended by the other side; 0 when it was cut without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed(pub u16);

/// Why a socket was not opened: the status of the answer.
#[derive(Debug)]
pub enum Refused {
    Status(u16),
    Broken(io::Error),
}

impl Socket {
    pub async fn open(
        address: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, Refused> {
        let stream = TcpStream::connect(address).await.map_err(Refused::Broken)?;
        stream.set_nodelay(true).map_err(Refused::Broken)?;
        Self::open_on(stream, address, path, headers).await
    }

    /// On a connection that is there.
    pub async fn open_on(
        stream: TcpStream,
        address: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, Refused> {
        let broken = |error: Error| Refused::Broken(io::Error::other(error));
        let url = format!("ws://{address}{path}");
        let mut request = url.into_client_request().map_err(broken)?;
        let all = headers.iter().chain(&[("sec-websocket-protocol", SUBPROTOCOL)]);
        for (name, value) in all {
            let name =
                HeaderName::try_from(*name).map_err(|e| Refused::Broken(io::Error::other(e)))?;
            let value =
                HeaderValue::try_from(*value).map_err(|e| Refused::Broken(io::Error::other(e)))?;
            request.headers_mut().insert(name, value);
        }
        let config =
            WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES).write_buffer_size(0);
        let opened =
            tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await;
        match opened {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(answer)) => Err(Refused::Status(answer.status().as_u16())),
            Err(error) => Err(broken(error)),
        }
    }

    pub async fn send(&mut self, frame: &Value) -> Result<(), Closed> {
        self.send_text(frame.to_string()).await
    }

    pub async fn send_text(&mut self, text: String) -> Result<(), Closed> {
        self.0.send(Message::text(text)).await.map_err(|_| Closed(0))
    }

    pub async fn send_message(&mut self, message: Message) -> Result<(), Closed> {
        self.0.send(message).await.map_err(|_| Closed(0))
    }

    /// The next frame. Pings are answered by the way.
    pub async fn next(&mut self) -> Result<Value, Closed> {
        let text = self.next_text().await?;
        serde_json::from_str(&text).map_err(|_| Closed(0))
    }

    /// The same, unread.
    pub async fn next_text(&mut self) -> Result<String, Closed> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
                Some(Ok(Message::Close(frame))) => {
                    // The library answers when it is polled once more.
                    let _ = self.0.next().await;
                    return Err(Closed(frame.map_or(0, |frame| frame.code.into())));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(Closed(0)),
            }
        }
    }

    /// Waits for a frame of a type; others are passed over.
    pub async fn next_of(&mut self, kind: &str) -> Result<Value, Closed> {
        loop {
            let frame = self.next().await?;
            if frame["type"] == kind {
                return Ok(frame);
            }
        }
    }

    /// Says good-bye.
    pub async fn close(mut self) {
        if self.0.close(None).await.is_ok() {
            while let Some(Ok(_)) = self.0.next().await {}
        }
    }

    /// Cuts the line.
    pub fn into_stream(self) -> TcpStream {
        self.0.into_inner()
    }
}
