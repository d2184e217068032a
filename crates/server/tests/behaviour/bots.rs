//! Bots: they get what is said in their conversations, answer, finish, or hand over to people.

use rozmowa::agent::Role;
use rozmowa::http::Code;
use serde_json::{Value, json};

use crate::client::{Answer, Request, get, post, put};
use crate::desk::Desk;
use crate::hooks::{self, ASSIGNED, CLOSED, CREATED, SAID, drained};
use crate::receiver::{Arrival, Receiver};
use crate::server::Server;
use crate::store::on_both_engines;

const HANDED_OVER: &str = "CHAT_CONVERSATION_HANDED_OVER";
const NOTED: &str = "CHAT_NOTE_CREATED";
const NOBODYS: &str = "6ed7c941-2c8a-411e-95d2-338a9f64800a";

async fn add(server: &Server, bot: Value) -> Value {
    server.call(post("/api/bots").json(&bot)).await.expect(200).json()
}

fn id(bot: &Value) -> String {
    bot["external_chatbot_id"].as_str().expect("a UUID").to_owned()
}

async fn of_queue(server: &Server, bot: &str) {
    let queue = put("/api/chats/queues/3").json(&json!({ "external_chatbot_id": bot }));
    server.call(queue).await.expect_nothing();
}

fn call(conversation: &str, method: &str, body: &Value) -> Request {
    post(format!("/api/chat_conversations/{conversation}/{method}")).json(body)
}

async fn says(server: &Server, conversation: &str, bot: &str, text: &str) -> Answer {
    let body = json!({ "external_chatbot_id": bot, "text": text });
    server.call(call(conversation, "message", &body)).await
}

