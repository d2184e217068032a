//! Who waits gets somebody who is free: at once, in order, and nobody too many.

use std::time::Instant;

use rozmowa::queue::settings::{Hours, Span, Strategy, WelcomeWhen};
use rozmowa::routing;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::client::{delete, post, put};
use crate::floor::{MINUTE, becomes, events, joins, joins_at, row, set, settles, turn, with_probe};
use crate::hooks::until;
use crate::server::{NOON, START, Server, started};
use crate::store::{Engine, on_both_engines};
use crate::visitors::opened;

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_goes_to_who_is_free_at_once() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        with_probe(&server).await;
        joins(&server, 3, "jkowalski", 1).await;
        let first = server.start(&[]).await;
        settles(&server).await;
        assert_eq!(row(&server, &first).await.agent, None, "nobody is on duty");
        turn(&server, "jkowalski", "login").await;
        becomes(&server, &first, Some("jkowalski")).await;
        let second = server.start(&[]).await;
        let third = server.start(&[]).await;
        settles(&server).await;
        assert_eq!(row(&server, &second).await.agent, None, "there is no room");
        server.stop(&first).await;
        becomes(&server, &second, Some("jkowalski")).await;
        server.set_capacity("jkowalski", 2).await;
        becomes(&server, &third, Some("jkowalski")).await;
        let kinds: Vec<_> = events(&server, &third).await;
        assert_eq!(kinds, [(0, None, Value::Null), (2, Some(1), Value::Null)]);
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_paused_gone_closed_or_of_another_queue_gets_nothing() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        with_probe(&server).await;
        joins(&server, 3, "jkowalski", 5).await;
        joins(&server, 4, "anowak", 5).await;
        turn(&server, "anowak", "login").await;
        turn(&server, "jkowalski", "login").await;
        turn(&server, "jkowalski", "pause").await;
        let id = server.start(&[]).await;
        settles(&server).await;
        assert_eq!(row(&server, &id).await.agent, None, "a pause");
        turn(&server, "jkowalski", "logout").await;
        settles(&server).await;
        assert_eq!(row(&server, &id).await.agent, None, "off duty");
        turn(&server, "jkowalski", "login").await;
        becomes(&server, &id, Some("jkowalski")).await;
        let close = json!({"active": false});
        server.call(put("/api/agents/jkowalski").json(&close)).await.expect_nothing();
        let next = server.start(&[]).await;
        settles(&server).await;
        assert_eq!(row(&server, &next).await.agent, None, "a closed account");
        joins(&server, 3, "anowak", 5).await;
        becomes(&server, &next, Some("anowak")).await;
        let leave = delete("/api/chats/queues/3/agents/anowak");
        server.call(leave).await.expect_nothing();
        let last = server.start(&[]).await;
        settles(&server).await;
        assert_eq!(row(&server, &last).await.agent, None, "one who answers it no more");
        // A lease that is over needs nobody to say so.
        server.call(post("/api/agents/anowak/login").json(&json!({"lease_seconds": 60}))).await;
        server.app.clock.advance(MINUTE);
        joins(&server, 3, "anowak", 5).await;
        settles(&server).await;
        assert_eq!(row(&server, &last).await.agent, None, "a lease that is over");
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}

/// Whose the next conversation of a customer, or of nobody, becomes.
async fn next(server: &Server, parameters: &[(&str, &str)]) -> String {
    let id = server.start(parameters).await;
    until("somebody gets it", async || row(server, &id).await.agent).await
}

