//! A visitor who has gone gets unread answers by e-mail, once a silence.

use rozmowa::clock::Millis;
use rozmowa::queue::Settings;
use rozmowa_db::{Stmt, params};
use uuid::Uuid;

use crate::client::{get, post};
use crate::hooks::{HOUR, SECOND, until};
use crate::mailbox::Mailbox;
use crate::people::{Person, token_of};
use crate::server::{Plan, Server};
use crate::store::{Engine, on_both_engines};

pub const MINUTE: Millis = 60 * SECOND;
pub const JAN: (&str, &str) = ("client_email", "jan.kowalski@example.org");

/// A server that sends e-mail to a mailbox.
pub async fn with_mailbox(engine: Engine) -> (Server, Mailbox) {
    let mailbox = Mailbox::start().await;
    (Plan::on(engine).configured(&mailbox.configuration()).start().await, mailbox)
}

/// Waits until no timer is due and nothing waits to be sent now.
pub async fn settled(server: &Server) {
    let text = "SELECT (SELECT count(*) FROM timer WHERE due_at <= $1) + (SELECT count(*) FROM mail WHERE given_up_at IS NULL AND attempts = 0 AND due_at <= $1)";
    until("nothing to do", async || {
        let statement = Stmt::composed("a test's own".to_owned(), text.to_owned());
        let now = server.app.clock.now();
        let left = server
            .write(move |tx| Ok(tx.query_one(&statement, params![now], |row| row.get::<i64>(0))?));
        (left.await == 0).then_some(())
    })
    .await;
}

/// Sets what other doors set: a column of a conversation.
pub async fn set(server: &Server, id: &str, column: &str, value: Option<i64>) {
    let text = format!("UPDATE conversation SET {column} = $2 WHERE id = $1");
    let statement = Stmt::composed("a test's own".to_owned(), text);
    let id: Uuid = id.parse().expect("an id");
    server.write(move |tx| Ok(tx.execute(&statement, params![&id, value])?)).await;
}

/// A number that a query gives.
pub async fn number(server: &Server, text: &str) -> i64 {
    let statement = Stmt::composed("a test's own".to_owned(), text.to_owned());
    server.write(move |tx| Ok(tx.query_one(&statement, &[], |row| row.get(0))?)).await
}

pub async fn set_queue(server: &Server, settings: Settings) {
    let statement =
        Stmt::composed("a test's own".to_owned(), "UPDATE chat_queue SET settings = $1".to_owned());
    server.write(move |tx| Ok(tx.execute(&statement, params![&settings.to_stored()])?)).await;
}

