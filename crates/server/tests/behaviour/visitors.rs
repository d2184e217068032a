//! What the tests of visitors share: who they are, and what they call.

use rozmowa::agent::{self, Changes, Role, session};
use rozmowa::queue::{self, Settings};
use serde_json::{Value, json};

use crate::client::{Answer, Request, get, post};
use crate::server::Server;

pub const OPEN: &str = "/visitor/conversations";

/// Somebody with a token.
#[derive(Debug, Clone)]
pub struct Visitor {
    pub id: String,
    pub token: String,
}

impl Visitor {
    pub fn get(&self, path: &str) -> Request {
        self.as_this(get(format!("/visitor/conversation{path}")))
    }

    pub fn post(&self, path: &str) -> Request {
        self.as_this(post(format!("/visitor/conversation{path}")))
    }

    pub fn as_this(&self, request: Request) -> Request {
        request.anonymous().header("Authorization", &format!("Bearer {}", self.token))
    }

    pub async fn say(&self, server: &Server, text: &str) -> Value {
        let said = server.call(self.post("/messages").json(&json!({ "text": text }))).await;
        said.expect(200).json()
    }

    pub async fn events(&self, server: &Server) -> Vec<Value> {
        let answer = server.call(self.get("/events")).await.expect(200).json();
        answer["events"].as_array().expect("a list").clone()
    }

    /// The kinds of all that the visitor sees.
    pub async fn kinds(&self, server: &Server) -> Vec<String> {
        let events = self.events(server).await;
        events.iter().filter_map(|event| event["kind"].as_str()).map(str::to_owned).collect()
    }

    pub async fn upload(&self, server: &Server, name: &str, bytes: impl Into<Vec<u8>>) -> Answer {
        let upload = self.post("/files").query(&[("name", name)]);
        server.call(upload.body("application/octet-stream", bytes)).await
    }
}

pub fn open(body: &Value) -> Request {
    post(OPEN).anonymous().json(body)
}

pub async fn opened(server: &Server, body: &Value) -> Visitor {
    visitor(&server.call(open(body)).await.expect(200).json())
}

pub async fn somebody(server: &Server) -> Visitor {
    opened(server, &json!({"chat_queue_id": 3})).await
}

pub fn visitor(answer: &Value) -> Visitor {
    let text = |name: &str| answer[name].as_str().expect("a text").to_owned();
    Visitor { id: text("conversation_id"), token: text("token") }
}

/// The visitor of a conversation that a program started.
pub async fn with_link(server: &Server, id: &str) -> Visitor {
    let target = format!("/api/chat_conversations/{id}/visitor_token");
    let answer = server.call(post(target)).await.expect(200).json();
    Visitor { id: id.to_owned(), token: answer["token"].as_str().expect("a token").to_owned() }
}

pub async fn set(server: &Server, queue: i64, change: impl Fn(&mut Settings) + Send + 'static) {
    let set = move |tx: &mut rozmowa_db::Tx<'_>, act: &rozmowa::act::Act<'_>| {
        let mut settings = queue::find(tx, queue)?.expect("it is there").settings;
        change(&mut settings);
        let changes = queue::Changes { settings: Some(settings), ..queue::Changes::default() };
        queue::change(tx, act, queue, &changes)
    };
    server.act(set).await;
}

/// An agent at the console.
#[derive(Debug, Clone)]
pub struct AtConsole {
    cookie: String,
    csrf: String,
}

impl AtConsole {
    pub async fn of(server: &Server, login: &'static str, role: Role) -> Self {
        let token = session::new_token(&server.app.ids);
        let opening = token.clone();
        let open = move |tx: &mut rozmowa_db::Tx<'_>, act: &rozmowa::act::Act<'_>| {
            let changes = Changes { role: Some(role), ..Changes::default() };
            agent::change(tx, act, login, &changes)?;
            let agent = agent::find(tx, login)?.expect("the agent is known");
            session::open(tx, act, &agent, &opening, "a test")
        };
        server.act(open).await;
        let csrf = session::csrf_token(&server.app.secret, &session::token_hash(&token));
        Self { cookie: format!("{}={token}", session::COOKIE), csrf }
    }

    pub fn as_this(&self, request: Request) -> Request {
        request.anonymous().header("Cookie", &self.cookie).header("X-CSRF-Token", &self.csrf)
    }
}
