//! An agent's browser: the cookie it was given, and the token that its pages send along.

use rozmowa::agent::{self, Changes, Role};
use serde_json::{Value, json};

use crate::client::{Answer, Request, post};
use crate::server::{PASSWORD, PASSWORD_HASH, Server};

pub struct Browser {
    pub cookie: String,
    pub csrf_token: String,
}

impl Browser {
    /// Gives an agent [`PASSWORD`] and a role, and signs in.
    pub async fn of(server: &Server, login: &'static str, role: Role) -> Self {
        set_up(server, login, role).await;
        Self::sign_in(server, login).await
    }

    pub async fn sign_in(server: &Server, login: &str) -> Self {
        Self::take(&sign_in(server, login, PASSWORD, None).await.expect(200))
    }

    pub fn take(answer: &Answer) -> Self {
        let cookie = answer.header("Set-Cookie").expect("a cookie");
        let (cookie, _) = cookie.split_once(';').expect("a cookie has attributes");
        let csrf_token = answer.json()["csrf_token"].as_str().expect("a token").to_owned();
        Self { cookie: cookie.to_owned(), csrf_token }
    }

    /// As a page of ours asks.
    pub fn asks(&self, request: Request) -> Request {
        let request = request.anonymous().header("Cookie", &self.cookie);
        request.header("X-CSRF-Token", &self.csrf_token)
    }

    pub async fn call(&self, server: &Server, request: Request) -> Answer {
        server.call(self.asks(request)).await
    }

    /// Whether the session lasts.
    pub async fn is_signed_in(&self, server: &Server) -> bool {
        match self.call(server, crate::client::get("/console/session")).await.status {
            200 => true,
            401 => false,
            other => panic!("{other}"),
        }
    }
}

/// Gives an agent [`PASSWORD`] and a role.
pub async fn set_up(server: &Server, login: &'static str, role: Role) {
    let changes = Changes {
        role: Some(role),
        password_hash: Some(PASSWORD_HASH.clone()),
        ..Changes::default()
    };
    server.act(move |tx, act| agent::change(tx, act, login, &changes)).await;
}

pub fn credentials(login: &str, password: &str, code: Option<&str>) -> Value {
    json!({"login": login, "password": password, "code": code})
}

pub async fn sign_in(server: &Server, login: &str, password: &str, code: Option<&str>) -> Answer {
    let given = credentials(login, password, code);
    server.call(post("/console/session").anonymous().json(&given)).await
}
