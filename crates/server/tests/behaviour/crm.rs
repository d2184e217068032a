//! Customers, as integrators add, change, show and delete them.

use rozmowa::http::Code;
use rozmowa_db::{Stmt, params};
use serde_json::{Value, json};

use crate::client::{Answer, delete, get, post, put};
use crate::erase::files_with;
use crate::hooks;
use crate::receiver::Receiver;
use crate::server::Server;
use crate::store::{Engine, on_both_engines};

impl Server {
    pub async fn post_customer(&self, body: &Value) -> Answer {
        self.call(post("/api/customers").json(body)).await
    }

    /// One who is taken.
    pub async fn new_customer(&self, body: Value) -> i64 {
        let added = self.post_customer(&body).await.expect(201).json();
        added["customer_id"].as_i64().expect("a number")
    }

    pub async fn put_customer(&self, id: i64, body: Value) -> Answer {
        self.call(put(format!("/api/customers/{id}")).json(&body)).await
    }

    pub async fn customer(&self, id: i64) -> Value {
        self.call(get(format!("/api/customers/{id}"))).await.expect(200).json()
    }

    /// What a table holds of a customer.
    pub async fn rows_of(&self, table: &str, id: i64) -> i64 {
        let text = format!("SELECT count(*) FROM {table} WHERE customer_id = $1");
        let count = Stmt::composed(format!("rows of {table}"), text);
        self.write(move |tx| Ok(tx.query_one(&count, params![id], |row| row.get(0))?)).await
    }

    /// A company, and its numbers: its own and the customer's.
    pub async fn new_company(&self, body: Value) -> (i64, i64) {
        let added = self.call(post("/api/companies").json(&body)).await.expect(201).json();
        let number = |name: &str| added[name].as_i64().expect("a number");
        (number("company_id"), number("customer_id"))
    }

    /// A custom field, and its number.
    pub async fn new_field(&self, body: Value) -> i64 {
        let added = self.call(post("/api/custom_fields").json(&body)).await.expect(200).json();
        added["field_id"].as_i64().expect("a number")
    }
}

