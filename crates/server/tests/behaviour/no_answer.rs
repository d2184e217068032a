//! Agents who do not answer, to the letter of the contract.

use std::sync::Arc;
use std::time::Duration;

use rozmowa::live::{Passing, Signal, Topic};
use serde_json::json;

use crate::floor::{
    MINUTE, Row, becomes, events, joins, row, set, settles, status, turn, with_probe,
};
use crate::hooks::until;
use crate::server::{Plan, Server};
use crate::store::{Engine, on_both_engines};

/// Agents on duty in queue 3, in this order.
async fn with(engine: Engine, logins: &[&'static str]) -> Server {
    let server = Server::on(engine).await;
    with_probe(&server).await;
    for (login, priority) in logins.iter().zip(1..) {
        joins(&server, 3, login, 5).await;
        crate::floor::joins_at(&server, 3, login, priority).await;
        turn(&server, login, "login").await;
    }
    server
}

async fn assigned(server: &Server, login: &str) -> String {
    let id = server.start(&[]).await;
    becomes(server, &id, Some(login)).await;
    id
}

/// Waits until all timers that are due have been looked at.
async fn timers(server: &Server) {
    let due = async || {
        let now = server.app.clock.now();
        let text = "SELECT count(*) FROM timer WHERE due_at <= $1 AND kind = 0".to_owned();
        let count = rozmowa_db::Stmt::composed("due".to_owned(), text);
        let count = move |tx: &mut rozmowa_db::Tx<'_>| {
            Ok(tx.query_one(&count, rozmowa_db::params![now], |row| row.get::<i64>(0))?)
        };
        (server.write(count).await == 0).then_some(())
    };
    until("no timer is due", due).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_silent_one_pauses_and_another_gets_it() {
    on_both_engines(async |engine| {
        let server = with(engine, &["jkowalski", "anowak"]).await;
        let id = assigned(&server, "jkowalski").await;
        assert_eq!(row(&server, &id).await.answer_due_at, None, "the client has said nothing");
        server.app.clock.advance(10 * MINUTE);
        server.message(&id, "Dzień dobry").await;
        let due = server.app.clock.now() + MINUTE;
        assert_eq!(row(&server, &id).await.answer_due_at, Some(due));
        server.message(&id, "Halo?").await;
        server.app.clock.advance(MINUTE - 1);
        timers(&server).await;
        settles(&server).await;
        assert_eq!(row(&server, &id).await.agent.as_deref(), Some("jkowalski"));
        assert_eq!(status(&server, "jkowalski").await, "FREE");
        server.app.clock.advance(1);
        becomes(&server, &id, Some("anowak")).await;
        assert_eq!(status(&server, "jkowalski").await, "PAUSED");
        let told = events(&server, &id).await;
        assert_eq!(told[4], (6, Some(1), json!({"because": "no_answer"})));
        assert_eq!((told[5].0, told[5].1), (2, Some(2)));
        // The next has as long, from the assignment on.
        let due = server.app.clock.now() + MINUTE;
        assert_eq!(row(&server, &id).await.answer_due_at, Some(due));
        // Whoever answered once may be silent.
        server.reply(&id, "anowak", "Słucham").await;
        assert_eq!(row(&server, &id).await.answer_due_at, None);
        server.message(&id, "Mam pytanie").await;
        server.app.clock.advance(60 * MINUTE);
        timers(&server).await;
        settles(&server).await;
        assert_eq!(row(&server, &id).await.agent.as_deref(), Some("anowak"));
        assert_eq!(status(&server, "anowak").await, "FREE");
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_without_a_clients_message_pauses_nobody() {
    on_both_engines(async |engine| {
        let server = with(engine, &["jkowalski", "anowak"]).await;
        let id = assigned(&server, "jkowalski").await;
        server.app.clock.advance(120 * MINUTE);
        timers(&server).await;
        settles(&server).await;
        assert_eq!(row(&server, &id).await.agent.as_deref(), Some("jkowalski"));
        assert_eq!(status(&server, "jkowalski").await, "FREE");
        // Who has greeted owes nothing.
        server.reply(&id, "jkowalski", "Dzień dobry").await;
        server.message(&id, "Dzień dobry").await;
        assert_eq!(row(&server, &id).await.answer_due_at, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_one_on_duty_never_pauses_and_what_all_have_missed_waits_first() {
    on_both_engines(async |engine| {
        let server = with(engine, &["jkowalski", "anowak"]).await;
        let mut supervisor = server.app.hub.inbox();
        supervisor.listen(Topic::List(3));
        let id = assigned(&server, "jkowalski").await;
        server.message(&id, "Dzień dobry").await;
        server.app.clock.advance(MINUTE);
        becomes(&server, &id, Some("anowak")).await;
        server.app.clock.advance(MINUTE);
        becomes(&server, &id, None).await;
        assert_eq!(status(&server, "anowak").await, "FREE", "the last one");
        settles(&server).await;
        let missed =
            Row { agent: None, status: 0, rank: Some(0), is_missed: true, answer_due_at: None };
        assert_eq!(row(&server, &id).await, missed);
        let alarmed = async {
            loop {
                if let Ok(Signal::Passing(heard)) = supervisor.next().await
                    && let Passing::Alarm { chat_queue_id: 3, conversation } = *heard
                {
                    return conversation;
                }
            }
        };
        let told = tokio::time::timeout(crate::client::PATIENCE, alarmed).await;
        assert_eq!(told.expect("an alarm").map(|id| id.to_string()), Some(id.clone()));
        // Others are still given to who is free; who comes on duty gets it before all others.
        let next = assigned(&server, "anowak").await;
        server.set_capacity("anowak", 1).await;
        let waits = server.start(&[]).await;
        joins(&server, 3, "retired", 1).await;
        turn(&server, "retired", "login").await;
        becomes(&server, &id, Some("retired")).await;
        let now = row(&server, &id).await;
        assert!(!now.is_missed);
        assert_eq!(row(&server, &waits).await.agent, None);
        // Who ends the pause gets what waits.
        turn(&server, "jkowalski", "free").await;
        becomes(&server, &waits, Some("jkowalski")).await;
        server.stop(&next).await;
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_alone_gets_it_again_after_a_pause_or_by_hand() {
    on_both_engines(async |engine| {
        let server = with(engine, &["jkowalski"]).await;
        let ids = [assigned(&server, "jkowalski").await, assigned(&server, "jkowalski").await];
        for id in &ids {
            server.message(id, "Dzień dobry").await;
        }
        server.app.clock.advance(MINUTE);
        for id in &ids {
            becomes(&server, id, None).await;
        }
        settles(&server).await;
        assert_eq!(status(&server, "jkowalski").await, "FREE");
        assert_eq!(row(&server, &ids[0]).await.agent, None, "it is not offered in circles");
        server.assign(&ids[0], "jkowalski").await.expect_nothing();
        server.app.clock.advance(1_000);
        turn(&server, "jkowalski", "pause").await;
        turn(&server, "jkowalski", "free").await;
        becomes(&server, &ids[1], Some("jkowalski")).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_are_silent_at_once_do_not_both_pause() {
    on_both_engines(async |engine| {
        let server = with(engine, &["jkowalski", "anowak"]).await;
        for round in 0..5 {
            let mut ids = Vec::new();
            for login in ["jkowalski", "anowak"] {
                let id = server.start(&[]).await;
                server.assign(&id, login).await.expect_nothing();
                server.message(&id, "Dzień dobry").await;
                ids.push(id);
            }
            server.app.clock.advance(MINUTE);
            timers(&server).await;
            let mut free = 0;
            for login in ["jkowalski", "anowak"] {
                free += usize::from(status(&server, login).await == "FREE");
            }
            assert_eq!(free, 1, "round {round}");
            for id in ids {
                server.stop(&id).await;
            }
            server.app.clock.advance(1_000);
            for login in ["jkowalski", "anowak"] {
                turn(&server, login, "free").await;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_one_of_another_queue_does_not_pause() {
    on_both_engines(async |engine| {
        let server = with(engine, &["jkowalski", "anowak"]).await;
        joins(&server, 4, "jkowalski", 5).await;
        let id = assigned(&server, "jkowalski").await;
        server.message(&id, "Dzień dobry").await;
        server.app.clock.advance(MINUTE);
        becomes(&server, &id, Some("anowak")).await;
        assert_eq!(status(&server, "jkowalski").await, "FREE");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_may_be_patient_or_lenient() {
    on_both_engines(async |engine| {
        let server = with(engine, &["jkowalski", "anowak"]).await;
        set(&server, 3, |settings| settings.no_answer_pauses = false).await;
        let id = assigned(&server, "jkowalski").await;
        server.message(&id, "Dzień dobry").await;
        server.app.clock.advance(MINUTE);
        becomes(&server, &id, Some("anowak")).await;
        assert_eq!(status(&server, "jkowalski").await, "FREE");
        server.stop(&id).await;
        set(&server, 3, |settings| settings.no_answer_seconds = 0).await;
        let id = assigned(&server, "jkowalski").await;
        server.message(&id, "Dzień dobry").await;
        assert_eq!(row(&server, &id).await.answer_due_at, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_fires_although_no_server_was_up_at_its_time() {
    on_both_engines(async |engine| {
        let mut server = with(engine, &["jkowalski", "anowak"]).await;
        let id = assigned(&server, "jkowalski").await;
        server.message(&id, "Dzień dobry").await;
        server.running.take().expect("it runs").stop().await;
        let clock = server.app.clock.clone();
        clock.advance(5 * MINUTE);
        server.start_again("").await;
        becomes(&server, &id, Some("anowak")).await;
        assert_eq!(status(&server, "jkowalski").await, "PAUSED");
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_fire_each_timer_once() {
    on_both_engines(async |engine| {
        if engine == Engine::Sqlite {
            return;
        }
        let server = Arc::new(with(engine, &["jkowalski", "anowak"]).await);
        set(&server, 3, |settings| settings.no_answer_pauses = false).await;
        server.set_capacity("jkowalski", 50).await;
        server.set_capacity("anowak", 50).await;
        let second = server.again("").await;
        let mut ids = Vec::new();
        for _ in 0..40 {
            let id = assigned(&server, "jkowalski").await;
            server.message(&id, "Dzień dobry").await;
            ids.push(id);
        }
        server.app.clock.advance(MINUTE);
        for id in &ids {
            becomes(&server, id, Some("anowak")).await;
        }
        timers(&server).await;
        for id in &ids {
            let taken = events(&server, id).await.iter().filter(|event| event.0 == 6).count();
            assert_eq!(taken, 1, "once");
        }
        assert_eq!(server.open_chats("jkowalski").await, 0);
        assert_eq!(server.open_chats("anowak").await, 40);
        assert_eq!(server.log_faults().await, Vec::<String>::new());
        tokio::time::timeout(Duration::from_secs(20), second.stop()).await.expect("it stops");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_tells_once_that_nobody_is_on_duty() {
    let server = Plan::on(Engine::Sqlite).start().await;
    with_probe(&server).await;
    let mut supervisor = server.app.hub.inbox();
    supervisor.listen(Topic::List(3));
    for _ in 0..3 {
        server.start(&[]).await;
        settles(&server).await;
    }
    let mut alarms = 0;
    while let Ok(Ok(signal)) =
        tokio::time::timeout(Duration::from_millis(50), supervisor.next()).await
    {
        let Signal::Passing(heard) = signal else { continue };
        alarms += usize::from(matches!(*heard, Passing::Alarm { conversation: None, .. }));
    }
    assert_eq!(alarms, 1);
}
