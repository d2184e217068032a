//! An agent at the console: a session, and calls that come from a page of ours.

use rozmowa::agent::{self, Changes, Role};
use rozmowa::http::Code;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::client::{Answer, Request, get, post};
use crate::people::{cookie_of, member};
use crate::server::{START, Server, started};

/// Somebody who has signed in.
pub struct Desk(Browser);

impl Desk {
    pub async fn of(server: &Server, login: &'static str) -> Self {
        let cookie = cookie_of(server, login).await;
        let request = get("/console/session").anonymous().header("Cookie", &cookie);
        let session = server.call(request).await.expect(200).json();
        let csrf_token = session["csrf_token"].as_str().expect("a token").to_owned();
        Self(Browser { cookie, csrf_token })
    }

    /// The same with a role.
    pub async fn with(server: &Server, login: &'static str, role: Role) -> Self {
        let changes = Changes { role: Some(role), ..Changes::default() };
        server.act(move |tx, act| agent::change(tx, act, login, &changes)).await;
        Self::of(server, login).await
    }

    pub async fn supervisor(server: &Server, login: &'static str) -> Self {
        Self::with(server, login, Role::Supervisor).await
    }

    /// An agent of a queue, on a pause: nothing comes by itself.
    pub async fn agent(server: &Server, login: &'static str, queue: i64) -> Self {
        member(server, queue, login).await;
        go(server, login, "login").await;
        go(server, login, "pause").await;
        Self::of(server, login).await
    }

    pub fn signed(&self, request: Request) -> Request {
        self.0.asks(request)
    }

    pub async fn get(&self, server: &Server, target: &str) -> Answer {
        server.call(self.signed(get(target))).await
    }

    /// A change at the console.
    pub async fn call(
        &self,
        server: &Server,
        method: &'static str,
        target: &str,
        body: Value,
    ) -> Answer {
        server.call(self.signed(Request::new(method, target)).json(&body)).await
    }

    /// What an agent does to a conversation.
    pub async fn act(&self, server: &Server, id: &str, what: &str, body: Value) -> Answer {
        self.call(server, "POST", &format!("/console/conversations/{id}/{what}"), body).await
    }

    /// The same where it is to succeed.
    pub async fn does(&self, server: &Server, id: &str, what: &str, body: Value) -> Value {
        let answer = self.act(server, id, what, body).await.expect(200);
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    pub async fn is_refused(&self, server: &Server, id: &str, what: &str, body: Value, code: Code) {
        self.act(server, id, what, body).await.expect_fault(code);
    }

    /// All that the console shows of a conversation.
    pub async fn sheet(&self, server: &Server, id: &str) -> Value {
        self.get(server, &format!("/console/conversations/{id}")).await.expect(200).json()
    }

    pub async fn events(&self, server: &Server, id: &str) -> Vec<Value> {
        let target = format!("/console/conversations/{id}/events");
        let log = self.get(server, &target).await.expect(200).json();
        log["events"].as_array().expect("a list").clone()
    }

    /// Kinds, and the logins of the agents that they are about.
    pub async fn told(&self, server: &Server, id: &str) -> Vec<(String, Option<String>)> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let events = self.events(server, id).await;
        let told = |event: &Value| (text(&event["kind"]).unwrap(), text(&event["agent"]["login"]));
        events.iter().map(told).collect()
    }
}

/// On duty, on a pause, free, off duty.
pub async fn go(server: &Server, login: &str, what: &str) {
    server.call(post(format!("/api/agents/{login}/{what}"))).await.expect_nothing();
}

pub fn told(kinds: &[(&str, Option<&str>)]) -> Vec<(String, Option<String>)> {
    kinds.iter().map(|(kind, login)| ((*kind).to_owned(), login.map(str::to_owned))).collect()
}

/// Something to say, under a number.
pub fn saying(text: &str, key: u128) -> Value {
    json!({ "text": text, "client_key": uuid::Uuid::from_u128(key) })
}

/// A conversation of a queue.
pub async fn start_in(server: &Server, queue: i64) -> String {
    let query = [("chat_queue_id", &*queue.to_string())];
    started(&server.call(post(START).query(&query)).await)
}
