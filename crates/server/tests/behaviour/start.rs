//! `start`: whatever a client sends that works against the vendor.

use rozmowa::http::Code;
use serde_json::{Value, json};

use crate::client::{Answer, Request, Wire, post};
use crate::server::{START, Server, started};
use crate::store::{Engine, on_both_engines};

const AUTHORIZATION: &str = "Authorization: Basic YXBpX3VzZXI6YXBpX3Bhc3M=\r\n";

async fn exactly(wire: &mut Wire, request: &str) -> Answer {
    wire.send(request.as_bytes()).await;
    wire.answer().await
}

fn is_started(answer: &Answer) {
    let answer = answer.clone().expect(200);
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
    let Value::Object(object) = answer.json() else { panic!("no object: {}", answer.text()) };
    assert_eq!(object.keys().collect::<Vec<_>>(), ["conversation_id"], "nothing else is in it");
    let id = object["conversation_id"].as_str().expect("a text");
    assert_eq!(uuid::Uuid::try_parse(id).expect("a UUID").hyphenated().to_string(), id);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_vendors_own_samples_start_a_conversation_byte_for_byte() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let target = "/api/chat_conversations/start?chat_queue_id=3&client_id=1234";
        let curl = format!(
            "POST {target} HTTP/1.1\r\nHost: your-system-name.thulium.com\r\n{AUTHORIZATION}\
             User-Agent: curl/7.88.1\r\nAccept: */*\r\nContent-type: application/json\r\nContent-Length: 0\r\n\r\n"
        );
        let php = format!(
            "POST {target} HTTP/1.1\r\nHost: your-system-name.thulium.com\r\n{AUTHORIZATION}\
             Accept: */*\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 0\r\n\r\n"
        );
        // Its empty body comes without a length.
        let java = format!(
            "POST {target} HTTP/1.1\r\nHost: your-system-name.thulium.com\r\n{AUTHORIZATION}\
             Accept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2\r\nConnection: keep-alive\r\n\r\n"
        );
        let mut wire = server.wire().await;
        for request in [curl, php, java] {
            is_started(&exactly(&mut wire, &request).await);
        }
        assert_eq!(server.count().await, 3, "each call starts a conversation of its own");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_parameters_is_told_which_one_is_missing() {
    let server = Server::on(Engine::Sqlite).await;
    let httpie = format!(
        "POST {START} HTTP/1.1\r\nHost: your-system-name.thulium.com\r\nUser-Agent: HTTPie/3.2.1\r\n\
         Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\n{AUTHORIZATION}Content-Length: 0\r\n\r\n"
    );
    let answer = exactly(&mut server.wire().await, &httpie).await;
    answer.expect_fault_of(Code::Missing, "chat_queue_id");
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_travel_in_query_json_and_form_alike() {
    let server = Server::on(Engine::Sqlite).await;
    let id = ("client_id", "77");
    let requests = [
        post(START).query(&[("chat_queue_id", "3"), id]),
        post(START).json(&json!({"chat_queue_id": 3, "client_id": 77})),
        post(START).json(&json!({"chat_queue_id": "3", "client_id": "77"})),
        post(START).form(&[("chat_queue_id", "3"), id]),
        post(START).query(&[("chat_queue_id", "3")]).json(&json!({"client_id": "77"})),
        post(START).query(&[id]).form(&[("chat_queue_id", "3")]),
        // The same in two places is no contradiction.
        post(START).query(&[("chat_queue_id", "3"), id]).json(&json!({"chat_queue_id": 3})),
        post(START)
            .body("Application/JSON ; Charset=\"UTF-8\"", r#"{"chat_queue_id":3,"client_id":77}"#),
        post(START).body(
            "application/x-www-form-urlencoded; charset=utf-8",
            "client_id=77&chat_queue_id=3",
        ),
    ];
    for request in &requests {
        is_started(&server.call(request.clone()).await);
    }
    assert_eq!(server.found(&[id]).await.len(), requests.len(), "all of them meant the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn json_null_is_as_good_as_absent() {
    let server = Server::on(Engine::Sqlite).await;
    let given =
        json!({"chat_queue_id": 3, "client_id": null, "client_name": null, "customer_id": null});
    started(&server.call(post(START).json(&given)).await);
    let answer = server.call(post(START).json(&json!({"chat_queue_id": null}))).await;
    answer.expect_fault_of(Code::Missing, "chat_queue_id");
    let mixed = post(START).query(&[("chat_queue_id", "3")]).json(&json!({"chat_queue_id": null}));
    started(&server.call(mixed).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_value_is_as_good_as_absent() {
    let server = Server::on(Engine::Sqlite).await;
    let given =
        [("chat_queue_id", "3"), ("client_id", ""), ("client_email", " "), ("customer_id", "")];
    started(&server.call(post(START).query(&given)).await);
    started(&server.call(post(START).query(&given).json(&json!({"client_id": "77"}))).await);
    assert_eq!(server.found(&[("client_id", "77")]).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_in_json_keeps_all_its_digits() {
    let server = Server::on(Engine::Sqlite).await;
    for digits in ["18446744073709551615", "61109010140000071219812874", "1.10"] {
        let body = format!("{{\"chat_queue_id\": 3, \"client_id\": {digits}}}");
        started(&server.call(post(START).body("application/json", body)).await);
        assert_eq!(server.found(&[("client_id", digits)]).await.len(), 1, "{digits}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contradiction_between_two_places_is_named() {
    let server = Server::on(Engine::Sqlite).await;
    let query = || post(START).query(&[("chat_queue_id", "3"), ("client_id", "1234")]);
    let requests: [Request; 3] = [
        query().json(&json!({"client_id": "1235"})),
        query().form(&[("client_id", "1235")]),
        post(format!("{START}?chat_queue_id=3&client_id=1234&client_id=1235")),
    ];
    for request in requests {
        server.call(request).await.expect_fault_of(Code::Contradiction, "client_id");
    }
    assert_eq!(server.count().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_and_disabled_queues_are_refused() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let to = |queue| post(START).query(&[("chat_queue_id", queue)]);
        server.call(to("5")).await.expect_fault(Code::UnknownQueue);
        server.call(to("9007199254740991")).await.expect_fault(Code::UnknownQueue);
        server.act(|tx, act| rozmowa::queue::set_enabled(tx, act, 3, false)).await;
        server.call(to("3")).await.expect_fault(Code::QueueDisabled);
        started(&server.call(to("4")).await);
        server.act(|tx, act| rozmowa::queue::set_enabled(tx, act, 3, true)).await;
        started(&server.call(to("3")).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_values_are_refused_and_named() {
    let server = Server::on(Engine::Sqlite).await;
    let long = "a".repeat(256);
    for (code, name, value) in [
        (Code::NotInteger, "chat_queue_id", "0"),
        (Code::NotInteger, "chat_queue_id", "-3"),
        (Code::NotInteger, "chat_queue_id", "3.5"),
        (Code::NotInteger, "chat_queue_id", "9007199254740992"),
        (Code::NotInteger, "chat_queue_id", "three"),
        (Code::NotInteger, "customer_id", "99999999999999999999"),
        (Code::NotEmail, "client_email", "jan.example.org"),
        (Code::NotEmail, "client_email", "jan@kowalski@example.org"),
        (Code::TooLong, "client_name", &long),
        (Code::TooLong, "client_surname", &long),
        (Code::TooLong, "client_id", &long),
        (Code::ControlCharacter, "client_name", "Ja\u{0}n"),
        (Code::ControlCharacter, "client_id", "12\n34"),
    ] {
        let mut given = json!({"chat_queue_id": 3});
        given[name] = value.into();
        server.call(post(START).json(&given)).await.expect_fault_of(code, name);
    }
    for value in [json!([3]), json!({"id": 3}), json!([])] {
        let answer = server.call(post(START).json(&json!({"chat_queue_id": value}))).await;
        answer.expect_fault_of(Code::NotText, "chat_queue_id");
    }
    let answer = server.call(post(START).query(&[("chat_queue_id[]", "3")])).await;
    answer.expect_fault_of(Code::NotText, "chat_queue_id");
    assert_eq!(server.count().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn lengths_are_counted_in_characters() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let name = "ż".repeat(255);
        let id = server.start(&[("client_name", &name)]).await;
        assert_eq!(server.chat(&id).await["client_name"], *name);
    })
    .await;
}
