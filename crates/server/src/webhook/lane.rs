//! A lane: one subscription's deliveries on their way. One process has it at a time, by a lease.
//!
//! Deliveries of one conversation go one after the other, in the order of its log; others go side by side. A receiver that
//! only fails is tried with one delivery at a time, once a second at most, until something arrives.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rozmowa_db::params;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinSet};
use uuid::Uuid;

use super::courier::told_to_stop;
use super::delivery::{self, Attempt, Due, Outcome, Told};
use super::send::{Answer, Parcel};
use super::{OffBecause, Webhook};
use crate::act::{Act, Actor};
use crate::app::App;
use crate::clock::Millis;
use crate::http::Error;

rozmowa_db::statements! {
    /// One holder at a time; the holder's own is prolonged.
    LEASE = "UPDATE webhook SET lease_owner = $2, lease_until = $3
        WHERE id = $1 AND (lease_owner = $2 OR lease_until <= $4)";
    LET_GO = "UPDATE webhook SET lease_until = 0 WHERE id = $1 AND lease_owner = $2";
}

/// Attempts at once.
const WINDOW_MAX: usize = 64;
/// Failures in a row after which a receiver is tried with care.
const FAILURES_MAX: u32 = 8;
const CAREFUL_EVERY: Duration = Duration::from_secs(1);
/// What was read longer ago is read again before it is sent: it may have been erased.
const FRESH_FOR: Duration = Duration::from_secs(2);
/// Longer than an attempt and the writing down of it take.
const LEASE_MS: Millis = 30_000;
/// After an error of the store.
const PAUSE: Duration = Duration::from_secs(1);

struct Lane {
    app: App,
    webhook: i64,
    actor: Actor,
    lease_until: Millis,
    /// Deliveries in memory: they are still in the queue and must not be read twice.
    held: HashSet<Uuid>,
    ready: VecDeque<Ready>,
    /// By conversation, what waits for the one of it that is ready or under way.
    behind: HashMap<Uuid, VecDeque<Ready>>,
    flights: JoinSet<Flight>,
    /// In a row.
    failures: u32,
    window: usize,
    last_careful: Option<Instant>,
    /// The receiver asked to be left alone until then.
    paused_until: Millis,
}

/// A delivery that may go.
struct Ready {
    due: Due,
    webhook: Arc<Webhook>,
    read_at: Instant,
}

/// A delivery that went.
struct Flight {
    due: Due,
    at: Millis,
    /// None when there was nothing left to tell of.
    answer: Option<Answer>,
}

/// What a look at the queue found.
enum Look {
    /// The next one is due then, as far as is known.
    Until(Option<Millis>),
    /// The subscription is off or gone.
    Closed,
}

/// Delivers for as long as the subscription is there and enabled. Gives its number back.
pub async fn run(
    app: App,
    webhook: i64,
    bell: Arc<Notify>,
    mut stop: watch::Receiver<bool>,
) -> i64 {
    let mut lane = Lane {
        app,
        webhook,
        actor: Actor::system(),
        lease_until: 0,
        held: HashSet::new(),
        ready: VecDeque::new(),
        behind: HashMap::new(),
        flights: JoinSet::new(),
        failures: 0,
        window: WINDOW_MAX,
        last_careful: None,
        paused_until: 0,
    };
    let mut is_stopping = false;
    while !is_stopping {
        let look = lane.look().await;
        if matches!(look, Look::Closed) {
            break;
        }
        let pause = lane.take_off();
        let (clock, until) = (lane.app.clock.clone(), lane.wake_at(&look));
        tokio::select! {
            Some(landed) = lane.flights.join_next() => lane.land(landed).await,
            () = bell.notified() => {}
            () = clock.sleep_until(until.unwrap_or_default()), if until.is_some() => {}
            () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {}
            () = told_to_stop(&mut stop) => is_stopping = true,
        }
    }
    while let Some(landed) = lane.flights.join_next().await {
        lane.land(landed).await;
    }
    lane.let_go().await;
    webhook
}

