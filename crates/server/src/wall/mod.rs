//! What supervisors see at a glance: who waits, who answers, and how the day goes.
//!
//! All of it is read by indexes: what waits, what is open, and what was started since midnight. As many walls as there are cost one
//! read: it is remembered for a moment, and for longer where it takes long.

pub mod console;
pub mod day;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rozmowa_db::{Row, Tx, params};
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::clock::Millis;
use crate::conversation::shown_name;
use crate::directory::{self, DirectoryAgent};
use crate::http::Error;
use crate::queue::{self, hours};
use crate::time::midnight;
use day::Day;

rozmowa_db::statements! {
    /// How many wait in each queue, and since when the first.
    WAITING = "SELECT q.id,
            (SELECT count(*) FROM conversation c WHERE c.chat_queue_id = q.id AND c.waiting_rank IS NOT NULL),
            (SELECT min(c.waiting_since) FROM conversation c WHERE c.chat_queue_id = q.id AND c.waiting_rank IS NOT NULL)
        FROM chat_queue q ORDER BY q.id LIMIT 10000";
    OPEN = "SELECT c.chat_queue_id, count(*) FROM conversation c WHERE c.status IN (0, 1) GROUP BY c.chat_queue_id LIMIT 10000";
    WHO_WAITS = "SELECT c.id, c.chat_queue_id, c.client_name, c.client_surname, c.client_id, c.waiting_since, c.is_missed
        FROM conversation c WHERE c.waiting_rank IS NOT NULL AND c.chat_queue_id IN (SELECT q.id FROM chat_queue q)
        ORDER BY c.waiting_since, c.id LIMIT 100";
    MISSED = "SELECT c.id FROM conversation c
        WHERE c.waiting_rank IS NOT NULL AND c.chat_queue_id IN (SELECT q.id FROM chat_queue q) AND c.is_missed = 1
        ORDER BY c.waiting_since, c.id LIMIT 50";
}

const REMEMBERED_FOR: Millis = 2_000;
/// A read may take up to such a part of the time.
const SHARE: u32 = 10;

/// What supervisors see at a glance.
#[derive(Serialize, ToSchema)]
pub struct Wall {
    /// When it was read.
    at: i64,
    /// When today began, in the installation's zone.
    since: i64,
    /// By number.
    queues: Vec<WallQueue>,
    /// By number: open accounts.
    agents: Vec<DirectoryAgent>,
    /// Of all queues together.
    total: Day,
    /// Who has waited longest, up to 100.
    waiting: Vec<WhoWaits>,
    alarms: Alarms,
}

/// A queue now and today.
#[derive(Serialize, ToSchema)]
pub struct WallQueue {
    id: i64,
    name: String,
    /// Whether it takes new conversations.
    enabled: bool,
    /// Working hours are now.
    is_open: bool,
    answer_goal_seconds: i64,
    /// How many wait, and since when the first.
    waiting: i64,
    #[schema(required)]
    waiting_since: Option<i64>,
    /// Not closed, those that wait too.
    open: i64,
    /// Agents of the queue that are free or on a pause.
    on_duty: i64,
    /// Those of them that are not on a pause.
    free: i64,
    /// Those of them that can have one more conversation.
    with_room: i64,
    today: Day,
}

/// A conversation that waits.
#[derive(Serialize, ToSchema)]
pub struct WhoWaits {
    conversation_id: Uuid,
    chat_queue_id: i64,
    /// How people see the client; empty when nothing is known.
    client_name: String,
    waiting_since: i64,
    /// All agents on duty have missed it.
    is_missed: bool,
}

/// What asks for somebody at once.
#[derive(Serialize, ToSchema)]
pub struct Alarms {
    /// Queues that are open now, and that nobody answers: nobody is free, with room or without.
    deserted_queue_ids: Vec<i64>,
    /// Conversations that all agents on duty have missed and that wait, up to 50.
    missed_conversation_ids: Vec<Uuid>,
}

/// The last one that was read.
#[derive(Default)]
pub struct Remembered(Mutex<Option<Last>>);

