//! The place of everybody who waits, and how long it may take.
//!
//! What is expected comes from how long conversations of the queue have taken lately, and from how many can be handled at
//! once by those on duty. It is told to who listens, when a queue has moved, at most once a second.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rozmowa_db::{Row, Tx, params};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::app::App;
use crate::clock::Millis;
use crate::conversation::log::Kind;
use crate::http::Error;
use crate::live::{Passing, Told, Topic};
use crate::queue::Settings;

rozmowa_db::statements! {
    PLACE = "SELECT chat_queue_id, waiting_rank, waiting_since FROM conversation WHERE id = $1 AND waiting_rank IS NOT NULL";
    BEFORE = "SELECT count(*) FROM conversation
        WHERE chat_queue_id = $1 AND waiting_rank IS NOT NULL AND (waiting_rank, waiting_since, id) < ($2, $3, $4)";
    ALL = "SELECT id FROM conversation WHERE chat_queue_id = $1 AND waiting_rank IS NOT NULL
        ORDER BY waiting_rank, waiting_since, id LIMIT 10000";
    MEASURED = "SELECT handling_ms, settings FROM chat_queue WHERE id = $1";
    /// Conversations that those on duty can have open at once, as far as the queue allows.
    AT_ONCE = "SELECT CAST(coalesce(sum(CASE WHEN a.capacity > $3 THEN $3 ELSE a.capacity END), 0) AS BIGINT)
        FROM queue_agent m JOIN agent a ON a.id = m.agent_id JOIN presence p ON p.agent_id = m.agent_id
        WHERE m.chat_queue_id = $1 AND p.status = 1 AND p.lease_until > $2 AND a.is_active = 1";
    MEASURE = "UPDATE chat_queue SET handling_ms = $2 WHERE id = $1";
}

/// A position is told again no sooner than after this.
const TOLD_EVERY: Millis = 1_000;
/// The share of a new measurement in the average: one in so many.
const SHARE: Millis = 8;
/// Measurements before the last so many would hardly count.
const MEASUREMENTS_MAX: usize = 64;

/// Somebody's position in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// From 1.
    pub place: i64,
    /// None when nobody is on duty, or nothing was measured yet.
    pub wait_seconds: Option<i64>,
}

/// How fast a queue moves.
#[derive(Debug, Clone, Copy)]
struct Pace {
    handling: Option<Millis>,
    at_once: i64,
}

impl Pace {
    fn read(tx: &mut Tx<'_>, queue: i64, now: Millis) -> Result<Self, Error> {
        let row = |row: &Row<'_>| Ok((row.get(0)?, Settings::from_stored(&row.get::<String>(1)?)));
        let Some((handling, settings)) = tx.query_opt(&MEASURED, params![queue], row)? else {
            return Ok(Self { handling: None, at_once: 0 });
        };
        let most = settings.agent_capacity.unwrap_or(crate::agent::capacity::MOST);
        let at_once = tx.query_one(&AT_ONCE, params![queue, now, most], |row| row.get(0))?;
        Ok(Self { handling, at_once })
    }

    /// All at once are taken to be busy: one is over every so often.
    fn at(self, place: i64) -> Position {
        let handling = self.handling.filter(|_| self.at_once > 0);
        let wait = handling.map(|handling| handling.saturating_mul(place) / self.at_once);
        Position { place, wait_seconds: wait.map(|wait| (wait + 999) / 1_000) }
    }
}

/// Where a conversation is in its queue; none when it does not wait.
pub fn find(tx: &mut Tx<'_>, conversation: &Uuid, now: Millis) -> Result<Option<Position>, Error> {
    let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let found = tx.query_opt(&PLACE, params![conversation], row)?;
    let Some((queue, rank, since)) = found else { return Ok(None) };
    let (queue, rank, since): (i64, i64, Millis) = (queue, rank, since);
    let key = params![queue, rank, since, conversation];
    let before: i64 = tx.query_one(&BEFORE, key, |row| row.get(0))?;
    Ok(Some(Pace::read(tx, queue, now)?.at(before + 1)))
}

/// Published after commit: a conversation has kept a place of an agent's busy for so long.
#[derive(Debug, Clone, Copy)]
pub struct Handled {
    chat_queue_id: i64,
    took: Millis,
}

impl Handled {
    pub fn new(chat_queue_id: i64, took: Millis) -> Self {
        Self { chat_queue_id, took: took.max(0) }
    }
}

/// Queues that have moved, and what was measured in them.
#[derive(Default)]
pub struct Moved {
    queues: Mutex<BTreeSet<i64>>,
    /// Conversations, and their queues, whose visitors have come and know nothing yet.
    newcomers: Mutex<Vec<(i64, Uuid)>>,
    measured: Mutex<BTreeMap<i64, VecDeque<Millis>>>,
    bell: Notify,
}

