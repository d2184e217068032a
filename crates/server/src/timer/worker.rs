//! Fires timers when they are due.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use http::StatusCode;
use tokio::sync::{Notify, watch};

use super::{Kind, Timer};
use crate::act::{Act, Actor};
use crate::app::App;
use crate::bot;
use crate::clock::{Clock, Millis};
use crate::conversation::idle;
use crate::http::Error;
use crate::mail;
use crate::routing::no_answer;

/// Timers that are looked up at once.
const BATCH: i64 = 200;
/// How often other nodes' timers are looked for.
const ROUND_EVERY: Millis = 1_000;
/// After a failure of what a timer does.
const FAILED_AGAIN_AFTER: Millis = 60_000;
/// After a failure of the store.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Wakes the worker when a timer is set that comes before the one it waits for.
pub struct Alarm {
    waits_until: AtomicI64,
    bell: Notify,
}

impl Default for Alarm {
    fn default() -> Self {
        Self { waits_until: AtomicI64::new(Millis::MAX), bell: Notify::new() }
    }
}

impl Alarm {
    pub fn set(&self, at: Millis) {
        if at < self.waits_until.load(Ordering::SeqCst) {
            self.bell.notify_one();
        }
    }

    /// Whoever sets one after this rings, until it is waited.
    pub fn look(&self) {
        self.waits_until.store(Millis::MAX, Ordering::SeqCst);
    }

    /// Until then, or until one is set that comes before.
    pub async fn wait(&self, clock: &Clock, until: Millis) {
        self.waits_until.store(until, Ordering::SeqCst);
        tokio::select! {
            () = clock.sleep_until(until) => {}
            () = self.bell.notified() => {}
        }
    }
}

/// Until it is told to stop. What is under way then is finished.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    let alarm = &app.alarm;
    loop {
        alarm.look();
        let next = match fire(&app).await {
            Ok(next) => next,
            Err(error) => {
                tracing::warn!(cause = error.cause(), "timers will be tried again");
                tokio::select! {
                    () = tokio::time::sleep(AGAIN_AFTER) => continue,
                    _ = stop.wait_for(|stop| *stop) => return,
                }
            }
        };
        let until = next.unwrap_or(Millis::MAX).min(app.clock.now() + ROUND_EVERY);
        tokio::select! {
            () = alarm.wait(&app.clock, until) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Fires all that are due, and says when the next one is.
async fn fire(app: &App) -> Result<Option<Millis>, Error> {
    loop {
        let now = app.clock.now();
        let timers = app.db.read(move |tx| super::due(tx, now, BATCH)).await?;
        if timers.is_empty() {
            return app.db.read(super::next).await;
        }
        for timer in timers {
            let of_timer = app.clone();
            let actor = Actor::system();
            let fired = app.db.write(move |tx| {
                if !super::take(tx, &timer)? {
                    return Ok(());
                }
                let act = Act::of(tx, &of_timer, &actor)?;
                look(tx, &act, &timer)
            });
            match fired.await {
                // One that fails must not hold up those behind it.
                Err(error) if error.status() != StatusCode::SERVICE_UNAVAILABLE => {
                    tracing::error!(?timer, cause = error.cause(), "a timer failed");
                    let later = app.clock.now() + FAILED_AGAIN_AFTER;
                    app.db.write(move |tx| super::postpone(tx, &timer, later)).await?;
                }
                fired => fired?,
            }
        }
    }
}

fn look(tx: &mut rozmowa_db::Tx<'_>, act: &Act<'_>, timer: &Timer) -> Result<(), Error> {
    match timer.kind {
        Kind::Answer => no_answer::look(tx, act, &timer.conversation),
        Kind::Idle => idle::look(tx, act, &timer.conversation),
        Kind::Mail => mail::unread::look(tx, act, &timer.conversation),
        Kind::Bot => bot::work::look(tx, act, &timer.conversation),
    }
}
