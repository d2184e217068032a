//! What administrators set for queues, at both of their doors.

use rozmowa::agent::{self, Role};
use rozmowa::clause::{self, Kind, NewClause};
use rozmowa::http::Code;
use rozmowa::queue::settings::Texts;
use serde_json::{Value, json};

use crate::client::{get, put};
use crate::desk::Desk;
use crate::floor::Console;
use crate::server::Server;
use crate::store::{Engine, on_both_engines};

const QUEUE: &str = "/api/chats/queues/3";

async fn shown(server: &Server) -> Value {
    server.call(get(QUEUE)).await.expect(200).json()
}

async fn write_clause(server: &Server, name: &str) -> i64 {
    let (name, texts) = (name.to_owned(), Texts { pl: "x".to_owned(), en: "x".to_owned() });
    let new = NewClause { kind: Kind::Information, name, is_required: false, texts };
    server.act(move |tx, act| clause::write(tx, act, &new)).await.id
}

fn week(spans: &Value) -> Value {
    json!([spans, spans, spans, spans, spans, [], []])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_is_shown_and_what_is_not_given_stays() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let before = shown(&server).await;
        assert_eq!((&before["id"], &before["name"]), (&json!(3), &json!("Sklep")));
        assert_eq!((&before["enabled"], &before["no_answer_seconds"]), (&json!(true), &json!(60)));
        assert_eq!(before["strategies"], Value::Null);
        write_clause(&server, "rodo").await;
        let change = json!({
            "strategies": ["fewest_open", "priority"],
            "agent_capacity": 2,
            "no_answer_seconds": "90",
            "no_answer_pauses": false,
            "idle_close_seconds": 600,
            "idle_from": "last_client_message",
            "stop_assigning_hours": 24,
            "welcome_when": "assignment",
            "welcome": {"pl": "Dzień dobry!", "en": "Hello!"},
            "hours": {
                "week": week(&json!([{"from_minute": 540, "until_minute": 1020}])),
                "time_zone": "Europe/Warsaw",
                "special_days": [{"date": "2026-12-31", "name": "Sylwester", "spans": [{"from_minute": 540, "until_minute": 720}]}],
                "has_polish_holidays": true,
            },
            "origins": ["https://shop.example.org", "HTTP://Żółw.example:8080/"],
            "takes_unverified": false,
            "has_text_preview": true,
            "takes_files": false,
            "mail_after_seconds": 0,
            "opens_per_hour": 5,
            "answer_goal_seconds": 90,
            "clauses": ["rodo"],
        });
        server.call(put(QUEUE).json(&change)).await.expect_nothing();
        let after = shown(&server).await;
        let mut expected = before.clone();
        for (name, value) in change.as_object().expect("an object") {
            expected[name] = value.clone();
        }
        expected["no_answer_seconds"] = json!(90);
        expected["origins"] = json!(["https://shop.example.org", "http://xn--w-uga1v8h.example:8080"]);
        assert_eq!(after, expected);
        server.call(put(QUEUE).json(&json!({"name": "Sklep 2"}))).await.expect_nothing();
        expected["name"] = json!("Sklep 2");
        assert_eq!(shown(&server).await, expected);
        // What can be empty can be taken away.
        let nothing = json!({"strategies": [], "agent_capacity": "", "hours": "", "origins": [], "clauses": []});
        server.call(put(QUEUE).json(&nothing)).await.expect_nothing();
        for name in ["strategies", "agent_capacity", "hours", "origins", "clauses"] {
            expected[name] = before[name].clone();
        }
        assert_eq!(shown(&server).await, expected);
        let told = server.audited().await;
        assert_eq!(told.len(), 3);
        assert_eq!((&*told[0].0, &*told[0].1), ("queue.change", "queue 3"));
        assert_eq!(told[0].3["settings"]["no_answer_seconds"], 90);
        server.call(get("/api/chats/queues/99")).await.expect_fault(Code::UnknownQueue);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_field_by_field() {
    let server = Server::on(Engine::Sqlite).await;
    let before = shown(&server).await;
    let hours = |hours: Value| json!({"hours": hours});
    let day = |spans: Value| hours(json!({"week": week(&spans)}));
    let special = |day: Value| hours(json!({"week": week(&json!([])), "special_days": [day]}));
    for (change, code, name) in [
        (json!({"strategies": ["best"]}), Code::NotOneOf, "strategies"),
        (json!({"agent_capacity": 0}), Code::NotWithin, "agent_capacity"),
        (json!({"no_answer_seconds": -1}), Code::NotWithin, "no_answer_seconds"),
        (json!({"answer_goal_seconds": 4}), Code::NotWithin, "answer_goal_seconds"),
        (json!({"idle_from": "now"}), Code::NotOneOf, "idle_from"),
        (json!({"welcome": "Hello"}), Code::NotObject, "welcome"),
        (json!({"welcome": {"de": "Hallo"}}), Code::UnknownMember, "welcome"),
        (json!({"welcome": {"pl": "a".repeat(4_001)}}), Code::TooLong, "welcome[pl]"),
        (json!({"origins": ["https://a.example/path"]}), Code::NotOrigin, "origins"),
        (json!({"origins": ["javascript:alert(1)"]}), Code::NotOrigin, "origins"),
        (hours(json!({"week": [[], []]})), Code::NotWeek, "hours[week]"),
        (hours(json!({"weeks": []})), Code::UnknownMember, "hours"),
        (day(json!([{"from_minute": 1440, "until_minute": 60}])), Code::NotSpans, "hours[week][0]"),
        (day(json!([{"from_minute": 0, "until_minute": 1441}])), Code::NotSpans, "hours[week][0]"),
        (day(json!([{"from_minute": 540}])), Code::NotSpans, "hours[week][0]"),
        (
            hours(json!({"week": week(&json!([])), "time_zone": "Europe/Atlantis"})),
            Code::NotTimeZone,
            "hours[time_zone]",
        ),
        (special(json!({"date": "2026-02-30"})), Code::NotDate, "hours[special_days][0][date]"),
        (special(json!({"date": "24.12.2026"})), Code::NotDate, "hours[special_days][0][date]"),
        (special(json!({"day": "2026-12-24"})), Code::UnknownMember, "hours[special_days][0]"),
    ] {
        server.call(put(QUEUE).json(&change)).await.expect_fault_of(code, name);
        let polish = server.call(put(QUEUE).json(&change).in_polish()).await.expect(400);
        assert!(polish.text().contains("Parametr"), "{}", polish.text());
    }
    let many = json!({"no_answer_seconds": "x", "welcome_when": "x", "opens_per_hour": 0});
    let answer = server.call(put(QUEUE).json(&many)).await;
    answer.expect_faults(&[Code::NotWithin, Code::NotOneOf, Code::NotWithin]);
    assert_eq!(shown(&server).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_set_them_at_the_console_and_nobody_else() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let change = put("/console/queues/3").json(&json!({"no_answer_seconds": 30}));
        let strategies = put("/console/routing").json(&json!({"strategies": ["priority"]}));
        for role in [Role::Agent, Role::Supervisor] {
            let changes = agent::Changes { role: Some(role), ..agent::Changes::default() };
            server.act(move |tx, act| agent::change(tx, act, "anowak", &changes)).await;
            let console = Console::of(&server, "anowak").await;
            for request in [
                change.clone(),
                strategies.clone(),
                get("/console/queues/3"),
                get("/console/routing"),
            ] {
                console.call(&server, request).await.expect_fault(Code::RoleNeeded);
            }
        }
        let role = Some(Role::Administrator);
        let rise = agent::Changes { role, ..agent::Changes::default() };
        server.act(move |tx, act| agent::change(tx, act, "anowak", &rise)).await;
        let console = Console::of(&server, "anowak").await;
        let changed = console.call(&server, change).await.expect(200).json();
        assert_eq!(changed["no_answer_seconds"], 30);
        let found = console.call(&server, get("/console/queues/3")).await.expect(200).json();
        assert_eq!((&found, &changed), (&changed, &shown(&server).await));
        let all = json!({"strategies": ["account_manager", "priority", "last_agent", "fewest_open", "least_recently_assigned"]});
        assert_eq!(server.call(get("/api/chats/routing")).await.expect(200).json(), all);
        console.call(&server, strategies).await.expect_nothing();
        let one = console.call(&server, get("/console/routing")).await.expect(200).json();
        assert_eq!(one, json!({"strategies": ["priority"]}));
        let none = put("/api/chats/routing").json(&json!({"strategies": []}));
        server.call(none).await.expect_nothing();
        assert_eq!(server.call(get("/api/chats/routing")).await.expect(200).json(), all);
        assert_eq!(server.audited().await.last().expect("one").0, "setting.change");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clauses_that_were_never_written_are_refused_by_name() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let desk = Desk::with(&server, "anowak", Role::Administrator).await;
        let disabled = write_clause(&server, "rodo").await;
        server.act(move |tx, act| clause::enable(tx, act, disabled, false)).await;
        let before = shown(&server).await;
        let change = json!({"name": "Inna", "clauses": ["brak", "rodo", "brak też"]});
        let told = desk.call(&server, "PUT", "/console/queues/3", change.clone()).await;
        let told = told.expect(404).json();
        for (fault, clause) in
            told["errors"].as_array().expect("faults").iter().zip(["brak", "brak też"])
        {
            assert_eq!(fault["parameter"], "clauses");
            assert!(fault["message"].as_str().expect("a text").contains(clause), "{fault}");
        }
        let nobodys = json!({"external_chatbot_id": "0192f8a0-0000-7000-8000-000000000000"});
        let told = desk.call(&server, "PUT", "/console/queues/3", nobodys).await.expect(404).json();
        assert_eq!(told["errors"][0]["parameter"], "external_chatbot_id");
        let api = put(QUEUE).json(&change);
        for (request, word) in
            [(api.clone(), "Parameter clauses"), (api.in_polish(), "Parametr clauses")]
        {
            let refused = server.call(request).await;
            let refused =
                refused.expect_faults(&[Code::UnknownClauseName, Code::UnknownClauseName]);
            assert!(refused.text().contains(word), "{}", refused.text());
        }
        assert_eq!(shown(&server).await, before);
        let elsewhere = put("/api/chats/queues/99").json(&change);
        server.call(elsewhere).await.expect_fault(Code::UnknownQueue);
        let known = json!({"clauses": ["rodo"]});
        server.call(put(QUEUE).json(&known)).await.expect_nothing();
        assert_eq!(shown(&server).await["clauses"], known["clauses"]);
        let none = desk.call(&server, "PUT", "/console/queues/3", json!({"clauses": []})).await;
        assert_eq!(none.expect(200).json()["clauses"], json!([]));
    })
    .await;
}
