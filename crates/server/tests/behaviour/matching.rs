//! Who a client is: found in the CRM by number, then identifier, then e-mail.

use serde_json::{Value, json};

use crate::client::post;
use crate::server::{START, Server, new_customer, started};
use crate::store::{Engine, on_both_engines};

/// What a call says of one of the three.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Hint {
    Hit,
    Miss,
    Absent,
}

const HINTS: [Hint; 3] = [Hint::Hit, Hint::Miss, Hint::Absent];

/// The three of one call, each hit a customer of its own.
#[derive(Debug, Clone, Copy)]
struct Hints {
    customer_id: Hint,
    client_id: Hint,
    email: Hint,
}

impl Hints {
    fn all() -> impl Iterator<Item = Self> {
        HINTS.into_iter().flat_map(|customer_id| {
            HINTS.into_iter().flat_map(move |client_id| {
                HINTS.into_iter().map(move |email| Self { customer_id, client_id, email })
            })
        })
    }

    /// The rule as the contract says it.
    fn matched(self) -> Option<i64> {
        let hits = [(self.customer_id, 3), (self.client_id, 4), (self.email, 5)];
        hits.into_iter().find(|(hint, _)| *hint == Hint::Hit).map(|(_, customer)| customer)
    }

    /// What misses is nobody's, and another nobody's for each number.
    fn call(self, number: usize) -> Value {
        let mut call = json!({"chat_queue_id": 3});
        let mut give = |name: &str, hint, hit: &str, miss: String| match hint {
            Hint::Hit => call[name] = hit.into(),
            Hint::Miss => call[name] = miss.into(),
            Hint::Absent => {}
        };
        give("customer_id", self.customer_id, "3", format!("99{number}"));
        give("client_id", self.client_id, "by identifier", format!("nobody {number}"));
        give("client_email", self.email, "by.email@example.org", format!("{number}@example.org"));
        call
    }
}

