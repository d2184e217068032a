//! Visitors and agents in numbers, made as integrators and administrators make them.

use std::io;
use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::Bench;
use crate::{
    client::Connection,
    request,
    server::{Server, Setup},
    socket::Socket,
};

const CONNECTIONS: usize = 32;
const START: &str = "/api/chat_conversations/start?chat_queue_id=";
const PASSWORD: &str = "agent_pass";

/// A conversation, and what its visitor opens it with.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    pub(super) conversation: String,
    pub(super) token: String,
}

/// A server that takes as many sockets from this address as there are.
pub(super) fn setup(bench: &Bench, name: &str) -> io::Result<Setup> {
    let mut setup = bench.fresh(name)?;
    setup.environment.push(("ROZMOWA_LIMITS_SOCKETS_PER_ADDRESS", "100000".to_owned()));
    Ok(setup)
}

pub(super) fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// Starts conversations, and makes a token for each.
pub(super) async fn visits(address: SocketAddr, count: usize) -> io::Result<Vec<Visit>> {
    let mut makers = JoinSet::new();
    for number in 0..CONNECTIONS {
        let share = count / CONNECTIONS + usize::from(number < count % CONNECTIONS);
        makers.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut visits = Vec::with_capacity(share);
            for _ in 0..share {
                let start = request::post(&format!("{START}{}", request::DEMO_QUEUE), None, "");
                let conversation = request::started(connection.call(&start).await?)?;
                let path = format!("/api/chat_conversations/{conversation}/visitor_token");
                let made = connection.call(&request::post(&path, None, "")).await?;
                made.expect_ok()?;
                let token = text_of(&made.json()?, "token")?;
                visits.push(Visit { conversation, token });
            }
            io::Result::Ok(visits)
        });
    }
    let mut all = Vec::with_capacity(count);
    while let Some(made) = makers.join_next().await {
        all.extend(made.map_err(io::Error::other)??);
    }
    Ok(all)
}

fn text_of(value: &Value, name: &str) -> io::Result<String> {
    let text = value[name].as_str().map(str::to_owned);
    text.ok_or_else(|| io::Error::other(format!("no {name} in {value}")))
}

/// Adds agents of this capacity, and has them answer the queue.
pub(super) async fn agents(
    address: SocketAddr,
    count: usize,
    capacity: usize,
) -> io::Result<Vec<String>> {
    let mut connection = Connection::open(address).await?;
    let mut logins = Vec::new();
    for number in 0..count {
        let login = format!("bench{number}");
        let agent = json!({ "name": "Anna", "surname": "Nowak", "login": login, "password": PASSWORD,
            "capacity": capacity });
        let add = request::post("/api/agents", None, &agent.to_string());
        connection.call(&add).await?.expect_ok()?;
        let path = format!("/api/chats/queues/{}/agents/{login}", request::DEMO_QUEUE);
        connection.call(&request::put(&path)).await?.expect_ok()?;
        logins.push(login);
    }
    Ok(logins)
}

/// Gives an agent a conversation.
pub(super) async fn assign(
    connection: &mut Connection,
    conversation: &str,
    login: &str,
) -> io::Result<()> {
    let path = format!("/api/chat_conversations/{conversation}/assign");
    let body = json!({ "user_login": login }).to_string();
    connection.call(&request::post(&path, None, &body)).await?.expect_ok()
}

/// Signs an agent in, and gives the cookie.
pub(super) async fn sign_in(connection: &mut Connection, login: &str) -> io::Result<String> {
    let body = json!({ "login": login, "password": PASSWORD }).to_string();
    let answer = connection.call(&request::post("/console/session", None, &body)).await?;
    answer.expect_ok()?;
    let cookie = answer.header("set-cookie").and_then(|cookie| cookie.split(';').next());
    cookie.map(str::to_owned).ok_or_else(|| io::Error::other("no cookie came"))
}

/// Opens a visitor's socket, welcome included.
pub(super) async fn visitor_socket(address: SocketAddr, token: &str) -> io::Result<Socket> {
    let opened = Socket::open(address, "/visitor/socket", &[]).await;
    let mut socket = opened.map_err(|refused| io::Error::other(format!("{refused:?}")))?;
    greet(&mut socket, json!({ "type": "hello", "v": 1, "token": token })).await?;
    Ok(socket)
}

/// Opens an agent's socket that looks at these conversations.
pub(super) async fn agent_socket<'a>(
    address: SocketAddr,
    cookie: &str,
    conversations: impl Iterator<Item = &'a str>,
) -> io::Result<Socket> {
    let origin = format!("http://{address}");
    let headers = [("cookie", cookie), ("origin", &origin)];
    let opened = Socket::open(address, "/console/socket", &headers).await;
    let mut socket = opened.map_err(|refused| io::Error::other(format!("{refused:?}")))?;
    let watch: serde_json::Map<String, Value> =
        conversations.map(|conversation| (conversation.to_owned(), 0.into())).collect();
    greet(&mut socket, json!({ "type": "hello", "v": 1, "watch": watch })).await?;
    Ok(socket)
}

async fn greet(socket: &mut Socket, hello: Value) -> io::Result<()> {
    let closed = |closed| io::Error::other(format!("the socket was closed: {closed:?}"));
    socket.send(&hello).await.map_err(closed)?;
    socket.next_of("welcome").await.map_err(closed)?;
    Ok(())
}

/// A server to itself, and a runtime for those who call it.
pub(super) fn start(bench: &Bench, name: &str) -> io::Result<(Server, Runtime)> {
    Ok((Server::start(&setup(bench, name)?)?, runtime()?))
}