#[tokio::test(flavor = "multi_thread")]
async fn strategies_decide_in_their_order() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        for login in ["jkowalski", "anowak", "retired"] {
            joins(&server, 3, login, 50).await;
            turn(&server, login, "login").await;
        }
        // Nothing tells them apart but who was assigned least recently: each in turn.
        let mut turns = Vec::new();
        for _ in 0..6 {
            turns.push(next(&server, &[]).await);
        }
        assert_eq!(turns[..3], turns[3..]);
        assert_eq!(turns[..3], ["jkowalski", "anowak", "retired"]);
        // Fewest open conversations come before that.
        let others = server.start(&[]).await;
        becomes(&server, &others, Some("jkowalski")).await;
        for id in server.found(&[("user_login", "retired")]).await {
            server.stop(&id).await;
        }
        assert_eq!(next(&server, &[]).await, "retired");
        assert_eq!(next(&server, &[]).await, "retired");
        // Who talked to this customer last comes before that.
        let talk = server.start(&[("client_id", "1234")]).await;
        until("it is somebody's", async || row(&server, &talk).await.agent).await;
        server.assign(&talk, "jkowalski").await.expect_nothing();
        server.reply(&talk, "jkowalski", "Dzień dobry").await;
        assert_eq!(next(&server, &[("client_id", "1234")]).await, "jkowalski");
        // The priority comes before that.
        joins_at(&server, 3, "anowak", 1).await;
        assert_eq!(next(&server, &[("client_id", "1234")]).await, "anowak");
        // The account manager comes first of all.
        server.put_customer(1, json!({"account_manager": "retired"})).await.expect(200);
        assert_eq!(next(&server, &[("client_id", "1234")]).await, "retired");
        assert_eq!(next(&server, &[]).await, "anowak");
        // The order is the installation's, or the queue's own.
        let by_talk = [Strategy::LastAgent, Strategy::AccountManager];
        server.act(move |tx, act| routing::set_strategies(tx, act, &by_talk)).await;
        assert_eq!(next(&server, &[("client_id", "1234")]).await, "jkowalski");
        set(&server, 3, |settings| settings.strategies = Some(vec![Strategy::Priority])).await;
        assert_eq!(next(&server, &[("client_id", "1234")]).await, "anowak");
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_is_served_in_order_over_all_queues() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        joins(&server, 3, "jkowalski", 1).await;
        joins(&server, 4, "jkowalski", 1).await;
        let mut waiting = Vec::new();
        for queue in ["3", "4", "4", "3", "3", "4"] {
            server.app.clock.advance(10);
            waiting.push(server.start(&[("client_id", queue)]).await);
            let last = waiting.pop().expect("one");
            server.stop(&last).await;
            let answer = server.call(post(START).query(&[("chat_queue_id", queue)])).await;
            waiting.push(started(&answer));
        }
        turn(&server, "jkowalski", "login").await;
        for id in &waiting {
            becomes(&server, id, Some("jkowalski")).await;
            server.stop(id).await;
        }
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_has_a_cap_of_its_own() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        with_probe(&server).await;
        joins(&server, 3, "jkowalski", 3).await;
        joins(&server, 4, "jkowalski", 3).await;
        set(&server, 3, |settings| settings.agent_capacity = Some(1)).await;
        turn(&server, "jkowalski", "login").await;
        let first = server.start(&[]).await;
        becomes(&server, &first, Some("jkowalski")).await;
        let second = server.start(&[]).await;
        let other = started(&server.call(post(START).query(&[("chat_queue_id", "4")])).await);
        becomes(&server, &other, Some("jkowalski")).await;
        settles(&server).await;
        assert_eq!(row(&server, &second).await.agent, None);
        server.stop(&first).await;
        becomes(&server, &second, Some("jkowalski")).await;
        set(&server, 3, |settings| settings.agent_capacity = None).await;
        let third = server.start(&[]).await;
        becomes(&server, &third, Some("jkowalski")).await;
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_hours_nothing_is_assigned_and_a_start_is_taken() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        with_probe(&server).await;
        joins(&server, 3, "jkowalski", 9).await;
        turn(&server, "jkowalski", "login").await;
        // It is Monday, 12:00, and they open at 14:00.
        let week = std::array::from_fn(|_| vec![Span { from_minute: 840, until_minute: 960 }]);
        let hours =
            Hours { week, time_zone: None, special_days: Vec::new(), has_polish_holidays: true };
        set(&server, 3, move |settings| settings.hours = Some(hours.clone())).await;
        let id = server.start(&[]).await;
        settles(&server).await;
        assert_eq!(row(&server, &id).await.agent, None);
        server.app.clock.advance(120 * MINUTE - 1);
        settles(&server).await;
        assert_eq!(row(&server, &id).await.agent, None, "a moment before they open");
        server.app.clock.advance(1_001);
        becomes(&server, &id, Some("jkowalski")).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_waited_for_too_long_is_not_assigned_by_itself() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        with_probe(&server).await;
        joins(&server, 3, "jkowalski", 9).await;
        set(&server, 3, |settings| settings.stop_assigning_hours = 2).await;
        let old = server.start(&[]).await;
        server.app.clock.advance(60 * MINUTE);
        let young = server.start(&[]).await;
        server.app.clock.advance(60 * MINUTE);
        turn(&server, "jkowalski", "login").await;
        becomes(&server, &young, Some("jkowalski")).await;
        settles(&server).await;
        assert_eq!(row(&server, &old).await.agent, None);
        server.assign(&old, "jkowalski").await.expect_nothing();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_welcome_is_said_once_when_the_queue_says_so() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let texts = async |id: &str| -> Vec<(String, String)> {
            let chat = server.chat(id).await;
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let messages = chat["messages"].as_array().expect("a list").iter();
            messages.map(|said| (text(&said["sent_by"]), text(&said["text"]))).collect()
        };
        let said = |text: &str| vec![("SYSTEM".to_owned(), text.to_owned())];
        let never = server.start(&[]).await;
        assert_eq!(texts(&never).await, []);
        set(&server, 3, |settings| {
            settings.welcome_when = WelcomeWhen::Creation;
            settings.welcome.pl = "Dzień dobry!".to_owned();
            settings.welcome.en = "Hello!".to_owned();
        })
        .await;
        let created = server.start(&[]).await;
        assert_eq!(texts(&created).await, said("Dzień dobry!"));
        let english = opened(&server, &json!({"chat_queue_id": 3, "language": "en"})).await;
        assert_eq!(texts(&english.id).await, said("Hello!"));
        set(&server, 3, |settings| settings.welcome_when = WelcomeWhen::Assignment).await;
        server.assign(&created, "anowak").await.expect_nothing();
        let assigned = server.start(&[]).await;
        server.execute("UPDATE conversation SET language = 'en-GB'").await;
        assert_eq!(texts(&assigned).await, []);
        server.assign(&assigned, "anowak").await.expect_nothing();
        assert_eq!(texts(&assigned).await, said("Hello!"));
        server.assign(&assigned, "jkowalski").await.expect_nothing();
        assert_eq!(texts(&assigned).await, said("Hello!"), "once");
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bots_conversations_do_not_wait_for_people() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        with_probe(&server).await;
        joins(&server, 3, "jkowalski", 9).await;
        let (bots, peoples) = (server.start(&[]).await, server.start(&[]).await);
        let bots_id: uuid::Uuid = bots.parse().expect("an id");
        server
            .write(move |tx| {
                let text = "UPDATE conversation SET bot_id = $1 WHERE id = $1".to_owned();
                let bot = rozmowa_db::Stmt::composed("a bot's".to_owned(), text);
                Ok(tx.execute(&bot, rozmowa_db::params![&bots_id])?)
            })
            .await;
        turn(&server, "jkowalski", "login").await;
        becomes(&server, &peoples, Some("jkowalski")).await;
        settles(&server).await;
        assert_eq!(row(&server, &bots).await.agent, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_at_once_find_nobody_above_capacity_and_nobody_is_stuck() {
    on_both_engines(async |engine| {
        const STARTS: usize = 1_000;
        let server = Server::on(engine).await;
        let logins = ["jkowalski", "anowak", "retired"];
        for (login, capacity) in logins.into_iter().zip([2, 3, 4]) {
            joins(&server, 3, login, capacity).await;
        }
        set(&server, 3, |settings| settings.agent_capacity = Some(3)).await;
        let mut tasks = JoinSet::new();
        for number in 0..STARTS {
            let address = server.address;
            tasks.spawn(async move {
                let mut wire = crate::client::Wire::open(address).await;
                // Those who answer come on duty in the middle of it.
                if number % 300 == 100 {
                    let login = logins[number / 300 % 3];
                    wire.call(&post(format!("/api/agents/{login}/login"))).await.expect_nothing();
                }
                let answer = wire.call(&post(START).query(&[("chat_queue_id", "3")])).await;
                started(&answer)
            });
        }
        let ids = tasks.join_all().await;
        // 2, 3, and 3 of 4: the queue has a cap of its own.
        let expected = [2, 3, 3];
        let open = async || {
            let mut open = Vec::new();
            for login in logins {
                open.push(server.open_chats(login).await);
            }
            open
        };
        until("everybody is busy", async || (open().await == expected).then_some(())).await;
        let mut done = std::collections::BTreeSet::new();
        while done.len() < STARTS {
            let mut closing = JoinSet::new();
            for login in logins {
                for id in server.found(&[("user_login", login), ("status", "CREATED")]).await {
                    if done.insert(id.clone()) {
                        let mut wire = server.wire().await;
                        let call = post(format!("/api/chat_conversations/{id}/stop"));
                        closing.spawn(async move { wire.call(&call).await.expect_nothing() });
                    }
                }
            }
            closing.join_all().await;
            for (open, most) in open().await.into_iter().zip(expected) {
                assert!((0..=most).contains(&open), "{open} of {most}");
            }
        }
        assert_eq!(done.len(), ids.len());
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}

async fn five_hundred_wait(server: &Server) {
    let start = |tx: &mut rozmowa_db::Tx<'_>, act: &rozmowa::act::Act<'_>| {
        let new = rozmowa::conversation::NewConversation { chat_queue_id: 3, ..Default::default() };
        for _ in 0..500 {
            rozmowa::conversation::start(tx, act, &new)?;
        }
        Ok(())
    };
    server.act(start).await;
}

/// They are asked about in several transactions.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_behind_many_who_were_missed_is_not_forgotten() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        joins(&server, 3, "jkowalski", 9).await;
        for _ in 0..3 {
            five_hundred_wait(&server).await;
        }
        let last = server.start(&[]).await;
        server
            .execute("INSERT INTO missed (conversation_id, agent_id, at) SELECT id, 1, 4000000000000 FROM conversation")
            .await;
        server.execute("UPDATE conversation SET waiting_rank = 0").await;
        let id: uuid::Uuid = last.parse().expect("an id");
        let forgive = move |tx: &mut rozmowa_db::Tx<'_>| {
            let text = "DELETE FROM missed WHERE conversation_id = $1";
            let statement = rozmowa_db::Stmt::composed("forgiven".to_owned(), text.to_owned());
            Ok(tx.execute(&statement, rozmowa_db::params![&id])?)
        };
        server.write(forgive).await;
        turn(&server, "jkowalski", "login").await;
        becomes(&server, &last, Some("jkowalski")).await;
    })
    .await;
}

