//! A conversation as reports count it: its log, folded into a narrow row.

use std::collections::{BTreeMap, HashMap};

use rozmowa_db::{Row, Stmt, Tx, Value, params};
use uuid::Uuid;

use crate::clock::{self, Millis};
use crate::conversation::log::{Kind, Speaker};
use crate::http::Error;

rozmowa_db::statements! {
    /// Conversations and what is kept of them.
    KEPT = "SELECT c.id, c.chat_queue_id, c.agent_id, c.rating, f.seq, f.marks, f.wait_ms, f.chat_ms
        FROM conversation c LEFT JOIN report_fact f ON f.conversation_id = c.id
        WHERE c.id IN ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27,
            $28,$29,$30,$31,$32)";
    /// What was said and done since.
    SINCE = "SELECT e.conversation_id, e.seq, e.at, e.kind, e.sent_by, CASE WHEN e.bot_id IS NULL THEN 0 ELSE 1 END
        FROM conversation c LEFT JOIN report_fact f ON f.conversation_id = c.id
            JOIN event e ON e.conversation_id = c.id AND e.seq > coalesce(f.seq, 0)
        WHERE c.id IN ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27,
            $28,$29,$30,$31,$32)
        ORDER BY e.conversation_id, e.seq LIMIT $33";
    /// From the beginning.
    LOGS = "SELECT e.conversation_id, e.seq, e.at, e.kind, e.sent_by, CASE WHEN e.bot_id IS NULL THEN 0 ELSE 1 END
        FROM event e
        WHERE e.conversation_id IN ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,
            $25,$26,$27,$28,$29,$30,$31,$32)
        ORDER BY e.conversation_id, e.seq LIMIT $33";
    /// Of a long log.
    PAGE = "SELECT e.conversation_id, e.seq, e.at, e.kind, e.sent_by, CASE WHEN e.bot_id IS NULL THEN 0 ELSE 1 END
        FROM event e WHERE e.conversation_id = $1 AND e.seq > $2 AND e.seq <= $3 ORDER BY e.seq LIMIT $4";
    PUT = "INSERT INTO report_fact (conversation_id, seq, chat_queue_id, agent_id, marks, wait_ms, chat_ms, rating)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (conversation_id) DO UPDATE SET seq = excluded.seq, chat_queue_id = excluded.chat_queue_id,
            agent_id = excluded.agent_id, marks = excluded.marks, wait_ms = excluded.wait_ms, chat_ms = excluded.chat_ms,
            rating = excluded.rating";
    FORGET = "DELETE FROM report_fact WHERE conversation_id = $1";
}

/// Conversations that are looked at together, as [`KEPT`] and the others take them.
pub const TOGETHER: usize = 32;
const EVENTS_MAX: i64 = 2_000;

/// What is true of a conversation. Bits of one number, as it is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks(pub i64);

impl Marks {
    /// The client has said something: it is not empty.
    pub const SAID: i64 = 1;
    pub const CLOSED: i64 = 2;
    /// A bot has it now.
    const BOT_HAS: i64 = 4;
    /// A bot has it, or has had it.
    pub const BOT_HAD: i64 = 8;
    pub const HANDED_OVER: i64 = 16;
    /// Closed while a bot had it.
    pub const BOT_FINISHED: i64 = 32;
    /// It was never a bot's, or became people's.
    pub const FOR_PEOPLE: i64 = 64;

    pub const fn has(self, mark: i64) -> bool {
        self.0 & mark != 0
    }

    const fn set(&mut self, marks: i64) {
        self.0 |= marks;
    }

    const fn clear(&mut self, marks: i64) {
        self.0 &= !marks;
    }
}

/// A conversation, as far as its log was looked at. Whose it is and how it was rated is as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    pub id: Uuid,
    pub seq: i64,
    pub chat_queue_id: i64,
    pub agent_id: Option<i64>,
    pub marks: Marks,
    /// From the start to the first answer of an agent.
    pub wait: Option<Millis>,
    /// From there to the end, while it is closed.
    pub chat: Option<Millis>,
    pub rating: Option<i64>,
}

