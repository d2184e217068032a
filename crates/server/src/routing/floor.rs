//! Who waits and who is free, as the store has it; and a step of giving the ones to the others.

use std::collections::{BTreeMap, VecDeque};

use jiff::tz::TimeZone;
use rozmowa_db::{Row, Tx, params};
use uuid::Uuid;

use super::choose::{Candidate, Floor, Place, Question, Rules};
use crate::act::Act;
use crate::clock::Millis;
use crate::conversation::assign;
use crate::http::Error;
use crate::queue::settings::{Settings, Strategy};
use crate::queue::{self, hours};

rozmowa_db::statements! {
    /// Queues in which somebody waits.
    WAITED_IN = "SELECT q.id, q.settings FROM chat_queue q
        WHERE EXISTS (SELECT 1 FROM conversation c WHERE c.chat_queue_id = q.id AND c.waiting_rank IS NOT NULL)
        ORDER BY q.id LIMIT 10000";
    IS_WAITED_IN = "SELECT q.id, q.settings FROM chat_queue q
        WHERE q.id = $1 AND EXISTS (SELECT 1 FROM conversation c WHERE c.chat_queue_id = q.id AND c.waiting_rank IS NOT NULL)";
    /// A queue's agents on duty, and those of them with room.
    ON_DUTY = "SELECT count(*), count(CASE WHEN a.open_chats < a.capacity THEN 1 END)
        FROM queue_agent m JOIN agent a ON a.id = m.agent_id JOIN presence p ON p.agent_id = m.agent_id
        WHERE m.chat_queue_id = $1 AND p.status = 1 AND p.lease_until > $2 AND a.is_active = 1";
    /// Everybody with room, held until the transaction's end: whoever pauses, leaves or takes a conversation by hand comes
    /// before or after.
    FREE = {
        sqlite: "SELECT a.id, a.capacity, a.open_chats, a.assigned_at, p.changed_at
            FROM presence p JOIN agent a ON a.id = p.agent_id
            WHERE p.status = 1 AND p.lease_until > $1 AND a.is_active = 1 AND a.open_chats < a.capacity
            ORDER BY a.id LIMIT 10000",
        postgres: "SELECT a.id, a.capacity, a.open_chats, a.assigned_at, p.changed_at
            FROM presence p JOIN agent a ON a.id = p.agent_id
            WHERE p.status = 1 AND p.lease_until > $1 AND a.is_active = 1 AND a.open_chats < a.capacity
            ORDER BY a.id LIMIT 10000 FOR UPDATE OF a, p",
    };
    /// The same of one queue.
    FREE_IN = {
        sqlite: "SELECT a.id, a.capacity, a.open_chats, a.assigned_at, p.changed_at
            FROM queue_agent m JOIN presence p ON p.agent_id = m.agent_id JOIN agent a ON a.id = m.agent_id
            WHERE p.status = 1 AND p.lease_until > $1 AND a.is_active = 1 AND a.open_chats < a.capacity
              AND m.chat_queue_id = $2
            ORDER BY a.id LIMIT 10000",
        postgres: "SELECT a.id, a.capacity, a.open_chats, a.assigned_at, p.changed_at
            FROM queue_agent m JOIN presence p ON p.agent_id = m.agent_id JOIN agent a ON a.id = m.agent_id
            WHERE p.status = 1 AND p.lease_until > $1 AND a.is_active = 1 AND a.open_chats < a.capacity
              AND m.chat_queue_id = $2
            ORDER BY a.id LIMIT 10000 FOR UPDATE OF a, p",
    };
    PLACES = "SELECT agent_id, priority, 0 FROM queue_agent WHERE chat_queue_id = $1 LIMIT 10000";
    /// With what each has open of the queue.
    PLACES_COUNTED = "SELECT m.agent_id, m.priority,
            (SELECT count(*) FROM conversation c
             WHERE c.agent_id = m.agent_id AND c.chat_queue_id = m.chat_queue_id AND c.status <> 2)
        FROM queue_agent m WHERE m.chat_queue_id = $1 LIMIT 10000";
    /// Who waits, in order. Those that somebody is busy with are passed over, and counted by [`STILL`].
    WAITING = {
        sqlite: "SELECT c.id, c.waiting_since, c.customer_id, u.account_manager_id
            FROM conversation c LEFT JOIN customer u ON u.id = c.customer_id
            WHERE c.chat_queue_id = $1 AND c.waiting_rank = $2 AND (c.waiting_since, c.id) > ($3, $4) AND c.bot_id IS NULL
            ORDER BY c.waiting_since, c.id LIMIT $5",
        postgres: "SELECT c.id, c.waiting_since, c.customer_id, u.account_manager_id
            FROM conversation c LEFT JOIN customer u ON u.id = c.customer_id
            WHERE c.chat_queue_id = $1 AND c.waiting_rank = $2 AND (c.waiting_since, c.id) > ($3, $4) AND c.bot_id IS NULL
            ORDER BY c.waiting_since, c.id LIMIT $5 FOR UPDATE OF c SKIP LOCKED",
    };
    /// Whether more wait than were looked at.
    STILL = "SELECT count(*) FROM (SELECT 1 FROM conversation c
        WHERE c.chat_queue_id = $1 AND c.waiting_rank = $2 AND (c.waiting_since, c.id) > ($3, $4) AND c.bot_id IS NULL
        LIMIT $5) AS w";
    /// Who talked in a customer's last conversations.
    TALKED = "SELECT agent_id FROM conversation
        WHERE customer_id = $1 AND agent_id IS NOT NULL AND first_agent_at IS NOT NULL ORDER BY id DESC LIMIT 20";
    MISSED = "SELECT agent_id, at FROM missed WHERE conversation_id = $1 LIMIT 10000";
}

