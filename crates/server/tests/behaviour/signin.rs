//! Signing in: passwords, second factors, lock-outs.

use std::collections::BTreeSet;

use rozmowa::agent::{self, Changes, Role, totp};
use rozmowa::http::Code;
use serde_json::json;

use crate::browser::{Browser, credentials, set_up, sign_in};
use crate::client::{delete, get, post, put};
use crate::server::{PASSWORD, Plan, Server};
use crate::store::on_both_engines;

const MINUTE: i64 = 60_000;
const AT_LENGTH: &str = "limits.failures_per_minute = 1000";

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_signs_in_and_out() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        set_up(&server, "jkowalski", Role::Supervisor).await;
        let answer = sign_in(&server, "jkowalski", PASSWORD, None).await.expect(200);
        let cookie = answer.header("Set-Cookie").expect("a cookie");
        let parts: Vec<_> = cookie.split("; ").skip(1).collect();
        assert_eq!(parts, ["Path=/", "Max-Age=31536000", "HttpOnly", "SameSite=Strict"]);
        assert_eq!(answer.header("Cache-Control"), Some("no-store"));
        let shown = answer.json();
        assert_eq!((&shown["login"], &shown["role"]), (&json!("jkowalski"), &json!("supervisor")));
        let browser = Browser::take(&answer);
        let token = browser.cookie.split_once('=').expect("a value").1;
        assert_eq!(token.len(), 43, "256 bits");
        assert_eq!(browser.call(&server, get("/console/session")).await.expect(200).json(), shown);

        let out = crate::client::delete("/console/session");
        let answer = browser.call(&server, out.clone()).await.expect(200);
        let cookie = answer.header("Set-Cookie").expect("a cookie").to_owned();
        assert!(cookie.starts_with("rozmowa_session=; Path=/; Max-Age=0"), "{cookie}");
        // Whoever has copied the cookie has nothing any more.
        for request in [get("/console/session"), out, get("/console/agents")] {
            browser.call(&server, request).await.expect_fault(Code::NotSignedIn);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_is_secure_behind_a_secure_address() {
    on_both_engines(async |engine| {
        let plan = Plan::on(engine).configured("public_url = \"https://chat.example.org\"");
        let server = plan.start().await;
        set_up(&server, "jkowalski", Role::Agent).await;
        let answer = sign_in(&server, "jkowalski", PASSWORD, None).await.expect(200);
        assert!(
            answer.header("Set-Cookie").expect("a cookie").ends_with("; SameSite=Strict; Secure")
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_wrong_gets_one_answer() {
    on_both_engines(async |engine| {
        let server = Plan::on(engine).configured(AT_LENGTH).start().await;
        set_up(&server, "jkowalski", Role::Agent).await;
        set_up(&server, "retired", Role::Agent).await;
        let closed = Changes { is_active: Some(false), ..Changes::default() };
        server.act(move |tx, act| agent::change(tx, act, "retired", &closed)).await;
        let invited = agent::NewAgent { login: "invited".to_owned(), ..Default::default() };
        server.act(move |tx, act| agent::add(tx, act, &invited)).await;
        let hashes = server.app.gate.hasher().hashes();
        let wrong = [
            ("jkowalski", "wrong"),
            ("jkowalski", &PASSWORD[1..]),
            ("JKOWALSKI", PASSWORD),
            ("nobody", PASSWORD),
            ("retired", PASSWORD),
            ("invited", PASSWORD),
            ("1", PASSWORD),
        ];
        let mut answers = BTreeSet::new();
        for (login, password) in wrong {
            let answer = sign_in(&server, login, password, None).await;
            let answer = answer.expect_fault(Code::WrongSignIn);
            assert_eq!(answer.header("WWW-Authenticate"), None, "no window of the browser's own");
            assert_eq!(answer.header("Set-Cookie"), None);
            answers.insert(answer.faults());
        }
        assert_eq!(answers.len(), 1, "{answers:?}");
        let spent = server.app.gate.hasher().hashes() - hashes;
        assert_eq!(spent, wrong.len() as u64, "each costs a hash");
        let given = json!({"login": "", "password": " "});
        let refused = server.call(post("/console/session").anonymous().json(&given)).await;
        refused.expect_faults(&[Code::Missing, Code::BlankText]);
        // An API user's credentials open nothing here, nor the other way round.
        server.call(get("/console/session")).await.expect_fault(Code::NotSignedIn);
        sign_in(&server, "api_user", PASSWORD, None).await.expect_fault(Code::WrongSignIn);
        let api = get("/api/agents").by("jkowalski", PASSWORD);
        server.call(api).await.expect_fault(Code::Unauthorized);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_failures_lock_an_account_for_a_growing_time() {
    on_both_engines(async |engine| {
        let server = Plan::on(engine).configured(AT_LENGTH).start().await;
        set_up(&server, "jkowalski", Role::Agent).await;
        for login in ["jkowalski", "nobody"] {
            for _ in 0..9 {
                sign_in(&server, login, "wrong", None).await.expect_fault(Code::WrongSignIn);
            }
            for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
                let answer = sign_in(&server, login, "wrong", None).await;
                let answer = answer.expect_fault(Code::AccountLocked);
                let seconds = (minutes * 60).to_string();
                assert_eq!(answer.header("Retry-After"), Some(&*seconds), "{login}");
                // The right password is told the same, costs no hash, and does not prolong it.
                let hashes = server.app.gate.hasher().hashes();
                let right = sign_in(&server, login, PASSWORD, None).await;
                assert_eq!(right.expect_fault(Code::AccountLocked).faults(), answer.faults());
                assert_eq!(server.app.gate.hasher().hashes(), hashes);
                server.app.clock.advance(minutes * MINUTE - 1_000);
                let last = sign_in(&server, login, PASSWORD, None).await;
                let last = last.expect_fault(Code::AccountLocked);
                assert_eq!(last.header("Retry-After"), Some("1"));
                server.app.clock.advance(1_000);
            }
        }
        let browser = Browser::sign_in(&server, "jkowalski").await;
        assert!(browser.is_signed_in(&server).await);
        // They are counted in a row.
        for _ in 0..3 {
            for _ in 0..9 {
                let wrong = sign_in(&server, "jkowalski", "wrong", None).await;
                wrong.expect_fault(Code::WrongSignIn);
            }
            Browser::sign_in(&server, "jkowalski").await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_guesses_at_once_no_more_are_answered_than_of_guesses_in_a_row() {
    on_both_engines(async |engine| {
        let server = Plan::on(engine).configured(AT_LENGTH).start().await;
        set_up(&server, "jkowalski", Role::Agent).await;
        let mut guesses = tokio::task::JoinSet::new();
        for guess in 0..40 {
            let address = server.address;
            guesses.spawn(async move {
                let given = credentials("jkowalski", &format!("guess {guess}"), None);
                let request = post("/console/session").anonymous().json(&given);
                crate::client::Wire::open(address).await.call(&request).await
            });
        }
        let answers = guesses.join_all().await;
        let wrong = answers.iter().filter(|answer| answer.status == 401).count();
        assert!(wrong < 10, "{wrong}");
        let right = sign_in(&server, "jkowalski", PASSWORD, None).await;
        right.expect_fault(Code::AccountLocked);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_fails_often_is_refused_before_any_hash() {
    on_both_engines(async |engine| {
        let server = Plan::on(engine).configured("limits.failures_per_minute = 3").start().await;
        set_up(&server, "jkowalski", Role::Agent).await;
        for login in ["a", "b", "c"] {
            sign_in(&server, login, "wrong", None).await.expect_fault(Code::WrongSignIn);
        }
        let hashes = server.app.gate.hasher().hashes();
        let answer = sign_in(&server, "jkowalski", PASSWORD, None).await;
        assert!(answer.expect_fault(Code::TooManyFailures).header("Retry-After").is_some());
        let token = json!({"token": "x", "password": "long enough"});
        let guess = post("/console/password").anonymous().json(&token);
        server.call(guess).await.expect_fault(Code::TooManyFailures);
        let look = post("/console/password_link").anonymous().json(&json!({"token": "x"}));
        server.call(look).await.expect_fault(Code::TooManyFailures);
        let forgotten = json!({"email": "a@b"});
        let forgotten = post("/console/password_reset").anonymous().json(&forgotten);
        server.call(forgotten).await.expect_fault(Code::TooManyFailures);
        assert_eq!(server.app.gate.hasher().hashes(), hashes);
    })
    .await;
}

/// What an authenticator makes of a QR code.
fn secret(uri: &str) -> Vec<u8> {
    let (_, rest) = uri.split_once("secret=").expect("a secret");
    let letters = rest.split('&').next().expect("an end").bytes();
    let numbers = letters.map(|letter| match letter {
        b'A'..=b'Z' => u32::from(letter - b'A'),
        _ => u32::from(letter - b'2' + 26),
    });
    let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::new());
    for number in numbers {
        (bits, held) = (bits << 5 | number, held + 5);
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).expect("a byte"));
        }
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_set_up_asked_for_and_removed() {
    const FACTOR: &str = "/console/account/second_factor";
    on_both_engines(async |engine| {
        let server = Plan::on(engine).configured(AT_LENGTH).start().await;
        let browser = Browser::of(&server, "jkowalski", Role::Agent).await;
        let own = json!({"password": PASSWORD});
        let wrong = post(FACTOR).json(&json!({"password": "wrong"}));
        browser.call(&server, wrong).await.expect_fault(Code::WrongSignIn);
        let early = put(FACTOR).json(&json!({"code": "123456"}));
        browser.call(&server, early).await.expect_fault(Code::SecondFactorNotPending);
        let first = browser.call(&server, post(FACTOR).json(&own)).await.expect(200).json();
        let uri = browser.call(&server, post(FACTOR).json(&own)).await.expect(200).json();
        assert_ne!(first, uri);
        let secret = secret(uri["otpauth_uri"].as_str().expect("an address"));
        assert_eq!(secret.len(), 20);
        let clock = server.app.clock.clone();
        let code = |steps: i64| totp::code_at(&secret, clock.now() + steps * 30_000);

        // Nothing is asked for until a code has confirmed it.
        assert!(Browser::sign_in(&server, "jkowalski").await.is_signed_in(&server).await);
        let confirm = |code: &str| put(FACTOR).json(&json!({"code": code}));
        browser.call(&server, confirm("12345")).await.expect_fault_of(Code::WrongCode, "code");
        browser.call(&server, confirm(&code(0))).await.expect_nothing();
        browser.call(&server, confirm(&code(0))).await.expect_fault(Code::SecondFactorNotPending);
        browser.call(&server, post(FACTOR).json(&own)).await.expect_fault(Code::SecondFactorOn);
        let shown = browser.call(&server, get("/console/session")).await.json();
        assert_eq!(shown["has_second_factor"], true);

        let with = async |code: Option<&str>| sign_in(&server, "jkowalski", PASSWORD, code).await;
        with(None).await.expect_fault(Code::CodeNeeded);
        sign_in(&server, "jkowalski", "wrong", None).await.expect_fault(Code::WrongSignIn);
        // The one that confirmed it was used.
        with(Some(&code(0))).await.expect_fault(Code::WrongSignIn);
        let next = code(1);
        let answer = with(Some(&next)).await.expect(200);
        assert_eq!(answer.json()["has_second_factor"], true);
        with(Some(&next)).await.expect_fault(Code::WrongSignIn);
        server.app.clock.advance(60_000);
        // Now the one before this moment's is the one after the used one's: only the used one is gone.
        with(Some(&next)).await.expect_fault(Code::WrongSignIn);
        for wrong in ["000000000", &code(-2), &code(2)] {
            with(Some(wrong)).await.expect_fault(Code::WrongSignIn);
        }
        with(Some("")).await.expect_fault(Code::CodeNeeded);
        with(Some(&code(0))).await.expect(200);
        with(Some(&code(-1))).await.expect_fault(Code::WrongSignIn);

        // Codes are guesses like passwords.
        for _ in 0..8 {
            with(Some("000000000")).await.expect_fault(Code::WrongSignIn);
        }
        with(Some("000000000")).await.expect_fault(Code::AccountLocked);
        server.app.clock.advance(MINUTE);

        let remove = |password: &str, code: &str| {
            post("/console/account/second_factor/remove")
                .json(&json!({"password": password, "code": code}))
        };
        let used = code(0);
        with(Some(&used)).await.expect(200);
        for (password, code) in [("wrong", code(1)), (PASSWORD, used.clone())] {
            let refused = browser.call(&server, remove(password, &code)).await;
            refused.expect_fault(Code::WrongSignIn);
        }
        browser.call(&server, remove(PASSWORD, &code(1))).await.expect_nothing();
        with(None).await.expect(200);
        server.app.clock.advance(MINUTE);
        let again = browser.call(&server, remove(PASSWORD, &code(0))).await;
        again.expect_fault(Code::SecondFactorOff);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_at_once_from_many_signs_in_once() {
    on_both_engines(async |engine| {
        let server = Plan::on(engine).configured(AT_LENGTH).start().await;
        let browser = Browser::of(&server, "jkowalski", Role::Agent).await;
        let factor = "/console/account/second_factor";
        let own = json!({"password": PASSWORD});
        let uri = browser.call(&server, post(factor).json(&own)).await.expect(200).json();
        let secret = secret(uri["otpauth_uri"].as_str().expect("an address"));
        let code = totp::code_at(&secret, server.app.clock.now());
        browser.call(&server, put(factor).json(&json!({"code": code}))).await.expect_nothing();
        server.app.clock.advance(MINUTE);
        let code = totp::code_at(&secret, server.app.clock.now());
        let mut tries = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (address, code) = (server.address, code.clone());
            tries.spawn(async move {
                let given = credentials("jkowalski", PASSWORD, Some(&code));
                let request = post("/console/session").anonymous().json(&given);
                crate::client::Wire::open(address).await.call(&request).await.status
            });
        }
        let answers = tries.join_all().await;
        assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    })
    .await;
}

/// Turns an agent's second factor on, and gives its secret.
async fn secure(server: &Server, login: &'static str) -> [u8; 20] {
    let (secret, key) = (totp::new_secret(&server.app.ids), server.app.secret.clone());
    server
        .act(move |tx, act| {
            let agent = agent::hold(tx, login)?;
            totp::set_up(tx, act, &key, agent.id, &secret)?;
            totp::confirm(tx, act, &key, &agent, &totp::code_at(&secret, act.now))
        })
        .await;
    secret
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_lost_the_telephone_is_helped() {
    on_both_engines(async |engine| {
        let server = Plan::on(engine).configured(AT_LENGTH).start().await;
        set_up(&server, "jkowalski", Role::Administrator).await;
        let administrator = Browser::of(&server, "anowak", Role::Administrator).await;
        secure(&server, "anowak").await;
        secure(&server, "jkowalski").await;
        sign_in(&server, "jkowalski", PASSWORD, None).await.expect_fault(Code::CodeNeeded);
        let is_on = async || {
            let shown = administrator.call(&server, get("/console/agents/jkowalski")).await;
            let listed = administrator.call(&server, get("/console/agents")).await;
            let (shown, listed) = (shown.expect(200).json(), listed.expect(200).json());
            assert_eq!(shown["account"], listed[0]["account"]);
            shown["account"]["has_second_factor"].as_bool().expect("it is told")
        };
        assert!(is_on().await);
        let take = |login: &str| delete(format!("/console/agents/{login}/second_factor"));
        for _ in 0..2 {
            administrator.call(&server, take("jkowalski")).await.expect_nothing();
        }
        assert!(!is_on().await);
        sign_in(&server, "jkowalski", PASSWORD, None).await.expect(200);
        let log = get("/console/audit?actor=anowak&subject=agent%20jkowalski");
        let log = administrator.call(&server, log).await.expect(200).json();
        let [line] = &log["result"].as_array().expect("a list")[..] else { panic!("{log}") };
        assert_eq!(line["change"], "agent.second_factor");
        assert_eq!((&line["was"], &line["becomes"]), (&json!(true), &json!(false)));
        // A borrowed browser can't turn its agent's own off.
        administrator.call(&server, take("anowak")).await.expect_fault(Code::OwnSecondFactor);
        sign_in(&server, "anowak", PASSWORD, None).await.expect_fault(Code::CodeNeeded);
        administrator.call(&server, take("nobody")).await.expect_fault(Code::UnknownAgent);
    })
    .await;
}
