//! Customers: the part of the CRM that finds out who a client is.

pub mod console;
pub mod find;

use rozmowa_db::{Row, Tx, params};

use crate::act::Act;
use crate::http::Error;
use crate::webhook::{self, Action, Subject};

rozmowa_db::statements! {
    /// The number, else the identifier, else the address; COALESCE stops at the first that exists.
    MATCH = "SELECT id, name, surname,
            (SELECT email FROM customer_email WHERE customer_id = customer.id ORDER BY position LIMIT 1)
        FROM customer WHERE id = COALESCE(
            (SELECT id FROM customer WHERE id = $1),
            (SELECT id FROM customer WHERE identifier = $2),
            (SELECT min(customer_id) FROM customer_email WHERE email_folded = $3))";
    ADD = "INSERT INTO customer (id, identifier, name, surname, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT DO NOTHING";
    FIND = "SELECT id, name, surname FROM customer WHERE id = $1";
    KNOWN = "SELECT identifier, name, surname FROM customer WHERE id = $1";
    EMAILS = "SELECT email FROM customer_email WHERE customer_id = $1 ORDER BY position LIMIT 1000";
    SET = "UPDATE customer SET name = $2, surname = $3, updated_at = $4 WHERE id = $1";
    REMOVE_EMAILS = "DELETE FROM customer_email WHERE customer_id = $1";
    ADD_EMAIL = "INSERT INTO customer_email (customer_id, position, email, email_folded) VALUES ($1, $2, $3, $4)";
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

/// What makes a customer.
#[derive(Debug, Clone, Default)]
pub struct NewCustomer {
    pub identifier: Option<String>,
    pub name: String,
    pub surname: String,
    pub emails: Vec<String>,
}

/// `None` when the identifier is another customer's. Conversations that waited for this identifier are linked by
/// [`conversation::add_customer`](crate::conversation::add_customer).
pub fn add(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    customer: &NewCustomer,
) -> Result<Option<Matched>, Error> {
    hold(tx, customer.identifier.as_deref(), &customer.emails)?;
    let id = crate::counter::next(tx, "customer")?;
    let NewCustomer { identifier, name, surname, emails } = customer;
    if tx.execute(&ADD, params![id, identifier.as_deref(), name, surname, act.now])? == 0 {
        return Ok(None);
    }
    add_emails(tx, id, emails)?;
    find::index(tx, id, customer)?;
    webhook::tell(tx, act, Action::CustomerCreated, Subject::Customer(id), act.now)?;
    Ok(Some(Matched {
        id,
        name: name.clone(),
        surname: surname.clone(),
        email: emails.first().cloned(),
    }))
}

/// All that is known of a customer.
pub fn known(tx: &mut Tx<'_>, id: i64) -> Result<Option<NewCustomer>, Error> {
    let found = tx.query_opt(&KNOWN, params![id], |row: &Row<'_>| {
        Ok(NewCustomer {
            identifier: row.get(0)?,
            name: row.get(1)?,
            surname: row.get(2)?,
            emails: Vec::new(),
        })
    })?;
    let Some(mut customer) = found else { return Ok(None) };
    customer.emails = tx.query(&EMAILS, params![id], |row| row.get(0))?;
    Ok(Some(customer))
}

/// What is to be changed; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    pub name: Option<String>,
    pub surname: Option<String>,
    /// In place of all that there were.
    pub emails: Option<Vec<String>>,
}

/// False when there is no such customer. What changes nothing is told to nobody.
pub fn change(tx: &mut Tx<'_>, act: &Act<'_>, id: i64, change: &Change) -> Result<bool, Error> {
    hold(tx, None, change.emails.as_deref().unwrap_or_default())?;
    let found =
        tx.query_opt(&FIND, params![id], |row| Ok((row.get::<String>(1)?, row.get::<String>(2)?)))?;
    let Some((was_name, was_surname)) = found else { return Ok(false) };
    let was_emails = tx.query(&EMAILS, params![id], |row| row.get::<String>(0))?;
    let name = change.name.as_ref().unwrap_or(&was_name);
    let surname = change.surname.as_ref().unwrap_or(&was_surname);
    let emails = change.emails.as_ref().unwrap_or(&was_emails);
    if (name, surname, emails) == (&was_name, &was_surname, &was_emails) {
        return Ok(true);
    }
    tx.execute(&SET, params![id, name, surname, act.now])?;
    if *emails != was_emails {
        tx.execute(&REMOVE_EMAILS, params![id])?;
        add_emails(tx, id, emails)?;
    }
    if let Some(customer) = known(tx, id)? {
        find::index(tx, id, &customer)?;
    }
    webhook::tell(tx, act, Action::CustomerUpdated, Subject::Customer(id), act.now)?;
    Ok(true)
}

fn add_emails(tx: &mut Tx<'_>, id: i64, emails: &[String]) -> Result<(), Error> {
    for (position, email) in (0_i64..).zip(emails) {
        tx.execute(&ADD_EMAIL, params![id, position, email, &fold(email)])?;
    }
    Ok(())
}

/// Held by whoever is about to say "nobody has this identifier or this address", and by whoever is about to give it to
/// somebody: neither can miss the other.
pub fn hold(tx: &mut Tx<'_>, identifier: Option<&str>, emails: &[String]) -> Result<(), Error> {
    let identifier = identifier.map(|identifier| format!("identifier {identifier}"));
    let emails = emails.iter().map(|email| format!("email {}", fold(email)));
    let keys: Vec<String> = identifier.into_iter().chain(emails).collect();
    Ok(tx.lock(&keys.iter().map(String::as_str).collect::<Vec<_>>())?)
}

fn fold(email: &str) -> String {
    email.to_lowercase()
}
