//! What the tests of webhooks share: subscriptions, the log of attempts, the queue.

use std::collections::HashSet;
use std::time::Duration;

use rozmowa::clock::Millis;
use rozmowa::webhook::log;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::client::{Answer, PATIENCE, Request, get, post};
use crate::receiver::Receiver;
use crate::server::{Plan, START, Server, started};
use crate::store::Engine;

pub const LOOPBACK: &str = "webhooks.allowed_networks = [\"127.0.0.0/8\"]";

pub const SECOND: Millis = 1000;
pub const HOUR: Millis = 3600 * SECOND;
pub const DAY: Millis = 24 * HOUR;

/// The configured seconds between attempts.
pub const SCHEDULE: [Millis; 7] = [5, 300, 1800, 7200, 18000, 36000, 36000];

pub const CREATED: &str = "CHAT_CONVERSATION_CREATED";
pub const ASSIGNED: &str = "CHAT_AGENT_ASSIGNED";
pub const CLOSED: &str = "CHAT_CONVERSATION_CLOSED";
pub const SAID: &str = "CHAT_MESSAGE_CREATED";

/// A server that may call this machine.
pub async fn server(engine: Engine) -> Server {
    Plan::on(engine).configured(LOOPBACK).start().await
}

/// The same with less patience for receivers that hang.
pub async fn hasty(engine: Engine) -> Server {
    Plan::on(engine).configured(LOOPBACK).configured("webhooks.timeout_seconds = 1").start().await
}

pub async fn add(server: &Server, webhook: Value) -> Value {
    server.call(post("/api/webhooks").json(&webhook)).await.expect(200).json()
}

pub async fn subscribe(server: &Server, receiver: &Receiver, actions: &[&str]) -> i64 {
    let webhook = json!({ "actions": actions, "subscription_url": receiver.url() });
    id(&add(server, webhook).await)
}

pub fn id(webhook: &Value) -> i64 {
    webhook["id"].as_i64().expect("a number")
}

pub fn put(id: i64, change: Value) -> Request {
    Request::new("PUT", format!("/api/webhooks/{id}")).json(&change)
}

pub async fn change(server: &Server, id: i64, change: Value) -> Value {
    server.call(put(id, change)).await.expect(200).json()
}

pub async fn remove(server: &Server, id: i64) {
    server.call(Request::new("DELETE", format!("/api/webhooks/{id}"))).await.expect_nothing();
}

pub async fn show(server: &Server, id: i64) -> Value {
    server.call(get(format!("/api/webhooks/{id}"))).await.expect(200).json()
}

/// Starts conversations, some at once.
pub async fn start_many(server: &Server, count: usize) -> HashSet<String> {
    const AT_ONCE: usize = 16;
    let mut clients = JoinSet::new();
    for first in 0..AT_ONCE.min(count) {
        let mut wire = server.wire().await;
        clients.spawn(async move {
            let mut all = Vec::new();
            for _ in (first..count).step_by(AT_ONCE) {
                let call = post(START).query(&[("chat_queue_id", "3")]);
                all.push(started(&wire.call(&call).await));
            }
            all
        });
    }
    clients.join_all().await.into_iter().flatten().collect()
}

/// All pages of a list that begins at `target`; a page has so many.
pub async fn pages(server: &Server, target: &str, limit: usize) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let query = [("limit", &*limit.to_string()), ("cursor", &*cursor)];
        let page = server.call(get(target).query(&query)).await.expect(200).json();
        let result = page["result"].as_array().expect("a list");
        assert!(result.len() <= limit);
        all.extend(result.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return all,
        }
    }
}

/// The whole log, newest delivery first.
pub async fn attempts(server: &Server, id: i64) -> Vec<Value> {
    pages(server, &format!("/api/webhooks/{id}/attempts"), 100).await
}

/// All that waits.
pub async fn pending(server: &Server, id: i64) -> Vec<Value> {
    pages(server, &format!("/api/webhooks/{id}/pending"), 100).await
}

/// Looks until there is something to see.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let mut pace = tokio::time::interval(Duration::from_millis(5));
    let look = async {
        loop {
            pace.tick().await;
            if let Some(seen) = look().await {
                return seen;
            }
        }
    };
    timeout(PATIENCE, look).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Waits until the log has so many attempts.
pub async fn logged(server: &Server, id: i64, count: usize) -> Vec<Value> {
    until(&format!("{count} attempts"), async || {
        Some(attempts(server, id).await).filter(|attempts| attempts.len() >= count)
    })
    .await
}

/// Waits until nothing is left to deliver.
pub async fn drained(server: &Server, id: i64) {
    let empty = async || pending(server, id).await.is_empty().then_some(());
    until("an empty queue", empty).await;
}

pub async fn redeliver(server: &Server, id: i64, what: Value) -> Answer {
    server.call(post(format!("/api/webhooks/{id}/redeliver")).json(&what)).await
}

pub async fn recover(server: &Server, id: i64, date_from: &str) -> Answer {
    let what = json!({ "date_from": date_from });
    server.call(post(format!("/api/webhooks/{id}/recover")).json(&what)).await
}

/// All steps of clearing up.
pub async fn sweep(server: &Server) {
    while server.act(log::sweep).await {}
}

/// A stored time, as milliseconds of its day: enough for differences within one.
pub fn millis_of_day(text: &Value) -> Millis {
    let time = text.as_str().expect("a time").split(' ').nth(1).expect("a time of day");
    let mut parts = time.split([':', '.']).map(|part| part.parse::<Millis>().expect("a number"));
    let mut next = || parts.next().expect("hours, minutes, seconds, milliseconds");
    let (hours, minutes, seconds) = (next(), next(), next());
    ((hours * 60 + minutes) * 60 + seconds) * 1000 + next()
}
