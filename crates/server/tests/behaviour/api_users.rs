//! API users come to an end, get new passwords beside old ones, and leave a trace of their use.

use std::sync::LazyLock;

use rozmowa::account::{self, Methods, Rotation, password};
use rozmowa::clock::Millis;
use rozmowa::http::Code;
use tokio::time::timeout;

use crate::client::{PATIENCE, Request, get, post};
use crate::server::{NOON, PASSWORD, PASSWORD_HASH, START, Server};
use crate::store::{Engine, on_both_engines};

const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;
const NEW: &str = "new_pass";
const NEWER: &str = "newer_pass";

static NEW_HASH: LazyLock<String> = LazyLock::new(|| beside(NEW, &PASSWORD_HASH));
static NEWER_HASH: LazyLock<String> = LazyLock::new(|| beside(NEWER, &NEW_HASH));

fn beside(password: &str, current: &str) -> String {
    password::beside(password, current).expect("it can be hashed").expect("it is another one")
}

/// Calls that write and that read: both ask anew whether the user was changed.
fn start() -> Request {
    post(START).query(&[("chat_queue_id", "3")])
}

fn list() -> Request {
    get("/api/chats?limit=1")
}

impl Server {
    async fn rotate(&self, current: &str, new: &str, overlap: Millis) {
        let rotation =
            Rotation { current_hash: current.to_owned(), new_hash: new.to_owned(), overlap };
        assert!(self.act(move |tx, act| account::rotate(tx, act, "api_user", &rotation)).await);
    }

    async fn expire(&self, at: Option<Millis>) {
        assert!(self.act(move |tx, act| account::set_expiry(tx, act, "api_user", at)).await);
    }

    async fn takes(&self, password: &str) {
        self.call(start().by("api_user", password)).await.expect(200);
        self.call(list().by("api_user", password)).await.expect(200);
    }

    async fn refuses(&self, password: &str, code: Code) {
        self.call(start().by("api_user", password)).await.expect_fault(code);
        self.call(list().by("api_user", password)).await.expect_fault(code);
    }

    fn hashes(&self) -> u64 {
        self.app.gate.hasher().hashes()
    }

