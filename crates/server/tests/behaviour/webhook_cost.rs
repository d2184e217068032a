//! What telling costs a start: nothing when nobody wants to hear of it.

use rozmowa::account;
use rozmowa::act::{Act, Actor};
use rozmowa::conversation::{self, NewConversation};
use rozmowa::queue::{self, Settings};
use rozmowa_db::Stmt;
use serde_json::json;

use crate::hooks::{CLOSED, CREATED, change, remove, server, subscribe};
use crate::receiver::Receiver;
use crate::server::Server;
use crate::store::on_both_engines;

/// The user, the queue, the conversation, its first event, when to look whether it is idle.
const SILENT: u64 = 5;

/// The statements of a start, made as a call makes it.
async fn statements(server: &Server) -> u64 {
    let user = Stmt::composed(
        "the test's user".to_owned(),
        "SELECT id, credential_version FROM api_user WHERE name = 'api_user'".to_owned(),
    );
    let (id, version): (i64, i64) = server
        .write(move |tx| Ok(tx.query_one(&user, &[], |row| Ok((row.get(0)?, row.get(1)?)))?))
        .await;
    let app = server.app.clone();
    let actor = Actor::system();
    server
        .write(move |tx| {
            let before = tx.statement_count();
            let revision = account::recheck(tx, id, version)?;
            let act = Act::at(tx, &app, &actor, revision)?;
            let new = NewConversation { chat_queue_id: 3, ..NewConversation::default() };
            conversation::start(tx, &act, &new)?;
            Ok(tx.statement_count() - before)
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_tells_nobody_runs_not_one_statement_more() {
    on_both_engines(async |engine| {
        let (server, receiver) = (server(engine).await, Receiver::start().await);
        let as_shipped =
            queue::Changes { settings: Some(Settings::default()), ..Default::default() };
        server.act(move |tx, act| queue::change(tx, act, 3, &as_shipped)).await;
        // What is remembered is loaded by the first who needs it, after every change.
        let warm = async || {
            server.start(&[]).await;
            statements(&server).await
        };
        assert_eq!(warm().await, SILENT, "there never was a subscription");
        let other = subscribe(&server, &receiver, &[CLOSED]).await;
        assert_eq!(warm().await, SILENT, "one to another action");
        let first = subscribe(&server, &receiver, &[CREATED]).await;
        assert_eq!(warm().await, SILENT + 1, "one");
        let second = subscribe(&server, &receiver, &[CLOSED, CREATED]).await;
        assert_eq!(warm().await, SILENT + 2, "two");
        change(&server, first, json!({ "enabled": false })).await;
        assert_eq!(warm().await, SILENT + 1, "one, and one that is disabled");
        remove(&server, second).await;
        assert_eq!(warm().await, SILENT, "one that is disabled");
        remove(&server, first).await;
        remove(&server, other).await;
        assert_eq!(warm().await, SILENT, "all were removed");
    })
    .await;
}