impl Moved {
    pub fn hear(&self, told: &Told) {
        if matches!(
            told.event.kind,
            Kind::Message
                | Kind::Linked
                | Kind::Note
                | Kind::Rated
                | Kind::Whisper
                | Kind::Erased
                | Kind::Labelled
        ) {
            return;
        }
        let queues = [Some(told.turn.chat_queue_id), told.was.chat_queue_id];
        lock(&self.queues).extend(queues.into_iter().flatten());
        self.bell.notify_one();
    }

    /// Somebody who may wait has come: told with the others, so that all who come back after a restart cost one look.
    pub fn came(&self, chat_queue_id: i64, conversation: Uuid) {
        lock(&self.newcomers).push((chat_queue_id, conversation));
        lock(&self.queues).insert(chat_queue_id);
        self.bell.notify_one();
    }

    pub fn measure(&self, handled: Handled) {
        let mut measured = lock(&self.measured);
        let of_queue = measured.entry(handled.chat_queue_id).or_default();
        if of_queue.len() == MEASUREMENTS_MAX {
            of_queue.pop_front();
        }
        of_queue.push_back(handled.took);
        drop(measured);
        self.bell.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A moving average, so that a busy day is told from a quiet one.
fn average(was: Option<Millis>, measured: impl IntoIterator<Item = Millis>) -> Option<Millis> {
    measured
        .into_iter()
        .fold(was, |was, took| Some(was.map_or(took, |was| was + (took - was) / SHARE)))
}

/// Until it is told to stop.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    let mut told = BTreeMap::new();
    loop {
        tokio::select! {
            () = app.moved.bell.notified() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let now = app.clock.now();
        // What is lost here comes again.
        if let Err(error) = answer(&app, &mut told).await {
            tracing::debug!(cause = error.cause(), "positions were not told");
        }
        tokio::select! {
            () = app.clock.sleep_until(now + TOLD_EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

type ToldPlaces = BTreeMap<i64, HashMap<Uuid, Position>>;

async fn answer(app: &App, told: &mut ToldPlaces) -> Result<(), Error> {
    let measured = std::mem::take(&mut *lock(&app.moved.measured));
    if !measured.is_empty() {
        app.db.write(move |tx| keep(tx, &measured)).await?;
    }
    let newcomers = std::mem::take(&mut *lock(&app.moved.newcomers));
    for (queue, conversation) in newcomers {
        told.get_mut(&queue).and_then(|told| told.remove(&conversation));
    }
    let queues = std::mem::take(&mut *lock(&app.moved.queues));
    if app.hub.is_silent() {
        told.clear();
        return Ok(());
    }
    for queue in queues {
        let now = app.clock.now();
        let read = move |tx: &mut Tx<'_>| {
            let ids = tx.query(&ALL, params![queue], |row| row.get::<Uuid>(0))?;
            Ok::<_, Error>((ids, Pace::read(tx, queue, now)?))
        };
        let (ids, pace) = app.db.read(read).await?;
        let listened =
            (1..).zip(ids).filter(|(_, id)| app.hub.has_listeners(Topic::Conversation(*id)));
        let positions: HashMap<Uuid, Position> =
            listened.map(|(place, id)| (id, pace.at(place))).collect();
        let before = told.remove(&queue).unwrap_or_default();
        for (&conversation, position) in &positions {
            if before.get(&conversation) != Some(position) {
                let Position { place, wait_seconds } = *position;
                let passing = Passing::Position { conversation, place, wait_seconds };
                app.hub.pass(Topic::Conversation(conversation), passing, None);
            }
        }
        if !positions.is_empty() {
            told.insert(queue, positions);
        }
    }
    Ok(())
}

/// Writes down what was measured, beside what others may write meanwhile: it is an estimate.
fn keep(tx: &mut Tx<'_>, measured: &BTreeMap<i64, VecDeque<Millis>>) -> Result<(), Error> {
    for (queue, measured) in measured {
        let row = |row: &Row<'_>| row.get::<Option<Millis>>(0);
        let was = tx.query_opt(&MEASURED, params![*queue], row)?.flatten();
        tx.put(&MEASURE, params![*queue, average(was, measured.iter().copied())])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_follows_what_is_measured() {
        assert_eq!(average(None, [8_000]), Some(8_000));
        assert_eq!(average(Some(8_000), [16_000]), Some(9_000));
        let settled = average(Some(60_000), std::iter::repeat_n(120_000, 64)).expect("an average");
        assert!((119_900..=120_000).contains(&settled), "{settled}");
        assert_eq!(average(Some(5), []), Some(5));
    }

    #[test]
    fn the_wait_grows_with_the_place_and_shrinks_with_who_is_there() {
        let pace = Pace { handling: Some(600_000), at_once: 6 };
        assert_eq!(pace.at(1), Position { place: 1, wait_seconds: Some(100) });
        assert_eq!(pace.at(9), Position { place: 9, wait_seconds: Some(900) });
        assert_eq!(Pace { at_once: 0, ..pace }.at(1).wait_seconds, None);
        assert_eq!(Pace { handling: None, ..pace }.at(1).wait_seconds, None);
    }
}
