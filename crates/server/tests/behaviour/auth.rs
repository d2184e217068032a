//! Who may call what, and what it costs to find out.

use std::sync::Arc;

use rozmowa::account::{self, Methods};
use rozmowa::http::Code;

use crate::client::{Request, Wire, basic, get, post};
use crate::server::{PASSWORD, Plan, START, Server};
use crate::store::{Engine, on_both_engines};

fn start() -> Request {
    post(START).query(&[("chat_queue_id", "3")])
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_name_and_password_nobody_gets_in() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        for (name, password) in [
            ("api_user", "wrong"),
            ("api_user", ""),
            ("api_user", "api_pass "),
            ("API_USER", PASSWORD),
            ("nobody", PASSWORD),
            ("", ""),
            ("api_user\0", PASSWORD),
            ("' OR 1=1 --", PASSWORD),
            // Agents are no API users.
            ("jkowalski", "of no use"),
        ] {
            let answer = server.call(start().by(name, password)).await;
            let answer = answer.expect_fault(Code::Unauthorized);
            let challenge = answer.header("WWW-Authenticate").expect("a challenge");
            assert!(challenge.starts_with("Basic "), "{challenge}");
        }
        server.call(start()).await.expect(200);
        assert_eq!(server.count().await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_header_is_no_credential() {
    let server = Server::on(Engine::Sqlite).await;
    let right = basic("api_user", PASSWORD);
    let token = right.strip_prefix("Basic ").unwrap();
    for header in [
        String::new(),
        "Basic".to_owned(),
        "Basic ".to_owned(),
        "Basic !!!".to_owned(),
        "Basic YXBpX3VzZXI=".to_owned(), // No colon.
        "Basic /zo=".to_owned(),         // No UTF-8.
        format!("Bearer {token}"),
        format!("Basic{token}"),
        format!("Basic {}", "YTph".repeat(5_000)),
    ] {
        let answer = server.call(start().anonymous().header("Authorization", &header)).await;
        answer.expect_fault(Code::Unauthorized);
    }
    for header in [format!("basic {token}"), format!("BASIC   {token} ")] {
        server.call(start().anonymous().header("Authorization", &header)).await.expect(200);
    }
    assert_eq!(server.app.gate.hasher().hashes(), 1, "what is malformed costs no hash");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_name_costs_as_much_as_a_wrong_password() {
    let server = Server::on(Engine::Sqlite).await;
    for (name, hashes) in [("api_user", 1), ("nobody", 2)] {
        server.call(start().by(name, "wrong")).await.expect(401);
        assert_eq!(server.app.gate.hasher().hashes(), hashes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_on_the_list_is_forbidden() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let reader = |request: Request| request.by("api_reader", PASSWORD);
        server.call(reader(get("/api/chats"))).await.expect(200);
        for (request, method) in [
            (start(), "POST chat_conversations/start"),
            (get("/api/chats/queues"), "GET chats/queues"),
            (get("/api/chats/x"), "GET chats/:id"),
            (post("/api/chat_conversations/x/message"), "POST chat_conversations/:id/message"),
        ] {
            let answer = server.call(reader(request)).await.expect_fault(Code::Forbidden);
            assert!(answer.text().contains(method), "{}", answer.text());
        }
        server.add_api_user("starter", "POST chat_conversations/*").await;
        let id = crate::server::started(&server.call(start().by("starter", PASSWORD)).await);
        let stop = post(format!("/api/chat_conversations/{id}/stop")).by("starter", PASSWORD);
        server.call(stop).await.expect_nothing();
        let list = get("/api/chats").by("starter", PASSWORD);
        server.call(list).await.expect_fault(Code::Forbidden);
        server.add_api_user("nothing", "").await;
        let list = get("/api/chats").by("nothing", PASSWORD);
        server.call(list).await.expect_fault(Code::Forbidden);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_list_may_ask_for_the_head_alone() {
    let server = Server::on(Engine::Sqlite).await;
    let mut wire = server.wire().await;
    let head =
        Request::new("HEAD", "/api/chats").by("api_reader", PASSWORD).header("Connection", "close");
    wire.send(&head.bytes()).await;
    let answer = String::from_utf8(wire.end().await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_user_counts_on_the_very_next_call() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let mut wire = server.wire().await;
        wire.call(&start()).await.expect(200);
        wire.call(&get("/api/chats")).await.expect(200);
        server.act(|tx, act| account::set_enabled(tx, act, "api_user", false)).await;
        wire.call(&start()).await.expect_fault(Code::Unauthorized);
        wire.call(&get("/api/chats")).await.expect_fault(Code::Unauthorized);
        server.act(|tx, act| account::set_enabled(tx, act, "api_user", true)).await;
        wire.call(&start()).await.expect(200);

        let hash = account::password::hash("new", [1; 16]).unwrap();
        server.act(move |tx, act| account::set_password(tx, act, "api_user", &hash)).await;
        wire.call(&get("/api/chats")).await.expect_fault(Code::Unauthorized);
        wire.call(&start()).await.expect_fault(Code::Unauthorized);
        wire.call(&start().by("api_user", "new")).await.expect(200);

        let text =
            "UPDATE api_user SET methods = 'GET chats', credential_version = credential_version + 1
            WHERE name = 'api_user'";
        server.execute(text).await;
        wire.call(&start().by("api_user", "new")).await.expect_fault(Code::Forbidden);
        wire.call(&get("/api/chats").by("api_user", "new")).await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_tries_are_limited_by_address() {
    let server = Arc::new(
        Plan::on(Engine::Sqlite).configured("trusted_proxies = [\"127.0.0.0/8\"]").start().await,
    );
    let from = |request: Request, address: &str| request.header("X-Forwarded-For", address);
    let mut wire = server.wire().await;
    let mut limited = 0;
    for number in 0..200 {
        let wrong = start().by("api_user", &number.to_string());
        let answer = wire.call(&from(wrong, "198.51.100.1")).await;
        match answer.status {
            401 => {}
            429 => {
                limited += 1;
                let answer = answer.expect_fault(Code::TooManyFailures);
                let seconds: u64 = answer.header("Retry-After").expect("a time").parse().unwrap();
                assert!((1..=60).contains(&seconds), "{seconds}");
                assert!(answer.text().contains(&seconds.to_string()), "{}", answer.text());
            }
            status => panic!("{status}"),
        }
    }
    assert!(
        (150..=180).contains(&limited),
        "{limited} of 200 were limited, 20 in a minute are not"
    );
    assert!(server.app.gate.hasher().hashes() < 50, "who is limited costs no hash");
    // The same call from elsewhere goes on, and so does a neighbour's wrong one.
    wire.call(&from(start(), "198.51.100.2")).await.expect(200);
    wire.call(&from(start().by("api_user", "x"), "198.51.100.3")).await.expect(401);
    // Who was in before is not locked out by who guesses from the same address.
    wire.call(&from(start(), "198.51.100.1")).await.expect(200);
    // An IPv6 neighbourhood is one address.
    for host in 0..25 {
        let wrong = start().by("api_user", &format!("v6 {host}"));
        let answer = wire.call(&from(wrong, &format!("2001:db8::{host:x}"))).await;
        assert_eq!(answer.status, if host < 20 { 401 } else { 429 }, "{host}");
    }
    wire.call(&from(start().by("api_user", "x"), "2001:db8:0:1::1")).await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn right_calls_of_many_users_are_not_taken_for_wrong_ones() {
    const USERS: [&str; 25] = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r",
        "s", "t", "u", "v", "w", "x", "y",
    ];
    let server = Server::on(Engine::Sqlite).await;
    let mut refused = Vec::new();
    for name in USERS {
        server.add_api_user(name, "*").await;
        if server.call(start().by(name, PASSWORD)).await.status != 200 {
            refused.push(name);
        }
    }
    assert!(refused.is_empty(), "{refused:?} sent the right password");
}

#[tokio::test(flavor = "multi_thread")]
async fn from_strangers_a_forwarded_address_is_not_believed() {
    let server = Server::on(Engine::Sqlite).await;
    let mut wire = server.wire().await;
    let mut last = 0;
    for number in 0..25 {
        let wrong = start().by("api_user", &number.to_string());
        last = wire
            .call(&wrong.header("X-Forwarded-For", &format!("198.51.100.{number}")))
            .await
            .status;
    }
    assert_eq!(last, 429);
}

async fn many(server: &Server, connections: usize, calls: usize, request: Request) -> usize {
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let (mut wire, request) = (Wire::open(server.address).await, request.clone());
        tasks.push(tokio::spawn(async move {
            let mut good = 0;
            for _ in 0..calls {
                good += usize::from(wire.call(&request).await.status == 200);
            }
            good
        }));
    }
    let mut good = 0;
    for task in tasks {
        good += task.await.expect("a caller ends");
    }
    good
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_right_calls_cost_one_hash() {
    let server = Server::on(Engine::Sqlite).await;
    let light = get("/api/chats?limit=1&cursor=");
    assert_eq!(many(&server, 50, 200, light).await, 10_000);
    assert_eq!(server.app.gate.hasher().hashes(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_first_calls_costs_one_hash() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        assert_eq!(many(&server, 64, 1, start()).await, 64);
        assert_eq!(server.app.gate.hasher().hashes(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_after_a_change_costs_few_hashes_and_shuts_nobody_out() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        for round in 0..5_usize {
            let before = server.app.gate.hasher().hashes();
            // What stays as it is counts as no change.
            let methods = Methods::parse(["*\nGET chats", "*"][round % 2]);
            server.act(move |tx, act| account::set_methods(tx, act, "api_user", &methods)).await;
            assert_eq!(many(&server, 64, 2, start()).await, 128, "round {round}");
            let hashes = server.app.gate.hasher().hashes() - before;
            assert!((1..=3).contains(&hashes), "{hashes} hashes in round {round}");
        }
    })
    .await;
}
