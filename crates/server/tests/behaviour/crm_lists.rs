//! Lists of customers: filters, pages, cursors.

use rozmowa::http::Code;
use serde_json::{Value, json};

use crate::client::get;
use crate::crm::everything;
use crate::server::Server;
use crate::store::on_both_engines;

async fn listed(server: &Server, parameters: &[(&str, &str)]) -> Value {
    server.call(get("/api/customers").query(parameters)).await.expect(200).json()
}

fn numbers(answer: &Value) -> Vec<i64> {
    let result = answer["result"].as_array().expect("a list");
    result.iter().map(|one| one["customer_id"].as_i64().expect("a number")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_filter_finds_and_several_are_and() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let (company, _) = server.new_company(json!({"name": "Firma"})).await;
        let mut body = everything();
        body["company_id"] = json!(company);
        let id = server.new_customer(body).await;
        let other = server
            .new_customer(json!({"surname": "Kos", "group": "Hurt", "phone_number": "501502503"}))
            .await;
        let company = company.to_string();
        let filters = [
            ("identifier", "K-1"),
            ("email", "JAN2@FOO.BAR"),
            ("phone_number", "0048 22 233-34-44"),
            ("nip", "1234563218"),
            ("company_id", &*company),
            ("company_flag", "0"),
            ("type", "Klient"),
            ("group", "Hurt"),
        ];
        for filter in filters {
            let found = listed(&server, &[filter]).await;
            assert!(numbers(&found).contains(&id), "{filter:?}: {found}");
            assert_eq!(found["count"], numbers(&found).len());
            for second in filters {
                if second != filter {
                    let found = listed(&server, &[filter, second]).await;
                    assert!(numbers(&found).contains(&id), "{filter:?} {second:?}: {found}");
                }
            }
        }
        assert_eq!(numbers(&listed(&server, &filters).await), [id]);
        assert_eq!(numbers(&listed(&server, &[("group", "Hurt")]).await), [id, other]);
        assert_eq!(numbers(&listed(&server, &[("identifier", "")]).await), [2, 3, other]);
        assert_eq!(
            numbers(&listed(&server, &[("identifier", ""), ("group", "Hurt")]).await),
            [other]
        );
        for wrong in [
            ("identifier", "K"),
            ("email", "x@foo.bar"),
            ("phone_number", "213443524"),
            ("nip", "77"),
            ("type", "klient"),
            ("group", "x"),
            ("company_id", "77"),
        ] {
            assert_eq!(
                listed(&server, &[wrong]).await,
                json!({"count": 0, "result": []}),
                "{wrong:?}"
            );
            let mut all = filters.to_vec();
            all.retain(|(name, _)| *name != wrong.0);
            all.push(wrong);
            assert_eq!(numbers(&listed(&server, &all).await), [0; 0], "{wrong:?}");
        }
        for (wrong, code) in [
            (("email", "x"), Code::NotEmail),
            (("phone_number", "x"), Code::NotPhone),
            (("company_id", "x"), Code::NotInteger),
            (("company_flag", "x"), Code::NotBoolean),
            (("limit", "x"), Code::NotCount),
            (("offset", "-1"), Code::NotCount),
            (("cursor", "x"), Code::NotCursor),
        ] {
            server.call(get("/api/customers").query(&[wrong])).await.expect_fault_of(code, wrong.0);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_are_shown_on_demand() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.new_field(json!({"name": "kampania"})).await;
        let mut body = everything();
        body["custom_fields"] = json!({"kampania": "lato"});
        let id = server.new_customer(body).await;
        let found = listed(&server, &[("identifier", "K-1")]).await;
        for part in ["custom_fields", "address", "invoice_address", "mail_drop_address", "details"] {
            assert_eq!(found["result"][0].get(part), None, "{part}");
        }
        let parts: Vec<_> = ["custom_fields", "address", "invoice_address", "mail_drop_address", "details"]
            .iter().map(|part| (format!("include_{part}"), "true")).collect();
        let mut query = vec![("identifier", "K-1")];
        query.extend(parts.iter().map(|(name, value)| (name.as_str(), *value)));
        let found = listed(&server, &query).await;
        let target = format!(
            "/api/customers/{id}?include_address=1&include_invoice_address=1&include_mail_drop_address=1&include_details=1"
        );
        let alone = server.call(get(target)).await.expect(200).json();
        assert_eq!(found["result"][0], alone);
        assert_eq!(alone["custom_fields"], json!({"kampania": "lato"}));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_by_number_and_at_most_a_thousand_long() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server
            .act(|tx, act| {
                for number in 0..1_150 {
                    let customer = rozmowa::customer::Customer {
                        surname: format!("N{number}"),
                        emails: vec![format!("n{number}@example.org")],
                        ..Default::default()
                    };
                    rozmowa::customer::add(tx, act, &customer)?;
                }
                Ok(())
            })
            .await;
        let all: Vec<i64> = (1..=1_152).collect();
        for (limit, expected) in [
            (None, 100),
            (Some("7"), 7),
            (Some("1000"), 1_000),
            (Some("5000"), 1_000),
            (Some("0"), 0),
        ] {
            let query: Vec<_> = limit.map(|limit| ("limit", limit)).into_iter().collect();
            let found = listed(&server, &query).await;
            assert_eq!(numbers(&found), all[..expected]);
            assert_eq!(found["count"], 1_152);
        }
        let found = listed(&server, &[("limit", "1000"), ("offset", "1000")]).await;
        assert_eq!(numbers(&found), all[1_000..]);
        assert_eq!(found["result"][151]["email"], "n1149@example.org");
        assert_eq!(numbers(&listed(&server, &[("offset", "2000")]).await), [0; 0]);
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = listed(&server, &[("cursor", &cursor), ("limit", "500")]).await;
            assert_eq!(page.get("count"), None);
            seen.extend(numbers(&page));
            match page["next_cursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => break,
            }
        }
        assert_eq!(seen, all);
    })
    .await;
}