impl Lane {
    /// Reads what is due, if there is room for it.
    async fn look(&mut self) -> Look {
        let now = self.app.clock.now();
        match self.lease(now).await {
            Ok(true) => {}
            // The courier rings every second for what is overdue, until the lease is free.
            Ok(false) => return Look::Until(None),
            Err(error) => return self.trouble(&error),
        }
        let room = if self.is_careful() { 1 } else { 2 * WINDOW_MAX };
        if self.held.len() > room / 2 || self.paused_until > now {
            return Look::Until(None);
        }
        let (webhook, limit) =
            (self.webhook, i64::try_from(room + self.held.len()).unwrap_or(i64::MAX));
        let clock = self.app.clock.clone();
        let read = self.app.db.read(move |tx| {
            let Some(webhook) = super::find(tx, webhook)? else { return Ok(None) };
            // Only now: what this snapshot shows must not be in the future, or half of a conversation would go first.
            let now = clock.now();
            let mut due = delivery::due(tx, webhook.id, now, limit)?;
            // Several of a conversation may have one time: the log knows their order.
            due.sort_by_key(|due| due.told.seq());
            Ok::<_, Error>(Some((due, delivery::next_due(tx, webhook.id, now)?, webhook)))
        });
        let (due, next, webhook) = match read.await {
            Ok(Some((due, next, webhook))) if webhook.is_enabled => (due, next, webhook),
            Ok(_) => return Look::Closed,
            Err(error) => return self.trouble(&error),
        };
        let (webhook, read_at) = (Arc::new(webhook), Instant::now());
        for due in due {
            if self.held.insert(due.id) {
                self.line_up(Ready { due, webhook: Arc::clone(&webhook), read_at });
            }
        }
        Look::Until(next)
    }

    fn trouble(&self, error: &Error) -> Look {
        let webhook = self.webhook;
        tracing::debug!(webhook, cause = error.cause(), "the queue could not be looked at");
        Look::Until(None)
    }

    /// Behind others of its conversation, if there are any.
    fn line_up(&mut self, ready: Ready) {
        let Some(conversation) = ready.due.told.conversation() else {
            return self.ready.push_back(ready);
        };
        if let Some(line) = self.behind.get_mut(&conversation) {
            line.push_back(ready);
        } else {
            self.behind.insert(conversation, VecDeque::new());
            self.ready.push_back(ready);
        }
    }

    /// Sends what may go. When all of it has to wait, says how long.
    fn take_off(&mut self) -> Option<Duration> {
        let now = self.app.clock.now();
        while self.flights.len() < self.window && self.paused_until <= now {
            if self.is_careful() {
                let rest = self.last_careful.map(|at| CAREFUL_EVERY.saturating_sub(at.elapsed()));
                if let Some(rest) = rest.filter(|rest| !rest.is_zero()) {
                    return Some(rest);
                }
            }
            let ready = self.ready.pop_front()?;
            if ready.read_at.elapsed() > FRESH_FOR {
                self.forget(&ready.due);
                // It is still in the queue: the next look finds it.
                if self.ready.is_empty() {
                    return Some(Duration::ZERO);
                }
                continue;
            }
            if self.is_careful() {
                self.last_careful = Some(Instant::now());
            }
            let app = self.app.clone();
            self.flights.spawn(async move { fly(&app, ready.webhook, ready.due, now).await });
        }
        None
    }

    /// Out of memory, with all that waits for it.
    fn forget(&mut self, due: &Due) {
        self.held.remove(&due.id);
        if let Some(conversation) = due.told.conversation()
            && let Some(line) = self.behind.remove(&conversation)
        {
            for ready in line {
                self.held.remove(&ready.due.id);
            }
        }
    }