    /// Until many of the server's background writes could have been made.
    async fn settle(&self) {
        for _ in 0..5 {
            self.write(|_| Ok(())).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_user_is_refused_from_that_very_moment_though_remembered() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.expire(Some(NOON + MINUTE)).await;
        server.takes(PASSWORD).await;
        let hashes = server.hashes();
        server.app.clock.advance(MINUTE - 1);
        server.takes(PASSWORD).await;
        server.app.clock.advance(1);
        for _ in 0..30 {
            server.refuses(PASSWORD, Code::Expired).await;
        }
        assert_eq!(server.hashes(), hashes, "neither the end nor a refusal costs a hash");
        let told = server.call(start().in_polish()).await.expect_fault(Code::Expired);
        assert!(told.text().contains("wygasła"), "{}", told.text());
        assert!(told.header("WWW-Authenticate").is_some());
        // Whoever has no right password learns nothing.
        server.refuses("wrong", Code::Unauthorized).await;
        // Prolonged, it counts on the very next call.
        server.expire(Some(NOON + HOUR)).await;
        server.takes(PASSWORD).await;
        server.expire(None).await;
        server.app.clock.advance(1_000 * HOUR);
        server.takes(PASSWORD).await;
        // Shortened, too.
        server.expire(Some(NOON)).await;
        server.refuses(PASSWORD, Code::Expired).await;
        server.act(|tx, act| account::set_enabled(tx, act, "api_user", false)).await;
        server.refuses(PASSWORD, Code::Unauthorized).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn right_passwords_of_expired_users_are_not_counted_as_wrong_ones() {
    let server = Server::on(Engine::Sqlite).await;
    server.expire(Some(NOON)).await;
    for number in 0..30 {
        // A change each time, so that none is remembered.
        server.expire(Some(NOON - number)).await;
        server.call(start()).await.expect_fault(Code::Expired);
    }
    assert!(server.hashes() >= 30);
    server.call(start().by("api_reader", PASSWORD)).await.expect_fault(Code::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_passwords_are_good_until_the_overlap_is_over() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.takes(PASSWORD).await;
        server.rotate(&PASSWORD_HASH, &NEW_HASH, HOUR).await;
        server.takes(PASSWORD).await;
        server.takes(NEW).await;
        server.refuses("wrong", Code::Unauthorized).await;
        server.app.clock.advance(HOUR - 1);
        server.takes(PASSWORD).await;
        server.app.clock.advance(1);
        server.refuses(PASSWORD, Code::Unauthorized).await;
        server.takes(NEW).await;
        // The broom takes the row's part of it, and changes nothing for callers.
        assert!(server.api_user("api_user").await.old.is_some());
        let now = server.app.clock.now();
        let before = server.hashes();
        server.write(move |tx| account::clear_old(tx, now)).await;
        assert!(server.api_user("api_user").await.old.is_none());
        server.takes(NEW).await;
        assert_eq!(server.hashes(), before, "what is remembered stays right");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_rotation_drops_the_oldest_password() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.rotate(&PASSWORD_HASH, &NEW_HASH, HOUR).await;
        server.takes(PASSWORD).await;
        server.rotate(&NEW_HASH, &NEWER_HASH, HOUR).await;
        server.refuses(PASSWORD, Code::Unauthorized).await;
        server.takes(NEW).await;
        server.takes(NEWER).await;
        // A change that is none of passwords leaves them as they are.
        server.act(|tx, act| account::set_enabled(tx, act, "api_user", false)).await;
        server.refuses(NEW, Code::Unauthorized).await;
        server.act(|tx, act| account::set_enabled(tx, act, "api_user", true)).await;
        server.takes(NEW).await;
        // A new password at once is the only one.
        let hash = PASSWORD_HASH.clone();
        server.act(move |tx, act| account::set_password(tx, act, "api_user", &hash)).await;
        server.refuses(NEW, Code::Unauthorized).await;
        server.refuses(NEWER, Code::Unauthorized).await;
        server.takes(PASSWORD).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_without_overlap_ends_the_old_password_at_once() {
    let server = Server::on(Engine::Sqlite).await;
    server.takes(PASSWORD).await;
    server.rotate(&PASSWORD_HASH, &NEW_HASH, 0).await;
    server.refuses(PASSWORD, Code::Unauthorized).await;
    server.takes(NEW).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_rotations_at_once_one_is_refused() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let rotations = [NEW, NEWER].map(|text| {
            let rotation = Rotation {
                current_hash: PASSWORD_HASH.clone(),
                new_hash: beside(text, &PASSWORD_HASH),
                overlap: HOUR,
            };
            let app = server.app.clone();
            tokio::spawn(async move {
                let own = app.clone();
                let run = move |tx: &mut rozmowa_db::Tx<'_>| {
                    let actor = rozmowa::act::Actor::system();
                    let act = rozmowa::act::Act::of(tx, &own, &actor)?;
                    account::rotate(tx, &act, "api_user", &rotation)
                };
                app.db.write(run).await.is_ok()
            })
        });
        let mut done = 0;
        for rotation in rotations {
            done += usize::from(rotation.await.expect("it ends"));
        }
        assert_eq!(done, 1);
        server.takes(PASSWORD).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_password_costs_no_second_hash_and_no_second_failure() {
    let server = Server::on(Engine::Sqlite).await;
    server.rotate(&PASSWORD_HASH, &NEW_HASH, HOUR).await;
    for (password, status) in [(NEW, 200), (PASSWORD, 200), ("wrong", 401)] {
        let before = server.hashes();
        server.call(start().by("api_user", password)).await.expect(status);
        assert_eq!(server.hashes() - before, 1, "{password}");
    }
    // One failure was counted, so that 19 more are let in.
    for number in 0..19 {
        server.call(start().by("api_user", &number.to_string())).await.expect(401);
    }
    server.call(start().by("api_user", "one too many")).await.expect(429);
    // Whoever has a right password is let in, be it the old one.
    server.call(start().by("api_user", PASSWORD)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_of_each_password_is_noted() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        assert_eq!(server.api_user("api_user").await.last_used_at, None);
        server.takes(PASSWORD).await;
        server.used("api_user", |user| user.last_used_at == Some(NOON)).await;
        // Remembered, it is not noted again, and nothing is checked anew for it.
        let version = server.api_user("api_user").await.credential_version;
        server.app.clock.advance(MINUTE);
        server.takes(PASSWORD).await;
        server.settle().await;
        let user = server.api_user("api_user").await;
        assert_eq!((user.last_used_at, user.credential_version), (Some(NOON), version));
        assert_eq!(server.hashes(), 1);

        server.rotate(&PASSWORD_HASH, &NEW_HASH, HOUR).await;
        let old = |user: &account::ApiUser| user.old.as_ref().and_then(|old| old.last_used_at);
        let user = server.api_user("api_user").await;
        assert_eq!((user.last_used_at, old(&user)), (None, Some(NOON)));
        server.takes(PASSWORD).await;
        server.used("api_user", |user| old(user) == Some(NOON + MINUTE)).await;
        assert_eq!(server.api_user("api_user").await.last_used_at, None);
        server.takes(NEW).await;
        server.used("api_user", |user| user.last_used_at == Some(NOON + MINUTE)).await;

        // Wrong ones and those of users who may not call leave no trace.
        server.app.clock.advance(MINUTE);
        server.refuses("wrong", Code::Unauthorized).await;
        server.expire(Some(NOON)).await;
        server.refuses(NEW, Code::Expired).await;
        server.settle().await;
        assert_eq!(server.api_user("api_user").await.last_used_at, Some(NOON + MINUTE));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_does_not_wait_for_the_note_of_its_password() {
    let server = Server::on(Engine::Sqlite).await;
    let (let_go, held) = std::sync::mpsc::sync_channel::<()>(0);
    let (tell_that_it_runs, it_runs) = tokio::sync::oneshot::channel::<()>();
    let (db, mut tell_that_it_runs) = (server.app.db.clone(), Some(tell_that_it_runs));
    let busy = tokio::spawn(async move {
        db.write(move |_| {
            tell_that_it_runs.take().expect("it runs once").send(()).expect("the test waits");
            let _ = held.recv();
            Ok::<_, rozmowa::http::Error>(())
        })
        .await
    });
    it_runs.await.expect("the writer takes it");
    timeout(PATIENCE, server.call(list())).await.expect("readers go on").expect(200);
    let_go.send(()).expect("it waits");
    busy.await.expect("it ends").expect("the store takes it");
    server.used("api_user", |user| user.last_used_at.is_some()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_and_removal_count_on_the_very_next_call() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let set = |lines: &'static str| {
            let methods = Methods::parse(lines);
            server.act(move |tx, act| account::set_methods(tx, act, "api_user", &methods))
        };
        server.takes(PASSWORD).await;
        assert!(set("GET chats").await);
        server.call(start()).await.expect_fault(Code::Forbidden);
        server.call(list()).await.expect(200);
        assert!(set("POST chat_conversations/*").await);
        server.call(start()).await.expect(200);
        server.call(list()).await.expect_fault(Code::Forbidden);
        assert!(server.act(|tx, act| account::remove(tx, act, "api_user")).await);
        server.refuses(PASSWORD, Code::Unauthorized).await;
        assert!(!server.act(|tx, act| account::remove(tx, act, "api_user")).await);
        // The name is free again, and is somebody else now.
        server.add_api_user("api_user", "*").await;
        server.takes(PASSWORD).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_as_it_is_is_no_change() {
    let server = Server::on(Engine::Sqlite).await;
    server.takes(PASSWORD).await;
    let before = server.api_user("api_user").await.credential_version;
    server.act(|tx, act| account::set_enabled(tx, act, "api_user", true)).await;
    server.act(|tx, act| account::set_expiry(tx, act, "api_user", None)).await;
    let methods = Methods::parse("*");
    server.act(move |tx, act| account::set_methods(tx, act, "api_user", &methods)).await;
    assert_eq!(server.api_user("api_user").await.credential_version, before);
    server.takes(PASSWORD).await;
    assert_eq!(server.hashes(), 1);
}
