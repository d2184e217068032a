//! Stored conversations in numbers, made once through the API and kept from run to run.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::Bench;
use crate::{
    client::Connection,
    closed_loop::spread,
    request::{self, DEMO_QUEUE, DEMO_START},
    server::{Server, Setup},
};

/// How long leftovers of a measurement (index workers, checkpoints) are waited for.
pub(super) const SETTLE_WITHIN: Duration = Duration::from_secs(20);

/// As much for a stock just made: what it leaves undone would be done again under every measurement.
const SETTLE_ONCE_WITHIN: Duration = Duration::from_mins(2);

/// Raised whenever `fill` writes something else than before.
const MIXTURE: u64 = 1;

const CONNECTIONS: usize = 128;

/// A working copy of the stock, deleted when dropped.
pub(super) struct Copy {
    setup: Setup,
}

impl Copy {
    pub(super) fn setup(&self) -> &Setup {
        &self.setup
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = super::remove(&self.setup.data);
    }
}

/// A copy of the data with `count` conversations; they are made first if this schema never had them.
/// A copy, so that measurements that write leave the stock as it is.
pub(super) fn copy(bench: &Bench, count: usize, name: &str) -> io::Result<Copy> {
    let kept = kept(bench, count)?;
    let copy = Copy { setup: bench.fresh(&format!("{name}-{count}"))? };
    shell(Command::new("cp").args(["-a", "--reflink=auto"]).arg(&kept).arg(&copy.setup.data))?;
    // Hundreds of megabytes on their way to the disk would be measured too.
    shell(Command::new("sync").arg("-f").arg(&copy.setup.data))?;
    Ok(copy)
}

fn kept(bench: &Bench, count: usize) -> io::Result<PathBuf> {
    let key = key(bench)?;
    let prefix = if count == 1_000_000 { "million".to_owned() } else { format!("stock-{count}") };
    let folder = bench.data_dir.join(format!("{prefix}-{key:016x}"));
    if folder.is_dir() {
        return Ok(folder);
    }
    forget_others(&bench.data_dir, &format!("{prefix}-"))?;
    eprintln!("  making {count} conversations, once for this schema");
    let begun = Instant::now();
    let setup = bench.fresh(&format!("making-{count}"))?;
    let server = Server::start(&setup)?;
    fill(server.address(), count)?;
    server.settle(SETTLE_ONCE_WITHIN)?;
    // The log of changes goes into the database at a stop in good order; only then is it kept.
    server.stop()?;
    fs::rename(&setup.data, &folder)?;
    eprintln!("  made in {} s", begun.elapsed().as_secs());
    Ok(folder)
}

/// Stock of an older schema would never be used again.
fn forget_others(data_dir: &Path, prefix: &str) -> io::Result<()> {
    for entry in fs::read_dir(data_dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            super::remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Changes with the schema. Without migrations at hand (an installed binary) any other server makes
/// its own stock.
fn key(bench: &Bench) -> io::Result<u64> {
    let mut files: Vec<PathBuf> = fs::read_dir(&bench.migrations)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    files.sort();
    if files.is_empty() {
        files.push(bench.server.clone());
    }
    let mut hash = fnv(FNV_START, &MIXTURE.to_le_bytes());
    for file in files {
        hash = fnv(hash, file.file_name().unwrap_or_default().as_encoded_bytes());
        hash = fnv(hash, &fs::read(&file)?);
    }
    Ok(hash)
}

const FNV_START: u64 = 0xCBF2_9CE4_8422_2325;

/// FNV-1a: the standard library's hasher may change with the compiler.
fn fnv(start: u64, bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3))
}

/// Starts `count` conversations as a shop's life would leave them: most of a known customer, some of
/// strangers with a name and an e-mail, some with an identifier that nobody has; six of ten closed, two of
/// seven with a message.
fn fill(address: SocketAddr, count: usize) -> io::Result<()> {
    let next = Arc::new(AtomicUsize::new(0));
    let fillers =
        (0..CONNECTIONS.min(count)).map(|_| filler(address, Arc::clone(&next), count)).collect();
    spread(fillers).into_iter().collect()
}

async fn filler(address: SocketAddr, next: Arc<AtomicUsize>, count: usize) -> io::Result<()> {
    let mut connection = Connection::open(address).await?;
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return Ok(());
        }
        let answer = connection.call(&request::post(&start_path(number), None, "")).await?;
        let id = request::started(answer)?;
        // Strides without a common factor, here and in `start_path`: every mixture occurs.
        if number % 7 < 2 {
            let text = format!("Dzień dobry, gdzie jest paczka {number}?");
            let request = request::message(&id, None, &text);
            connection.call(&request).await?.expect_ok()?;
        }
        if number % 5 < 3 {
            let request = request::stop(&id, None);
            connection.call(&request).await?.expect_ok()?;
        }
    }
}

fn start_path(number: usize) -> String {
    let start = format!("/api/chat_conversations/start?chat_queue_id={DEMO_QUEUE}");
    match number % 23 {
        0..=15 => DEMO_START.to_owned(),
        16..=18 => format!("{start}&customer_id=1"),
        19..=20 => format!(
            "{start}&client_name=Jan&client_surname=Kowalski&client_email=jan{number}%40example.org"
        ),
        _ => format!("{start}&client_id=unknown-{number}"),
    }
}

fn shell(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    )))
}
