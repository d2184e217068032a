//! Many customers and companies in one call.

use rozmowa::http::Code;
use serde_json::{Value, json};

use crate::client::{post, put};
use crate::server::Server;
use crate::store::on_both_engines;

const CUSTOMERS: &str = "/api/batch/customers";

async fn added(server: &Server, entries: Value) -> Value {
    server.call(post(CUSTOMERS).json(&json!({"customers": entries}))).await.expect(200).json()
}

/// The codes of an entry that was refused.
fn codes(result: &Value) -> Vec<u64> {
    let errors = result["errors"].as_array().unwrap_or_else(|| panic!("not refused: {result}"));
    errors.iter().map(|error| error["code"].as_u64().expect("a code")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_entry_has_its_result_and_a_bad_one_stops_no_other() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let entries = json!([
            {"surname": "A", "identifier": "b-1", "phone_number": ["1"]},
            {"name": "B", "email": "x"},
            {"surname": "C", "identifier": "b-1"},
            "nonsense",
            {"surname": "E", "company_id": 77},
            {"surname": "F"},
        ]);
        let results = added(&server, entries).await;
        let of = |code: Code| u64::from(code.number());
        assert_eq!(results.as_array().map(Vec::len), Some(6));
        let first = results[0]["customer_id"].as_i64().expect("a number");
        assert_eq!(codes(&results[1]), [of(Code::Missing), of(Code::NotEmail)]);
        assert_eq!(codes(&results[2]), [of(Code::IdentifierTaken)]);
        assert_eq!(codes(&results[3]), [of(Code::NotObject)]);
        assert_eq!(codes(&results[4]), [of(Code::UnknownCompany)]);
        let last = results[5]["customer_id"].as_i64().expect("a number");
        assert_eq!(server.customers().await, 4);
        assert_eq!(server.customer(first).await["phone_number"], "1");
        assert_eq!(server.customer(last).await["surname"], "F");
        let changes = json!({"customers": [
            {"customer_id": last, "identifier": "b-1"},
            {"customer_id": 99, "name": "X"},
            {"name": "X"},
            {"customer_id": first, "name": "Anna", "identifier": ""},
            {"customer_id": last, "identifier": "b-1"},
        ]});
        let results = server.call(put(CUSTOMERS).json(&changes)).await.expect(200).json();
        assert_eq!(codes(&results[0]), [of(Code::IdentifierTaken)]);
        assert_eq!(codes(&results[1]), [of(Code::UnknownCustomer)]);
        assert_eq!(codes(&results[2]), [of(Code::Missing)]);
        assert_eq!(results[3], json!({"customer_id": first}));
        assert_eq!(results[4], json!({"customer_id": last}));
        assert_eq!(server.customer(last).await["identifier"], "b-1");
        assert_eq!(server.customer(first).await["name"], "Anna");
        let in_polish = post(CUSTOMERS).json(&json!({"customers": [{}]})).in_polish();
        let results = server.call(in_polish).await.expect(200).json();
        assert!(results[0]["errors"][0]["message"].as_str().unwrap().contains("surname"));
        assert!(results[0]["errors"][0]["message"].as_str().unwrap().starts_with("Parametr "));
        for (body, code) in [
            (json!({}), Code::Missing),
            (json!({"customers": {"a": 1}}), Code::NotList),
            (json!({"customers": vec![json!({"surname": "X"}); 1_001]}), Code::TooManyValues),
        ] {
            server.call(post(CUSTOMERS).json(&body)).await.expect_fault_of(code, "customers");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_batch_goes_in_steps_and_is_done_once_under_its_key() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let entries: Vec<_> =
            (0..130).map(|number| json!({"surname": format!("N{number}"), "identifier": format!("i{number}")})).collect();
        let request = post(CUSTOMERS).json(&json!({"customers": entries})).key("batch");
        let first = server.call(request.clone()).await.expect(200).json();
        let numbers: Vec<_> = first.as_array().unwrap().iter().map(|one| one["customer_id"].as_i64().unwrap()).collect();
        assert_eq!(numbers, (3..133).collect::<Vec<_>>());
        assert_eq!(server.call(request).await.expect(200).json(), first);
        assert_eq!(server.customers().await, 132);
        let other = post(CUSTOMERS).json(&json!({"customers": [{"surname": "X"}]})).key("batch");
        server.call(other).await.expect_fault(Code::IdempotencyKeyReused);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn companies_come_in_batches_too() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let body = json!({"companies": [{"name": "A"}, {}, {"name": "B"}]});
        let results =
            server.call(post("/api/batch/companies").json(&body)).await.expect(200).json();
        assert_eq!(results[0], json!({"company_id": 1, "customer_id": 3}));
        assert_eq!(codes(&results[1]), [u64::from(Code::Missing.number())]);
        assert_eq!(results[2], json!({"company_id": 2, "customer_id": 4}));
        let body =
            json!({"companies": [{"company_id": 2, "name": "BB"}, {"company_id": 3, "name": "C"}]});
        let results = server.call(put("/api/batch/companies").json(&body)).await.expect(200).json();
        assert_eq!(results[0], json!({"company_id": 2, "customer_id": 4}));
        assert_eq!(codes(&results[1]), [u64::from(Code::UnknownCompany.number())]);
        assert_eq!(server.customer(4).await["surname"], "BB");
    })
    .await;
}
