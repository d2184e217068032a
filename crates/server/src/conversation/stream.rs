//! What streams show: the log of a conversation, and those of a queue's conversations.
//!
//! Over many conversations there is no one number to go on from, and a transaction that has begun earlier may commit later:
//! so a place in a queue's stream is a time, and whoever comes back is shown what happened since, and a little before. No
//! transaction lives as long as that little: nothing is skipped, and repeats are known by conversation and `seq`.

use std::collections::{BTreeSet, HashMap};

use rozmowa_db::{Row, Tx, params};
use serde_json::{Value, json};
use uuid::Uuid;

use super::log::{Kind, Move, Speaker};
use crate::clock::{self, Millis};
use crate::http::Error;
use crate::live::sse::{self, Over, Stream, Wake};
use crate::time;

/// Events that are read at once, and conversations.
const EVENTS: i64 = 100;
const CONVERSATIONS: usize = 50;
const PAGE: i64 = 200;
/// Text that is read at once, and what then waits for the reader.
const BYTES_MAX: usize = 512 * 1024;
/// Longer than any transaction: the store gives one up after a minute, and clocks of nodes may differ.
pub const MARGIN: Millis = 120_000;
/// Each so many looks a queue's stream goes through all that has changed: other processes tell this one nothing.
const FULL_EVERY: u32 = 3;

rozmowa_db::statements! {
    EXISTS = "SELECT 1 FROM conversation WHERE id = $1";
    /// All but whispers, which are between agents.
    EVENTS_SINCE = "SELECT e.seq, e.at, e.kind, e.sent_by, a.login, e.bot_id,
            CASE WHEN r.what IS NULL THEN e.text END, CASE WHEN r.what IS NULL OR e.kind = 12 THEN e.data END
        FROM event e LEFT JOIN agent a ON a.id = e.agent_id
            LEFT JOIN erasing r ON r.conversation_id = e.conversation_id
                AND r.what = CASE WHEN e.sent_by = 0 THEN 2 ELSE 1 END AND r.until_seq >= e.seq
        WHERE e.conversation_id = $1 AND e.seq > $2 AND e.at >= $3 AND e.kind <> 11
            AND NOT EXISTS (SELECT 1 FROM erasing w WHERE w.conversation_id = $1 AND w.what = 0)
        ORDER BY e.seq LIMIT $4";
    /// Those that started, whether or not anything happened since.
    STARTED = "SELECT id, seq FROM conversation WHERE chat_queue_id = $1 AND id >= $2 AND id < $3 ORDER BY id LIMIT $4";
    CHANGED = "SELECT updated_at, id, seq FROM conversation
        WHERE seq > 1 AND chat_queue_id = $1 AND (updated_at, id) > ($2, $3) ORDER BY updated_at, id LIMIT $4";
    /// Those that came or went.
    MOVED = "SELECT at, conversation_id, seq, data FROM event
        WHERE (kind = 7 OR kind = 10) AND (at, conversation_id, seq) > ($1, $2, $3) ORDER BY at, conversation_id, seq LIMIT $4";
}

/// An event as streams show it.
struct Shown {
    seq: i64,
    at: Millis,
    kind: Kind,
    sent_by: Speaker,
    user_login: Option<String>,
    bot_id: Option<Uuid>,
    text: Option<String>,
    details: Value,
}

impl Shown {
    fn read(row: &Row<'_>) -> Result<Self, rozmowa_db::Error> {
        let data: Option<String> = row.get(7)?;
        Ok(Self {
            seq: row.get(0)?,
            at: row.get(1)?,
            // One that a later version wrote is nothing that this one could show.
            kind: Kind::from_number(row.get(2)?).unwrap_or(Kind::Labelled),
            sent_by: Speaker::from_number(row.get(3)?),
            user_login: row.get(4)?,
            bot_id: row.get(5)?,
            text: row.get(6)?,
            details: data.and_then(|data| serde_json::from_str(&data).ok()).unwrap_or_default(),
        })
    }

    fn weight(&self) -> usize {
        self.text.as_ref().map_or(0, String::len)
    }

    fn write(&self, out: &mut String, stream: &Stream, conversation: &Uuid, id: &str) {
        let data = json!({
            "conversation_id": conversation,
            "seq": self.seq,
            "kind": self.kind.name(),
            "created_at": time::with_millis(self.at, &stream.app.config.time_zone),
            "sent_by": self.sent_by.name(),
            "user_login": self.user_login,
            "external_chatbot_id": self.bot_id,
            "text": self.text,
            "details": self.details,
        });
        sse::event(out, id, self.kind.name(), &data);
    }
}

fn write_deleted(out: &mut String, conversation: &Uuid, id: &str) {
    let kind = Kind::Deleted.name();
    sse::event(out, id, kind, &json!({ "conversation_id": conversation, "kind": kind }));
}

pub fn exists(tx: &mut Tx<'_>, id: &Uuid) -> Result<bool, Error> {
    Ok(tx.query_opt(&EXISTS, params![id], |_| Ok(()))?.is_some())
}

