//! The manager's wall: who waits, who answers, how the day goes.

use rozmowa::agent::Role;
use rozmowa::http::Code;
use serde_json::{Value, json};

use crate::client::{post, put};
use crate::desk::{Desk, go, start_in};
use crate::floor::{becomes, joins, set};
use crate::server::{NOON, Server};
use crate::store::on_both_engines;

const SECOND: i64 = 1_000;

/// As it is once what was remembered is over.
async fn wall(server: &Server, desk: &Desk) -> Value {
    server.app.clock.advance(2 * SECOND);
    desk.get(server, "/console/wall").await.expect(200).json()
}

fn queue(wall: &Value, id: i64) -> Value {
    let queues = wall["queues"].as_array().expect("a list");
    queues.iter().find(|queue| queue["id"] == id).expect("it is there").clone()
}

async fn rate(server: &Server, id: &str, rating: &str) {
    let target = format!("/api/chat_conversations/{id}/rate");
    server.call(post(target).form(&[("rating", rating)])).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_day_is_counted_by_queue_and_in_total() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let desk = Desk::supervisor(&server, "anowak").await;
        set(&server, 3, |settings| settings.answer_goal_seconds = 20).await;
        // Yesterday does not count.
        let old = start_in(&server, 3).await;
        server.app.clock.advance(24 * 3_600 * SECOND);
        // Answered in time, and late.
        let (quick, late) = (start_in(&server, 3).await, start_in(&server, 3).await);
        server.app.clock.advance(20 * SECOND);
        server.reply(&quick, "jkowalski", "Dzień dobry").await;
        server.app.clock.advance(10 * SECOND);
        server.reply(&late, "jkowalski", "Dzień dobry").await;
        server.reply(&late, "jkowalski", "Jeszcze raz").await;
        // The client goes; an agent closes spam.
        let (gone, spam) = (start_in(&server, 3).await, start_in(&server, 3).await);
        server.stop(&gone).await;
        desk.does(&server, &spam, "close", json!({})).await;
        // It waits for longer than the goal, and not yet.
        let overdue = start_in(&server, 3).await;
        server.app.clock.advance(21 * SECOND);
        let fresh = start_in(&server, 3).await;
        let other = start_in(&server, 4).await;
        server.reply(&other, "jkowalski", "Dzień dobry").await;
        for (id, rating) in [(&quick, "happy"), (&late, "sad"), (&other, "happy"), (&gone, "neutral")] {
            rate(&server, id, rating).await;
        }
        let wall = wall(&server, &desk).await;
        assert_eq!(wall["since"], NOON + 12 * 3_600 * SECOND, "midnight in Warsaw");
        let sklep = queue(&wall, 3);
        let today = json!({
            "started": 6, "answered": 2, "abandoned": 1, "missed": 0, "wait_mean": 25 * SECOND,
            "wait_longest": 30 * SECOND, "service_level": 25.0, "ratings": {"sad": 1, "neutral": 1, "happy": 1},
        });
        assert_eq!(sklep["today"], today);
        let told = json!([sklep["waiting"], sklep["waiting_since"], sklep["open"], sklep["answer_goal_seconds"]]);
        assert_eq!(told, json!([3, NOON, 5, 20]));
        let today = json!({
            "started": 1, "answered": 1, "abandoned": 0, "missed": 0, "wait_mean": 0, "wait_longest": 0,
            "service_level": 100.0, "ratings": {"sad": 0, "neutral": 0, "happy": 1},
        });
        assert_eq!(queue(&wall, 4)["today"], today);
        let total = json!({
            "started": 7, "answered": 3, "abandoned": 1, "missed": 0, "wait_mean": 50 * SECOND / 3,
            "wait_longest": 30 * SECOND, "service_level": 40.0, "ratings": {"sad": 1, "neutral": 1, "happy": 2},
        });
        assert_eq!(wall["total"], total);
        let waiting: Vec<&Value> =
            wall["waiting"].as_array().unwrap().iter().map(|who| &who["conversation_id"]).collect();
        assert_eq!(waiting, [&json!(old), &json!(overdue), &json!(fresh)], "who has waited longest comes first");
        assert_eq!(wall["waiting"][0]["waiting_since"], NOON);
        // A queue that has had nothing today says so.
        server.app.clock.advance(24 * 3_600 * SECOND);
        let wall = self::wall(&server, &desk).await;
        let nothing = json!({
            "started": 0, "answered": 0, "abandoned": 0, "missed": 0, "wait_mean": null, "wait_longest": null,
            "service_level": null, "ratings": {"sad": 0, "neutral": 0, "happy": 0},
        });
        assert_eq!((&wall["total"], &queue(&wall, 4)["today"]), (&nothing, &nothing));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_bots_handle_waits_for_nobody_until_it_is_handed_over() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let desk = Desk::supervisor(&server, "anowak").await;
        let bot = server
            .call(post("/api/bots").json(&json!({"name": "Paczkobot"})))
            .await
            .expect(200)
            .json();
        let bot = bot["external_chatbot_id"].as_str().expect("a UUID").to_owned();
        let of_queue = put("/api/chats/queues/3").json(&json!({"external_chatbot_id": bot}));
        server.call(of_queue).await.expect_nothing();
        let (handled, over) = (start_in(&server, 3).await, start_in(&server, 3).await);
        let call = async |id: &str, what: &str, mut body: Value| {
            body["external_chatbot_id"] = json!(bot);
            let target = format!("/api/chat_conversations/{id}/{what}");
            server.call(post(target).json(&body)).await.expect(200);
        };
        call(&handled, "message", json!({"text": "Jest w drodze."})).await;
        server.stop(&handled).await;
        server.app.clock.advance(300 * SECOND);
        let today = queue(&wall(&server, &desk).await, 3)["today"].clone();
        assert_eq!((&today["abandoned"], &today["service_level"]), (&json!(0), &Value::Null));
        call(&over, "hand_over", json!({})).await;
        server.app.clock.advance(30 * SECOND);
        server.reply(&over, "jkowalski", "Dzień dobry").await;
        let today = queue(&wall(&server, &desk).await, 3)["today"].clone();
        assert_eq!(today["wait_longest"], 30 * SECOND);
        assert_eq!(today["service_level"], 100.0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_without_anybody_and_what_all_have_missed_are_alarms() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let desk = Desk::with(&server, "anowak", Role::Administrator).await;
        set(&server, 4, |settings| {
            let hours = json!({"week": [[], [], [], [], [], [], []]});
            settings.hours = serde_json::from_value(hours).expect("hours");
        })
        .await;
        joins(&server, 3, "jkowalski", 1).await;
        let alarms = async || wall(&server, &desk).await["alarms"].clone();
        let none: [&str; 0] = [];
        assert_eq!(
            alarms().await,
            json!({"deserted_queue_ids": [3], "missed_conversation_ids": none})
        );
        go(&server, "jkowalski", "login").await;
        let id = start_in(&server, 3).await;
        becomes(&server, &id, Some("jkowalski")).await;
        server.message(&id, "Halo?").await;
        let shown = wall(&server, &desk).await;
        let sklep = queue(&shown, 3);
        let told =
            ["waiting", "open", "on_duty", "free", "with_room"].map(|name| sklep[name].clone());
        assert_eq!(told, [0, 1, 1, 1, 0].map(|number| json!(number)));
        assert_eq!(shown["alarms"]["deserted_queue_ids"], json!([]));
        let agent = &shown["agents"][0];
        assert_eq!((&agent["login"], &agent["open_chats"]), (&json!("jkowalski"), &json!(1)));
        server.app.clock.advance(61 * SECOND);
        becomes(&server, &id, None).await;
        let shown = wall(&server, &desk).await;
        assert_eq!(shown["alarms"]["missed_conversation_ids"], json!([id]));
        assert_eq!(queue(&shown, 3)["today"]["missed"], 1);
        assert_eq!(shown["waiting"][0]["is_missed"], true);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_walls_cost_one_read() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let desk = Desk::supervisor(&server, "anowak").await;
        let first = wall(&server, &desk).await;
        server.start(&[]).await;
        let again = desk.get(&server, "/console/wall").await.expect(200).json();
        assert_eq!(again, first, "it is remembered for a moment");
        assert_eq!(queue(&wall(&server, &desk).await, 3)["waiting"], 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn supervisors_list_the_conversations_of_an_agent() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let desk = Desk::supervisor(&server, "anowak").await;
        let [open, closed, waiting] =
            [start_in(&server, 3).await, start_in(&server, 4).await, start_in(&server, 3).await];
        for id in [&open, &closed] {
            server.assign(id, "jkowalski").await.expect_nothing();
        }
        server.stop(&closed).await;
        let list = async |desk: &Desk, query: &str| {
            let target = format!("/console/conversations?{query}");
            let page = desk.get(&server, &target).await.expect(200).json();
            let rows = page["result"].as_array().expect("a list").clone();
            rows.iter()
                .map(|row| row["conversation_id"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        let of = "user_login=jkowalski";
        assert_eq!(list(&desk, &format!("view=all&{of}")).await, [&*open]);
        assert_eq!(list(&desk, &format!("view=mine&{of}")).await, [&*open]);
        assert_eq!(list(&desk, &format!("view=closed&{of}")).await, [&*closed]);
        assert_eq!(list(&desk, &format!("view=waiting&{of}")).await, [""; 0]);
        assert_eq!(list(&desk, &format!("view=all&chat_queue_id=4&{of}")).await, [""; 0]);
        assert_eq!(list(&desk, "view=waiting").await, [&*waiting]);
        let nobody = desk.get(&server, "/console/conversations?view=all&user_login=nobody").await;
        nobody.expect_fault(Code::UnknownAgent);
        let agent = Desk::of(&server, "jkowalski").await;
        assert_eq!(list(&agent, &format!("view=all&{of}")).await, [&*open]);
        let other = agent.get(&server, "/console/conversations?view=all&user_login=anowak").await;
        other.expect_fault(Code::RoleNeeded);
    })
    .await;
}
