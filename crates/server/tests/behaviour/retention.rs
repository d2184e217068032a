//! What has been closed for long is deleted, where the installation says so.

use rozmowa::conversation::{erase, retention};
use rozmowa::setting::Amount;

use crate::hooks::DAY;
use crate::server::Server;
use crate::store::on_both_engines;

async fn set(server: &Server, days: i64) {
    server.act(move |tx, act| Amount::RetentionDays.set(tx, act, days)).await;
}

/// All steps; how many there were.
async fn run(server: &Server) -> usize {
    let mut steps = 1;
    while server.act(retention::step).await {
        steps += 1;
    }
    while server.act(erase::more).await {}
    steps
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_been_closed_for_so_many_days_goes_and_nothing_else() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let clock = server.app.clock.clone();
        let open = server.start(&[]).await;
        server.reply(&open, "jkowalski", "still here").await;
        let closed_late = server.start(&[]).await;
        let mut old = Vec::new();
        for _ in 0..25 {
            let id = server.start(&[]).await;
            server.message(&id, "tajne").await;
            server.stop(&id).await;
            old.push(id);
        }
        clock.advance(9 * DAY);
        server.stop(&closed_late).await;
        let new = server.start(&[]).await;
        server.stop(&new).await;
        clock.advance(DAY - 1);
        assert_eq!(run(&server).await, 1);
        assert_eq!(server.count().await, 28, "it is off unless it is set");
        set(&server, 10).await;
        run(&server).await;
        assert_eq!(server.count().await, 28, "not a moment before its time");
        clock.advance(1);
        assert!(run(&server).await >= 3);
        assert_eq!(server.found(&[]).await, [&*new, &*closed_late, &*open]);
        clock.advance(9 * DAY - 1);
        run(&server).await;
        assert_eq!(server.count().await, 3);
        clock.advance(1);
        run(&server).await;
        assert_eq!(server.found(&[]).await, [&*open]);
        assert_eq!(server.log_faults().await, Vec::<String>::new());
        set(&server, 0).await;
        server.stop(&open).await;
        clock.advance(1_000 * DAY);
        run(&server).await;
        assert_eq!(server.count().await, 1);
        assert_eq!(server.open_chats("jkowalski").await, 0);
    })
    .await;
}
