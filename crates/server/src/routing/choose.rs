//! Who gets what: decided from what is known, without a look at anything else.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::clock::Millis;
use crate::queue::settings::Strategy;

/// An agent who may be given conversations: on duty, not paused, the account open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub id: i64,
    pub capacity: i64,
    /// Open conversations, of all queues.
    pub open: i64,
    pub assigned_at: Millis,
    /// What was missed before counts no more.
    pub free_since: Millis,
    /// By queue: those that the agent answers.
    pub places: BTreeMap<i64, Place>,
}

/// An agent's place in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// A smaller one goes first.
    pub priority: i64,
    /// Open conversations of this queue; counted only where it has a cap of its own.
    pub open: i64,
}

/// What a queue asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    pub strategies: Vec<Strategy>,
    pub agent_capacity: Option<i64>,
}

/// What is asked of a conversation that waits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Question {
    pub chat_queue_id: i64,
    pub account_manager: Option<i64>,
    /// Who talked to this customer, the last one first.
    pub talked: Vec<i64>,
    /// Who missed it, and when.
    pub missed: Vec<(i64, Millis)>,
}

/// Everybody who may be given conversations of some queues.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Floor {
    pub agents: Vec<Candidate>,
    pub queues: BTreeMap<i64, Rules>,
}

impl Floor {
    /// Whether anybody can take one more of this queue.
    pub fn has_room(&self, queue: i64) -> bool {
        let Some(rules) = self.queues.get(&queue) else { return false };
        self.agents.iter().any(|agent| agent.room(queue, rules).is_some())
    }

    /// The place of the agent who gets it.
    pub fn choose(&self, question: &Question) -> Option<usize> {
        let rules = self.queues.get(&question.chat_queue_id)?;
        let able = self.agents.iter().enumerate().filter_map(|(at, agent)| {
            let place = agent.room(question.chat_queue_id, rules)?;
            (!agent.has_missed(question)).then_some((at, agent, place))
        });
        let first = able.min_by(|(_, one, its), (_, other, others)| {
            let by = |strategy: &Strategy| prefer(*strategy, question, (one, its), (other, others));
            let decided = rules.strategies.iter().map(by).find(|order| order.is_ne());
            decided.unwrap_or(Ordering::Equal).then(one.id.cmp(&other.id))
        });
        first.map(|(at, ..)| at)
    }

    /// Counts a conversation as given, and says when: a moment later than all before it, so that "least recently" always
    /// means somebody.
    pub fn give(&mut self, at: usize, queue: i64, now: Millis) -> Millis {
        let last = self.agents.iter().map(|agent| agent.assigned_at).max().unwrap_or(0);
        let agent = &mut self.agents[at];
        agent.assigned_at = now.max(last + 1);
        agent.open += 1;
        if let Some(place) = agent.places.get_mut(&queue) {
            place.open += 1;
        }
        agent.assigned_at
    }
}

impl Candidate {
    fn room(&self, queue: i64, rules: &Rules) -> Option<&Place> {
        let place = self.places.get(&queue)?;
        let has_room =
            self.open < self.capacity && rules.agent_capacity.is_none_or(|cap| place.open < cap);
        has_room.then_some(place)
    }

    /// Since the agent has come on duty or ended a pause.
    fn has_missed(&self, question: &Question) -> bool {
        question.missed.iter().any(|(agent, at)| *agent == self.id && *at >= self.free_since)
    }
}

/// Less: the first one.
fn prefer(
    strategy: Strategy,
    question: &Question,
    one: (&Candidate, &Place),
    other: (&Candidate, &Place),
) -> Ordering {
    match strategy {
        Strategy::AccountManager => {
            let is_not = |agent: &Candidate| question.account_manager != Some(agent.id);
            is_not(one.0).cmp(&is_not(other.0))
        }
        Strategy::Priority => one.1.priority.cmp(&other.1.priority),
        Strategy::LastAgent => {
            let ago = |agent: &Candidate| {
                question.talked.iter().position(|id| *id == agent.id).unwrap_or(usize::MAX)
            };
            ago(one.0).cmp(&ago(other.0))
        }
        Strategy::FewestOpen => one.0.open.cmp(&other.0.open),
        Strategy::LeastRecentlyAssigned => one.0.assigned_at.cmp(&other.0.assigned_at),
    }
}