/// Conversations that one transaction gives away at most.
pub const BATCH: usize = 150;
/// Conversations that one transaction asks about at most: some were missed by everybody who is free.
pub const ASKED_MAX: usize = 500;
/// Who waits is looked up in pages.
const PAGE: i64 = 50;
/// Not assigned before, and before that.
const RANKS: [i64; 2] = [0, 1];

/// A queue in which somebody waits, as a look has found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    pub chat_queue_id: i64,
    pub is_open: bool,
    pub on_duty: i64,
    /// Of those on duty.
    pub with_room: i64,
}

/// Looks at one queue, or all, before anybody is held.
pub fn look(
    tx: &mut Tx<'_>,
    queue: Option<i64>,
    now: Millis,
    zone: &TimeZone,
) -> Result<Vec<Look>, Error> {
    let row = |row: &Row<'_>| Ok((row.get::<i64>(0)?, row.get::<String>(1)?));
    let queues = match queue {
        Some(id) => tx.query(&IS_WAITED_IN, params![id], row)?,
        None => tx.query(&WAITED_IN, params![], row)?,
    };
    let look = |(id, settings): (i64, String)| {
        let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let (on_duty, with_room) = tx.query_one(&ON_DUTY, params![id, now], row)?;
        let hours = Settings::from_stored(&settings).hours;
        let is_open = hours::is_open(hours.as_ref(), now, zone);
        Ok(Look { chat_queue_id: id, is_open, on_duty, with_room })
    };
    queues.into_iter().map(look).collect()
}

/// What a step has left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Nobody waits for whom there is room.
    is_over: bool,
    /// Queues for which nobody has room.
    pub full: Vec<i64>,
    /// Somebody was busy with one who waits: to be looked at again in a moment.
    pub has_passed_over: bool,
    /// Up to where was asked about whom there is nobody for.
    pub asked: Vec<Asked>,
}

/// A place among those who wait in a queue with one rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    chat_queue_id: i64,
    rank: i64,
    at: (Millis, Uuid),
}

impl Left {
    pub fn is_over(&self) -> bool {
        self.is_over
    }
}

