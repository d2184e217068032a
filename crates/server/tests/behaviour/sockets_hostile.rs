//! Sockets that read slowly, write too much, or talk nonsense: they are cut, and nobody else notices.

use rozmowa::agent::presence::{self, Lease};
use rozmowa::http::Code;
use rozmowa_load::socket::{Closed, Socket};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use uuid::Uuid;

use crate::client::get;
use crate::people::{Person, cookie_of, member, soon, token_of, visitor_socket};
use crate::server::{Plan, Server};
use crate::store::{Engine, on_both_engines};

/// A socket whose system takes next to nothing that is not read.
async fn narrow(server: &Server) -> Socket {
    let socket = TcpSocket::new_v4().expect("there are sockets");
    socket.set_recv_buffer_size(2_048).expect("it can be set");
    let stream = socket.connect(server.address).await.expect("the server accepts");
    Socket::open_on(stream, server.address, "/visitor/socket", &[]).await.expect("it opens")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_is_cut_and_comes_back_to_all_of_it() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.start(&[]).await;
        let token = token_of(&server, &id).await;
        let mut slow = narrow(&server).await;
        let hello = json!({ "type": "hello", "v": 1, "token": token });
        slow.send(&hello).await.unwrap();
        soon(slow.next_of("welcome")).await.unwrap();
        let mut quick = Person::visitor(&server, &token).await;
        // More than the system holds for one who does not read, and more signals than an inbox does.
        let text = "a".repeat(16_000);
        for _ in 0..400 {
            server.message(&id, &text).await;
            let next = quick.log.keys().last().map_or(1, |last| last + 1);
            quick.until(next).await;
        }
        quick.until(401).await;
        assert!(!quick.has_doubles);
        // It reads on what is there, and then the line is over: with the code when there was room for it.
        let end = soon(async {
            loop {
                if let Err(end) = slow.next().await {
                    return end;
                }
            }
        })
        .await;
        assert!([Closed(4002), Closed(0)].contains(&end), "{end:?}");
        let mut back = Person::visitor(&server, &token).await;
        back.until(401).await;
        assert!(!back.has_doubles);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_who_floods_is_told_to_wait_and_others_are_not() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let (id, other) = (server.start(&[]).await, server.start(&[]).await);
        let token = token_of(&server, &id).await;
        let mut visitor = Person::visitor(&server, &token).await;
        let mut quiet = Person::visitor(&server, &token_of(&server, &other).await).await;
        for number in 0..60 {
            let id = Uuid::from_u128(number);
            let frame = json!({ "type": "message", "id": id, "text": "spam" });
            visitor.socket.send(&frame).await.unwrap();
        }
        let refused = visitor.next_of("refused").await.unwrap();
        assert_eq!(refused["errors"][0]["code"], 400_130);
        assert!(refused["retry_after_seconds"].as_i64().unwrap() >= 1);
        quiet.says(Uuid::from_u128(1), "Dzień dobry").await;
        assert!(server.chat(&id).await.to_string().matches("spam").count() < 40);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_closes_the_socket_and_changes_nothing() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.start(&[]).await;
        let token = token_of(&server, &id).await;
        let huge = format!(
            r#"{{"type":"message","id":"{}","text":"{}"}}"#,
            Uuid::nil(),
            "a".repeat(200_000)
        );
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let frames = [
            "",
            "null",
            "[]",
            "{}",
            "{\"type\":7}",
            "{\"type\":\"message\"}",
            &deep,
            &huge,
            "\u{0}",
        ];
        for frame in frames {
            let mut visitor = Person::visitor(&server, &token).await;
            let _ = visitor.socket.send_text(frame.to_owned()).await;
            let end = visitor.next_of("never").await.unwrap_err();
            assert!([Closed(4010), Closed(0)].contains(&end), "{frame:.20}: {end:?}");
        }
        let mut visitor = Person::visitor(&server, &token).await;
        let said = [("", 100_213), (" \n", 100_213), ("a\u{0}b", 100_207)];
        let long = "ż".repeat(16_385);
        for (text, code) in said.into_iter().chain([(long.as_str(), 100_206)]) {
            let frame = json!({ "type": "message", "id": Uuid::nil(), "text": text });
            visitor.socket.send(&frame).await.unwrap();
            let refused = visitor.next_of("refused").await.unwrap();
            assert_eq!(refused["errors"][0]["code"], code);
        }
        let longest = "\u{1}".repeat(16_384);
        assert_eq!(visitor.says(Uuid::nil(), &longest).await["seq"], 2, "as long as it gets");
        assert_eq!(server.log_faults().await, [""; 0]);
    })
    .await;
}

