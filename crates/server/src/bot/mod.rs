//! Bots: programs that answer in the place of people, until they hand over.
//!
//! A bot has a conversation as long as `conversation.bot_id` is its own: until it is closed, handed over, or somebody takes it.

pub mod api;
pub mod console;
pub mod given;
pub mod talk;
pub mod work;

use rozmowa_db::{Row, Tx, params};
use serde::Serialize;
use uuid::Uuid;

use crate::act::Act;
use crate::audit;
use crate::http::{Code, Error, Fault};
use crate::queue;
use crate::secret::Key;
use crate::webhook::{self, Action, NewWebhook, Wanted};

/// Each may have a subscription, of which there can be no more.
const MAX: i64 = 100;

/// What a bot hears of, unless its subscription is made to hear of something else.
pub const ACTIONS: &[Action] = &[
    Action::ConversationCreated,
    Action::MessageCreated,
    Action::ConversationClosed,
    Action::AgentAssigned,
    Action::BotAssigned,
    Action::ConversationHandedOver,
    Action::ConversationTransferred,
    Action::ContentErased,
    Action::ConversationDeleted,
];

rozmowa_db::statements! {
    LIST = "SELECT id, name, is_enabled, is_handing_over, webhook_id FROM bot ORDER BY id LIMIT 1000";
    FIND = "SELECT id, name, is_enabled, is_handing_over, webhook_id FROM bot WHERE id = $1";
    /// What is decided by what was read stays so until the transaction's end.
    HOLD = {
        sqlite: "SELECT id, name, is_enabled, is_handing_over, webhook_id FROM bot WHERE id = $1",
        postgres: "SELECT id, name, is_enabled, is_handing_over, webhook_id FROM bot WHERE id = $1 FOR UPDATE",
    };
    /// Whoever removes or disables it comes after this transaction.
    SHARE = {
        sqlite: "SELECT id, name, is_enabled, is_handing_over, webhook_id FROM bot WHERE id = $1",
        postgres: "SELECT id, name, is_enabled, is_handing_over, webhook_id FROM bot WHERE id = $1 FOR SHARE",
    };
    COUNT = "SELECT count(*) FROM bot";
    ADD = "INSERT INTO bot (id, name, is_enabled, is_handing_over, webhook_id, created_at) VALUES ($1, $2, 1, $3, $4, $5)
        ON CONFLICT DO NOTHING";
    CHANGE = "UPDATE bot SET name = $2, is_enabled = $3, is_handing_over = $4 WHERE id = $1";
    REMOVE = "DELETE FROM bot WHERE id = $1";
    OF_WEBHOOK = "SELECT 1 FROM bot WHERE webhook_id = $1";
    DISABLED = "SELECT id, name, is_enabled, is_handing_over, webhook_id FROM bot WHERE is_enabled = 0
        ORDER BY id LIMIT 1000";
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bot {
    pub id: Uuid,
    pub name: String,
    pub is_enabled: bool,
    /// Whether its `stop` hands over to people, and does not close.
    pub is_handing_over: bool,
    /// The subscription that hears of its conversations.
    pub webhook_id: Option<i64>,
}

fn read(row: &Row<'_>) -> Result<Bot, rozmowa_db::Error> {
    Ok(Bot {
        id: row.get(0)?,
        name: row.get(1)?,
        is_enabled: row.get(2)?,
        is_handing_over: row.get(3)?,
        webhook_id: row.get(4)?,
    })
}

pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Bot>, Error> {
    Ok(tx.query(&LIST, params![], read)?)
}

fn known(tx: &mut Tx<'_>, id: &Uuid) -> Result<Bot, Error> {
    Ok(tx.query_opt(&FIND, params![id], read)?.ok_or(Code::UnknownBot)?)
}

fn hold(tx: &mut Tx<'_>, id: &Uuid) -> Result<Bot, Error> {
    Ok(tx.query_opt(&HOLD, params![id], read)?.ok_or(Code::UnknownBot)?)
}

/// The bot, which may speak; all who ask for one call it so.
pub fn ready(tx: &mut Tx<'_>, id: &Uuid) -> Result<Bot, Error> {
    let fault = |code| Fault::new(code).about("external_chatbot_id");
    let bot = tx.query_opt(&SHARE, params![id], read)?.ok_or_else(|| fault(Code::UnknownBot))?;
    if bot.is_enabled { Ok(bot) } else { Err(fault(Code::BotDisabled).into()) }
}

/// The bot that a queue gives its new conversations to, if it is there and enabled.
pub fn of_queue(tx: &mut Tx<'_>, id: Option<Uuid>) -> Result<Option<Bot>, Error> {
    let Some(id) = id else { return Ok(None) };
    Ok(tx.query_opt(&SHARE, params![&id], read)?.filter(|bot| bot.is_enabled))
}

/// Whether a subscription is a bot's.
pub fn has_webhook(tx: &mut Tx<'_>, webhook_id: i64) -> Result<bool, Error> {
    Ok(tx.query_opt(&OF_WEBHOOK, params![webhook_id], |_| Ok(()))?.is_some())
}

/// What makes a bot.
#[derive(Debug, Clone)]
pub struct NewBot {
    pub id: Option<Uuid>,
    pub name: String,
    pub is_handing_over: bool,
    pub webhook: Option<NewWebhook>,
}

/// A bot, and the signing secret of its subscription if one was made: it is shown once.
pub struct Added {
    pub bot: Bot,
    pub signing_secret: Option<String>,
}

pub fn add(tx: &mut Tx<'_>, act: &Act<'_>, key: &Key, new: &NewBot) -> Result<Added, Error> {
    // So that two at once don't both find room for one; subscriptions have the same lock.
    tx.lock(&["bots", "webhooks"])?;
    if tx.query_one(&COUNT, params![], |row| row.get::<i64>(0))? >= MAX {
        return Err(Fault::new(Code::TooManyBots).with("limit", MAX).into());
    }
    let id = new.id.unwrap_or_else(|| act.ids.v7(act.now));
    if tx.query_opt(&FIND, params![&id], read)?.is_some() {
        return Err(Code::BotTaken.into());
    }
    let webhook = match &new.webhook {
        Some(webhook) => Some(webhook::add(tx, act, key, webhook)?),
        None => None,
    };
    let (webhook_id, signing_secret) =
        webhook.map_or((None, None), |added| (Some(added.webhook.id), added.signing_secret));
    let bot = Bot {
        id,
        name: new.name.clone(),
        is_enabled: true,
        is_handing_over: new.is_handing_over,
        webhook_id,
    };
    tx.execute(&ADD, params![&id, &bot.name, bot.is_handing_over, webhook_id, act.now])?;
    audit::record(tx, act, "bot.add", &subject(&id), None::<&Bot>, Some(&bot))?;
    // Who may have conversations is remembered with the subscriptions.
    Wanted::change(tx, act.ids)?;
    Ok(Added { bot, signing_secret })
}

/// What is to be changed; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    pub name: Option<String>,
    pub is_enabled: Option<bool>,
    pub is_handing_over: Option<bool>,
}

