//! What is a person's: customers by the index of their addresses; conversations by these customers, and by what the client
//! gave, through what is searched in. An index of its own would cost every start, for what is asked once in a while.

use std::collections::BTreeSet;

use rozmowa_db::{Db, Row, Tx, params};
use uuid::Uuid;

use super::Person;
use crate::http::Error;
use crate::search::find as search;

rozmowa_db::statements! {
    CUSTOMERS = "SELECT DISTINCT customer_id FROM customer_email WHERE email_folded = $1 AND customer_id > $2
        ORDER BY customer_id LIMIT 1000";
    OF_CUSTOMER = "SELECT id FROM conversation WHERE customer_id = $1 AND id > $2 ORDER BY id LIMIT 1000";
    /// What the search does not know yet.
    BEHIND = "SELECT id, client_email FROM conversation WHERE seq > indexed_seq AND id > $1 ORDER BY id LIMIT 1000";
    IS_THEIRS = "SELECT c.client_email,
            (SELECT count(*) FROM customer_email a WHERE a.customer_id = c.customer_id AND a.email_folded = $2)
        FROM conversation c WHERE c.id = $1";
    HAS = "SELECT 1 FROM customer_email WHERE customer_id = $1 AND email_folded = $2 LIMIT 1";
}

/// Rows that one look takes.
const PAGE: usize = 1_000;

/// The customers who have the address, by number.
pub async fn customers(db: &Db, person: &Person) -> Result<Vec<i64>, Error> {
    let mut found = Vec::new();
    loop {
        let (person, after) = (person.clone(), found.last().copied().unwrap_or(0));
        let page = db.read(move |tx| {
            Ok::<_, Error>(
                tx.query(&CUSTOMERS, params![person.email(), after], |row| row.get::<i64>(0))?,
            )
        });
        let page = page.await?;
        let is_last = page.len() < PAGE;
        found.extend(page);
        if is_last {
            return Ok(found);
        }
    }
}

/// All conversations that are theirs, the oldest first.
pub async fn conversations(db: &Db, person: &Person) -> Result<Vec<Uuid>, Error> {
    let mut found = BTreeSet::new();
    for customer in customers(db, person).await? {
        let mut after = Uuid::nil();
        loop {
            let page = db.read(move |tx| {
                let row = |row: &Row<'_>| row.get::<Uuid>(0);
                Ok::<_, Error>(tx.query(&OF_CUSTOMER, params![customer, &after], row)?)
            });
            let page = page.await?;
            found.extend(&page);
            match page.last() {
                Some(last) if page.len() == PAGE => after = *last,
                _ => break,
            }
        }
    }
    // These first: what is indexed meanwhile is found by the search.
    let mut after = Uuid::nil();
    loop {
        let page = db.read(move |tx| {
            let row = |row: &Row<'_>| Ok((row.get::<Uuid>(0)?, row.get::<String>(1)?));
            Ok::<_, Error>(tx.query(&BEHIND, params![&after], row)?)
        });
        let page = page.await?;
        found.extend(page.iter().filter(|(_, email)| person.has(email)).map(|(id, _)| *id));
        match page.last() {
            Some((last, _)) if page.len() == PAGE => after = *last,
            _ => break,
        }
    }
    let Some(query) = search::Query::new(person.email()) else {
        return Ok(found.into_iter().collect());
    };
    let mut before = i64::MAX;
    loop {
        let query = query.clone();
        let page = db.read(move |tx| search::clients(tx, &query, before, PAGE)).await?;
        let theirs = page.iter().filter(|client| person.has(&client.email));
        found.extend(theirs.map(|client| client.conversation));
        match page.last() {
            Some(last) if page.len() == PAGE => before = last.place,
            _ => return Ok(found.into_iter().collect()),
        }
    }
}

/// Whether a conversation is theirs still.
pub fn is_theirs(tx: &mut Tx<'_>, person: &Person, conversation: &Uuid) -> Result<bool, Error> {
    let row = |row: &Row<'_>| Ok((row.get::<String>(0)?, row.get::<i64>(1)?));
    let found = tx.query_opt(&IS_THEIRS, params![conversation, person.email()], row)?;
    Ok(found.is_some_and(|(email, customers)| person.has(&email) || customers > 0))
}

/// Whether a customer has the address.
pub fn has(tx: &mut Tx<'_>, person: &Person, customer: i64) -> Result<bool, Error> {
    Ok(tx.query_opt(&HAS, params![customer, person.email()], |_| Ok(()))?.is_some())
}
