//! The envelope of every error, in both languages.

use serde_json::json;

use rozmowa::agent::{self, NewAgent};
use rozmowa::http::Code;
use rozmowa::pause;

use crate::client::{Answer, Request, get, post, put};
use crate::server::{Plan, START, Server};
use crate::store::{Engine, on_both_engines};

const MESSAGE: &str = "/api/chat_conversations/019769d1-0000-7000-8000-000000000000/message";

/// A call that goes wrong, with the status and the code that integrators rely on.
fn wrong_calls(closed: &str, waiting: &str) -> Vec<(u16, u32, Request)> {
    let waiting = format!("/api/chat_conversations/{waiting}");
    let new_agent = |login: &str| {
        let names = json!({"name": "A", "surname": "B", "login": login, "password": "c"});
        post("/api/agents").json(&names)
    };
    let start = || post(START).query(&[("chat_queue_id", "3")]);
    let to = |method: &str| post(format!("/api/chat_conversations/{closed}/{method}"));
    let chats = |name, value| get("/api/chats").query(&[(name, value)]);
    let bot = "019769d1-0000-7000-8000-000000000000";
    vec![
        (400, 100_101, post(START).body("application/json", "{\"chat_queue_id\": ")),
        (400, 100_102, post(START).body("application/json", "[3]")),
        (400, 100_103, get("/api/chats?user_login=%ff")),
        (413, 100_105, start().body("application/json", vec![b' '; 70_000])),
        (415, 100_106, start().body("text/plain", "a")),
        (415, 100_106, start().body("application/json; charset=iso-8859-2", "{}")),
        (415, 100_106, start().body("multipart/form-data; boundary=x", "--x--")),
        (400, 100_107, start().form(&[("a[b][c][d][e][f][g][h][i][j][k]", "1")])),
        (400, 100_201, post(format!("{START}?chat_queue_id=3&chat_queue_id=4"))),
        (400, 100_202, post(START)),
        (400, 100_203, post(START).query(&[("chat_queue_id", "Sklep")])),
        (400, 100_204, chats("include_messages", "yes")),
        (400, 100_205, start().form(&[("client_name[]", "Jan")])),
        (400, 100_206, start().form(&[("client_name", &"a".repeat(256))])),
        (400, 100_207, start().form(&[("client_name", "a\u{1b}b")])),
        (400, 100_208, start().form(&[("client_email", "jan")])),
        (400, 100_209, chats("conversation_id", "1")),
        (400, 100_210, chats("date_from", "now")),
        (400, 100_211, chats("status", "OPEN")),
        (400, 100_212, chats("cursor", "x")),
        (400, 100_213, to("message").form(&[("text", " ")])),
        (400, 100_214, chats("limit", "-1")),
        (400, 100_220, put("/api/agents/anowak").json(&json!({"capacity": 0}))),
        (400, 100_221, put("/api/agents/anowak").json(&json!({"roles": vec!["agent"; 11]}))),
        (400, 100_222, put("/api/agents/anowak").form(&[("roles[a]", "agent")])),
        (400, 100_223, new_agent("a/b")),
        (400, 100_301, start().key("with a space")),
        (401, 200_101, start().anonymous()),
        (403, 200_102, start().by("api_reader", "api_pass")),
        (404, 300_101, get("/api/nothing")),
        (404, 300_101, get("/nothing").anonymous()),
        (405, 300_102, Request::new("DELETE", "/api/chats")),
        (404, 300_103, post(MESSAGE).form(&[("text", "a")])),
        (404, 300_104, post(START).query(&[("chat_queue_id", "9")])),
        (404, 300_105, to("stop").form(&[("external_chatbot_id", bot)])),
        (404, 300_106, to("reply").form(&[("text", "a"), ("user_login", "nobody")])),
        (404, 300_110, put("/api/pauses/9").form(&[("enabled", "false")])),
        (409, 400_101, post(START).query(&[("chat_queue_id", "4")])),
        (409, 400_102, to("message").form(&[("text", "a")])),
        (409, 400_103, to("reply").form(&[("text", "a"), ("user_login", "retired")])),
        (409, 400_110, post(format!("{waiting}/assign")).form(&[("user_login", "busy")])),
        (
            409,
            400_110,
            post(format!("{waiting}/reply")).form(&[("user_login", "busy"), ("text", "a")]),
        ),
        (409, 400_111, new_agent("anowak")),
        (409, 400_112, post("/api/chats/queues").form(&[("name", "Sklep")])),
        (409, 400_112, post("/api/chats/queues").form(&[("name", "Inna"), ("id", "3")])),
        (409, 400_112, put("/api/chats/queues/4").form(&[("name", "Sklep")])),
        (409, 400_113, post("/api/agents/anowak/free")),
        (409, 400_114, post("/api/agents/anowak/pause").form(&[("pause_id", "2")])),
        (409, 400_115, post("/api/pauses").form(&[("name", "Kawa")])),
        (409, 400_115, put("/api/pauses/2").form(&[("name", "Kawa")])),
    ]
}

