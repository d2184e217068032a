//! Adding many customers at once: the rows of each table together, and numbers in a block, so that an import doesn't pay for
//! every row what a statement costs.

use std::sync::LazyLock;

use rozmowa_db::{Row, Stmt, Tx, Value, params};

use super::change::{Customer, nip_key};
use super::{custom, fold};
use crate::act::Act;
use crate::conversation;
use crate::http::Error;
use crate::webhook::{self, Action, Subject};

/// Rows of a statement. The rest goes in one by one.
const TOGETHER: usize = 50;
/// Values that one look-up asks for.
pub(super) const AT_ONCE: usize = 100;

/// Rows of one table.
pub(super) struct Rows {
    width: usize,
    many: Stmt,
    one: Stmt,
}

impl Rows {
    /// `places` says which of a row's parameters stands in which column, from 1.
    fn new(name: &str, into: &str, places: &[usize], conflict: &str) -> Self {
        let width = places.iter().copied().max().unwrap_or_default();
        let made = |count: usize| {
            let row = |at: usize| {
                let row: Vec<String> =
                    places.iter().map(|place| format!("${}", at * width + place)).collect();
                format!("({})", row.join(", "))
            };
            let rows: Vec<String> = (0..count).map(row).collect();
            let text = format!("INTO {into} VALUES {}{conflict}", rows.join(", "));
            // A statement that may fail half-way has SQLite keep the pages that it touches, four times what is written
            // otherwise. A failure ends the transaction here, so the half can stay until then.
            let sqlite = format!("INSERT OR FAIL {text}");
            let name = format!("customer::bulk::{name}_{count}");
            Stmt::composed_apart(name, sqlite, format!("INSERT {text}"))
        };
        Self { width, many: made(TOGETHER), one: made(1) }
    }

    /// Writes rows, whose values come one after the other.
    pub(super) fn put(&self, tx: &mut Tx<'_>, values: &[Value<'_>]) -> Result<(), Error> {
        let mut chunks = values.chunks_exact(self.width * TOGETHER);
        for rows in &mut chunks {
            tx.put(&self.many, rows)?;
        }
        for row in chunks.remainder().chunks_exact(self.width) {
            tx.put(&self.one, row)?;
        }
        Ok(())
    }
}

/// The tables.
pub(super) struct Tables {
    customers: Rows,
    emails: Rows,
    phones: Rows,
    addresses: Rows,
    values: Rows,
    words: Rows,
    pub(super) lines: Rows,
    /// Identifiers of these that conversations wait for.
    waited_for: Stmt,
}

pub(super) static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let customers = "customer (id, created_at, updated_at, identifier, name, surname, company_id, is_company, type_name,
            group_name, nip, nip_key, gender, homepage, birthdate, note, pesel, job, job_title, is_vip, account_manager_id)";
    // The second stands in two columns.
    let places: Vec<usize> = [1, 2].into_iter().chain(2..=20).collect();
    let all = |width: usize| (1..=width).collect::<Vec<_>>();
    let address =
        "customer_address (customer_id, kind, street, building, flat, postcode, city, country)";
    let value = "custom_value (customer_id, field_id, position, value, value_key)";
    let again = " ON CONFLICT (line_key) DO UPDATE SET customer_id = excluded.customer_id";
    Tables {
        customers: Rows::new("CUSTOMERS", customers, &places, ""),
        emails: Rows::new(
            "EMAILS",
            "customer_email (customer_id, position, email, email_folded)",
            &all(4),
            "",
        ),
        phones: Rows::new(
            "PHONES",
            "customer_phone (customer_id, position, phone, phone_key)",
            &all(4),
            "",
        ),
        addresses: Rows::new("ADDRESSES", address, &all(8), ""),
        values: Rows::new("VALUES", value, &all(5), ""),
        words: Rows::new("WORDS", "customer_word (customer_id, word)", &all(2), ""),
        lines: Rows::new("LINES", "imported_line (line_key, customer_id)", &all(2), again),
        waited_for: Stmt::composed(
            "customer::bulk::WAITED_FOR".to_owned(),
            format!(
                "SELECT DISTINCT client_id FROM conversation WHERE client_id IN ({}) AND customer_id IS NULL LIMIT {AT_ONCE}",
                places_of(AT_ONCE)
            ),
        ),
    }
});

/// Every statement, for the register.
pub fn statements() -> impl Iterator<Item = Stmt> {
    let made = &*TABLES;
    let rows = [
        &made.customers,
        &made.emails,
        &made.phones,
        &made.addresses,
        &made.values,
        &made.words,
        &made.lines,
    ];
    rows.into_iter().flat_map(|rows| [rows.many, rows.one]).chain([made.waited_for])
}

