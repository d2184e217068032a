//! A person's data: all that is held, or all of it removed, with a receipt.
//!
//! A person is an e-mail address. Theirs are the customers who have it, among others or alone, with all their conversations, and the
//! conversations whose client gave it. [`find`] says which these are, [`export`] shows them, [`erase`] takes them away by the
//! rules that conversations and customers are erased by, and [`trace`] is what of them stands elsewhere: blocks, e-mails, the
//! audit log.

pub mod api;
pub mod console;
pub mod erase;
pub mod export;
pub mod find;
pub mod shown;
pub mod trace;

use std::fmt::Write;

use rozmowa_db::Tx;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::act::Act;
use crate::audit;
use crate::http::Error;

/// Whose data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// In lower case.
    email: String,
}

impl Person {
    pub fn new(email: &str) -> Self {
        Self { email: email.to_lowercase() }
    }

    pub fn email(&self) -> &str {
        &self.email
    }

    /// Whether an address is theirs, in any case.
    fn has(&self, email: &str) -> bool {
        email.to_lowercase() == self.email
    }

    /// What stands for the address where that may not stand: whoever knows the address can tell whether it is this one.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.email).into()
    }

    /// As the audit log names them.
    fn subject(&self) -> String {
        subject(&self.hash())
    }
}

fn subject(hash: &[u8]) -> String {
    format!("person {}", hex(hash))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// How many there are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PersonCounts)]
#[serde(default)]
pub struct Counts {
    pub customers: i64,
    pub field_items: i64,
    pub feed_records: i64,
    pub conversations: i64,
    /// Of clients, agents, bots and the system; notes among them.
    pub messages: i64,
    pub files: i64,
    /// Clauses that were shown, whether they were agreed to or not.
    pub consents: i64,
    pub ratings: i64,
    /// Of the address, and of IP addresses that the conversations came from.
    pub blocks: i64,
    /// E-mails that wait to be sent, or were given up.
    pub mails: i64,
    /// Lines of the audit log that name the person; when they are erased the lines stay, without what names.
    pub audit_entries: i64,
}

impl Counts {
    fn each(&mut self) -> [&mut i64; 11] {
        let Self {
            customers,
            field_items,
            feed_records,
            conversations,
            messages,
            files,
            consents,
            ratings,
            blocks,
            mails,
            audit_entries,
        } = self;
        [
            customers,
            field_items,
            feed_records,
            conversations,
            messages,
            files,
            consents,
            ratings,
            blocks,
            mails,
            audit_entries,
        ]
    }

    fn add(&mut self, mut more: Self) {
        for (sum, more) in self.each().into_iter().zip(more.each()) {
            *sum += *more;
        }
    }
}

/// Notes in the audit log who has looked at all that is held.
pub fn record_export(tx: &mut Tx<'_>, act: &Act<'_>, person: &Person) -> Result<(), Error> {
    audit::record(tx, act, "person.export", &person.subject(), None::<&()>, None::<&()>)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_person_in_any_case() {
        let person = Person::new("Jan.KOWALSKI@example.ORG");
        assert_eq!(person, Person::new("jan.kowalski@example.org"));
        assert!(person.has("JAN.kowalski@Example.org") && !person.has("jan@example.org"));
        // As `printf %s jan.kowalski@example.org | sha256sum` says it.
        assert_eq!(hex(&person.hash()).len(), 64);
        let mut counts = Counts { files: 1, ..Counts::default() };
        counts.add(Counts { files: 2, mails: 3, ..Counts::default() });
        assert_eq!(counts, Counts { files: 3, mails: 3, ..Counts::default() });
    }
}
