//! Any mix of filters finds exactly what a look at every conversation finds.

use std::fmt::Debug;

use jiff::tz::TimeZone;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rozmowa::clock::Millis;

use crate::client::{Wire, get, post};
use crate::server::{START, Server, ids, new_customer, started};
use crate::store::on_both_engines;

const CONVERSATIONS: usize = 160;
const FILTERS: usize = 150;
const STEPS: usize = 300;

/// What the test knows of a conversation.
#[derive(Debug, Clone)]
struct Known {
    id: String,
    queue: &'static str,
    status: &'static str,
    agent: Option<&'static str>,
    customer: Option<i64>,
    client: Option<&'static str>,
    started: Millis,
    changed: Millis,
}

const STATUSES: [&str; 3] = ["CREATED", "IN_PROGRESS", "CLOSED"];
const AGENTS: [&str; 2] = ["jkowalski", "anowak"];
/// With the customer who has it.
const CLIENTS: [(&str, Option<i64>); 5] =
    [("1234", Some(1)), ("c3", Some(3)), ("n1", None), ("n2", None), ("n3", None)];

fn one<T: Copy>(random: &mut StdRng, of: &[T]) -> T {
    of[random.random_range(0..of.len())]
}

fn maybe<T: Copy>(random: &mut StdRng, of: &[T]) -> Option<T> {
    random.random_bool(0.35).then(|| one(random, of))
}

async fn generate(server: &Server, wire: &mut Wire, random: &mut StdRng) -> Vec<Known> {
    let mut all: Vec<Known> = Vec::new();
    while all.len() < CONVERSATIONS {
        // Now a millisecond, now some hours: several in a minute, and some days in all.
        let pause = if random.random_bool(0.5) { 1_500 } else { 6 * 3_600_000 };
        server.app.clock.advance(random.random_range(0..pause));
        let now = server.app.clock.now();
        if all.is_empty() || random.random_bool(0.35) {
            let queue = one(random, &["3", "4"]);
            let (client, customer) = maybe(random, &CLIENTS)
                .map_or((None, None), |(client, customer)| (Some(client), customer));
            let mut call = vec![("chat_queue_id", queue)];
            call.extend(client.map(|client| ("client_id", client)));
            let id = started(&wire.call(&post(START).query(&call)).await);
            let (status, agent) = ("CREATED", None);
            all.push(Known {
                id,
                queue,
                status,
                agent,
                customer,
                client,
                started: now,
                changed: now,
            });
            continue;
        }
        let place = random.random_range(0..all.len());
        let known = &mut all[place];
        if known.status == "CLOSED" {
            continue;
        }
        let call = |method: &str| post(format!("/api/chat_conversations/{}/{method}", known.id));
        let call = match random.random_range(0..4) {
            0 => {
                known.status = "CLOSED";
                call("stop")
            }
            1 => call("message").form(&[("text", "a")]),
            _ => {
                let agent = one(random, &AGENTS);
                known.status = "IN_PROGRESS";
                known.agent.get_or_insert(agent);
                call("reply").form(&[("text", "b"), ("user_login", agent)])
            }
        };
        known.changed = now;
        wire.call(&call).await.expect_nothing();
    }
    all.reverse();
    all
}

#[derive(Debug, Default)]
struct Filter {
    status: Option<&'static str>,
    queue: Option<&'static str>,
    agent: Option<&'static str>,
    customer: Option<i64>,
    client: Option<&'static str>,
    from: Option<String>,
    to: Option<String>,
    changed_from: Option<String>,
    id: Option<String>,
}

