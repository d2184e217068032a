//! E-mails beside unread answers: receipts, transcripts, links for agents; and what holds for all of them.

use rozmowa::act::Act;
use rozmowa::agent::{self, Role, links, session};
use rozmowa::mail::{Kind, letter, outbox};
use rozmowa::queue::Settings;
use rozmowa::queue::settings::{Hours, Span};
use rozmowa_db::Tx;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::browser::{Browser, sign_in};
use crate::client::{Answer, get, post};
use crate::hooks::{DAY, HOUR, SECOND, until};
use crate::mail_unread::{JAN, MINUTE, number, opens, set_queue, settled, with_mailbox};
use crate::mailbox::{Mailbox, configuration};
use crate::people::{member, token_of};
use crate::server::{Plan, Server};
use crate::store::on_both_engines;

async fn order(server: &Server, token: &str) -> Answer {
    let order = post("/visitor/conversation/transcript_mail").anonymous();
    server.call(order.header("Authorization", &format!("Bearer {token}"))).await
}

/// Has a link sent to an agent, as the console does, and gives its secret.
pub async fn put(
    server: &Server,
    kind: Kind,
    address: &'static str,
    login: &'static str,
) -> String {
    let (app, token) = (server.app.clone(), session::new_token(&server.app.ids));
    let given = token.clone();
    let put = move |tx: &mut Tx<'_>, act: &Act<'_>| {
        let mut agent = agent::find(tx, login)?.expect("the agent is known");
        address.clone_into(&mut agent.email);
        let link = match kind {
            Kind::Invitation => links::Kind::Invitation,
            _ => links::Kind::PasswordReset,
        };
        links::add(tx, act.now, link, Some(agent.id), &given)?;
        letter::add(tx, act, &app.secret, kind, &agent, &given)
    };
    server.act(put).await;
    token
}