/// All that there is to say of one.
pub fn everything() -> Value {
    json!({
        "name": "Jan", "surname": "Kowalski", "email": ["Jan@foo.bar", "jan2@foo.bar"],
        "phone_number": ["222 333 444", "+48 213443523"], "type": "Klient", "group": "Hurt",
        "identifier": "K-1", "gender": "M", "homepage": "https://example.org", "birthdate": "1980-05-17",
        "nip": "123-456-32-18", "note": "Dzwonić po 15.\nPyta o Olę.", "pesel": "80051712345", "job": "Sklep",
        "job_title": "kierownik", "account_manager": "jkowalski", "vip": true,
        "address": {"street": "Długa", "building": "3", "city": "Kraków"},
        "invoice_address": {"postcode": "30-001", "country": "PL"},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_a_customer_is_shown() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let added = server.post_customer(&everything()).await.expect(201).json();
        assert_eq!(added, json!({"customer_id": 3}));
        let shown = json!({
            "customer_id": 3, "name": "Jan", "surname": "Kowalski", "phone_number": "222 333 444",
            "phone_numbers": ["222 333 444", "+48 213443523"], "email": "Jan@foo.bar",
            "emails": ["Jan@foo.bar", "jan2@foo.bar"], "company_id": "", "identifier": "K-1", "type": "Klient",
            "group": "Hurt", "company_flag": "", "account_manager": "jkowalski", "updated_at": "2026-06-01 12:00:00",
            "custom_fields": {},
        });
        assert_eq!(server.customer(3).await, shown);
        let target = "/api/customers/3?include_address=1&include_invoice_address=1&include_mail_drop_address=1&include_details=1";
        let shown = server.call(get(target)).await.expect(200).json();
        let address = |street, building, postcode, city, country| {
            json!({"street": street, "building": building, "flat": null, "postcode": postcode, "city": city, "country": country})
        };
        let null = Value::Null;
        assert_eq!(shown["address"], address(json!("Długa"), json!("3"), null.clone(), json!("Kraków"), null.clone()));
        assert_eq!(shown["invoice_address"], address(null.clone(), null.clone(), json!("30-001"), null.clone(), json!("PL")));
        assert_eq!(shown["mail_drop_address"], address(null.clone(), null.clone(), null.clone(), null.clone(), null));
        let details = json!({
            "gender": "M", "homepage": "https://example.org", "birthdate": "1980-05-17", "nip": "123-456-32-18",
            "note": "Dzwonić po 15.\nPyta o Olę.", "pesel": "80051712345", "job": "Sklep", "job_title": "kierownik",
            "vip": true,
        });
        assert_eq!(shown["details"], details);
        // Nothing but a surname.
        let little = server.new_customer(json!({"surname": "Nowak"})).await;
        let shown = json!({
            "customer_id": little, "name": "", "surname": "Nowak", "phone_number": "", "phone_numbers": [], "email": "",
            "emails": [], "company_id": "", "identifier": "", "type": "", "group": "", "company_flag": "",
            "account_manager": "", "updated_at": "2026-06-01 12:00:00", "custom_fields": {},
        });
        assert_eq!(server.customer(little).await, shown);
        server.call(get("/api/customers/99")).await.expect_fault(Code::UnknownCustomer);
        server.call(get("/api/customers/x")).await.expect_fault(Code::UnknownCustomer);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_come_as_real_clients_send_them() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.new_field(json!({"name": "Źródło"})).await;
        let company = json!({"name": "Firma", "phone_number": ["501502503"]});
        let company = server.call(post("/api/companies").json(&company)).await.expect(201).json();
        // Company first, then the customer with a list of numbers and fields by name.
        let body = json!({
            "surname": "Kowalski", "phone_number": ["501 502 503"], "company_id": company["company_id"],
            "custom_fields": {"Źródło": "formularz"},
        });
        let id = server.new_customer(body).await;
        let shown = server.customer(id).await;
        assert_eq!(shown["phone_numbers"], json!(["501 502 503"]));
        assert_eq!(shown["company_id"], company["company_id"]);
        assert_eq!(shown["custom_fields"], json!({"Źródło": "formularz"}));
        // The same as a form, in the query, one value alone.
        let form = [
            ("surname", "Nowak"), ("phone_number[]", "1"), ("phone_number[]", "2"), ("email", "a@b.pl"),
            ("custom_fields[Źródło]", "polecenie"), ("address[city]", "Łódź"), ("vip", "1"),
        ];
        for request in [post("/api/customers").form(&form), post("/api/customers").query(&form)] {
            let added = server.call(request).await.expect(201).json();
            let id = added["customer_id"].as_i64().unwrap();
            let target = format!("/api/customers/{id}?include_address=true&include_details=true");
            let shown = server.call(get(target)).await.expect(200).json();
            assert_eq!(shown["phone_numbers"], json!(["1", "2"]));
            assert_eq!(shown["emails"], json!(["a@b.pl"]));
            assert_eq!(shown["custom_fields"], json!({"Źródło": "polecenie"}));
            assert_eq!(shown["address"]["city"], "Łódź");
            assert_eq!(shown["details"]["vip"], true);
        }
        let empty = post("/api/customers").query(&[("surname", "Kos")]).body("application/json", "");
        server.call(empty).await.expect(201);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_at_once_and_changes_nothing() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.post_customer(&json!({"name": "Jan"})).await.expect_fault_of(Code::Missing, "surname");
        let wrong = json!({
            "surname": "K", "email": ["a", "b@c"], "phone_number": "brak", "birthdate": "17.05.1980", "vip": "maybe",
            "company_id": "x", "address": {"town": "X"},
        });
        server.post_customer(&wrong).await.expect_faults(&[
            Code::NotEmail,
            Code::NotPhone,
            Code::NotInteger,
            Code::NotDate,
            Code::NotBoolean,
            Code::UnknownMember,
        ]);
        let unknown = json!({
            "surname": "K", "custom_fields": {"Kraj": "x"}, "company_id": 77, "account_manager": "nobody",
        });
        let codes = [Code::UnknownCustomFieldName, Code::UnknownCompany, Code::UnknownAccountManager];
        let answer = server.post_customer(&unknown).await.expect_faults(&codes);
        assert!(answer.faults()[0].1.contains("custom_fields[Kraj]"));
        assert!(answer.faults()[2].1.contains("account_manager"));
        let taken = json!({"surname": "K", "identifier": "1234"});
        server.post_customer(&taken).await.expect_fault(Code::IdentifierTaken);
        server.put_customer(2, json!({"identifier": "1234", "name": "X"})).await.expect_fault(Code::IdentifierTaken);
        assert_eq!(server.customer(2).await["name"], "Andrzej");
        server.put_customer(2, unknown).await.expect_faults(&codes);
        server.put_customer(99, json!({})).await.expect_fault(Code::UnknownCustomer);
        assert_eq!(server.customers().await, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_given_stays_and_what_is_empty_goes() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.new_customer(everything()).await;
        let include = "include_address=1&include_invoice_address=1&include_details=1";
        let target = format!("/api/customers/{id}?{include}");
        let before = server.call(get(&target)).await.expect(200).json();
        server.app.clock.advance(60_000);
        let same = server.put_customer(id, everything()).await.expect(200).json();
        assert_eq!(same, json!({"customer_id": id}));
        server.put_customer(id, json!({})).await.expect(200);
        let after = server.call(get(&target)).await.expect(200).json();
        assert_eq!(after, before, "what changes nothing leaves the time");
        let change = json!({"name": "Janusz", "email": "x@y.pl", "address": {"flat": "7", "city": ""}, "group": ""});
        server.put_customer(id, change).await.expect(200);
        let after = server.call(get(&target)).await.expect(200).json();
        let mut expected = before;
        expected["name"] = json!("Janusz");
        expected["email"] = json!("x@y.pl");
        expected["emails"] = json!(["x@y.pl"]);
        expected["address"]["flat"] = json!("7");
        expected["address"]["city"] = Value::Null;
        expected["group"] = json!("");
        expected["updated_at"] = json!("2026-06-01 12:01:00");
        assert_eq!(after, expected);
        let nothing = json!({
            "name": "", "email": [], "phone_number": [], "identifier": "", "type": "", "account_manager": "",
            "gender": "", "homepage": "", "birthdate": "", "nip": "", "note": "", "pesel": "", "job": "", "job_title": "",
            "vip": false,
        });
        server.put_customer(id, nothing).await.expect(200);
        let after = server.call(get(&target)).await.expect(200).json();
        for name in ["name", "email", "phone_number", "identifier", "type", "account_manager"] {
            assert_eq!(after[name], "", "{name}");
        }
        let details = json!({
            "gender": "", "homepage": "", "birthdate": "", "nip": "", "note": "", "pesel": "", "job": "", "job_title": "",
            "vip": false,
        });
        assert_eq!(after["details"], details);
        assert_eq!(after["surname"], "Kowalski");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_sent_again_gets_its_answer_again() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        for _ in 0..2 {
            let request = post("/api/customers").json(&json!({"surname": "Kos"})).key("once");
            let answer = server.call(request).await.expect(201).json();
            assert_eq!(answer, json!({"customer_id": 3}));
        }
        assert_eq!(server.customers().await, 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identifier_that_comes_later_links_who_waited_for_it() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let waiting = server.start(&[("client_id", "K-7")]).await;
        let id = server.new_customer(json!({"surname": "Kos"})).await;
        assert_eq!(server.chat(&waiting).await["customer_id"], Value::Null);
        server.put_customer(id, json!({"identifier": "K-7"})).await.expect(200);
        assert_eq!(server.chat(&waiting).await["customer_id"], id);
        assert_eq!(server.chat(&waiting).await["client_name"], "Kos");
        // A company, too, and one that has it from the beginning.
        let waiting = server.start(&[("client_id", "F-7")]).await;
        let company = json!({"name": "Firma", "identifier": "F-7"});
        let company = server.call(post("/api/companies").json(&company)).await.expect(201).json();
        assert_eq!(server.chat(&waiting).await["customer_id"], company["customer_id"]);
        assert_eq!(server.log_faults().await, [""; 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_customer_is_nowhere_and_the_chats_are_kept() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.new_customer(everything()).await;
        let chat = server.start(&[("client_id", "K-1")]).await;
        assert_eq!(server.chat(&chat).await["customer_id"], id);
        server.call(delete(format!("/api/customers/{id}"))).await.expect_nothing();
        let kept = server.chat(&chat).await;
        assert_eq!(
            (&kept["customer_id"], &kept["client_name"]),
            (&Value::Null, &json!("Jan Kowalski"))
        );
        assert_eq!(server.log_faults().await, [""; 0]);
        for request in [get(format!("/api/customers/{id}")), delete(format!("/api/customers/{id}"))]
        {
            server.call(request).await.expect_fault(Code::UnknownCustomer);
        }
        let found = server.call(get("/api/customers").query(&[("identifier", "K-1")])).await;
        assert_eq!(found.expect(200).json(), json!({"count": 0, "result": []}));
        // The identifier is free, the number is not given again.
        let again = server.new_customer(everything()).await;
        assert_eq!(again, id + 1);
        for table in [
            "customer_email",
            "customer_phone",
            "customer_address",
            "custom_value",
            "customer_word",
            "field_item",
            "feed_record",
            "linking",
            "customer_gone",
        ] {
            assert_eq!(server.rows_of(table, id).await, 0, "{table}");
        }
        let lines = server.audited().await;
        assert!(
            lines
                .iter()
                .any(|line| line.0 == "customer.delete" && line.1 == format!("customer {id}"))
        );
        // A customer of this address is found as if that one had never been.
        let chat = server.start(&[("client_email", "jan@FOO.bar")]).await;
        assert_eq!(server.chat(&chat).await["customer_id"], again);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_of_many_conversations_goes_in_steps_and_is_gone_at_once() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let id = server.new_customer(json!({"surname": "Kos", "identifier": "many"})).await;
        let mut chats = Vec::new();
        for _ in 0..250 {
            chats.push(server.start(&[("client_id", "many")]).await);
        }
        // As the method does it, without what comes after its transaction.
        assert!(server.act(move |tx, act| rozmowa::customer::gone::remove(tx, act, id)).await);
        server.call(get(format!("/api/customers/{id}"))).await.expect_fault(Code::UnknownCustomer);
        assert_eq!(server.rows_of("customer_gone", id).await, 1);
        let mut steps = 0;
        while server.act(rozmowa::customer::gone::more).await {
            steps += 1;
        }
        assert!((2..5).contains(&steps), "{steps}");
        for chat in [&chats[0], &chats[249]] {
            assert_eq!(server.chat(chat).await["customer_id"], Value::Null);
        }
        assert_eq!(server.rows_of("customer_gone", id).await, 0);
        assert_eq!(server.log_faults().await, [""; 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_listen_hear_of_customers_and_their_companies() {
    on_both_engines(async |engine| {
        let (server, receiver) = (hooks::server(engine).await, Receiver::start().await);
        hooks::subscribe(&server, &receiver, &["CUSTOMER_CREATED", "CUSTOMER_UPDATED"]).await;
        let company = server.call(post("/api/companies").json(&json!({"name": "Firma"}))).await;
        let company = company.expect(201).json();
        let (number, as_customer) = (&company["company_id"], &company["customer_id"]);
        let id = server.new_customer(json!({"surname": "Kos", "company_id": number})).await;
        server.put_customer(id, json!({"surname": "Kos"})).await.expect(200);
        server.put_customer(id, json!({"note": "x"})).await.expect(200);
        let mut told: Vec<_> = receiver.expect(3).await.into_iter().map(|told| told.body).collect();
        told.sort();
        let date = "2026-06-01+12%3A00%3A00";
        let mut expected = [
            format!(
                "action=CUSTOMER_CREATED&customer_id={as_customer}&company_id={number}&date={date}"
            ),
            format!("action=CUSTOMER_CREATED&customer_id={id}&company_id={number}&date={date}"),
            format!("action=CUSTOMER_UPDATED&customer_id={id}&company_id={number}&date={date}"),
        ];
        expected.sort();
        assert_eq!(told, expected);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_clean_up_nothing_of_a_deleted_customer_is_left_in_the_files() {
    let mut server = Server::on(Engine::Sqlite).await;
    server.new_field(json!({"name": "kampania"})).await;
    let mut ids = Vec::new();
    for number in 0..20 {
        let secret = format!("marker{number}{}", "x".repeat(number * 10));
        let id = server
            .new_customer(json!({
                "surname": secret, "email": format!("{secret}@example.org"), "phone_number": "600700800",
                "identifier": secret, "note": secret.repeat(20), "custom_fields": {"kampania": secret},
                "address": {"street": secret},
            }))
            .await;
        let record = json!({"type": "order", "payload": json!({"text": secret}).to_string()});
        server
            .call(post(format!("/api/customers/{id}/feed_records")).json(&record))
            .await
            .expect_nothing();
        ids.push(id);
    }
    server.new_customer(json!({"surname": "staysforever"})).await;
    assert!(!files_with(server.folder(), "marker").is_empty());
    for id in ids {
        server.call(delete(format!("/api/customers/{id}"))).await.expect_nothing();
    }
    let database = server.folder().join("test.sqlite");
    server.running.take().expect("it runs").stop().await;
    rozmowa_db::rebuild(&database).expect("nobody uses it");
    for text in ["marker", "600700800"] {
        assert_eq!(files_with(server.folder(), text), Vec::<String>::new(), "{text}");
    }
    assert!(!files_with(server.folder(), "staysforever").is_empty());
}
