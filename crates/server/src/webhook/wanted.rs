//! Which subscriptions want which action: remembered by the process, and checked by every transaction that may tell.
//!
//! A transaction learns the revision of the subscriptions from a statement that it runs anyway, so that telling nobody
//! costs nothing, and a new subscription hears of everything that begins after it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rozmowa_db::{Row, Tx, params};
use uuid::Uuid;

use super::action::{self, Action};
use crate::clock::Ids;
use crate::http::Error;
use crate::setting;

rozmowa_db::statements! {
    /// With the bot whose it is; a disabled one hears nothing.
    ENABLED = "SELECT w.id, w.actions, b.id, b.is_enabled FROM webhook w LEFT JOIN bot b ON b.webhook_id = w.id
        WHERE w.is_enabled = 1 ORDER BY w.id LIMIT 1000";
    BOTS = "SELECT count(*) FROM bot";
}

const REVISION: &str = "webhooks.revision";

/// The subscriptions at one revision.
#[derive(Debug, Default)]
pub struct Wanted {
    revision: Option<String>,
    by_action: [Vec<i64>; Action::COUNT],
    /// The subscriptions of bots.
    of_bots: HashMap<Uuid, (i64, Vec<Action>)>,
    has_bots: bool,
}

impl Wanted {
    pub fn load(tx: &mut Tx<'_>) -> Result<Self, Error> {
        let revision = Self::revision(tx)?;
        Self::load_at(tx, revision)
    }

    fn load_at(tx: &mut Tx<'_>, revision: Option<String>) -> Result<Self, Error> {
        let mut wanted = Self { revision, ..Self::default() };
        let subscriptions = tx.query(&ENABLED, params![], |row: &Row<'_>| {
            let (id, actions): (i64, String) = (row.get(0)?, row.get(1)?);
            let (bot, is_bot_enabled): (Option<Uuid>, Option<bool>) = (row.get(2)?, row.get(3)?);
            Ok((id, action::from_lines(&actions), bot, is_bot_enabled))
        })?;
        for (id, actions, bot, is_bot_enabled) in subscriptions {
            match bot {
                Some(bot) if is_bot_enabled == Some(true) => {
                    wanted.of_bots.insert(bot, (id, actions));
                }
                Some(_) => {}
                None => {
                    for action in actions {
                        wanted.by_action[action as usize].push(id);
                    }
                }
            }
        }
        wanted.has_bots = tx.query_one(&BOTS, params![], |row| row.get::<i64>(0))? > 0;
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

    /// The subscription of a bot, if it wants an action.
    pub fn by_bot(&self, bot: &Uuid, action: Action) -> Option<i64> {
        let (id, actions) = self.of_bots.get(bot)?;
        actions.contains(&action).then_some(*id)
    }

    /// Whether a conversation can be a bot's.
    pub fn has_bots(&self) -> bool {
        self.has_bots
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
