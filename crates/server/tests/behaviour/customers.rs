//! Customers from the console: found, linked, made, unlinked.

use rozmowa::customer;
use rozmowa::http::Code;
use serde_json::{Value, json};

use crate::desk::{Desk, start_in};
use crate::server::{Server, new_customer};
use crate::store::on_both_engines;

async fn found(server: &Server, desk: &Desk, q: &str) -> Vec<i64> {
    let q: String = url::form_urlencoded::byte_serialize(q.as_bytes()).collect();
    let hits = desk.get(server, &format!("/console/customers?q={q}")).await.expect(200).json();
    hits.as_array()
        .expect("a list")
        .iter()
        .map(|hit| hit["customer_id"].as_i64().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_are_found_by_the_beginnings_of_words() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let desk = Desk::of(&server, "jkowalski").await;
        // 1 is Jan Kowalski, 1234; 2 is Andrzej Nowak.
        let zolw = new_customer(Some("ABC-77"), "Żaneta", "Żółw", &["zolw@example.org", "z@poczta.pl"]);
        server.add_customer(zolw).await;
        for (q, expected) in [
            ("kow", vec![1]),
            ("KOWALSKI jan", vec![1]),
            ("jan now", vec![]),
            ("zolw", vec![3]),
            ("Żół żan", vec![3]),
            ("1234", vec![1]),
            ("abc-77", vec![3]),
            ("z@poczta", vec![3]),
            ("jan.kowalski@exa", vec![1]),
            ("andrzej.nowak@company.bar", vec![2]),
            // By surname.
            ("example", vec![1, 3]),
            ("owalski", vec![]),
            ("%", vec![]),
            // Words like any others: `org` and 1234 begin so.
            ("' OR 1=1 --", vec![1]),
        ] {
            assert_eq!(found(&server, &desk, q).await, expected, "{q}");
        }
        let hits = desk.get(&server, "/console/customers?q=zolw").await.expect(200).json();
        let hit = json!({"customer_id": 3, "identifier": "ABC-77", "name": "Żaneta", "surname": "Żółw",
            "email": "zolw@example.org", "phone_number": null, "is_company": false, "company_id": null,
            "company": null});
        assert_eq!(hits, json!([hit]));
        let rename = |customer: &mut customer::Customer| customer.surname = "Kos".to_owned();
        server.act(move |tx, act| customer::change(tx, act, 3, rename)).await;
        assert_eq!(found(&server, &desk, "zolw").await, [3], "by the address");
        assert_eq!(found(&server, &desk, "kos").await, [3]);
        assert_eq!(found(&server, &desk, "zaneta zol").await, [3]);
        // Those from before there were words.
        server.execute("DELETE FROM customer_word").await;
        server.execute("DELETE FROM setting WHERE name = 'customers.found_until'").await;
        while server.write(customer::find::step).await {}
        assert_eq!(found(&server, &desk, "kow").await, [1]);
        desk.get(&server, "/console/customers?q=").await.expect_fault_of(Code::Missing, "q");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_twenty_are_shown() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let desk = Desk::of(&server, "jkowalski").await;
        server
            .act(|tx, act| {
                for number in 0..30 {
                    let name = format!("N{number:02}");
                    customer::add(tx, act, &new_customer(None, &name, "Wiśniewska", &[]))?;
                }
                Ok(())
            })
            .await;
        assert_eq!(found(&server, &desk, "wisn").await, (3..23).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_says_whom_a_conversation_is_with() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let desk = Desk::agent(&server, "jkowalski", 3).await;
        let id = start_in(&server, 3).await;
        let linked = desk.does(&server, &id, "customer", json!({"customer_id": 1})).await;
        assert_eq!(linked, json!({"customer_id": 1}));
        let sheet = desk.sheet(&server, &id).await;
        assert_eq!((&sheet["customer"]["customer_id"], &sheet["customer"]["identifier"]), (&json!(1), &json!("1234")));
        assert_eq!(sheet["client"]["shown_name"], "Jan Kowalski", "the client had said nothing");
        // The same again changes nothing.
        desk.does(&server, &id, "customer", json!({"customer_id": 1})).await;
        let events = desk.events(&server, &id).await;
        assert_eq!(events.len(), 2);
        let event = ["kind", "sent_by", "data"].map(|name| events[1][name].clone());
        assert_eq!(event, [json!("linked"), json!("AGENT"), json!({"customer_id": 1})]);
        assert_eq!(events[1]["agent"]["login"], "jkowalski");
        // Somebody else, who is new.
        let new = json!({"name": "Ewa", "surname": "Kos", "email": "ewa@example.org", "identifier": "99"});
        let made = desk.does(&server, &id, "customer", new.clone()).await;
        assert_eq!(made, json!({"customer_id": 3}));
        let sheet = desk.sheet(&server, &id).await;
        let customer = json!({"customer_id": 3, "identifier": "99", "name": "Ewa", "surname": "Kos",
            "emails": ["ewa@example.org"]});
        assert_eq!(sheet["customer"], customer);
        assert_eq!(sheet["client"]["shown_name"], "Jan Kowalski", "what is known stays");
        assert_eq!(found(&server, &desk, "ewa").await, [3]);
        desk.is_refused(&server, &id, "customer", new, Code::IdentifierTaken).await;
        let nobody = json!({"customer_id": 99});
        desk.is_refused(&server, &id, "customer", nobody, Code::UnknownCustomer).await;
        desk.is_refused(&server, &id, "customer", json!({"name": ""}), Code::Missing).await;
        let target = format!("/console/conversations/{id}/customer");
        let place = desk.call(&server, "DELETE", &target, Value::Null).await.expect(200).json();
        assert_eq!(place["seq"], 4);
        let again = desk.call(&server, "DELETE", &target, Value::Null).await.expect(200).json();
        assert_eq!(again["seq"], Value::Null);
        assert_eq!(desk.sheet(&server, &id).await["customer"], Value::Null);
        assert_eq!(desk.events(&server, &id).await[3]["data"], json!({"customer_id": null}));
        assert_eq!(server.log_faults().await, [""; 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn making_a_customer_links_all_who_were_waiting_for_them() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let desk = Desk::agent(&server, "jkowalski", 3).await;
        let [this, other] = [
            server.start(&[("client_id", "77")]).await,
            server.start(&[("client_id", "77")]).await,
        ];
        desk.does(&server, &this, "customer", json!({"name": "Ewa", "identifier": "77"})).await;
        for id in [&this, &other] {
            assert_eq!(desk.sheet(&server, id).await["customer"]["customer_id"], 3, "{id}");
        }
        // Not one that the agent may see.
        let foreign = start_in(&server, 4).await;
        desk.is_refused(&server, &foreign, "customer", json!({"customer_id": 1}), Code::RoleNeeded)
            .await;
        desk.is_refused(&server, &foreign, "customer", json!({"name": "Jan"}), Code::RoleNeeded)
            .await;
        assert_eq!(server.customers().await, 3, "what was refused has made nobody");
    })
    .await;
}
