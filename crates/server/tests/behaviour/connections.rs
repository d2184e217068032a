//! Many connections at once.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{PATIENCE, Wire, get, post};
use crate::server::{Plan, START, Server};
use crate::store::Engine;

const IDLE: usize = 10_000;
/// What this process needs beside its ends of them: the other tests run at the same time.
const FILES_BESIDE: usize = 2_000;
const THIS_TEST: &str = "connections::ten_thousand_idle_connections_do_not_stop_service";
const ADDRESS: &str = "ROZMOWA_TEST_ADDRESS";
const HELD: &str = "all connections are held";

/// A process of its own for the other ends: one process may not have as many files as both ends are.
struct Holder {
    child: Child,
    // Held open: what it says at its end must find somebody.
    told: BufReader<ChildStdout>,
}

impl Holder {
    /// Returns when all connections are made. Blocks.
    fn start(server: SocketAddr) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this is a program"))
            .args(["--exact", THIS_TEST, "--nocapture"])
            .env(ADDRESS, server.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let told = BufReader::new(child.stdout.take().expect("it was asked for"));
        let mut holder = Self { child, told };
        let mut lines = holder.told.by_ref().lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains(HELD)), "the connections could not be made");
        holder
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // The end of its input is the end of its work.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The other process, which has files of its own.
fn hold_idle_connections(address: &str) {
    allow_files(IDLE + 100);
    let held: Vec<_> = (0..IDLE)
        .map(|number| {
            let mut stream = std::net::TcpStream::connect(address).expect("the server accepts");
            // Some never say a word, some stop after half a head.
            if number % 2 == 0 {
                stream.write_all(b"GET /health/live HTTP/1.1\r\n").expect("the server reads");
            }
            stream
        })
        .collect();
    println!("{HELD}");
    let _ = std::io::stdin().read(&mut [0]);
    drop(held);
}

fn allow_files(wanted: usize) {
    let allowed = rlimit::increase_nofile_limit(wanted as u64).expect("a limit can be asked for");
    assert!(allowed >= wanted as u64, "{allowed} open files are allowed, {wanted} are needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_idle_connections_do_not_stop_service() {
    if let Ok(address) = std::env::var(ADDRESS) {
        return tokio::task::spawn_blocking(move || hold_idle_connections(&address)).await.unwrap();
    }
    allow_files(IDLE + FILES_BESIDE);
    let server = Plan::on(Engine::Sqlite).configured("limits.head_seconds = 600").start().await;
    let mut before = server.wire().await;
    before.call(&get("/health/live")).await.expect(200);
    let address = server.address;
    let holder = tokio::task::spawn_blocking(move || Holder::start(address)).await.unwrap();
    for _ in 0..100 {
        server.start(&[]).await;
    }
    assert_eq!(server.count().await, 100);
    before.call(&get("/health/live")).await.expect(200);
    tokio::task::spawn_blocking(move || drop(holder)).await.unwrap();
    server.start(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_limit_connections_wait_for_their_turn() {
    let server = Plan::on(Engine::Sqlite).configured("limits.connections = 3").start().await;
    let call = post(START).query(&[("chat_queue_id", "3")]);
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut wire = server.wire().await;
        wire.call(&call).await.expect(200);
        held.push(wire);
    }
    // The kernel takes the connection and the request; nobody answers yet.
    let mut waiting = server.wire().await;
    waiting.send(&call.bytes()).await;
    assert!(timeout(Duration::from_millis(300), waiting.answer()).await.is_err(), "it was served");
    for wire in &mut held {
        wire.call(&call).await.expect(200);
    }
    held.pop();
    waiting.answer().await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_goes_away_gives_its_place_back() {
    let server = Plan::on(Engine::Sqlite).configured("limits.connections = 4").start().await;
    let call = post(START).query(&[("chat_queue_id", "3")]);
    for number in 0..200 {
        let mut wire = server.wire().await;
        match number % 4 {
            0 => {}
            1 => wire.send(b"POST /api").await,
            2 => wire.send(&call.bytes()[..60]).await,
            _ => {
                wire.call(&call).await.expect(200);
            }
        }
    }
    server.call(call).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_before_the_answer_leaves_no_half_call_behind() {
    let server = Server::on(Engine::Sqlite).await;
    let call = post(START).query(&[("chat_queue_id", "3")]).bytes();
    server.start(&[]).await;
    for _ in 0..100 {
        let mut wire = Wire::over(TcpStream::connect(server.address).await.unwrap());
        wire.send(&call).await;
    }
    timeout(PATIENCE, server.start(&[])).await.expect("service goes on");
    assert_eq!(server.log_faults().await, Vec::<String>::new());
}
