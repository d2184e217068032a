//! What browsers get: the script, the chat's page, and what they load. With and without the files that Node builds.

use std::io::Read;

use rozmowa::http::Code;
use rozmowa::page;
use serde_json::{Value, json};

use crate::client::{Answer, Request, get, put};
use crate::program::{Home, Program, install};
use crate::server::{Plan, Server};
use crate::store::{Engine, on_both_engines};
use crate::visitors::set;

const SHOP: &str = "https://shop.example.org";
const OTHER: &str = "https://other.example.org";

async fn fetch(server: &Server, path: &str) -> Answer {
    server.call(get(path).anonymous()).await
}

/// What the script warns of, when it does nothing else.
fn warning(answer: &Answer) -> String {
    assert_eq!(answer.header("content-type"), Some("text/javascript; charset=utf-8"));
    let text = answer.text();
    let literal = text.strip_prefix("console.warn(").and_then(|it| it.strip_suffix(");\n"));
    let text: String = serde_json::from_str(literal.expect("a warning alone")).expect("a text");
    text.strip_prefix("Rozmowa: ").expect("it says whose it is").to_owned()
}

/// What the script is told; None where it was not built.
fn told(answer: &Answer) -> Option<Value> {
    if !page::is_built() {
        assert!(warning(answer).contains("make web"));
        return None;
    }
    let text = answer.text();
    assert!(!text.contains("__ROZMOWA_SETTINGS__"));
    let start = text.find("{\"queues\":").expect("settings");
    let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter();
    Some(values.next().expect("a value").expect("JSON"))
}

fn policy(answer: &Answer, name: &str) -> String {
    let policy = answer.header("content-security-policy").expect("a policy");
    let part = policy.split("; ").find_map(|part| part.strip_prefix(name));
    part.unwrap_or_else(|| panic!("{policy}")).trim().to_owned()
}

