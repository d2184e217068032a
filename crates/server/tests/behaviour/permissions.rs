//! Every method of the API, whatever it is, for every kind of caller.

use rozmowa::account::{self, Methods, Rotation, password};
use rozmowa::http::Code;
use rozmowa::router;

use crate::client::Request;
use crate::doors;
use crate::server::{NOON, PASSWORD, PASSWORD_HASH, Plan, Server};
use crate::store::on_both_engines;

const NEW: &str = "new_pass";
const OVERLAP: i64 = 1_000;
const NOWHERE: &str = "6ed7c941-2c8a-7115-95d2-338a9f64800a";

/// A call of a method, of a conversation that is not there.
fn call(method: &str) -> Request {
    doors::call(method, NOWHERE, NOWHERE)
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
            assert_eq!(server.status(call(method).anonymous()).await, 401, "{told}");
            assert_eq!(server.status(call(method).by("user 0", "wrong")).await, 401, "{told}");
            for (number, own) in methods.iter().enumerate() {
                let caller = call(method).by(&format!("user {number}"), PASSWORD);
                let status = server.status(caller).await;
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
            assert_eq!(server.status(call(method).by("expired", PASSWORD)).await, 401, "{told}");
            assert_eq!(server.status(call(method).by("disabled", PASSWORD)).await, 401, "{told}");
            let removed = server.status(call(method).by("removed", PASSWORD)).await;
            assert_eq!(removed, 401, "{told}");
            // Disabled while it is remembered: that its parameters are wrong may still be told, nothing is done.
            enable_later(&server, true).await;
            assert_eq!(server.status(call("GET chats").by("later", PASSWORD)).await, 200);
            enable_later(&server, false).await;
            let later = server.status(call(method).by("later", PASSWORD)).await;
            assert!([400, 401, 404].contains(&later), "{told}: {later} for who was disabled");
            for password in [NEW, PASSWORD] {
                let status = server.status(call(method).by("rotated", password)).await;
                assert!(![401, 403].contains(&status), "{told}: {status} with {password}");
            }
        }
        server.app.clock.advance(OVERLAP);
        for method in &methods {
            let told = format!("{engine:?}: {method}");
            let old = call(method).by("rotated", PASSWORD);
            assert_eq!(server.status(old).await, 401, "{told}, with a password that is over");
            let new = server.status(call(method).by("rotated", NEW)).await;
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
