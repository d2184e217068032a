//! Who gets what, held against a plain model over many random histories.
//!
//! `ROUTING_SEED` repeats one history; without it there are ten thousand, of the same seeds every time.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rozmowa::queue::settings::Strategy;
use rozmowa::routing::choose::{Candidate, Floor, Place, Question, Rules};

const HISTORIES: u64 = 10_000;
const QUEUES: [i64; 3] = [1, 2, 3];

/// What a history leaves at every step: everybody, and every conversation.
struct World {
    rng: StdRng,
    now: i64,
    agents: Vec<Agent>,
    conversations: Vec<Conversation>,
    queues: BTreeMap<i64, Rules>,
}

struct Agent {
    id: i64,
    capacity: i64,
    /// Since when; none: off duty, paused, or the account is closed.
    free_since: Option<i64>,
    priorities: BTreeMap<i64, i64>,
    assigned_at: i64,
}

struct Conversation {
    queue: i64,
    customer: Option<usize>,
    manager: Option<i64>,
    agent: Option<i64>,
    has_talked: bool,
    is_closed: bool,
    /// First of those who wait, and since when.
    rank: (bool, i64),
    missed: Vec<(i64, i64)>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let agents = (1..=rng.random_range(1..6)).map(|id| {
            let mut agent = Agent {
                id,
                capacity: rng.random_range(1..4),
                free_since: None,
                priorities: BTreeMap::new(),
                assigned_at: 0,
            };
            for queue in QUEUES {
                if rng.random_bool(0.6) {
                    agent.priorities.insert(queue, rng.random_range(1..4));
                }
            }
            agent
        });
        let agents = agents.collect();
        let queues = QUEUES.map(|queue| (queue, rules(&mut rng))).into();
        Self { rng, now: 1_000, agents, conversations: Vec::new(), queues }
    }

    fn open(&self, agent: i64, queue: Option<i64>) -> i64 {
        let open = self.conversations.iter().filter(|one| {
            one.agent == Some(agent)
                && !one.is_closed
                && queue.is_none_or(|queue| queue == one.queue)
        });
        i64::try_from(open.count()).expect("few")
    }

    /// The same as the server would read it.
    fn floor(&self) -> Floor {
        let agents = self.agents.iter().filter_map(|agent| {
            let free_since = agent.free_since?;
            let places = agent.priorities.iter().map(|(&queue, &priority)| {
                (queue, Place { priority, open: self.open(agent.id, Some(queue)) })
            });
            Some(Candidate {
                id: agent.id,
                capacity: agent.capacity,
                open: self.open(agent.id, None),
                assigned_at: agent.assigned_at,
                free_since,
                places: places.collect(),
            })
        });
        Floor { agents: agents.collect(), queues: self.queues.clone() }
    }

    fn waiting(&self) -> Vec<usize> {
        let waits = |at: &usize| {
            self.conversations[*at].agent.is_none() && !self.conversations[*at].is_closed
        };
        let mut waiting: Vec<usize> = (0..self.conversations.len()).filter(waits).collect();
        waiting.sort_by_key(|at| (self.conversations[*at].rank, *at));
        waiting
    }

    fn talked(&self, at: usize) -> Vec<i64> {
        let Some(customer) = self.conversations[at].customer else { return Vec::new() };
        let of_customer =
            self.conversations.iter().rev().filter(|one| one.customer == Some(customer));
        of_customer.filter(|one| one.has_talked).filter_map(|one| one.agent).collect()
    }

    fn question(&self, at: usize) -> Question {
        let one = &self.conversations[at];
        Question {
            chat_queue_id: one.queue,
            account_manager: one.manager,
            talked: self.talked(at),
            missed: one.missed.clone(),
        }
    }

    /// Everybody who can be given a conversation: said without a thought of how it is done.
    fn able(&self, at: usize) -> BTreeSet<i64> {
        let one = &self.conversations[at];
        let rules = &self.queues[&one.queue];
        let able = self.agents.iter().filter(|agent| {
            let is_of_queue = agent.priorities.contains_key(&one.queue);
            let has_room = self.open(agent.id, None) < agent.capacity;
            let may =
                rules.agent_capacity.is_none_or(|cap| self.open(agent.id, Some(one.queue)) < cap);
            let has_missed = one.missed.iter().any(|(who, when)| {
                *who == agent.id && agent.free_since.is_some_and(|since| *when >= since)
            });
            agent.free_since.is_some() && is_of_queue && has_room && may && !has_missed
        });
        able.map(|agent| agent.id).collect()
    }

    /// Strategy after strategy keeps only the best, until one is left; of equals, the lowest number.
    fn expected(&self, at: usize) -> Option<i64> {
        let one = &self.conversations[at];
        let mut left = self.able(at);
        let talked = self.talked(at);
        for strategy in &self.queues[&one.queue].strategies {
            let worth = |id: &i64| -> i64 {
                let agent = self.agents.iter().find(|agent| agent.id == *id).expect("it is one");
                match strategy {
                    Strategy::AccountManager => i64::from(one.manager == Some(*id)),
                    Strategy::Priority => -agent.priorities[&one.queue],
                    Strategy::LastAgent => {
                        let ago = talked.iter().position(|who| who == id);
                        ago.map_or(i64::MIN, |ago| -i64::try_from(ago).expect("few"))
                    }
                    Strategy::FewestOpen => -self.open(*id, None),
                    Strategy::LeastRecentlyAssigned => -agent.assigned_at,
                }
            };
            let best = left.iter().map(worth).max();
            left.retain(|id| Some(worth(id)) == best);
        }
        left.first().copied()
    }

    /// Gives what can be given, and checks every choice.
    fn route(&mut self) {
        let mut floor = self.floor();
        for at in self.waiting() {
            let queue = self.conversations[at].queue;
            let expected = self.expected(at);
            let chosen = floor.choose(&self.question(at));
            assert_eq!(chosen.map(|place| floor.agents[place].id), expected, "who gets {at}");
            assert!(floor.has_room(queue) || chosen.is_none(), "nobody without room");
            let Some(place) = chosen else { continue };
            let turn = floor.give(place, queue, self.now);
            let id = floor.agents[place].id;
            let free = self.agents.iter().filter(|agent| agent.free_since.is_some());
            let others = free.map(|agent| agent.assigned_at).max().unwrap_or(0);
            assert!(turn > others, "turns follow each other");
            let agent = self.agents.iter_mut().find(|agent| agent.id == id).expect("it is one");
            agent.assigned_at = turn;
            self.conversations[at].agent = Some(id);
        }
        assert_eq!(floor, self.floor(), "what is remembered is what is");
        for at in self.waiting() {
            assert_eq!(self.able(at), BTreeSet::new(), "{at} is stuck while somebody is free");
        }
    }

    fn check(&self, was_open: &BTreeMap<i64, i64>) {
        for agent in &self.agents {
            let open = self.open(agent.id, None);
            let before = was_open.get(&agent.id).copied().unwrap_or(0);
            // A smaller capacity takes nothing away.
            assert!(open <= agent.capacity || open <= before, "{} is above capacity", agent.id);
            assert!(agent.free_since.is_some() || open <= before, "{} is not there", agent.id);
        }
    }

    /// Something happens.
    fn step(&mut self) {
        self.now += self.rng.random_range(0..3) * 500;
        let count = self.conversations.len();
        let some = |rng: &mut StdRng, count: usize| rng.random_range(0..count.max(1));
        match self.rng.random_range(0..20) {
            0..=6 => {
                let customer = self.rng.random_bool(0.7).then(|| some(&mut self.rng, 3));
                let manager = customer
                    .filter(|customer| *customer > 0)
                    .map(|customer| i64::try_from(customer).expect("few"));
                self.conversations.push(Conversation {
                    queue: QUEUES[some(&mut self.rng, QUEUES.len())],
                    customer,
                    manager,
                    agent: None,
                    has_talked: false,
                    is_closed: false,
                    rank: (true, self.now),
                    missed: Vec::new(),
                });
            }
            7..=9 if count > 0 => {
                let at = some(&mut self.rng, count);
                self.conversations[at].is_closed = true;
            }
            10 | 11 if count > 0 => {
                let at = some(&mut self.rng, count);
                let one = &mut self.conversations[at];
                one.has_talked |= one.agent.is_some();
            }
            // Nobody has answered, or whoever should is gone.
            12 | 13 if count > 0 => {
                let at = some(&mut self.rng, count);
                let is_missed = self.rng.random_bool(0.7);
                let now = self.now;
                let one = &mut self.conversations[at];
                if let (Some(agent), false) = (one.agent, one.is_closed) {
                    one.agent = None;
                    one.rank = (false, now);
                    if is_missed {
                        one.missed.push((agent, now));
                    }
                }
            }
            14..=16 => {
                let at = some(&mut self.rng, self.agents.len());
                let is_free = self.agents[at].free_since.is_some();
                self.agents[at].free_since = (!is_free).then_some(self.now);
            }
            17 => {
                let at = some(&mut self.rng, self.agents.len());
                self.agents[at].capacity = self.rng.random_range(1..5);
            }
            18 => {
                let at = some(&mut self.rng, self.agents.len());
                let queue = QUEUES[some(&mut self.rng, QUEUES.len())];
                let priority = self.rng.random_range(1..4);
                if self.agents[at].priorities.remove(&queue).is_none() {
                    self.agents[at].priorities.insert(queue, priority);
                }
            }
            19 => {
                let queue = QUEUES[some(&mut self.rng, QUEUES.len())];
                let rules = rules(&mut self.rng);
                self.queues.insert(queue, rules);
            }
            _ => {}
        }
    }
}

