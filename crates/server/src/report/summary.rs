//! A report: conversations of a time, by period and agent.
//!
//! Rows come in the order of starts, so one period is counted after the other: what is held at once are the agents of a period, however
//! long the time is, and reading ends with the page that was asked for. What has changed since its row was made is read from the log and
//! takes the row's place on the way.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rozmowa_db::{Row, Stmt, Tx, params};
use uuid::Uuid;

use super::build;
use super::fact::{self, Fact, From, Marks};
use super::period::{Aggregation, Stretch};
use super::tally::{SummaryRow, Tally};
use super::whole::{Report, Whole};
use crate::clock::{self, Millis, first_id_at};
use crate::http::{Code, Error};

rozmowa_db::statements! {
    FACTS = "SELECT conversation_id, chat_queue_id, agent_id, rating, marks, wait_ms, chat_ms FROM report_fact
        WHERE conversation_id > $1 AND conversation_id < $2 ORDER BY conversation_id LIMIT $3";
    /// Whose row is behind, by the small index of those whose log has gone on.
    CHANGED = "SELECT c.id, c.chat_queue_id, c.agent_id, c.rating, f.seq, f.marks, f.wait_ms, f.chat_ms
        FROM conversation c LEFT JOIN report_fact f ON f.conversation_id = c.id
        WHERE c.seq > c.indexed_seq AND c.id > $1 AND c.id < $2 AND coalesce(f.seq, 0) < c.seq
        ORDER BY c.id LIMIT $3";
    /// The same while rows are still being made of what is older than they are.
    CHANGED_OR_NEW = "SELECT c.id, c.chat_queue_id, c.agent_id, c.rating, f.seq, f.marks, f.wait_ms, f.chat_ms
        FROM conversation c LEFT JOIN report_fact f ON f.conversation_id = c.id
        WHERE c.id > $1 AND c.id < $2 AND coalesce(f.seq, 0) < c.seq
        ORDER BY c.id LIMIT $3";
    NAMES = "SELECT id, login, name, surname FROM agent ORDER BY id LIMIT 100000";
}

/// Reports at once; others wait. Readers are left for calls that count nothing.
pub const AT_ONCE: usize = 2;
const TIME_MAX: Duration = Duration::from_secs(20);
const FACTS_PAGE: i64 = 10_000;
const CHANGED_PAGE: i64 = 512;
/// In the place of an agent's number.
const NOBODY: i64 = 0;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Query {
    /// Started then or later, and before.
    pub from: Millis,
    pub until: Millis,
    /// Of these agents, and in these queues; none: all.
    pub agents: Option<HashSet<i64>>,
    pub queues: Option<HashSet<i64>>,
    pub is_sum: bool,
    pub by: Aggregation,
    /// An answer within this is in time.
    pub threshold: Millis,
    pub limit: usize,
    pub offset: usize,
}

pub fn summary(tx: &mut Tx<'_>, query: &Query, zone: &TimeZone) -> Result<Vec<SummaryRow>, Error> {
    let names = if query.is_sum { HashMap::new() } else { names(tx)? };
    let mut count = Count::new(query, zone, &names);
    read_all(tx, &mut count)?;
    Ok(count.rows())
}

/// With everything together, and by agent and by queue; for that, all is read, however many rows there are.
pub fn report(tx: &mut Tx<'_>, query: &Query, zone: &TimeZone) -> Result<Report, Error> {
    let names = names(tx)?;
    // One more says that there are more.
    let more = Query { limit: query.limit.saturating_add(1), ..query.clone() };
    let mut count = Count::new(&more, zone, &names);
    count.whole = Some(Whole::default());
    read_all(tx, &mut count)?;
    let whole = count.whole.take().unwrap_or_default();
    let mut rows = count.rows();
    let is_cut = rows.len() > query.limit;
    rows.truncate(query.limit);
    Ok(whole.report(rows, is_cut, |agent| names.get(&agent).map_or("", String::as_str)))
}

fn read_all(tx: &mut Tx<'_>, count: &mut Count<'_>) -> Result<(), Error> {
    let query = count.query;
    let (mut after, until) = (first_id_at(query.from), first_id_at(query.until.max(0)));
    let changed_statement: &Stmt = if build::is_done(tx)? { &CHANGED } else { &CHANGED_OR_NEW };
    let since = Instant::now();
    while !count.is_full() && after < until {
        let bounds = params![&after, &until, CHANGED_PAGE];
        let mut changed = tx.query(changed_statement, bounds, Fact::read)?;
        let is_last = i64::try_from(changed.len()).unwrap_or_default() < CHANGED_PAGE;
        fact::catch_up(tx, &mut changed, From::Kept)?;
        let end = match changed.last() {
            // Its own row, too: the bound itself is not read.
            Some(last) if !is_last => Uuid::from_u128(last.id.as_u128().saturating_add(1)),
            _ => until,
        };
        merge(tx, after, end, changed, count, since)?;
        // What begins at the bound comes with the next ones.
        after = Uuid::from_u128(end.as_u128().saturating_sub(1));
        if is_last {
            break;
        }
    }
    Ok(())
}

