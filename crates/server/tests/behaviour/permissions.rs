//! Every method of the API, whatever it is, for every kind of caller.

use rozmowa::account::{self, Methods, Rotation, password};
use rozmowa::http::Code;
use rozmowa::router;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{PATIENCE, Request};
use crate::server::{NOON, PASSWORD, PASSWORD_HASH, Plan, Server};
use crate::store::on_both_engines;

const NEW: &str = "new_pass";
const OVERLAP: i64 = 1_000;

/// A call of a method: paths with something plausible in the place of each parameter.
fn call(method: &str) -> Request {
    let (verb, path) = method.split_once(' ').expect("a verb and a path");
    let verb = ["GET", "POST", "PUT", "DELETE"].into_iter().find(|known| *known == verb);
    let parts = path.split('/').map(|part| match part {
        ":login" => "jkowalski",
        ":participant" => "both",
        part if part.starts_with(':') => "6ed7c941-2c8a-7115-95d2-338a9f64800a",
        part => part,
    });
    let path = parts.collect::<Vec<_>>().join("/");
    Request::new(verb.expect("a known verb"), format!("/api/{path}"))
}

/// The status alone: an answer may be a stream that never ends.
async fn status(server: &Server, request: Request) -> u16 {
    let answer = async {
        let mut stream = TcpStream::connect(server.address).await.expect("the server accepts");
        stream.write_all(&request.bytes()).await.expect("the server reads");
        let mut read = [0; 12];
        stream.read_exact(&mut read).await.expect("a status line");
        let line = String::from_utf8_lossy(&read);
        line.strip_prefix("HTTP/1.1 ").and_then(|status| status.parse().ok()).expect("a status")
    };
    timeout(PATIENCE, answer).await.expect("an answer")
}

async fn add(server: &Server, name: String, methods: &str) {
    let methods = Methods::parse(methods);
    let run = move |tx: &mut rozmowa_db::Tx<'_>, act: &rozmowa::act::Act<'_>| {
        account::add(tx, act, &name, &PASSWORD_HASH, &methods)
    };
    assert!(server.act(run).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_is_for_those_alone_who_may_call_it() {
    on_both_engines(async |engine| {
        // Wrong passwords are what this is about.
        let plan = Plan::on(engine).configured("limits.failures_per_minute = 100000");
        let server = plan.start().await;
        let methods = router::method_names();
        assert!(methods.len() >= 8, "{methods:?}");
        // A user for each method, who may call that one: each calls all of them, so that none opens another.
        for (number, method) in methods.iter().enumerate() {
            add(&server, format!("user {number}"), method).await;
        }
        for name in ["expired", "disabled", "later", "rotated", "removed"] {
            add(&server, name.to_owned(), "*").await;
        }
        let new_hash = password::beside(NEW, &PASSWORD_HASH).unwrap().expect("it is another one");
        let rotation = Rotation { current_hash: PASSWORD_HASH.clone(), new_hash, overlap: OVERLAP };
        server
            .act(move |tx, act| {
                account::set_expiry(tx, act, "expired", Some(NOON))?;
                account::set_enabled(tx, act, "disabled", false)?;
                account::rotate(tx, act, "rotated", &rotation)
            })
            .await;
        server.act(|tx, act| account::remove(tx, act, "removed")).await;

        for method in &methods {
            let told = format!("{engine:?}: {method}");
            assert_eq!(status(&server, call(method).anonymous()).await, 401, "{told}");
            assert_eq!(status(&server, call(method).by("user 0", "wrong")).await, 401, "{told}");
            for (number, own) in methods.iter().enumerate() {
                let caller = call(method).by(&format!("user {number}"), PASSWORD);
                let status = status(&server, caller).await;
                if own == method {
                    assert!(
                        ![401, 403, 404, 405].contains(&status) || has_parameter(method),
                        "{told}: {status}"
                    );
                    assert!(![401, 403].contains(&status), "{told}: {status}");
                } else {
                    assert_eq!(status, 403, "{told}, for who may call {own}");
                }
            }
            assert_eq!(status(&server, call(method).by("expired", PASSWORD)).await, 401, "{told}");
            assert_eq!(status(&server, call(method).by("disabled", PASSWORD)).await, 401, "{told}");
            let removed = status(&server, call(method).by("removed", PASSWORD)).await;
            assert_eq!(removed, 401, "{told}");
            // Disabled while it is remembered: that its parameters are wrong may still be told, nothing is done.
            enable_later(&server, true).await;
            assert_eq!(status(&server, call("GET chats").by("later", PASSWORD)).await, 200);
            enable_later(&server, false).await;
            let later = status(&server, call(method).by("later", PASSWORD)).await;
            assert!([400, 401, 404].contains(&later), "{told}: {later} for who was disabled");
            for password in [NEW, PASSWORD] {
                let status = status(&server, call(method).by("rotated", password)).await;
                assert!(![401, 403].contains(&status), "{told}: {status} with {password}");
            }
        }
        server.app.clock.advance(OVERLAP);
        for method in &methods {
            let told = format!("{engine:?}: {method}");
            let old = call(method).by("rotated", PASSWORD);
            assert_eq!(status(&server, old).await, 401, "{told}, with a password that is over");
            let new = status(&server, call(method).by("rotated", NEW)).await;
            assert!(![401, 403].contains(&new), "{told}: {new}");
        }
        let answer = server.call(call("GET chats").by("expired", PASSWORD)).await;
        answer.expect_fault(Code::Expired);
    })
    .await;
}

async fn enable_later(server: &Server, is_enabled: bool) {
    server.act(move |tx, act| account::set_enabled(tx, act, "later", is_enabled)).await;
}

fn has_parameter(method: &str) -> bool {
    method.contains(':')
}
