//! The place of everybody who waits, and how long it may take.

use std::pin::pin;
use std::time::Duration;

use rozmowa::live::{Inbox, Passing, Signal, Topic};
use rozmowa::routing::position::{self, Position};
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use crate::client::PATIENCE;
use crate::floor::{MINUTE, becomes, joins, turn};
use crate::hooks::until;
use crate::people::{Person, token_of};
use crate::server::Server;
use crate::store::on_both_engines;

async fn find(server: &Server, id: &str) -> Option<Position> {
    let (id, now): (Uuid, _) = (id.parse().expect("an id"), server.app.clock.now());
    server.write(move |tx| position::find(tx, &id, now)).await
}

fn at(place: i64, wait_seconds: Option<i64>) -> Position {
    Position { place, wait_seconds }
}

/// The next position that is told.
async fn told(inbox: &Inbox) -> Position {
    let look = async {
        loop {
            if let Signal::Passing(heard) = inbox.next().await.expect("it goes on")
                && let Passing::Position { place, wait_seconds, .. } = *heard
            {
                return at(place, wait_seconds);
            }
        }
    };
    tokio::time::timeout(PATIENCE, look).await.expect("a position")
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_has_a_place_and_a_wait_that_was_measured() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        joins(&server, 3, "jkowalski", 2).await;
        turn(&server, "jkowalski", "login").await;
        let first = server.start(&[]).await;
        becomes(&server, &first, Some("jkowalski")).await;
        let second = server.start(&[]).await;
        becomes(&server, &second, Some("jkowalski")).await;
        let mut waiting = Vec::new();
        for _ in 0..3 {
            server.app.clock.advance(1);
            waiting.push(server.start(&[]).await);
        }
        for (place, id) in (1..).zip(&waiting) {
            assert_eq!(find(&server, id).await, Some(at(place, None)), "nothing was measured");
        }
        assert_eq!(find(&server, &first).await, None, "it does not wait");
        server.app.clock.advance(10 * MINUTE);
        server.stop(&first).await;
        becomes(&server, &waiting[0], Some("jkowalski")).await;
        // It took ten minutes, and two can be had at once.
        let measured =
            async || (find(&server, &waiting[1]).await == Some(at(1, Some(301)))).then_some(());
        server.app.clock.advance(1_000);
        until("it is measured", measured).await;
        assert_eq!(find(&server, &waiting[2]).await, Some(at(2, Some(601))));
        turn(&server, "jkowalski", "pause").await;
        assert_eq!(find(&server, &waiting[2]).await, Some(at(2, None)), "nobody is on duty");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_listens_is_told_at_most_once_a_second_and_only_of_changes() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let mut ids = Vec::new();
        for _ in 0..5 {
            ids.push(server.start(&[]).await);
        }
        let mut visitor = server.app.hub.inbox();
        visitor.listen(Topic::Conversation(ids[4].parse().expect("an id")));
        server.start(&[]).await;
        server.app.clock.advance(1_000);
        assert_eq!(told(&visitor).await, at(5, None));
        server.app.clock.advance(1_000);
        server.stop(&ids[0]).await;
        assert_eq!(told(&visitor).await, at(4, None));
        // Within the second nothing is told, and then only what has become of it.
        server.stop(&ids[1]).await;
        server.stop(&ids[2]).await;
        assert!(tokio::time::timeout(Duration::from_millis(100), told(&visitor)).await.is_err());
        server.app.clock.advance(1_000);
        assert_eq!(told(&visitor).await, at(2, None));
        // Who comes behind changes nothing for those before.
        server.app.clock.advance(1_000);
        let _ = server.start(&[]).await;
        assert!(tokio::time::timeout(Duration::from_millis(100), told(&visitor)).await.is_err());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_and_who_comes_back_is_told() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.start(&[]).await;
        server.app.clock.advance(1);
        let id = server.start(&[]).await;
        let token = token_of(&server, &id).await;
        for _ in 0..2 {
            let mut visitor = Person::visitor(&server, &token).await;
            let mut told = pin!(visitor.next_of("position"));
            // Nothing moves meanwhile but the clock, for who was told lately.
            let told = loop {
                server.app.clock.advance(1_000);
                if let Ok(told) = timeout(Duration::from_millis(50), &mut told).await {
                    break told.expect("it goes on");
                }
            };
            assert_eq!((&told["place"], &told["wait_seconds"]), (&json!(2), &Value::Null));
        }
    })
    .await;
}
