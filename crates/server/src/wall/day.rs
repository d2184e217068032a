//! How a day goes: what was started since midnight, and how it was answered.
//!
//! Counted here, not by the engine: when a conversation has started is in its id, and each queue has a goal of its own.

use std::collections::{BTreeMap, HashMap};

use rozmowa_db::{Row, Tx, params};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::clock::{self, Millis, first_id_at};
use crate::conversation::Status;
use crate::conversation::log::{Kind, Speaker};
use crate::conversation::rate::Rating;
use crate::http::Error;

rozmowa_db::statements! {
    /// With who closed it, and whether a bot has spoken, where no person has answered.
    STARTED = "SELECT c.id, c.chat_queue_id, c.status, c.first_agent_at, c.bot_id, c.rating,
            (SELECT count(*) FROM missed x WHERE x.conversation_id = c.id),
            CASE WHEN c.status = 2 AND c.first_agent_at IS NULL THEN
                (SELECT e.sent_by FROM event e WHERE e.conversation_id = c.id AND e.kind = 3 ORDER BY e.seq DESC LIMIT 1) END,
            CASE WHEN c.status = 2 AND c.first_agent_at IS NULL THEN
                (SELECT count(*) FROM event e WHERE e.conversation_id = c.id AND e.sent_by = 2) END
        FROM conversation c WHERE c.id > $1 ORDER BY c.id LIMIT 5000";
    /// By bots, to people: these have waited since then.
    HANDED_OVER = "SELECT conversation_id, at, kind FROM event
        WHERE (kind = 7 OR kind = 10) AND at >= $1 ORDER BY at DESC, conversation_id DESC, seq DESC LIMIT 100000";
}

const PAGE: usize = 5_000;

/// Conversations that were started today.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Day {
    started: i64,
    /// A person has answered.
    answered: i64,
    /// Closed before a person answered, by the client or for them; those that a bot has handled don't count.
    abandoned: i64,
    /// An agent did not answer in time.
    missed: i64,
    /// Milliseconds from the start, or the hand-over by a bot, to a person's first answer; null when there was none.
    #[schema(required)]
    wait_mean: Option<i64>,
    #[schema(required)]
    wait_longest: Option<i64>,
    /// Answered within the queue's goal, in per cent of all that were answered, abandoned, or wait for longer than the goal; null
    /// when there are none.
    #[schema(required)]
    service_level: Option<f64>,
    ratings: Ratings,
}

/// What clients thought.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Ratings {
    sad: i64,
    neutral: i64,
    happy: i64,
}

/// What a day is made of.
#[derive(Debug, Clone, Default)]
pub(super) struct Count {
    day: Day,
    waited: Millis,
    in_time: i64,
    too_late: i64,
}

impl Count {
    pub fn day(self) -> Day {
        #[expect(clippy::cast_precision_loss, reason = "conversations of a day are not that many")]
        let per_cent =
            |part: i64, whole: i64| (part as f64 * 1_000.0 / whole as f64).round() / 10.0;
        let whole = self.day.answered + self.day.abandoned + self.too_late;
        Day {
            wait_mean: (self.day.answered > 0).then(|| self.waited / self.day.answered),
            service_level: (whole > 0).then(|| per_cent(self.in_time, whole)),
            ..self.day
        }
    }

    fn add(&mut self, other: &Self) {
        let (day, more) = (&mut self.day, &other.day);
        day.started += more.started;
        day.answered += more.answered;
        day.abandoned += more.abandoned;
        day.missed += more.missed;
        day.wait_longest = day.wait_longest.max(more.wait_longest);
        day.ratings.sad += more.ratings.sad;
        day.ratings.neutral += more.ratings.neutral;
        day.ratings.happy += more.ratings.happy;
        self.waited += other.waited;
        self.in_time += other.in_time;
        self.too_late += other.too_late;
    }

