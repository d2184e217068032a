//! Field groups with their items, and feed records.

use rozmowa::http::Code;
use serde_json::{Value, json};

use crate::client::{delete, get, post, put};
use crate::server::Server;
use crate::store::on_both_engines;

const GROUPS: &str = "/api/customer_field_groups";
const ITEMS: &str = "/api/customer_field_group_items";

async fn group(server: &Server) -> Value {
    let added =
        server.call(post(GROUPS).json(&json!({"name": "Zamówienia"}))).await.expect(200).json();
    let target = format!("{GROUPS}/{}/fields", added["group_id"]);
    for field in [json!({"name": "Numer"}), json!({"name": "Kwota", "kind": "number"})] {
        server.call(post(&target).json(&field)).await.expect(200);
    }
    server.call(get(GROUPS)).await.expect(200).json()[0].clone()
}

async fn items(server: &Server, customer_id: i64) -> Value {
    server.call(get(format!("{ITEMS}?customer_id={customer_id}"))).await.expect(200).json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_has_several_items_of_a_group() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let group = group(&server).await;
        let (group_id, number, amount) =
            (&group["group_id"], &group["fields"][0]["field_id"], &group["fields"][1]["field_id"]);
        assert_eq!(group["fields"][1], json!({"field_id": amount, "name": "Kwota", "kind": "number", "options": []}));
        let add = async |values: Value| {
            let body = json!({"group_id": group_id, "customer_id": 1, "values": values});
            server.call(post(ITEMS).json(&body)).await
        };
        let values = json!([{"field_id": number, "value": "Z-77"}, {"field_id": amount, "value": "12,50"}]);
        assert_eq!(add(values).await.expect(200).json(), json!({"item_id": 1}));
        add(json!([])).await.expect(200);
        let shown = |item, first: Value, second: Value| {
            json!({"item_id": item, "group_id": group_id, "values": [
                {"field_id": number, "name": "Numer", "value": first},
                {"field_id": amount, "name": "Kwota", "value": second},
            ]})
        };
        let expected = json!([shown(1, json!("Z-77"), json!(12.5)), shown(2, Value::Null, Value::Null)]);
        assert_eq!(items(&server, 1).await, expected);
        let change = json!({"values": [{"field_id": number, "value": ""}, {"field_id": amount, "value": 3}]});
        let changed = server.call(put(format!("{ITEMS}/1")).json(&change)).await.expect(200).json();
        assert_eq!(changed, json!({"item_id": 1}));
        server.call(delete(format!("{ITEMS}/2"))).await.expect_nothing();
        assert_eq!(items(&server, 1).await, json!([shown(1, Value::Null, json!(3))]));
        assert_eq!(items(&server, 2).await, json!([]));
        let wrong = json!([{"field_id": 99, "value": "x"}, {"field_id": amount, "value": "x"}]);
        add(wrong).await.expect_faults(&[Code::UnknownFieldOfGroup, Code::NotNumber]);
        add(json!([{"field": 1}])).await.expect_fault(Code::UnknownMember);
        for (body, code) in [
            (json!({"group_id": 99, "customer_id": 1}), Code::UnknownFieldGroup),
            (json!({"group_id": group_id, "customer_id": 99}), Code::UnknownCustomer),
        ] {
            server.call(post(ITEMS).json(&body)).await.expect_fault(code);
        }
        for request in [put(format!("{ITEMS}/2")), delete(format!("{ITEMS}/2"))] {
            server.call(request).await.expect_fault(Code::UnknownFieldItem);
        }
        server.call(post(GROUPS).json(&json!({"name": "Zamówienia"}))).await.expect_fault(Code::FieldGroupTaken);
        let again = post(format!("{GROUPS}/{group_id}/fields")).json(&json!({"name": "Numer"}));
        server.call(again).await.expect_fault(Code::CustomFieldTaken);
        server.call(post(format!("{GROUPS}/99/fields")).json(&json!({"name": "X"}))).await.expect_fault(Code::UnknownFieldGroup);
        // They are no fields of the customer itself, and go with it.
        assert_eq!(server.customer(1).await["custom_fields"], json!({}));
        server.call(delete("/api/customers/1")).await.expect_nothing();
        assert_eq!(server.rows_of("field_item", 1).await, 0);
        server.call(get(format!("{ITEMS}?customer_id=1"))).await.expect_fault(Code::UnknownCustomer);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_systems_tell_of_a_customer() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let target = "/api/customers/1/feed_records";
        let payload = r#"{"number": "Z-77", "sum":  12.50}"#;
        for body in [
            json!({"type": "order", "payload": payload}),
            json!({"type": "order", "payload": {"number": "Ł"}}),
        ] {
            server.call(post(target).json(&body)).await.expect_nothing();
            server.app.clock.advance(1_000);
        }
        let shown = server.call(get(target)).await.expect(200).json();
        let records = shown["result"].as_array().unwrap();
        assert_eq!(records[1]["payload"], payload, "to the letter");
        assert_eq!(records[0]["payload"], r#"{"number":"Ł"}"#);
        assert_eq!(
            (&records[1]["type"], &records[1]["created_at"]),
            (&json!("order"), &json!("2026-06-01 12:00:00"))
        );
        assert_eq!(shown["next_cursor"], Value::Null);
        let first = server.call(get(format!("{target}?limit=1"))).await.expect(200).json();
        assert_eq!(first["result"][0], records[0]);
        let next = first["next_cursor"].as_str().expect("there is more");
        let second =
            server.call(get(format!("{target}?limit=1&cursor={next}"))).await.expect(200).json();
        assert_eq!(second["result"][0], records[1]);
        for (body, code) in [
            (json!({"type": "x", "payload": "{"}), Code::NotJson),
            (json!({"payload": "{}"}), Code::Missing),
            (json!({"type": "x"}), Code::Missing),
            (
                json!({"type": "x", "payload": format!("\"{}\"", "x".repeat(70_000))}),
                Code::ObjectTooLarge,
            ),
        ] {
            server.call(post(target).json(&body)).await.expect_fault(code);
        }
        let nobody =
            post("/api/customers/99/feed_records").json(&json!({"type": "x", "payload": "{}"}));
        server.call(nobody).await.expect_fault(Code::UnknownCustomer);
        server.call(delete("/api/customers/1")).await.expect_nothing();
        assert_eq!(server.rows_of("feed_record", 1).await, 0);
    })
    .await;
}