    /// The subscription was switched off: what has not gone stays in the queue.
    fn unload(&mut self) {
        for ready in std::mem::take(&mut self.ready) {
            self.forget(&ready.due);
        }
        // What is left waits for one that is under way, and so will what is read meanwhile.
        for ready in self.behind.values_mut().flat_map(std::mem::take) {
            self.held.remove(&ready.due.id);
        }
    }

    fn wake_at(&self, look: &Look) -> Option<Millis> {
        let now = self.app.clock.now();
        if self.paused_until > now {
            return Some(self.paused_until);
        }
        if let Look::Until(next) = look { *next } else { None }
    }

    const fn is_careful(&self) -> bool {
        self.failures >= FAILURES_MAX
    }

    /// Writes down what has come back, all of it at once.
    async fn land(&mut self, first: Result<Flight, JoinError>) {
        let mut landed = vec![first];
        while let Some(more) = self.flights.try_join_next() {
            landed.push(more);
        }
        // A flight that panicked stays held and goes with the next life of the lane; nothing in it can panic.
        let landed: Vec<Flight> = landed.into_iter().filter_map(Result::ok).collect();
        let is_gone = landed.iter().any(|flight| flight.http_status() == Some(410));
        let attempts: Vec<Attempt> = landed.iter().map(|flight| self.judge(flight)).collect();
        if self.write_down(attempts, is_gone).await {
            self.unload();
        }
        for flight in &landed {
            self.held.remove(&flight.due.id);
            if let Some(conversation) = flight.due.told.conversation() {
                match self.behind.get_mut(&conversation).and_then(VecDeque::pop_front) {
                    Some(next) => self.ready.push_front(next),
                    None => {
                        self.behind.remove(&conversation);
                    }
                }
            }
        }
    }

    /// What comes of a delivery, and of the lane.
    fn judge(&mut self, flight: &Flight) -> Attempt {
        let now = self.app.clock.now();
        let outcome = match &flight.answer {
            None => Outcome::Over,
            Some(answer) if answer.error.is_none() => {
                self.failures = 0;
                self.window = (self.window * 2).min(WINDOW_MAX);
                Outcome::Delivered
            }
            Some(answer) => {
                self.failures = self.failures.saturating_add(1);
                if self.is_careful() {
                    self.window = 1;
                }
                let wait = answer.retry_after.map_or(0, millis);
                // These say that any delivery would have failed.
                if matches!(answer.http_status, Some(429 | 503)) {
                    self.paused_until = self.paused_until.max(now + wait);
                }
                match self.schedule(flight.due.step) {
                    Some(_) if answer.http_status == Some(410) => Outcome::GivenUp,
                    Some(delay) => Outcome::Retry { at: now + delay.max(wait) },
                    None => Outcome::GivenUp,
                }
            }
        };
        self.tell(flight, outcome);
        let Flight { due, at, answer } = flight;
        let gone = "what it tells of was erased";
        Attempt {
            delivery: due.id,
            due_at: due.due_at,
            action: due.action,
            event_at: due.at,
            attempts: due.attempts,
            step: due.step,
            at: *at,
            duration_ms: answer.as_ref().map_or(0, |answer| answer.duration_ms),
            http_status: flight.http_status(),
            error: answer.as_ref().map_or(Some(gone.to_owned()), |answer| answer.error.clone()),
            outcome,
            is_failure: answer.as_ref().is_some_and(|answer| answer.error.is_some()),
        }
    }

    /// How long after this many failures the next attempt is made; none after the last.
    fn schedule(&self, step: i64) -> Option<Millis> {
        let seconds = self.app.config.webhooks.schedule_seconds.get(usize::try_from(step).ok()?)?;
        // ±20 %, so that what failed together does not come back together.
        let jitter = self.app.ids.fraction().mul_add(0.4, 0.8);
        let seconds = Duration::from_secs(*seconds).mul_f64(jitter);
        Some(millis(seconds))
    }

