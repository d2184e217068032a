//! Writing deliveries: the part of webhooks that every change runs through.

use rozmowa_db::{Tx, params};
use uuid::Uuid;

use super::action::Action;
use crate::act::Act;
use crate::clock::Millis;
use crate::http::Error;

/// How far clocks of several nodes may differ without a change of order.
const AHEAD_MAX: Millis = 1_000;

rozmowa_db::statements! {
    TELL = "INSERT INTO delivery (webhook_id, due_at, id, action, conversation_id, seq, customer_id, at, attempts, step)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0)";
}

/// What a delivery is about.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    Event { conversation: &'a Uuid, seq: i64 },
    Customer(i64),
}

/// Published after commit: this subscription has something to deliver, or was changed.
#[derive(Debug, Clone, Copy)]
pub struct ToDeliver(pub i64);

/// Tells all who want to hear of it.
pub fn tell(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    action: Action,
    subject: Subject<'_>,
    at: Millis,
) -> Result<(), Error> {
    for webhook in act.wanted.by(action) {
        tell_one(tx, act, *webhook, action, subject, at)?;
    }
    Ok(())
}

/// Tells the bot that has a conversation, if it wants to hear of it.
pub fn tell_bot(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    bot: Option<&Uuid>,
    action: Action,
    subject: Subject<'_>,
    at: Millis,
) -> Result<(), Error> {
    match bot.and_then(|bot| act.wanted.by_bot(bot, action)) {
        Some(webhook) => tell_one(tx, act, webhook, action, subject, at),
        None => Ok(()),
    }
}

fn tell_one(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    webhook: i64,
    action: Action,
    subject: Subject<'_>,
    at: Millis,
) -> Result<(), Error> {
    // In the order of times as far as clocks agree; one that was far ahead once delays nothing.
    let due_at = at.clamp(act.now, act.now + AHEAD_MAX);
    let id = act.ids.v7(act.now);
    let (conversation, seq, customer) = match subject {
        Subject::Event { conversation, seq } => (Some(conversation), Some(seq), None),
        Subject::Customer(id) => (None, None, Some(id)),
    };
    let row = params![webhook, due_at, &id, action as i64, conversation, seq, customer, at];
    tx.put(&TELL, row)?;
    tx.publish(ToDeliver(webhook));
    Ok(())
}
