//! What colleagues see of an agent, and telling them when it has changed.
//!
//! Every assignment changes the number of open conversations, so changes are collected for a moment: many of one agent are
//! told once, and all that wait are read by one statement.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rozmowa_db::{Row, Tx, Value};
use serde::Serialize;
use tokio::sync::{Notify, watch};
use utoipa::ToSchema;

use super::presence::{Presence, Status};
use crate::app::App;
use crate::clock::Millis;
use crate::http::Error;
use crate::live::{Passing, Topic};

rozmowa_db::statements! {
    OF = "SELECT a.id, a.open_chats, a.capacity, p.status, p.pause_id, p.changed_at, p.lease_until
        FROM agent a LEFT JOIN presence p ON p.agent_id = a.id
        WHERE a.id IN ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,
            $26,$27,$28,$29,$30,$31,$32)";
}

const FREE: &str = "free";
const OFF: &str = "off";
/// Agents that one statement reads.
const BATCH: usize = 32;
/// For how long changes are collected.
const COLLECTED_FOR: Duration = Duration::from_millis(250);

/// Published after commit: an agent is on duty or not, pauses, or has more or fewer conversations open.
#[derive(Debug, Clone, Copy)]
pub struct Changed(pub i64);

/// Whether an agent is on duty, and how busy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AgentStatusNow)]
pub struct StatusNow {
    /// `free`, `paused` or `off`.
    pub status: &'static str,
    /// The reason of a pause.
    #[schema(required)]
    pub pause_id: Option<i64>,
    /// Since when; null when the agent never was on duty.
    #[schema(required)]
    pub since: Option<i64>,
    /// Conversations that the agent has open, and can have.
    pub open_chats: i64,
    pub capacity: i64,
}

impl StatusNow {
    pub fn new(presence: Presence, open_chats: i64, capacity: i64) -> Self {
        let status = match presence.status {
            Status::Free => FREE,
            Status::Paused => "paused",
            Status::Off => OFF,
        };
        let Presence { pause_id, last_change: since, .. } = presence;
        Self { status, pause_id, since, open_chats, capacity }
    }

    pub fn is_on_duty(&self) -> bool {
        self.status != OFF
    }

    /// On duty, and not on a pause.
    pub fn is_free(&self) -> bool {
        self.status == FREE
    }

    pub fn has_room(&self) -> bool {
        self.open_chats < self.capacity
    }
}

/// Agents of whom there is something to tell.
#[derive(Default)]
pub struct Pending {
    agents: Mutex<BTreeSet<i64>>,
    bell: Notify,
}

impl Pending {
    pub fn add(&self, agent_id: i64) {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner).insert(agent_id);
        self.bell.notify_one();
    }

    fn take(&self) -> Vec<i64> {
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *agents).into_iter().collect()
    }
}

/// Until it is told to stop.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = app.statuses.bell.notified() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        tokio::time::sleep(COLLECTED_FOR).await;
        let listens = |id: &i64| {
            app.hub.has_listeners(Topic::AllLists) || app.hub.has_listeners(Topic::Agent(*id))
        };
        let agents: Vec<i64> = app.statuses.take().into_iter().filter(listens).collect();
        for batch in agents.chunks(BATCH) {
            let (batch, now) = (batch.to_vec(), app.clock.now());
            // Best effort: whoever is not told sees it when the list is read again.
            let Ok(found) = app.db.read(move |tx| read(tx, &batch, now)).await else { continue };
            for (agent_id, status) in found {
                let passing = Passing::AgentStatus { agent_id, status };
                app.hub.pass(Topic::Agent(agent_id), passing.clone(), None);
                app.hub.pass(Topic::AllLists, passing, None);
            }
        }
    }
}

fn read(tx: &mut Tx<'_>, ids: &[i64], now: Millis) -> Result<Vec<(i64, StatusNow)>, Error> {
    let last = ids.last().copied().unwrap_or_default();
    let mut places = vec![Value::from(last); BATCH];
    for (place, id) in places.iter_mut().zip(ids) {
        *place = Value::from(*id);
    }
    let row = |row: &Row<'_>| {
        let presence = Presence::read(row, 3, now)?;
        Ok((row.get(0)?, StatusNow::new(presence, row.get(1)?, row.get(2)?)))
    };
    Ok(tx.query(&OF, &places, row)?)
}
