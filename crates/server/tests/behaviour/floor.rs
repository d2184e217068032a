//! What the tests of routing share: who answers a queue, who is on duty, whose a conversation becomes.

use rozmowa::agent::{self, Agent, session};
use rozmowa::clock::Millis;
use rozmowa::http::Code;
use rozmowa::queue::{self, Changes, Settings};
use rozmowa_db::{Stmt, Tx, params};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Answer, Request, post, put};
use crate::hooks::until;
use crate::server::{PASSWORD_HASH, Server};

pub const MINUTE: Millis = 60_000;

/// Has an agent answer a queue, with so much room.
pub async fn joins(server: &Server, queue: i64, login: &'static str, capacity: i64) {
    server.set_capacity(login, capacity).await;
    server.act(move |tx, act| queue::agents::set(tx, act, queue, login, 100)).await;
}

/// The same with a priority.
pub async fn joins_at(server: &Server, queue: i64, login: &'static str, priority: i64) {
    server.act(move |tx, act| queue::agents::set(tx, act, queue, login, priority)).await;
}

/// `login`, `logout`, `pause` or `free`, by the documented methods.
pub async fn turn(server: &Server, login: &str, method: &str) {
    server.call(post(format!("/api/agents/{login}/{method}"))).await.expect_nothing();
}

pub async fn set(server: &Server, queue: i64, change: impl Fn(&mut Settings) + Send + 'static) {
    server
        .act(move |tx, act| {
            let mut settings = queue::find(tx, queue)?.expect("a queue").settings;
            change(&mut settings);
            let changes = Changes { settings: Some(settings), ..Changes::default() };
            queue::change(tx, act, queue, &changes)
        })
        .await;
}

/// What a conversation is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub agent: Option<String>,
    pub status: i64,
    pub rank: Option<i64>,
    pub is_missed: bool,
    pub answer_due_at: Option<Millis>,
}

pub async fn row(server: &Server, id: &str) -> Row {
    let id: Uuid = id.parse().expect("an id");
    let text = "SELECT a.login, c.status, c.waiting_rank, c.is_missed, c.answer_due_at
        FROM conversation c LEFT JOIN agent a ON a.id = c.agent_id WHERE c.id = $1";
    let statement = Stmt::composed("a conversation".to_owned(), text.to_owned());
    let read = move |tx: &mut Tx<'_>| {
        Ok(tx.query_one(&statement, params![&id], |row| {
            Ok(Row {
                agent: row.get(0)?,
                status: row.get(1)?,
                rank: row.get(2)?,
                is_missed: row.get(3)?,
                answer_due_at: row.get(4)?,
            })
        })?)
    };
    server.write(read).await
}

/// Waits until it is this agent's, or nobody's.
pub async fn becomes(server: &Server, id: &str, login: Option<&str>) {
    let what = format!("{id} becomes {login:?}");
    let look = async || (row(server, id).await.agent.as_deref() == login).then_some(());
    until(&what, look).await;
}

/// Waits until routing has looked at everything that was done so far: a conversation in a queue of its own is given to an
/// agent of its own, after all that came before it.
pub async fn settles(server: &Server) {
    let id = server.call(post(crate::server::START).query(&[("chat_queue_id", "99")])).await;
    let id = crate::server::started(&id);
    becomes(server, &id, Some("probe")).await;
    // The second one is given by a look that began after the first was given.
    let id = server.call(post(crate::server::START).query(&[("chat_queue_id", "99")])).await;
    let id = crate::server::started(&id);
    becomes(server, &id, Some("probe")).await;
}

/// Makes [`settles`] possible.
pub async fn with_probe(server: &Server) {
    server
        .act(|tx, act| {
            queue::add(tx, act, Some(99), "Probe")?;
            let mut settings = Settings { idle_close_seconds: 0, ..Settings::default() };
            settings.no_answer_seconds = 0;
            let changes = Changes { settings: Some(settings), ..Changes::default() };
            queue::change(tx, act, 99, &changes)?;
            let agent = agent::NewAgent {
                login: "probe".to_owned(),
                capacity: agent::capacity::MOST,
                password_hash: PASSWORD_HASH.clone(),
                ..agent::NewAgent::default()
            };
            agent::add(tx, act, &agent)?;
            queue::agents::set(tx, act, 99, "probe", 100)?;
            agent::presence::login(tx, act, "probe", agent::presence::Lease::Exactly(i64::MAX / 4))
        })
        .await;
}

/// The events of a conversation: kind, agent and data.
pub async fn events(server: &Server, id: &str) -> Vec<(i64, Option<i64>, Value)> {
    let id: Uuid = id.parse().expect("an id");
    let text = "SELECT kind, agent_id, data FROM event WHERE conversation_id = $1 ORDER BY seq";
    let statement = Stmt::composed("events".to_owned(), text.to_owned());
    let read = move |tx: &mut Tx<'_>| {
        Ok(tx.query(&statement, params![&id], |row| {
            let data: Option<String> = row.get(2)?;
            let data = data.map_or(Value::Null, |data| serde_json::from_str(&data).expect("JSON"));
            Ok((row.get(0)?, row.get(1)?, data))
        })?)
    };
    server.write(read).await
}

pub async fn status(server: &Server, login: &str) -> String {
    let answer = server.call(crate::client::get(format!("/api/agents/{login}/status"))).await;
    answer.expect(200).json()["status"].as_str().expect("a status").to_owned()
}

/// A browser of an agent's.
pub struct Console {
    cookie: String,
    csrf: String,
}

impl Console {
    pub async fn of(server: &Server, login: &'static str) -> Self {
        let token = session::new_token(&server.app.ids);
        let of_session = token.clone();
        server
            .act(move |tx, act| {
                let agent: Agent = agent::find(tx, login)?.expect("an agent");
                session::open(tx, act, &agent, &of_session, "a test")
            })
            .await;
        let csrf = session::csrf_token(&server.app.secret, &session::token_hash(&token));
        Self { cookie: format!("{}={token}", session::COOKIE), csrf }
    }

    pub fn request(&self, request: Request) -> Request {
        let request = request.anonymous().header("Cookie", &self.cookie);
        request.header("X-CSRF-Token", &self.csrf)
    }

    pub async fn call(&self, server: &Server, request: Request) -> Answer {
        server.call(self.request(request)).await
    }

    pub async fn duty(&self, server: &Server, wish: Value) -> Answer {
        self.call(server, put("/console/duty").json(&wish)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_door_takes_a_session_with_its_token_alone() {
    let server = Server::on(crate::store::Engine::Sqlite).await;
    let console = Console::of(&server, "anowak").await;
    console.duty(&server, json!({"status": "free"})).await.expect(200);
    let bare = put("/console/duty").json(&json!({"status": "off"})).anonymous();
    server.call(bare.clone()).await.expect_fault(Code::NotSignedIn);
    let without = bare.header("Cookie", &console.cookie);
    server.call(without).await.expect_fault(Code::CsrfTokenNeeded);
    assert_eq!(status(&server, "anowak").await, "FREE");
}
