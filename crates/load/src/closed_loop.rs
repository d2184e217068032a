//! Closed-loop load: each connection sends its next request when it has the answer to the last.

use std::{
    io,
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use crate::{client::Connection, request::Template, stats};

/// When a run ends.
#[derive(Debug, Clone, Copy)]
pub enum Extent {
    /// Nothing is counted during the warm-up.
    Time {
        warm_up: Duration,
        run: Duration,
    },
    Calls(usize),
}

/// What one run measured.
#[derive(Debug)]
pub struct Run {
    elapsed: Duration,
    /// Microseconds of every counted call, sorted.
    latencies: Vec<u32>,
}

impl Run {
    /// Calls a second.
    pub fn rate(&self) -> f64 {
        stats::number(self.latencies.len()) / self.elapsed.as_secs_f64()
    }

    pub fn latency_ms(&self, permille: usize) -> f64 {
        stats::millis(stats::percentile(&self.latencies, permille))
    }
}

/// Sends what `template(connection)` renders over that many connections. Any status but 200 is an error:
/// a server that refuses fast must not look like a fast server.
pub fn run(
    address: SocketAddr,
    connections: usize,
    extent: Extent,
    template: impl Fn(usize) -> Template,
) -> io::Result<Run> {
    // All are connected before the clock starts, and a refused connection fails here, plainly.
    let streams =
        (0..connections).map(|_| TcpStream::connect(address)).collect::<io::Result<Vec<_>>>()?;
    let (from, until, calls) = match extent {
        Extent::Time { warm_up, run } => {
            let from = Instant::now() + warm_up;
            (from, Some(from + run), usize::MAX)
        }
        Extent::Calls(calls) => (Instant::now(), None, calls),
    };
    let left = Arc::new(AtomicUsize::new(calls));
    let loops = streams
        .into_iter()
        .enumerate()
        .map(|(index, stream)| {
            one_connection(stream, template(index), from, until, Arc::clone(&left))
        })
        .collect();
    let mut latencies = Vec::new();
    for one in spread(loops) {
        latencies.extend(one?);
    }
    let elapsed = until.map_or_else(|| from.elapsed(), |until| until - from);
    if latencies.is_empty() {
        return Err(io::Error::other("no call was answered during the run"));
    }
    latencies.sort_unstable();
    Ok(Run { elapsed, latencies })
}

async fn one_connection(
    stream: TcpStream,
    mut template: Template,
    from: Instant,
    until: Option<Instant>,
    left: Arc<AtomicUsize>,
) -> io::Result<Vec<u32>> {
    let mut connection = Connection::from_std(stream)?;
    let mut latencies = Vec::new();
    let mut begun = Instant::now();
    loop {
        if until.is_none() && !take_one(&left) {
            return Ok(latencies);
        }
        connection.call(template.next_bytes()).await?.expect_ok()?;
        let now = Instant::now();
        if until.is_some_and(|until| now >= until) {
            return Ok(latencies);
        }
        if now >= from {
            let micros = (now - begun).as_micros();
            latencies.push(u32::try_from(micros).unwrap_or(u32::MAX));
        }
        begun = now;
    }
}

fn take_one(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

/// Runs the tasks on one single-threaded runtime a core and returns their results in order. Not one
/// multi-threaded runtime: its work stealing costs the server time on the cores that both share.
pub fn spread<T, F>(tasks: Vec<F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut shares: Vec<Vec<(usize, F)>> = (0..threads).map(|_| Vec::new()).collect();
    for (index, task) in tasks.into_iter().enumerate() {
        shares[index % threads].push((index, task));
    }
    let mut results: Vec<(usize, T)> = thread::scope(|scope| {
        let running: Vec<_> =
            shares.into_iter().map(|share| scope.spawn(move || on_this_thread(share))).collect();
        running
            .into_iter()
            .flat_map(|thread| thread.join().expect("a load thread panicked"))
            .collect()
    });
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

fn on_this_thread<T, F>(share: Vec<(usize, F)>) -> Vec<(usize, T)>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime of one thread can be made")
        .block_on(async move {
            let mut running = JoinSet::new();
            for (index, task) in share {
                running.spawn(async move { (index, task.await) });
            }
            running.join_all().await
        })
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
    };

    use super::*;
    use crate::request;

    /// Answers every request of every connection with `answer`.
    fn echo_server(answer: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    let mut buffer = [0; 4096];
                    while stream.read(&mut buffer).is_ok_and(|count| count > 0) {
                        if stream.write_all(answer).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        address
    }

    #[test]
    fn a_counted_run_makes_exactly_that_many_calls() {
        let address = echo_server(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        let run =
            run(address, 4, Extent::Calls(103), |_| Template::fixed(request::health())).unwrap();
        assert_eq!(run.latencies.len(), 103);
        assert!(run.rate() > 0.0);
    }

    #[test]
    fn a_timed_run_counts_only_after_the_warm_up() {
        let address = echo_server(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        let extent =
            Extent::Time { warm_up: Duration::from_millis(50), run: Duration::from_millis(100) };
        let run = run(address, 3, extent, |_| Template::fixed(request::health())).unwrap();
        assert_eq!(run.elapsed, Duration::from_millis(100));
        assert!(run.latency_ms(500) <= run.latency_ms(990));
    }

    #[test]
    fn a_refusal_is_an_error() {
        let address = echo_server(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n");
        let outcome = run(address, 1, Extent::Calls(1), |_| Template::fixed(request::health()));
        assert!(outcome.unwrap_err().to_string().contains("503"));
    }

    #[test]
    fn results_come_in_order() {
        let tasks = (0..50).map(|n| async move { n * 2 }).collect();
        assert_eq!(spread(tasks), (0..50).map(|n| n * 2).collect::<Vec<usize>>());
    }
}