fn rules(rng: &mut StdRng) -> Rules {
    let mut left = Strategy::ALL.to_vec();
    let mut strategies = Vec::new();
    for _ in 0..rng.random_range(1..=left.len()) {
        strategies.push(left.remove(rng.random_range(0..left.len())));
    }
    let agent_capacity = rng.random_bool(0.3).then(|| rng.random_range(1..3));
    Rules { strategies, agent_capacity }
}

fn tell(seed: u64) -> usize {
    let mut world = World::new(seed);
    for _ in 0..40 {
        let was_open = world.agents.iter().map(|agent| (agent.id, world.open(agent.id, None)));
        let was_open = was_open.collect();
        world.step();
        world.route();
        world.check(&was_open);
    }
    world.conversations.iter().filter(|one| one.agent.is_some()).count()
}

#[test]
fn routing_does_what_a_plain_model_says() {
    if let Some(seed) = std::env::var("ROUTING_SEED").ok().and_then(|seed| seed.parse().ok()) {
        tell(seed);
        return;
    }
    let mut given = 0;
    for seed in 0..HISTORIES {
        given += catch_unwind(AssertUnwindSafe(|| tell(seed)))
            .unwrap_or_else(|_| panic!("the history of ROUTING_SEED={seed} went wrong"));
    }
    println!("{HISTORIES} histories, {given} conversations given");
    assert!(given > 10_000, "the histories are about something: {given}");
}