fn actions(arrivals: &[Arrival]) -> Vec<String> {
    arrivals.iter().map(|arrival| arrival.field("action").expect("an action")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_answers_hands_over_and_the_agent_sees_what_it_learnt() {
    on_both_engines(async |engine| {
        let server = hooks::server(engine).await;
        let (hears, notes) = (Receiver::start().await, Receiver::start().await);
        hooks::subscribe(&server, &notes, &[NOTED, HANDED_OVER]).await;
        let bot =
            add(&server, json!({ "name": "Paczkobot", "subscription_url": hears.url() })).await;
        let bot_id = id(&bot);
        of_queue(&server, &bot_id).await;

        let conversation = server.start(&[]).await;
        server.message(&conversation, "Gdzie jest moja paczka?").await;
        let arrivals = hears.expect(2).await;
        assert_eq!(actions(&arrivals), [CREATED, SAID]);
        assert_eq!(arrivals[1].field("text").as_deref(), Some("Gdzie jest moja paczka?"));
        says(&server, &conversation, &bot_id, "Proszę o numer.").await.expect_nothing();
        server.message(&conversation, "1234").await;
        hears.expect(3).await;

        let learnt = json!({ "parcel": 1234, "is_lost": true, "history": [{ "at": "2026-06-01" }], "\0": "\0" });
        let over =
            json!({ "external_chatbot_id": bot_id, "note": "Zgubiona paczka.", "data": learnt });
        server.call(call(&conversation, "hand_over", &over)).await.expect_nothing();
        let arrivals = notes.expect(2).await;
        assert_eq!(actions(&arrivals), [NOTED, HANDED_OVER]);
        assert_eq!(arrivals[0].field("sent_by").as_deref(), Some("BOT"));
        assert_eq!(arrivals[0].field("external_chatbot_id").as_deref(), Some(&*bot_id));
        assert_eq!(arrivals[0].field("text").as_deref(), Some("Zgubiona paczka."));
        let details: Value = serde_json::from_str(&arrivals[0].field("details").unwrap()).unwrap();
        assert_eq!(details, learnt, "numbers are numbers");

        // Who takes a conversation of a bot's ends that, and the bot hears of it.
        let taken = server.start(&[]).await;
        server
            .call(call(&taken, "assign", &json!({ "user_login": "jkowalski" })))
            .await
            .expect(200);
        server.message(&taken, "Dla ludzi").await;
        let arrivals = hears.expect(5).await;
        assert_eq!(actions(&arrivals)[3..], [CREATED, ASSIGNED]);

        // It is people's now.
        says(&server, &conversation, &bot_id, "Jeszcze ja").await.expect_fault(Code::NotTheBots);
        server.reply(&conversation, "jkowalski", "Już szukam.").await;
        server.message(&conversation, "Dziękuję").await;
        server.stop(&conversation).await;
        drained(&server, bot["webhook_id"].as_i64().unwrap()).await;
        assert_eq!(hears.count(), 5, "{:?}", hears.bodies());

        let chat = server.chat(&conversation).await;
        let said: Vec<_> = chat["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|message| {
                (message["sent_by"].as_str().unwrap(), message["text"].as_str().unwrap())
            })
            .collect();
        let expected = [
            ("CLIENT", "Gdzie jest moja paczka?"),
            ("BOT", "Proszę o numer."),
            ("CLIENT", "1234"),
            ("AGENT", "Już szukam."),
            ("CLIENT", "Dziękuję"),
        ];
        assert_eq!(said, expected);
        assert_eq!((&chat["status"], &chat["user_login"]), (&json!("CLOSED"), &json!("jkowalski")));
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_speaks_in_its_own_conversations_alone() {
    on_both_engines(async |engine| {
        let server = hooks::server(engine).await;
        let first = id(&add(&server, json!({ "name": "a" })).await);
        let given = json!({ "name": "b", "external_chatbot_id": NOBODYS, "hands_over": true });
        assert_eq!(id(&add(&server, given.clone()).await), NOBODYS);
        server.call(post("/api/bots").json(&given)).await.expect_fault(Code::BotTaken);
        let conversation = server.start(&[]).await;
        let unknown = "019e82c5-5e00-7000-b1ab-35a2b1a0c9f4";
        says(&server, &conversation, unknown, "x").await.expect_fault(Code::UnknownBot);
        says(&server, unknown, &first, "x").await.expect_fault(Code::UnknownConversation);
        says(&server, &conversation, &first, "x").await.expect_fault(Code::NotTheBots);

        let to =
            |bot: &str| call(&conversation, "assign_bot", &json!({ "external_chatbot_id": bot }));
        server.reply(&conversation, "jkowalski", "ja").await;
        server.call(to(&first)).await.expect_nothing();
        server.call(to(&first)).await.expect_nothing();
        assert_eq!(server.open_chats("jkowalski").await, 0);
        assert_eq!(server.chat(&conversation).await["user_login"], Value::Null);
        says(&server, &conversation, &first, "x").await.expect_nothing();
        server.call(to(NOBODYS)).await.expect_nothing();
        says(&server, &conversation, &first, "x").await.expect_fault(Code::NotTheBots);
        says(&server, &conversation, NOBODYS, "x").await.expect_nothing();

        // An agent takes it.
        server.reply(&conversation, "anowak", "ja").await;
        says(&server, &conversation, NOBODYS, "x").await.expect_fault(Code::NotTheBots);
        server.call(to(&first)).await.expect_nothing();
        let disable = json!({ "enabled": false });
        server.call(put(format!("/api/bots/{first}")).json(&disable)).await.expect(200);
        says(&server, &conversation, &first, "x").await.expect_fault(Code::BotDisabled);
        server.call(to(&first)).await.expect_fault(Code::BotDisabled);
        server.call(to(NOBODYS)).await.expect_nothing();
        server.stop(&conversation).await;
        says(&server, &conversation, NOBODYS, "x").await.expect_fault(Code::ConversationClosed);
        server.call(to(NOBODYS)).await.expect_fault(Code::ConversationClosed);
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_stops_closes_or_hands_over_by_its_setting() {
    on_both_engines(async |engine| {
        let server = hooks::server(engine).await;
        let hears = Receiver::start().await;
        hooks::subscribe(&server, &hears, &[CLOSED, HANDED_OVER]).await;
        for (hands_over, action, status) in
            [(false, CLOSED, "CLOSED"), (true, HANDED_OVER, "CREATED")]
        {
            hears.forget();
            let bot = id(&add(&server, json!({ "name": "a", "hands_over": hands_over })).await);
            of_queue(&server, &bot).await;
            let conversation = server.start(&[]).await;
            let stop = call(&conversation, "stop", &json!({ "external_chatbot_id": bot }));
            server.call(stop.clone()).await.expect_nothing();
            assert_eq!(actions(&hears.expect(1).await), [action]);
            assert_eq!(server.chat(&conversation).await["status"], status);
            if hands_over {
                server.call(stop).await.expect_fault(Code::NotTheBots);
            } else {
                server.call(stop).await.expect_nothing();
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_is_silent_too_long_loses_its_conversation_to_people() {
    on_both_engines(async |engine| {
        let server = hooks::server(engine).await;
        let hears = Receiver::start().await;
        hooks::subscribe(&server, &hears, &[HANDED_OVER]).await;
        let bot = id(&add(&server, json!({ "name": "a" })).await);
        of_queue(&server, &bot).await;
        let (quick, silent) = (server.start(&[]).await, server.start(&[]).await);
        server.app.clock.advance(3_600_000);
        for conversation in [&quick, &silent] {
            server.message(conversation, "jest tam kto?").await;
        }
        server.app.clock.advance(59_000);
        says(&server, &quick, &bot, "jestem").await.expect_nothing();
        assert_eq!(hears.count(), 0);
        server.app.clock.advance(1_000);
        let arrivals = hears.expect(1).await;
        assert_eq!(arrivals[0].field("conversation_id").as_deref(), Some(&*silent));
        assert_eq!(arrivals[0].field("sent_by").as_deref(), Some("SYSTEM"));
        says(&server, &silent, &bot, "spóźniony").await.expect_fault(Code::NotTheBots);
        says(&server, &quick, &bot, "nadal").await.expect_nothing();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_disabled_or_removed_bot_had_is_peoples() {
    on_both_engines(async |engine| {
        let server = hooks::server(engine).await;
        let receiver = Receiver::start().await;
        let bot = add(&server, json!({ "name": "a", "subscription_url": receiver.url() })).await;
        let (bot_id, webhook_id) = (id(&bot), bot["webhook_id"].as_i64().unwrap());
        of_queue(&server, &bot_id).await;
        let mut all = Vec::new();
        for _ in 0..60 {
            all.push(server.start(&[]).await);
        }
        let removal = || Request::new("DELETE", format!("/api/webhooks/{webhook_id}"));
        server.call(removal()).await.expect_fault(Code::WebhookOfBot);
        let path = format!("/api/bots/{bot_id}");
        server.call(Request::new("DELETE", &*path)).await.expect_nothing();
        server.call(Request::new("DELETE", &*path)).await.expect_fault(Code::UnknownBot);
        assert_eq!(server.call(get("/api/bots")).await.json(), json!([]));
        server.call(removal()).await.expect_fault(Code::UnknownWebhook);
        let events = "SELECT count(*) FROM event WHERE kind = 10";
        let count = rozmowa_db::Stmt::composed("handed over".to_owned(), events.to_owned());
        let handed_over =
            server.write(move |tx| Ok(tx.query_one(&count, &[], |row| row.get::<i64>(0))?)).await;
        assert_eq!(handed_over, 60);
        // No queue knows it any more: people get what starts.
        let queue = server.call(get("/api/chats/queues/3")).await.expect(200).json();
        assert_eq!(queue["external_chatbot_id"], Value::Null);
        let conversation = server.start(&[]).await;
        server.reply(&conversation, "jkowalski", "ja").await;
        let queue = put("/api/chats/queues/3").json(&json!({ "external_chatbot_id": bot_id }));
        server.call(queue).await.expect_fault(Code::UnknownBot);
        let none = put("/api/chats/queues/3").json(&json!({ "external_chatbot_id": "" }));
        server.call(none).await.expect_nothing();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_hand_over_is_told_at_once() {
    on_both_engines(async |engine| {
        let server = hooks::server(engine).await;
        let bot = id(&add(&server, json!({ "name": "a" })).await);
        of_queue(&server, &bot).await;
        let conversation = server.start(&[]).await;
        let over = |body: Value| call(&conversation, "hand_over", &body);
        for (data, code) in [
            (json!([1]), Code::NotObject),
            (json!("no"), Code::NotObject),
            (json!({ "a": "x".repeat(17_000) }), Code::ObjectTooLarge),
        ] {
            let body = json!({ "external_chatbot_id": bot, "data": data });
            server.call(over(body)).await.expect_fault_of(code, "data");
        }
        server
            .call(over(json!({ "note": " " })))
            .await
            .expect_faults(&[Code::Missing, Code::BlankText]);
        let to = |queue: i64| json!({ "external_chatbot_id": bot, "chat_queue_id": queue });
        server.call(over(to(99))).await.expect_fault(Code::UnknownQueue);
        server.call(over(to(4))).await.expect_nothing();
        assert_eq!(server.chat(&conversation).await["chat_queue_id"], 4);
        server.call(over(to(4))).await.expect_fault(Code::NotTheBots);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_have_them_at_the_console_as_programs_do() {
    const BOTS: &str = "/console/bots";
    on_both_engines(async |engine| {
        let server = hooks::server(engine).await;
        let desk = Desk::with(&server, "anowak", Role::Administrator).await;
        let receiver = Receiver::start().await;
        let new = json!({
            "name": "Paczkobot", "external_chatbot_id": NOBODYS, "subscription_url": receiver.url(), "signing": true,
            "http_auth_user": "bot", "http_auth_password": "very secret",
        });
        let mut bot = desk.call(&server, "POST", BOTS, new.clone()).await.expect(200).json();
        let secret = bot.as_object_mut().expect("an object").remove("signing_secret");
        let secret = secret.expect("it is shown once").as_str().expect("a text").to_owned();
        let expected = json!({
            "external_chatbot_id": NOBODYS, "name": "Paczkobot", "enabled": true, "hands_over": false, "webhook_id": 1,
        });
        assert_eq!(bot, expected);
        assert_eq!(desk.get(&server, BOTS).await.expect(200).json(), json!([bot]));
        assert_eq!(server.call(get("/api/bots")).await.expect(200).json(), json!([bot]));
        let taken = desk.call(&server, "POST", BOTS, new).await;
        taken.expect_fault(Code::BotTaken);
        let wrong = json!({"name": " ", "subscription_url": "http://192.168.0.1/"});
        let wrong = desk.call(&server, "POST", BOTS, wrong).await.expect(400).json();
        let parameters: Vec<_> = wrong["errors"].as_array().expect("faults").iter().map(|fault| &fault["parameter"]).collect();
        assert_eq!(parameters.len(), 2);
        assert!(parameters.contains(&&json!("name")) && parameters.contains(&&json!("subscription_url")));

        of_queue(&server, NOBODYS).await;
        let conversation = server.start(&[]).await;
        let target = format!("{BOTS}/{NOBODYS}");
        let change = json!({"name": "Bot", "enabled": false, "hands_over": true});
        let changed = desk.call(&server, "PUT", &target, change).await.expect(200).json();
        assert_eq!((&changed["name"], &changed["enabled"]), (&json!("Bot"), &json!(false)));
        server.reply(&conversation, "jkowalski", "Jest u ludzi.").await;
        desk.call(&server, "DELETE", &target, json!({})).await.expect_nothing();
        for method in ["PUT", "DELETE"] {
            let gone = desk.call(&server, method, &target, json!({})).await;
            gone.expect_fault(Code::UnknownBot);
        }
        assert_eq!(desk.get(&server, BOTS).await.expect(200).json(), json!([]));
        let log = desk.get(&server, "/console/audit?actor=anowak").await.expect(200);
        for hidden in ["very secret", &*secret] {
            assert!(!log.text().contains(hidden), "{hidden}");
        }
        let log = log.json();
        let mut lines = log["result"].as_array().expect("a list").iter().filter_map(|line| line["change"].as_str());
        for change in ["bot.remove", "bot.change", "bot.add"] {
            assert!(lines.any(|line| line == change), "{change}: {log}");
        }
    })
    .await;
}
