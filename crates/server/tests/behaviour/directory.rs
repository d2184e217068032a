//! What the console knows of the installation, and how it hears of changes.

use rozmowa::agent::Role;
use rozmowa::{label, pause, queue};
use serde_json::{Value, json};

use crate::client::put;
use crate::desk::{Desk, go, start_in};
use crate::people::{Person, agent_socket, cookie_of, member, soon};
use crate::server::{NOON, Plan, Server};
use crate::store::{Engine, on_both_engines};

const DIRECTORY: &str = "/console/directory";

/// An agent's socket that looks at nothing.
async fn listening(server: &Server, login: &'static str) -> Person {
    let mut socket = agent_socket(server, &cookie_of(server, login).await).await.expect("it opens");
    socket.send(&json!({ "type": "hello", "v": 1 })).await.expect("it is taken");
    soon(socket.next_of("welcome")).await.expect("a welcome");
    Person { socket, log: std::collections::BTreeMap::new(), has_doubles: false }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_agent_is_shown_what_there_is() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let desk = Desk::of(&server, "jkowalski").await;
        member(&server, 4, "jkowalski").await;
        go(&server, "jkowalski", "login").await;
        server
            .act(|tx, act| {
                pause::add(tx, act, "Przerwa obiadowa")?;
                label::add(tx, act, label::Kind::Topic, "Zwrot")?;
                let tag = label::add(tx, act, label::Kind::Tag, "Pilne")?;
                label::change(tx, act, label::Kind::Tag, tag, None, Some(false))?;
                queue::set_enabled(tx, act, 3, false)
            })
            .await;
        let night = json!({"week": [[], [], [], [], [], [], []]});
        let change = json!({"hours": night, "answer_goal_seconds": 20, "takes_files": false});
        server.call(put("/api/chats/queues/4").json(&change)).await.expect_nothing();
        let id = start_in(&server, 4).await;
        server.reply(&id, "jkowalski", "Już sprawdzam.").await;
        let shown = desk.get(&server, DIRECTORY).await.expect(200).json();
        let expected = json!({
            "me": {"agent_id": 1, "login": "jkowalski", "role": "agent"},
            "queues": [
                {"id": 3, "name": "Sklep", "enabled": false, "is_mine": false, "is_open": true,
                    "answer_goal_seconds": 60, "takes_files": true},
                {"id": 4, "name": "Reklamacje", "enabled": true, "is_mine": true, "is_open": false,
                    "answer_goal_seconds": 20, "takes_files": false},
            ],
            "agents": [
                {"agent_id": 1, "login": "jkowalski", "name": "", "surname": "", "role": "agent", "is_active": true,
                    "status": "free", "pause_id": null, "since": NOON, "open_chats": 1, "capacity": 1_000_000,
                    "chat_queue_ids": [4]},
                {"agent_id": 2, "login": "anowak", "name": "", "surname": "", "role": "agent", "is_active": true,
                    "status": "off", "pause_id": null, "since": null, "open_chats": 0, "capacity": 1_000_000,
                    "chat_queue_ids": []},
                {"agent_id": 3, "login": "retired", "name": "", "surname": "", "role": "agent", "is_active": true,
                    "status": "off", "pause_id": null, "since": null, "open_chats": 0, "capacity": 1_000_000,
                    "chat_queue_ids": []},
            ],
            "pauses": [{"id": 1, "name": "Przerwa obiadowa", "enabled": true}],
            "topics": [{"id": 1, "name": "Zwrot", "enabled": true}],
            "tags": [{"id": 1, "name": "Pilne", "enabled": false}],
            "time_zone": "Europe/Warsaw",
            "is_demo": false,
            "has_mail": false,
            "file_bytes_max": 26_214_400,
            "is_set_up": false,
            "server_time": NOON,
        });
        assert_eq!(shown, expected);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_configuration_says_counts() {
    let plan = Plan::on(Engine::Sqlite).configured(
        "public_url = \"https://chat.example.org\"\nsmtp.host = \"127.0.0.1\"\nsmtp.from = \"chat@example.org\"\n\
         smtp.encryption = \"none\"\nfiles.max_bytes = 1000",
    );
    let server = plan.start().await;
    let desk = Desk::supervisor(&server, "anowak").await;
    let shown = desk.get(&server, DIRECTORY).await.expect(200).json();
    let part = |name: &str| shown[name].clone();
    let told =
        json!([part("is_set_up"), part("has_mail"), part("file_bytes_max"), part("me")["role"]]);
    assert_eq!(told, json!([true, true, 1_000, "supervisor"]));
}

async fn settings(person: &mut Person) -> Value {
    person.next_of("settings").await.expect("it is told")["what"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_browser_hears_that_settings_have_changed() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let mut anybody = listening(&server, "jkowalski").await;
        let desk = Desk::with(&server, "anowak", Role::Administrator).await;
        assert_eq!(settings(&mut anybody).await, "agents");
        let goal = json!({"answer_goal_seconds": 30});
        desk.call(&server, "PUT", "/console/queues/3", goal.clone()).await.expect(200);
        assert_eq!(settings(&mut anybody).await, "queues");
        // What changes nothing is told to nobody.
        desk.call(&server, "PUT", "/console/queues/3", goal).await.expect(200);
        desk.call(&server, "POST", "/console/topics", json!({"name": "Zwrot"})).await.expect(200);
        assert_eq!(settings(&mut anybody).await, "topics");
        let strategies = json!({"strategies": ["priority"]});
        desk.call(&server, "PUT", "/console/routing", strategies).await.expect_nothing();
        assert_eq!(settings(&mut anybody).await, "routing");
        server.add_customers_automatically(true).await;
        assert_eq!(settings(&mut anybody).await, "installation");
        // By another process on the same data.
        let other = server.again("").await;
        let written = other.app.db.write({
            let app = other.app.clone();
            move |tx| {
                let actor = rozmowa::act::Actor::command_line();
                let act = rozmowa::act::Act::of(tx, &app, &actor)?;
                pause::add(tx, &act, "Szkolenie").map(|_| ())
            }
        });
        written.await.expect("the store takes it");
        server.app.clock.advance(2_000);
        assert_eq!(settings(&mut anybody).await, "pauses");
        other.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn supervisors_hear_how_busy_agents_are() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        Desk::supervisor(&server, "anowak").await;
        let mut supervisor = listening(&server, "anowak").await;
        let mut agent = listening(&server, "jkowalski").await;
        let busy = |status: &str, open: i64, since: Value| {
            json!({"type": "agent_status", "agent_id": 1, "status": status, "pause_id": null, "since": since,
                "open_chats": open, "capacity": 1_000_000})
        };
        let is = async |person: &mut Person, expected: &Value| {
            while person.next_of("agent_status").await.expect("it is told") != *expected {}
        };
        let id = server.start(&[]).await;
        server.assign(&id, "jkowalski").await.expect_nothing();
        for person in [&mut supervisor, &mut agent] {
            is(person, &busy("off", 1, Value::Null)).await;
        }
        go(&server, "jkowalski", "login").await;
        is(&mut supervisor, &busy("free", 1, json!(NOON))).await;
        server.stop(&id).await;
        for person in [&mut supervisor, &mut agent] {
            is(person, &busy("free", 0, json!(NOON))).await;
        }
    })
    .await;
}
