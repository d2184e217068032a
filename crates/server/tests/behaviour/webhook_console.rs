//! Webhooks as administrators have them at their console: the same as the API's.

use rozmowa::agent::Role;
use rozmowa::http::Code;
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::hooks::{CLOSED, CREATED, id, server};
use crate::people::soon;
use crate::receiver::{Behaviour, Receiver};
use crate::server::{NOON, Server};
use crate::store::on_both_engines;

const HOOKS: &str = "/console/webhooks";

async fn administrator(server: &Server) -> Desk {
    Desk::with(server, "anowak", Role::Administrator).await
}

async fn add(desk: &Desk, server: &Server, webhook: Value) -> Value {
    desk.call(server, "POST", HOOKS, webhook).await.expect(200).json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_added_changed_and_removed_and_its_secrets_never_come_back() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        let desk = administrator(&server).await;
        let added = add(
            &desk,
            &server,
            json!({
                "actions": [CREATED], "subscription_url": receiver.url(), "http_auth_user": "user",
                "http_auth_password": "very secret", "format": "json", "signing": true,
            }),
        )
        .await;
        let secret = added["signing_secret"].as_str().expect("it is shown once").to_owned();
        let mut expected = json!({
            "id": 1, "actions": [CREATED], "subscription_url": receiver.url(), "http_auth_user": "user",
            "has_http_auth_password": true, "format": "json", "signing": true,
            "old_signing_secret_expires_at": null, "enabled": true, "off_because": null, "failing_since": null,
            "created_at": NOON, "is_bots": false,
        });
        let target = format!("{HOOKS}/{}", id(&added));
        assert_eq!(desk.get(&server, &target).await.expect(200).json(), expected);
        assert_eq!(desk.get(&server, HOOKS).await.expect(200).json(), json!([expected]));
        let change = async |body: Value| desk.call(&server, "PUT", &target, body).await;
        // Whoever may change it could have the password sent to a place of their own.
        let other = json!({"subscription_url": "http://127.0.0.1:1/"});
        let refused = change(other.clone()).await.expect_fault(Code::PasswordNeeded);
        assert_eq!(refused.json()["errors"][0]["parameter"], "http_auth_password");
        for (wrong, parameter) in [
            (json!({"subscription_url": "http://192.168.0.1/"}), "subscription_url"),
            (json!({"subscription_url": "x"}), "subscription_url"),
            (json!({"actions": ["NOTHING"]}), "actions"),
            (json!({"http_auth_user": "a:b"}), "http_auth_user"),
        ] {
            let refused = change(wrong).await.expect(400).json();
            assert_eq!(refused["errors"][0]["parameter"], parameter);
        }
        let changed = change(json!({"actions": [CREATED, CLOSED], "enabled": false})).await;
        expected["actions"] = json!([CREATED, CLOSED]);
        expected["enabled"] = json!(false);
        expected["off_because"] = json!("BY_HAND");
        assert_eq!(changed.expect(200).json(), expected);
        let rotate = format!("{target}/rotate_secret");
        let rotated = desk.call(&server, "POST", &rotate, json!({"overlap_hours": 1})).await;
        let new_secret = rotated.expect(200).json()["signing_secret"].clone();
        assert_ne!(new_secret, json!(secret));
        let shown = desk.get(&server, &target).await.expect(200).json();
        assert_eq!(shown["old_signing_secret_expires_at"], NOON + 3_600_000);
        desk.call(&server, "DELETE", &target, json!({})).await.expect_nothing();
        desk.get(&server, &target).await.expect_fault(Code::UnknownWebhook);
        let log = desk.get(&server, "/console/audit?actor=anowak").await.expect(200);
        for hidden in ["very secret", &*secret, new_secret.as_str().unwrap()] {
            assert!(!log.text().contains(hidden), "{hidden}");
        }
        let lines: Vec<_> = log.json()["result"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["change"].as_str().unwrap().to_owned())
            .collect();
        let told = ["webhook.remove", "webhook.rotate_secret", "webhook.change", "webhook.add"];
        assert_eq!(lines, told);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_tried_out_looked_at_and_ordered_again() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        let desk = administrator(&server).await;
        let webhook = json!({"actions": [CREATED], "subscription_url": receiver.url()});
        let target = format!("{HOOKS}/{}", id(&add(&desk, &server, webhook).await));
        let order = async |what: &str, body: Value| {
            let answer = desk.call(&server, "POST", &format!("{target}/{what}"), body).await;
            answer.expect(200).json()
        };
        let tested = order("test", json!({})).await;
        assert_eq!((&tested["delivered"], &tested["http_status"]), (&json!(true), &json!(200)));
        let list = async |what: &str| {
            let page = desk.get(&server, &format!("{target}/{what}")).await.expect(200).json();
            page["result"].as_array().expect("a list").clone()
        };
        let attempts = list("attempts").await;
        assert_eq!(attempts.len(), 1);
        assert_eq!(
            (&attempts[0]["action"], &attempts[0]["at"]),
            (&json!("WEBHOOK_TEST"), &json!(NOON))
        );
        assert_eq!(attempts[0]["outcome"], "DELIVERED");
        // One that fails waits.
        receiver.script([Behaviour::Answer(500)]);
        let conversation = server.start(&[]).await;
        let waiting = soon(async {
            loop {
                let waiting = list("pending").await;
                if waiting.first().is_some_and(|it| it["attempts"] == 1) {
                    return waiting;
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        })
        .await;
        assert_eq!(waiting[0]["conversation_id"], json!(conversation));
        assert!(waiting[0]["due_at"].as_i64().is_some_and(|at| at > NOON));
        let delivery = &waiting[0]["delivery_id"];
        let ordered = order("redeliver", json!({"delivery_id": delivery})).await;
        assert_eq!(ordered, json!({"count": 1}));
        receiver.expect(3).await;
        assert_eq!(order("recover", json!({"from": NOON - 1_000})).await, json!({"count": 0}));
        let recover = format!("{target}/recover");
        let wrong = desk.call(&server, "POST", &recover, json!({"from": "x"})).await.expect(400);
        assert_eq!(wrong.json()["errors"][0]["parameter"], "from");
        let unknown = json!({"delivery_id": uuid::Uuid::nil()});
        let unknown = desk.call(&server, "POST", &format!("{target}/redeliver"), unknown).await;
        unknown.expect_fault(Code::UnknownDelivery);
    })
    .await;
}