/// Shows the log of a conversation after a place in it, and goes on as it grows.
pub async fn conversation(mut stream: Stream, id: Uuid, after: i64) {
    let why = match show_conversation(&mut stream, id, after).await {
        Ok(()) => Over::Complete,
        Err(why) => why,
    };
    stream.end(why);
}

async fn show_conversation(stream: &mut Stream, id: Uuid, mut after: i64) -> Result<(), Over> {
    stream.send(Stream::greeting()).await?;
    loop {
        let read = stream.read(move |tx| {
            if !exists(tx, &id)? {
                return Ok(None);
            }
            Ok(Some(tx.query(&EVENTS_SINCE, params![&id, after, 0, EVENTS], Shown::read)?))
        });
        let mut text = String::new();
        let Some(events) = read.await? else {
            write_deleted(&mut text, &id, &(after + 1).to_string());
            return stream.send(text).await;
        };
        for event in &events {
            after = event.seq;
            event.write(&mut text, stream, &id, &event.seq.to_string());
            if text.len() > BYTES_MAX {
                stream.send(std::mem::take(&mut text)).await?;
            }
        }
        stream.send(text).await?;
        if events.len() as u64 == EVENTS.unsigned_abs() {
            continue;
        }
        if let Wake::Look = stream.wait().await? {
            stream.beat(":\n\n".to_owned()).await?;
        }
        // One look for all that has come.
        while stream.next_told()?.is_some() {}
    }
}

/// A place in a queue's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(pub Millis);

impl Place {
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('q').filter(|digits| digits.len() == 12)?;
        i64::from_str_radix(digits, 16).ok().map(Self)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "q{:012x}", self.0)
    }
}

/// How far a stream has shown a conversation.
#[derive(Debug, Clone, Copy)]
struct Known {
    seq: i64,
    at: Millis,
    /// It has not gone to another queue.
    is_here: bool,
}

/// A queue's stream.
struct Queue {
    stream: Stream,
    id: i64,
    /// What the ids of events say: all that was committed before was shown, but for what the margin covers.
    place: Place,
    /// Events from before are not shown, unless they belong to a conversation that is known.
    floor: Millis,
    known: HashMap<Uuid, Known>,
    /// Conversations in which something has happened.
    pending: BTreeSet<Uuid>,
}

/// Shows what happens in a queue's conversations, from a place on.
pub async fn queue(stream: Stream, id: i64, from: Place) {
    let place = Place(from.0.min(stream.app.clock.now()));
    let mut queue = Queue {
        stream,
        id,
        place,
        floor: place.0 - MARGIN,
        known: HashMap::new(),
        pending: BTreeSet::new(),
    };
    let why = match queue.run().await {
        Ok(()) => Over::Complete,
        Err(why) => why,
    };
    queue.stream.end(why);
}

impl Queue {
    async fn run(&mut self) -> Result<(), Over> {
        self.stream.send(Stream::greeting()).await?;
        self.look_at_all().await?;
        let mut looks = 0;
        loop {
            match self.stream.wait().await? {
                Wake::Told(told) => self.note(&told).await?,
                Wake::Look => {
                    looks += 1;
                    if looks % FULL_EVERY == 0 {
                        self.look_at_all().await?;
                    } else {
                        // Whether the caller still may.
                        self.stream.read(|_| Ok(())).await?;
                    }
                    self.stream.beat(format!("id: {}\n\n", self.place)).await?;
                }
            }
            self.drain().await?;
            self.show_pending().await?;
        }
    }

    async fn note(&mut self, told: &crate::live::Told) -> Result<(), Over> {
        let id = told.conversation;
        if told.event.kind != Kind::Deleted {
            self.pending.insert(id);
            return Ok(());
        }
        self.pending.remove(&id);
        self.known.remove(&id);
        let mut text = String::new();
        write_deleted(&mut text, &id, &self.place.to_string());
        self.stream.send(text).await
    }

    async fn drain(&mut self) -> Result<(), Over> {
        while let Some(told) = self.stream.next_told()? {
            self.note(&told).await?;
        }
        Ok(())
    }

    /// Goes through all that has changed since the place, and moves it on.
    async fn look_at_all(&mut self) -> Result<(), Over> {
        let began = self.stream.app.clock.now();
        let since = self.place.0 - MARGIN;
        self.look_at_moved(since).await?;
        let (mut changed, mut started) = ((since, Uuid::nil()), clock::first_id_at(since));
        loop {
            let (id, (at, last)) = (self.id, changed);
            let read = self.stream.read(move |tx| {
                Ok(tx.query(&CHANGED, params![id, at, &last, PAGE], |row| {
                    Ok((row.get::<i64>(0)?, row.get::<Uuid>(1)?, row.get::<i64>(2)?))
                })?)
            });
            let page = read.await?;
            let last = page.last().filter(|_| page.len() as u64 == PAGE.unsigned_abs());
            let last = last.map(|(at, id, _)| (*at, *id));
            let until = last.map_or(Uuid::max(), |(at, _)| clock::first_id_at(at + 1));
            started = self.look_at_started(started, until).await?;
            let news = page.into_iter().filter(|(_, id, seq)| self.is_news(id, *seq));
            let news: Vec<_> = news.map(|(_, id, _)| id).collect();
            self.pending.extend(news);
            self.drain().await?;
            self.show_pending().await?;
            let Some((at, id)) = last else { break };
            changed = (at, id);
            self.place = self.place.max(Place(at.min(began)));
        }
        self.place = self.place.max(Place(began));
        // What is older was shown, or was not to be.
        self.floor = self.floor.max(began - 2 * MARGIN);
        let floor = self.floor;
        self.known.retain(|_, known| known.at >= floor);
        Ok(())
    }

