//! Links that are good once, and how administrators look after agents.

use rozmowa::agent::links::{self, Kind};
use rozmowa::agent::{self, Changes, Role, session};
use rozmowa::http::Code;
use serde_json::json;

use crate::browser::{Browser, set_up, sign_in};
use crate::client::{Request, get, post, put};
use crate::server::{PASSWORD, Plan, Server};
use crate::store::on_both_engines;

const HOUR: i64 = 60 * 60_000;

fn welcome(token: &str, login: &str) -> Request {
    let given = json!({
        "token": token, "login": login, "name": "Ewa", "surname": "Żółć", "email": "ewa@example.org",
        "password": "long enough",
    });
    post("/console/welcome").anonymous().json(&given)
}

fn password(token: &str, password: &str) -> Request {
    post("/console/password").anonymous().json(&json!({"token": token, "password": password}))
}

/// As `rozmowa admin-link` does it.
async fn admin_link(server: &Server) -> String {
    let token = session::new_token(&server.app.ids);
    let given = token.clone();
    server.act(move |tx, act| links::add_for_administrator(tx, act.now, &given)).await;
    token
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_administrator_comes_by_a_link() {
    on_both_engines(async |engine| {
        let server = Plan::on(engine).configured("limits.failures_per_minute = 1000").start().await;
        server.call(welcome("x", "ewa")).await.expect_fault(Code::UnknownLink);
        let (link, second) = (admin_link(&server).await, admin_link(&server).await);
        // What fails does not use it up.
        server.call(welcome(&link, "jkowalski")).await.expect_fault(Code::LoginTaken);
        server.call(password(&link, "long enough")).await.expect_fault(Code::UnknownLink);
        let both =
            tokio::join!(server.call(welcome(&link, "ewa")), server.call(welcome(&second, "ola")));
        let mut answers = [both.0.status, both.1.status];
        answers.sort_unstable();
        assert_eq!(answers, [200, 409]);
        server.call(welcome(&link, "ewa2")).await.expect(if both.0.status == 200 {
            404
        } else {
            409
        });
        let login = if both.0.status == 200 { "ewa" } else { "ola" };
        let answer = sign_in(&server, login, "long enough", None).await.expect(200);
        assert_eq!(answer.json()["role"], "administrator");
        let refused = server.app.db.write(|tx| links::add_for_administrator(tx, 0, "y")).await;
        assert!(refused.is_err_and(|error| error.is(Code::HasAdministrator)));
        // When nobody is left, as only the database's owner can have it, there is a way again; it
        // lasts an hour.
        server.execute("UPDATE agent SET is_active = 0").await;
        let late = admin_link(&server).await;
        server.app.clock.advance(HOUR);
        server.call(welcome(&late, "late")).await.expect_fault(Code::UnknownLink);
        let link = admin_link(&server).await;
        server.app.clock.advance(HOUR - 1);
        server.call(welcome(&link, "last")).await.expect_nothing();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invited_agent_sets_a_password_once() {
    on_both_engines(async |engine| {
        let server = Plan::on(engine).configured("limits.failures_per_minute = 1000").start().await;
        let administrator = Browser::of(&server, "jkowalski", Role::Administrator).await;
        let new =
            json!({"login": "ewa", "name": "Ewa", "surname": "Żółć", "email": "ewa@example.org"});
        administrator.call(&server, post("/console/agents").json(&new)).await.expect_nothing();
        let again = administrator.call(&server, post("/console/agents").json(&new)).await;
        again.expect_fault(Code::LoginTaken);
        sign_in(&server, "ewa", "long enough", None).await.expect_fault(Code::WrongSignIn);
        let has_password = async || {
            let shown = administrator.call(&server, get("/console/agents/ewa")).await;
            shown.expect(200).json()["account"]["has_password"].as_bool().expect("it is told")
        };
        assert!(!has_password().await);
        let invite = async || {
            let answer = administrator.call(&server, post("/console/agents/ewa/invitation")).await;
            let answer = answer.expect(200).json();
            assert_eq!(answer["is_sent"], false, "there is no SMTP");
            let link = answer["link"].as_str().expect("a link").to_owned();
            let (page, token) = link.split_once('#').expect("a secret that no log sees");
            assert!(page.ends_with("/console/password"), "{page}");
            token.to_owned()
        };
        let (first, second) = (invite().await, invite().await);
        let whose = async |token: &str| {
            let link = post("/console/password_link").anonymous().json(&json!({"token": token}));
            server.call(link).await
        };
        let owner = whose(&first).await.expect(200).json();
        assert_eq!(owner["login"], "ewa", "it is not used up by looking at it");
        server
            .call(password(&first, "short"))
            .await
            .expect_fault_of(Code::PasswordTooShort, "password");
        let set = server.call(password(&first, "long enough")).await.expect(200).json();
        assert_eq!(set, json!({"login": "ewa"}));
        assert!(has_password().await);
        for used in [&first, &second] {
            server.call(password(used, "of another")).await.expect_fault(Code::UnknownLink);
            whose(used).await.expect_fault(Code::UnknownLink);
        }
        let browser =
            Browser::take(&sign_in(&server, "ewa", "long enough", None).await.expect(200));
        assert!(browser.is_signed_in(&server).await);
        // A change of something else leaves an invitation good; a closed account does not.
        let third = invite().await;
        let change = put("/console/agents/ewa").json(&json!({"roles": ["supervisor"]}));
        administrator.call(&server, change).await.expect_nothing();
        let close = put("/console/agents/ewa").json(&json!({"active": false}));
        administrator.call(&server, close).await.expect_nothing();
        server.call(password(&third, "long enough")).await.expect_fault(Code::UnknownLink);
        let closed = administrator.call(&server, post("/console/agents/ewa/invitation")).await;
        closed.expect_fault(Code::AgentInactive);
        let open = put("/console/agents/ewa").json(&json!({"active": true}));
        administrator.call(&server, open).await.expect_nothing();
        server.app.clock.advance(7 * 24 * HOUR);
        server.call(password(&third, "long enough")).await.expect_fault(Code::UnknownLink);
        let unknown = administrator.call(&server, post("/console/agents/nobody/invitation")).await;
        unknown.expect_fault(Code::UnknownAgent);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_reset_ends_all_sessions() {
    on_both_engines(async |engine| {
        let server = Plan::on(engine).configured("limits.failures_per_minute = 1000").start().await;
        let browser = Browser::of(&server, "jkowalski", Role::Agent).await;
        for email in ["nobody@example.org", "jan@example.org"] {
            let forgotten = post("/console/password_reset").anonymous();
            let forgotten = forgotten.json(&json!({"email": email}));
            server.call(forgotten).await.expect_fault(Code::MailOff);
        }
        let token = session::new_token(&server.app.ids);
        let given = token.clone();
        server
            .act(move |tx, act| links::add(tx, act.now, Kind::PasswordReset, Some(1), &given))
            .await;
        // Locked or not: who has the link has the mailbox.
        for _ in 0..10 {
            sign_in(&server, "jkowalski", "wrong", None).await;
        }
        sign_in(&server, "jkowalski", PASSWORD, None).await.expect_fault(Code::AccountLocked);
        let both = tokio::join!(
            server.call(password(&token, "the first one")),
            server.call(password(&token, "the second one"))
        );
        let mut answers = [both.0.status, both.1.status];
        answers.sort_unstable();
        assert_eq!(answers, [200, 404]);
        assert!(!browser.is_signed_in(&server).await);
        let new = if both.0.status == 200 { "the first one" } else { "the second one" };
        sign_in(&server, "jkowalski", new, None).await.expect(200);
        sign_in(&server, "jkowalski", PASSWORD, None).await.expect_fault(Code::WrongSignIn);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_look_after_agents_and_agents_see_colleagues() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let administrator = Browser::of(&server, "jkowalski", Role::Administrator).await;
        let closed = Changes { is_active: Some(false), ..Changes::default() };
        server.act(move |tx, act| agent::change(tx, act, "retired", &closed)).await;
        server.call(post("/api/agents/anowak/login")).await.expect_nothing();
        set_up(&server, "anowak", Role::Agent).await;
        let agent = Browser::sign_in(&server, "anowak").await;
        let seen = agent.call(&server, get("/console/agents")).await.expect(200).json();
        let colleague = json!({
            "login": "anowak", "name": "", "surname": "", "status": "FREE", "pause_id": null,
            "last_change": crate::server::NOON,
        });
        assert_eq!(seen[1], colleague);
        assert_eq!(seen.as_array().map(Vec::len), Some(2), "no closed accounts: {seen}");
        let seen = administrator.call(&server, get("/console/agents")).await.expect(200).json();
        assert_eq!(seen.as_array().map(Vec::len), Some(3));
        assert_eq!(seen[2]["account"]["active"], false);
        let at = "/console/agents/anowak";
        let shown = administrator.call(&server, get(at)).await.expect(200).json();
        let detailed = get("/api/agents/anowak").query(&[("include_details", "1")]);
        let mut account = server.call(detailed).await.json();
        account["has_password"] = json!(true);
        account["has_second_factor"] = json!(false);
        assert_eq!(shown["account"], account);
        assert_eq!(seen[1]["account"], account);
        for (change, code) in [
            (json!({"capacity": 0}), Code::NotWithin),
            (json!({"password": "short"}), Code::PasswordTooShort),
            (json!({"email": "x"}), Code::NotEmail),
        ] {
            administrator.call(&server, put(at).json(&change)).await.expect_fault(code);
        }
        let short =
            json!({"login": "ola", "name": "Ola", "surname": "Nowa", "password": "krótkie"});
        let refused = administrator.call(&server, post("/console/agents").json(&short)).await;
        refused.expect_fault_of(Code::PasswordTooShort, "password");
        administrator
            .call(&server, get("/console/agents/ola"))
            .await
            .expect_fault(Code::UnknownAgent);
        let change = json!({"name": "Anna", "password": "long enough", "roles": ["supervisor"]});
        administrator.call(&server, put(at).json(&change)).await.expect_nothing();
        assert!(!agent.is_signed_in(&server).await);
        let answer = sign_in(&server, "anowak", "long enough", None).await.expect(200).json();
        assert_eq!((&answer["name"], &answer["role"]), (&json!("Anna"), &json!("supervisor")));
        let unknown =
            administrator.call(&server, put("/console/agents/nobody").json(&change)).await;
        unknown.expect_fault(Code::UnknownAgent);
    })
    .await;
}
