//! Webhooks from the command line: who is told, whether it works, and what to do when it does not.

use clap::Subcommand;
use uuid::Uuid;

use super::transact;
use crate::config::Config;
use crate::http::params::Named;
use crate::time;
use crate::webhook::{self, Action, Change, log};

#[derive(Subcommand)]
pub enum WebhookCommand {
    /// List subscriptions
    List,
    /// Show the attempts of the latest deliveries, the newest delivery first
    Attempts {
        id: i64,
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
    },
    /// Switch a subscription off: it hears of nothing more, and what waits is kept for five days
    Disable { id: i64 },
    /// Switch a subscription on again: it gets what waits
    Enable { id: i64 },
    /// Remove a subscription, with what waits for it and its log
    Remove { id: i64 },
    /// Deliver again what was attempted before
    Redeliver { id: i64, delivery_id: Uuid },
}

impl WebhookCommand {
    pub fn run(self, config: &Config) -> Result<(), String> {
        match self {
            Self::List => list(config),
            Self::Attempts { id, limit } => attempts(config, id, limit),
            Self::Disable { id } => enable(config, id, false),
            Self::Enable { id } => enable(config, id, true),
            Self::Remove { id } => transact(config, move |tx, act| webhook::remove(tx, act, id)),
            Self::Redeliver { id, delivery_id } => {
                let known =
                    transact(config, move |tx, act| log::redeliver(tx, act, id, &delivery_id))?;
                if known { Ok(()) } else { Err("the log knows no such delivery".to_owned()) }
            }
        }
    }
}

fn list(config: &Config) -> Result<(), String> {
    for webhook in transact(config, |tx, _| webhook::list(tx))? {
        let state = match (webhook.is_enabled, webhook.off_because, webhook.failing_since) {
            (false, Some(because), _) => format!("off: {}", because.about()),
            (false, None, _) => "off".to_owned(),
            (true, _, Some(since)) => {
                format!("failing since {}", time::with_seconds(since, &config.time_zone))
            }
            (true, _, None) => "on".to_owned(),
        };
        let actions: Vec<_> = webhook.actions.iter().map(|action| action.name()).collect();
        println!("{}\t{state}\t{}\t{}", webhook.id, webhook.subscription_url, actions.join(", "));
    }
    Ok(())
}

fn attempts(config: &Config, id: i64, limit: i64) -> Result<(), String> {
    let attempts = transact(config, move |tx, _| {
        webhook::get(tx, id)?;
        log::attempts(tx, id, (Uuid::max(), 0), limit)
    })?;
    for attempt in attempts {
        println!(
            "{}\t{}\t{}\tattempt {}\t{} ms\t{}",
            time::with_millis(attempt.at, &config.time_zone),
            attempt.delivery,
            Action::from_number(attempt.action).map_or("UNKNOWN", Action::name),
            attempt.attempt,
            attempt.duration_ms,
            attempt.error.as_deref().unwrap_or("delivered"),
        );
    }
    Ok(())
}

/// Needs no key: nothing is sealed or opened.
fn enable(config: &Config, id: i64, is_enabled: bool) -> Result<(), String> {
    let change = Change { is_enabled: Some(is_enabled), ..Change::default() };
    transact(config, move |tx, act| webhook::change(tx, act, None, id, &change).map(drop))
}