/// The figure is the benchmark's business; that it ends, and how, is this test's.
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_who_wait_get_two_hundred_who_come_at_once() {
    const AGENTS: i64 = 200;
    const ROOM: i64 = 50;
    let server = Server::on(Engine::Sqlite).await;
    for _ in (0..AGENTS * ROOM).step_by(500) {
        five_hundred_wait(&server).await;
    }
    server
        .act(|tx, act| {
            for number in 0..AGENTS {
                let agent = rozmowa::agent::NewAgent {
                    login: format!("agent{number}"),
                    capacity: ROOM,
                    ..Default::default()
                };
                rozmowa::agent::add(tx, act, &agent)?;
                rozmowa::queue::agents::set(tx, act, 3, &agent.login, 100)?;
            }
            Ok(())
        })
        .await;
    let began = Instant::now();
    server
        .act(|tx, act| {
            for number in 0..AGENTS {
                let lease = rozmowa::agent::presence::Lease::Exactly(1_000_000);
                let login = format!("agent{number}");
                rozmowa::agent::presence::login(tx, act, &login, lease)?;
            }
            Ok(())
        })
        .await;
    let text =
        "SELECT count(*), min(open_chats), max(open_chats) FROM agent WHERE login LIKE 'agent%'";
    let counts = rozmowa_db::Stmt::composed("counts".to_owned(), text.to_owned());
    let all = (AGENTS, ROOM, ROOM);
    let look = async || {
        let read = server.app.db.read(move |tx| {
            let row = |row: &rozmowa_db::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
            Ok::<_, rozmowa::http::Error>(tx.query_one(&counts, &[], row)?)
        });
        (read.await.expect("the store answers") == all).then_some(())
    };
    until("everybody is busy", look).await;
    println!("10,000 conversations went to 200 agents in {:?}", began.elapsed());
    assert_eq!(server.log_faults().await, Vec::<String>::new());
    assert_eq!(server.app.clock.now(), NOON);
}