async fn with_what_can_go_wrong(engine: Engine) -> (Server, String, String) {
    let server = Plan::on(engine).configured("limits.body_bytes = 65536").start().await;
    server.act(|tx, act| rozmowa::queue::set_enabled(tx, act, 4, false)).await;
    server.execute("UPDATE agent SET is_active = 0 WHERE login = 'retired'").await;
    let closed = server.start(&[]).await;
    server.stop(&closed).await;
    let waiting = server.start(&[]).await;
    let busy = NewAgent { login: "busy".to_owned(), capacity: 1, ..NewAgent::default() };
    server.act(move |tx, act| agent::add(tx, act, &busy)).await;
    server.assign(&server.start(&[]).await, "busy").await.expect_nothing();
    for name in ["Kawa", "Obiad"] {
        server.act(move |tx, act| pause::add(tx, act, name)).await;
    }
    server.act(|tx, act| pause::change(tx, act, 2, None, Some(false))).await;
    (server, closed, waiting)
}

fn is_enveloped(answer: &Answer, language: &str) {
    let envelope = answer.json();
    let keys: Vec<_> = envelope.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["errors", "request_id"]);
    let id = envelope["request_id"].as_str().expect("a text");
    assert_eq!(id.len(), 13, "{id}");
    assert!(id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{id}");
    assert_eq!(answer.header("X-Request-Id"), Some(id));
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
    assert_eq!(answer.header("Content-Language"), Some(language));
    for error in envelope["errors"].as_array().expect("a list") {
        let keys: Vec<_> = error.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["code", "message"]);
        let message = error["message"].as_str().unwrap();
        assert!(message.ends_with('.') && !message.contains('{'), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_comes_in_the_envelope_in_english_and_in_polish() {
    on_both_engines(async |engine| {
        let (server, closed, waiting) = with_what_can_go_wrong(engine).await;
        let before = server.count().await;
        for (status, code, request) in wrong_calls(&closed, &waiting) {
            let english = server.call(request.clone()).await;
            let polish = server.call(request.in_polish()).await;
            for (answer, language) in [(&english, "en"), (&polish, "pl")] {
                assert_eq!(answer.status, status, "{code} {}", answer.text());
                assert_eq!(answer.faults().len(), 1, "{}", answer.text());
                assert_eq!(answer.faults()[0].0, code, "{}", answer.text());
                is_enveloped(answer, language);
            }
            assert_ne!(english.faults()[0].1, polish.faults()[0].1, "{code} is translated");
            assert_ne!(english.json()["request_id"], polish.json()["request_id"]);
        }
        assert_eq!(server.count().await, before, "what went wrong changed nothing");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_better_liked_language_is_spoken() {
    let server = Server::on(Engine::Sqlite).await;
    for (header, language) in [
        ("pl", "pl"),
        ("pl-PL", "pl"),
        ("pl,en;q=0.5", "pl"),
        ("en;q=0.8, pl;q=0.9", "pl"),
        ("pl;q=0.2, en;q=0.9", "en"),
        ("de-DE, de;q=0.9", "en"),
        ("*", "en"),
        ("", "en"),
    ] {
        let answer = server.call(post(START).header("Accept-Language", header)).await;
        is_enveloped(&answer.expect(400), language);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_faults_of_a_call_are_told_at_once() {
    let server = Server::on(Engine::Sqlite).await;
    let given = json!({"client_email": "jan", "customer_id": "x", "client_name": "a\tb"});
    let call = post(START).query(&[("client_id", "1")]).json(&given);
    let expected = [Code::Missing, Code::ControlCharacter, Code::NotEmail, Code::NotInteger];
    let answer = server.call(call.clone()).await.expect_faults(&expected);
    is_enveloped(&answer, "en");
    is_enveloped(&server.call(call.in_polish()).await.expect_faults(&expected), "pl");
    let chats = get("/api/chats").query(&[("limit", "x"), ("date_to", "x")]);
    server.call(chats).await.expect_faults(&[Code::NotCount, Code::NotTime]);
    let twice = post(format!("{START}?chat_queue_id=3&chat_queue_id=4"))
        .json(&json!({"client_email": "x"}));
    server.call(twice).await.expect_faults(&[Code::Contradiction, Code::NotEmail]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_beside_something_unreadable_is_not_called_missing() {
    let server = Server::on(Engine::Sqlite).await;
    for target in ["chat_queue_id=3&client_name=%ff", "client_name=%ff&chat_queue_id=3"] {
        let answer = server.call(post(format!("{START}?{target}"))).await;
        answer.expect_faults(&[Code::MalformedForm]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_method_takes_is_ignored_even_when_it_contradicts_itself() {
    let server = Server::on(Engine::Sqlite).await;
    let name = "x".repeat(5_000);
    let target = format!("{START}?chat_queue_id=3&{name}=1&{name}=2&{name}[a]=3");
    assert_eq!(server.call(post(target)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_method_is_told_the_right_ones() {
    let server = Server::on(Engine::Sqlite).await;
    for (method, target, allowed) in [
        ("GET", START, "POST"),
        ("DELETE", START, "POST"),
        ("POST", "/api/chats", "GET,HEAD"),
        ("PUT", "/api/chats/queues", "GET,HEAD,POST"),
        ("PATCH", "/api/chat_conversations/x/stop", "POST"),
        ("POST", "/health/live", "GET,HEAD"),
    ] {
        let answer = server.call(Request::new(method, target)).await;
        let answer = answer.expect_fault(Code::MethodNotAllowed);
        assert_eq!(answer.header("Allow"), Some(allowed), "{method} {target}");
        is_enveloped(&answer, "en");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_refused_for_what_they_accept() {
    let server = Server::on(Engine::Sqlite).await;
    for accept in ["text/html", "text/html, image/gif, *; q=.2", "application/xml", "nonsense"] {
        let call = post(START).query(&[("chat_queue_id", "3")]).header("Accept", accept);
        let answer = server.call(call).await.expect(200);
        assert_eq!(answer.header("Content-Type"), Some("application/json"));
        let wrong = server.call(post(START).header("Accept", accept)).await.expect(400);
        is_enveloped(&wrong, "en");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn success_carries_a_request_id_too() {
    let server = Server::on(Engine::Sqlite).await;
    let answer = server.call(get("/api/chats")).await.expect(200);
    assert_eq!(answer.header("X-Request-Id").map(str::len), Some(13));
    assert_eq!(answer.header("Cache-Control"), Some("no-store"));
    assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"));
    assert_eq!(answer.header("Content-Security-Policy"), Some("frame-ancestors 'none'"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_gone_is_told_without_its_cause() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.start(&[]).await;
        let db = server.app.db.clone();
        tokio::task::spawn_blocking(move || db.close()).await.unwrap();
        let start = || post(START).query(&[("chat_queue_id", "3")]);
        for (call, language) in [
            (start(), "en"),
            (start().in_polish(), "pl"),
            (get("/api/chats"), "en"),
            // Credentials can't be checked either.
            (start().by("somebody", "else"), "en"),
        ] {
            let answer = server.call(call).await.expect_fault(Code::StoreUnavailable);
            let seconds: u32 = answer.header("Retry-After").expect("a time").parse().unwrap();
            assert!(seconds > 0);
            is_enveloped(&answer, language);
            assert!(!answer.text().contains("closed"), "{}", answer.text());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_of_ours_is_a_500_that_says_nothing_more() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.execute("DROP TABLE event").await;
        let answer = server.call(post(START).query(&[("chat_queue_id", "3")])).await;
        let answer = answer.expect_fault(Code::Internal);
        is_enveloped(&answer, "en");
        assert!(!answer.text().contains("event"), "{}", answer.text());
        assert_eq!(server.count().await, 0, "and nothing of it stays");
    })
    .await;
}
