//! Who may see a conversation and act on it: every method of the console, for every kind of agent.

use rozmowa::agent::Role;
use serde_json::{Value, json};

use crate::desk::{Desk, saying, start_in};
use crate::people::member;
use crate::server::Server;
use crate::store::on_both_engines;

const READING: [&str; 3] = ["", "/events", "/lookup"];

/// What is done to a conversation, whether it takes a supervisor, and a body that is right.
fn doing() -> Vec<(&'static str, bool, Value)> {
    vec![
        ("note", false, saying("a", 1)),
        ("read", false, json!({"seq": 1})),
        ("label", false, json!({})),
        ("claim", false, json!({})),
        ("reply", false, saying("a", 2)),
        ("transfer", false, json!({"chat_queue_id": 3})),
        ("close", false, json!({})),
        ("reopen", false, json!({})),
        ("whisper", true, saying("a", 3)),
        ("assign", true, json!({"user_login": "anowak"})),
        ("take_over", true, json!({})),
    ]
}

/// The status that each method answers with, for a conversation of queue 3.
async fn statuses(server: &Server, desk: &Desk, id: &str) -> Vec<(&'static str, u16)> {
    let mut all = Vec::new();
    for path in READING {
        let answer = desk.get(server, &format!("/console/conversations/{id}{path}")).await;
        all.push((path, answer.status));
    }
    for (what, _, body) in doing() {
        all.push((what, desk.act(server, id, what, body).await.status));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_see_their_queues_and_their_own_and_supervisors_all() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let of_queue = Desk::agent(&server, "jkowalski", 3).await;
        let of_other = Desk::agent(&server, "anowak", 4).await;
        let told = |what: &str| format!("{engine:?}: {what}");
        let is_for_supervisors =
            |what: &str| doing().iter().any(|(name, is, _)| *name == what && *is);

        let id = server.start(&[]).await;
        for (what, status) in statuses(&server, &of_queue, &id).await {
            let expected = if is_for_supervisors(what) { 403 } else { 200 };
            assert_eq!(status, expected, "{}", told(what));
        }
        let id = server.start(&[]).await;
        for (what, status) in statuses(&server, &of_other, &id).await {
            assert_eq!(status, 403, "{}", told(what));
        }
        // One's own, whatever its queue.
        server.assign(&id, "anowak").await.expect_nothing();
        for path in READING {
            let target = format!("/console/conversations/{id}{path}");
            of_other.get(&server, &target).await.expect(200);
        }
        of_other.does(&server, &id, "reply", saying("a", 1)).await;
        of_queue.does(&server, &id, "note", saying("a", 2)).await;
        for role in [Role::Supervisor, Role::Administrator] {
            let boss = Desk::with(&server, "retired", role).await;
            crate::desk::go(&server, "retired", "login").await;
            let id = server.start(&[]).await;
            for (what, status) in statuses(&server, &boss, &id).await {
                assert_eq!(status, 200, "{}", told(what));
            }
        }
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_follow_the_same_rule() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let agent = Desk::agent(&server, "jkowalski", 3).await;
        let boss = Desk::supervisor(&server, "retired").await;
        let shop = server.start(&[]).await;
        let complaint = start_in(&server, 4).await;
        let own = start_in(&server, 4).await;
        server.assign(&own, "jkowalski").await.expect_nothing();
        let [closed, others, former] =
            [server.start(&[]).await, start_in(&server, 4).await, start_in(&server, 4).await];
        server.assign(&former, "jkowalski").await.expect_nothing();
        for id in [&closed, &others, &former] {
            server.stop(id).await;
        }
        let seen = async |desk: &Desk, query: &str| {
            let target = format!("/console/conversations?{query}");
            let page = desk.get(&server, &target).await.expect(200).json();
            let rows = page["result"].as_array().unwrap().clone();
            let id = |row: &Value| row["conversation_id"].as_str().unwrap().to_owned();
            rows.iter().map(id).collect::<Vec<_>>()
        };
        for (query, of_agent, of_boss) in [
            ("view=mine", vec![&own], vec![]),
            ("view=waiting", vec![&shop], vec![&shop, &complaint]),
            ("view=all", vec![&own, &shop], vec![&own, &complaint, &shop]),
            ("view=closed", vec![&former, &closed], vec![&former, &others, &closed]),
            ("view=mine&chat_queue_id=3", vec![], vec![]),
            ("view=waiting&chat_queue_id=4", vec![], vec![&complaint]),
            ("view=all&chat_queue_id=4", vec![&own], vec![&own, &complaint]),
            ("view=closed&chat_queue_id=4", vec![&former], vec![&former, &others]),
            ("view=closed&chat_queue_id=3", vec![&closed], vec![&closed]),
        ] {
            let ids = |ids: Vec<&String>| ids.into_iter().cloned().collect::<Vec<_>>();
            assert_eq!(seen(&agent, query).await, ids(of_agent), "{query}");
            assert_eq!(seen(&boss, query).await, ids(of_boss), "{query}");
        }
        member(&server, 4, "jkowalski").await;
        assert_eq!(seen(&agent, "view=all").await, [own, complaint, shop]);
    })
    .await;
}
