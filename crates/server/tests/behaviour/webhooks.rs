//! Webhooks: what arrives at a real receiver.

use serde_json::json;

use crate::client::{Request, get, post};
use crate::receiver::Receiver;
use crate::server::{Plan, Server, new_customer};
use crate::store::{Engine, on_both_engines};

pub const LOOPBACK: &str = "webhooks.allowed_networks = [\"127.0.0.0/8\"]";

/// A server that may call this machine.
pub async fn server(engine: Engine) -> Server {
    Plan::on(engine).configured(LOOPBACK).start().await
}

/// The documented actions.
const DOCUMENTED: [&str; 5] = [
    "CHAT_CONVERSATION_CREATED",
    "CHAT_AGENT_ASSIGNED",
    "CHAT_CONVERSATION_CLOSED",
    "CUSTOMER_CREATED",
    "CUSTOMER_UPDATED",
];

pub async fn subscribe(server: &Server, receiver: &Receiver, actions: &[&str]) -> i64 {
    let webhook = json!({ "actions": actions, "subscription_url": receiver.url() });
    let answer = server.call(post("/api/webhooks").json(&webhook)).await.expect(200);
    answer.json()["id"].as_i64().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_actions_arrive_byte_for_byte() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        server.add_customers_automatically(true).await;
        let webhook = json!({
            "actions": DOCUMENTED,
            "subscription_url": receiver.url(),
            "http_auth_user": "user",
            "http_auth_password": "hasło",
        });
        let answer = server.call(post("/api/webhooks").json(&webhook)).await.expect(200).json();
        assert_eq!(
            answer.to_string(),
            json!({
                "id": 1, "actions": DOCUMENTED, "subscription_url": receiver.url(),
                "http_auth_user": "user", "http_auth_password": "",
            })
            .to_string()
        );
        let id = server.start(&[("client_name", "Żaneta"), ("client_email", "z@example.org")]).await;
        receiver.expect(2).await;
        server.reply(&id, "jkowalski", "Dzień dobry").await;
        receiver.expect(3).await;
        server.stop(&id).await;
        let arrivals = receiver.expect(4).await;
        let date = "2026-06-01+12%3A00%3A00";
        let bodies = receiver.bodies();
        assert!(bodies[..2].contains(&format!(
            "action=CUSTOMER_CREATED&customer_id=3&company_id=null&date={date}"
        )), "{bodies:?}");
        assert!(bodies[..2].contains(&format!(
            "action=CHAT_CONVERSATION_CREATED&conversation_id={id}&client_name=%C5%BBaneta&client_email=z%40example.org&date={date}&chat_queue_id=3"
        )), "{bodies:?}");
        assert_eq!(bodies[2..], [
            format!("action=CHAT_AGENT_ASSIGNED&conversation_id={id}&agent_login=jkowalski&date={date}&chat_queue_id=3"),
            format!("action=CHAT_CONVERSATION_CLOSED&conversation_id={id}&date={date}&chat_queue_id=3"),
        ]);
        for arrival in &arrivals {
            assert_eq!(arrival.line, "POST /hook HTTP/1.1");
            assert_eq!(arrival.header("authorization"), Some("Basic dXNlcjpoYXPFgm8="));
            assert_eq!(arrival.header("content-type"), Some("application/x-www-form-urlencoded"));
            assert_eq!(arrival.header("webhook-id"), None, "only for those who ask for it");
        }
        let _ = (get("/"), new_customer(None, "", "", &[]), Request::new("PUT", "/"));
    })
    .await;
}
