//! How a queue's chat looks and what it asks for: set by administrators, shown to visitors' pages, and kept to.

use rozmowa::agent::Role;
use rozmowa::http::Code;
use rozmowa::queue::widget::Asks;
use serde_json::{Value, json};

use crate::client::{get, put};
use crate::mailbox;
use crate::people::{soon, visitor_socket};
use crate::server::{NOON, Plan, Server};
use crate::store::{Engine, on_both_engines};
use crate::visitor_open::{jwt, secret_of};
use crate::visitors::{AtConsole, open, opened, set, somebody};

const QUEUE: &str = "/api/chats/queues/3";

fn shipped() -> Value {
    let none = json!({"pl": "", "en": ""});
    json!({
        "color": "#1f5fd6", "side": "right", "offset_x_pixels": 20, "offset_y_pixels": 20,
        "is_launcher_hidden": false, "asks_name": "optional", "asks_email": "optional",
        "title": none, "greeting": none, "away": none,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_widget_is_set_as_a_whole_at_both_doors_and_shown_to_visitors() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let of_visitors = async || {
            let shown = server.call(get("/visitor/queues/3").anonymous()).await;
            shown.expect(200).json()["widget"].clone()
        };
        let kept = async || server.call(get(QUEUE)).await.expect(200).json()["widget"].clone();
        assert_eq!(kept().await, shipped());
        let mut expected = shipped();
        expected["ink"] = json!("#ffffff");
        assert_eq!(of_visitors().await, expected);
        let full = json!({
            "color": "#FFCC00", "side": "left", "offset_x_pixels": 0, "offset_y_pixels": "500",
            "is_launcher_hidden": true, "asks_name": "required", "asks_email": "no",
            "title": {"pl": "Sklep", "en": "Shop"}, "greeting": {"pl": "Dzień dobry!\nW czym pomóc?"},
            "away": {"en": "Back soon."},
        });
        server.call(put(QUEUE).json(&json!({"widget": full}))).await.expect_nothing();
        let mut expected = full.clone();
        expected["color"] = json!("#ffcc00");
        expected["offset_y_pixels"] = json!(500);
        expected["greeting"]["en"] = json!("");
        expected["away"]["pl"] = json!("");
        assert_eq!(kept().await, expected);
        expected["ink"] = json!("#000000");
        assert_eq!(of_visitors().await, expected);
        // What is not in it is as shipped, not as it was.
        let admin = AtConsole::of(&server, "anowak", Role::Administrator).await;
        let change = put("/console/queues/3").json(&json!({"widget": {"side": "left"}}));
        let changed = server.call(admin.as_this(change)).await.expect(200).json();
        let mut expected = shipped();
        expected["side"] = json!("left");
        assert_eq!(changed["widget"], expected);
        let other = put(QUEUE).json(&json!({"opens_per_hour": 7}));
        server.call(other).await.expect_nothing();
        assert_eq!(kept().await, expected);
        server.call(put(QUEUE).json(&json!({"widget": {}}))).await.expect_nothing();
        assert_eq!(kept().await, shipped());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_it_is_told_by_its_place() {
    let server = Server::on(Engine::Sqlite).await;
    for (widget, code, name) in [
        (json!("blue"), Code::NotObject, "widget"),
        (json!({"colour": "#000000"}), Code::UnknownMember, "widget"),
        (json!({"color": "blue"}), Code::NotColor, "widget[color]"),
        (json!({"color": "#12345g"}), Code::NotColor, "widget[color]"),
        (json!({"color": "#ffé12"}), Code::NotColor, "widget[color]"),
        (json!({"color": "#fff;}*{display:none"}), Code::NotColor, "widget[color]"),
        (json!({"side": "top"}), Code::NotOneOf, "widget[side]"),
        (json!({"asks_name": "always"}), Code::NotOneOf, "widget[asks_name]"),
        (json!({"asks_email": true}), Code::NotOneOf, "widget[asks_email]"),
        (json!({"offset_x_pixels": -1}), Code::NotWithin, "widget[offset_x_pixels]"),
        (json!({"offset_y_pixels": 501}), Code::NotWithin, "widget[offset_y_pixels]"),
        (json!({"is_launcher_hidden": "maybe"}), Code::NotBoolean, "widget[is_launcher_hidden]"),
        (json!({"title": {"pl": "a".repeat(101)}}), Code::TooLong, "widget[title][pl]"),
        (json!({"title": {"en": "a\nb"}}), Code::ControlCharacter, "widget[title][en]"),
        (json!({"greeting": {"pl": "a".repeat(1_001)}}), Code::TooLong, "widget[greeting][pl]"),
        (json!({"away": {"de": "x"}}), Code::UnknownMember, "widget[away]"),
    ] {
        let change = put(QUEUE).json(&json!({"widget": widget}));
        server.call(change.clone()).await.expect_fault_of(code, name);
        let polish = server.call(change.in_polish()).await.expect(400);
        assert!(polish.text().contains("Parametr"), "{}", polish.text());
    }
    let shown = server.call(get(QUEUE)).await.expect(200).json();
    assert_eq!(shown["widget"], shipped());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_opened_without_what_the_queue_has_to_know() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let secret = secret_of(&server, 3).await;
        set(&server, 3, |settings| {
            settings.widget.asks_name = Asks::Required;
            settings.widget.asks_email = Asks::Required;
        })
        .await;
        let with = |more: Value| {
            let mut body = json!({"chat_queue_id": 3});
            body.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap());
            open(&body)
        };
        let both = server.call(with(json!({"name": " "}))).await;
        both.expect_faults(&[Code::Missing, Code::Missing]);
        let name = server.call(with(json!({"email": "ola@example.org"}))).await;
        name.expect_fault_of(Code::Missing, "name");
        let email = server.call(with(json!({"name": "Ola", "email": ""}))).await;
        email.expect_fault_of(Code::Missing, "email");
        assert_eq!(server.count().await, 0);
        let all = json!({"name": "Ola", "email": "ola@example.org"});
        server.call(with(all)).await.expect(200);
        // Who is vouched for is asked for nothing.
        let claims = json!({"exp": NOON / 1_000 + 300, "jti": "a", "identifier": "1234"});
        let identity = json!({"identity": jwt(&claims, &secret)});
        server.call(with(identity)).await.expect(200);
        // Nor is anybody for whom a program starts one.
        server.start(&[]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_knows_whether_answers_will_come_by_email_and_never_to_which_address() {
    on_both_engines(async |engine| {
        // Nothing is sent here.
        let server = Plan::on(engine).configured(&mailbox::configuration(9)).start().await;
        let queue =
            async || server.call(get("/visitor/queues/3").anonymous()).await.expect(200).json();
        let shown = queue().await;
        assert_eq!(shown["answers_by_email"], true);
        assert_eq!(shown["file_bytes_max"], 25 * 1024 * 1024);
        let ola = opened(&server, &json!({"chat_queue_id": 3, "email": "ola@example.org"})).await;
        let nobody = somebody(&server).await;
        let mut expected = [(ola, true), (nobody, false)];
        for _ in 0..2 {
            for (visitor, is_mailed) in &expected {
                let shown = server.call(visitor.get("")).await.expect(200);
                assert!(!shown.text().contains("ola@"), "{}", shown.text());
                let shown = shown.json();
                assert_eq!(shown["chat_queue_id"], 3);
                assert_eq!(shown["is_mailed"], *is_mailed);
                let mut socket = visitor_socket(&server).await;
                let hello = json!({"type": "hello", "v": 1, "token": visitor.token});
                socket.send(&hello).await.expect("it is taken");
                let welcome = soon(socket.next_of("welcome")).await.expect("a welcome");
                assert_eq!(welcome["conversation"]["chat_queue_id"], 3);
                assert_eq!(welcome["conversation"]["is_mailed"], *is_mailed);
                assert!(!welcome.to_string().contains("ola@"), "{welcome}");
            }
            set(&server, 3, |settings| settings.mail_after_seconds = 0).await;
            assert_eq!(queue().await["answers_by_email"], false);
            expected[0].1 = false;
        }
    })
    .await;
    // Nor where no e-mail goes out at all.
    let server = Server::on(Engine::Sqlite).await;
    let shown = server.call(get("/visitor/queues/3").anonymous()).await.expect(200).json();
    assert_eq!(shown["answers_by_email"], false);
    let ola = opened(&server, &json!({"chat_queue_id": 3, "email": "ola@example.org"})).await;
    let shown = server.call(ola.get("")).await.expect(200).json();
    assert_eq!(shown["is_mailed"], false);
}