/// What reports want to know of an event.
#[derive(Debug, Clone, Copy)]
pub struct Happened {
    pub conversation: Uuid,
    pub seq: i64,
    pub at: Millis,
    pub kind: i64,
    pub sent_by: i64,
    pub has_bot: bool,
}

impl Happened {
    pub fn read(row: &Row<'_>) -> Result<Self, rozmowa_db::Error> {
        Ok(Self {
            conversation: row.get(0)?,
            seq: row.get(1)?,
            at: row.get(2)?,
            kind: row.get(3)?,
            sent_by: row.get(4)?,
            has_bot: row.get(5)?,
        })
    }
}

impl Fact {
    /// From the columns of [`KEPT`]; one of which nothing is kept yet begins before its log.
    pub fn read(row: &Row<'_>) -> Result<Self, rozmowa_db::Error> {
        Ok(Self {
            id: row.get(0)?,
            seq: row.get::<Option<i64>>(4)?.unwrap_or_default(),
            chat_queue_id: row.get(1)?,
            agent_id: row.get(2)?,
            marks: Marks(row.get::<Option<i64>>(5)?.unwrap_or_default()),
            wait: row.get(6)?,
            chat: row.get(7)?,
            rating: row.get(3)?,
        })
    }

    /// As it was before its log began.
    #[must_use]
    pub fn unread(&self) -> Self {
        Self { seq: 0, marks: Marks::default(), wait: None, chat: None, ..self.clone() }
    }

    /// The next event of its log. One that was looked at already changes nothing.
    pub fn fold(&mut self, event: &Happened) {
        if event.seq <= self.seq {
            return;
        }
        self.seq = event.seq;
        let since_start = (event.at - clock::made_at(&self.id)).max(0);
        match Kind::from_number(event.kind) {
            Some(Kind::Started) if event.has_bot => {
                self.marks.set(Marks::BOT_HAS | Marks::BOT_HAD);
            }
            Some(Kind::Started) => self.marks.set(Marks::FOR_PEOPLE),
            Some(Kind::Message) => match Speaker::from_number(event.sent_by) {
                Speaker::Client => self.marks.set(Marks::SAID),
                Speaker::Agent => self.wait = self.wait.or(Some(since_start)),
                Speaker::Bot => self.marks.set(Marks::BOT_HAS | Marks::BOT_HAD),
                Speaker::System => {}
            },
            Some(Kind::GivenToBot) => self.marks.set(Marks::BOT_HAS | Marks::BOT_HAD),
            Some(Kind::HandedOver) => {
                self.marks.set(Marks::BOT_HAD | Marks::HANDED_OVER | Marks::FOR_PEOPLE);
                self.marks.clear(Marks::BOT_HAS);
            }
            Some(Kind::Assigned | Kind::Unassigned | Kind::Transferred) => {
                self.marks.set(Marks::FOR_PEOPLE);
                self.marks.clear(Marks::BOT_HAS);
            }
            Some(Kind::Closed) => {
                self.marks.set(Marks::CLOSED);
                if self.marks.has(Marks::BOT_HAS) {
                    self.marks.set(Marks::BOT_FINISHED);
                }
                self.marks.clear(Marks::BOT_HAS);
                self.chat = self.wait.map(|wait| (since_start - wait).max(0));
            }
            Some(Kind::Reopened) => {
                self.marks.set(Marks::FOR_PEOPLE);
                self.marks.clear(Marks::CLOSED | Marks::BOT_FINISHED | Marks::BOT_HAS);
                self.chat = None;
            }
            _ => {}
        }
    }

    pub fn put(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let row = params![
            &self.id,
            self.seq,
            self.chat_queue_id,
            self.agent_id,
            self.marks.0,
            self.wait,
            self.chat,
            self.rating,
        ];
        Ok(tx.put(&PUT, row)?)
    }