/// `$1, $2, …`
pub(super) fn places_of(count: usize) -> String {
    (1..=count).map(|at| format!("${at}")).collect::<Vec<_>>().join(", ")
}

/// The parameters of a look-up: the last of some values stands in all places that are left.
pub(super) fn filled<'a>(some: impl Iterator<Item = Value<'a>>) -> Vec<Value<'a>> {
    let mut params: Vec<Value<'_>> = some.collect();
    if let Some(last) = params.last().copied() {
        params.resize(AT_ONCE, last);
    }
    params
}

/// Somebody who is added.
pub(super) struct New<'a> {
    pub customer: &'a Customer,
    /// What the customer is found by.
    pub words: &'a [String],
}

/// Adds people under numbers from `first` on, in order. The caller holds their identifiers and addresses, and nobody has the
/// identifiers. Conversations that waited for them are linked.
pub(super) fn add(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    first: i64,
    all: &[New<'_>],
) -> Result<(), Error> {
    let tables = &*TABLES;
    let numbered = || (first..).zip(all.iter().map(|new| new.customer));
    let nip_keys: Vec<String> = all.iter().map(|new| nip_key(&new.customer.nip)).collect();
    let mut rows: Vec<Value<'_>> = Vec::new();
    for ((id, customer), nip_key) in numbered().zip(&nip_keys) {
        rows.extend(customer.row(id, act.now, nip_key));
    }
    tables.customers.put(tx, &rows)?;
    let folded: Vec<String> =
        all.iter().flat_map(|new| new.customer.emails.iter().map(|email| fold(email))).collect();
    let mut folded = folded.iter();
    rows.clear();
    for (id, customer) in numbered() {
        for ((position, email), folded) in (0_i64..).zip(&customer.emails).zip(&mut folded) {
            rows.extend(params![id, position, email, folded]);
        }
    }
    tables.emails.put(tx, &rows)?;
    rows.clear();
    for (id, customer) in numbered() {
        for (position, phone) in (0_i64..).zip(&customer.phones) {
            rows.extend(params![id, position, &phone.text, &phone.key]);
        }
    }
    tables.phones.put(tx, &rows)?;
    rows.clear();
    for (id, customer) in numbered() {
        for (kind, address) in (0_i64..).zip(&customer.addresses) {
            if address.iter().any(Option::is_some) {
                rows.extend([Value::from(id), Value::from(kind)]);
                rows.extend(address.iter().map(|part| Value::from(part.as_deref())));
            }
        }
    }
    tables.addresses.put(tx, &rows)?;
    add_values(tx, first, all)?;
    let mut rows: Vec<Value<'_>> = Vec::new();
    for (id, new) in (first..).zip(all) {
        rows.extend(new.words.iter().flat_map(|word| [Value::from(id), Value::from(word)]));
    }
    tables.words.put(tx, &rows)?;
    for (id, _) in numbered() {
        webhook::tell(tx, act, Action::CustomerCreated, Subject::Customer(id), act.now)?;
    }
    link(tx, act, first, all)
}

fn add_values(tx: &mut Tx<'_>, first: i64, all: &[New<'_>]) -> Result<(), Error> {
    let mut values = Vec::new();
    for (id, new) in (first..).zip(all) {
        for (field, texts) in &new.customer.custom {
            for (position, text) in (0_i64..).zip(texts) {
                values.push((id, *field, position, text, custom::value_key(text)));
            }
        }
    }
    let mut rows: Vec<Value<'_>> = Vec::new();
    for (id, field, position, text, key) in &values {
        rows.extend(params![*id, *field, *position, *text, key]);
    }
    TABLES.values.put(tx, &rows)
}

/// Hardly anybody is waited for.
fn link(tx: &mut Tx<'_>, act: &Act<'_>, first: i64, all: &[New<'_>]) -> Result<(), Error> {
    let identified: Vec<(i64, &Customer, &str)> = (first..)
        .zip(all)
        .filter_map(|(id, new)| Some((id, new.customer, new.customer.identifier.as_deref()?)))
        .collect();
    for some in identified.chunks(AT_ONCE) {
        let params = filled(some.iter().map(|(_, _, identifier)| Value::from(*identifier)));
        let waited_for =
            tx.query(&TABLES.waited_for, &params, |row: &Row<'_>| row.get::<String>(0))?;
        for (id, customer, identifier) in some {
            if waited_for.iter().any(|known| known == identifier) {
                conversation::identified(tx, act, identifier, &customer.matched(*id))?;
            }
        }
    }
    Ok(())
}