/// Gives those who wait in some queues to those who are free, up to [`BATCH`], from where the step before has stopped.
pub fn step(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    queues: &[i64],
    asked: &[Asked],
    zone: &TimeZone,
) -> Result<Left, Error> {
    let mut floor = Floor { agents: free(tx, queues, act.now)?, queues: BTreeMap::new() };
    if floor.agents.is_empty() {
        let (full, asked) = (queues.to_vec(), Vec::new());
        return Ok(Left { is_over: true, full, has_passed_over: false, asked });
    }
    let mut settings = BTreeMap::new();
    let mut lines = Vec::new();
    for &id in queues {
        let Some(queue) = queue::find(tx, id)? else { continue };
        if !hours::is_open(queue.settings.hours.as_ref(), act.now, zone) {
            continue;
        }
        add_queue(tx, &mut floor, id, &queue.settings)?;
        lines.extend(RANKS.map(|rank| Line::new(id, rank, &queue.settings, act.now).after(asked)));
        settings.insert(id, queue.settings);
    }
    let (mut given, mut questions) = (0, 0);
    while given < BATCH && questions < ASKED_MAX {
        let Some(waiting) = next(tx, &floor, &mut lines)? else { break };
        questions += 1;
        let queue = waiting.chat_queue_id;
        let rules = &floor.queues[&queue];
        let question = ask(tx, &waiting, rules)?;
        let Some(at) = floor.choose(&question) else { continue };
        let turn = floor.give(at, queue, act.now);
        let agent = floor.agents[at].id;
        if assign::route(tx, act, &waiting.id, agent, &settings[&queue], turn)? {
            given += 1;
            let line = lines.iter_mut().find(|line| line.is_of(&waiting));
            line.expect("it came from there").left -= 1;
        }
    }
    lines.retain(|line| floor.has_room(line.chat_queue_id));
    let mut has_passed_over = false;
    for line in &lines {
        has_passed_over |= line.has_passed_over(tx)?;
    }
    let full = floor.queues.keys().copied().filter(|id| !floor.has_room(*id)).collect();
    let is_over = given < BATCH && questions < ASKED_MAX;
    // Where all were given away, the start is as near, and whoever was passed over is there.
    let has_left_none = questions == given;
    let asked =
        if is_over || has_left_none { Vec::new() } else { lines.iter().map(Line::asked).collect() };
    Ok(Left { is_over, full, has_passed_over, asked })
}

fn free(tx: &mut Tx<'_>, queues: &[i64], now: Millis) -> Result<Vec<Candidate>, Error> {
    let row = |row: &Row<'_>| {
        Ok(Candidate {
            id: row.get(0)?,
            capacity: row.get(1)?,
            open: row.get(2)?,
            assigned_at: row.get(3)?,
            free_since: row.get(4)?,
            places: BTreeMap::new(),
        })
    };
    Ok(match queues {
        [queue] => tx.query(&FREE_IN, params![now, *queue], row)?,
        _ => tx.query(&FREE, params![now], row)?,
    })
}

fn add_queue(
    tx: &mut Tx<'_>,
    floor: &mut Floor,
    id: i64,
    settings: &Settings,
) -> Result<(), Error> {
    let strategies = match &settings.strategies {
        Some(own) => own.clone(),
        None => super::strategies(tx)?,
    };
    let agent_capacity = settings.agent_capacity;
    let places = if agent_capacity.is_some() { &PLACES_COUNTED } else { &PLACES };
    let row = |row: &Row<'_>| {
        Ok((row.get::<i64>(0)?, Place { priority: row.get(1)?, open: row.get(2)? }))
    };
    for (agent_id, place) in tx.query(places, params![id], row)? {
        // By number, as they were read.
        if let Ok(at) = floor.agents.binary_search_by_key(&agent_id, |agent| agent.id) {
            floor.agents[at].places.insert(id, place);
        }
    }
    floor.queues.insert(id, Rules { strategies, agent_capacity });
    Ok(())
}

struct Waiting {
    id: Uuid,
    chat_queue_id: i64,
    rank: i64,
    since: Millis,
    customer_id: Option<i64>,
    account_manager: Option<i64>,
}

impl Waiting {
    fn order(&self) -> (i64, Millis, Uuid) {
        (self.rank, self.since, self.id)
    }
}

/// Those who wait in a queue with one rank, read as far as they are asked for.
struct Line {
    chat_queue_id: i64,
    rank: i64,
    from: (Millis, Uuid),
    after: (Millis, Uuid),
    page: VecDeque<Waiting>,
    is_read: bool,
    /// The last that was asked about.
    asked: (Millis, Uuid),
    /// Of those that were read, how many still wait.
    left: i64,
}

