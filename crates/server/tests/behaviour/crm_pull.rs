//! Reading all customers page by page while others come and go.

use std::collections::BTreeSet;

use rozmowa::customer::{self, Customer, gone};
use serde_json::{Value, json};

use crate::client::get;
use crate::server::Server;
use crate::store::on_both_engines;

/// How a client knows where the next page is, and which was the last.
#[derive(Debug, Clone, Copy)]
enum Habit {
    /// By the limit, until a page is short.
    ShortPage,
    /// By the limit, until the count is reached.
    Count,
    /// By what it got, until it gets nothing.
    Nothing,
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % bound
    }
}

async fn add(server: &Server, count: usize) {
    server
        .act(move |tx, act| {
            for _ in 0..count {
                let customer = Customer {
                    surname: "Kos".to_owned(),
                    type_name: "T".to_owned(),
                    ..Customer::default()
                };
                customer::add(tx, act, &customer)?;
            }
            Ok(())
        })
        .await;
}

async fn remove(server: &Server, id: i64) {
    server.act(move |tx, act| gone::remove(tx, act, id)).await;
}

fn numbers(answer: &Value) -> Vec<i64> {
    let result = answer["result"].as_array().expect("a list");
    result.iter().map(|one| one["customer_id"].as_i64().expect("a number")).collect()
}

/// Reads all, with changes of random others between the pages, and says what it got and who was deleted.
async fn pulled(
    server: &Server,
    habit: Habit,
    filter: &str,
    random: &mut Random,
) -> (Vec<i64>, BTreeSet<i64>) {
    let (limit, mut offset) = (10 + random.below(30), 0);
    let (mut seen, mut deleted) = (Vec::new(), BTreeSet::new());
    loop {
        let target = format!("/api/customers?limit={limit}&offset={offset}{filter}");
        let page = server.call(get(target)).await.expect(200).json();
        let got = numbers(&page);
        seen.extend(&got);
        offset += match habit {
            Habit::Nothing => got.len(),
            _ => limit,
        };
        let is_over = match habit {
            Habit::ShortPage => got.len() < limit,
            Habit::Count => page["count"].as_u64().expect("a count") <= offset as u64,
            Habit::Nothing => got.is_empty(),
        };
        if is_over {
            return (seen, deleted);
        }
        for _ in 0..random.below(6) {
            // Read already or not, or gone long since.
            let id = i64::try_from(random.below(300)).expect("it is small");
            remove(server, id).await;
            deleted.insert(id);
        }
        if random.below(3) == 0 {
            add(server, 1).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stays_is_read_once_however_a_client_counts() {
    on_both_engines(async |engine| {
        let mut random = Random(7);
        for habit in [Habit::ShortPage, Habit::Count, Habit::Nothing] {
            for filter in ["", "&type=T"] {
                let server = Server::on(engine).await;
                add(&server, 250).await;
                let before = numbers(
                    &server
                        .call(get(format!("/api/customers?limit=1000{filter}")))
                        .await
                        .expect(200)
                        .json(),
                );
                let (seen, deleted) = pulled(&server, habit, filter, &mut random).await;
                let once: BTreeSet<i64> = seen.iter().copied().collect();
                assert_eq!(
                    once.len(),
                    seen.len(),
                    "{habit:?} {filter}: somebody came twice: {seen:?}"
                );
                let stable: BTreeSet<i64> =
                    before.into_iter().filter(|id| !deleted.contains(id)).collect();
                let missed: Vec<_> = stable.difference(&once).collect();
                assert_eq!(missed, Vec::<&i64>::new(), "{habit:?} {filter}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_the_readers_and_is_forgotten_after_an_hour() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        add(&server, 8).await;
        let page = async |target: &str| {
            let page = server.call(get(target)).await.expect(200).json();
            (page["count"].as_i64().expect("a count"), numbers(&page))
        };
        assert_eq!(page("/api/customers?limit=4").await, (10, vec![1, 2, 3, 4]));
        remove(&server, 1).await;
        remove(&server, 9).await;
        // The same page again is the same, with what is left; the next one goes on behind it.
        let next = "/api/customers?limit=4&offset=4";
        assert_eq!(page(next).await, (9, vec![5, 6, 7, 8]));
        assert_eq!(page(next).await, (9, vec![5, 6, 7, 8]));
        assert_eq!(page("/api/customers?limit=4&offset=8").await, (9, vec![10]));
        // Another list, another reader, another hour.
        assert_eq!(page("/api/customers?limit=4&offset=4&type=T").await, (7, vec![7, 8, 10]));
        server.add_api_user("other", "GET customers").await;
        let others = get(next).by("other", crate::server::PASSWORD);
        let others = server.call(others).await.expect(200).json();
        assert_eq!((&others["count"], numbers(&others)), (&json!(8), vec![6, 7, 8, 10]));
        server.app.clock.advance(60 * 60 * 1000);
        assert_eq!(page(next).await, (8, vec![6, 7, 8, 10]));
    })
    .await;
}
