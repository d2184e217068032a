//! Sessions: what they are opened and ended by, and which pages may use them.

use rozmowa::agent::{self, Changes, Role};
use rozmowa::http::Code;
use serde_json::json;

use crate::browser::{Browser, set_up, sign_in};
use crate::client::{delete, get, post, put};
use crate::people::{agent_socket, soon};
use crate::server::{PASSWORD, Plan, Server};
use crate::store::on_both_engines;

#[tokio::test(flavor = "multi_thread")]
async fn only_pages_of_ours_change_anything() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let browser = Browser::of(&server, "jkowalski", Role::Agent).await;
        let english = json!({"language": "en"});
        let change =
            || put("/console/account").anonymous().header("Cookie", &browser.cookie).json(&english);
        server.call(change()).await.expect_fault(Code::CsrfTokenNeeded);
        let other = Browser::sign_in(&server, "jkowalski").await;
        for forged in ["", "x", &other.csrf_token, &browser.csrf_token[1..]] {
            let forged = change().header("X-CSRF-Token", forged);
            server.call(forged).await.expect_fault(Code::CsrfTokenNeeded);
        }
        // Who reads may say as whom, and is not answered as somebody else.
        let read = || get("/console/session").anonymous().header("Cookie", &browser.cookie);
        server.call(read()).await.expect(200);
        server.call(read().header("X-CSRF-Token", &browser.csrf_token)).await.expect(200);
        let as_other = read().header("X-CSRF-Token", &other.csrf_token);
        server.call(as_other).await.expect_fault(Code::CsrfTokenNeeded);
        let own = || change().header("X-CSRF-Token", &browser.csrf_token);
        for foreign in
            ["https://evil.example.org", "null", "http://test.evil", "http://testx", "test"]
        {
            let foreign = own().header("Origin", foreign);
            server.call(foreign).await.expect_fault(Code::ForeignOrigin);
        }
        server.call(own().header("Origin", "http://test")).await.expect_nothing();
        server.call(own()).await.expect_nothing();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_public_address_only_its_pages_are_ours() {
    on_both_engines(async |engine| {
        let plan = Plan::on(engine).configured("public_url = \"https://chat.example.org/\"");
        let server = plan.start().await;
        set_up(&server, "jkowalski", Role::Agent).await;
        let given = crate::browser::credentials("jkowalski", PASSWORD, None);
        let request = || post("/console/session").anonymous().json(&given);
        for foreign in ["http://test", "http://chat.example.org", "https://chat.example.org:444"] {
            let refused = server.call(request().header("Origin", foreign)).await;
            refused.expect_fault(Code::ForeignOrigin);
        }
        let own = request().header("Origin", "https://chat.example.org");
        server.call(own).await.expect(200);
        // On the machine itself it is ours by the machine's own names, where it was called by them.
        let at = |host: &str, origin: &str| {
            server.call(request().header("Host", host).header("Origin", origin))
        };
        for host in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"] {
            at(host, &format!("http://{host}")).await.expect(200);
        }
        for (host, origin) in [
            ("localhost:8080", "http://localhost:3000"),
            ("127.0.0.1:8080", "http://localhost:8080"),
            ("localhost.evil.org", "http://localhost.evil.org"),
            ("localhost.:8080", "http://localhost.:8080"),
            ("192.0.2.7:8080", "http://192.0.2.7:8080"),
        ] {
            at(host, origin).await.expect_fault(Code::ForeignOrigin);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_sees_their_sessions_and_ends_others() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let first = Browser::of(&server, "jkowalski", Role::Agent).await;
        let strange = Browser::of(&server, "anowak", Role::Agent).await;
        let second = Browser::sign_in(&server, "jkowalski").await;
        let third = Browser::sign_in(&server, "jkowalski").await;
        let list = async |browser: &Browser| {
            browser.call(&server, get("/console/sessions")).await.expect(200).json()
        };
        let listed = list(&second).await;
        let listed = listed.as_array().expect("a list").clone();
        assert_eq!(listed.len(), 3);
        assert_eq!(listed.iter().filter(|session| session["is_own"] == true).count(), 1);
        assert!(listed.iter().all(|session| session["address"] == "127.0.0.1"));
        let id = |browser: &Browser, listed: &serde_json::Value| {
            let of = |session: &&serde_json::Value| session["is_own"] == true;
            let own = listed.as_array().expect("a list").iter().find(of).expect("one is ours");
            assert!(!browser.cookie.contains(own["session_id"].as_str().expect("an id")));
            format!("/console/sessions/{}", own["session_id"].as_str().expect("an id"))
        };
        let of_third = id(&third, &list(&third).await);
        // Another agent's session is unknown here.
        strange.call(&server, delete(&*of_third)).await.expect_fault(Code::UnknownSession);
        assert!(third.is_signed_in(&server).await);
        first.call(&server, delete(&*of_third)).await.expect_nothing();
        first.call(&server, delete(&*of_third)).await.expect_fault(Code::UnknownSession);
        assert!(!third.is_signed_in(&server).await);
        first.call(&server, delete("/console/sessions")).await.expect_nothing();
        assert!(first.is_signed_in(&server).await && strange.is_signed_in(&server).await);
        assert!(!second.is_signed_in(&server).await);
        // In a browser that had one the former is over.
        let given = crate::browser::credentials("jkowalski", PASSWORD, None);
        let again =
            post("/console/session").anonymous().header("Cookie", &first.cookie).json(&given);
        server.call(again).await.expect(200);
        assert!(!first.is_signed_in(&server).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_sessions_make_room() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let first = Browser::of(&server, "jkowalski", Role::Agent).await;
        for _ in 0..50 {
            server.app.clock.advance(1_000);
            Browser::sign_in(&server, "jkowalski").await;
        }
        assert!(!first.is_signed_in(&server).await);
        let last = Browser::sign_in(&server, "jkowalski").await;
        let listed = last.call(&server, get("/console/sessions")).await.expect(200).json();
        assert_eq!(listed.as_array().map(Vec::len), Some(50));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_over_after_two_weeks_without_a_call() {
    const DAY: i64 = 24 * 60 * 60_000;
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let browser = Browser::of(&server, "jkowalski", Role::Agent).await;
        for _ in 0..3 {
            server.app.clock.advance(13 * DAY);
            assert!(browser.is_signed_in(&server).await);
        }
        server.app.clock.advance(14 * DAY);
        assert!(!browser.is_signed_in(&server).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_over_when_the_account_is_another() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        set_up(&server, "jkowalski", Role::Agent).await;
        let at = "/api/agents/jkowalski";
        for (change, ends) in [
            (json!({"password": PASSWORD}), true),
            (json!({"roles": ["supervisor"]}), true),
            (json!({"roles": ["supervisor"]}), false),
            (json!({"active": true, "name": "Jan", "capacity": 7}), false),
        ] {
            let browser = Browser::sign_in(&server, "jkowalski").await;
            server.call(put(at).json(&change)).await.expect_nothing();
            assert_eq!(browser.is_signed_in(&server).await, !ends, "{change}");
        }
        let browser = Browser::sign_in(&server, "jkowalski").await;
        server.call(put(at).json(&json!({"active": false}))).await.expect_nothing();
        assert!(!browser.is_signed_in(&server).await);
        server.call(put(at).json(&json!({"active": true}))).await.expect_nothing();
        assert!(!browser.is_signed_in(&server).await, "it stays over");
        // As the command line does it.
        let browser = Browser::sign_in(&server, "jkowalski").await;
        let administrator = Changes { role: Some(Role::Administrator), ..Changes::default() };
        server.act(move |tx, act| agent::change(tx, act, "jkowalski", &administrator)).await;
        assert!(!browser.is_signed_in(&server).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_changes_password_and_language() {
    on_both_engines(async |engine| {
        let server = Plan::on(engine).configured("limits.failures_per_minute = 1000").start().await;
        let browser = Browser::of(&server, "jkowalski", Role::Agent).await;
        let other = Browser::sign_in(&server, "jkowalski").await;
        let change = |old: &str, new: &str| {
            put("/console/account/password")
                .json(&json!({"old_password": old, "new_password": new}))
        };
        browser.call(&server, change("wrong", "long enough")).await.expect_fault(Code::WrongSignIn);
        let short = browser.call(&server, change(PASSWORD, "krótkie")).await;
        short.expect_fault_of(Code::PasswordTooShort, "new_password");
        assert!(other.is_signed_in(&server).await);
        browser.call(&server, change(PASSWORD, "zażółć gęślą")).await.expect_nothing();
        assert!(!other.is_signed_in(&server).await);
        assert!(browser.is_signed_in(&server).await, "the one it was made from goes on");
        sign_in(&server, "jkowalski", PASSWORD, None).await.expect_fault(Code::WrongSignIn);
        sign_in(&server, "jkowalski", "zażółć gęślą", None).await.expect(200);
        // A borrowed browser can't find the password out.
        for _ in 0..8 {
            browser
                .call(&server, change("wrong", "long enough"))
                .await
                .expect_fault(Code::WrongSignIn);
        }
        for _ in 0..2 {
            let answer = browser.call(&server, change("wrong", "long enough")).await;
            assert!([401, 429].contains(&answer.status));
        }
        browser
            .call(&server, change("zażółć gęślą", "x".repeat(8).as_str()))
            .await
            .expect_fault(Code::AccountLocked);

        browser
            .call(&server, put("/console/account").json(&json!({"language": "en"})))
            .await
            .expect_nothing();
        let shown = browser.call(&server, get("/console/session")).await.json();
        assert_eq!(shown["language"], "en");
        let wrong = put("/console/account").json(&json!({"language": "de"}));
        browser.call(&server, wrong).await.expect_fault_of(Code::NotOneOf, "language");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_ends_a_colleagues_sessions() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let administrator = Browser::of(&server, "anowak", Role::Administrator).await;
        let first = Browser::of(&server, "jkowalski", Role::Agent).await;
        let second = Browser::sign_in(&server, "jkowalski").await;
        let mut socket = agent_socket(&server, &first.cookie).await.expect("it opens");
        socket.send(&json!({"type": "hello", "v": 1})).await.expect("it is taken");
        let end = |login: &str| delete(format!("/console/agents/{login}/sessions"));
        // What changes nothing leaves no line.
        for _ in 0..2 {
            administrator.call(&server, end("jkowalski")).await.expect_nothing();
        }
        assert!(!first.is_signed_in(&server).await && !second.is_signed_in(&server).await);
        assert!(administrator.is_signed_in(&server).await);
        let is_closed = async { while socket.next_text().await.is_ok() {} };
        soon(is_closed).await;
        // The account is as it was.
        let again = Browser::sign_in(&server, "jkowalski").await;
        assert!(again.is_signed_in(&server).await);
        let log = get("/console/audit?actor=anowak&subject=agent%20jkowalski");
        let log = administrator.call(&server, log).await.expect(200).json();
        let [line] = &log["result"].as_array().expect("a list")[..] else { panic!("{log}") };
        assert_eq!(line["change"], "agent.end_sessions");
        assert_eq!((&line["was"], &line["becomes"]), (&json!(2), &json!(0)));
        administrator.call(&server, end("nobody")).await.expect_fault(Code::UnknownAgent);
    })
    .await;
}
