//! What handlers share.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rozmowa_db::Db;

use crate::clock::{Clock, Ids};
use crate::config::Config;
use crate::http::auth::Gate;
use crate::http::health::Probe;
use crate::secret::Key;
use crate::webhook::Subscriptions;

#[derive(Clone)]
pub struct App(Arc<Inner>);

pub struct Inner {
    pub config: Config,
    pub db: Db,
    pub clock: Clock,
    pub ids: Ids,
    /// From the key file.
    pub secret: Key,
    pub gate: Gate,
    pub subscriptions: Subscriptions,
    pub is_stopping: AtomicBool,
    pub probe: Probe,
}

impl App {
    pub fn new(config: Config, db: Db, clock: Clock, ids: Ids, secret: Key) -> Self {
        let gate = Gate::new(db.clone(), clock.clone(), &ids, config.limits.failures_per_minute);
        Self(Arc::new(Inner {
            config,
            db,
            clock,
            ids,
            secret,
            gate,
            subscriptions: Subscriptions::default(),
            is_stopping: AtomicBool::new(false),
            probe: Probe::default(),
        }))
    }
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