/// The page, or that it is missing.
#[track_caller]
fn expect_page(answer: &Answer) {
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("vary"), Some("accept-encoding"));
    assert_eq!(policy(answer, "default-src"), "'none'");
    if page::is_built() {
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-cache")));
        assert!(answer.header("etag").is_some());
    } else {
        assert_eq!((answer.status, answer.header("cache-control")), (503, Some("no-store")));
        assert!(answer.text().contains("make web"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_is_told_what_is_set_for_its_queue() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let answer = fetch(&server, "/widget.js?queue=3").await.expect(200);
        assert_eq!(answer.header("content-type"), Some("text/javascript; charset=utf-8"));
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("cross-origin"));
        if let Some(told) = told(&answer) {
            let texts = json!({
                "pl": {"open": "Otwórz czat", "close": "Zamknij czat", "frame": "Czat", "unread": "Nieprzeczytane: {count}"},
                "en": {"open": "Open chat", "close": "Close chat", "frame": "Chat", "unread": "Unread: {count}"},
            });
            let expected = json!({
                "queues": [3], "color": "#1f5fd6", "ink": "#ffffff", "side": "right", "x": 20, "y": 20, "hidden": false,
                "origins": null, "texts": texts,
            });
            assert_eq!(told, expected);
            let kept = "public, max-age=300, stale-while-revalidate=300";
            assert_eq!(answer.header("cache-control"), Some(kept));
        }
        let change = json!({
            "widget": {"color": "#ffcc00", "side": "left", "offset_x_pixels": 1, "offset_y_pixels": 2, "is_launcher_hidden": true},
            "origins": [SHOP],
        });
        server.call(put("/api/chats/queues/3").json(&change)).await.expect_nothing();
        let changed = fetch(&server, "/widget.js?queue=3,%204,3&x=1").await.expect(200);
        if let Some(told) = told(&changed) {
            assert_eq!(told["queues"], json!([3, 4]));
            let look = [&told["color"], &told["ink"], &told["side"], &told["x"], &told["y"]];
            assert_eq!(json!(look), json!(["#ffcc00", "#000000", "left", 1, 2]));
            assert_eq!((&told["hidden"], &told["origins"]), (&json!(true), &json!([SHOP])));
            assert_ne!(answer.header("etag"), changed.header("etag"));
        }
        // Whoever has it is not sent it again.
        let tag = changed.header("etag").expect("a tag");
        let again = get("/widget.js?queue=3,4").anonymous().header("If-None-Match", tag);
        let again = server.call(again).await.expect(304);
        assert_eq!((&*again.text(), again.header("etag")), ("", Some(tag)));
        assert_eq!(again.header("cache-control"), changed.header("cache-control"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_for_no_queue_warns_the_developer_and_does_nothing_else() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let many = format!("/widget.js?queue={}", ["3"; 11].join(","));
        // Two queues take conversations: which of them is meant has to be said.
        for path in
            ["/widget.js", "/widget.js?queue=", "/widget.js?queue=9", "/widget.js?queue=3,x", &many]
        {
            let answer = fetch(&server, path).await.expect(200);
            assert!(warning(&answer).contains("/widget.js?queue=3"), "{path}");
            assert_eq!(answer.header("cache-control"), Some("no-cache"));
            let polish = server.call(get(path).anonymous().in_polish()).await.expect(200);
            assert!(warning(&polish).contains("kolejk"), "{path}");
        }
        let hostile = "/widget.js?queue=%3C/script%3E%22%E2%80%A8";
        let text = fetch(&server, hostile).await.expect(200).text();
        assert!(!text.contains('<') && !text.contains('\u{2028}'), "{text}");
        server.act(|tx, act| rozmowa::queue::set_enabled(tx, act, 4, false)).await;
        let alone = told(&fetch(&server, "/widget.js").await.expect(200));
        assert!(alone.is_none_or(|told| told["queues"] == json!([3])));
        // What was begun in one that is switched off goes on.
        let disabled = told(&fetch(&server, "/widget.js?queue=4").await.expect(200));
        assert!(disabled.is_none_or(|told| told["queues"] == json!([4])));
        // Beside another queue it is left out.
        let beside = told(&fetch(&server, "/widget.js?queue=4,3").await.expect(200));
        assert!(beside.is_none_or(|told| told["queues"] == json!([3])));
        server.act(|tx, act| rozmowa::queue::set_enabled(tx, act, 3, false)).await;
        warning(&fetch(&server, "/widget.js").await.expect(200));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chat_is_framed_where_its_queues_allow_it() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let ancestors = async |path: &str| {
            let answer = fetch(&server, path).await;
            expect_page(&answer);
            let all = answer.header("content-security-policy").expect("a policy");
            let said = || policy(&answer, "frame-ancestors");
            page::is_built().then(|| all.contains("frame-ancestors").then(said).unwrap_or_default())
        };
        let is = |found: Option<String>, expected: &str| {
            assert!(found.as_ref().is_none_or(|found| found == expected), "{found:?}: {expected}");
        };
        is(ancestors("/chat/3").await, "");
        set(&server, 3, |settings| settings.origins = vec![SHOP.to_owned(), OTHER.to_owned()])
            .await;
        is(ancestors("/chat/3").await, &format!("'self' {SHOP} {OTHER}"));
        is(ancestors("/chat/3,4").await, &format!("'self' {SHOP} {OTHER}"));
        is(ancestors("/chat/4").await, "");
        set(&server, 4, |settings| settings.origins = vec![OTHER.to_owned()]).await;
        is(ancestors("/chat/4,3").await, &format!("'self' {OTHER}"));
        // The page of a link is nobody's frame.
        is(ancestors("/c/whatever").await, "'none'");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_may_do_what_the_chat_needs_and_is_sent_once() {
    let server = Server::on(Engine::Sqlite).await;
    let answer = fetch(&server, "/c/whatever").await;
    expect_page(&answer);
    if !page::is_built() {
        return;
    }
    for (name, expected) in [
        ("script-src", "'self'"),
        ("style-src", "'self'"),
        ("img-src", "'self' blob:"),
        ("media-src", "'none'"),
        ("connect-src", "'self' ws://test wss://test"),
        ("base-uri", "'none'"),
        ("form-action", "'none'"),
    ] {
        assert_eq!(policy(&answer, name), expected);
    }
    let tag = answer.header("etag").expect("a tag");
    let again = async |path: &str| {
        server.call(get(path).anonymous().header("If-None-Match", tag)).await.status
    };
    assert_eq!(again("/c/another").await, 304);
    // The same file with another policy is another page.
    assert_eq!(again("/chat/3").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_not_there_is_said_so_in_both_languages() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.act(|tx, act| rozmowa::queue::set_enabled(tx, act, 4, false)).await;
        for (path, status, texts) in [
            ("/chat/9", 404, ["There is no chat queue", "Nie ma kolejki czatu"]),
            ("/chat/3,9", 404, ["There is no chat queue", "Nie ma kolejki czatu"]),
            ("/chat/%3Cscript%3E", 404, ["&lt;script&gt;", "Nie ma kolejki czatu"]),
        ] {
            let answer = fetch(&server, path).await.expect(status);
            assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
            assert_eq!(policy(&answer, "default-src"), "'none'");
            for text in texts {
                assert!(answer.text().contains(text), "{}", answer.text());
            }
        }
        // A page that is isolated from others frames it, and what is said in its place.
        for path in ["/chat/3", "/chat/9"] {
            let answer = fetch(&server, path).await;
            assert_eq!(answer.header("cross-origin-embedder-policy"), Some("require-corp"));
            assert_eq!(answer.header("cross-origin-resource-policy"), Some("cross-origin"));
        }
        // In one that is switched off conversations go on, and none is opened.
        for path in ["/chat/4", "/chat/4,3"] {
            expect_page(&fetch(&server, path).await);
        }
        fetch(&server, "/visitor/queues/4").await.expect_fault(Code::QueueDisabled);
        let open = crate::visitors::open(&json!({"chat_queue_id": 4}));
        server.call(open).await.expect_fault(Code::QueueDisabled);
    })
    .await;
}

/// Some file of the chat, as its page names it.
async fn asset(server: &Server) -> Option<String> {
    let page = fetch(server, "/chat/3").await.text();
    let (_, rest) = page.split_once("/assets/")?;
    let name: String = rest.chars().take_while(|c| !"\"'> ".contains(*c)).collect();
    Some(format!("/assets/{name}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_pages_load_is_kept_for_ever_and_comes_as_browsers_take_it() {
    let server = Server::on(Engine::Sqlite).await;
    for path in [
        "/assets/nothing.js",
        "/assets/..%2Fchat.html",
        "/assets/.gitignore",
        "/assets/..",
        "/demo/shop",
        "/demo/shop.css",
        "/demo/..%2Fchat.html",
    ] {
        fetch(&server, path).await.expect_fault(Code::UnknownPath);
    }
    let Some(path) = asset(&server).await else { return assert!(!page::is_built()) };
    let plain = fetch(&server, &path).await.expect(200);
    assert_eq!(plain.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(plain.header("content-security-policy"), Some("default-src 'none'"));
    assert_eq!(plain.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(plain.header("content-encoding"), None);
    for (accepted, coding) in
        [("gzip", "gzip"), ("gzip, deflate, br", "br"), ("br;q=0, gzip", "gzip")]
    {
        let request = get(&*path).anonymous().header("Accept-Encoding", accepted);
        let packed = server.call(request).await.expect(200);
        if plain.body.len() < 1_024 {
            assert_eq!(packed.body, plain.body);
            continue;
        }
        assert_eq!(packed.header("content-encoding"), Some(coding));
        assert_eq!(packed.header("vary"), Some("accept-encoding"));
        assert_eq!(packed.header("etag"), plain.header("etag"));
        if coding == "gzip" {
            let mut text = Vec::new();
            let read = flate2::read::GzDecoder::new(&*packed.body).read_to_end(&mut text);
            read.expect("it was packed once");
            assert_eq!(text, plain.body);
        }
        let packed_itself = format!("{path}.{}", if coding == "gzip" { "gz" } else { coding });
        fetch(&server, &packed_itself).await.expect_fault(Code::UnknownPath);
    }
    for path in ["/favicon.svg", "/favicon.ico"] {
        let icon = fetch(&server, path).await.expect(200);
        assert_eq!(icon.header("content-type"), Some("image/svg+xml"));
        assert_eq!(icon.header("cache-control"), Some("public, max-age=86400"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shop_is_there_in_the_demo_alone() {
    let server = Plan::on(Engine::Sqlite).demo().start().await;
    let shop = fetch(&server, "/demo/shop").await;
    if page::is_built() {
        let shop = shop.expect(200);
        assert_eq!(policy(&shop, "script-src"), "'self'");
        assert_eq!(policy(&shop, "frame-src"), "'self'");
        assert_eq!(shop.header("cache-control"), Some("no-cache"));
        let styles = fetch(&server, "/demo/shop.css").await.expect(200);
        assert_eq!(styles.header("content-type"), Some("text/css; charset=utf-8"));
    } else {
        expect_page(&shop);
    }
    fetch(&server, "/demo/nothing.css").await.expect_fault(Code::UnknownPath);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_a_link_is_in_no_log() {
    const SECRET: &str = "Rk1PUaRcvYQGJtF3WzQ0hYvCk0b3p2n0O1wq4mS8d7E";
    let folder = tempfile::tempdir().expect("a folder can be made");
    let home = Home::make(Engine::Sqlite, folder.path().join("data")).await;
    install(&home);
    let log = folder.path().join("log");
    let program = Program::serve(&home, &log).await;
    for method in ["GET", "POST"] {
        let request = Request::new(method, format!("/c/{SECRET}")).anonymous();
        program.call(request).await;
    }
    program.kill();
    let log = std::fs::read_to_string(&log).expect("a log");
    assert!(log.contains("/c/{token}"), "{log}");
    assert!(!log.contains(SECRET), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_is_one_page_that_nobody_frames() {
    let server = Server::on(Engine::Sqlite).await;
    let to = fetch(&server, "/console").await.expect(302);
    assert_eq!(to.header("location"), Some("/console/"));
    for path in ["/console/", "/console/welcome", "/console/password"] {
        let answer = fetch(&server, path).await;
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(policy(&answer, "default-src"), "'none'");
        if !page::is_console_built() {
            assert!(answer.expect(503).text().contains("make web"));
            continue;
        }
        let answer = answer.expect(200);
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        for (name, expected) in [
            ("script-src", "'self'"),
            ("style-src", "'self'"),
            ("img-src", "'self' blob: data:"),
            ("connect-src", "'self' ws://test wss://test"),
            ("manifest-src", "'self'"),
            ("worker-src", "'self'"),
            ("frame-src", "'self'"),
            ("frame-ancestors", "'none'"),
            ("base-uri", "'none'"),
            ("form-action", "'none'"),
        ] {
            assert_eq!(policy(&answer, name), expected);
        }
        let tag = answer.header("etag").expect("a tag");
        let again = get("/console/").anonymous().header("If-None-Match", tag);
        server.call(again).await.expect(304);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_brings_along_what_makes_it_an_application() {
    let server = Server::on(Engine::Sqlite).await;
    for path in [
        "/console/icons/nothing.png",
        "/console/icons/..%2F..%2Fconsole.html",
        "/console/icons/..%2Fsw.js",
        "/console/icons/",
        "/console/nothing",
    ] {
        fetch(&server, path).await.expect_fault(Code::UnknownPath);
    }
    let (worker, manifest) = ("/console/sw.js", "/console/manifest.webmanifest");
    for (path, content_type) in
        [(worker, "text/javascript; charset=utf-8"), (manifest, "application/manifest+json")]
    {
        let answer = fetch(&server, path).await;
        if !page::is_console_built() {
            answer.expect_fault(Code::UnknownPath);
            continue;
        }
        let answer = answer.expect(200);
        assert_eq!(answer.header("content-type"), Some(content_type));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        let scope = (path == worker).then_some("/console/");
        assert_eq!(answer.header("service-worker-allowed"), scope);
    }
}
