//! What an idle socket takes, and how fast many are opened.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::Semaphore, task::JoinSet};

use super::{
    Bench,
    people::{self, Visit},
    report::Report,
};
use crate::{socket::Socket, stats::number};

/// Sockets that are being opened at once.
const OPENING: usize = 64;
/// Every socket is pinged in between: what that leaves behind counts.
const IDLE_FOR: Duration = Duration::from_secs(30);

pub(super) fn measure(bench: &Bench, report: &mut Report) -> io::Result<()> {
    let (server, runtime) = people::start(bench, "sockets")?;
    let visits = runtime.block_on(people::visits(server.address(), bench.scale.sockets))?;
    server.settle(Duration::from_secs(10))?;
    let before = server.rss_kib()?;
    let begun = Instant::now();
    let sockets = runtime.block_on(open_all(server.address(), visits))?;
    let took = begun.elapsed();
    let count = sockets.len();
    // Pings are answered by whoever reads.
    let readers: Vec<_> = sockets
        .into_iter()
        .map(|mut socket| runtime.spawn(async move { while socket.next_text().await.is_ok() {} }))
        .collect();
    crate::pause::pause(IDLE_FOR.min(bench.scale.seconds * 6));
    let after = server.rss_kib()?;
    if readers.iter().any(tokio::task::JoinHandle::is_finished) {
        return Err(io::Error::other("some sockets did not stay open"));
    }
    report.add("socket_kib_each", f64::from(after.saturating_sub(before)) / number(count), "KiB");
    report.add("sockets_open_s", took.as_secs_f64(), "s");
    drop(runtime);
    server.kill()?;
    super::remove(&bench.data_dir.join("sockets"))
}

async fn open_all(address: SocketAddr, visits: Vec<Visit>) -> io::Result<Vec<Socket>> {
    let opening = Arc::new(Semaphore::new(OPENING));
    let mut tasks = JoinSet::new();
    for visit in visits {
        let opening = Arc::clone(&opening);
        tasks.spawn(async move {
            let _permit = opening.acquire_owned().await.map_err(io::Error::other)?;
            people::visitor_socket(address, &visit.token).await
        });
    }
    let mut sockets = Vec::new();
    while let Some(opened) = tasks.join_next().await {
        sockets.push(opened.map_err(io::Error::other)??);
    }
    Ok(sockets)
}