/// Whether a visitor's token opens its conversation.
pub async fn opens(server: &Server, secret: &str) -> bool {
    let order = post("/visitor/conversation/transcript_mail");
    let order = order.anonymous().header("Authorization", &format!("Bearer {secret}"));
    server.call(order).await.status == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_answers_come_once_at_their_time_with_a_link_that_opens() {
    on_both_engines(async |engine| {
        let (server, mailbox) = with_mailbox(engine).await;
        let chat = server.start(&[JAN, ("client_name", "Jan")]).await;
        server.message(&chat, "Dzień dobry").await;
        server.app.clock.advance(10 * SECOND);
        server.reply(&chat, "jkowalski", "Zażółć gęślą jaźń <script>alert(1)</script>").await;
        server.app.clock.advance(MINUTE);
        server.reply(&chat, "jkowalski", "I jeszcze jedno").await;
        // Nothing a millisecond before.
        server.app.clock.advance(4 * MINUTE - 1);
        settled(&server).await;
        server.app.clock.advance(1);
        let mail = mailbox.expect(1).await.remove(0);
        assert_eq!(mail.to(), JAN.1);
        assert_eq!(mail.header("From"), "Sklep Żółw <chat@example.org>");
        assert_eq!(mail.header("Subject"), "Nowe odpowiedzi: Sklep");
        assert_eq!(mail.header("Date"), "Mon, 01 Jun 2026 10:05:10 +0000");
        assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
        assert!(mail.header("Message-ID").ends_with("@chat.example.org>"));
        assert_eq!(mail.0["defects"], serde_json::json!([]));
        let plain = mail.plain();
        assert!(plain.contains("Zażółć gęślą jaźń <script>alert(1)</script>\n"), "{plain}");
        assert!(plain.contains("Konsultant, 2026-06-01 12:01:10\nI jeszcze jedno\n"), "{plain}");
        assert!(!plain.contains("Dzień dobry"), "{plain}");
        assert!(mail.html().contains("jaźń &lt;script&gt;"), "{}", mail.html());
        assert!(!mail.html().contains("<script"));
        assert!(plain.contains(&format!("https://chat.example.org/c/{}\n", mail.secret())));
        // What a program that follows links does is nothing.
        server.call(get(format!("/c/{}", mail.secret())).anonymous()).await;
        assert!(opens(&server, mail.secret()).await);
        mailbox.expect(2).await;
        server.app.clock.advance(HOUR);
        settled(&server).await;
        mailbox.expect(2).await;
        // What was sent is struck off after the mailbox has it.
        let kept = async || number(&server, "SELECT count(*) FROM mail").await;
        until("nothing kept", async || (kept().await == 0).then_some(())).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_e_mail_a_silence_and_another_when_the_visitor_was_back() {
    on_both_engines(async |engine| {
        let (server, mailbox) = with_mailbox(engine).await;
        let chat = server.start(&[JAN]).await;
        server.reply(&chat, "jkowalski", "jeden").await;
        server.app.clock.advance(5 * MINUTE);
        mailbox.expect(1).await;
        for _ in 0..3 {
            server.reply(&chat, "jkowalski", "dwa").await;
            server.app.clock.advance(HOUR);
            settled(&server).await;
        }
        mailbox.expect(1).await;
        // Speaks: what was said before that was seen.
        server.message(&chat, "Jestem").await;
        server.app.clock.advance(HOUR);
        settled(&server).await;
        mailbox.expect(1).await;
        server.reply(&chat, "jkowalski", "trzy").await;
        server.app.clock.advance(5 * MINUTE);
        let mail = mailbox.expect(2).await.remove(1);
        assert!(mail.plain().contains("trzy") && !mail.plain().contains("dwa"), "{}", mail.plain());
        // Reads, and says nothing.
        set(&server, &chat, "client_read_seq", Some(8)).await;
        set(&server, &chat, "page_closed_at", Some(server.app.clock.now())).await;
        server.reply(&chat, "jkowalski", "cztery").await;
        server.app.clock.advance(5 * MINUTE);
        let mail = mailbox.expect(3).await.remove(2);
        assert!(
            mail.plain().contains("cztery") && !mail.plain().contains("trzy"),
            "{}",
            mail.plain()
        );
        // Opens the page and does not read.
        server.app.clock.advance(HOUR);
        set(&server, &chat, "page_closed_at", Some(server.app.clock.now())).await;
        server.reply(&chat, "jkowalski", "pięć").await;
        server.app.clock.advance(5 * MINUTE);
        let mail = mailbox.expect(4).await.remove(3);
        assert!(
            mail.plain().contains("pięć") && !mail.plain().contains("cztery"),
            "{}",
            mail.plain()
        );
        settled(&server).await;
        mailbox.expect(4).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_there_gets_none_until_gone() {
    on_both_engines(async |engine| {
        let (server, mailbox) = with_mailbox(engine).await;
        let [chat, reader] = [server.start(&[JAN]).await, server.start(&[JAN]).await];
        for id in [&chat, &reader] {
            set(&server, id, "page_closed_at", Some(server.app.clock.now() + HOUR)).await;
            server.reply(id, "jkowalski", "Halo?").await;
        }
        for _ in 0..5 {
            server.app.clock.advance(6 * MINUTE);
            settled(&server).await;
        }
        assert_eq!(number(&server, "SELECT count(*) FROM timer WHERE kind = 2").await, 2);
        set(&server, &reader, "client_read_seq", Some(9)).await;
        let gone_at = server.app.clock.now();
        for id in [&chat, &reader] {
            set(&server, id, "page_closed_at", Some(gone_at)).await;
        }
        server.app.clock.advance(5 * MINUTE - 1);
        settled(&server).await;
        mailbox.expect(0).await;
        server.app.clock.advance(1);
        mailbox.expect(1).await;
        server.app.clock.advance(HOUR);
        settled(&server).await;
        mailbox.expect(1).await;
        assert_eq!(number(&server, "SELECT count(*) FROM timer WHERE kind = 2").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_page_is_a_visitor_who_is_there() {
    on_both_engines(async |engine| {
        let (server, mailbox) = with_mailbox(engine).await;
        let chat = server.start(&[JAN]).await;
        let page = Person::visitor(&server, &token_of(&server, &chat).await).await;
        let noted = async |what: &str| {
            let count = format!("SELECT count(*) FROM conversation WHERE page_closed_at {what}");
            until("the page to be noted", async || {
                (number(&server, &count).await == 1).then_some(())
            })
            .await;
        };
        noted("> 0").await;
        server.reply(&chat, "jkowalski", "Halo?").await;
        server.app.clock.advance(5 * MINUTE);
        settled(&server).await;
        mailbox.expect(0).await;
        drop(page);
        noted(&format!("= {}", server.app.clock.now())).await;
        server.app.clock.advance(5 * MINUTE - 1);
        settled(&server).await;
        mailbox.expect(0).await;
        server.app.clock.advance(1);
        mailbox.expect(1).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_down_at_the_time_sends_it_once_when_it_is_up() {
    on_both_engines(async |engine| {
        let (mut server, mailbox) = with_mailbox(engine).await;
        let chat = server.start(&[JAN]).await;
        server.reply(&chat, "jkowalski", "Halo?").await;
        server.app.clock.advance(MINUTE);
        let running = server.running.take().expect("it runs");
        running.stop().await;
        server.app.clock.advance(HOUR);
        server.start_again(&mailbox.configuration()).await;
        mailbox.expect(1).await;
        server.restart(&mailbox.configuration()).await;
        settled(&server).await;
        mailbox.expect(1).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_noted_without_an_address_a_wish_or_a_mail_server() {
    on_both_engines(async |engine| {
        let mailbox = Mailbox::start().await;
        let mut server = Server::on(engine).await;
        let timers = "SELECT count(*) FROM timer WHERE kind = 2";
        let chat = server.start(&[JAN]).await;
        server.reply(&chat, "jkowalski", "Halo?").await;
        assert_eq!(number(&server, timers).await, 0, "no mail server");
        assert!(!rozmowa::mail::is_on(&server.app));
        server.restart(&mailbox.configuration()).await;
        assert!(rozmowa::mail::is_on(&server.app));
        let nobody = server.start(&[]).await;
        server.reply(&nobody, "jkowalski", "Halo?").await;
        assert_eq!(number(&server, timers).await, 0, "no address");
        let settings =
            Settings { mail_after_seconds: 0, idle_close_seconds: 0, ..Settings::default() };
        set_queue(&server, settings).await;
        server.reply(&chat, "jkowalski", "Halo?").await;
        assert_eq!(number(&server, timers).await, 0, "no wish");
        let settings =
            Settings { mail_after_seconds: 7, idle_close_seconds: 0, ..Settings::default() };
        set_queue(&server, settings).await;
        server.reply(&chat, "jkowalski", "Halo?").await;
        assert_eq!(number(&server, timers).await, 1);
        server.app.clock.advance(7 * SECOND);
        mailbox.expect(1).await;
    })
    .await;
}
