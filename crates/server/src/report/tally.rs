//! What a row of a report counts.

use serde::Serialize;
use utoipa::ToSchema;

use super::fact::{Fact, Marks};
use crate::clock::Millis;
use crate::conversation::rate::Rating;

/// Lengths of time of conversations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Lengths {
    count: i64,
    least: Millis,
    most: Millis,
    sum: Millis,
}

impl Lengths {
    fn add(&mut self, length: Millis) {
        self.least = if self.count == 0 { length } else { self.least.min(length) };
        self.most = self.most.max(length);
        self.sum += length;
        self.count += 1;
    }

    fn shown(&self) -> Times {
        Times {
            min: clock_time(self.least),
            max: clock_time(self.most),
            sum: clock_time(self.sum),
            avg: clock_time(self.sum.checked_div(self.count).unwrap_or_default()),
        }
    }
}

/// `HH:MM:SS`, full seconds; hours may pass 24.
fn clock_time(length: Millis) -> String {
    let seconds = length / 1_000;
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// Conversations of a period and a user, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    all: i64,
    incoming: i64,
    to_agent: i64,
    to_bot: i64,
    abandoned: i64,
    answered: i64,
    in_time: i64,
    transferred_by_bot: i64,
    finished_by_bot: i64,
    chat: Lengths,
    wait: Lengths,
    ratings: [i64; 3],
}

impl Tally {
    /// Everything that is defined of a row of a report is defined here. An answer within `threshold` is in time.
    pub fn add(&mut self, fact: &Fact, threshold: Millis) {
        self.all += 1;
        if let Some(rating) = fact.rating.and_then(Rating::from_number) {
            self.ratings[rating as usize] += 1;
        }
        let marks = fact.marks;
        if !marks.has(Marks::SAID) {
            return;
        }
        self.incoming += 1;
        self.to_agent += i64::from(marks.has(Marks::FOR_PEOPLE));
        self.to_bot += i64::from(marks.has(Marks::BOT_HAD));
        self.transferred_by_bot += i64::from(marks.has(Marks::HANDED_OVER));
        self.finished_by_bot += i64::from(marks.has(Marks::BOT_FINISHED));
        match fact.wait {
            Some(wait) => {
                self.answered += 1;
                self.in_time += i64::from(wait <= threshold);
                self.wait.add(wait);
            }
            None if marks.has(Marks::CLOSED) && !marks.has(Marks::BOT_FINISHED) => {
                self.abandoned += 1;
            }
            None => {}
        }
        if let Some(chat) = fact.chat {
            self.chat.add(chat);
        }
    }

    pub fn row(&self, series: String, user_name: String) -> SummaryRow {
        let per_cent =
            |part: i64| (part * 200 + self.incoming).checked_div(self.incoming * 2).unwrap_or(0);
        let [sad, neutral, happy] = self.ratings;
        SummaryRow {
            series,
            user_name,
            incoming: self.incoming,
            incoming_to_agent: self.to_agent,
            incoming_including_empty: self.all,
            abandoned: self.abandoned,
            answered: self.answered,
            incoming_to_bot: self.to_bot,
            transferred_by_bot: self.transferred_by_bot,
            finished_by_bot: self.finished_by_bot,
            service_level_percent: per_cent(self.answered),
            chat_time: self.chat.shown(),
            wait_time: self.wait.shown(),
            sla_percent: per_cent(self.in_time),
            rating: RatedRow { rate: Rates { sad, neutral, happy } },
        }
    }
}

/// Conversations of a period and an agent.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SummaryRow {
    /// The period in which they were started.
    #[schema(example = "2021-12")]
    series: String,
    /// Name and surname of the agent whose they are; empty for those that are nobody's, and with `sum_users`.
    #[schema(example = "John Doe")]
    user_name: String,
    /// In which the client has said something.
    incoming: i64,
    /// Of these, those that were for people: never a bot's, or no longer.
    incoming_to_agent: i64,
    /// All, also those in which the client has said nothing.
    incoming_including_empty: i64,
    /// Incoming, closed, and no agent had answered; not those that were closed while a bot had them.
    abandoned: i64,
    /// Incoming, and an agent has answered.
    answered: i64,
    /// Incoming, and a bot has them or has had them.
    incoming_to_bot: i64,
    /// Of these, handed over to people.
    transferred_by_bot: i64,
    /// Of these, closed while a bot had them.
    finished_by_bot: i64,
    /// `answered` of `incoming`, rounded; 0 when there are none.
    service_level_percent: i64,
    /// From an agent's first answer to the end, of those that were answered and are closed.
    chat_time: Times,
    /// From the start to an agent's first answer, of those that were answered.
    wait_time: Times,
    /// Answered within `response_threshold`, of `incoming`, rounded; 0 when there are none.
    sla_percent: i64,
    rating: RatedRow,
}

/// `HH:MM:SS` each, full seconds; hours may pass 24. `00:00:00` when there are none.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Times {
    #[schema(example = "00:00:48")]
    min: String,
    #[schema(example = "00:00:48")]
    max: String,
    #[schema(example = "00:00:48")]
    sum: String,
    #[schema(example = "00:00:48")]
    avg: String,
}

/// What clients thought.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RatedRow {
    rate: Rates,
}

/// The last rating of each conversation, empty ones too.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Rates {
    sad: i64,
    neutral: i64,
    happy: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_may_pass_a_day_and_parts_of_seconds_are_cut() {
        assert_eq!(clock_time(0), "00:00:00");
        assert_eq!(clock_time(48_999), "00:00:48");
        assert_eq!(clock_time(((123 * 60 + 4) * 60 + 5) * 1_000), "123:04:05");
    }

    #[test]
    fn per_cents_are_rounded_and_nothing_is_divided_by_nothing() {
        let row = |answered, incoming| {
            let tally = Tally { incoming, answered, ..Tally::default() };
            tally.row(String::new(), String::new()).service_level_percent
        };
        assert_eq!(
            [row(0, 0), row(1, 3), row(2, 3), row(1, 8), row(199, 200), row(5, 5)],
            [0, 33, 67, 13, 100, 100]
        );
    }
}
