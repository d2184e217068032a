//! Webhooks: telling others what happened.
//!
//! A change writes a delivery, a row of references, in its own transaction, for each subscription that wants to hear of it.

pub mod action;
pub mod wanted;

use rozmowa_db::{Tx, params};
use uuid::Uuid;

pub use action::Action;
pub use wanted::{Subscriptions, Wanted};

use crate::act::Act;
use crate::clock::Millis;
use crate::http::Error;

rozmowa_db::statements! {
    ADD_DELIVERY = "INSERT INTO delivery (webhook_id, due_at, id, action, conversation_id, seq, customer_id, at, attempts, step)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0)";
}

/// What a delivery is about.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    Event { conversation: &'a Uuid, seq: i64 },
    Customer(i64),
}

/// Published after commit: this subscription has something to deliver.
#[derive(Debug, Clone, Copy)]
pub struct Told(pub i64);

/// Tells all who want to hear of it.
pub fn tell(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    action: Action,
    subject: Subject<'_>,
    at: Millis,
) -> Result<(), Error> {
    for webhook in act.wanted.by(action) {
        let id = act.ids.v7(act.now);
        let (conversation, seq, customer) = match subject {
            Subject::Event { conversation, seq } => (Some(conversation), Some(seq), None),
            Subject::Customer(id) => (None, None, Some(id)),
        };
        let row = params![*webhook, act.now, &id, action as i64, conversation, seq, customer, at];
        tx.put(&ADD_DELIVERY, row)?;
        tx.publish(Told(*webhook));
    }
    Ok(())
}
