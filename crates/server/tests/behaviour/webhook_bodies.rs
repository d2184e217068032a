//! What deliveries say, and in which order one conversation's arrive.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::json;

use crate::client::post;
use crate::hooks::{ASSIGNED, CLOSED, CREATED, SAID, SECOND, add, id, logged, server, subscribe};
use crate::receiver::{Arrival, Behaviour, Receiver};
use crate::server::NOON;
use crate::store::on_both_engines;

const CONVERSATIONS: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn messages_arrive_byte_for_byte() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        subscribe(&server, &receiver, &[SAID]).await;
        let chat = server.start(&[("client_name", "Żaneta")]).await;
        server.message(&chat, "Dzień dobry\n& co?").await;
        receiver.expect(1).await;
        // The assignment between them takes a place in the log.
        server.reply(&chat, "jkowalski", "null").await;
        receiver.expect(2).await;
        let head = |seq| {
            format!("action=CHAT_MESSAGE_CREATED&conversation_id={chat}&message_id={chat}-{seq}")
        };
        let tail = "date=2026-06-01+12%3A00%3A00&chat_queue_id=3";
        assert_eq!(
            receiver.bodies(),
            [
                format!(
                    "{}&sent_by=CLIENT&agent_login=null&text=Dzie%C5%84+dobry%0A%26+co%3F&{tail}",
                    head(2)
                ),
                format!("{}&sent_by=AGENT&agent_login=jkowalski&text=null&{tail}", head(4)),
            ]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_json_gets_type_timestamp_and_data() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        let webhook = json!({
            "actions": [CREATED, ASSIGNED, CLOSED, SAID, "CUSTOMER_CREATED"],
            "subscription_url": receiver.url(), "format": "json",
        });
        add(&server, webhook).await;
        let chat = server.start(&[("client_name", "Żaneta")]).await;
        receiver.expect(1).await;
        server.app.clock.advance(SECOND + 318);
        server.reply(&chat, "anowak", "Dzień dobry").await;
        receiver.expect(3).await;
        server.stop(&chat).await;
        let arrivals = receiver.expect(4).await;
        let told: Vec<_> = arrivals.iter().map(Arrival::json).collect();
        let later = "2026-06-01T12:00:01.318+02:00";
        let expected = [
            json!({ "type": CREATED, "timestamp": "2026-06-01T12:00:00.000+02:00", "data": {
                "conversation_id": chat, "client_name": "Żaneta", "client_email": null,
                "date": "2026-06-01 12:00:00", "chat_queue_id": 3, "seq": 1,
            }}),
            json!({ "type": ASSIGNED, "timestamp": later, "data": {
                "conversation_id": chat, "agent_login": "anowak",
                "date": "2026-06-01 12:00:01", "chat_queue_id": 3, "seq": 2,
            }}),
            json!({ "type": SAID, "timestamp": later, "data": {
                "conversation_id": chat, "message_id": format!("{chat}-3"), "sent_by": "AGENT",
                "agent_login": "anowak", "text": "Dzień dobry",
                "date": "2026-06-01 12:00:01", "chat_queue_id": 3, "seq": 3,
            }}),
            json!({ "type": CLOSED, "timestamp": later, "data": {
                "conversation_id": chat, "date": "2026-06-01 12:00:01", "chat_queue_id": 3, "seq": 4,
            }}),
        ];
        assert_eq!(told, expected);
        for arrival in &arrivals {
            assert_eq!(arrival.header("content-type"), Some("application/json"));
            assert!(arrival.header("webhook-id").is_some());
            assert_eq!(arrival.header("webhook-signature"), None, "it did not ask for it");
        }
        assert_eq!(arrivals[0].header("webhook-timestamp"), Some(&*(NOON / 1000).to_string()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deliverys_id_is_its_own_and_the_same_at_every_attempt() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        let webhook =
            json!({ "actions": [CREATED], "subscription_url": receiver.url(), "format": "json" });
        let webhook = id(&add(&server, webhook).await);
        receiver.script(vec![Behaviour::Answer(500); 6]);
        for _ in 0..6 {
            server.start(&[]).await;
        }
        logged(&server, webhook, 6).await;
        server.app.clock.advance(6 * SECOND);
        for _ in 0..6 {
            server.start(&[]).await;
        }
        let arrivals = receiver.expect(18).await;
        let mut ids: HashMap<_, Vec<_>> = HashMap::new();
        for arrival in &arrivals {
            let told = arrival.json()["data"]["conversation_id"].to_string();
            ids.entry(told).or_default().push(arrival.header("webhook-id").unwrap());
        }
        assert_eq!(ids.len(), 12);
        assert_eq!(ids.values().filter(|ids| ids.len() == 2).count(), 6);
        assert!(ids.values().all(|ids| ids.iter().all(|id| *id == ids[0])));
        assert_eq!(ids.values().map(|ids| ids[0]).collect::<HashSet<_>>().len(), 12);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_conversations_events_arrive_in_the_order_of_its_log() {
    on_both_engines(async |engine| {
        let server = server(engine).await;
        let receiver = Receiver::start().await;
        let webhook = json!({
            "actions": [CREATED, ASSIGNED, SAID, CLOSED], "subscription_url": receiver.url(), "format": "json",
        });
        add(&server, webhook).await;
        let mut chats = Vec::new();
        for _ in 0..CONVERSATIONS {
            chats.push(server.start(&[]).await);
        }
        // The clock goes on under the calls, as it does in life.
        let clock = server.app.clock.clone();
        let ticks = tokio::spawn(async move {
            let mut pace = tokio::time::interval(Duration::from_millis(1));
            loop {
                pace.tick().await;
                clock.advance(1);
            }
        });
        let mut writers = tokio::task::JoinSet::new();
        for first in 0..6 {
            let (mut wire, chats) = (server.wire().await, chats.clone());
            writers.spawn(async move {
                for n in 0..CONVERSATIONS * 3 {
                    let chat = &chats[(first * 7 + n) % CONVERSATIONS];
                    let (method, login) =
                        if first % 2 == 0 { ("message", "") } else { ("reply", "anowak") };
                    let said = json!({ "text": format!("{first} {n}"), "user_login": login });
                    let target = format!("/api/chat_conversations/{chat}/{method}");
                    wire.call(&post(target).json(&said)).await.expect_nothing();
                }
            });
        }
        while let Some(ended) = writers.join_next().await {
            ended.expect("a writer ends well");
        }
        for chat in &chats {
            server.stop(chat).await;
        }
        ticks.abort();
        // Started, assigned, said 18 times, closed.
        let arrivals = receiver.expect(CONVERSATIONS * 21).await;
        let mut heard: HashMap<_, Vec<i64>> = HashMap::new();
        for arrival in &arrivals {
            let data = &arrival.json()["data"];
            let seqs = heard.entry(data["conversation_id"].to_string()).or_default();
            seqs.push(data["seq"].as_i64().unwrap());
        }
        assert_eq!(heard.len(), CONVERSATIONS);
        for (chat, seqs) in heard {
            assert_eq!(seqs, (1..=21).collect::<Vec<_>>(), "{chat}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_knows_the_order_better_than_the_clock() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        let webhook = json!({ "actions": [CREATED, SAID], "subscription_url": receiver.url(), "format": "json" });
        let webhook = id(&add(&server, webhook).await);
        receiver.script([Behaviour::With(503, "Retry-After: 60".to_owned())]);
        let chat = server.start(&[]).await;
        logged(&server, webhook, 1).await;
        for text in ["a", "b", "c", "d"] {
            server.message(&chat, text).await;
        }
        // As transactions leave it that began in one order and got the conversation in another.
        server.execute("UPDATE delivery SET due_at = due_at - seq WHERE seq > 1").await;
        server.app.clock.advance(60 * SECOND);
        let arrivals = receiver.expect(6).await;
        let seqs: Vec<_> =
            arrivals[1..].iter().map(|told| told.json()["data"]["seq"].as_i64().unwrap()).collect();
        assert_eq!(seqs, [1, 2, 3, 4, 5]);
    })
    .await;
}
