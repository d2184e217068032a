//! Custom fields: what an installation knows of customers beyond our columns.

use rozmowa::http::Code;
use serde_json::{Value, json};

use crate::client::{get, post, put};
use crate::server::Server;
use crate::store::on_both_engines;

const FIELDS: &str = "/api/custom_fields";

async fn custom(server: &Server, id: i64) -> Value {
    server.customer(id).await["custom_fields"].clone()
}

/// A field of each kind.
async fn five(server: &Server) {
    for field in [
        json!({"name": "Tekst"}),
        json!({"name": "Liczba", "kind": "number"}),
        json!({"name": "Data", "kind": "date"}),
        json!({"name": "Kraj", "kind": "list", "options": ["POLSKA", "CZECHY", "NIEMCY"]}),
        json!({"name": "Zgoda", "kind": "yes_no"}),
    ] {
        server.new_field(field).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_takes_and_shows_its_values() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        five(&server).await;
        let id = server.new_customer(json!({"surname": "Kos"})).await;
        let nothing = json!({"Tekst": null, "Liczba": null, "Data": null, "Kraj": null, "Zgoda": null});
        assert_eq!(custom(&server, id).await, nothing);
        let values = json!({
            "Tekst": " Numer dowodu - AXX 121212 ", "Liczba": "007,50", "Data": "2026-12-24",
            "Kraj": ["POLSKA", "CZECHY", "POLSKA"], "Zgoda": true,
        });
        server.put_customer(id, json!({"custom_fields": values})).await.expect(200);
        let shown = json!({
            "Tekst": "Numer dowodu - AXX 121212", "Liczba": 7.5, "Data": "2026-12-24", "Kraj": ["POLSKA", "CZECHY"],
            "Zgoda": true,
        });
        assert_eq!(custom(&server, id).await, shown);
        // What is not named stays, what is empty goes.
        let values = json!({"Tekst": "", "Zgoda": 0, "Kraj": "NIEMCY"});
        server.put_customer(id, json!({"custom_fields": values})).await.expect(200);
        let shown = json!({
            "Tekst": null, "Liczba": 7.5, "Data": "2026-12-24", "Kraj": ["NIEMCY"], "Zgoda": false,
        });
        assert_eq!(custom(&server, id).await, shown);
        let wrong = json!({
            "Liczba": "siedem", "Data": "24.12.2026", "Kraj": ["POLSKA", "USA"], "Zgoda": "może", "Tekst": ["a", "b"],
            "Miasto": "x",
        });
        let answer = server.put_customer(id, json!({"custom_fields": wrong})).await;
        let answer = answer.expect_faults(&[
            Code::NotDate,
            Code::NotAnOption,
            Code::NotNumber,
            Code::UnknownCustomFieldName,
            Code::TooManyValues,
            Code::NotBoolean,
        ]);
        assert!(answer.faults()[0].1.contains("custom_fields[Data]"));
        assert_eq!(custom(&server, id).await, shown);
        server.put_customer(id, json!({"custom_fields": "x"})).await.expect_fault_of(Code::NotObject, "custom_fields");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_are_found_by_their_values() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        five(&server).await;
        for (number, country, town) in
            [("1", json!(["POLSKA"]), "Kraków"), ("2", json!(["CZECHY", "POLSKA"]), "Brno"), ("3", json!("NIEMCY"), "Kraków")]
        {
            let values = json!({"Kraj": country, "Tekst": town, "Liczba": number, "Zgoda": number == "1"});
            server.new_customer(json!({"surname": "Kos", "custom_fields": values})).await;
        }
        let found = async |parameters: &[(&str, &str)]| -> Vec<i64> {
            let found = server.call(get("/api/customers").query(parameters)).await.expect(200).json();
            let result = found["result"].as_array().unwrap();
            assert_eq!(found["count"], result.len());
            result.iter().map(|one| one["customer_id"].as_i64().unwrap()).collect()
        };
        assert_eq!(found(&[("custom_fields[Kraj][0]", "POLSKA")]).await, [3, 4]);
        assert_eq!(found(&[("custom_fields[Kraj][]", "CZECHY"), ("custom_fields[Kraj][]", "NIEMCY")]).await, [4, 5]);
        let both = [("custom_fields[Kraj][0]", "POLSKA"), ("custom_fields[Kraj][1]", "CZECHY"), ("custom_fields[Tekst]", "Brno")];
        assert_eq!(found(&both).await, [4]);
        assert_eq!(found(&[("custom_fields[Tekst]", "Kraków"), ("custom_fields[Liczba]", "3.0")]).await, [5]);
        assert_eq!(found(&[("custom_fields[Zgoda]", "false")]).await, [4, 5]);
        assert_eq!(found(&[("custom_fields[Tekst]", "krakow")]).await, [0; 0], "to the letter");
        assert_eq!(found(&[("custom_fields[Tekst]", "Kraków"), ("identifier", "")]).await, [3, 5]);
        let shown = server.call(get("/api/customers").query(&[("custom_fields[Tekst]", "Brno"), ("include_custom_fields", "1")])).await.expect(200).json();
        let values = json!({"Kraj": ["CZECHY", "POLSKA"], "Tekst": "Brno", "Liczba": 2, "Zgoda": false, "Data": null});
        assert_eq!(shown["result"][0]["custom_fields"], values);
        let refused = async |parameters: &[(&str, &str)], codes: &[Code]| {
            server.call(get("/api/customers").query(parameters)).await.expect_faults(codes);
        };
        refused(&[("custom_fields[Miasto]", "x"), ("custom_fields[Liczba]", "x")], &[Code::NotNumber, Code::UnknownCustomFieldName]).await;
        refused(&[("custom_fields", "x")], &[Code::NotObject]).await;
        let many: Vec<_> = (0..11).map(|at| (format!("custom_fields[Liczba][{at}]"), at.to_string())).collect();
        let many: Vec<_> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        refused(&many, &[Code::TooManyValues]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_are_read_only_are_written_by_those_who_mean_to() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.new_field(json!({"name": "ID", "read_only": true})).await;
        let body = json!({"surname": "Kos", "custom_fields": {"ID": "7"}});
        server.post_customer(&body).await.expect_fault(Code::ReadOnlyCustomField);
        let mut body = body;
        body["fill_read_only_custom_fields"] = json!(true);
        let id = server.new_customer(body).await;
        assert_eq!(custom(&server, id).await, json!({"ID": "7"}));
        let change = json!({"custom_fields": {"ID": ""}});
        server.put_customer(id, change).await.expect_fault(Code::ReadOnlyCustomField);
        assert_eq!(custom(&server, id).await, json!({"ID": "7"}));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_is_of_customers_or_companies_or_both() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.new_field(json!({"name": "Osoba", "of_companies": false})).await;
        server.new_field(json!({"name": "Firma", "of_customers": false})).await;
        server.new_field(json!({"name": "Oboje"})).await;
        let (company, customer) = server
            .new_company(json!({"name": "A", "custom_fields": {"Firma": "f", "Oboje": "o"}}))
            .await;
        let shown = server.call(get(format!("/api/companies/{company}"))).await.expect(200).json();
        assert_eq!(shown["custom_fields"], json!({"Firma": "f", "Oboje": "o"}));
        assert_eq!(custom(&server, customer).await, shown["custom_fields"]);
        server.put_customer(customer, json!({"custom_fields": {"Firma": "g"}})).await.expect(200);
        let person =
            server.new_customer(json!({"surname": "Kos", "custom_fields": {"Osoba": "x"}})).await;
        assert_eq!(custom(&server, person).await, json!({"Osoba": "x", "Oboje": null}));
        let wrong = json!({"custom_fields": {"Firma": "g"}});
        server.put_customer(person, wrong.clone()).await.expect_fault(Code::UnknownCustomFieldName);
        let of_person = put(format!("/api/companies/{company}"))
            .json(&json!({"custom_fields": {"Osoba": "g"}}));
        server.call(of_person).await.expect_fault(Code::UnknownCustomFieldName);
        let found = get("/api/companies")
            .query(&[("custom_fields[Firma]", "g"), ("include_custom_fields", "1")]);
        let found = server.call(found).await.expect(200).json();
        assert_eq!(
            (&found["count"], &found["result"][0]["custom_fields"]["Firma"]),
            (&json!(1), &json!("g"))
        );
        let found = get("/api/companies").query(&[("custom_fields[Osoba]", "x")]);
        server.call(found).await.expect_fault(Code::UnknownCustomFieldName);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_are_added_changed_and_listed() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let list = json!({"name": "Kraj", "kind": "list", "options": ["PL", "CZ", "PL"], "read_only": true, "of_companies": false});
        let added = server.call(post(FIELDS).json(&list)).await.expect(200).json();
        let shown = json!({
            "field_id": 1, "name": "Kraj", "kind": "list", "options": ["PL", "CZ"], "read_only": true,
            "of_customers": true, "of_companies": false,
        });
        assert_eq!(added, shown);
        assert_eq!(server.call(get(FIELDS)).await.expect(200).json(), json!([shown]));
        let id = server.new_customer(json!({
            "surname": "Kos", "custom_fields": {"Kraj": "PL"}, "fill_read_only_custom_fields": 1,
        })).await;
        let change = json!({"name": "Państwo", "options": ["CZ"], "read_only": false});
        let changed = server.call(put(format!("{FIELDS}/1")).json(&change)).await.expect(200).json();
        assert_eq!((&changed["name"], &changed["options"]), (&json!("Państwo"), &json!(["CZ"])));
        assert_eq!(custom(&server, id).await, json!({"Państwo": ["PL"]}), "values stay");
        server.call(post(FIELDS).json(&json!({"name": "Państwo"}))).await.expect_fault(Code::CustomFieldTaken);
        let second = server.new_field(json!({"name": "Drugie"})).await;
        let taken = put(format!("{FIELDS}/{second}")).json(&json!({"name": "Państwo"}));
        server.call(taken).await.expect_fault(Code::CustomFieldTaken);
        server.call(put(format!("{FIELDS}/99"))).await.expect_fault(Code::UnknownCustomField);
        server.call(post(FIELDS).json(&json!({"kind": "x"}))).await.expect_faults(&[Code::Missing, Code::NotOneOf]);
        for wrong in [json!({"name": "X", "kind": "list"}), json!({"name": "X", "options": ["a"]})] {
            server.call(post(FIELDS).json(&wrong)).await.expect_fault_of(Code::OptionsOfList, "options");
        }
        let audited: Vec<_> = server.audited().await.into_iter().map(|line| line.0).collect();
        assert_eq!(audited, ["custom_field.add", "custom_field.change", "custom_field.add"]);
    })
    .await;
}