/// Counts what lies between two ids, each conversation once: as it was read now, else as its row has it.
fn merge(
    tx: &mut Tx<'_>,
    mut after: Uuid,
    until: Uuid,
    changed: Vec<Fact>,
    count: &mut Count<'_>,
    since: Instant,
) -> Result<(), Error> {
    let mut changed = changed.into_iter().peekable();
    while !count.is_full() {
        if since.elapsed() > TIME_MAX {
            return Err(Code::ReportTooBroad.into());
        }
        let mut last = None;
        let seen = tx.query(&FACTS, params![&after, &until, FACTS_PAGE], |row| {
            let kept = read(row)?;
            last = Some(kept.id);
            while let Some(fact) = changed.next_if(|fact| fact.id < kept.id) {
                count.add(&fact);
            }
            count.add(&changed.next_if(|fact| fact.id == kept.id).unwrap_or(kept));
            Ok(())
        })?;
        match last {
            Some(last) if i64::try_from(seen.len()).unwrap_or_default() == FACTS_PAGE => {
                after = last;
            }
            _ => break,
        }
    }
    changed.for_each(|fact| count.add(&fact));
    Ok(())
}

fn read(row: &Row<'_>) -> Result<Fact, rozmowa_db::Error> {
    Ok(Fact {
        id: row.get(0)?,
        seq: 0,
        chat_queue_id: row.get(1)?,
        agent_id: row.get(2)?,
        rating: row.get(3)?,
        marks: Marks(row.get(4)?),
        wait: row.get(5)?,
        chat: row.get(6)?,
    })
}

/// How agents are called in reports.
fn names(tx: &mut Tx<'_>) -> Result<HashMap<i64, String>, Error> {
    let names = tx.query(&NAMES, params![], |row| {
        let (login, name, surname): (String, String, String) =
            (row.get(1)?, row.get(2)?, row.get(3)?);
        let joined = format!("{name} {surname}").trim().to_owned();
        Ok((row.get::<i64>(0)?, if joined.is_empty() { login } else { joined }))
    })?;
    Ok(names.into_iter().collect())
}

/// A period, and what was counted in it so far, by agent.
#[derive(Debug)]
struct Open {
    over_at: Millis,
    tallies: HashMap<i64, Tally>,
}

/// Counts conversations in the order of their starts, and makes rows of the periods that are over.
struct Count<'a> {
    query: &'a Query,
    zone: &'a TimeZone,
    names: &'a HashMap<i64, String>,
    /// Where the last conversation was started.
    stretch: Option<Stretch>,
    /// More than one while the clocks repeat an hour, and of hours of the day.
    open: BTreeMap<DateTime, Open>,
    /// That of the stretch: it is in the map while there is another one.
    tallies: HashMap<i64, Tally>,
    skipped: usize,
    rows: Vec<SummaryRow>,
    /// Where it is wanted.
    whole: Option<Whole>,
}

impl<'a> Count<'a> {
    fn new(query: &'a Query, zone: &'a TimeZone, names: &'a HashMap<i64, String>) -> Self {
        Self {
            query,
            zone,
            names,
            stretch: None,
            open: BTreeMap::new(),
            tallies: HashMap::new(),
            skipped: 0,
            rows: Vec::new(),
            whole: None,
        }
    }

    fn is_full(&self) -> bool {
        self.whole.is_none() && self.rows.len() >= self.query.limit
    }

    fn add(&mut self, fact: &Fact) {
        let Query { agents, queues, .. } = self.query;
        let agent = fact.agent_id.unwrap_or(NOBODY);
        let is_wanted = agents.as_ref().is_none_or(|agents| agents.contains(&agent))
            && queues.as_ref().is_none_or(|queues| queues.contains(&fact.chat_queue_id));
        if !is_wanted {
            return;
        }
        let at = clock::made_at(&fact.id);
        if self.stretch.is_none_or(|stretch| at >= stretch.until) {
            self.go_to(at);
        }
        let user = if self.query.is_sum { NOBODY } else { agent };
        self.tallies.entry(user).or_default().add(fact, self.query.threshold);
        if let Some(whole) = &mut self.whole {
            whole.add(fact, agent, self.query.threshold);
        }
    }

    /// Goes to the period of a later moment.
    fn go_to(&mut self, at: Millis) {
        self.park();
        while let Some(first) = self.open.first_entry()
            && first.get().over_at <= at
        {
            let (begin, open) = first.remove_entry();
            self.emit(begin, open);
        }
        let stretch = Stretch::around(at, self.query.by, self.zone);
        self.tallies =
            self.open.remove(&stretch.begin).map(|open| open.tallies).unwrap_or_default();
        self.stretch = Some(stretch);
    }

    fn park(&mut self) {
        if let Some(Stretch { begin, over_at, .. }) = self.stretch.take() {
            let tallies = std::mem::take(&mut self.tallies);
            self.open.insert(begin, Open { over_at, tallies });
        }
    }

    fn emit(&mut self, begin: DateTime, open: Open) {
        let Query { limit, offset, by, .. } = self.query;
        // A page before this one.
        if self.skipped + open.tallies.len() <= *offset {
            self.skipped += open.tallies.len();
            return;
        }
        let name = |user: i64| self.names.get(&user).map_or("", String::as_str);
        let mut users: Vec<_> = open.tallies.into_iter().collect();
        users.sort_by(|(a, _), (b, _)| (name(*a), a).cmp(&(name(*b), b)));
        for (user, tally) in users {
            if self.skipped < *offset {
                self.skipped += 1;
            } else if self.rows.len() < *limit {
                self.rows.push(tally.row(by.series(begin), name(user).to_owned()));
            }
        }
    }

    /// With the periods that are not over.
    fn rows(mut self) -> Vec<SummaryRow> {
        self.park();
        while let Some((begin, open)) = self.open.pop_first() {
            self.emit(begin, open);
        }
        self.rows
    }
}
