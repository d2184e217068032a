//! The demo: what it has from the start, and the agent that is a script.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rozmowa::act::Act;
use rozmowa::clock::Millis;
use rozmowa::conversation::{self, NewConversation};
use rozmowa::demo::script;
use rozmowa_db::Tx;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::client::{PATIENCE, Wire, get, post};
use crate::hooks::until;
use crate::people::{Person, member};
use crate::server::{Plan, Server};
use crate::store::on_both_engines;
use crate::visitors::{Visitor, opened};

/// A clock that goes, ten times as fast, until this is dropped.
struct Ticking(JoinHandle<()>);

impl Ticking {
    fn of(server: &Server) -> Self {
        let clock = server.app.clock.clone();
        Self(tokio::spawn(async move {
            let mut pace = tokio::time::interval(Duration::from_millis(5));
            loop {
                pace.tick().await;
                clock.advance(50);
            }
        }))
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn install(server: &Server) {
    server.act(script::install).await;
}

/// Waits for the agent's messages, so many as there are to be, and gives them.
async fn answers(server: &Server, visitor: &Visitor, count: usize) -> Vec<Value> {
    until("an answer", async || {
        let mut events = visitor.events(server).await;
        events.retain(|event| event["kind"] == "message" && event["by"] == "agent");
        (events.len() >= count).then_some(events)
    })
    .await
}

/// Waits until a conversation is an agent's.
async fn is_of(server: &Server, id: &str, login: &str) {
    until("an agent", async || (server.chat(id).await["user_login"] == login).then_some(())).await;
}

async fn visitor(server: &Server, language: &str) -> Visitor {
    opened(server, &json!({"chat_queue_id": 3, "language": language})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_is_answered_by_a_script_that_says_so() {
    on_both_engines(async |engine| {
        let server = Plan::on(engine).demo().start().await;
        let queue = async || server.call(get("/visitor/queues/3").anonymous()).await.json();
        assert_eq!(queue().await["is_attended"], false);
        install(&server).await;
        assert_eq!(queue().await["is_attended"], true);
        let visitor = visitor(&server, "en").await;
        let mut person = Person::visitor(&server, &visitor.token).await;
        let ticking = Ticking::of(&server);
        // It reads, and types, before it says anything.
        let typing = person.next_of("typing").await.expect("it types");
        assert_eq!((&typing["is_typing"], &typing["by"]), (&json!(true), &json!("agent")));
        let hello = answers(&server, &visitor, 1).await;
        let text = hello[0]["text"].as_str().expect("a text");
        assert!(text.contains("script, not a person"), "{text}");
        assert_eq!(hello[0]["name"], "Demo");
        let at = |event: &Value| event["at"].as_i64().expect("a time");
        let events = visitor.events(&server).await;
        let kinds: Vec<_> =
            events.iter().map(|event| event["kind"].as_str().unwrap_or("")).collect();
        assert_eq!(kinds, ["started", "assigned", "message"]);
        let wait: Millis = at(&events[1]) - at(&events[0]);
        assert!((2_000..4_000).contains(&wait), "{wait}");
        assert!(at(&events[2]) - at(&events[1]) >= 1_000, "{events:?}");
        // What is said is answered once, and read.
        visitor.say(&server, "Where is my parcel?").await;
        let text = answers(&server, &visitor, 2).await[1]["text"].clone();
        assert!(text.as_str().is_some_and(|text| text.contains("Parcels")), "{text}");
        let shown = server.call(visitor.get("")).await.expect(200).json();
        assert!(shown["agent_read_seq"].as_i64() >= Some(4), "{shown}");
        visitor.say(&server, "Xyzzy").await;
        let text = answers(&server, &visitor, 3).await[2]["text"].clone();
        assert!(text.as_str().is_some_and(|text| text.contains("does not understand")), "{text}");
        visitor.say(&server, "Thanks, bye!").await;
        until("the end", async || {
            let shown = server.call(visitor.get("")).await.expect(200).json();
            (shown["status"] == "CLOSED").then_some(())
        })
        .await;
        assert_eq!(answers(&server, &visitor, 4).await.len(), 4);
        let rating = visitor.post("/rating").json(&json!({"rating": "happy"}));
        server.call(rating).await.expect(200);
        drop(ticking);
        assert_eq!(server.log_faults().await, [""; 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_programs_start_is_left_alone() {
    on_both_engines(async |engine| {
        let server = Plan::on(engine).demo().start().await;
        install(&server).await;
        let started = server.start(&[]).await;
        server.message(&started, "Halo?").await;
        // More than are looked at at a time, before the one that matters.
        let many = |tx: &mut Tx<'_>, act: &Act<'_>| {
            let new = NewConversation { chat_queue_id: 3, ..NewConversation::default() };
            (0..450).try_for_each(|_| conversation::start(tx, act, &new).map(drop))
        };
        server.act(many).await;
        let visitor = visitor(&server, "pl").await;
        visitor.say(&server, "Dzień dobry, do kiedy zwrot?").await;
        let ticking = Ticking::of(&server);
        let first = answers(&server, &visitor, 1).await[0]["text"].clone();
        let text = first.as_str().expect("a text");
        assert!(text.contains("skrypt demonstracyjny, nie człowiek"), "{text}");
        // In one message with the answer to what was said before.
        assert!(text.contains("\n\n"), "{text}");
        visitor.say(&server, "Koniec.").await;
        answers(&server, &visitor, 2).await;
        drop(ticking);
        let chat = server.chat(&started).await;
        assert_eq!((&chat["status"], &chat["user_login"]), (&json!("CREATED"), &Value::Null));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_comes_on_duty_takes_over() {
    on_both_engines(async |engine| {
        let server = Plan::on(engine).demo().start().await;
        install(&server).await;
        member(&server, 3, "jkowalski").await;
        let first = visitor(&server, "pl").await;
        let ticking = Ticking::of(&server);
        answers(&server, &first, 1).await;
        is_of(&server, &first.id, "demo").await;
        server.call(post("/api/agents/jkowalski/login")).await.expect_nothing();
        is_of(&server, &first.id, "jkowalski").await;
        let second = visitor(&server, "pl").await;
        is_of(&server, &second.id, "jkowalski").await;
        // What is said is the person's to answer.
        first.say(&server, "Jest tam kto?").await;
        server.reply(&first.id, "jkowalski", "Jestem.").await;
        assert_eq!(answers(&server, &first, 2).await[1]["text"], "Jestem.");
        // Whoever has gone has left it to the script again.
        server.call(post("/api/agents/jkowalski/logout")).await.expect_nothing();
        let third = visitor(&server, "pl").await;
        answers(&server, &third, 1).await;
        is_of(&server, &third.id, "demo").await;
        for visitor in [&first, &second] {
            let events = visitor.events(&server).await;
            let from_script = |event: &&Value| {
                event["by"] == "agent" && event["name"] == "Demo" && event["kind"] == "message"
            };
            let count = events.iter().filter(from_script).count();
            assert_eq!(count, usize::from(visitor.id == first.id), "{events:?}");
        }
        drop(ticking);
        assert_eq!(server.log_faults().await, [""; 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn elsewhere_no_script_answers() {
    on_both_engines(async |engine| {
        let server = Plan::on(engine).start().await;
        install(&server).await;
        let queue = server.call(get("/visitor/queues/3").anonymous()).await.expect(200).json();
        assert_eq!(queue["is_attended"], false);
        let visitor = visitor(&server, "pl").await;
        member(&server, 3, "jkowalski").await;
        server.app.clock.advance(60_000);
        // A round of routing is over when whoever waits is given away.
        server.call(post("/api/agents/jkowalski/login")).await.expect_nothing();
        is_of(&server, &visitor.id, "jkowalski").await;
        assert_eq!(visitor.kinds(&server).await, ["started", "assigned"]);
    })
    .await;
}

/// The program, killed when this is dropped.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_says_first_where_to_chat() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut command = Command::new(env!("CARGO_BIN_EXE_rozmowa"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ROZMOWA_")) {
        command.env_remove(name);
    }
    command.args(["demo", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--data"]);
    command.arg(folder.path().join("data")).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut demo = Demo(command.spawn().expect("the program can be run"));
    let said = demo.0.stdout.take().expect("its output");
    let first = tokio::task::spawn_blocking(move || {
        let mut addresses = BufReader::new(said).lines().map_while(Result::ok);
        addresses.find_map(|line| line.find("http").map(|at| line[at..].to_owned()))
    });
    let first = timeout(PATIENCE, first).await.expect("it says something").expect("no panic");
    let first = first.expect("an address");
    let address = first.strip_prefix("http://").and_then(|it| it.strip_suffix("/demo/shop"));
    let address: SocketAddr = address.and_then(|it| it.parse().ok()).expect("the shop's address");
    let call = async |path: &str| Wire::open(address).await.call(&get(path).anonymous()).await;
    let index = call("/").await.expect(200).text();
    assert!(index.contains("<a href=\"/demo/shop\">"), "{index}");
    let queue = call("/visitor/queues/3").await.expect(200).json();
    assert_eq!(queue["is_attended"], true);
    let clauses = queue["clauses"].as_array().expect("a list");
    let kinds: Vec<_> =
        clauses.iter().map(|clause| (&clause["kind"], &clause["is_required"])).collect();
    assert_eq!(json!(kinds), json!([["information", false], ["consent", false]]));
    for text in clauses.iter().flat_map(|clause| [&clause["text_pl"], &clause["text_en"]]) {
        assert!(text.as_str().is_some_and(|text| text.contains("https://")), "{text}");
    }
    for language in ["pl", "en"] {
        assert_ne!(queue["widget"]["greeting"][language], "");
    }
}