async fn with_three_customers(engine: Engine) -> Server {
    let server = Server::on(engine).await;
    for (identifier, surname, email) in [
        (None, "Number", "by.number@example.org"),
        (Some("by identifier"), "Identifier", "by.identifier@example.org"),
        (None, "Mail", "By.Email@Example.org"),
    ] {
        server.add_customer(new_customer(identifier, "By", surname, &[email])).await;
    }
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn each_hint_that_matches_nobody_falls_through_to_the_next() {
    on_both_engines(async |engine| {
        let server = with_three_customers(engine).await;
        let customers = server.customers().await;
        for (number, hints) in Hints::all().enumerate() {
            let id = started(&server.call(post(START).json(&hints.call(number))).await);
            assert_eq!(server.chat(&id).await["customer_id"], json!(hints.matched()), "{hints:?}");
        }
        assert_eq!(server.customers().await, customers, "nobody is added unless that is wanted");
        assert_eq!(server.count().await, 27, "each call started a conversation");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_auto_add_who_matches_nobody_becomes_a_customer() {
    on_both_engines(async |engine| {
        let server = with_three_customers(engine).await;
        server.add_customers_automatically(true).await;
        let mut last_added = 5;
        for (number, hints) in Hints::all().enumerate() {
            let says_something = hints.client_id == Hint::Miss || hints.email == Hint::Miss;
            let expected = match hints.matched() {
                Some(matched) => Some(matched),
                None if says_something => {
                    last_added += 1;
                    Some(last_added)
                }
                // A number that means nobody says nothing of who it is.
                None => None,
            };
            // The second time everybody is known.
            for _ in 0..2 {
                let id = started(&server.call(post(START).json(&hints.call(number))).await);
                assert_eq!(server.chat(&id).await["customer_id"], json!(expected), "{hints:?}");
                assert_eq!(server.customers().await, last_added, "{hints:?}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_matches_in_any_case_and_of_several_customers_the_lowest() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        for surname in ["Pierwsza", "Druga"] {
            let emails = ["inny@example.org", "Żaneta.ŁĄKA@Example.ORG"];
            server.add_customer(new_customer(None, "Żaneta", surname, &emails)).await;
        }
        for email in
            ["żaneta.łąka@example.org", "ŻANETA.ŁĄKA@EXAMPLE.ORG", "Żaneta.ŁĄKA@Example.ORG"]
        {
            let id = server.start(&[("client_email", email)]).await;
            let chat = server.chat(&id).await;
            assert_eq!(chat["customer_id"], 3, "{email}");
            assert_eq!(chat["client_name"], "Żaneta Pierwsza");
            assert_eq!(chat["client_email"], email, "what was given stays as it was given");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_match_fills_what_the_call_left_out() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let chat = async |given: &[(&str, &str)]| server.chat(&server.start(given).await).await;
        let filled = chat(&[("client_id", "1234")]).await;
        assert_eq!(filled["client_name"], "Jan Kowalski");
        assert_eq!(filled["client_email"], "jan.kowalski@example.org");
        assert_eq!(filled["customer_id"], 1);
        let given = chat(&[
            ("client_id", "1234"),
            ("client_name", "Janek"),
            ("client_email", "janek@example.org"),
        ])
        .await;
        assert_eq!(given["client_name"], "Janek", "half a name of each would be nobody's");
        assert_eq!(given["client_email"], "janek@example.org");
        assert_eq!(given["customer_id"], 1);
        // And the CRM is as it was.
        let again = chat(&[("customer_id", "1")]).await;
        assert_eq!(again["client_name"], "Jan Kowalski");
        assert_eq!(again["client_email"], "jan.kowalski@example.org");
        let elsewhere = chat(&[("client_email", "janek@example.org")]).await;
        assert_eq!(elsewhere["customer_id"], Value::Null);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_added_from_what_was_given() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.add_customers_automatically(true).await;
        let given =
            [("client_id", "500"), ("client_name", "Ewa"), ("client_email", "ewa@example.org")];
        let first = server.chat(&server.start(&given).await).await;
        assert_eq!(first["customer_id"], 3);
        // Without a surname it is empty: the name that a match fills in is the first name alone.
        let second = server.chat(&server.start(&[("client_id", "500")]).await).await;
        assert_eq!(second["customer_id"], 3);
        assert_eq!(second["client_name"], "Ewa");
        assert_eq!(second["client_email"], "ewa@example.org");
        let by_email =
            server.chat(&server.start(&[("client_email", "EWA@example.org")]).await).await;
        assert_eq!(by_email["customer_id"], 3);
        // A name alone makes a customer too; there is nothing to know them by next time.
        for expected in [4, 5] {
            let named = server.chat(&server.start(&[("client_surname", "Lis")]).await).await;
            assert_eq!(named["customer_id"], expected);
            assert_eq!(named["client_name"], "Lis");
        }
        // Nothing at all says nothing of who it is.
        let nobody = server.chat(&server.start(&[]).await).await;
        assert_eq!(nobody["customer_id"], Value::Null);
        assert_eq!(nobody["client_name"], "");
        assert_eq!(nobody["client_email"], "");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_starts_of_one_unknown_client_make_one_customer() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.add_customers_automatically(true).await;
        server.start(&[]).await;
        let same_id = vec![vec![("client_id", "600"), ("client_email", "gosc@example.org")]; 24];
        at_once(&server, same_id).await;
        assert_eq!(server.customers().await, 3, "by identifier");
        let same_email = vec![vec![("client_email", "nowa@example.org")]; 24];
        at_once(&server, same_email).await;
        assert_eq!(server.customers().await, 4, "by e-mail");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_starts_by_one_email_in_several_cases_make_one_customer() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.add_customers_automatically(true).await;
        server.start(&[]).await;
        for round in 0..8 {
            let spelled = [
                format!("jan{round}@example.org"),
                format!("Jan{round}@Example.org"),
                format!("JAN{round}@EXAMPLE.ORG"),
                format!("jAN{round}@example.ORG"),
            ];
            let calls =
                spelled.iter().map(|email| vec![("client_email", email.as_str())]).collect();
            at_once(&server, calls).await;
            assert_eq!(server.customers().await, 3 + round, "round {round}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_starts_by_identifier_and_by_email_make_one_customer() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.add_customers_automatically(true).await;
        server.start(&[]).await;
        for round in 0..8 {
            let (identifier, email) = (format!("id {round}"), format!("{round}@example.org"));
            let both = vec![("client_id", identifier.as_str()), ("client_email", email.as_str())];
            let one = vec![("client_email", email.as_str())];
            // Whichever is first, the others find its customer by the address.
            at_once(&server, [both, one].into_iter().cycle().take(8).collect()).await;
            assert_eq!(server.customers().await, 3 + round, "round {round}");
        }
    })
    .await;
}

async fn at_once(server: &Server, calls: Vec<Vec<(&str, &str)>>) {
    let mut tasks = Vec::new();
    for given in calls {
        let given = [vec![("chat_queue_id", "3")], given].concat();
        let mut wire = server.wire().await;
        let request = post(START).query(&given);
        tasks.push(tokio::spawn(async move { wire.call(&request).await }));
    }
    for task in tasks {
        started(&task.await.expect("a call ends"));
    }
}
