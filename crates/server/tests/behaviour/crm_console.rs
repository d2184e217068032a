//! The customer's card and the custom fields, at the console.

use rozmowa::http::Code;
use serde_json::{Value, json};

use crate::client::{get, post};
use crate::crm::everything;
use crate::desk::{Desk, start_in};
use crate::server::Server;
use crate::store::on_both_engines;

const CUSTOMERS: &str = "/console/customers";
const FIELDS: &str = "/console/custom_fields";

impl Desk {
    async fn card(&self, server: &Server, id: i64) -> Value {
        self.get(server, &format!("{CUSTOMERS}/{id}")).await.expect(200).json()
    }

    /// One part of a card, page by page.
    async fn pages(&self, server: &Server, id: i64, part: &str, limit: usize) -> Vec<Value> {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let target = format!("{CUSTOMERS}/{id}/{part}?limit={limit}&cursor={cursor}");
            let page = self.get(server, &target).await.expect(200).json();
            let result = page["result"].as_array().expect("a list");
            assert!(result.len() <= limit);
            found.extend(result.iter().cloned());
            let Some(next) = page["next_cursor"].as_str() else { return found };
            next.clone_into(&mut cursor);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_has_all_that_is_known() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let (company, company_as_customer) = server.new_company(json!({"name": "Kos i Syn"})).await;
        server.new_field(json!({"name": "Kraj", "kind": "list", "options": ["POLSKA", "CZECHY"]})).await;
        server.new_field(json!({"name": "Saldo", "kind": "number", "read_only": true})).await;
        server.new_field(json!({"name": "Branża", "of_customers": false})).await;
        let mut body = everything();
        body["company_id"] = json!(company);
        body["custom_fields"] = json!({"Kraj": ["CZECHY", "POLSKA"], "Saldo": "7,50"});
        body["fill_read_only_custom_fields"] = json!(true);
        let id = server.new_customer(body).await;
        let desk = Desk::agent(&server, "anowak", 3).await;
        let card = desk.card(&server, id).await;
        for (name, value) in [
            ("name", json!("Jan")),
            ("surname", json!("Kowalski")),
            ("is_company", json!(false)),
            ("emails", json!(["Jan@foo.bar", "jan2@foo.bar"])),
            ("phone_numbers", json!(["222 333 444", "+48 213443523"])),
            ("company", json!({"company_id": company, "customer_id": company_as_customer, "name": "Kos i Syn"})),
            ("identifier", json!("K-1")),
            ("type", json!("Klient")),
            ("group", json!("Hurt")),
            ("gender", json!("M")),
            ("homepage", json!("https://example.org")),
            ("birthdate", json!("1980-05-17")),
            ("nip", json!("123-456-32-18")),
            ("note", json!("Dzwonić po 15.\nPyta o Olę.")),
            ("pesel", json!("80051712345")),
            ("job", json!("Sklep")),
            ("job_title", json!("kierownik")),
            ("vip", json!(true)),
            ("account_manager", json!("jkowalski")),
            ("groups", json!([])),
            ("people", json!([])),
        ] {
            assert_eq!(card[name], value, "{name}");
        }
        assert_eq!(card["address"]["street"], "Długa");
        assert_eq!(card["invoice_address"]["postcode"], "30-001");
        assert_eq!(card["mail_drop_address"]["city"], Value::Null);
        let fields = card["custom_fields"].as_array().expect("a list");
        let named = |field: &Value| (field["name"].clone(), field["values"].clone());
        assert_eq!(
            fields.iter().map(named).collect::<Vec<_>>(),
            [(json!("Kraj"), json!(["CZECHY", "POLSKA"])), (json!("Saldo"), json!(["7.5"]))]
        );
        assert_eq!(fields[1]["read_only"], true);
        let of_company = desk.card(&server, company_as_customer).await;
        assert_eq!(of_company["is_company"], true);
        assert_eq!(of_company["people"][0]["customer_id"], id);
        assert_eq!(of_company["has_more_people"], false);
        assert_eq!(of_company["custom_fields"][2]["name"], "Branża");
        desk.get(&server, &format!("{CUSTOMERS}/99")).await.expect_fault(Code::UnknownCustomer);
        desk.get(&server, &format!("{CUSTOMERS}/x")).await.expect_fault(Code::UnknownCustomer);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_has_items_and_records_of_other_systems() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let desk = Desk::agent(&server, "anowak", 3).await;
        let groups = "/api/customer_field_groups";
        for name in ["Zamówienia", "Umowy"] {
            server.call(post(groups).json(&json!({"name": name}))).await.expect(200);
        }
        for field in [json!({"name": "Numer"}), json!({"name": "Kwota", "kind": "number"})] {
            server.call(post(format!("{groups}/1/fields")).json(&field)).await.expect(200);
        }
        let group = &server.call(get(groups)).await.expect(200).json()[0];
        let number = &group["fields"][0]["field_id"];
        let item = json!({"group_id": 1, "customer_id": 1, "values": [{"field_id": number, "value": "Z-77"}]});
        server.call(post("/api/customer_field_group_items").json(&item)).await.expect(200);
        let shown = &desk.card(&server, 1).await["groups"];
        assert_eq!(shown.as_array().expect("a list").len(), 1, "groups without items are left out");
        assert_eq!((&shown[0]["name"], &shown[0]["fields"]), (&json!("Zamówienia"), &group["fields"]));
        assert_eq!(shown[0]["items"], json!([{"item_id": 1, "values": [["Z-77"], []]}]));
        for number in 1..=5 {
            server.app.clock.advance(1_000);
            let record = json!({"type": "order", "payload": format!("{{\"number\": {number}}}")});
            server.call(post("/api/customers/1/feed_records").json(&record)).await.expect_nothing();
        }
        let records = desk.pages(&server, 1, "feed_records", 2).await;
        let payloads: Vec<_> = records.iter().map(|record| record["payload"].as_str().unwrap()).collect();
        let expected: Vec<_> = (1..=5).rev().map(|number| format!("{{\"number\": {number}}}")).collect();
        assert_eq!(payloads, expected);
        assert_eq!(records[0]["created_at"], server.app.clock.now());
        assert_eq!(records[0]["type"], "order");
        for part in ["feed_records", "conversations"] {
            let target = format!("{CUSTOMERS}/99/{part}");
            desk.get(&server, &target).await.expect_fault(Code::UnknownCustomer);
            let target = format!("{CUSTOMERS}/1/{part}?cursor=x");
            desk.get(&server, &target).await.expect_fault_of(Code::NotCursor, "cursor");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_of_a_customer_has_what_the_agent_may_open() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let anna = Desk::agent(&server, "anowak", 3).await;
        let boss = Desk::supervisor(&server, "retired").await;
        let mut started = Vec::new();
        for queue in [3, 4, 3, 3, 4] {
            let id = start_in(&server, queue).await;
            boss.does(&server, &id, "customer", json!({"customer_id": 2})).await;
            started.insert(0, (queue, id));
        }
        start_in(&server, 3).await;
        let ids = |all: &[Value]| -> Vec<String> {
            all.iter().map(|one| one["conversation_id"].as_str().unwrap().to_owned()).collect()
        };
        let all: Vec<_> = started.iter().map(|(_, id)| id.clone()).collect();
        let of_three: Vec<_> =
            started.iter().filter(|(queue, _)| *queue == 3).map(|(_, id)| id.clone()).collect();
        assert_eq!(ids(&boss.pages(&server, 2, "conversations", 2).await), all);
        assert_eq!(ids(&anna.pages(&server, 2, "conversations", 2).await), of_three);
        assert_eq!(ids(&anna.pages(&server, 1, "conversations", 2).await), Vec::<String>::new());
        // What is hers she sees, whatever the queue.
        server.reply(&all[0], "anowak", "Słucham").await;
        assert_eq!(ids(&anna.pages(&server, 2, "conversations", 100).await).len(), 4);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_change_and_add_customers_by_the_rules_of_the_api() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.new_field(json!({"name": "Kraj", "kind": "list", "options": ["POLSKA"]})).await;
        let desk = Desk::agent(&server, "anowak", 3).await;
        let added = desk
            .call(&server, "POST", CUSTOMERS, json!({"surname": "Kos", "identifier": "K-7"}))
            .await
            .expect(200)
            .json();
        let id = added["customer_id"].as_i64().expect("a number");
        let put = async |body: Value| {
            desk.call(&server, "PUT", &format!("{CUSTOMERS}/{id}"), body).await
        };
        let body = json!({
            "name": "Ewa", "email": ["ewa@foo.bar"], "custom_fields": {"Kraj": ["POLSKA"]},
            "address": {"city": "Kraków"},
        });
        put(body).await.expect(200);
        put(json!({"vip": true, "address": {"street": "Długa"}})).await.expect(200);
        let card = desk.card(&server, id).await;
        let is = |name: &str| card[name].clone();
        assert_eq!([is("name"), is("surname"), is("vip")], [json!("Ewa"), json!("Kos"), json!(true)]);
        assert_eq!((&card["address"]["city"], &card["address"]["street"]), (&json!("Kraków"), &json!("Długa")));
        assert_eq!(server.customer(id).await["custom_fields"], json!({"Kraj": ["POLSKA"]}));
        let other = server.new_customer(json!({"surname": "Sroka", "identifier": "K-8"})).await;
        let before = desk.card(&server, id).await;
        put(json!({"identifier": "K-8"})).await.expect_fault(Code::IdentifierTaken);
        put(json!({"email": "ewa", "phone_number": "brak", "birthdate": "wczoraj"})).await.expect_faults(&[
            Code::NotEmail,
            Code::NotPhone,
            Code::NotDate,
        ]);
        let wrong = json!({"custom_fields": {"Kraj": ["USA"]}, "company_id": 99, "account_manager": "nikt"});
        put(wrong).await.expect_faults(&[
            Code::NotAnOption,
            Code::UnknownCompany,
            Code::UnknownAccountManager,
        ]);
        assert_eq!(desk.card(&server, id).await, before, "of what is refused nothing is changed");
        desk.call(&server, "POST", CUSTOMERS, json!({"name": "Ewa"}))
            .await
            .expect_fault_of(Code::Missing, "surname");
        let missing = format!("{CUSTOMERS}/99");
        desk.call(&server, "PUT", &missing, json!({})).await.expect_fault(Code::UnknownCustomer);
        assert_ne!(id, other);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_are_found_with_what_tells_them_apart() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let (company, _) = server.new_company(json!({"name": "Gil sp. z o.o."})).await;
        let body = json!({"name": "Ola", "surname": "Gil", "phone_number": "222 333 444", "company_id": company});
        server.new_customer(body).await;
        let desk = Desk::agent(&server, "anowak", 3).await;
        let found = async |more: &str| {
            desk.get(&server, &format!("{CUSTOMERS}?q=gil{more}")).await.expect(200).json()
        };
        let both = found("").await;
        let told = |one: &Value| (one["surname"].clone(), one["is_company"].clone(), one["company"].clone());
        assert_eq!(
            both.as_array().expect("a list").iter().map(told).collect::<Vec<_>>(),
            [
                (json!("Gil"), json!(false), json!("Gil sp. z o.o.")),
                (json!("Gil sp. z o.o."), json!(true), Value::Null)
            ]
        );
        assert_eq!(both[0]["phone_number"], "222 333 444");
        let companies = found("&companies=true").await;
        assert_eq!((companies.as_array().unwrap().len(), &companies[0]["company_id"]), (1, &json!(company)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_say_which_custom_fields_there_are() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let desk = Desk::with(&server, "retired", rozmowa::agent::Role::Administrator).await;
        let agent = Desk::agent(&server, "anowak", 3).await;
        let body = json!({"name": "Kraj", "kind": "list", "options": ["POLSKA", "CZECHY"], "of_companies": false});
        agent.call(&server, "POST", FIELDS, body.clone()).await.expect_fault(Code::RoleNeeded);
        let added = desk.call(&server, "POST", FIELDS, body.clone()).await.expect(200).json();
        assert_eq!(agent.get(&server, FIELDS).await.expect(200).json(), json!([added]));
        assert_eq!(server.call(get("/api/custom_fields")).await.expect(200).json(), json!([added]));
        desk.call(&server, "POST", FIELDS, body).await.expect_fault(Code::CustomFieldTaken);
        let wrong = json!({"name": "Lista", "kind": "list"});
        desk.call(&server, "POST", FIELDS, wrong).await.expect_fault_of(Code::OptionsOfList, "options");
        let target = format!("{FIELDS}/{}", added["field_id"]);
        let change = json!({"name": "Kraj dostawy", "read_only": true});
        agent.call(&server, "PUT", &target, change.clone()).await.expect_fault(Code::RoleNeeded);
        let changed = desk.call(&server, "PUT", &target, change).await.expect(200).json();
        assert_eq!((&changed["name"], &changed["read_only"]), (&json!("Kraj dostawy"), &json!(true)));
        assert_eq!(changed["options"], json!(["POLSKA", "CZECHY"]));
        let unknown = format!("{FIELDS}/99");
        desk.call(&server, "PUT", &unknown, json!({})).await.expect_fault(Code::UnknownCustomField);
        let log = desk.get(&server, "/console/audit").await.expect(200).json();
        let told: Vec<_> = log["result"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|line| line["subject"].as_str().unwrap().starts_with("custom_field "))
            .map(|line| (line["change"].clone(), line["actor"].clone()))
            .collect();
        assert_eq!(
            told,
            [
                (json!("custom_field.change"), json!("retired")),
                (json!("custom_field.add"), json!("retired"))
            ]
        );
    })
    .await;
}
