//! Finding customers by what people type: the beginnings of words of a name, an identifier, an address or a telephone number, however they are
//! accented or capitalized.

use std::collections::BTreeSet;

use rozmowa_db::{Row, Tx, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Customer, change};
use crate::http::{Error, page};
use crate::search;
use crate::setting;

rozmowa_db::statements! {
    FORGET = "DELETE FROM customer_word WHERE customer_id = $1";
    FORGET_SOME = "DELETE FROM customer_word WHERE customer_id = $1 AND word IN
        (SELECT word FROM customer_word WHERE customer_id = $1 LIMIT 200)";
    ADD_WORD = "INSERT INTO customer_word (customer_id, word) VALUES ($1, $2)";
    /// The first word is looked up, the others are looked for in what it finds; empty ones are in everything.
    FIND = "SELECT u.id, u.identifier, u.name, u.surname,
            (SELECT a.email FROM customer_email a WHERE a.customer_id = u.id ORDER BY a.position LIMIT 1),
            (SELECT t.phone FROM customer_phone t WHERE t.customer_id = u.id ORDER BY t.position LIMIT 1),
            u.is_company, u.company_id,
            (SELECT k.surname FROM company o JOIN customer k ON k.id = o.customer_id WHERE o.id = u.company_id)
        FROM customer u WHERE u.id IN
            (SELECT w.customer_id FROM (SELECT customer_id FROM customer_word WHERE word >= $1 AND word < $2
                ORDER BY word, customer_id LIMIT 2000) AS w
             WHERE ($3 = '' OR EXISTS (SELECT 1 FROM customer_word x
                    WHERE x.customer_id = w.customer_id AND x.word >= $3 AND x.word < $4))
               AND ($5 = '' OR EXISTS (SELECT 1 FROM customer_word y
                    WHERE y.customer_id = w.customer_id AND y.word >= $5 AND y.word < $6)))
          AND ($7 = 0 OR u.is_company = 1)
        ORDER BY u.surname, u.name, u.id LIMIT 20";
    /// Of a company, itself apart.
    PEOPLE = "SELECT u.id, u.identifier, u.name, u.surname,
            (SELECT a.email FROM customer_email a WHERE a.customer_id = u.id ORDER BY a.position LIMIT 1),
            (SELECT t.phone FROM customer_phone t WHERE t.customer_id = u.id ORDER BY t.position LIMIT 1),
            u.is_company, u.company_id, NULL
        FROM customer u WHERE u.company_id = $1 AND u.is_company = 0 ORDER BY u.id LIMIT $2";
    /// In steps, those who were there before they could be found.
    AFTER = "SELECT id FROM customer WHERE id > $1 ORDER BY id LIMIT 200";
}

/// Words that count.
const WORDS_MAX: usize = 3;
/// Up to which customer all can be found, or `done`.
const MARK: &str = "customers.found_until";
const DONE: &str = "done";
const STEP: usize = 200;

/// A customer that was found.
#[derive(Serialize, ToSchema)]
pub struct CustomerFound {
    customer_id: i64,
    #[schema(required)]
    identifier: Option<String>,
    name: String,
    surname: String,
    /// The first of them; null when there is none.
    #[schema(required)]
    email: Option<String>,
    /// The first of them; null when there is none.
    #[schema(required)]
    phone_number: Option<String>,
    is_company: bool,
    /// The company that the customer belongs to, or is.
    #[schema(required)]
    company_id: Option<i64>,
    /// Its name, where the customer belongs to it.
    #[schema(required)]
    company: Option<String>,
}

impl CustomerFound {
    fn read(row: &Row<'_>) -> Result<Self, rozmowa_db::Error> {
        let is_company: bool = row.get(6)?;
        Ok(Self {
            customer_id: row.get(0)?,
            identifier: row.get(1)?,
            name: row.get(2)?,
            surname: row.get(3)?,
            email: row.get(4)?,
            phone_number: row.get(5)?,
            is_company,
            company_id: row.get(7)?,
            company: row.get::<Option<String>>(8)?.filter(|_| !is_company),
        })
    }
}

/// Up to 20, by surname. Of more than three words the longest three count.
pub fn find(
    tx: &mut Tx<'_>,
    text: &str,
    companies_alone: bool,
) -> Result<Vec<CustomerFound>, Error> {
    let folded = search::folded(text);
    let mut words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
    // The longest finds the fewest.
    words.sort_unstable_by_key(|word| std::cmp::Reverse(word.len()));
    if words.is_empty() {
        return Ok(Vec::new());
    }
    words.resize(WORDS_MAX, "");
    let ends: Vec<String> = words.iter().map(|word| format!("{word}{}", char::MAX)).collect();
    let row = params![words[0], &ends[0], words[1], &ends[1], words[2], &ends[2], companies_alone,];
    Ok(tx.query(&FIND, row, CustomerFound::read)?)
}

/// The first people of a company, and whether there are more.
pub(super) fn people(
    tx: &mut Tx<'_>,
    company_id: i64,
    limit: i64,
) -> Result<(Vec<CustomerFound>, bool), Error> {
    let found = tx.query(&PEOPLE, params![company_id, limit + 1], CustomerFound::read)?;
    Ok(page::cut(found, limit))
}

/// Has a customer be found by what is known now; `was_indexed` when there are words of before.
pub(super) fn index(
    tx: &mut Tx<'_>,
    id: i64,
    customer: &Customer,
    was_indexed: bool,
) -> Result<(), Error> {
    if was_indexed {
        tx.put(&FORGET, params![id])?;
    }
    for word in words(customer) {
        tx.put(&ADD_WORD, params![id, &word])?;
    }
    Ok(())
}

/// What a customer is found by, each word once.
pub(super) fn words(customer: &Customer) -> BTreeSet<String> {
    let Customer { identifier, name, surname, emails, phones, .. } = customer;
    let texts = [name, surname].into_iter().chain(identifier).chain(emails);
    let mut folded: Vec<String> = texts.map(|text| search::folded(text)).collect();
    // By the digits, with the country's and without them.
    for phone in phones {
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        folded.extend([digits(&phone.text), digits(&phone.key)]);
    }
    let words = folded.iter().flat_map(|text| text.split(' ')).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// Takes away words of somebody who is there no more, up to 200, and says how many.
pub(super) fn forget_some(tx: &mut Tx<'_>, id: i64) -> Result<u64, Error> {
    Ok(tx.execute(&FORGET_SOME, params![id])?)
}

/// Goes on with customers from before there were words, and says whether to go on.
pub fn step(tx: &mut Tx<'_>) -> Result<bool, Error> {
    let mark = setting::text(tx, MARK)?.unwrap_or_default();
    if mark == DONE {
        return Ok(false);
    }
    let after: i64 = mark.parse().unwrap_or(0);
    let ids = tx.query(&AFTER, params![after], |row| row.get::<i64>(0))?;
    for id in &ids {
        // Somebody may be deleting them right now: then there are no words to add.
        if change::hold_customer(tx, *id)?
            && let Some(customer) = super::known(tx, *id)?
        {
            index(tx, *id, &customer, true)?;
        }
    }
    let has_more = ids.len() == STEP;
    let mark = ids.last().filter(|_| has_more).map_or(DONE.to_owned(), i64::to_string);
    setting::set_text(tx, MARK, &mark)?;
    Ok(has_more)
}
