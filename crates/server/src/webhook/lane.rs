//! A lane: one subscription's deliveries on their way. One process has it at a time, by a lease.
//!
//! Deliveries of one conversation go one after the other, in the order of its log; others go side by side. A receiver that
//! only fails is tried with one delivery at a time, once a second at most, until something arrives.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rozmowa_db::params;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinSet};
use uuid::Uuid;

use super::courier::told_to_stop;
use super::delivery::{self, Attempt, Due, Outcome, References, Told};
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
/// Of the queue, what one look sees at least and at most.
const SIGHT_LEAST: usize = 4 * WINDOW_MAX;
const SIGHT_MOST: usize = 64 * WINDOW_MAX;
/// What all lanes of a process may have in memory of what they tell.
const WEIGHT_MAX_BYTES: usize = 32 * 1024 * 1024;
/// Failures in a row after which a receiver is tried with care.
const FAILURES_MAX: u32 = 8;
const CAREFUL_EVERY: Duration = Duration::from_secs(1);
/// How often a lane that must not send anything looks whether it may.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Prolonged at its half, at each look: a lane with something under way looks every second.
const LEASE_MS: Millis = 30_000;
/// After an error of the store.
const PAUSE: Duration = Duration::from_secs(1);

struct Lane {
    app: App,
    webhook: i64,
    actor: Actor,
    lease_until: Millis,
    flights: JoinSet<Flight>,
    /// Deliveries and conversations that are under way: the former are still in the queue, the latter have to wait.
    under_way: HashSet<Uuid>,
    busy: HashSet<Uuid>,
    sight: usize,
    looked_at: Option<Instant>,
    /// The subscription's version that all of the following was learnt under.
    version: i64,
    /// In a row.
    failures: u32,
    window: usize,
    last_careful: Option<Instant>,
    /// The receiver asked to be left alone until then.
    paused_until: Millis,
}

/// A delivery that is about to go.
struct Ready {
    due: Due,
    told: Told,
}

/// A delivery that went.
struct Flight {
    due: Due,
    version: i64,
    at: Millis,
    weight: usize,
    /// None when there was nothing left to tell of.
    answer: Option<Answer>,
}

