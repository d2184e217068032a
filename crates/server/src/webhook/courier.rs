//! The courier: a lane for each enabled subscription, opened and closed as subscriptions come and go.

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rozmowa_db::{Tx, params};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::{ToDeliver, lane};
use crate::app::App;
use crate::clock::Millis;
use crate::http::Error;

rozmowa_db::statements! {
    /// The first that is due in each queue.
    ROUND = "SELECT w.id, (SELECT min(d.due_at) FROM delivery d WHERE d.webhook_id = w.id)
        FROM webhook w WHERE w.is_enabled = 1 ORDER BY w.id LIMIT 1000";
    /// On SQLite there is one server, so what a former one held is free.
    FREE = "UPDATE webhook SET lease_until = 0 WHERE lease_until > 0";
}

/// How often all queues are looked at for what nobody told this process: other nodes' and the command line's changes.
const ROUND_EVERY: Duration = Duration::from_secs(1);

/// Wakes lanes when something is to be delivered.
#[derive(Default)]
pub struct Bells {
    lanes: Mutex<HashMap<i64, Arc<Notify>>>,
    /// For subscriptions that have no lane yet.
    round: Notify,
    /// What all lanes have in memory of what they tell, in bytes.
    pub(super) weight: AtomicUsize,
}

impl Bells {
    /// Rings for what a transaction has published.
    pub fn hear(&self, message: &(dyn Any + Send)) {
        if let Some(ToDeliver(webhook)) = message.downcast_ref() {
            self.ring(*webhook);
        }
    }

    fn ring(&self, webhook: i64) {
        match self.lanes.lock().unwrap_or_else(PoisonError::into_inner).get(&webhook) {
            Some(bell) => bell.notify_one(),
            None => self.round.notify_one(),
        }
    }

    fn hang(&self, webhook: i64) -> Arc<Notify> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lanes.entry(webhook).or_default())
    }

    fn take_down(&self, webhook: i64) {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner).remove(&webhook);
    }

    fn has(&self, webhook: i64) -> bool {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&webhook)
    }
}

/// Delivers until it is told to stop; then finishes what is under way, and returns.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    if app.db.is_sqlite() {
        let freed = app.db.write(|tx| Ok::<_, Error>(tx.execute(&FREE, params![])?)).await;
        if let Err(error) = freed {
            tracing::warn!(cause = error.cause(), "leases of a former server are waited for");
        }
    }
    let mut lanes = JoinSet::new();
    let mut every = tokio::time::interval(ROUND_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = app.bells.round.notified() => {}
            Some(closed) = lanes.join_next() => {
                if let Ok(webhook) = closed {
                    app.bells.take_down(webhook);
                }
            }
            () = told_to_stop(&mut stop) => break,
        }
        match app.db.read(round).await {
            Ok(queues) => {
                let now = app.clock.now();
                for (webhook, due_at) in queues {
                    let Some(due_at) = due_at else { continue };
                    if !app.bells.has(webhook) {
                        let bell = app.bells.hang(webhook);
                        lanes.spawn(lane::run(app.clone(), webhook, bell, stop.clone()));
                    } else if due_at <= now {
                        app.bells.ring(webhook);
                    }
                }
            }
            Err(error) => tracing::debug!(cause = error.cause(), "queues could not be looked at"),
        }
    }
    while lanes.join_next().await.is_some() {}
}

/// Returns at once when the server was dropped without a word.
pub(super) async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

fn round(tx: &mut Tx<'_>) -> Result<Vec<(i64, Option<Millis>)>, Error> {
    Ok(tx.query(&ROUND, params![], |row| Ok((row.get(0)?, row.get(1)?)))?)
}
