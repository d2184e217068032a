//! The installation's own settings: its address, what is kept, e-mail; and how it gets its first administrator.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use rozmowa::agent::{self, Changes, Role};
use rozmowa::audit;
use rozmowa::http::Code;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::client::{PATIENCE, post};
use crate::desk::Desk;
use crate::mailbox::Mailbox;
use crate::server::{Plan, Server};
use crate::store::{Engine, on_both_engines};

const INSTALLATION: &str = "/console/settings/installation";

async fn administrator(server: &Server) -> Desk {
    Desk::with(server, "anowak", Role::Administrator).await
}

async fn set(server: &Server, desk: &Desk, change: Value) -> Value {
    desk.call(server, "PUT", INSTALLATION, change).await.expect(200).json()
}

async fn link(server: &Server, desk: &Desk) -> String {
    let target = "/console/agents/retired/invitation";
    let invited = desk.call(server, "POST", target, json!({})).await.expect(200).json();
    invited["link"].as_str().expect("a link").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_says_where_it_is_and_that_counts_at_once() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let other = server.again("").await;
        let desk = administrator(&server).await;
        let shown = json!({"public_url": null, "is_configured": false, "retention_days": 0, "add_customers": false,
            "is_set_up": false});
        assert_eq!(desk.get(&server, INSTALLATION).await.expect(200).json(), shown);
        let directory = async || desk.get(&server, "/console/directory").await.expect(200).json();
        assert_eq!(directory().await["is_set_up"], false);
        assert!(link(&server, &desk).await.starts_with("http://127.0.0.1:"), "the listener's own");
        let from = async |origin: &str| {
            let request = desk.signed(post("/console/topics").json(&json!({"name": origin})));
            server.call(request.header("Origin", origin)).await
        };
        from("http://test").await.expect(200);
        from("https://chat.example.org").await.expect_fault(Code::ForeignOrigin);

        let change = json!({"public_url": "https://Chat.example.org/", "retention_days": 90, "add_customers": true});
        let shown = json!({"public_url": "https://chat.example.org", "is_configured": false, "retention_days": 90,
            "add_customers": true, "is_set_up": true});
        assert_eq!(set(&server, &desk, change).await, shown);
        assert_eq!(desk.get(&server, INSTALLATION).await.expect(200).json(), shown);
        assert_eq!(directory().await["is_set_up"], true);
        assert!(link(&server, &desk).await.starts_with("https://chat.example.org/console/password#"));
        let id = server.start(&[]).await;
        let target = format!("/api/chat_conversations/{id}/visitor_token");
        let visitor = server.call(post(target)).await.expect(200).text();
        assert!(visitor.contains("https://chat.example.org/c/"), "{visitor}");
        // Pages of that address may call, and those of the name it was called by before no more.
        from("https://chat.example.org").await.expect(200);
        for origin in ["http://test", "http://chat.example.org", "https://evil.example.org"] {
            from(origin).await.expect_fault(Code::ForeignOrigin);
        }
        // Other processes know it two seconds later.
        assert!(other.app.base_url().starts_with("http://127.0.0.1:"));
        server.app.clock.advance(2_000);
        timeout(PATIENCE, async {
            while other.app.base_url() != "https://chat.example.org" {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("it is looked at again");
        other.stop().await;

        // What is not given stays, and the address can be taken back.
        let shown = set(&server, &desk, json!({"retention_days": 0})).await;
        assert_eq!(shown["public_url"], "https://chat.example.org");
        let shown = set(&server, &desk, json!({"public_url": ""})).await;
        assert_eq!((&shown["public_url"], &shown["is_set_up"]), (&Value::Null, &json!(true)));
        assert!(link(&server, &desk).await.starts_with("http://127.0.0.1:"));
        let filter = audit::Filter { actor: Some("anowak".to_owned()), ..audit::Filter::default() };
        let told = server.write(move |tx| audit::list(tx, &filter, 100)).await;
        let told: Vec<_> = told.into_iter().map(|entry| entry.subject).collect();
        let subjects = ["setting public_url", "setting retention.days", "setting customers.add_automatically"];
        for subject in subjects {
            assert!(told.iter().any(|change| change == subject), "{subject}: {told:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_an_origin_that_is_protected() {
    let server = Server::on(Engine::Sqlite).await;
    let desk = administrator(&server).await;
    for (url, code) in [
        ("chat.example.org", Code::NotOrigin),
        ("ftp://chat.example.org", Code::NotOrigin),
        ("https://chat.example.org/chat", Code::NotOrigin),
        ("https://chat.example.org/?a=b", Code::NotOrigin),
        ("https://a:b@chat.example.org", Code::NotOrigin),
        ("http://chat.example.org", Code::HttpsNeeded),
        ("http://10.0.0.1", Code::HttpsNeeded),
        ("http://localhost.example.org", Code::HttpsNeeded),
    ] {
        let answer = desk.call(&server, "PUT", INSTALLATION, json!({"public_url": url})).await;
        answer.expect_fault_of(code, "public_url");
    }
    for url in [
        "http://127.0.0.1:8080",
        "http://localhost:8080",
        "http://[::1]:8080",
        "https://chat.example.org:8443",
    ] {
        assert_eq!(set(&server, &desk, json!({"public_url": url})).await["public_url"], url);
    }
    let days = desk.call(&server, "PUT", INSTALLATION, json!({"retention_days": -1})).await;
    days.expect_fault_of(Code::NotWithin, "retention_days");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_configuration_says_counts_and_is_not_changed() {
    let mut server = Server::on(Engine::Sqlite).await;
    let desk = administrator(&server).await;
    set(&server, &desk, json!({"public_url": "https://old.example.org"})).await;
    server.restart("public_url = \"https://chat.example.org/\"").await;
    let shown = desk.get(&server, INSTALLATION).await.expect(200).json();
    let told = ["public_url", "is_configured", "is_set_up"].map(|name| shown[name].clone());
    assert_eq!(told, [json!("https://chat.example.org"), json!(true), json!(true)]);
    let other = json!({"public_url": "https://other.example.org"});
    let refused = desk.call(&server, "PUT", INSTALLATION, other).await;
    refused.expect_fault(Code::SetByConfiguration);
    // The form as it was shown may come back.
    let same = json!({"public_url": "https://chat.example.org", "retention_days": 30});
    assert_eq!(set(&server, &desk, same).await["retention_days"], 30);
    assert!(link(&server, &desk).await.starts_with("https://chat.example.org/"));
    server.restart("").await;
    let shown = desk.get(&server, INSTALLATION).await;
    // The old address counts again, so this page's is as foreign as before.
    assert_eq!(shown.expect(200).json()["public_url"], "https://old.example.org");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_tries_e_mail_out() {
    on_both_engines(async |engine| {
        let mut mailbox = Mailbox::start().await;
        let server = Plan::on(engine).configured(&mailbox.configuration()).start().await;
        let desk = administrator(&server).await;
        let shown = desk.get(&server, "/console/settings/mail").await.expect(200).json();
        assert_eq!(
            shown,
            json!({"is_configured": true, "host": "127.0.0.1", "port": shown["port"], "encryption": "none",
                "from": "Sklep Żółw <chat@example.org>"})
        );
        let test = async || desk.call(&server, "POST", "/console/settings/mail/test", json!({})).await;
        test().await.expect_fault(Code::NoOwnAddress);
        let email = Some("anna@example.org".to_owned());
        let changes = Changes { email, ..Changes::default() };
        server.act(move |tx, act| agent::change(tx, act, "anowak", &changes)).await;
        assert_eq!(test().await.expect(200).json(), json!({"address": "anna@example.org"}));
        assert_eq!(mailbox.expect(1).await[0].to(), "anna@example.org");
        mailbox.answer(&["554 not today"]).await;
        let refused = test().await;
        assert!(refused.text().contains("not today"), "{}", refused.text());
        refused.expect_fault(Code::MailRefused);
        test().await;
        test().await.expect_fault(Code::TooManyCalls);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mail_server_that_is_said() {
    let server = Server::on(Engine::Sqlite).await;
    let desk = administrator(&server).await;
    let shown = desk.get(&server, "/console/settings/mail").await.expect(200).json();
    assert_eq!(
        shown,
        json!({"is_configured": false, "host": null, "port": null, "encryption": null, "from": null})
    );
    let test = desk.call(&server, "POST", "/console/settings/mail/test", json!({})).await;
    test.expect_fault(Code::MailOff);
}

/// The program, killed when this is dropped.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn rozmowa(data: &std::path::Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rozmowa"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ROZMOWA_")) {
        command.env_remove(name);
    }
    command.args(arguments).arg("--data").arg(data).env("ROZMOWA_LISTEN", "127.0.0.1:0");
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_prints_a_link_for_the_first_administrator() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let data = folder.path().join("data");
    let mut command = rozmowa(&data, &["serve"]);
    let mut server =
        Program(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it runs"));
    let said = server.0.stdout.take().expect("its output");
    let found = tokio::task::spawn_blocking(move || {
        let mut lines = BufReader::new(said).lines().map_while(Result::ok);
        lines.find(|line| line.contains("/console/welcome#"))
    });
    let line =
        timeout(PATIENCE, found).await.expect("it says so").expect("no panic").expect("a link");
    assert!(line.trim().starts_with("http://127.0.0.1"), "{line}");
    let output =
        rozmowa(&data, &["setting", "set", "public_url", "https://chat.example.org"]).output();
    assert!(output.expect("it runs").status.success());
    let printed = rozmowa(&data, &["admin-link"]).output().expect("it runs");
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(printed.starts_with("https://chat.example.org/console/welcome#"), "{printed}");
    let bare =
        rozmowa(&data, &["setting", "set", "public_url", "http://chat.example.org"]).output();
    assert!(!bare.expect("it runs").status.success());
}