    /// Looks at the rest of its log, page by page, up to an event.
    pub fn read_on(&mut self, tx: &mut Tx<'_>, until: i64) -> Result<(), Error> {
        while self.seq < until {
            let rest = params![&self.id, self.seq, until, EVENTS_MAX];
            let events = tx.query(&PAGE, rest, Happened::read)?;
            if events.is_empty() {
                return Ok(());
            }
            for event in &events {
                self.fold(event);
            }
        }
        Ok(())
    }
}

/// Up to [`TOGETHER`] ids as parameters; a shorter list repeats its last one.
pub fn together<'a>(mut ids: impl DoubleEndedIterator<Item = &'a Uuid>) -> Vec<Value<'a>> {
    let Some(last) = ids.next_back() else { return Vec::new() };
    let mut values: Vec<_> = ids.map(Value::from).collect();
    values.resize(TOGETHER, Value::from(last));
    values
}

/// Where the logs of conversations are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// From where their kept rows end, which they are.
    Kept,
    Beginning,
}

/// Brings conversations, in the order of their ids, up to the ends of their logs.
pub fn catch_up(tx: &mut Tx<'_>, facts: &mut [Fact], from: From) -> Result<(), Error> {
    let statement: &Stmt = match from {
        From::Kept => &SINCE,
        From::Beginning => &LOGS,
    };
    for some in facts.chunks_mut(TOGETHER) {
        let ids: Vec<Uuid> = some.iter().map(|fact| fact.id).collect();
        let mut which = together(ids.iter());
        which.push(Value::from(EVENTS_MAX));
        let events = tx.query(statement, &which, Happened::read)?;
        let is_cut = i64::try_from(events.len()).unwrap_or(i64::MAX) == EVENTS_MAX;
        let last = events.last().map(|event| event.conversation);
        let mut events = events.iter().peekable();
        for fact in some {
            while let Some(event) = events.next_if(|event| event.conversation <= fact.id) {
                if event.conversation == fact.id {
                    fact.fold(event);
                }
            }
            // What did not fit is of the last one and those behind it.
            if is_cut && last.is_none_or(|last| fact.id >= last) {
                fact.read_on(tx, i64::MAX)?;
            }
        }
    }
    Ok(())
}

/// A conversation that is held and whose log was followed: from where on, and up to where.
#[derive(Debug, Clone, Copy)]
pub struct Followed {
    pub from_seq: i64,
    pub until_seq: i64,
}

/// Keeps what has become of conversations that are held, from events that somebody has read for a purpose of theirs as well.
pub fn follow(
    tx: &mut Tx<'_>,
    followed: &BTreeMap<Uuid, Followed>,
    events: &[Happened],
) -> Result<(), Error> {
    if followed.is_empty() {
        return Ok(());
    }
    let kept = tx.query(&KEPT, &together(followed.keys()), |row| {
        Ok((Fact::read(row)?, row.get::<Option<i64>>(4)?.is_some()))
    })?;
    let mut of: HashMap<Uuid, Vec<&Happened>> = HashMap::new();
    for event in events {
        of.entry(event.conversation).or_default().push(event);
    }
    for (was, is_kept) in kept {
        let Some(Followed { from_seq, until_seq }) = followed.get(&was.id).copied() else {
            continue;
        };
        let mut fact = was.clone();
        // Older than the table: its beginning was not among the events.
        fact.read_on(tx, from_seq)?;
        let news = of.get(&was.id).into_iter().flatten();
        news.filter(|event| event.seq <= until_seq).for_each(|event| fact.fold(event));
        if !is_kept || fact != was {
            fact.put(tx)?;
        }
    }
    Ok(())
}

/// Of a conversation that is deleted, in the same transaction: it counts no more.
pub fn forget(tx: &mut Tx<'_>, conversation: &Uuid) -> Result<(), Error> {
    Ok(tx.put(&FORGET, params![conversation])?)
}
