//! Agents: the documented methods, and how they are administered.

use rozmowa::account::password::Hashes;
use rozmowa::http::Code;
use serde_json::{Value, json};

use crate::client::{Request, get, post, put};
use crate::server::{PASSWORD, Plan, Server};
use crate::store::{Engine, on_both_engines};

/// No login can be any of these, or at least nobody's is.
const NOBODY: [&str; 5] = ["nobody", "JKOWALSKI", "a%00b", "%0A", "1"];

fn full() -> Value {
    json!({
        "name": "Ewa", "surname": "Żółć", "login": "e.zolc", "password": "ZAŻÓŁĆ gęślą", "number": "0101",
        "email": "ewa@example.org", "language": "en", "active": false, "roles": ["agent", "supervisor"],
        "capacity": 7,
    })
}

fn least(login: &str) -> Value {
    json!({"name": "Ewa", "surname": "Nowa", "login": login, "password": "x"})
}

fn target(login: &str) -> String {
    format!("/api/agents/{login}")
}

/// What the store has and no documented answer shows.
async fn stored(server: &Server, login: &'static str) -> rozmowa::agent::Agent {
    server.write(move |tx| rozmowa::agent::find(tx, login)).await.expect("the agent is known")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_shown_with_the_documented_keys_in_their_order() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let added = server.call(post("/api/agents").json(&full())).await.expect(200);
        assert_eq!(added.text(), r#"{"agent_id":"4","agent_login":"e.zolc"}"#);
        let shown = server.call(get(target("e.zolc"))).await.expect(200);
        let expected = concat!(
            r#"{"agent_id":4,"login":"e.zolc","name":"Ewa","surname":"Żółć","email":"ewa@example.org","#,
            r#""active":false,"number":"0101","outbound_mode":null,"group_id":null}"#
        );
        assert_eq!(shown.text(), expected);
        let none = server.call(get(target("jkowalski"))).await.expect(200);
        let expected = concat!(
            r#"{"agent_id":1,"login":"jkowalski","name":"","surname":"","email":"","#,
            r#""active":true,"number":"","outbound_mode":null,"group_id":null}"#
        );
        assert_eq!(none.text(), expected);
        let details = server.call(get("/api/agents?include_details=1&limit=1")).await.json();
        let more = json!({"roles": ["agent"], "capacity": 1_000_000, "open_chats": 0, "language": "pl"});
        for (name, value) in more.as_object().unwrap() {
            assert_eq!(&details[0][name], value, "{name}");
        }
        let one = server.call(get(target("jkowalski")).query(&[("include_details", "1")])).await;
        assert_eq!(one.json(), details[0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_are_listed_by_number_a_page_at_a_time() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        for number in 0..100 {
            let new = rozmowa::agent::NewAgent {
                login: format!("agent{number}"),
                ..rozmowa::agent::NewAgent::default()
            };
            server.act(move |tx, act| rozmowa::agent::add(tx, act, &new)).await;
        }
        for (query, from, to) in [
            (&[][..], 1, 100),
            (&[("limit", "2")][..], 1, 2),
            (&[("limit", "2"), ("offset", "2")], 3, 4),
            (&[("limit", "1000"), ("offset", "3")], 4, 103),
            (&[("offset", "101")], 102, 103),
            (&[("limit", "0")], 1, 0),
            (&[("offset", "200")], 1, 0),
        ] {
            let listed = server.call(get("/api/agents").query(query)).await.expect(200).json();
            let listed = listed.as_array().expect("a bare array");
            let ids: Vec<_> =
                listed.iter().map(|agent| agent["agent_id"].as_i64().unwrap()).collect();
            assert_eq!(ids, (from..=to).collect::<Vec<_>>(), "{query:?}");
        }
        let one = server.call(get("/api/agents").query(&[("limit", "1")])).await.json();
        assert_eq!(one[0], server.call(get(target("jkowalski"))).await.json());
        let wrong = get("/api/agents").query(&[("limit", "x"), ("offset", "-1")]);
        server.call(wrong).await.expect_faults(&[Code::NotCount, Code::NotCount]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_added_with_all_that_was_given_or_with_the_defaults() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.call(post("/api/agents").json(&full())).await.expect(200);
        let agent = stored(&server, "e.zolc").await;
        assert_eq!(agent.language.tag(), "en");
        assert_eq!((agent.role as i64, agent.capacity, agent.open_chats), (1, 7, 0));
        assert!(!agent.is_active);
        let form = [
            ("name", "Jan"),
            ("surname", "Nowy"),
            ("login", "jnowy@sklep"),
            ("password", "x"),
            ("roles[]", "agent"),
            ("number", ""),
        ];
        let added = server.call(post("/api/agents").form(&form)).await.expect(200).json();
        assert_eq!(added, json!({"agent_id": "5", "agent_login": "jnowy@sklep"}));
        let agent = stored(&server, "jnowy@sklep").await;
        assert_eq!((agent.language.tag(), agent.role as i64, agent.capacity), ("pl", 0, 3));
        assert!(agent.is_active);
        assert_eq!(agent.number, "");
        let highest = json!({"roles": ["administrator", "agent"]});
        server.call(put(target("jnowy@sklep")).json(&highest)).await.expect_nothing();
        assert_eq!(stored(&server, "jnowy@sklep").await.role as i64, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_kept_as_a_hash_alone() {
    let server = Server::on(Engine::Sqlite).await;
    server.call(post("/api/agents").json(&full())).await.expect(200);
    let hash = async |server: &Server| {
        let text = "SELECT password_hash FROM agent WHERE login = 'e.zolc'";
        let statement = rozmowa_db::Stmt::composed("hash".to_owned(), text.to_owned());
        server.write(move |tx| Ok(tx.query_one(&statement, &[], |row| row.get::<String>(0))?)).await
    };
    let verify = async |password: &str, hash: &str| {
        let hashes = Hashes { newest: hash.to_owned(), old: None };
        let found = server.app.gate.hasher().verify(password.to_owned(), Some(hashes)).await;
        found.unwrap().is_some()
    };
    let first = hash(&server).await;
    assert!(first.starts_with("$argon2id$"), "{first}");
    assert!(verify("ZAŻÓŁĆ gęślą", &first).await);
    server.call(put(target("e.zolc")).json(&json!({"password": " new "}))).await.expect_nothing();
    let second = hash(&server).await;
    assert!(verify(" new ", &second).await);
    assert_ne!(first.split('$').nth(4), second.split('$').nth(4), "each has a salt of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_parameters_are_told_together_and_cost_no_hash() {
    let server = Server::on(Engine::Sqlite).await;
    server.call(get("/api/agents")).await.expect(200);
    let hashes = server.app.gate.hasher().hashes();
    let nothing = server.call(post("/api/agents").json(&json!({}))).await;
    nothing.expect_faults(&[Code::Missing; 4]);
    let mut wrong = full();
    for (name, value) in [
        ("name", json!(" ")),
        ("login", json!("..")),
        ("password", json!(" ")),
        ("number", json!("1".repeat(65))),
        ("email", json!("ewa")),
        ("language", json!("de")),
        ("active", json!("maybe")),
        ("roles", json!(["boss"])),
        ("capacity", json!(1_000_001)),
    ] {
        wrong[name] = value;
    }
    let codes = [
        Code::Missing,
        Code::NotLogin,
        Code::BlankText,
        Code::TooLong,
        Code::NotEmail,
        Code::NotOneOf,
        Code::NotBoolean,
        Code::NotOneOf,
        Code::NotWithin,
    ];
    server.call(post("/api/agents").json(&wrong)).await.expect_faults(&codes);
    let changed = server.call(put(target("anowak")).json(&wrong)).await;
    changed.expect_faults(&codes[2..]);
    for login in ["", ".", "a b", "a/b", "-a", "a:b", "zażółć?", &"a".repeat(256)] {
        let answer = server.call(post("/api/agents").json(&least(login))).await.expect(400);
        assert!(answer.text().contains("login"), "{login}");
    }
    let nobodys = put(target("nobody")).json(&json!({"password": "x"}));
    server.call(nobodys).await.expect_fault(Code::UnknownAgent);
    assert_eq!(server.app.gate.hasher().hashes(), hashes);
    server.call(post("/api/agents").json(&least("żółć.1"))).await.expect(200);
    assert_eq!(server.app.gate.hasher().hashes(), hashes + 1);
    server.call(get("/api/agents/%C5%BC%C3%B3%C5%82%C4%87.1")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_one_agents_however_many_add_it_at_once() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let taken = server.call(post("/api/agents").json(&least("anowak"))).await;
        let taken = taken.expect_fault(Code::LoginTaken);
        assert!(taken.text().contains("anowak"), "{}", taken.text());
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let mut wire = server.wire().await;
            tasks.spawn(
                async move { wire.call(&post("/api/agents").json(&least("new"))).await.status },
            );
        }
        let mut statuses = tasks.join_all().await;
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409]);
        let lines = server.audited().await;
        assert_eq!(lines.len(), 1, "{lines:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_added_again_under_its_key_is_added_once() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let call = post("/api/agents").json(&full()).key("a");
        let first = server.call(call.clone()).await.expect(200);
        assert_eq!(server.call(call).await.expect(200).text(), first.text());
        assert_eq!(server.audited().await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_changes_and_the_rest_stays() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.call(post("/api/agents").json(&full())).await.expect(200);
        let mut expected = server.call(get(target("e.zolc"))).await.json();
        for (given, name, value) in [
            (json!({"name": "Anna"}), "name", json!("Anna")),
            (json!({"surname": "Nowak"}), "surname", json!("Nowak")),
            (json!({"email": "anna@example.org"}), "email", json!("anna@example.org")),
            (json!({"email": null}), "email", json!("anna@example.org")),
            (json!({"email": ""}), "email", json!("")),
            (json!({"number": "7"}), "number", json!("7")),
            (json!({"number": ""}), "number", json!("")),
            (json!({"active": true}), "active", json!(true)),
            (json!({"active": "0"}), "active", json!(false)),
            (json!({"name": "", "surname": " "}), "name", json!("Anna")),
            (json!({"login": "other"}), "login", json!("e.zolc")),
            (json!({}), "agent_id", json!(4)),
        ] {
            server.call(put(target("e.zolc")).json(&given)).await.expect_nothing();
            expected[name] = value;
            assert_eq!(server.call(get(target("e.zolc"))).await.json(), expected, "{given}");
        }
        server.call(put(target("e.zolc"))).await.expect_nothing();
        let agent = stored(&server, "e.zolc").await;
        assert_eq!((agent.language.tag(), agent.role as i64, agent.capacity), ("en", 1, 7));
        let rest = json!({"language": "pl", "roles": "agent", "capacity": "1"});
        server.call(put(target("e.zolc")).json(&rest)).await.expect_nothing();
        let agent = stored(&server, "e.zolc").await;
        assert_eq!((agent.language.tag(), agent.role as i64, agent.capacity), ("pl", 0, 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_written_down_once_and_never_with_a_secret() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.call(post("/api/agents").json(&full())).await.expect(200);
        let mut view = json!({
            "agent_id": 4, "login": "e.zolc", "name": "Ewa", "surname": "Żółć", "email": "ewa@example.org",
            "number": "0101", "language": "en", "role": "supervisor", "capacity": 7, "active": false,
        });
        let line = |change: &str, was: &Value, becomes: &Value| {
            (change.to_owned(), "agent e.zolc".to_owned(), was.clone(), becomes.clone())
        };
        let mut expected = vec![line("agent.add", &Value::Null, &view)];
        // These change nothing.
        for given in [json!({}), json!({"name": "Ewa", "active": false, "roles": ["supervisor"]})] {
            server.call(put(target("e.zolc")).json(&given)).await.expect_nothing();
        }
        server.call(put(target("nobody")).json(&json!({"name": "A"}))).await.expect(404);
        for (given, name, value) in [
            (json!({"name": "Anna"}), "name", json!("Anna")),
            (json!({"capacity": 1}), "capacity", json!(1)),
            (json!({"roles": ["administrator"]}), "role", json!("administrator")),
            (json!({"active": true}), "active", json!(true)),
        ] {
            server.call(put(target("e.zolc")).json(&given)).await.expect_nothing();
            let was = view.clone();
            view[name] = value;
            expected.push(line("agent.change", &was, &view));
        }
        server.call(put(target("e.zolc")).json(&json!({"password": "tajne"}))).await.expect_nothing();
        let mut with_password = view.clone();
        with_password["password"] = json!("changed");
        expected.push(line("agent.change", &view, &with_password));
        // Nor do these belong there.
        server.call(post("/api/agents/e.zolc/login")).await.expect_nothing();
        server.assign(&server.start(&[]).await, "e.zolc").await.expect_nothing();
        assert_eq!(server.audited().await, expected);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_there_is_not_found() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        for login in NOBODY {
            let calls = [
                get(target(login)),
                get(format!("/api/agents/{login}/status")),
                put(target(login)),
                post(format!("/api/agents/{login}/login")),
                post(format!("/api/agents/{login}/logout")),
                post(format!("/api/agents/{login}/pause")),
                post(format!("/api/agents/{login}/free")),
            ];
            for call in calls {
                server.call(call).await.expect_fault(Code::UnknownAgent);
            }
        }
        server.call(get("/api/agents/%ff")).await.expect(400);
        server.call(get(target(&"a".repeat(5_000)))).await.expect_fault(Code::UnknownAgent);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_method_is_permitted_by_its_own_name() {
    let server = Plan::on(Engine::Sqlite).start().await;
    server.add_api_user("shift", "GET agents/:login/status\nPOST agents/:login/*").await;
    let by = |request: Request| request.by("shift", PASSWORD);
    server.call(by(post("/api/agents/anowak/login"))).await.expect_nothing();
    server.call(by(get("/api/agents/anowak/status"))).await.expect(200);
    for call in
        [get("/api/agents"), get(target("anowak")), post("/api/agents"), put(target("anowak"))]
    {
        server.call(by(call)).await.expect_fault(Code::Forbidden);
    }
}
