//! A line that is cut after a number of bytes, in the middle of whatever is on it.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// An address that leads to a server for as many bytes as may go each way, on one connection.
pub async fn line(server: SocketAddr, there: usize, back: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it listens");
    tokio::spawn(async move {
        let Ok((near, _)) = listener.accept().await else { return };
        let Ok(far) = TcpStream::connect(server).await else { return };
        let (near_read, near_write) = near.into_split();
        let (far_read, far_write) = far.into_split();
        // Whichever end comes first: both ends are cut.
        tokio::select! {
            () = forward(near_read, far_write, there) => {}
            () = forward(far_read, near_write, back) => {}
        }
    });
    address
}

async fn forward(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut bytes: usize,
) {
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let read = read.min(bytes);
        bytes -= read;
        if to.write_all(&buffer[..read]).await.is_err() || bytes == 0 {
            return;
        }
    }
}
