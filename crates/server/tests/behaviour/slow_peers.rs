//! Peers that dawdle or send without end are cut; the others do not notice. Time itself is tested here, in seconds.

use std::time::{Duration, Instant};

use rozmowa::http::Code;
use tokio::time::timeout;

use crate::client::{Wire, basic, post};
use crate::server::{Plan, START, Server};
use crate::store::Engine;

/// What is to be cut after one second is cut before this.
const SOON: Duration = Duration::from_secs(4);

async fn impatient() -> Server {
    Plan::on(Engine::Sqlite)
        .configured("limits.head_seconds = 1\nlimits.body_seconds = 1")
        .start()
        .await
}

/// Sends a byte now and then until the server hangs up, and returns what it said.
async fn dribble(mut wire: Wire, bytes: &[u8]) -> Vec<u8> {
    let cut = async {
        for byte in bytes.iter().cycle() {
            if let Ok(said) = timeout(Duration::from_millis(250), wire.end()).await {
                return said;
            }
            wire.try_send(&[*byte]).await;
        }
        unreachable!("the bytes go round")
    };
    timeout(SOON, cut).await.expect("the server hangs up")
}

/// Says nothing more until the server hangs up.
async fn wait(mut wire: Wire) -> Vec<u8> {
    timeout(SOON, wire.end()).await.expect("the server hangs up")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_the_head_a_byte_at_a_time_is_cut() {
    let server = impatient().await;
    let endless = format!("POST {START}?a=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    dribble(server.wire().await, endless.as_bytes()).await;
    server.start(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_begins_like_http2_and_goes_on_slowly_is_cut() {
    let server = impatient().await;
    dribble(server.wire().await, b"PRI * HTTP/2.0\r\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_is_cut() {
    let server = impatient().await;
    let mut beginnings: Vec<&[u8]> =
        vec![b"", b"G", b"P", b"PRI", b"GET / HTTP/1.1\r\nHost: a\r\n"];
    // HTTP/2 without a first request, as far as it gets without one.
    beginnings.push(b"PRI ");
    beginnings.push(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    let (mut tasks, mut never) = (Vec::new(), Vec::new());
    for beginning in beginnings {
        let mut wire = server.wire().await;
        wire.send(beginning).await;
        let began = Instant::now();
        let end = async move { timeout(SOON, wire.end()).await.map(|_| began.elapsed()) };
        tasks.push((String::from_utf8_lossy(beginning), tokio::spawn(end)));
    }
    for (beginning, task) in tasks {
        match task.await.expect("nothing panics") {
            Ok(after) => assert!(after > Duration::from_millis(500), "{beginning:?}: {after:?}"),
            Err(_) => never.push(beginning),
        }
    }
    assert!(never.is_empty(), "these hold a connection for ever: {never:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_idle_between_two_calls_is_cut() {
    let server = impatient().await;
    let mut wire = server.wire().await;
    wire.call(&post(START).query(&[("chat_queue_id", "3")])).await.expect(200);
    assert_eq!(wait(wire).await, b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_the_body_a_byte_at_a_time_is_told_so_and_cut() {
    let server = impatient().await;
    let head = format!(
        "POST {START} HTTP/1.1\r\nHost: test\r\nAuthorization: {}\r\nContent-Type: application/json\r\n\
         Content-Length: 100\r\n\r\n",
        basic("api_user", "api_pass")
    );
    for dribbles in [true, false] {
        let mut wire = server.wire().await;
        wire.send(head.as_bytes()).await;
        let said = if dribbles { dribble(wire, b" ").await } else { wait(wire).await };
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains(&Code::BodyIncomplete.number().to_string()), "{said}");
        assert!(said.to_ascii_lowercase().contains("\r\nconnection: close\r\n"), "{said}");
    }
    assert_eq!(server.count().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_ends_early_starts_nothing() {
    let server = Server::on(Engine::Sqlite).await;
    let whole = post(START).json(&serde_json::json!({"chat_queue_id": 3})).bytes();
    for length in [whole.len() - 1, whole.len() - 21] {
        let mut wire = server.wire().await;
        wire.send(&whole[..length]).await;
        drop(wire);
    }
    server.start(&[]).await;
    assert_eq!(server.count().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_a_mebibyte_are_refused() {
    let server = Server::on(Engine::Sqlite).await;
    let one = format!("GET / HTTP/1.1\r\nHost: test\r\nX-Long: {}\r\n\r\n", "a".repeat(1 << 20));
    let many =
        format!("GET / HTTP/1.1\r\nHost: test\r\n{}\r\n", "X-A: aaaaaaaaaa\r\n".repeat(1 << 16));
    let target = format!("GET /?{} HTTP/1.1\r\nHost: test\r\n\r\n", "a".repeat(1 << 20));
    for request in [one, many, target] {
        let mut wire = server.wire().await;
        // It hangs up before it has read all of it, so neither the sending nor the answer is sure to go through.
        wire.try_send(request.as_bytes()).await;
        let said = String::from_utf8(wire.end().await).unwrap();
        let is_refused = said.is_empty() || said.starts_with("HTTP/1.1 4");
        assert!(is_refused, "{said}");
        server.call(crate::client::get("/health/live")).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_refused() {
    let server = impatient().await;
    for nonsense in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"\r\n\r\n\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
    ] {
        let mut wire = server.wire().await;
        wire.send(nonsense).await;
        let said = wire.answer_or_end().await;
        assert!(said.is_none_or(|answer| answer.status >= 400), "{nonsense:?}");
    }
    server.start(&[]).await;
}