    async fn look_at_started(&mut self, mut from: Uuid, until: Uuid) -> Result<Uuid, Over> {
        loop {
            let (queue, start) = (self.id, from);
            let read = self.stream.read(move |tx| {
                Ok(tx.query(&STARTED, params![queue, &start, &until, PAGE], |row| {
                    Ok((row.get::<Uuid>(0)?, row.get::<i64>(1)?))
                })?)
            });
            let page = read.await?;
            let news = page.iter().filter(|(id, seq)| self.is_news(id, *seq));
            let news: Vec<_> = news.map(|(id, _)| *id).collect();
            self.pending.extend(news);
            self.drain().await?;
            self.show_pending().await?;
            match page.last().filter(|_| page.len() as u64 == PAGE.unsigned_abs()) {
                Some((last, _)) => from = Uuid::from_u128(last.as_u128().saturating_add(1)),
                None => return Ok(until),
            }
        }
    }

    /// Those that have left are shown up to there.
    async fn look_at_moved(&mut self, since: Millis) -> Result<(), Over> {
        let mut after = (since, Uuid::nil(), 0);
        loop {
            let (at, id, seq) = after;
            let read = self.stream.read(move |tx| {
                Ok(tx.query(&MOVED, params![at, &id, seq, PAGE], |row| {
                    let place = (row.get::<i64>(0)?, row.get::<Uuid>(1)?, row.get::<i64>(2)?);
                    Ok((place, row.get::<Option<String>>(3)?))
                })?)
            });
            let page = read.await?;
            for ((_, id, seq), data) in &page {
                let data = data.as_ref().and_then(|data| serde_json::from_str(data).ok());
                let moved = Move::of(&data.unwrap_or_default());
                let is_ours = moved.is_some_and(|moved| [moved.from, moved.to].contains(&self.id));
                if is_ours && self.is_news(id, *seq) {
                    self.pending.insert(*id);
                }
            }
            self.drain().await?;
            self.show_pending().await?;
            match page.last().filter(|_| page.len() as u64 == PAGE.unsigned_abs()) {
                Some((last, _)) => after = *last,
                None => return Ok(()),
            }
        }
    }

    fn is_news(&self, id: &Uuid, seq: i64) -> bool {
        self.known.get(id).is_none_or(|known| known.seq < seq)
    }

    /// Shows what is new in the conversations in which something has happened.
    async fn show_pending(&mut self) -> Result<(), Over> {
        while !self.pending.is_empty() {
            let ids = self.pending.iter().take(CONVERSATIONS);
            let asked: Vec<_> =
                ids.map(|id| (*id, self.known.get(id).map_or(0, |known| known.seq))).collect();
            let floor = self.floor;
            let read = self.stream.read(move |tx| {
                let (mut found, mut weight) = (Vec::new(), 0);
                for (id, after) in &asked {
                    let rows = params![id, *after, floor, EVENTS];
                    let events = tx.query(&EVENTS_SINCE, rows, Shown::read)?;
                    weight += events.iter().map(Shown::weight).sum::<usize>();
                    found.push((*id, events));
                    if weight > BYTES_MAX {
                        break;
                    }
                }
                Ok(found)
            });
            let mut text = String::new();
            for (id, events) in read.await? {
                // Else there may be more of it.
                if (events.len() as u64) < EVENTS.unsigned_abs() {
                    self.pending.remove(&id);
                }
                self.write(&mut text, id, &events);
            }
            self.stream.send(text).await?;
            self.drain().await?;
        }
        Ok(())
    }

    fn write(&mut self, text: &mut String, id: Uuid, events: &[Shown]) {
        let Some(last) = events.last() else { return };
        let move_of = |event: &Shown| Move::of(&event.details);
        let first = events.iter().find_map(move_of);
        let known = self.known.get(&id);
        let mut is_here = known
            .map_or_else(|| first.is_none_or(|moved| moved.from == self.id), |known| known.is_here);
        let place = self.place.to_string();
        for event in events {
            let moved = move_of(event);
            if is_here || moved.is_some_and(|moved| moved.to == self.id) {
                event.write(text, &self.stream, &id, &place);
            }
            is_here = moved.map_or(is_here, |moved| moved.to == self.id);
        }
        self.known.insert(id, Known { seq: last.seq, at: last.at, is_here });
    }
}

impl Place {
    fn max(self, other: Self) -> Self {
        Self(self.0.max(other.0))
    }
}