impl Line {
    /// Who has waited for too long is assigned by hand alone.
    fn new(chat_queue_id: i64, rank: i64, settings: &Settings, now: Millis) -> Self {
        let after = match settings.stop_assigning() {
            Some(after) => (now - after, Uuid::max()),
            None => (Millis::MIN, Uuid::nil()),
        };
        let page = VecDeque::new();
        Self {
            chat_queue_id,
            rank,
            from: after,
            after,
            page,
            is_read: false,
            asked: after,
            left: 0,
        }
    }

    /// From where it was left, if it was.
    fn after(mut self, asked: &[Asked]) -> Self {
        let is_here =
            |place: &&Asked| (place.chat_queue_id, place.rank) == (self.chat_queue_id, self.rank);
        if let Some(place) = asked.iter().find(is_here) {
            (self.from, self.after, self.asked) = (place.at, place.at, place.at);
        }
        self
    }

    fn asked(&self) -> Asked {
        Asked { chat_queue_id: self.chat_queue_id, rank: self.rank, at: self.asked }
    }

    fn is_of(&self, waiting: &Waiting) -> bool {
        (self.chat_queue_id, self.rank) == (waiting.chat_queue_id, waiting.rank)
    }

    /// Asked when all were looked at for whom there was room.
    fn has_passed_over(&self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        if !self.is_read {
            return Ok(false);
        }
        let key = params![self.chat_queue_id, self.rank, self.from.0, &self.from.1, self.left + 1];
        let still: i64 = tx.query_one(&STILL, key, |row| row.get(0))?;
        Ok(still > self.left)
    }

    fn front(&mut self, tx: &mut Tx<'_>) -> Result<Option<&Waiting>, Error> {
        if self.page.is_empty() && !self.is_read {
            let (chat_queue_id, rank) = (self.chat_queue_id, self.rank);
            let key = params![chat_queue_id, rank, self.after.0, &self.after.1, PAGE];
            let page = tx.query(&WAITING, key, |row: &Row<'_>| {
                Ok(Waiting {
                    id: row.get(0)?,
                    chat_queue_id,
                    rank,
                    since: row.get(1)?,
                    customer_id: row.get(2)?,
                    account_manager: row.get(3)?,
                })
            })?;
            self.is_read = (page.len() as u64) < PAGE.unsigned_abs();
            self.left += i64::try_from(page.len()).unwrap_or(PAGE);
            if let Some(last) = page.last() {
                self.after = (last.since, last.id);
            }
            self.page = page.into();
        }
        Ok(self.page.front())
    }
}

/// Who is first of all for whom there may be room.
fn next(tx: &mut Tx<'_>, floor: &Floor, lines: &mut Vec<Line>) -> Result<Option<Waiting>, Error> {
    lines.retain(|line| floor.has_room(line.chat_queue_id));
    let mut first: Option<(usize, (i64, Millis, Uuid))> = None;
    for (at, line) in lines.iter_mut().enumerate() {
        if let Some(order) = line.front(tx)?.map(Waiting::order)
            && first.is_none_or(|(_, best)| order < best)
        {
            first = Some((at, order));
        }
    }
    let Some((at, (_, since, id))) = first else { return Ok(None) };
    lines[at].asked = (since, id);
    Ok(lines[at].page.pop_front())
}

fn ask(tx: &mut Tx<'_>, waiting: &Waiting, rules: &Rules) -> Result<Question, Error> {
    let talked = match waiting.customer_id {
        Some(id) if rules.strategies.contains(&Strategy::LastAgent) => {
            tx.query(&TALKED, params![id], |row| row.get(0))?
        }
        _ => Vec::new(),
    };
    // Only what was assigned before can have been missed.
    let missed = match waiting.rank {
        0 => tx.query(&MISSED, params![&waiting.id], |row| Ok((row.get(0)?, row.get(1)?)))?,
        _ => Vec::new(),
    };
    Ok(Question {
        chat_queue_id: waiting.chat_queue_id,
        account_manager: waiting.account_manager,
        talked,
        missed,
    })
}
