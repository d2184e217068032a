//! What a server says about itself.

use std::{io, net::SocketAddr, time::Duration};

use serde_json::Value;

use super::stored;
use crate::{client::BlockingConnection, crash::check, pause, request};

/// Violations after which there is more to see.
#[derive(Default)]
pub(super) struct Wrongs(Vec<String>);

impl Wrongs {
    pub(super) fn note(&mut self, outcome: io::Result<()>) {
        if let Err(error) = outcome {
            self.0.push(error.to_string());
        }
    }

    pub(super) fn raise(self) -> io::Result<()> {
        check::none_wrong(self.0)
    }
}

const READY: &[u8] = b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n";
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// It must be live whatever is wrong with its store: a restart would not mend a disk.
pub(super) fn expect_live(address: SocketAddr) -> io::Result<()> {
    BlockingConnection::open(address)?.call(&request::health())?.expect_ok()
}

/// Waits until it says that calls can be served.
pub(super) fn wait_ready(address: SocketAddr, limit: Duration) -> io::Result<()> {
    let mut connection = BlockingConnection::open(address)?;
    pause::wait_until("/health/ready to be 200", limit, LOOK_EVERY, || {
        Ok((connection.call(READY)?.status == 200).then_some(()))
    })
}

/// Waits until it says that calls can't be served, and why.
pub(super) fn wait_not_ready(address: SocketAddr, limit: Duration) -> io::Result<()> {
    let mut connection = BlockingConnection::open(address)?;
    pause::wait_until("/health/ready to be 503", limit, LOOK_EVERY, || {
        let answer = connection.call(READY)?;
        let reasons = match answer.status {
            200 => return Ok(None),
            503 => answer.json()?,
            status => {
                let text = answer.text();
                return Err(io::Error::other(format!("/health/ready: status {status}: {text}")));
            }
        };
        if reasons.get("reasons").and_then(Value::as_array).is_none_or(Vec::is_empty) {
            return Err(io::Error::other(format!("not ready without reasons: {reasons}")));
        }
        Ok(Some(()))
    })
}

/// Reads pages by cursor.
pub(super) fn pages_are_served(address: SocketAddr) -> io::Result<()> {
    let mut connection = BlockingConnection::open(address)?;
    let mut cursor = String::new();
    for _ in 0..10 {
        let page = stored::page(&mut connection, &cursor)?;
        match page.get("next_cursor").and_then(Value::as_str) {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    Ok(())
}
