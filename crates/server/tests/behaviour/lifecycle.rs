//! Coming up, being healthy, saying where things are, and going down without dropping anybody.

use std::time::{Duration, Instant};

use rozmowa::app::Surroundings;
use rozmowa::http::Code;
use serde_json::json;

use crate::client::{Request, Wire, get, post};
use crate::server::{Plan, START, Server};
use crate::store::{Engine, on_both_engines};

fn health(what: &str) -> Request {
    get(format!("/health/{what}")).anonymous()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_its_store_is_live_and_ready() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        assert_eq!(server.call(health("live")).await.expect(200).json(), json!({"status": "live"}));
        assert_eq!(
            server.call(health("ready")).await.expect(200).json(),
            json!({"status": "ready"})
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_its_store_is_live_and_says_why_it_is_not_ready() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let db = server.app.db.clone();
        tokio::task::spawn_blocking(move || db.close()).await.unwrap();
        server.call(health("live")).await.expect(200);
        let answer = server.call(health("ready")).await.expect(503).json();
        assert_eq!(answer["status"], "not ready");
        assert_eq!(answer["reasons"].as_array().map(Vec::len), Some(1), "{answer}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_page_and_the_reference_are_for_everybody() {
    let server = Server::on(Engine::Sqlite).await;
    let page = server.call(get("/").anonymous()).await.expect(200);
    assert_eq!(page.header("Content-Type"), Some("text/html; charset=utf-8"));
    assert!(page.text().contains("href=\"/api/openapi.json\""));
    assert!(page.text().contains("href=\"/reference\""));
    assert!(page.text().contains("href=\"/console/\""));
    let polish = server.call(get("/").anonymous().in_polish()).await.expect(200);
    assert!(polish.text().contains("<html lang=\"pl\">") && polish.text() != page.text());
    let reference = server.call(get("/api/openapi.json").anonymous()).await.expect(200);
    assert!(reference.text() == rozmowa::router::reference(), "`make openapi` writes it anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_have_a_listener_of_their_own() {
    let plan = Plan::on(Engine::Sqlite).configured("metrics.listen = \"127.0.0.1:0\"");
    let server = plan.start().await;
    let id = server.start(&[("client_name", "Barnaba")]).await;
    server.call(get(format!("/api/chats/{id}/nothing"))).await.expect(404);
    let metrics = server.running.as_ref().unwrap().metrics_listen.expect("it listens");
    let told =
        Wire::open(metrics).await.call(&get("/metrics").anonymous()).await.expect(200).text();
    for series in [
        "route=\"/api/chat_conversations/start\",status=\"200\"",
        "route=\"unknown\",status=\"404\"",
        "rozmowa_password_hashes_total",
    ] {
        assert!(told.contains(series), "{series}: {told}");
    }
    assert!(!told.contains("Barnaba") && !told.contains(&id), "nothing of what was said");
    server.call(get("/metrics")).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_answers_are_compressed_for_those_who_ask() {
    use std::io::Read;

    let server = Server::on(Engine::Sqlite).await;
    let mut text = String::new();
    let reference = get("/api/openapi.json").header("Accept-Encoding", "gzip, deflate");
    let answer = server.call(reference).await.expect(200);
    assert_eq!(answer.header("Content-Encoding"), Some("gzip"));
    flate2::read::GzDecoder::new(&answer.body[..]).read_to_string(&mut text).expect("gzip");
    assert!(text == rozmowa::router::reference(), "`make openapi` writes it anew");
    assert!(answer.body.len() * 3 < text.len());
    let live = server.call(health("live").header("Accept-Encoding", "gzip")).await.expect(200);
    assert_eq!(live.header("Content-Encoding"), None, "small ones are not");
    let plain = server.call(get("/api/openapi.json")).await.expect(200);
    assert_eq!(plain.header("Content-Encoding"), None);
    let vary = plain.header("Vary").or(answer.header("Vary")).map(str::to_ascii_lowercase);
    assert_eq!(vary.as_deref(), Some("accept-encoding"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_what_was_accepted() {
    on_both_engines(async |engine| {
        let mut server = Server::on(engine).await;
        let mut idle = server.wire().await;
        idle.call(&health("live")).await.expect(200);
        // The server has the head and asks for the body: the call is accepted.
        let mut under_way = server.wire().await;
        let body = json!({"chat_queue_id": 3}).to_string();
        let bytes = post(START).header("Expect", "100-continue").body("application/json", body);
        let bytes = bytes.bytes();
        let (head, body) = bytes.split_at(bytes.len() - r#"{"chat_queue_id":3}"#.len());
        under_way.send(head).await;
        under_way.expect_interim(b"HTTP/1.1 100 Continue\r\n\r\n").await;
        let running = server.running.take().unwrap();
        let stop = tokio::spawn(running.stop());
        assert_eq!(idle.end().await, b"", "who is idle is let go");
        assert!(!stop.is_finished(), "the other one is waited for");
        under_way.send(body).await;
        let answer = under_way.answer().await.expect(200);
        assert_eq!(answer.header("Connection"), Some("close"));
        stop.await.expect("it stops");
        let refused = tokio::net::TcpStream::connect(server.address).await;
        assert!(refused.is_err(), "nobody listens any more");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_who_has_said_nothing() {
    let mut took = Vec::new();
    for said in [&b""[..], b"P", b"PRI "] {
        let plan = Plan::on(Engine::Sqlite).configured("limits.shutdown_seconds = 4");
        let mut server = plan.start().await;
        let mut silent = server.wire().await;
        silent.send(said).await;
        server.call(health("live")).await.expect(200);
        let began = Instant::now();
        server.running.take().unwrap().stop().await;
        took.push((String::from_utf8_lossy(said), began.elapsed()));
    }
    assert!(took.iter().all(|(_, took)| *took < Duration::from_secs(2)), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_has_an_end_whatever_callers_do() {
    let plan = Plan::on(Engine::Sqlite).configured("limits.shutdown_seconds = 1");
    let mut server = plan.start().await;
    let mut wire = server.wire().await;
    let never_sent = post(START).header("Expect", "100-continue").body("application/json", "{}");
    let bytes = never_sent.bytes();
    wire.send(&bytes[..bytes.len() - 2]).await;
    wire.expect_interim(b"HTTP/1.1 100 Continue\r\n\r\n").await;
    let began = Instant::now();
    server.running.take().unwrap().stop().await;
    let took = began.elapsed();
    assert!(took > Duration::from_millis(900) && took < Duration::from_secs(4), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_there_after_a_restart() {
    let mut server = Server::on(Engine::Sqlite).await;
    let id = server.start(&[("client_id", "1234")]).await;
    server.message(&id, "Zażółć").await;
    let before = server.chat(&id).await;
    server.running.take().unwrap().stop().await;
    let (config, clock) = (server.app.config.clone(), server.app.clock.clone());
    let again = tokio::task::spawn_blocking(move || {
        rozmowa::server::open_app(config, Surroundings { clock, ..Surroundings::real() }).unwrap()
    });
    let again = rozmowa::server::Running::start(again.await.unwrap(), None).unwrap();
    let mut wire = Wire::open(again.listen.unwrap()).await;
    let shown = wire.call(&get(format!("/api/chats/{id}?include_messages=true"))).await.expect(200);
    assert_eq!(shown.json(), before);
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_do_not_share_a_sqlite_file() {
    let folder = tempfile::tempdir().unwrap();
    let address = rozmowa_db::Address::Sqlite(folder.path().join("a.sqlite"));
    let lock = rozmowa::server::lock(&address).expect("the first has it");
    assert!(rozmowa::server::lock(&address).is_err());
    drop(lock);
    assert!(rozmowa::server::lock(&address).is_ok(), "and gives it back");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_waiting_calls_are_told_to_come_back() {
    let plan = Plan::on(Engine::Sqlite).configured("storage.queue_length = 8");
    let server = plan.start().await;
    server.start(&[]).await;
    // The writer is held, a few wait for it, and the next finds no room. There is more room than one, because the server
    // has small writes of its own.
    let (let_go, held) = std::sync::mpsc::sync_channel::<()>(0);
    let (tell_that_it_runs, it_runs) = tokio::sync::oneshot::channel::<()>();
    let db = server.app.db.clone();
    let mut tell_that_it_runs = Some(tell_that_it_runs);
    let busy = tokio::spawn(async move {
        db.write(move |_| {
            tell_that_it_runs.take().expect("it runs once").send(()).expect("the test waits");
            let _ = held.recv();
            Ok::<_, rozmowa::http::Error>(())
        })
        .await
    });
    it_runs.await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let mut wire = server.wire().await;
        let call = post(START).query(&[("chat_queue_id", "3")]);
        tasks.spawn(async move { wire.call(&call).await });
    }
    let first = tasks.join_next().await.unwrap().unwrap().expect_fault(Code::Overloaded);
    assert_eq!(first.header("Retry-After"), Some("1"));
    let_go.send(()).unwrap();
    busy.await.unwrap().unwrap();
    let mut done = 0;
    for answer in tasks.join_all().await {
        match answer {
            answer if answer.status == 200 => done += 1,
            answer => drop(answer.expect_fault(Code::Overloaded)),
        }
    }
    assert!(done >= 1, "who waited was served");
    assert_eq!(server.count().await, 1 + done);
}