    fn count(&mut self, chat: &Chat, goal: Millis, now: Millis) {
        self.day.started += 1;
        self.day.missed += i64::from(chat.was_missed);
        match chat.rating {
            Some(Rating::Sad) => self.day.ratings.sad += 1,
            Some(Rating::Neutral) => self.day.ratings.neutral += 1,
            Some(Rating::Happy) => self.day.ratings.happy += 1,
            None => {}
        }
        let wait = (until(chat, now) - chat.since).max(0);
        match chat.state {
            State::Answered(_) => {
                self.day.answered += 1;
                self.day.wait_longest = self.day.wait_longest.max(Some(wait));
                self.waited += wait;
                self.in_time += i64::from(wait <= goal);
            }
            State::Abandoned => self.day.abandoned += 1,
            State::Waiting => self.too_late += i64::from(wait > goal),
            State::Handled => {}
        }
    }
}

fn until(chat: &Chat, now: Millis) -> Millis {
    if let State::Answered(at) = chat.state { at } else { now }
}

impl Day {
    pub(super) fn of_all(days: &BTreeMap<i64, Count>) -> Self {
        let mut total = Count::default();
        for day in days.values() {
            total.add(day);
        }
        total.day()
    }
}

struct Chat {
    id: Uuid,
    queue: i64,
    /// Since when a person is waited for.
    since: Millis,
    state: State,
    has_bot_spoken: bool,
    was_missed: bool,
    rating: Option<Rating>,
}

/// What has become of it, for who waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Answered(Millis),
    /// Closed, and not by who should have answered.
    Abandoned,
    /// By a bot, or closed by an agent without a word.
    Handled,
    Waiting,
}

impl State {
    fn read(row: &Row<'_>) -> Result<Self, rozmowa_db::Error> {
        if let Some(answered_at) = row.get(3)? {
            return Ok(Self::Answered(answered_at));
        }
        let closed_by = row.get::<Option<i64>>(7)?.map(Speaker::from_number);
        let is_bots = row.get::<Option<Uuid>>(4)?.is_some();
        Ok(match (row.get::<i64>(2)? == Status::Closed.number(), closed_by) {
            (true, Some(Speaker::Client | Speaker::System)) => Self::Abandoned,
            (false, _) if !is_bots => Self::Waiting,
            _ => Self::Handled,
        })
    }
}

fn chat(row: &Row<'_>) -> Result<Chat, rozmowa_db::Error> {
    let id: Uuid = row.get(0)?;
    Ok(Chat {
        since: clock::made_at(&id),
        id,
        queue: row.get(1)?,
        state: State::read(row)?,
        has_bot_spoken: row.get::<Option<i64>>(8)?.is_some_and(|events| events > 0),
        was_missed: row.get::<i64>(6)? > 0,
        rating: row.get::<Option<i64>>(5)?.and_then(Rating::from_number),
    })
}

/// By queue. Each has a goal.
pub(super) fn read(
    tx: &mut Tx<'_>,
    since: Millis,
    now: Millis,
    goals: &BTreeMap<i64, Millis>,
) -> Result<BTreeMap<i64, Count>, Error> {
    let row = |row: &Row<'_>| Ok((row.get::<Uuid>(0)?, row.get::<Millis>(1)?, row.get::<i64>(2)?));
    let moved = tx.query(&HANDED_OVER, params![since], row)?.into_iter();
    let handed_over = moved.filter(|(_, _, kind)| *kind == Kind::HandedOver as i64);
    // The first of each counts: the newest come first.
    let handed_over: HashMap<Uuid, Millis> = handed_over.map(|(id, at, _)| (id, at)).collect();
    let mut days: BTreeMap<i64, Count> = BTreeMap::new();
    let mut after = first_id_at(since);
    loop {
        let chats = tx.query(&STARTED, params![&after], chat)?;
        let Some(last) = chats.last() else { return Ok(days) };
        after = last.id;
        let is_last = chats.len() < PAGE;
        for mut chat in chats {
            match handed_over.get(&chat.id) {
                Some(at) => chat.since = *at,
                None if chat.has_bot_spoken && chat.state == State::Abandoned => {
                    chat.state = State::Handled;
                }
                None => {}
            }
            let goal = goals.get(&chat.queue).copied().unwrap_or_default();
            days.entry(chat.queue).or_default().count(&chat, goal, now);
        }
        if is_last {
            return Ok(days);
        }
    }
}
