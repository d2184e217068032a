//! Sends what is due, a few at once; any node may.

use std::collections::HashMap;

use tokio::sync::watch;
use tokio::task::{self, JoinSet};
use uuid::Uuid;

use super::body::Letter;
use super::compose;
use super::outbox::{self, Due, Outcome};
use super::smtp::Refusal;
use crate::app::App;
use crate::clock::Millis;
use crate::http::Error;

/// Sent at once.
const AT_ONCE: usize = 8;
/// Looked up at once: more than may be under way.
const BATCH: i64 = 16;
/// How often other nodes' e-mails are looked for.
const ROUND_EVERY: Millis = 1_000;
/// Beyond the mail server's time: for the store, before and after. Then another one may send it.
const LEASE_MARGIN: Millis = 60_000;
/// After a failure of the store.
const AGAIN_AFTER: std::time::Duration = std::time::Duration::from_secs(1);

/// Until it is told to stop. What is under way then is finished.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    let alarm = &app.mail_alarm;
    let mut under_way = JoinSet::new();
    // One whose lease is over, because the clock was set, is not begun again by who still sends it.
    let mut known = HashMap::new();
    loop {
        alarm.look();
        let until = match begin(&app, &known).await {
            Ok((begun, next)) => {
                for mail in begun {
                    let id = mail.id;
                    let task = under_way.spawn(send(app.clone(), mail, stop.clone()));
                    known.insert(task.id(), id);
                }
                next
            }
            Err(error) => {
                tracing::warn!(cause = error.cause(), "e-mails will be looked for again");
                tokio::select! {
                    () = tokio::time::sleep(AGAIN_AFTER) => continue,
                    _ = stop.wait_for(|stop| *stop) => break,
                }
            }
        };
        let is_full = known.len() == AT_ONCE;
        tokio::select! {
            () = alarm.wait(&app.clock, until), if !is_full => {}
            Some(ended) = under_way.join_next_with_id() => {
                known.remove(&ended.map_or_else(|error| error.id(), |(task, ())| task));
            }
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    while under_way.join_next().await.is_some() {}
}

/// Takes some that are due, and says when to look again.
async fn begin(app: &App, known: &HashMap<task::Id, Uuid>) -> Result<(Vec<Due>, Millis), Error> {
    let now = app.clock.now();
    let mut found = app.db.read(move |tx| outbox::due(tx, now, BATCH)).await?;
    found.retain(|mail| !known.values().any(|id| *id == mail.id));
    found.truncate(AT_ONCE - known.len());
    if found.is_empty() {
        let next = app.db.read(move |tx| outbox::next(tx, now)).await?;
        return Ok((found, next.unwrap_or(Millis::MAX).min(now + ROUND_EVERY)));
    }
    let lease = app.config.smtp.as_ref().map_or(0, |smtp| smtp.timeout.as_millis());
    let until = now + i64::try_from(lease).unwrap_or(0) + LEASE_MARGIN;
    let own = app.clone();
    let taken = app.db.write(move |tx| outbox::take(tx, &own.secret, &found, now, until)).await?;
    // There may be more.
    Ok((taken, now))
}

async fn send(app: App, mail: Due, stop: watch::Receiver<bool>) {
    let outcome = attempt(&app, &mail).await;
    let label = match &outcome {
        Outcome::Sent => "sent",
        Outcome::Dropped => "dropped",
        Outcome::Failed { .. } => "failed",
    };
    metrics::counter!("rozmowa_mails_total", "outcome" => label).increment(1);
    // What was sent and can't be noted would be sent again when its lease is over.
    while let Err(error) = note(&app, &mail, &outcome).await {
        tracing::warn!(cause = error.cause(), mail = %mail.id, "an e-mail's end will be noted again");
        if *stop.borrow() {
            return;
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

async fn note(app: &App, mail: &Due, outcome: &Outcome) -> Result<(), Error> {
    let (own, of_note, what) = (app.clone(), mail.clone(), outcome.clone());
    let now = app.clock.now();
    let noted =
        app.db.write(move |tx| outbox::report(tx, &own.secret, &of_note, &what, now)).await?;
    if let Outcome::Failed { error, .. } = outcome {
        tracing::warn!(mail = %mail.id, kind = mail.kind.name(), error, given_up = noted, "an e-mail was not taken");
    }
    Ok(())
}

async fn attempt(app: &App, mail: &Due) -> Outcome {
    let Some(mailer) = &app.mailer else { return failed("there is no mail server") };
    let (own, of_letter) = (app.clone(), mail.clone());
    let letter: Letter = match app.db.read(move |tx| compose::letter(tx, &own, &of_letter)).await {
        Ok(Some(letter)) => letter,
        Ok(None) => return Outcome::Dropped,
        Err(error) => {
            tracing::warn!(cause = error.cause(), mail = %mail.id, "an e-mail can't be written");
            return failed("it could not be written: the log says why");
        }
    };
    match mailer.send(&letter, &mail.address, &Uuid::to_string(&mail.id), app.clock.now()).await {
        Ok(()) => Outcome::Sent,
        Err(Refusal { error, is_final }) => Outcome::Failed { error, is_final },
    }
}

fn failed(error: &str) -> Outcome {
    Outcome::Failed { error: error.to_owned(), is_final: false }
}
