//! Whatever is done, the store has given what the rules say, step after step.

use std::collections::BTreeMap;
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rozmowa::agent::presence::{self, Lease};
use rozmowa::conversation::assign::{Because, unassign};
use rozmowa::conversation::{self, NewConversation, NewMessage};
use rozmowa::queue::settings::Strategy;
use rozmowa::routing::choose::{Candidate, Floor, Place, Question, Rules};
use rozmowa::{agent, queue, routing};
use rozmowa_db::{Stmt, Tx, params};
use uuid::Uuid;

use crate::client::PATIENCE;
use crate::floor::set;
use crate::server::Server;
use crate::store::on_both_engines;

const SEED: u64 = 20_260_601;
const STEPS: usize = 1_500;
const LOGINS: [&str; 3] = ["jkowalski", "anowak", "retired"];
const QUEUES: [i64; 2] = [3, 4];
/// Between steps: many are given in one, each at a moment of its own.
const PAUSE: i64 = 100;

struct Model {
    agents: Vec<Agent>,
    conversations: BTreeMap<Uuid, Conversation>,
    rules: BTreeMap<i64, Rules>,
}

struct Agent {
    id: i64,
    is_on_duty: bool,
    free_since: Option<i64>,
    capacity: i64,
    priorities: BTreeMap<i64, i64>,
    assigned_at: i64,
}

struct Conversation {
    queue: i64,
    customer: Option<i64>,
    agent: Option<i64>,
    has_talked: bool,
    is_closed: bool,
    /// First of all, and since when.
    waits: (i64, i64),
}

impl Model {
    fn open(&self, agent: i64, queue: Option<i64>) -> i64 {
        let open = self.conversations.values().filter(|one| {
            one.agent == Some(agent)
                && !one.is_closed
                && queue.is_none_or(|queue| one.queue == queue)
        });
        i64::try_from(open.count()).expect("few")
    }

    fn floor(&self) -> Floor {
        let candidates = self.agents.iter().filter_map(|agent| {
            let places = agent.priorities.iter().map(|(&queue, &priority)| {
                (queue, Place { priority, open: self.open(agent.id, Some(queue)) })
            });
            Some(Candidate {
                id: agent.id,
                capacity: agent.capacity,
                open: self.open(agent.id, None),
                assigned_at: agent.assigned_at,
                free_since: agent.free_since?,
                places: places.collect(),
            })
        });
        Floor { agents: candidates.collect(), queues: self.rules.clone() }
    }

    fn route(&mut self, now: i64) {
        let waits =
            self.conversations.iter().filter(|(_, one)| one.agent.is_none() && !one.is_closed);
        let mut waiting: Vec<_> = waits.map(|(id, one)| (one.waits, *id)).collect();
        waiting.sort_unstable();
        let mut floor = self.floor();
        for (_, id) in waiting {
            let one = &self.conversations[&id];
            let talked = self.conversations.values().rev().filter(|other| {
                one.customer.is_some() && other.customer == one.customer && other.has_talked
            });
            let question = Question {
                chat_queue_id: one.queue,
                talked: talked.filter_map(|other| other.agent).take(20).collect(),
                ..Question::default()
            };
            let Some(at) = floor.choose(&question) else { continue };
            let turn = floor.give(at, one.queue, now);
            let agent_id = floor.agents[at].id;
            let agent =
                self.agents.iter_mut().find(|agent| agent.id == agent_id).expect("it is one");
            agent.assigned_at = turn;
            self.conversations.get_mut(&id).expect("it is there").agent = Some(agent_id);
        }
    }

    fn whose(&self) -> Vec<(Uuid, Option<i64>)> {
        self.conversations.iter().map(|(id, one)| (*id, one.agent)).collect()
    }

    fn some_open(&self, rng: &mut StdRng) -> Option<Uuid> {
        let open = self.conversations.iter().filter(|(_, one)| !one.is_closed);
        let open: Vec<Uuid> = open.map(|(id, _)| *id).collect();
        (!open.is_empty()).then(|| open[rng.random_range(0..open.len())])
    }
}

async fn whose(server: &Server) -> Vec<(Uuid, Option<i64>)> {
    let text = "SELECT id, agent_id FROM conversation ORDER BY id".to_owned();
    let all = Stmt::composed("whose they are".to_owned(), text);
    let read =
        move |tx: &mut Tx<'_>| Ok(tx.query(&all, &[], |row| Ok((row.get(0)?, row.get(1)?)))?);
    server.write(read).await
}

