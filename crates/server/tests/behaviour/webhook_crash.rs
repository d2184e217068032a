//! A server that is killed forgets no delivery.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::client::{Wire, get, post};
use crate::hooks::{CREATED, until};
use crate::program::{Home, Program, install};
use crate::receiver::{Behaviour, Receiver};
use crate::server::{START, started};
use crate::store::Engine;

const CONVERSATIONS: usize = 5_000;
const CLIENTS: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_deliveries_outlive_a_kill() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    let home = Home::make(Engine::Sqlite, data).await;
    install(&home);
    let server = Program::serve(&home, &log).await;
    let receiver = Receiver::start().await;
    receiver.then(Behaviour::Hold(Arc::new(Semaphore::new(0))));
    let webhook = json!({ "actions": [CREATED], "subscription_url": receiver.url() });
    server.call(post("/api/webhooks").json(&webhook)).await.expect(200);
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let address = server.address;
        clients.spawn(async move {
            let (mut wire, mut all) = (Wire::open(address).await, Vec::new());
            for _ in 0..CONVERSATIONS / CLIENTS {
                let call = post(START).query(&[("chat_queue_id", "3")]);
                all.push(started(&wire.call(&call).await));
            }
            all
        });
    }
    let chats: HashSet<String> = clients.join_all().await.into_iter().flatten().collect();
    assert_eq!(chats.len(), CONVERSATIONS);
    receiver.expect(64).await;
    server.kill();
    // What was held got no answer, so it counts as not arrived.
    receiver.forget();
    receiver.then(Behaviour::Answer(200));
    let server = Program::serve(&home, &log).await;
    until("all of them", async || {
        if receiver.count() < CONVERSATIONS {
            return None;
        }
        let told = receiver.arrivals();
        let told = told.iter().map(|arrival| arrival.field("conversation_id").unwrap());
        (told.collect::<HashSet<_>>() == chats).then_some(())
    })
    .await;
    until("an empty queue", async || {
        let pending = server.call(get("/api/webhooks/1/pending")).await.expect(200).json();
        pending["result"].as_array().unwrap().is_empty().then_some(())
    })
    .await;
    assert_eq!(receiver.count(), CONVERSATIONS, "only what was under way came twice");
}
