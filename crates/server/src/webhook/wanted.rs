//! Which subscriptions want which action: remembered by the process, and checked by every transaction that may tell.
//!
//! A transaction learns the revision of the subscriptions from a statement that it runs anyway, so that telling nobody
//! costs nothing, and a new subscription hears of everything that begins after it.

use std::sync::{Arc, Mutex, PoisonError};

use rozmowa_db::{Tx, params};

use super::action::{self, Action};
use crate::clock::Ids;
use crate::http::Error;
use crate::setting;

rozmowa_db::statements! {
    ENABLED = "SELECT id, actions FROM webhook WHERE is_enabled = 1 ORDER BY id LIMIT 1000";
}

const REVISION: &str = "webhooks.revision";

/// The subscriptions at one revision.
#[derive(Debug, Default)]
pub struct Wanted {
    revision: Option<String>,
    by_action: [Vec<i64>; Action::COUNT],
}

impl Wanted {
    pub fn load(tx: &mut Tx<'_>) -> Result<Self, Error> {
        let revision = Self::revision(tx)?;
        Self::load_at(tx, revision)
    }

    fn load_at(tx: &mut Tx<'_>, revision: Option<String>) -> Result<Self, Error> {
        let mut wanted = Self { revision, ..Self::default() };
        let subscriptions =
            tx.query(&ENABLED, params![], |row| Ok((row.get::<i64>(0)?, row.get::<String>(1)?)))?;
        for (id, actions) in subscriptions {
            for action in action::from_lines(&actions) {
                wanted.by_action[action as usize].push(id);
            }
        }
        Ok(wanted)
    }

    /// None until there was a first subscription.
    pub fn revision(tx: &mut Tx<'_>) -> Result<Option<String>, Error> {
        setting::text(tx, REVISION)
    }

    /// Makes every process load the subscriptions anew. Revisions are never repeated: one that was rolled back must not
    /// look like a later one.
    pub fn change(tx: &mut Tx<'_>, ids: &Ids) -> Result<(), Error> {
        let revision = format!("{:032x}", u128::from_be_bytes(ids.bytes()));
        setting::set_text(tx, REVISION, &revision)
    }

    /// The subscriptions that want an action.
    pub fn by(&self, action: Action) -> &[i64] {
        &self.by_action[action as usize]
    }
}

/// What a process remembers.
#[derive(Debug, Default)]
pub struct Subscriptions(Mutex<Arc<Wanted>>);

impl Subscriptions {
    /// The subscriptions at a revision, which the transaction has just read.
    pub fn at(&self, tx: &mut Tx<'_>, revision: Option<String>) -> Result<Arc<Wanted>, Error> {
        let known = Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if known.revision == revision {
            return Ok(known);
        }
        let loaded = Arc::new(Wanted::load_at(tx, revision)?);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&loaded);
        Ok(loaded)
    }
}
