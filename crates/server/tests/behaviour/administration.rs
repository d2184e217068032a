//! What administrators do at their console: queues and who answers them, reasons to pause, API users, the audit log.

use rozmowa::agent::Role;
use rozmowa::clock::Millis;
use rozmowa::http::Code;
use serde_json::{Value, json};

use crate::client::{Answer, Request, get, post};
use crate::desk::Desk;
use crate::server::{NOON, PASSWORD, START, Server};
use crate::store::on_both_engines;

const HOUR: Millis = 60 * 60 * 1_000;
const USERS: &str = "/console/api_users";
const QUEUES: &str = "/console/queues";

async fn administrator(server: &Server) -> Desk {
    Desk::with(server, "anowak", Role::Administrator).await
}

/// What was done to something, the first first, all of it by the administrator.
async fn changes(desk: &Desk, server: &Server, subject: &str) -> Vec<String> {
    let target = format!("/console/audit?subject={}", subject.replace(' ', "%20"));
    let page = desk.get(server, &target).await.expect(200).json();
    let entries = page["result"].as_array().expect("a list");
    for entry in entries {
        assert_eq!(entry["actor_kind"], "AGENT", "{entry}");
        assert_eq!((&entry["actor"], &entry["at"]), (&json!("anowak"), &json!(NOON)), "{entry}");
        assert!(entry["request_id"].is_string() && entry["address"].is_string(), "{entry}");
    }
    entries.iter().rev().map(|entry| entry["change"].as_str().unwrap().to_owned()).collect()
}

