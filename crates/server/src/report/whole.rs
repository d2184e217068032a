//! What a report counts beside its rows: everything together, and by agent and by queue, whatever the periods.

use std::collections::HashMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::fact::Fact;
use super::tally::{SummaryRow, Tally};
use crate::clock::Millis;

/// A report as the console shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Report {
    /// In the order of periods, then of names.
    pub rows: Vec<SummaryRow>,
    /// There are more rows; what is below counts theirs, too.
    pub is_cut: bool,
    /// Everything, in one row; `series` and `user_name` are empty.
    pub total: SummaryRow,
    /// Everything by agent, in the order of names; `series` is empty.
    pub agents: Vec<SummaryRow>,
    /// Everything by queue, in the order of their numbers.
    pub queues: Vec<QueueCounts>,
}

/// What was counted in a queue.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueueCounts {
    pub chat_queue_id: i64,
    /// `series` and `user_name` are empty.
    pub counts: SummaryRow,
}

/// As large as there are agents and queues, however long the time is.
#[derive(Debug, Default)]
pub struct Whole {
    total: Tally,
    agents: HashMap<i64, Tally>,
    queues: HashMap<i64, Tally>,
}

impl Whole {
    pub fn add(&mut self, fact: &Fact, agent: i64, threshold: Millis) {
        self.total.add(fact, threshold);
        self.agents.entry(agent).or_default().add(fact, threshold);
        self.queues.entry(fact.chat_queue_id).or_default().add(fact, threshold);
    }

    pub fn report<'a>(
        self,
        rows: Vec<SummaryRow>,
        is_cut: bool,
        name: impl Fn(i64) -> &'a str,
    ) -> Report {
        let row = |tally: &Tally, name: &str| tally.row(String::new(), name.to_owned());
        let mut agents: Vec<_> = self.agents.iter().collect();
        agents.sort_by_key(|(id, _)| (name(**id), **id));
        let mut queues: Vec<_> = self.queues.iter().collect();
        queues.sort_by_key(|(id, _)| **id);
        let counts = |(id, tally): (&i64, &Tally)| QueueCounts {
            chat_queue_id: *id,
            counts: row(tally, ""),
        };
        Report {
            rows,
            is_cut,
            total: row(&self.total, ""),
            agents: agents.into_iter().map(|(id, tally)| row(tally, name(*id))).collect(),
            queues: queues.into_iter().map(counts).collect(),
        }
    }
}