#[expect(clippy::too_many_lines, reason = "a step is one of a dozen, each a few lines")]
async fn step(server: &Server, model: &mut Model, rng: &mut StdRng) {
    let now = server.app.clock.now();
    let at = rng.random_range(0..LOGINS.len());
    let login = LOGINS[at];
    let chat_queue_id = QUEUES[rng.random_range(0..QUEUES.len())];
    match rng.random_range(0..20) {
        0..=6 => {
            let customer = rng.random_bool(0.6).then(|| rng.random_range(1..=2));
            let new = NewConversation {
                chat_queue_id,
                customer_id: customer,
                ..NewConversation::default()
            };
            let start = move |tx: &mut Tx<'_>, act: &rozmowa::act::Act<'_>| {
                let id = conversation::start(tx, act, &new)?;
                // On PostgreSQL whoever is being indexed at that moment is passed over, which no rule knows: here none is.
                let text = "UPDATE conversation SET indexed_seq = 1000000 WHERE id = $1".to_owned();
                tx.execute(&Stmt::composed("not to be indexed".to_owned(), text), params![&id])?;
                Ok(id)
            };
            let id = server.act(start).await;
            let one = Conversation {
                queue: chat_queue_id,
                customer,
                agent: None,
                has_talked: false,
                is_closed: false,
                waits: (1, now),
            };
            model.conversations.insert(id, one);
        }
        7..=10 => {
            let Some(id) = model.some_open(rng) else { return };
            server.act(move |tx, act| conversation::stop(tx, act, &id)).await;
            model.conversations.get_mut(&id).expect("it is there").is_closed = true;
        }
        11 => {
            let Some(id) = model.some_open(rng) else { return };
            let one = model.conversations.get_mut(&id).expect("it is there");
            let Some(agent) = one.agent else { return };
            let login = LOGINS[usize::try_from(agent - 1).expect("small")];
            let new = NewMessage { text: "Dzień dobry".to_owned(), ..NewMessage::default() };
            server.act(move |tx, act| conversation::reply(tx, act, &id, login, &new)).await;
            one.has_talked = true;
        }
        12 => {
            let Some(id) = model.some_open(rng) else { return };
            server.act(move |tx, act| unassign(tx, act, &id, Because::Asked)).await;
            let one = model.conversations.get_mut(&id).expect("it is there");
            if one.agent.take().is_some() {
                one.waits = (0, now);
            }
        }
        13..=16 => {
            let agent = &mut model.agents[at];
            let lease = Lease::Exactly(1_000_000_000);
            match (agent.is_on_duty, agent.free_since) {
                (false, _) => {
                    server.act(move |tx, act| presence::login(tx, act, login, lease)).await;
                    (agent.is_on_duty, agent.free_since) = (true, Some(now));
                }
                (true, None) => {
                    server.act(move |tx, act| presence::free(tx, act, login, lease)).await;
                    agent.free_since = Some(now);
                }
                (true, Some(_)) if rng.random_bool(0.5) => {
                    server.act(move |tx, act| presence::pause(tx, act, login, None, lease)).await;
                    agent.free_since = None;
                }
                (true, Some(_)) => {
                    server.act(move |tx, act| presence::logout(tx, act, login)).await;
                    (agent.is_on_duty, agent.free_since) = (false, None);
                }
            }
        }
        17 => {
            let capacity = rng.random_range(1..5);
            server.set_capacity(login, capacity).await;
            model.agents[at].capacity = capacity;
        }
        18 => {
            let priorities = &mut model.agents[at].priorities;
            if priorities.remove(&chat_queue_id).is_some() {
                server
                    .act(move |tx, act| queue::agents::remove(tx, act, chat_queue_id, login))
                    .await;
            } else {
                let priority = rng.random_range(1..4);
                let add = move |tx: &mut Tx<'_>, act: &rozmowa::act::Act<'_>| {
                    queue::agents::set(tx, act, chat_queue_id, login, priority)
                };
                server.act(add).await;
                priorities.insert(chat_queue_id, priority);
            }
        }
        _ => {
            let cap = rng.random_bool(0.5).then(|| rng.random_range(1..4));
            let mut strategies = Strategy::ALL.to_vec();
            strategies.rotate_left(rng.random_range(0..Strategy::ALL.len()));
            let rules = Rules { strategies: strategies.clone(), agent_capacity: cap };
            model.rules.insert(chat_queue_id, rules);
            set(server, chat_queue_id, move |settings| {
                settings.strategies = Some(strategies.clone());
                settings.agent_capacity = cap;
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_gives_what_the_rules_say() {
    on_both_engines(async |engine| {
        let server = Server::on(engine).await;
        let rules = Rules { strategies: Strategy::ALL.to_vec(), agent_capacity: None };
        let mut model = Model {
            agents: Vec::new(),
            conversations: BTreeMap::new(),
            rules: QUEUES.map(|queue| (queue, rules.clone())).into(),
        };
        for (id, login) in (1..).zip(LOGINS) {
            server.set_capacity(login, 2).await;
            let changes = agent::Changes { is_active: Some(true), ..agent::Changes::default() };
            server.act(move |tx, act| agent::change(tx, act, login, &changes)).await;
            model.agents.push(Agent {
                id,
                is_on_duty: false,
                free_since: None,
                capacity: 2,
                priorities: BTreeMap::new(),
                assigned_at: 0,
            });
        }
        let all = Strategy::ALL;
        server.act(move |tx, act| routing::set_strategies(tx, act, &all)).await;
        let mut rng = StdRng::seed_from_u64(SEED);
        for number in 0..STEPS {
            server.app.clock.advance(PAUSE);
            step(&server, &mut model, &mut rng).await;
            model.route(server.app.clock.now());
            let (expected, began) = (model.whose(), Instant::now());
            loop {
                let found = whose(&server).await;
                if found == expected {
                    break;
                }
                let patience = began.elapsed() < PATIENCE;
                assert!(
                    patience,
                    "{engine:?}, seed {SEED}, step {number}: {found:?}, not {expected:?}"
                );
                tokio::task::yield_now().await;
            }
        }
        assert_eq!(server.log_faults().await, Vec::<String>::new());
    })
    .await;
}
