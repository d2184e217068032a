//! Coming on duty and leaving, at the console and without a word.

use rozmowa::agent::Role;
use rozmowa::agent::presence::{self, GRACE};
use rozmowa::http::Code;
use rozmowa::{agent, audit};
use serde_json::{Value, json};

use crate::client::{get, post, put};
use crate::floor::{
    Console, MINUTE, becomes, events, joins, row, set, settles, status, turn, with_probe,
};
use crate::server::{NOON, Server};
use crate::store::on_both_engines;

async fn heard(server: &Server, login: &'static str) -> bool {
    server
        .act(move |tx, act| {
            let agent = agent::find(tx, login)?.expect("an agent");
            presence::renew_at_console(tx, agent.id, act.now)
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_comes_on_duty_pauses_and_goes() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        with_probe(&server).await;
        joins(&server, 3, "anowak", 2).await;
        server.call(post("/api/pauses").form(&[("name", "Kawa")])).await.expect(200);
        let console = Console::of(&server, "anowak").await;
        let shown = |status: &str, pause: Option<i64>, open: i64| {
            json!({"login": "anowak", "status": status, "pause_id": pause, "since": NOON, "open_chats": open, "capacity": 2})
        };
        let mine = console.call(&server, get("/console/duty")).await.expect(200).json();
        assert_eq!((&mine["status"], &mine["since"]), (&json!("off"), &Value::Null));
        console.duty(&server, json!({"status": "paused"})).await.expect_fault(Code::AgentOffDuty);
        let free = console.duty(&server, json!({"status": "free"})).await.expect(200).json();
        assert_eq!(free, shown("free", None, 0));
        let id = server.start(&[]).await;
        becomes(&server, &id, Some("anowak")).await;
        let paused = console.duty(&server, json!({"status": "paused", "pause_id": 1})).await;
        assert_eq!(paused.expect(200).json(), shown("paused", Some(1), 1));
        let unknown = console.duty(&server, json!({"status": "paused", "pause_id": 9})).await;
        unknown.expect_fault(Code::UnknownPause);
        let next = server.start(&[]).await;
        settles(&server).await;
        assert_eq!(row(&server, &next).await.agent, None);
        console.duty(&server, json!({"status": "free"})).await.expect(200);
        becomes(&server, &next, Some("anowak")).await;
        let off = console.duty(&server, json!({"status": "off"})).await.expect(200).json();
        assert_eq!(off, shown("off", None, 2));
        assert_eq!(row(&server, &id).await.agent.as_deref(), Some("anowak"), "it stays");
        let wrong = console.duty(&server, json!({"status": "off", "conversations": "colleague"}));
        wrong.await.expect_fault_of(Code::Missing, "colleague");
        let wrong = console.duty(&server, json!({"status": "busy", "conversations": "away"})).await;
        wrong.expect_faults(&[Code::NotOneOf, Code::NotOneOf]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_renewed_by_who_is_heard_and_never_shortened() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        assert!(!heard(&server, "anowak").await, "off duty");
        let console = Console::of(&server, "anowak").await;
        console.duty(&server, json!({"status": "free"})).await.expect(200);
        for _ in 0..10 {
            server.app.clock.advance(89_999);
            assert!(heard(&server, "anowak").await);
        }
        assert_eq!(status(&server, "anowak").await, "FREE");
        server.app.clock.advance(90_000);
        assert_eq!(status(&server, "anowak").await, "OFF");
        // A server that was away for a while: whoever is heard of again was never away.
        server.app.clock.advance(GRACE - 1);
        assert!(heard(&server, "anowak").await);
        assert_eq!(status(&server, "anowak").await, "FREE");
        server.app.clock.advance(90_000 + GRACE);
        assert!(!heard(&server, "anowak").await, "the grace is over");
        // One that was given elsewhere for longer.
        turn(&server, "anowak", "login").await;
        assert!(heard(&server, "anowak").await);
        console.duty(&server, json!({"status": "paused"})).await.expect(200);
        server.app.clock.advance(60 * MINUTE);
        assert_eq!(status(&server, "anowak").await, "PAUSED");
        // Who has left by hand, or whose account is closed, is not back by being heard of.
        console.duty(&server, json!({"status": "off"})).await.expect(200);
        assert!(!heard(&server, "anowak").await);
        console.duty(&server, json!({"status": "free"})).await.expect(200);
        server.call(put("/api/agents/anowak").json(&json!({"active": false}))).await.expect(200);
        assert!(!heard(&server, "anowak").await);
        assert_eq!(status(&server, "anowak").await, "OFF");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_gone_keeps_a_conversation_until_the_client_speaks_after_the_grace() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        with_probe(&server).await;
        joins(&server, 3, "anowak", 2).await;
        let console = Console::of(&server, "anowak").await;
        console.duty(&server, json!({"status": "free"})).await.expect(200);
        let id = server.start(&[]).await;
        becomes(&server, &id, Some("anowak")).await;
        server.reply(&id, "anowak", "Dzień dobry").await;
        server.app.clock.advance(90_000 + GRACE - 1);
        server.message(&id, "Dzień dobry").await;
        settles(&server).await;
        assert_eq!(row(&server, &id).await.agent.as_deref(), Some("anowak"));
        server.app.clock.advance(1);
        settles(&server).await;
        assert_eq!(row(&server, &id).await.agent.as_deref(), Some("anowak"), "nobody has spoken");
        let other = server.start(&[]).await;
        server.app.clock.advance(10);
        server.message(&id, "Jest tam kto?").await;
        let now = row(&server, &id).await;
        assert_eq!((now.agent, now.rank), (None, Some(0)));
        let last = events(&server, &id).await.pop().expect("one");
        assert_eq!(last, (6, Some(2), json!({"because": "absent"})));
        joins(&server, 3, "jkowalski", 1).await;
        turn(&server, "jkowalski", "login").await;
        becomes(&server, &id, Some("jkowalski")).await;
        assert_eq!(row(&server, &other).await.agent, None, "it was first");
        assert_eq!(server.open_chats("anowak").await, 0);
        // By hand is another thing, and so is an agent who never was on duty.
        turn(&server, "jkowalski", "logout").await;
        server.assign(&other, "retired").await.expect_nothing();
        // No answer is owed when the time has passed.
        server.execute("UPDATE conversation SET answer_due_at = NULL").await;
        server.app.clock.advance(60 * MINUTE);
        for id in [&id, &other] {
            server.message(id, "Halo?").await;
        }
        assert_eq!(row(&server, &id).await.agent.as_deref(), Some("jkowalski"));
        assert_eq!(row(&server, &other).await.agent.as_deref(), Some("retired"));
        // Nobody comes back from a closed account.
        server.call(put("/api/agents/jkowalski").json(&json!({"active": false}))).await.expect(200);
        server.message(&id, "Halo?").await;
        assert_eq!(row(&server, &id).await.agent, None);
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_may_give_everything_back_or_to_a_colleague() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        with_probe(&server).await;
        joins(&server, 3, "anowak", 4).await;
        joins(&server, 3, "retired", 1).await;
        let console = Console::of(&server, "anowak").await;
        console.duty(&server, json!({"status": "free"})).await.expect(200);
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(server.start(&[]).await);
            becomes(&server, ids.last().expect("one"), Some("anowak")).await;
        }
        let to = |login: &str| json!({"status": "off", "conversations": "colleague", "colleague": login});
        console.duty(&server, to("nobody")).await.expect_fault(Code::UnknownAgent);
        console.duty(&server, to("retired")).await.expect_fault(Code::AgentNotFree);
        console.duty(&server, to("anowak")).await.expect_fault(Code::AgentNotFree);
        turn(&server, "retired", "login").await;
        turn(&server, "retired", "pause").await;
        console.duty(&server, to("retired")).await.expect_fault(Code::AgentNotFree);
        assert_eq!(status(&server, "anowak").await, "FREE", "nothing has changed");
        turn(&server, "retired", "free").await;
        let off = console.duty(&server, to("retired")).await.expect(200).json();
        assert_eq!((&off["status"], &off["open_chats"]), (&json!("off"), &json!(0)));
        let mut theirs = 0;
        for id in &ids {
            match row(&server, id).await {
                row if row.agent.as_deref() == Some("retired") => theirs += 1,
                row => assert_eq!((row.agent, row.rank), (None, Some(0))),
            }
        }
        assert_eq!(theirs, 1, "as far as there is room");
        // Back to the queue, and to who is free there.
        console.duty(&server, json!({"status": "free"})).await.expect(200);
        for _ in 0..2 {
            settles(&server).await;
        }
        joins(&server, 3, "jkowalski", 5).await;
        turn(&server, "jkowalski", "login").await;
        let back = json!({"status": "off", "conversations": "queue"});
        console.duty(&server, back).await.expect(200);
        crate::hooks::until("all have somebody", async || {
            (server.open_chats("jkowalski").await == 2).then_some(())
        })
        .await;
        let told = events(&server, &ids[2]).await;
        assert!(told.iter().any(|event| event.2 == json!({"because": "left"})), "{told:?}");
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_with_many_leaves_in_steps() {
    on_both_engines(async |engine| {
        const MANY: usize = 230;
        let server = Server::on(engine).await;
        joins(&server, 3, "anowak", 1_000).await;
        joins(&server, 3, "jkowalski", 120).await;
        set(&server, 3, |settings| settings.agent_capacity = Some(110)).await;
        turn(&server, "anowak", "login").await;
        for _ in 0..MANY {
            let id = server.start(&[]).await;
            server.assign(&id, "anowak").await.expect_nothing();
        }
        turn(&server, "jkowalski", "login").await;
        let console = Console::of(&server, "anowak").await;
        let wish = json!({"status": "off", "conversations": "colleague", "colleague": "jkowalski"});
        console.duty(&server, wish).await.expect(200);
        crate::hooks::until("all are moved", async || {
            let open = [server.open_chats("anowak").await, server.open_chats("jkowalski").await];
            (open == [0, 110]).then_some(())
        })
        .await;
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_sets_anothers_status_and_it_is_written_down() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let agent = Console::of(&server, "anowak").await;
        let of = "/console/agents/jkowalski/duty";
        let free = put(of).json(&json!({"status": "free"}));
        agent.call(&server, free.clone()).await.expect_fault(Code::RoleNeeded);
        agent.call(&server, get(of)).await.expect_fault(Code::RoleNeeded);
        let changes = agent::Changes { role: Some(Role::Supervisor), ..Default::default() };
        server.act(move |tx, act| agent::change(tx, act, "anowak", &changes)).await;
        let supervisor = Console::of(&server, "anowak").await;
        supervisor.call(&server, free).await.expect(200);
        assert_eq!(status(&server, "jkowalski").await, "FREE");
        supervisor.call(&server, put(of).json(&json!({"status": "off"}))).await.expect(200);
        let shown = supervisor.call(&server, get(of)).await.expect(200).json();
        assert_eq!(shown["status"], "off");
        let nobody = put("/console/agents/nobody/duty").json(&json!({"status": "off"}));
        supervisor.call(&server, nobody).await.expect_fault(Code::UnknownAgent);
        let filter = audit::Filter { actor: Some("anowak".to_owned()), ..Default::default() };
        let told = server.write(move |tx| audit::list(tx, &filter, 10)).await;
        let told: Vec<_> = told.iter().map(|entry| (&*entry.change, &*entry.subject)).collect();
        assert_eq!(told, [("agent.duty", "agent jkowalski"); 2]);
    })
    .await;
}