/// The close frame, as it is on the line, that follows some bytes on a socket that has said hello.
async fn closing_after(server: &Server, token: &str, bytes: &[u8]) -> [u8; 4] {
    let mut line = Person::visitor(server, token).await.socket.into_stream();
    line.write_all(bytes).await.expect("it takes them");
    let mut last = [0; 4];
    soon(async {
        let mut rest = Vec::new();
        line.read_to_end(&mut rest).await.expect("it is ended");
        // The events of the log come before.
        let at = rest.iter().rposition(|byte| *byte == 0x88).expect("a close frame");
        last[0] = rest[at];
        last[2..].copy_from_slice(&rest[at + 2..at + 4]);
    })
    .await;
    last
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closing_is_answered_and_what_is_no_frame_is_called_so() {
    let server = Server::on(Engine::Sqlite).await;
    let id = server.start(&[]).await;
    let token = token_of(&server, &id).await;
    let frame = |code: u16| {
        let [high, low] = code.to_be_bytes();
        [0x88, 0, high, low]
    };
    let masked_by_zeros = |code: u16| {
        let [high, low] = code.to_be_bytes();
        [0x88, 0x82, 0, 0, 0, 0, high, low]
    };
    assert_eq!(closing_after(&server, &token, &masked_by_zeros(1000)).await, frame(1000));
    assert_eq!(closing_after(&server, &token, &masked_by_zeros(1001)).await, frame(1001));
    for wrong in [&[0x81, 0x01, b'a'][..], &[0x83, 0x80, 0, 0, 0, 0], &[0xf1, 0x80, 0, 0, 0, 0]] {
        assert_eq!(closing_after(&server, &token, wrong).await, frame(4010), "{wrong:?}");
    }
    for path in ["/visitor/socket", "/console/socket"] {
        server.call(get(path).anonymous()).await.expect_fault(Code::UpgradeNeeded);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_are_bounded_and_those_of_one_address_too() {
    let plan = Plan::on(Engine::Sqlite).configured("limits.sockets_per_address = 3");
    let server = plan.start().await;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(visitor_socket(&server).await);
    }
    let status = async || match Socket::open(server.address, "/visitor/socket", &[]).await {
        Ok(_) => 101,
        Err(rozmowa_load::socket::Refused::Status(status)) => status,
        Err(rozmowa_load::socket::Refused::Broken(error)) => panic!("{error}"),
    };
    assert_eq!(status().await, 503);
    // One that goes makes room.
    drop(open.pop());
    soon(async { while status().await != 101 {} }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_at_the_console_stays_on_duty_through_a_restart() {
    on_both_engines(async |engine| {
        let mut server = Server::on(engine).await;
        let id = server.start(&[]).await;
        member(&server, 3, "jkowalski").await;
        let cookie = cookie_of(&server, "jkowalski").await;
        server.act(|tx, act| presence::login(tx, act, "jkowalski", Lease::Exactly(90_000))).await;
        let agent = Person::agent(&server, &cookie, &id).await;
        drop(agent);
        // A minute and a half without a sign, and a minute more: not so long that the duty is over.
        server.app.clock.advance(150_000);
        server.restart("").await;
        let _agent = Person::agent(&server, &cookie, &id).await;
        let status = server.call(crate::client::get("/api/agents/jkowalski/status")).await.json();
        assert_eq!(status["status"], "FREE");
    })
    .await;
}