/// What a look at the queue found.
enum Look {
    /// The next one is due then, as far as is known.
    Until(Option<Millis>),
    /// There may be more that can go at once.
    Again,
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
        flights: JoinSet::new(),
        under_way: HashSet::new(),
        busy: HashSet::new(),
        sight: SIGHT_LEAST,
        looked_at: None,
        version: 0,
        failures: 0,
        window: WINDOW_MAX,
        last_careful: None,
        paused_until: 0,
    };
    let mut is_stopping = false;
    while !is_stopping {
        let until = match lane.look().await {
            Look::Closed => break,
            Look::Again => continue,
            Look::Until(until) => lane.wake_at(until),
        };
        let (clock, rest) = (lane.app.clock.clone(), lane.rest());
        tokio::select! {
            Some(landed) = lane.flights.join_next() => lane.land(landed).await,
            () = bell.notified() => {}
            () = clock.sleep_until(until.unwrap_or_default()), if until.is_some() => {}
            () = tokio::time::sleep(rest.unwrap_or_default()), if rest.is_some() => {}
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
    /// Looks at subscription and queue, and sends what may go.
    async fn look(&mut self) -> Look {
        let room = self.window.saturating_sub(self.flights.len());
        let may_send = room > 0 && self.rest().is_none() && self.paused_until <= self.now();
        // Bells ring for every change; the subscription itself is looked at now and then.
        if !may_send && self.looked_at.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return Look::Until(None);
        }
        let (id, known, sight) = (self.webhook, self.version, self.sight + self.under_way.len());
        let (under_way, busy) = (self.under_way.clone(), self.busy.clone());
        let (clock, bells) = (self.app.clock.clone(), Arc::clone(&self.app.bells));
        let has_flights = !self.flights.is_empty();
        let read = self.app.db.read(move |tx| {
            let Some(webhook) = super::find(tx, id)? else { return Ok(None) };
            let is_changed = webhook.version != known;
            if !webhook.is_enabled || is_changed || !may_send {
                return Ok(Some(Seen { webhook, ready: Vec::new(), next: None, is_cut: false }));
            }
            // Only now: what this snapshot shows must not be in the future, or half of a conversation would go first.
            let now = clock.now();
            let due = delivery::due(tx, id, now, i64::try_from(sight).unwrap_or(i64::MAX))?;
            let is_cut = due.len() >= sight;
            let mut ready = Vec::new();
            let mut weight = bells.weight.load(Ordering::Relaxed);
            let chosen = choose(due, &under_way, &busy, room);
            let is_full = chosen.len() == room;
            for due in chosen {
                let told = due.load(tx)?;
                weight += told.weight();
                // One goes always, or nothing would ever get lighter.
                if weight > WEIGHT_MAX_BYTES && (has_flights || !ready.is_empty()) {
                    break;
                }
                ready.push(Ready { due, told });
            }
            let next = delivery::next_due(tx, id, now)?;
            Ok::<_, Error>(Some(Seen { webhook, ready, next, is_cut: is_cut && !is_full }))
        });
        let seen = match read.await {
            Ok(Some(seen)) if seen.webhook.is_enabled => seen,
            Ok(_) => return Look::Closed,
            Err(error) => return self.trouble(&error),
        };
        self.looked_at = Some(Instant::now());
        if seen.webhook.version != self.version {
            return self.begin_anew(seen.webhook.version);
        }
        if has_flights || !seen.ready.is_empty() {
            match self.lease().await {
                Ok(Lease::Kept) => {}
                // What another process had may be done by now.
                Ok(Lease::Taken) => return Look::Again,
                // The courier rings every second for what is overdue, until the lease is free.
                Ok(Lease::Elsewhere) => return Look::Until(None),
                Err(error) => return self.trouble(&error),
            }
        }
        self.sight = SIGHT_LEAST;
        if seen.is_cut && seen.ready.is_empty() && sight < SIGHT_MOST {
            // All that was seen waits for conversations that are under way: look further.
            self.sight = sight * 2;
            return Look::Again;
        }
        self.take_off(seen.webhook, seen.ready);
        Look::Until(seen.next)
    }

    fn now(&self) -> Millis {
        self.app.clock.now()
    }

    fn trouble(&self, error: &Error) -> Look {
        let webhook = self.webhook;
        tracing::debug!(webhook, cause = error.cause(), "the queue could not be looked at");
        Look::Until(None)
    }

    /// What was learnt of the receiver counts no more.
    fn begin_anew(&mut self, version: i64) -> Look {
        self.version = version;
        self.failures = 0;
        self.window = WINDOW_MAX;
        self.last_careful = None;
        self.paused_until = 0;
        Look::Again
    }

    fn take_off(&mut self, webhook: Webhook, ready: Vec<Ready>) {
        let (webhook, at) = (Arc::new(webhook), self.now());
        for Ready { due, told } in ready {
            let weight = told.weight();
            let others = self.app.bells.weight.fetch_add(weight, Ordering::Relaxed);
            // Another lane may have been quicker. What does not go now is still in the queue; one goes always.
            if others + weight > WEIGHT_MAX_BYTES && !self.flights.is_empty() {
                self.app.bells.weight.fetch_sub(weight, Ordering::Relaxed);
                break;
            }
            self.under_way.insert(due.id);
            self.busy.extend(due.references.conversation_id);
            let (app, webhook) = (self.app.clone(), Arc::clone(&webhook));
            self.flights.spawn(async move {
                let answer = fly(&app, &webhook, &due, told, at).await;
                Flight { due, version: webhook.version, at, weight, answer }
            });
            if self.is_careful() {
                self.last_careful = Some(Instant::now());
            }
        }
    }

    /// How long a receiver that only fails has to be left alone yet.
    fn rest(&self) -> Option<Duration> {
        let last = self.last_careful.filter(|_| self.is_careful())?;
        Some(CAREFUL_EVERY.saturating_sub(last.elapsed())).filter(|rest| !rest.is_zero())
    }

    fn wake_at(&self, next: Option<Millis>) -> Option<Millis> {
        if self.paused_until > self.now() { Some(self.paused_until) } else { next }
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
        // A flight that panicked stays under way until the lane's next life; nothing in it can panic.
        let landed: Vec<Flight> = landed.into_iter().filter_map(Result::ok).collect();
        for flight in &landed {
            self.app.bells.weight.fetch_sub(flight.weight, Ordering::Relaxed);
        }
        let is_gone = landed
            .iter()
            .any(|flight| flight.http_status() == Some(410) && flight.version == self.version);
        let attempts: Vec<Attempt> = landed.iter().map(|flight| self.judge(flight)).collect();
        self.write_down(attempts, is_gone).await;
        for flight in &landed {
            self.under_way.remove(&flight.due.id);
            if let Some(conversation) = flight.due.references.conversation_id {
                self.busy.remove(&conversation);
            }
        }
    }

    /// What comes of a delivery, and of the lane.
    fn judge(&mut self, flight: &Flight) -> Attempt {
        let Flight { due, at, answer, .. } = flight;
        let outcome = match answer {
            None => Outcome::Over,
            Some(answer) => {
                if flight.version == self.version {
                    self.learn(answer);
                }
                let wait = answer.retry_after.map_or(0, millis);
                match self.schedule(due.step) {
                    _ if answer.error.is_none() => Outcome::Delivered,
                    Some(delay) if answer.http_status != Some(410) => {
                        Outcome::Retry { at: self.now() + delay.max(wait) }
                    }
                    _ => Outcome::GivenUp,
                }
            }
        };
        self.tell(flight, outcome);
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

    /// What an answer says of the receiver.
    fn learn(&mut self, answer: &Answer) {
        if answer.error.is_none() {
            self.failures = 0;
            self.window = (self.window * 2).min(WINDOW_MAX);
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if self.is_careful() {
            self.window = 1;
        }
        // These say that any delivery would have failed.
        if matches!(answer.http_status, Some(429 | 503)) {
            let wait = answer.retry_after.map_or(0, millis);
            self.paused_until = self.paused_until.max(self.now() + wait);
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

    /// Until it is written: what is not would be delivered again.
    async fn write_down(&self, attempts: Vec<Attempt>, is_gone: bool) {
        let (attempts, webhook, version) = (Arc::new(attempts), self.webhook, self.version);
        loop {
            let (app, actor, attempts) =
                (self.app.clone(), self.actor.clone(), Arc::clone(&attempts));
            let written = self.app.db.write(move |tx| {
                let act = Act::of(tx, &app, &actor)?;
                let has_failed_long = delivery::record(tx, &act, webhook, &attempts)?;
                let because = match (is_gone, has_failed_long) {
                    (true, _) => OffBecause::Gone,
                    (false, true) => OffBecause::Failing,
                    (false, false) => return Ok(()),
                };
                super::switch_off(tx, &act, webhook, version, because)
            });
            let Err(error) = written.await else { return };
            tracing::warn!(webhook, cause = error.cause(), "attempts could not be noted");
            if self.app.is_stopping.load(Ordering::Relaxed) {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Takes or prolongs the lease.
    async fn lease(&mut self) -> Result<Lease, Error> {
        let now = self.now();
        if self.lease_until - now > LEASE_MS / 2 {
            return Ok(Lease::Kept);
        }
        let (webhook, owner, until) = (self.webhook, self.app.process, now + LEASE_MS);
        let write = self.app.db.write(move |tx| {
            Ok::<_, Error>(tx.execute(&LEASE, params![webhook, &owner, until, now])? == 1)
        });
        let (is_ours, was_ours) = (write.await?, self.lease_until > now);
        self.lease_until = if is_ours { until } else { 0 };
        Ok(match (is_ours, was_ours) {
            (true, true) => Lease::Kept,
            (true, false) => Lease::Taken,
            (false, _) => Lease::Elsewhere,
        })
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

/// A look's findings.
struct Seen {
    webhook: Webhook,
    ready: Vec<Ready>,
    next: Option<Millis>,
    /// More is due than was seen.
    is_cut: bool,
}

/// How the lease of a lane stands.
enum Lease {
    Kept,
    /// It was not held just before.
    Taken,
    Elsewhere,
}

/// What may go now, in the order in which it is due: of each conversation the first by its log, and nothing of those that
/// are under way.
fn choose(due: Vec<Due>, under_way: &HashSet<Uuid>, busy: &HashSet<Uuid>, room: usize) -> Vec<Due> {
    let mut first: HashMap<Uuid, i64> = HashMap::new();
    for References { conversation_id, seq, .. } in due.iter().map(|due| due.references) {
        if let (Some(conversation), Some(seq)) = (conversation_id, seq) {
            first.entry(conversation).and_modify(|first| *first = seq.min(*first)).or_insert(seq);
        }
    }
    let may_go = |due: &Due| {
        let References { conversation_id, seq, .. } = due.references;
        let is_first = match (conversation_id, seq) {
            (Some(conversation), Some(seq)) => {
                !busy.contains(&conversation) && first.get(&conversation) == Some(&seq)
            }
            _ => true,
        };
        is_first && !under_way.contains(&due.id)
    };
    // One of each conversation, even if several tell of one event.
    let mut taken = HashSet::new();
    due.into_iter()
        .filter(may_go)
        .filter(|due| due.references.conversation_id.is_none_or(|id| taken.insert(id)))
        .take(room)
        .collect()
}

async fn fly(app: &App, webhook: &Webhook, due: &Due, told: Told, at: Millis) -> Option<Answer> {
    match Parcel::pack(webhook, due, &told, &app.secret, &app.config, at) {
        Ok(Some(parcel)) => {
            drop(told);
            Some(app.sender.send(parcel, at).await)
        }
        Ok(None) => None,
        Err(error) => Some(Answer::failed(error)),
    }
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}