    fn tell(&self, flight: &Flight, outcome: Outcome) {
        let result = outcome.label();
        metrics::counter!("rozmowa_webhook_attempts_total", "outcome" => result).increment(1);
        let Some(Answer { error: Some(error), .. }) = &flight.answer else { return };
        let (webhook, delivery, attempt) =
            (self.webhook, flight.due.id.to_string(), flight.due.attempts + 1);
        // Who keeps failing has been told of enough.
        if self.failures > FAILURES_MAX {
            tracing::debug!(webhook, delivery, attempt, error, "a webhook was not delivered");
        } else {
            tracing::warn!(webhook, delivery, attempt, error, "a webhook was not delivered");
        }
    }

    /// Until it is written: what is not would be delivered again. Says whether the subscription was switched off.
    async fn write_down(&self, attempts: Vec<Attempt>, is_gone: bool) -> bool {
        let (attempts, webhook) = (Arc::new(attempts), self.webhook);
        loop {
            let (app, actor, attempts) =
                (self.app.clone(), self.actor.clone(), Arc::clone(&attempts));
            let written = self.app.db.write(move |tx| {
                let act = Act::of(tx, &app, &actor)?;
                let has_failed_long = delivery::record(tx, &act, webhook, &attempts)?;
                if is_gone {
                    super::switch_off(tx, &act, webhook, OffBecause::Gone)?;
                } else if has_failed_long {
                    super::switch_off(tx, &act, webhook, OffBecause::Failing)?;
                }
                Ok::<_, Error>(is_gone || has_failed_long)
            });
            match written.await {
                Ok(true) => {
                    tracing::warn!(webhook, "a webhook was switched off");
                    return true;
                }
                Ok(false) => return false,
                Err(error) => {
                    tracing::warn!(webhook, cause = error.cause(), "attempts could not be noted");
                    if self.app.is_stopping.load(std::sync::atomic::Ordering::Relaxed) {
                        return false;
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Takes or prolongs the lease. False while another process has it.
    async fn lease(&mut self, now: Millis) -> Result<bool, Error> {
        if self.lease_until - now > LEASE_MS / 2 {
            return Ok(true);
        }
        let (webhook, owner, until) = (self.webhook, self.app.process, now + LEASE_MS);
        let write = self.app.db.write(move |tx| {
            Ok::<_, Error>(tx.execute(&LEASE, params![webhook, &owner, until, now])? == 1)
        });
        let is_ours = write.await?;
        self.lease_until = if is_ours { until } else { 0 };
        Ok(is_ours)
    }

    async fn let_go(&self) {
        if self.lease_until == 0 {
            return;
        }
        let (webhook, owner) = (self.webhook, self.app.process);
        let write = self
            .app
            .db
            .write(move |tx| Ok::<_, Error>(tx.execute(&LET_GO, params![webhook, &owner])?));
        if let Err(error) = write.await {
            tracing::debug!(webhook, cause = error.cause(), "the lease runs out by itself");
        }
    }
}

impl Flight {
    fn http_status(&self) -> Option<u16> {
        self.answer.as_ref().and_then(|answer| answer.http_status)
    }
}

async fn fly(app: &App, webhook: Arc<Webhook>, due: Due, at: Millis) -> Flight {
    let answer = match Parcel::pack(&webhook, &due, &app.secret, &app.config, at) {
        Ok(Some(parcel)) => Some(app.sender.send(parcel, at).await),
        Ok(None) => None,
        Err(error) => Some(Answer::failed(error)),
    };
    Flight { due, at, answer }
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

impl Told {
    fn conversation(&self) -> Option<Uuid> {
        match self {
            Self::Event(event) => Some(event.conversation_id),
            Self::Customer(_) | Self::Gone => None,
        }
    }

    fn seq(&self) -> Option<i64> {
        match self {
            Self::Event(event) => Some(event.seq),
            Self::Customer(_) | Self::Gone => None,
        }
    }
}