/// The conversations of one that is disabled go to people, in steps: by [`work::let_go`].
pub fn change(tx: &mut Tx<'_>, act: &Act<'_>, id: &Uuid, changes: &Changes) -> Result<Bot, Error> {
    let was = hold(tx, id)?;
    let becomes = Bot {
        name: changes.name.clone().unwrap_or_else(|| was.name.clone()),
        is_enabled: changes.is_enabled.unwrap_or(was.is_enabled),
        is_handing_over: changes.is_handing_over.unwrap_or(was.is_handing_over),
        ..was.clone()
    };
    if becomes == was {
        return Ok(was);
    }
    let Bot { name, is_enabled, is_handing_over, .. } = &becomes;
    tx.execute(&CHANGE, params![id, name, *is_enabled, *is_handing_over])?;
    audit::record(tx, act, "bot.change", &subject(id), Some(&was), Some(&becomes))?;
    Wanted::change(tx, act.ids)?;
    Ok(becomes)
}

/// With its subscription.
pub fn remove(tx: &mut Tx<'_>, act: &Act<'_>, id: &Uuid) -> Result<(), Error> {
    let was = hold(tx, id)?;
    for queue in queue::list(tx)? {
        if queue.settings.bot_id == Some(*id) {
            queue::change_by(tx, act, queue.id, |queue| queue.settings.bot_id = None)?;
        }
    }
    tx.execute(&REMOVE, params![id])?;
    if let Some(webhook_id) = was.webhook_id {
        webhook::remove(tx, act, webhook_id)?;
    }
    audit::record(tx, act, "bot.remove", &subject(id), Some(&was), None::<&Bot>)?;
    Wanted::change(tx, act.ids)
}

fn subject(id: &Uuid) -> String {
    format!("bot {id}")
}
