//! Customers: the CRM.
//!
//! [`change`] holds what is known of one and the rules that all doors share; who a client is, is found out here.

pub mod api;
pub mod batch_api;
pub mod bulk;
pub mod card;
pub mod card_console;
pub mod change;
pub mod columns;
pub mod company;
pub mod company_api;
pub mod console;
pub mod csv;
pub mod custom;
pub mod custom_api;
pub mod custom_console;
pub mod export;
pub mod feed;
pub mod find;
pub mod given;
pub mod gone;
pub mod groups;
pub mod groups_api;
pub mod import;
pub mod list;
pub mod phone;
pub mod place;
pub mod show;

use rozmowa_db::{Row, Tx, params};

pub use change::{Changed, Customer, add, change, known};

use crate::http::Error;

rozmowa_db::statements! {
    /// The number, else the identifier, else the address; COALESCE stops at the first that exists.
    MATCH = "SELECT id, name, surname,
            (SELECT email FROM customer_email WHERE customer_id = customer.id ORDER BY position LIMIT 1)
        FROM customer WHERE id = COALESCE(
            (SELECT id FROM customer WHERE id = $1),
            (SELECT id FROM customer WHERE identifier = $2),
            (SELECT min(customer_id) FROM customer_email WHERE email_folded = $3))";
}

/// A customer as matching sees it.
#[derive(Debug, Clone)]
pub struct Matched {
    pub id: i64,
    pub name: String,
    pub surname: String,
    pub email: Option<String>,
}

/// What is known of a client when a conversation starts.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    pub customer_id: Option<i64>,
    pub client_id: Option<String>,
    pub email: Option<String>,
}

impl Hints {
    pub fn is_empty(&self) -> bool {
        self.customer_id.is_none() && self.client_id.is_none() && self.email.is_none()
    }
}

/// Finds the customer by number, then identifier, then e-mail in any case (the lowest number of several). A hint that
/// matches nobody falls through to the next.
pub fn find_match(tx: &mut Tx<'_>, hints: &Hints) -> Result<Option<Matched>, Error> {
    if hints.is_empty() {
        return Ok(None);
    }
    let folded = hints.email.as_deref().map(fold);
    let hints = params![hints.customer_id, hints.client_id.as_deref(), folded.as_deref()];
    Ok(tx.query_opt(&MATCH, hints, |row: &Row<'_>| {
        Ok(Matched { id: row.get(0)?, name: row.get(1)?, surname: row.get(2)?, email: row.get(3)? })
    })?)
}

/// Held by whoever is about to say "nobody has this identifier or this address", and by whoever is about to give it to
/// somebody: neither can miss the other.
pub fn hold(tx: &mut Tx<'_>, identifier: Option<&str>, emails: &[String]) -> Result<(), Error> {
    let identifier = identifier.map(|identifier| format!("identifier {identifier}"));
    let emails = emails.iter().map(|email| format!("email {}", fold(email)));
    let keys: Vec<String> = identifier.into_iter().chain(emails).collect();
    Ok(tx.lock(&keys.iter().map(String::as_str).collect::<Vec<_>>())?)
}

/// The same of several who are described, before the first of them is added or changed.
fn hold_all<'a>(tx: &mut Tx<'_>, all: impl Iterator<Item = &'a given::Given>) -> Result<(), Error> {
    let mut keys = Vec::new();
    for given in all {
        keys.extend(given.identifier.iter().map(|identifier| format!("identifier {identifier}")));
        let emails = given.emails.iter().flatten();
        keys.extend(emails.map(|email| format!("email {}", fold(email))));
    }
    Ok(tx.lock(&keys.iter().map(String::as_str).collect::<Vec<_>>())?)
}

fn fold(email: &str) -> String {
    email.to_lowercase()
}
