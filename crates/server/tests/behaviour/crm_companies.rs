//! Companies: customers, too, with people who belong to them.

use rozmowa::http::Code;
use serde_json::{Value, json};

use crate::client::{delete, get, post, put};
use crate::server::Server;
use crate::store::on_both_engines;

async fn company(server: &Server, id: i64) -> Value {
    server.call(get(format!("/api/companies/{id}"))).await.expect(200).json()
}

async fn found(server: &Server, path: &str, parameters: &[(&str, &str)], key: &str) -> Vec<i64> {
    let found = server.call(get(path).query(parameters)).await.expect(200).json();
    let result = found["result"].as_array().expect("a list");
    assert_eq!(found["count"], result.len(), "{found}");
    result.iter().map(|one| one[key].as_i64().expect("a number")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_company_is_a_customer_with_a_number_of_its_own() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let body = json!({
            "name": "Firma sp. z o.o.", "email": "biuro@firma.example", "phone_number": ["222333444"],
            "identifier": "F-1", "type": "Partner", "group": "Hurt", "nip": "PL 123-456-32-18",
            "homepage": "https://firma.example", "note": "Ważna", "account_manager": "anowak", "vip": 1,
            "address": {"city": "Kraków"},
        });
        let (id, customer) = server.new_company(body).await;
        assert_eq!((id, customer), (1, 3));
        let expected = json!({
            "company_id": 1, "customer_id": 3, "name": "Firma sp. z o.o.", "phone_number": "222333444",
            "phone_numbers": ["222333444"], "email": "biuro@firma.example", "emails": ["biuro@firma.example"],
            "identifier": "F-1", "type": "Partner", "group": "Hurt", "nip": "PL 123-456-32-18",
            "account_manager": "anowak", "updated_at": "2026-06-01 12:00:00", "custom_fields": {},
        });
        assert_eq!(company(&server, id).await, expected);
        let target = "/api/companies/1?include_address=1&include_details=1";
        let shown = server.call(get(target)).await.expect(200).json();
        assert_eq!((&shown["address"]["city"], &shown["details"]["vip"]), (&json!("Kraków"), &json!(true)));
        let as_customer = server.customer(customer).await;
        for (name, value) in [
            ("surname", json!("Firma sp. z o.o.")), ("name", json!("")), ("company_flag", json!("1")),
            ("company_id", json!(1)),
        ] {
            assert_eq!(as_customer[name], value, "{name}");
        }
        server.call(put("/api/companies/1").json(&json!({"name": "Firma SA", "vip": false}))).await.expect(200);
        assert_eq!(company(&server, id).await["name"], "Firma SA");
        // A client of it is matched as every other customer is.
        let chat = server.start(&[("client_email", "BIURO@firma.example")]).await;
        assert_eq!(server.chat(&chat).await["client_name"], "Firma SA");
        for request in [get("/api/companies/3"), put("/api/companies/3"), delete("/api/companies/x")] {
            server.call(request).await.expect_fault(Code::UnknownCompany);
        }
        server.call(post("/api/companies").json(&json!({}))).await.expect_fault_of(Code::Missing, "name");
        let taken = json!({"name": "X", "identifier": "F-1"});
        server.call(post("/api/companies").json(&taken)).await.expect_fault(Code::IdentifierTaken);
        assert_eq!(server.customers().await, 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_tell_companies_from_people() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let (first, first_customer) =
            server.new_company(json!({"name": "A", "nip": "123-456-32-18"})).await;
        let (second, _) =
            server.new_company(json!({"name": "B", "type": "Partner", "email": "b@b.pl"})).await;
        let person = server
            .new_customer(json!({"surname": "Kos", "company_id": first, "email": "B@b.pl"}))
            .await;
        let companies = async |parameters: &[(&str, &str)]| {
            found(&server, "/api/companies", parameters, "company_id").await
        };
        assert_eq!(companies(&[]).await, [first, second]);
        assert_eq!(companies(&[("email", "b@b.pl")]).await, [second]);
        assert_eq!(companies(&[("nip", "PL1234563218")]).await, [first]);
        assert_eq!(companies(&[("type", "Partner")]).await, [second]);
        assert_eq!(companies(&[("type", "X")]).await, [0; 0]);
        let customers = async |parameters: &[(&str, &str)]| {
            found(&server, "/api/customers", parameters, "customer_id").await
        };
        let first = first.to_string();
        assert_eq!(customers(&[("company_id", &*first)]).await, [first_customer, person]);
        assert_eq!(customers(&[("company_id", &*first), ("company_flag", "0")]).await, [person]);
        assert_eq!(customers(&[("company_flag", "1")]).await, [3, 4]);
        assert_eq!(customers(&[("company_flag", "false")]).await, [1, 2, person]);
        assert_eq!(customers(&[("company_id", "77")]).await, [0; 0]);
        let page = server.call(get("/api/companies?cursor=&limit=1")).await.expect(200).json();
        assert_eq!(
            (&page["result"][0]["company_id"], &page["next_cursor"]),
            (&json!(1), &json!("3"))
        );
        let page = server.call(get("/api/companies?cursor=3&limit=1")).await.expect(200).json();
        assert_eq!(
            (&page["result"][0]["company_id"], &page["next_cursor"]),
            (&json!(2), &Value::Null)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_leave_a_company_that_is_deleted_and_can_be_moved() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let (first, _) = server.new_company(json!({"name": "A"})).await;
        let (second, second_customer) = server.new_company(json!({"name": "B"})).await;
        let mut people = Vec::new();
        for _ in 0..45 {
            people.push(server.new_customer(json!({"surname": "Kos", "company_id": second})).await);
        }
        server.put_customer(people[0], json!({"company_id": first})).await.expect(200);
        server.put_customer(people[1], json!({"company_id": ""})).await.expect(200);
        assert_eq!(server.customer(people[0]).await["company_id"], first);
        assert_eq!(server.customer(people[1]).await["company_id"], "");
        server.call(delete(format!("/api/companies/{second}"))).await.expect_nothing();
        for person in &people[1..] {
            assert_eq!(server.customer(*person).await["company_id"], "");
        }
        assert_eq!(server.customer(people[0]).await["company_id"], first);
        server
            .call(get(format!("/api/companies/{second}")))
            .await
            .expect_fault(Code::UnknownCompany);
        server
            .call(get(format!("/api/customers/{second_customer}")))
            .await
            .expect_fault(Code::UnknownCustomer);
        server
            .put_customer(people[1], json!({"company_id": second}))
            .await
            .expect_fault(Code::UnknownCompany);
        // By its other number.
        let first_customer = second_customer - 1;
        server.call(delete(format!("/api/customers/{first_customer}"))).await.expect_nothing();
        server
            .call(get(format!("/api/companies/{first}")))
            .await
            .expect_fault(Code::UnknownCompany);
        assert_eq!(server.customer(people[0]).await["company_id"], "");
    })
    .await;
}
