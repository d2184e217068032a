//! Webhooks: what arrives at a real receiver.

use rozmowa::customer::{self, Changed, Customer};
use serde_json::json;

use crate::client::post;
use crate::hooks::{server, subscribe};
use crate::receiver::Receiver;
use crate::store::on_both_engines;

/// The documented actions.
const DOCUMENTED: [&str; 5] = [
    "CHAT_CONVERSATION_CREATED",
    "CHAT_AGENT_ASSIGNED",
    "CHAT_CONVERSATION_CLOSED",
    "CUSTOMER_CREATED",
    "CUSTOMER_UPDATED",
];

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
        let assign = post(format!("/api/chat_conversations/{id}/assign"));
        server.call(assign.form(&[("user_login", "jkowalski")])).await.expect_nothing();
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
        let change = async || {
            let rename = |customer: &mut Customer| customer.name = "Żanna".to_owned();
            server.act(move |tx, act| customer::change(tx, act, 3, rename)).await
        };
        assert!(matches!(change().await, Changed::Done(..)));
        let told = receiver.expect(5).await.swap_remove(4);
        assert_eq!(
            told.body,
            format!("action=CUSTOMER_UPDATED&customer_id=3&company_id=null&date={date}")
        );
        // What changes nothing is told to nobody.
        assert!(matches!(change().await, Changed::Nothing));
        server.start(&[("customer_id", "3")]).await;
        let told = receiver.expect(6).await.swap_remove(5);
        assert!(told.body.starts_with("action=CHAT_CONVERSATION_CREATED&"), "{}", told.body);
        assert!(told.body.contains("&client_name=%C5%BBanna&"), "{}", told.body);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_goes_back_turns_no_log_around() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        subscribe(&server, &receiver, &["CHAT_CONVERSATION_CREATED", "CHAT_MESSAGE_CREATED"]).await;
        let id = server.start(&[]).await;
        receiver.expect(1).await;
        server.app.clock.advance(-3_600_000);
        server.message(&id, "Pierwsza").await;
        server.message(&id, "Druga").await;
        let chat = server.chat(&id).await;
        let times: Vec<_> =
            chat["messages"].as_array().unwrap().iter().map(|m| m["created_at"].clone()).collect();
        assert_eq!(times, ["2026-06-01 12:00:00.000", "2026-06-01 12:00:00.000"]);
        // Its time is an hour away; it is delivered as soon as clocks may differ.
        server.app.clock.advance(1_000);
        let bodies: Vec<_> = receiver.expect(3).await.into_iter().map(|told| told.body).collect();
        assert!(bodies[1].contains("&text=Pierwsza&") && bodies[2].contains("&text=Druga&"));
    })
    .await;
}
