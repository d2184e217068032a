//! Telling agents' browsers that what administrators set has changed.
//!
//! Every such change is in the audit log, by whichever door it came: so the log is what tells. What this process commits is told at
//! once; what other nodes and the command line have written is found by looking at the log's end.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rozmowa_db::{Row, Tx, params};
use tokio::sync::watch;
use uuid::Uuid;

use crate::app::App;
use crate::clock::{Millis, first_id_at};
use crate::http::Error;
use crate::installation;
use crate::live::{Hub, Passing, Topic};

rozmowa_db::statements! {
    SINCE = "SELECT id, change, subject FROM audit WHERE id >= $1 ORDER BY id DESC LIMIT 1000";
}

/// How often the log's end is looked at.
const ROUND_EVERY: Millis = 2_000;
/// No transaction lives longer, so whatever commits late is not passed over.
const LOOKED_BACK: Millis = 120_000;
/// After a failure of the store.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Published after commit: a line of the log.
#[derive(Debug, Clone, Copy)]
pub struct Recorded {
    pub id: Uuid,
    pub what: &'static str,
}

/// Which part of the settings a change is in; none when no page shows it.
pub fn part(change: &str, subject: &str) -> Option<&'static str> {
    let (kind, name) = subject.split_once(' ').unwrap_or((subject, ""));
    Some(match kind {
        // Of this the agent's status tells.
        "agent" if change == "agent.duty" => return None,
        "agent" => "agents",
        "queue" => "queues",
        "pause" => "pauses",
        "topic" => "topics",
        "tag" => "tags",
        "canned" => "canned_answers",
        "clause" => "clauses",
        "block" => "blocks",
        "webhook" => "webhooks",
        "bot" => "bots",
        "lookup" => "lookup",
        "custom_field" | "field_group" => "custom_fields",
        "api_user" => "api_users",
        "setting" if name.starts_with("routing.") => "routing",
        "setting" => "installation",
        _ => return None,
    })
}

/// The lines of the last while that were told.
#[derive(Default)]
pub struct Heard(Mutex<BTreeSet<Uuid>>);

impl Heard {
    /// Tells of a line, once.
    pub fn hear(&self, recorded: Recorded, hub: &Hub) {
        if self.is_new(recorded.id) {
            hub.pass(Topic::Agents, Passing::Settings { what: recorded.what }, None);
        }
    }

    fn is_new(&self, id: Uuid) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id)
    }

    /// What is older is not looked at any more.
    fn forget_before(&self, id: &Uuid) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *heard = heard.split_off(id);
    }
}

/// Until it is told to stop.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    let mut is_first = true;
    loop {
        let now = app.clock.now();
        let from = first_id_at(now - LOOKED_BACK);
        let look = move |tx: &mut Tx<'_>| {
            Ok::<_, Error>((installation::public_url(tx)?, since(tx, &from)?))
        };
        match app.db.read(look).await {
            Ok((public_url, found)) => {
                // Before anybody hears of it.
                app.public_url.take_over(&public_url);
                for recorded in found {
                    // Whoever opens a page reads what was written before.
                    if is_first {
                        app.recorded.is_new(recorded.id);
                    } else {
                        app.recorded.hear(recorded, &app.hub);
                    }
                }
                is_first = false;
                app.recorded.forget_before(&from);
            }
            Err(error) => {
                tracing::warn!(cause = error.cause(), "changes will be looked for again");
                tokio::time::sleep(AGAIN_AFTER).await;
            }
        }
        tokio::select! {
            () = app.clock.sleep_until(now + ROUND_EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

fn since(tx: &mut Tx<'_>, from: &Uuid) -> Result<Vec<Recorded>, Error> {
    let found = tx.query(&SINCE, params![from], |row: &Row<'_>| {
        let (change, subject): (String, String) = (row.get(1)?, row.get(2)?);
        Ok((row.get::<Uuid>(0)?, part(&change, &subject)))
    })?;
    let told = found.into_iter().filter_map(|(id, what)| Some(Recorded { id, what: what? }));
    let mut told: Vec<_> = told.collect();
    told.reverse();
    Ok(told)
}