impl Filter {
    fn random(random: &mut StdRng, all: &[Known]) -> Self {
        let clients: Vec<_> =
            CLIENTS.iter().map(|(client, _)| *client).chain(["nobody's"]).collect();
        let id =
            random.random_bool(0.04).then(|| all[random.random_range(0..all.len())].id.clone());
        Self {
            status: maybe(random, &STATUSES),
            queue: maybe(random, &["3", "4"]),
            agent: maybe(random, &AGENTS),
            customer: maybe(random, &[1, 2, 3]).filter(|_| random.random_bool(0.6)),
            client: maybe(random, &clients).filter(|_| random.random_bool(0.6)),
            from: time(random, all),
            to: time(random, all),
            changed_from: time(random, all),
            id,
        }
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        let text = |text: Option<&str>| text.map(str::to_owned);
        [
            ("status", text(self.status)),
            ("chat_queue_id", text(self.queue)),
            ("user_login", text(self.agent)),
            ("customer_id", self.customer.map(|id| id.to_string())),
            ("client_id", text(self.client)),
            ("date_from", self.from.clone()),
            ("date_to", self.to.clone()),
            ("updated_from", self.changed_from.clone()),
            ("conversation_id", self.id.clone()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }

    /// The plain reading of every parameter. Days here have no clock change, so times compare as texts.
    fn finds(&self, known: &Known) -> bool {
        let is =
            |wanted: Option<&str>, found: Option<&str>| wanted.is_none_or(|w| found == Some(w));
        let (started, changed) = (shown(known.started), shown(known.changed));
        is(self.status, Some(known.status))
            && is(self.queue, Some(known.queue))
            && is(self.agent, known.agent)
            && is(self.client, known.client)
            && is(self.id.as_deref(), Some(&known.id))
            && self.customer.is_none_or(|id| known.customer == Some(id))
            && self.from.as_ref().is_none_or(|from| started[..from.len()] >= **from)
            && self.to.as_ref().is_none_or(|to| started[..to.len()] <= **to)
            && self.changed_from.as_ref().is_none_or(|from| changed[..from.len()] >= **from)
    }
}

/// A time near one at which something happened, in one of the documented forms.
fn time(random: &mut StdRng, all: &[Known]) -> Option<String> {
    let known = maybe(random, &(0..all.len()).collect::<Vec<_>>())?;
    let near = all[known].changed + random.random_range(-2_000..2_000);
    Some(shown(near)[..one(random, &[10, 16, 19])].to_owned())
}

fn shown(at: Millis) -> String {
    let zone = TimeZone::get("Europe/Warsaw").expect("it is known");
    let at = jiff::Timestamp::from_millisecond(at).expect("it is a time").to_zoned(zone);
    at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

async fn page(
    wire: &mut Wire,
    filter: &[(&'static str, String)],
    more: &[(&str, &str)],
) -> serde_json::Value {
    let query: Vec<(&str, &str)> = filter
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .chain(more.iter().copied())
        .collect();
    wire.call(&get("/api/chats").query(&query)).await.expect(200).json()
}

#[tokio::test(flavor = "multi_thread")]
async fn any_mix_of_filters_finds_what_a_look_at_all_finds() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        server.add_customer(new_customer(Some("c3"), "", "", &[])).await;
        let mut wire = server.wire().await;
        let mut random = StdRng::seed_from_u64(2);
        let all = generate(&server, &mut wire, &mut random).await;
        let mut found_some = 0;
        for _ in 0..FILTERS {
            let filter = Filter::random(&mut random, &all);
            let expected: Vec<_> = all
                .iter()
                .filter(|known| filter.finds(known))
                .map(|known| known.id.clone())
                .collect();
            found_some += usize::from(!expected.is_empty());
            let query = filter.query();
            let answer = page(&mut wire, &query, &[]).await;
            assert_eq!(answer["count"], expected.len(), "{engine:?} {filter:?}");
            assert_eq!(ids(&answer), expected[..expected.len().min(100)], "{engine:?} {filter:?}");
            let limit = random.random_range(1..40).to_string();
            assert_eq!(
                by_offset(&mut wire, &query, &limit).await,
                expected,
                "{engine:?} {filter:?}"
            );
            assert_eq!(
                by_cursor(&mut wire, &query, &limit).await,
                expected,
                "{engine:?} {filter:?}"
            );
        }
        assert!(found_some > FILTERS / 3, "only {found_some} filters found anything");
    })
    .await;
}

async fn by_offset(wire: &mut Wire, query: &[(&'static str, String)], limit: &str) -> Vec<String> {
    let mut all = Vec::new();
    for _ in 0..STEPS {
        let offset = all.len().to_string();
        let found = ids(&page(wire, query, &[("limit", limit), ("offset", &offset)]).await);
        if found.is_empty() {
            return all;
        }
        all.extend(found);
    }
    panic!("the pages have no end");
}

async fn by_cursor(wire: &mut Wire, query: &[(&'static str, String)], limit: &str) -> Vec<String> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    for _ in 0..STEPS {
        let answer = page(wire, query, &[("limit", limit), ("cursor", &cursor)]).await;
        all.extend(ids(&answer));
        match answer["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return all,
        }
    }
    panic!("the pages have no end");
}
