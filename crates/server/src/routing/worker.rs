//! Gives who waits to who is free, as soon as either comes.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::floor::{self, Asked, Left, Look};
use crate::act::{Act, Actor};
use crate::agent::leave;
use crate::app::App;
use crate::clock::Millis;
use crate::http::Error;
use crate::live::{Passing, Topic};

/// How often what nobody told this process is looked for: other nodes, the command line, a queue that opens.
const ROUND_EVERY: Millis = 1_000;
/// After somebody was passed over because another transaction was busy with them; beyond that, the round finds them.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(10);
const LOOKS_AGAIN: u32 = 50;
/// After a failure of the store.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Queues in which something has changed.
#[derive(Default)]
pub struct Pending {
    queues: Mutex<BTreeSet<Option<i64>>>,
    bell: Notify,
}

impl Pending {
    /// None: room may have come, in any queue.
    pub fn add(&self, queue: Option<i64>) {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).insert(queue);
        self.bell.notify_one();
    }

    fn take(&self) -> BTreeSet<Option<i64>> {
        std::mem::take(&mut self.queues.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Until it is told to stop.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    let mut worker = Worker { app, full: BTreeSet::new(), deserted: BTreeSet::new() };
    let mut round_at = Millis::MIN;
    loop {
        let app = &worker.app;
        let (mut rung, now) = (app.to_route.take(), app.clock.now());
        if now >= round_at {
            round_at = now + ROUND_EVERY;
            rung.insert(None);
        }
        if let Err(error) = worker.answer(rung).await {
            tracing::warn!(cause = error.cause(), "who waits will be looked at again");
            round_at = Millis::MIN;
            tokio::select! {
                () = tokio::time::sleep(AGAIN_AFTER) => continue,
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
        let app = &worker.app;
        tokio::select! {
            () = app.to_route.bell.notified() => {}
            () = app.clock.sleep_until(round_at) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

struct Worker {
    app: App,
    /// Queues for which nobody had room: who starts to wait there need not be looked at until room comes.
    full: BTreeSet<i64>,
    /// Queues in which somebody waits, nobody is on duty, and the alarm was given.
    deserted: BTreeSet<i64>,
}

impl Worker {
    async fn answer(&mut self, rung: BTreeSet<Option<i64>>) -> Result<(), Error> {
        if rung.contains(&None) {
            self.full.clear();
            // What can't be moved keeps nobody waiting.
            let moved = self.move_leavers().await;
            self.drain(None).await?;
            return moved;
        }
        for queue in rung.into_iter().flatten() {
            if !self.full.contains(&queue) {
                self.drain(Some(queue)).await?;
            }
        }
        Ok(())
    }

    /// Until nobody waits for whom there is room.
    async fn drain(&mut self, queue: Option<i64>) -> Result<(), Error> {
        let (now, zone) = (self.app.clock.now(), self.app.config.time_zone.clone());
        let looks = self.app.db.read(move |tx| floor::look(tx, queue, now, &zone)).await?;
        self.alarm(queue, &looks);
        let has_room = |look: &&Look| look.is_open && look.with_room > 0;
        self.full
            .extend(looks.iter().filter(|look| !has_room(look)).map(|look| look.chat_queue_id));
        let queues: Vec<i64> =
            looks.iter().filter(has_room).map(|look| look.chat_queue_id).collect();
        let (mut looks_again, mut asked) = (LOOKS_AGAIN, Vec::new());
        while !queues.is_empty() {
            let left = self.step(queues.clone(), asked).await?;
            self.full.extend(&left.full);
            let is_over = left.is_over();
            asked = left.asked;
            if is_over {
                if !left.has_passed_over || looks_again == 0 {
                    break;
                }
                looks_again -= 1;
                tokio::time::sleep(LOOK_AGAIN_AFTER).await;
            }
        }
        Ok(())
    }

    async fn step(&self, queues: Vec<i64>, asked: Vec<Asked>) -> Result<Left, Error> {
        let (app, actor) = (self.app.clone(), Actor::system());
        let step = move |tx: &mut rozmowa_db::Tx<'_>| {
            let act = Act::of(tx, &app, &actor)?;
            floor::step(tx, &act, &queues, &asked, &app.config.time_zone)
        };
        self.app.db.write(step).await
    }

    async fn move_leavers(&self) -> Result<(), Error> {
        while self.app.db.read(leave::is_under_way).await? {
            let (app, actor) = (self.app.clone(), Actor::system());
            let step = move |tx: &mut rozmowa_db::Tx<'_>| {
                let act = Act::of(tx, &app, &actor)?;
                leave::step(tx, &act)
            };
            // What is on its way to somebody who has left is there at the next round.
            if !self.app.db.write(step).await? {
                break;
            }
        }
        Ok(())
    }

    /// Once, when nobody is on duty in a queue that is open and in which somebody waits.
    fn alarm(&mut self, queue: Option<i64>, looks: &[Look]) {
        let is_deserted = |look: &&Look| look.is_open && look.on_duty == 0;
        let now: BTreeSet<i64> =
            looks.iter().filter(is_deserted).map(|look| look.chat_queue_id).collect();
        for &chat_queue_id in now.difference(&self.deserted) {
            for topic in [Topic::List(chat_queue_id), Topic::AllLists] {
                let passing = Passing::Alarm { chat_queue_id, conversation: None };
                self.app.hub.pass(topic, passing, None);
            }
        }
        self.deserted.retain(|known| queue.is_some_and(|queue| queue != *known));
        self.deserted.extend(now);
    }
}
