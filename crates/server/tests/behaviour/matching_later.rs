//! A client whom the CRM does not know yet: kept, shown, found, and linked when they appear.

use rozmowa::clock::Millis;
use serde_json::Value;

use crate::server::{Server, new_customer};
use crate::store::{Engine, on_both_engines};

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_client_id_is_kept_shown_and_found() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.start(&[("client_id", "1235")]).await;
        let chat = server.chat(&id).await;
        assert_eq!(chat["client_name"], "Klient 1235");
        assert_eq!(chat["client_email"], "");
        assert_eq!(chat["customer_id"], Value::Null);
        assert_eq!(server.found(&[("client_id", "1235")]).await, [id]);
        assert!(
            server.found(&[("client_id", "123")]).await.is_empty(),
            "it is the whole id or none"
        );
        let named = server.start(&[("client_id", "ż/5"), ("client_name", "Ola")]).await;
        assert_eq!(server.chat(&named).await["client_name"], "Ola");
        assert_eq!(server.found(&[("client_id", "ż/5")]).await, [named]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_are_linked_when_their_customer_is_added() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let bare = server.start(&[("client_id", "700")]).await;
        let given =
            [("client_id", "700"), ("client_name", "Ala"), ("client_email", "ala@example.org")];
        let named = server.start(&given).await;
        server.stop(&named).await;
        let other = server.start(&[("client_id", "7000")]).await;
        let later: Millis = 60_000;
        server.app.clock.advance(later);
        let customer = new_customer(Some("700"), "Alicja", "Kot", &["alicja@example.org"]);
        let added = server.add_customer(customer).await;
        let chat = server.chat(&bare).await;
        assert_eq!(chat["customer_id"], added.id);
        assert_eq!(
            chat["client_name"], "Alicja Kot",
            "the customer's name is better than a number"
        );
        assert_eq!(chat["client_email"], "alicja@example.org");
        let chat = server.chat(&named).await;
        assert_eq!(chat["customer_id"], added.id, "a closed conversation too");
        assert_eq!(chat["status"], "CLOSED");
        assert_eq!(chat["client_name"], "Ala", "what was given stays");
        assert_eq!(chat["client_email"], "ala@example.org");
        assert_eq!(server.chat(&other).await["customer_id"], Value::Null);
        assert_eq!(server.found(&[("client_id", "700")]).await, [named.clone(), bare.clone()]);
        let linked_since = [("updated_from", "2026-06-01 12:01")];
        assert_eq!(server.found(&linked_since).await, [named, bare], "linking is a change");
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn linking_goes_on_until_all_that_waited_are_linked() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let mut wire = server.wire().await;
        let call = crate::client::post(crate::server::START)
            .query(&[("chat_queue_id", "3"), ("client_id", "800")]);
        for _ in 0..450 {
            wire.call(&call).await.expect(200);
        }
        let added = server.add_customer(new_customer(Some("800"), "", "Masowa", &[])).await;
        let found = server.chats(&[("customer_id", &added.id.to_string()), ("limit", "0")]).await;
        assert_eq!(found["count"], 450);
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_missed_between_a_start_and_the_adding_of_its_customer() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.start(&[]).await;
        for round in 0..5 {
            let identifier = format!("round {round}");
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..30 {
                let mut wire = server.wire().await;
                let given = [("chat_queue_id", "3"), ("client_id", identifier.as_str())];
                let call = crate::client::post(crate::server::START).query(&given);
                tasks.spawn(async move { wire.call(&call).await.expect(200) });
            }
            // Some have started by now, and some have not.
            for _ in 0..5 {
                tasks.join_next().await.unwrap().unwrap();
            }
            let added = server.add_customer(new_customer(Some(&identifier), "", "", &[])).await;
            tasks.join_all().await;
            let of_customer = [("customer_id", &*added.id.to_string()), ("limit", "0")];
            assert_eq!(server.chats(&of_customer).await["count"], 30, "round {round}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_are_linked_when_their_customer_adds_itself() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let waiting = server.start(&[("client_id", "900")]).await;
        server.add_customers_automatically(true).await;
        let second = server.start(&[("client_id", "900"), ("client_name", "Iga")]).await;
        assert_eq!(server.chat(&second).await["customer_id"], 3);
        assert_eq!(
            server.chat(&waiting).await["customer_id"],
            3,
            "there is a customer with its id now"
        );
        assert_eq!(server.found(&[("client_id", "900")]).await, [second, waiting]);
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_found_by_the_client_id_it_was_started_with() {
    let server = Server::on(Engine::Sqlite).await;
    // Nobody has this identifier, the address is Jan's.
    let given = [("client_id", "J-1"), ("client_email", "jan.kowalski@example.org")];
    let id = server.start(&given).await;
    assert_eq!(server.chat(&id).await["customer_id"], 1);
    assert_eq!(server.found(&[("client_id", "J-1")]).await, [id]);
}