/// A queue that works from nine to one.
fn open_until_one() -> Settings {
    let span = Span { from_minute: 9 * 60, until_minute: 13 * 60 };
    let hours = Hours {
        week: std::array::from_fn(|_| vec![span]),
        time_zone: None,
        special_days: Vec::new(),
        has_polish_holidays: false,
    };
    Settings { hours: Some(hours), idle_close_seconds: 0, ..Settings::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_outside_hours_gets_one_receipt() {
    on_both_engines(async |engine| {
        let (server, mailbox) = with_mailbox(engine).await;
        // Noon in Warsaw is within, and two in the afternoon is not.
        set_queue(&server, open_until_one()).await;
        let chat = server.start(&[JAN]).await;
        server.message(&chat, "Otwarte?").await;
        settled(&server).await;
        mailbox.expect(0).await;
        server.app.clock.advance(2 * HOUR);
        server.message(&chat, "Halo?").await;
        server.message(&chat, "Halo?").await;
        let mail = mailbox.expect(1).await.remove(0);
        assert_eq!(mail.header("Subject"), "Wiadomość dotarła: Sklep");
        assert!(mail.plain().contains("poza godzinami pracy"), "{}", mail.plain());
        assert!(opens(&server, mail.secret()).await);
        mailbox.expect(2).await;
        // Nobody to write to.
        let nobody = server.start(&[]).await;
        server.message(&nobody, "Halo?").await;
        server.app.clock.advance(HOUR);
        server.message(&chat, "Halo?").await;
        settled(&server).await;
        mailbox.expect(2).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transcript_goes_to_the_visitors_address() {
    on_both_engines(async |engine| {
        let (server, mailbox) = with_mailbox(engine).await;
        let chat = server.start(&[JAN]).await;
        server.execute("UPDATE conversation SET customer_id = NULL, client_surname = '', client_name = 'Jan <b>\r\nBcc: x@y.pl'").await;
        server.execute("UPDATE agent SET name = 'Ewa\u{202e}</b>', surname = 'Żak'").await;
        server.execute("UPDATE chat_queue SET name = '<i>Sklep</i> ąę' WHERE id = 3").await;
        server.message(&chat, "Dzień dobry\n.\n\u{202e}<script>").await;
        server.reply(&chat, "jkowalski", "Witam").await;
        let token = token_of(&server, &chat).await;
        order(&server, &token).await.expect_nothing();
        let mail = mailbox.expect(1).await.remove(0);
        assert_eq!(mail.to(), JAN.1);
        assert_eq!(mail.header("Subject"), "Zapis rozmowy: <i>Sklep</i> ąę");
        let plain = mail.plain();
        let said = "Jan <b> Bcc: x@y.pl, 2026-06-01 12:00:00\nDzień dobry\n.\n<script>\n\nEwa</b>, 2026-06-01 12:00:00\nWitam\n";
        assert!(plain.contains(said), "{plain}");
        let html = mail.html();
        assert!(!html.contains("<script") && !html.contains("<i>") && !html.contains("</b>,"), "{html}");
        assert_eq!(mail.0["defects"], json!([]));
        let names: Vec<_> = mail.0["headers"].as_array().unwrap().iter().map(|h| &h[0]).collect();
        assert!(!names.iter().any(|name| **name == "Bcc"), "{names:?}");
        // An agent of the queue sends the same, and no other.
        let stranger = Browser::of(&server, "retired", Role::Agent).await;
        let agent = Browser::of(&server, "anowak", Role::Agent).await;
        member(&server, 3, "anowak").await;
        let door = |id: &str| post(format!("/console/conversations/{id}/transcript_mail"));
        assert!(matches!(stranger.call(&server, door(&chat)).await.status, 403 | 404));
        agent.call(&server, door(&chat)).await.expect_nothing();
        assert_eq!(mailbox.expect(2).await.remove(1).plain(), plain);
        for unknown in ["x", "00000000-0000-7000-8000-000000000000"] {
            let answer = agent.call(&server, door(unknown)).await;
            answer.expect_fault(rozmowa::http::Code::UnknownConversation);
        }
        // The visitor's token is for its own conversation, and nobody else's will do.
        order(&server, "x").await.expect_fault(rozmowa::http::Code::BadVisitorToken);
        let none = server.start(&[]).await;
        let token = token_of(&server, &none).await;
        order(&server, &token).await.expect_fault(rozmowa::http::Code::NoMailAddress);
        // What the CRM calls a customer is none of the visitor's, nor is the company's number of one.
        for (count, of) in [(3, &[JAN, ("client_id", "1234")][..]), (4, &[JAN, ("client_id", "KLIENT-7")])] {
            let chat = server.start(of).await;
            server.message(&chat, "Halo").await;
            server.execute("UPDATE conversation SET customer_id = NULL, client_name = '', client_surname = '' WHERE client_id = 'KLIENT-7'").await;
            let token = token_of(&server, &chat).await;
            order(&server, &token).await.expect_nothing();
            let mail = mailbox.expect(count).await.remove(count - 1);
            let plain = mail.plain();
            assert!(plain.contains("\nKlient, 2026-06-01 12:00:00\nHalo\n"), "{plain}");
        }
        settled(&server).await;
        mailbox.expect(4).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_waits_is_enough_and_an_address_gets_ten_an_hour() {
    on_both_engines(async |engine| {
        let (server, mailbox) = with_mailbox(engine).await;
        let chat = server.start(&[JAN]).await;
        let token = token_of(&server, &chat).await;
        for count in 1..=10 {
            order(&server, &token).await.expect_nothing();
            mailbox.expect(count).await;
            settled(&server).await;
            until("it to be forgotten", async || {
                (number(&server, "SELECT count(*) FROM mail").await == 0).then_some(())
            })
            .await;
        }
        let refused = order(&server, &token).await;
        assert_eq!(refused.header("retry-after"), Some("3600"));
        refused.expect_fault(rozmowa::http::Code::TooManyMails);
        // What others have sent waits until there is room again, and is sent then.
        put(&server, Kind::Invitation, "Jan.Kowalski@example.org", "jkowalski").await;
        put(&server, Kind::Invitation, "other@example.org", "jkowalski").await;
        let mail = mailbox.expect(11).await.remove(10);
        assert_eq!(mail.to(), "other@example.org");
        server.app.clock.advance(HOUR - 1);
        settled(&server).await;
        mailbox.expect(11).await;
        server.app.clock.advance(1);
        assert_eq!(mailbox.expect(12).await[11].to(), "Jan.Kowalski@example.org");
        settled(&server).await;
        server.app.clock.advance(2 * HOUR);
        while server.act(outbox::sweep).await {}
        assert_eq!(number(&server, "SELECT count(*) FROM mail_sent").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_get_links_that_only_the_e_mail_knows() {
    on_both_engines(async |engine| {
        let (server, mut mailbox) = with_mailbox(engine).await;
        let administrator = Browser::of(&server, "jkowalski", Role::Administrator).await;
        let new = json!({"login": "ewa", "name": "Ewa", "surname": "Żółć", "email": "ewa@example.org", "language": "en"});
        administrator.call(&server, post("/console/agents").json(&new)).await.expect_nothing();
        let invite = administrator.call(&server, post("/console/agents/ewa/invitation")).await;
        let answer = invite.expect(200).json();
        assert_eq!((&answer["is_sent"], &answer["link"]), (&json!(true), &Value::Null));
        let mail = mailbox.expect(1).await.remove(0);
        let subject = "An account for conversations with clients";
        assert_eq!((mail.to(), mail.header("Subject")), ("ewa@example.org", subject));
        assert!(mail.plain().contains("its login is ewa"), "{}", mail.plain());
        let set = |token: &str, password: &str| {
            let given = json!({"token": token, "password": password});
            post("/console/password").anonymous().json(&given)
        };
        server.call(set(mail.secret(), "long enough")).await.expect(200);
        let forgotten = post("/console/password_reset").anonymous();
        let forgotten = forgotten.json(&json!({"email": "ewa@example.org"}));
        server.call(forgotten).await.expect_nothing();
        let mail = mailbox.expect(2).await.remove(1);
        assert_eq!(mail.header("Subject"), "A new password");
        server.call(set(mail.secret(), "another one")).await.expect(200);
        sign_in(&server, "ewa", "another one", None).await.expect(200);
        let gone = async || (number(&server, "SELECT count(*) FROM mail").await == 0).then_some(());
        until("it to be noted", gone).await;
        // Whoever has set a password before it is sent gets none.
        mailbox.answer(&["451 later"]).await;
        let secret = put(&server, Kind::PasswordReset, "ewa@example.org", "ewa").await;
        let failed = "SELECT count(*) FROM mail WHERE error IS NOT NULL";
        until("a failure", async || (number(&server, failed).await == 1).then_some(())).await;
        server.call(set(&secret, "the third one")).await.expect(200);
        server.app.clock.advance(MINUTE);
        until("it to be dropped", gone).await;
        mailbox.expect(2).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mail_server_the_answers_say_so_and_nothing_is_written() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        set_queue(&server, open_until_one()).await;
        server.app.clock.advance(2 * HOUR);
        let chat = server.start(&[JAN]).await;
        server.message(&chat, "Halo?").await;
        server.reply(&chat, "jkowalski", "Tak?").await;
        let token = token_of(&server, &chat).await;
        order(&server, &token).await.expect_fault(rozmowa::http::Code::MailOff);
        assert_eq!(number(&server, "SELECT count(*) FROM mail").await, 0);
        assert_eq!(number(&server, "SELECT count(*) FROM timer WHERE kind = 2").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_or_read_before_it_is_sent_is_not_sent() {
    on_both_engines(async |engine| {
        let (server, mut mailbox) = with_mailbox(engine).await;
        let [erased, half, read, spoken] = [
            server.start(&[("client_email", "a@example.org")]).await,
            server.start(&[("client_email", "b@example.org")]).await,
            server.start(&[("client_email", "c@example.org")]).await,
            server.start(&[("client_email", "d@example.org")]).await,
        ];
        for chat in [&erased, &half, &read, &spoken] {
            server.reply(chat, "jkowalski", "tajne").await;
            server.reply(chat, "jkowalski", "jawne").await;
        }
        mailbox.answer(&["451 later"; 4]).await;
        server.app.clock.advance(5 * MINUTE);
        let failed = "SELECT count(*) FROM mail WHERE error IS NOT NULL AND due_at > 0";
        until("four failures", async || (number(&server, failed).await == 4).then_some(())).await;
        let erase = |chat: &str, seq: &str| {
            let id: Uuid = chat.parse().unwrap();
            let blob = match engine {
                crate::store::Engine::Sqlite => format!("x'{}'", id.simple()),
                crate::store::Engine::Postgres => format!("'\\x{}'::bytea", id.simple()),
            };
            format!(
                "UPDATE event SET text = NULL WHERE conversation_id = {blob} AND kind = 1 {seq}"
            )
        };
        server.execute(&erase(&erased, "")).await;
        server.execute(&erase(&half, "AND text = 'tajne'")).await;
        crate::mail_unread::set(&server, &read, "client_read_seq", Some(100)).await;
        server.message(&spoken, "Widzę").await;
        server.app.clock.advance(MINUTE);
        let mail = mailbox.expect(1).await.remove(0);
        assert_eq!(mail.to(), "b@example.org");
        assert!(
            mail.plain().contains("jawne") && !mail.plain().contains("tajne"),
            "{}",
            mail.plain()
        );
        assert!(mail.plain().contains("(treść usunięta)"), "{}", mail.plain());
        until("nothing to be left", async || {
            (number(&server, "SELECT count(*) FROM mail").await == 0).then_some(())
        })
        .await;
        mailbox.expect(1).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_e_mail_is_bounded() {
    let (server, mailbox) = with_mailbox(crate::store::Engine::Sqlite).await;
    let chat = server.start(&[JAN]).await;
    for number in 0..105 {
        server.message(&chat, &format!("wiadomość {number};")).await;
    }
    let token = token_of(&server, &chat).await;
    order(&server, &token).await.expect_nothing();
    let mail = mailbox.expect(1).await.remove(0);
    let plain = mail.plain();
    assert!(
        plain.contains("pominięte") && !plain.contains(" 4;") && plain.contains(" 5;"),
        "{plain}"
    );
    assert!(plain.contains(" 104;"));
    let long = "ż".repeat(16_384);
    for _ in 0..12 {
        server.message(&chat, &long).await;
    }
    order(&server, &token).await.expect_nothing();
    let mail = mailbox.expect(2).await.remove(1);
    assert_eq!(mail.plain().matches(&long).count(), 8);
    assert!(mail.plain().contains("pominięte"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_postgres_send_each_once() {
    on_both_engines(async |engine| {
        if engine == crate::store::Engine::Sqlite {
            return;
        }
        let (server, mailbox) = with_mailbox(engine).await;
        let other = server.again(&mailbox.configuration()).await;
        let mut addresses = Vec::new();
        for number in 0..60 {
            let address = format!("klient{number}@example.org");
            let chat = server.start(&[("client_email", &address)]).await;
            server.reply(&chat, "jkowalski", "Halo?").await;
            addresses.push(address);
        }
        server.app.clock.advance(5 * MINUTE + SECOND);
        let mut to: Vec<_> =
            mailbox.expect(60).await.iter().map(|mail| mail.to().to_owned()).collect();
        settled(&server).await;
        mailbox.expect(60).await;
        to.sort();
        addresses.sort();
        assert_eq!(to, addresses);
        other.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_follow_the_schedule_and_then_it_is_given_up_and_kept_for_a_month() {
    on_both_engines(async |engine| {
        let (server, mut mailbox) = with_mailbox(engine).await;
        mailbox.answer(&["451 4.7.1 greylisted, \u{1b}[2Jcome again"; 6]).await;
        put(&server, Kind::Invitation, "nowa@example.org", "anowak").await;
        let waits = [60, 300, 1_800, 7_200, 28_800].map(|seconds| seconds * SECOND);
        for (attempts, wait) in (1..).zip(waits) {
            let done = format!("SELECT count(*) FROM mail WHERE attempts = {attempts} AND due_at = {} AND error IS NOT NULL AND given_up_at IS NULL", server.app.clock.now() + wait);
            until("an attempt", async || (number(&server, &done).await == 1).then_some(())).await;
            server.app.clock.advance(wait);
        }
        let given_up = "SELECT count(*) FROM mail WHERE given_up_at IS NOT NULL AND secret IS NULL";
        until("it to be given up", async || (number(&server, given_up).await == 1).then_some(())).await;
        let shown = server.write(|tx| outbox::list(tx, 10)).await.remove(0);
        assert_eq!((shown.attempts, shown.kind), (6, Some(Kind::Invitation)));
        let error = shown.error.unwrap();
        assert!(error.contains("451") && error.contains("greylisted"), "{error}");
        server.app.clock.advance(29 * DAY);
        settled(&server).await;
        mailbox.expect(0).await;
        while server.act(outbox::sweep).await {}
        assert_eq!(number(&server, given_up).await, 1);
        server.app.clock.advance(DAY);
        while server.act(outbox::sweep).await {}
        assert_eq!(number(&server, given_up).await, 0);
        // What will never be taken is given up at once.
        mailbox.answer(&["550 5.1.1 no such user"]).await;
        put(&server, Kind::Invitation, "nowa@example.org", "anowak").await;
        until("it to be given up", async || (number(&server, given_up).await == 1).then_some(())).await;
        let shown = server.write(|tx| outbox::list(tx, 10)).await.remove(0);
        assert_eq!(shown.attempts, 1);
        assert!(shown.error.unwrap().contains("no such user"));
        mailbox.expect(0).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_sent_while_the_mail_server_was_away_is_sent_later() {
    on_both_engines(async |engine| {
        let mailbox = Mailbox::start().await;
        let port = mailbox.port;
        drop(mailbox);
        let server = Plan::on(engine).configured(&configuration(port)).start().await;
        put(&server, Kind::Invitation, "nowa@example.org", "anowak").await;
        let failed = "SELECT count(*) FROM mail WHERE error IS NOT NULL";
        until("a failure", async || (number(&server, failed).await == 1).then_some(())).await;
        // Everything else goes on.
        let chat = server.start(&[JAN]).await;
        server.reply(&chat, "jkowalski", "Halo?").await;
        server.call(get("/health/ready").anonymous()).await.expect(200);
        let mailbox = Mailbox::start_at(port).await;
        server.app.clock.advance(MINUTE);
        mailbox.expect(1).await;
    })
    .await;
}
