//! Bodies whose length is not what was announced, and bodies that are too large.

use rozmowa::http::Code;

use crate::client::{Wire, basic, get, post};
use crate::server::{Plan, START, Server};
use crate::store::Engine;

fn head(length: impl std::fmt::Display) -> String {
    format!(
        "POST {START} HTTP/1.1\r\nHost: test\r\nAuthorization: {}\r\n\
         Content-Type: application/json; charset=utf-8\r\nContent-Length: {length}\r\n\r\n",
        basic("api_user", "api_pass")
    )
}

/// What the vendor's PHP sample makes of Polish letters: the length in characters, the body in bytes.
fn cut_by_counting_characters(body: &str) -> String {
    format!("{}{body}", head(body.chars().count()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_json_body_cut_by_a_short_length_is_refused_and_the_connection_ends() {
    let server = Server::on(Engine::Sqlite).await;
    let body = r#"{"chat_queue_id": 3, "client_name": "Żółć", "client_surname": "Gęśla"}"#;
    let mut wire = server.wire().await;
    wire.send(cut_by_counting_characters(body).as_bytes()).await;
    let answer = wire.answer().await.expect_fault(Code::MalformedJson);
    assert_eq!(answer.header("Connection"), Some("close"));
    assert_eq!(wire.end().await, b"", "what is left over gets no answer of its own");
    assert_eq!(server.count().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_over_is_never_taken_for_a_request() {
    let server = Server::on(Engine::Sqlite).await;
    let smuggled = String::from_utf8(get("/api/chats?status=CLOSED").bytes()).unwrap();
    let start = String::from_utf8(post(START).query(&[("chat_queue_id", "3")]).bytes()).unwrap();
    for left_over in [smuggled, start] {
        let mut wire = server.wire().await;
        let cut = format!("{}{{\"chat_queue_id\": 3, {left_over}", head(20));
        wire.send(cut.as_bytes()).await;
        wire.answer().await.expect_fault(Code::MalformedJson);
        assert_eq!(wire.end().await, b"", "one answer and no more");
    }
    assert_eq!(server.count().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_sent_in_one_go_are_answered_in_order() {
    let server = Server::on(Engine::Sqlite).await;
    let mut wire = server.wire().await;
    let start = post(START).query(&[("chat_queue_id", "3")]).bytes();
    let json = post(START).body("application/json", "{\"chat_queue_id\": 3}").bytes();
    let unknown = post(START).query(&[("chat_queue_id", "9")]).bytes();
    wire.send(&[start.clone(), json, unknown, start].concat()).await;
    for status in [200, 200, 404, 200] {
        wire.answer().await.expect(status);
    }
    assert_eq!(server.count().await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_that_is_no_object_leaves_the_connection_open() {
    let server = Server::on(Engine::Sqlite).await;
    let mut wire = server.wire().await;
    wire.call(&post(START).body("application/json", "3")).await.expect_fault(Code::JsonNotObject);
    wire.call(&post(START).query(&[("chat_queue_id", "3")])).await.expect(200);
}

async fn with_a_limit() -> Server {
    Plan::on(Engine::Sqlite).configured("limits.body_bytes = 10000").start().await
}

fn of_size(bytes: usize) -> Vec<u8> {
    let frame = r#"{"chat_queue_id": 3, "unknown": ""}"#.len();
    format!(r#"{{"chat_queue_id": 3, "unknown": "{}"}}"#, "a".repeat(bytes - frame)).into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_up_to_the_limit_is_taken_and_a_larger_one_is_not() {
    let server = with_a_limit().await;
    let sized = |bytes| post(START).body("application/json", of_size(bytes));
    server.call(sized(10_000)).await.expect(200);
    let mut wire = server.wire().await;
    let answer = wire.call(&sized(10_001)).await.expect_fault(Code::BodyTooLarge);
    assert_eq!(answer.header("Connection"), Some("close"));
    assert!(answer.text().contains("10000"), "{}", answer.text());
    assert_eq!(wire.end().await, b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_body_is_measured_as_it_comes() {
    let server = with_a_limit().await;
    let chunked = |body: &[u8]| {
        let head = head(0).replace("Content-Length: 0", "Transfer-Encoding: chunked");
        let mut request = head.into_bytes();
        for chunk in body.chunks(1_000) {
            request.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            request.extend(chunk);
            request.extend(b"\r\n");
        }
        request.extend(b"0\r\n\r\n");
        request
    };
    let mut wire = server.wire().await;
    wire.send(&chunked(&of_size(10_000))).await;
    wire.answer().await.expect(200);
    wire.send(&chunked(&of_size(10_001))).await;
    wire.answer().await.expect_fault(Code::BodyTooLarge);
    assert_eq!(wire.end().await, b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_far_too_much_still_gets_the_answer() {
    let server = Server::on(Engine::Sqlite).await;
    for megabytes in [2, 20] {
        let wire = Wire::open(server.address).await;
        let request = post(START).body("application/json", of_size(megabytes << 20)).bytes();
        wire.send_reading(&request).await.expect_fault(Code::BodyTooLarge);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_judged_before_a_large_body_is_read() {
    let server = Server::on(Engine::Sqlite).await;
    let mut wire = server.wire().await;
    let announced = head(900_000).replace(&basic("api_user", "api_pass"), "Basic x");
    wire.send(announced.as_bytes()).await;
    wire.answer().await.expect_fault(Code::Unauthorized);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_waits_to_be_asked_is_asked_for_its_body() {
    let server = Server::on(Engine::Sqlite).await;
    let mut wire = server.wire().await;
    let body = of_size(2_000);
    let head = head(body.len()).replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");
    wire.send(head.as_bytes()).await;
    wire.expect_interim(b"HTTP/1.1 100 Continue\r\n\r\n").await;
    wire.send(&body).await;
    wire.answer().await.expect(200);
}