struct Last {
    wall: Arc<Wall>,
    good_until: Millis,
}

impl Remembered {
    /// Who asks while it is being read waits for it.
    pub async fn get(&self, app: &App) -> Result<Arc<Wall>, Error> {
        let mut last = self.0.lock().await;
        let now = app.clock.now();
        if let Some(last) =
            last.as_ref().filter(|last| (last.wall.at..last.good_until).contains(&now))
        {
            return Ok(Arc::clone(&last.wall));
        }
        let (begun, of_read) = (Instant::now(), app.clone());
        let wall = Arc::new(app.db.read(move |tx| read(tx, &of_read, now)).await?);
        let took: Duration = begun.elapsed() * SHARE;
        let good_for =
            i64::try_from(took.as_millis()).unwrap_or(REMEMBERED_FOR).max(REMEMBERED_FOR);
        *last = Some(Last { wall: Arc::clone(&wall), good_until: now + good_for });
        Ok(wall)
    }
}

fn read(tx: &mut Tx<'_>, app: &App, now: Millis) -> Result<Wall, Error> {
    let zone = &app.config.time_zone;
    let since = midnight(now, zone);
    let mut agents = directory::agents(tx, now)?;
    agents.retain(|agent| agent.is_active);
    let queues = queue::list(tx)?;
    let goals = queues.iter().map(|queue| (queue.id, queue.settings.answer_goal_seconds * 1_000));
    let mut days = day::read(tx, since, now, &goals.collect())?;
    let row = |row: &Row<'_>| Ok((row.get::<i64>(0)?, (row.get::<i64>(1)?, row.get(2)?)));
    let waiting: BTreeMap<i64, (i64, Option<i64>)> =
        tx.query(&WAITING, params![], row)?.into_iter().collect();
    let row = |row: &Row<'_>| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?));
    let open: BTreeMap<i64, i64> = tx.query(&OPEN, params![], row)?.into_iter().collect();
    let total = Day::of_all(&days);
    let queues = queues.into_iter().map(|queue| {
        let of_queue = |is: fn(&DirectoryAgent) -> bool| {
            let members = agents.iter().filter(|agent| agent.chat_queue_ids.contains(&queue.id));
            members.filter(|agent| is(agent)).map(|_| 1).sum()
        };
        let (waiting, waiting_since) = waiting.get(&queue.id).copied().unwrap_or_default();
        WallQueue {
            id: queue.id,
            enabled: queue.is_enabled,
            is_open: hours::is_open(queue.settings.hours.as_ref(), now, zone),
            answer_goal_seconds: queue.settings.answer_goal_seconds,
            waiting,
            waiting_since,
            open: open.get(&queue.id).copied().unwrap_or_default(),
            on_duty: of_queue(|agent| agent.status.is_on_duty()),
            free: of_queue(|agent| agent.status.is_free()),
            with_room: of_queue(|agent| agent.status.is_free() && agent.status.has_room()),
            today: days.remove(&queue.id).unwrap_or_default().day(),
            name: queue.name,
        }
    });
    let queues: Vec<WallQueue> = queues.collect();
    let is_deserted = |queue: &&WallQueue| queue.enabled && queue.is_open && queue.free == 0;
    let alarms = Alarms {
        deserted_queue_ids: queues.iter().filter(is_deserted).map(|queue| queue.id).collect(),
        missed_conversation_ids: tx.query(&MISSED, params![], |row| row.get(0))?,
    };
    let waiting = tx.query(&WHO_WAITS, params![], |row| {
        let client_id: Option<String> = row.get(4)?;
        let (name, surname): (String, String) = (row.get(2)?, row.get(3)?);
        Ok(WhoWaits {
            conversation_id: row.get(0)?,
            chat_queue_id: row.get(1)?,
            client_name: shown_name(&name, &surname, client_id.as_deref()),
            waiting_since: row.get(5)?,
            is_missed: row.get(6)?,
        })
    })?;
    Ok(Wall { at: now, since, queues, agents, total, waiting, alarms })
}