/// The code of the only fault, and the parameter it is about.
fn refusal(answer: &Answer) -> (u64, Option<String>) {
    let json = answer.json();
    let [fault] = &json["errors"].as_array().expect("faults")[..] else { panic!("{json}") };
    let parameter = fault["parameter"].as_str().map(str::to_owned);
    (fault["code"].as_u64().expect("a code"), parameter)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_administrators_one_stays() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let desk = administrator(&server).await;
        let own = "/console/agents/anowak";
        for body in [json!({"roles": ["supervisor"]}), json!({"active": false})] {
            let refused = desk.call(&server, "PUT", own, body).await;
            assert_eq!(refusal(&refused), (u64::from(Code::LastAdministrator.number()), None));
        }
        desk.call(&server, "PUT", own, json!({"roles": ["administrator"], "name": "Ania"}))
            .await
            .expect_nothing();
        // Who was only invited could administer nothing.
        let invited =
            json!({"login": "ghost", "name": "A", "surname": "B", "roles": ["administrator"]});
        desk.call(&server, "POST", "/console/agents", invited).await.expect(200);
        let refused = desk.call(&server, "PUT", own, json!({"active": false})).await;
        assert_eq!(refusal(&refused), (u64::from(Code::LastAdministrator.number()), None));
        // Of two who go at once, one stays.
        let other = Desk::with(&server, "jkowalski", Role::Administrator).await;
        let (one, two) = tokio::join!(
            desk.call(&server, "PUT", own, json!({"roles": ["agent"]})),
            other.call(&server, "PUT", "/console/agents/jkowalski", json!({"active": false})),
        );
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_is_added_and_gets_its_agents() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let desk = administrator(&server).await;
        let before = desk.get(&server, QUEUES).await.expect(200).json();
        assert_eq!(
            before[0],
            json!({"chat_queue_id": 3, "name": "Sklep", "enabled": true, "agent_count": 0})
        );
        let added = desk.call(&server, "POST", QUEUES, json!({"name": "Zwroty"})).await;
        let id = added.expect(200).json()["chat_queue_id"].as_i64().expect("a number");
        for (body, parameter) in [
            (json!({"name": "Zwroty"}), Some("name".to_owned())),
            (json!({"name": "Inna", "id": id}), None),
        ] {
            let refused = desk.call(&server, "POST", QUEUES, body).await;
            let expected = (u64::from(Code::QueueTaken.number()), parameter);
            assert_eq!(refusal(&refused), expected);
        }
        let agents = format!("{QUEUES}/{id}/agents");
        let (first, second) = (format!("{agents}/jkowalski"), format!("{agents}/anowak"));
        desk.call(&server, "PUT", &first, json!({})).await.expect_nothing();
        desk.call(&server, "PUT", &second, json!({"priority": 7})).await.expect_nothing();
        let listed = desk.get(&server, &agents).await.expect(200).json();
        assert_eq!(
            listed[0],
            json!({"login": "anowak", "priority": 7, "capacity": 1_000_000, "open_chats": 0, "status": "OFF"})
        );
        assert_eq!(listed[1]["priority"], 100);
        let all = desk.get(&server, QUEUES).await.expect(200).json();
        assert_eq!(all.as_array().unwrap().last().unwrap()["agent_count"], 2);
        for _ in 0..2 {
            desk.call(&server, "DELETE", &first, json!({})).await.expect_nothing();
        }
        for (target, body, code, parameter) in [
            (&first, json!({"priority": 0}), Code::NotWithin, Some("priority")),
            (&format!("{agents}/nobody"), json!({}), Code::UnknownAgent, None),
            (&format!("{QUEUES}/99/agents/anowak"), json!({}), Code::UnknownQueue, None),
        ] {
            let refused = desk.call(&server, "PUT", target, body).await;
            let expected = (u64::from(code.number()), parameter.map(str::to_owned));
            assert_eq!(refusal(&refused), expected, "{target}");
        }
        assert_eq!(
            changes(&desk, &server, &format!("queue {id}")).await,
            ["queue.add", "queue.agent.add", "queue.agent.add", "queue.agent.remove"]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reasons_to_pause_are_seen_by_all_and_written_by_administrators() {
    on_both_engines(async |engine| {
        const PAUSES: &str = "/console/pauses";
        let server = Server::on(engine).await;
        let (desk, agent) = (administrator(&server).await, Desk::of(&server, "jkowalski").await);
        let name = json!({"name": "Szkolenie"});
        let added = desk.call(&server, "POST", PAUSES, name.clone()).await.expect(200).json();
        let id = added["pause_id"].as_i64().expect("a number");
        let refused = desk.call(&server, "POST", PAUSES, name).await;
        let taken = (u64::from(Code::PauseNameTaken.number()), Some("name".to_owned()));
        assert_eq!(refusal(&refused), taken);
        let target = format!("{PAUSES}/{id}");
        desk.call(&server, "PUT", &target, json!({"enabled": false})).await.expect_nothing();
        let listed = agent.get(&server, PAUSES).await.expect(200).json();
        let shown = json!({"pause_id": id, "name": "Szkolenie", "enabled": false});
        assert!(listed.as_array().unwrap().contains(&shown), "{listed}");
        assert_eq!(
            changes(&desk, &server, &format!("pause {id}")).await,
            ["pause.add", "pause.change"]
        );
    })
    .await;
}

/// Adds one who may list conversations, and gives its number and its password.
async fn shop(desk: &Desk, server: &Server) -> (i64, String) {
    let user = json!({"name": "shop", "methods": ["GET chats"], "expires_at": NOON + HOUR});
    let added = desk.call(server, "POST", USERS, user).await.expect(200).json();
    let id = added["id"].as_i64().expect("a number");
    (id, added["password"].as_str().expect("a password").to_owned())
}

async fn shown(desk: &Desk, server: &Server, id: i64) -> Value {
    let all = desk.get(server, USERS).await.expect(200).json();
    let found = all.as_array().unwrap().iter().find(|user| user["id"] == id);
    found.expect("it is listed").clone()
}

fn chats(password: &str) -> Request {
    get("/api/chats?limit=1").by("shop", password)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_user_is_added_changed_and_removed() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let desk = administrator(&server).await;
        let (id, password) = shop(&desk, &server).await;
        let expected = json!({
            "id": id, "name": "shop", "methods": ["GET chats"], "enabled": true, "created_at": NOON,
            "expires_at": NOON + HOUR, "last_used_at": null, "old_password": null,
        });
        assert_eq!(shown(&desk, &server, id).await, expected);
        server.call(chats(&password)).await.expect(200);
        let start = post(START).query(&[("chat_queue_id", "3")]).by("shop", &password);
        server.call(start.clone()).await.expect_fault(Code::Forbidden);
        let target = format!("{USERS}/{id}");
        let change =
            async |body: Value| desk.call(&server, "PUT", &target, body).await.expect(200).json();
        let changed = change(
            json!({"methods": ["POST chat_conversations/*", "GET chats"], "expires_at": ""}),
        )
        .await;
        assert_eq!(changed["methods"], json!(["POST chat_conversations/*", "GET chats"]));
        assert_eq!(changed["expires_at"], Value::Null);
        server.call(start.clone()).await.expect(200);
        assert_eq!(change(json!({"enabled": false})).await["enabled"], false);
        server.call(start.clone()).await.expect_fault(Code::Unauthorized);
        // What changes nothing leaves no line.
        change(json!({"enabled": false})).await;
        change(json!({})).await;
        change(json!({"enabled": true, "methods": "*"})).await;
        server.call(start.clone()).await.expect(200);
        desk.call(&server, "DELETE", &target, json!({})).await.expect_nothing();
        server.call(start).await.expect_fault(Code::Unauthorized);
        desk.call(&server, "DELETE", &target, json!({})).await.expect_fault(Code::UnknownApiUser);
        let told = changes(&desk, &server, "api_user shop").await;
        let (add, change, remove) = ("api_user.add", "api_user.change", "api_user.remove");
        assert_eq!(told, [add, change, change, change, remove]);
        let log = desk.get(&server, "/console/audit").await.expect(200).text();
        assert!(!log.contains("argon2") && !log.contains(&password), "{log}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_rotated_and_the_one_before_is_good_for_a_while() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let desk = administrator(&server).await;
        let (id, first) = shop(&desk, &server).await;
        let target = format!("{USERS}/{id}");
        desk.call(&server, "PUT", &target, json!({"expires_at": ""})).await.expect(200);
        let rotate = async |body: Value| {
            let target = format!("{target}/rotate_password");
            desk.call(&server, "POST", &target, body).await.expect(200).json()
        };
        let rotated = rotate(json!({"overlap_hours": 2})).await;
        let second = rotated["password"].as_str().expect("a password").to_owned();
        assert_ne!(second, first);
        assert_eq!(rotated["old_password_expires_at"], NOON + 2 * HOUR);
        for password in [&first, &second] {
            server.call(chats(password)).await.expect(200);
        }
        assert_eq!(shown(&desk, &server, id).await["old_password"]["expires_at"], NOON + 2 * HOUR);
        server.app.clock.advance(2 * HOUR);
        server.call(chats(&first)).await.expect_fault(Code::Unauthorized);
        server.call(chats(&second)).await.expect(200);
        assert_eq!(shown(&desk, &server, id).await["old_password"], Value::Null);
        // At once.
        let third = rotate(json!({"overlap_hours": 0})).await["password"].clone();
        server.call(chats(&second)).await.expect_fault(Code::Unauthorized);
        server.call(chats(third.as_str().expect("a password"))).await.expect(200);
        // The very same call again, for whoever lost the answer.
        let again = || {
            let request = post(format!("{target}/rotate_password")).header("Idempotency-Key", "k");
            server.call(desk.signed(request))
        };
        let fourth = again().await.expect(200).text();
        assert_eq!(again().await.expect(200).text(), fourth);
        let log = desk.get(&server, "/console/audit").await.expect(200).text();
        for password in [&first, &second, &fourth] {
            assert!(!log.contains(password.as_str()), "{log}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_api_user_can_not_be_is_refused_and_says_which_field_it_is() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let desk = administrator(&server).await;
        let (id, _) = shop(&desk, &server).await;
        let before = desk.get(&server, USERS).await.expect(200).json();
        let methods = desk.get(&server, "/console/api_methods").await.expect(200).json();
        assert!(methods.as_array().unwrap().contains(&json!("POST chat_conversations/start")));
        let with = |key: &str, value: Value| {
            let mut user = json!({"name": "other", "methods": ["*"]});
            user[key] = value;
            user
        };
        let add = ("POST", USERS.to_owned());
        let change = ("PUT", format!("{USERS}/{id}"));
        for ((method, target), body, code, parameter) in [
            (&add, with("name", json!("shop")), Code::ApiUserTaken, "name"),
            (&add, with("name", json!("a:b")), Code::ColonInUser, "name"),
            (&add, with("name", json!(" ")), Code::Missing, "name"),
            (&add, with("methods", json!([])), Code::Missing, "methods"),
            (
                &add,
                with("methods", json!(["GET chats", "GET cats"])),
                Code::UnknownMethod,
                "methods",
            ),
            (&add, with("methods", json!(["GET /console/queues"])), Code::UnknownMethod, "methods"),
            (&add, with("expires_at", json!(NOON)), Code::MomentOver, "expires_at"),
            (&add, with("expires_at", json!("2027-01-01")), Code::NotWithin, "expires_at"),
            (&change, json!({"expires_at": NOON - 1}), Code::MomentOver, "expires_at"),
            (&change, json!({"methods": ["GET cats"]}), Code::UnknownMethod, "methods"),
            (&change, json!({"enabled": "perhaps"}), Code::NotBoolean, "enabled"),
        ] {
            let refused = desk.call(&server, method, target, body.clone()).await;
            let expected = (u64::from(code.number()), Some(parameter.to_owned()));
            assert_eq!(refusal(&refused), expected, "{body}");
        }
        assert_eq!(desk.get(&server, USERS).await.expect(200).json(), before);
        // The nearest name is said, and the API's own envelope is what the vendor's is.
        let cats = desk.call(&server, "POST", USERS, with("methods", json!(["GET cats"]))).await;
        assert!(cats.text().contains("GET chats"), "{}", cats.text());
        let refused = server.call(post("/api/chats/queues").by("api_user", PASSWORD)).await;
        assert!(!refused.expect(400).text().contains("parameter\":"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_is_read_page_by_page() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let desk = administrator(&server).await;
        for number in 0..5 {
            let queue = json!({"name": format!("Kolejka {number}")});
            desk.call(&server, "POST", QUEUES, queue).await.expect(200);
        }
        let (mut subjects, mut cursor) = (Vec::new(), String::new());
        loop {
            let target = format!("/console/audit?actor=anowak&limit=2&cursor={cursor}");
            let page = desk.get(&server, &target).await.expect(200).json();
            let entries = page["result"].as_array().expect("a list");
            subjects.extend(entries.iter().map(|entry| entry["subject"].clone()));
            match page["next_cursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => break,
            }
        }
        assert_eq!(json!(subjects), json!(["queue 9", "queue 8", "queue 7", "queue 6", "queue 5"]));
        let none = desk.get(&server, "/console/audit?actor=anowak&date_to=2026-05-31").await;
        assert_eq!(none.expect(200).json()["result"], json!([]));
        let refused = desk.get(&server, "/console/audit?date_from=yesterday").await;
        let expected = (u64::from(Code::NotTime.number()), Some("date_from".to_owned()));
        assert_eq!(refusal(&refused), expected);
    })
    .await;
}
