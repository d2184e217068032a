//! Lists of customers, by ascending number.
//!
//! Of the filters that were given the one that finds the fewest leads: its index is gone through, and the others are
//! conditions. So there are a dozen queries and not one for each mix, each made once and registered. Rows are read for the page
//! alone, not for what an offset skips.

use std::sync::LazyLock;

use rozmowa_db::{Row, Stmt, Tx, Value};

use super::change::Customer;
use super::custom;
use crate::clock::Millis;
use crate::http::Error;

/// Custom fields that one list asks for at most.
pub const FIELDS_MAX: usize = 4;
/// Values of one of them, of which any will do.
pub const VALUES_MAX: usize = 10;
/// Customers that the parts of a page are read of at once.
const AT_ONCE: usize = 100;
/// Places of numbers in the parameters of a query.
const OF_FIELDS: usize = 11;
const LIMIT: usize = OF_FIELDS + FIELDS_MAX * (1 + VALUES_MAX);

/// Which customers. What is none is no matter.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Those of higher numbers.
    pub after: i64,
    pub identifier: Option<String>,
    pub has_no_identifier: bool,
    /// Folded.
    pub email: Option<String>,
    /// Keys of these.
    pub phone: Option<String>,
    pub nip: Option<String>,
    pub company_id: Option<i64>,
    pub is_company: Option<bool>,
    pub type_name: Option<String>,
    pub group_name: Option<String>,
    /// Fields, each with the keys of values of which any will do.
    pub custom: Wanted,
}

/// Fields, each with the keys of values.
pub type Wanted = Vec<(i64, Vec<[u8; 16]>)>;

/// Whose index leads, the choosiest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Driver {
    Identifier,
    Email,
    Phone,
    Nip,
    /// One value of a field, whose customers are in order; and several.
    Value,
    Values,
    Company,
    Type,
    Group,
    NoIdentifier,
    Kind,
    Everybody,
}

const DRIVERS: [Driver; 12] = [
    Driver::Identifier,
    Driver::Email,
    Driver::Phone,
    Driver::Nip,
    Driver::Value,
    Driver::Values,
    Driver::Company,
    Driver::Type,
    Driver::Group,
    Driver::NoIdentifier,
    Driver::Kind,
    Driver::Everybody,
];

struct Variants {
    page: Vec<Stmt>,
    count: Vec<Stmt>,
    /// Of a page's customers.
    emails: Stmt,
    phones: Stmt,
    addresses: Stmt,
    values: Stmt,
}

static VARIANTS_MADE: LazyLock<Variants> = LazyLock::new(|| Variants {
    page: DRIVERS.into_iter().map(page_statement).collect(),
    count: DRIVERS.into_iter().map(count_statement).collect(),
    emails: part("EMAILS", "email", "customer_email", "position"),
    phones: part("PHONES", "phone", "customer_phone", "position"),
    addresses: part(
        "ADDRESSES",
        "kind, street, building, flat, postcode, city, country",
        "customer_address",
        "kind",
    ),
    values: part("VALUES", "field_id, value", "custom_value", "field_id, position"),
});

/// Every variant, for the register.
pub fn statements() -> impl Iterator<Item = Stmt> {
    let made = &*VARIANTS_MADE;
    let parts = [made.emails, made.phones, made.addresses, made.values];
    made.page.iter().chain(&made.count).copied().chain(parts)
}

/// The keys of one field's values among the parameters.
fn keys(first: usize) -> String {
    (first + 1..=first + VALUES_MAX).map(|at| format!("${at}")).collect::<Vec<_>>().join(",")
}

/// Where the rows come from, and which of them: the customer is `u`, and its number is in order.
fn source(driver: Driver) -> (String, &'static str) {
    // What is found by another table comes from there, whatever the engine thinks of it.
    let by = |table: &str, found: &str| {
        let from = format!(
            "(SELECT DISTINCT customer_id FROM {table} WHERE {found}) AS d CROSS JOIN customer u"
        );
        (from, "u.id = d.customer_id AND u.id > $1")
    };
    let own = || "customer u".to_owned();
    match driver {
        Driver::Identifier => (own(), "u.identifier = $2 AND u.id > $1"),
        Driver::Email => by("customer_email", "email_folded = $3"),
        Driver::Phone => by("customer_phone", "phone_key = $4"),
        Driver::Nip => (own(), "u.nip_key = $5 AND u.nip_key <> '' AND u.id > $1"),
        Driver::Value => {
            let found = format!(
                "field_id = ${OF_FIELDS} AND value_key = ${} AND customer_id > $1",
                OF_FIELDS + 1
            );
            let from = format!(
                "(SELECT customer_id FROM custom_value WHERE {found}) AS d CROSS JOIN customer u"
            );
            (from, "u.id = d.customer_id")
        }
        Driver::Values => by(
            "custom_value",
            &format!(
                "field_id = ${OF_FIELDS} AND value_key IN ({}) AND customer_id > $1",
                keys(OF_FIELDS)
            ),
        ),
        Driver::Company => (own(), "u.company_id = $6 AND u.id > $1"),
        Driver::Type => (own(), "u.type_name = $8 AND u.type_name <> '' AND u.id > $1"),
        Driver::Group => (own(), "u.group_name = $9 AND u.group_name <> '' AND u.id > $1"),
        Driver::NoIdentifier => (own(), "u.identifier IS NULL AND u.id > $1"),
        Driver::Kind => (own(), "u.is_company = $7 AND u.id > $1"),
        Driver::Everybody => (own(), "u.id > $1"),
    }
}

/// The other filters, which may be given and may not.
fn conditions(driver: Driver) -> String {
    if driver == Driver::Everybody {
        return String::new();
    }
    let mut all = vec![
        "(u.identifier = $2 OR $2 = '')".to_owned(),
        "($3 = '' OR EXISTS (SELECT 1 FROM customer_email WHERE customer_id = u.id AND email_folded = $3))".to_owned(),
        "($4 = '' OR EXISTS (SELECT 1 FROM customer_phone p WHERE p.customer_id = u.id AND p.phone_key = $4))".to_owned(),
        "(u.nip_key = $5 OR $5 = '')".to_owned(),
        "(u.company_id = $6 OR $6 = 0)".to_owned(),
        "(u.is_company = $7 OR $7 = -1)".to_owned(),
        "(u.type_name = $8 OR $8 = '')".to_owned(),
        "(u.group_name = $9 OR $9 = '')".to_owned(),
        "(CAST($10 AS BIGINT) = 0 OR u.identifier IS NULL)".to_owned(),
    ];
    for slot in 0..FIELDS_MAX {
        let first = OF_FIELDS + slot * (1 + VALUES_MAX);
        all.push(format!(
            "(CAST(${first} AS BIGINT) = 0 OR EXISTS (SELECT 1 FROM custom_value v
                WHERE v.customer_id = u.id AND v.field_id = ${first} AND v.value_key IN ({})))",
            keys(first)
        ));
    }
    format!(" AND {}", all.join(" AND "))
}

fn page_statement(driver: Driver) -> Stmt {
    let (from, found) = source(driver);
    let rest = conditions(driver);
    // Everybody has no parameters but where to begin.
    let limit = if driver == Driver::Everybody { 2 } else { LIMIT };
    let order = if driver == Driver::Value { "d.customer_id" } else { "u.id" };
    let text = format!(
        "SELECT u.id, u.identifier, u.name, u.surname, u.company_id, u.is_company, u.type_name, u.group_name, u.nip, u.gender,
                u.homepage, u.birthdate, u.note, u.pesel, u.job, u.job_title, u.is_vip, a.login, u.updated_at
         FROM customer u LEFT JOIN agent a ON a.id = u.account_manager_id
         WHERE u.id IN (SELECT u.id FROM {from} WHERE {found}{rest} ORDER BY {order} LIMIT ${limit} OFFSET ${})
         ORDER BY u.id",
        limit + 1
    );
    Stmt::composed(format!("customer::list::PAGE_{driver:?}"), text)
}

fn count_statement(driver: Driver) -> Stmt {
    let (from, found) = source(driver);
    // All there are, but said so that a narrow index is counted and not the wide rows.
    let found =
        if driver == Driver::Everybody { "u.is_company IN (0, 1) AND u.id > $1" } else { found };
    let text = format!("SELECT count(*) FROM {from} WHERE {found}{}", conditions(driver));
    Stmt::composed(format!("customer::list::COUNT_{driver:?}"), text)
}

fn part(name: &str, columns: &str, table: &str, order: &str) -> Stmt {
    let ids: Vec<String> = (1..=AT_ONCE).map(|at| format!("${at}")).collect();
    let text = format!(
        "SELECT customer_id, {columns} FROM {table} WHERE customer_id IN ({}) ORDER BY customer_id, {order}",
        ids.join(",")
    );
    Stmt::composed(format!("customer::list::{name}"), text)
}

impl Filter {
    fn driver(&self) -> Driver {
        match self {
            Self { identifier: Some(_), .. } => Driver::Identifier,
            Self { email: Some(_), .. } => Driver::Email,
            Self { phone: Some(_), .. } => Driver::Phone,
            Self { nip: Some(_), .. } => Driver::Nip,
            Self { custom, .. } if custom.first().is_some_and(|(_, keys)| keys.len() == 1) => {
                Driver::Value
            }
            Self { custom, .. } if !custom.is_empty() => Driver::Values,
            Self { company_id: Some(_), .. } => Driver::Company,
            Self { type_name: Some(_), .. } => Driver::Type,
            Self { group_name: Some(_), .. } => Driver::Group,
            Self { has_no_identifier: true, .. } => Driver::NoIdentifier,
            Self { is_company: Some(_), .. } => Driver::Kind,
            _ => Driver::Everybody,
        }
    }

    fn bind(&self) -> Vec<Value<'_>> {
        let mut params = vec![Value::from(self.after)];
        if self.driver() == Driver::Everybody {
            return params;
        }
        params.extend([
            Value::from(self.identifier.as_deref().unwrap_or_default()),
            Value::from(self.email.as_deref().unwrap_or_default()),
            Value::from(self.phone.as_deref().unwrap_or_default()),
            Value::from(self.nip.as_deref().unwrap_or_default()),
            Value::from(self.company_id.unwrap_or_default()),
            Value::from(self.is_company.map_or(-1, i64::from)),
            Value::from(self.type_name.as_deref().unwrap_or_default()),
            Value::from(self.group_name.as_deref().unwrap_or_default()),
            Value::from(self.has_no_identifier),
        ]);
        for slot in 0..FIELDS_MAX {
            // The last value stands in all places that are left.
            let (field, keys) = self.custom.get(slot).map_or((0, &[][..]), |(f, keys)| (*f, keys));
            params.push(Value::from(field));
            let last = keys.last().unwrap_or(&[0; 16]);
            params.extend((0..VALUES_MAX).map(|at| Value::from(keys.get(at).unwrap_or(last))));
        }
        params
    }

    /// Nothing can be so.
    pub fn finds_nothing(&self) -> bool {
        (self.identifier.is_some() && self.has_no_identifier)
            || [
                &self.identifier,
                &self.email,
                &self.phone,
                &self.nip,
                &self.type_name,
                &self.group_name,
            ]
            .into_iter()
            .any(|text| text.as_deref() == Some(""))
    }
}

/// A customer of a list.
#[derive(Debug, Clone)]
pub struct Item {
    pub id: i64,
    pub customer: Customer,
    /// The account manager's.
    pub login: Option<String>,
    pub updated_at: Millis,
}

/// What is read beside the rows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Parts {
    pub addresses: bool,
    pub custom: bool,
}

fn read(row: &Row<'_>) -> Result<Item, rozmowa_db::Error> {
    let customer = Customer {
        identifier: row.get(1)?,
        name: row.get(2)?,
        surname: row.get(3)?,
        company_id: row.get(4)?,
        is_company: row.get(5)?,
        type_name: row.get(6)?,
        group_name: row.get(7)?,
        nip: row.get(8)?,
        gender: row.get(9)?,
        homepage: row.get(10)?,
        birthdate: row.get(11)?,
        note: row.get(12)?,
        pesel: row.get(13)?,
        job: row.get(14)?,
        job_title: row.get(15)?,
        is_vip: row.get(16)?,
        ..Customer::default()
    };
    Ok(Item { id: row.get(0)?, customer, login: row.get(17)?, updated_at: row.get(18)? })
}

/// A page of those that all filters find.
pub fn page(
    tx: &mut Tx<'_>,
    filter: &Filter,
    limit: i64,
    offset: i64,
    parts: Parts,
) -> Result<Vec<Item>, Error> {
    if limit == 0 || filter.finds_nothing() {
        return Ok(Vec::new());
    }
    let mut params = filter.bind();
    params.extend([Value::from(limit), Value::from(offset)]);
    let mut items = tx.query(&VARIANTS_MADE.page[filter.driver() as usize], &params, read)?;
    for some in items.chunks_mut(AT_ONCE) {
        add_parts(tx, some, parts)?;
    }
    Ok(items)
}

/// Exactly how many there are, from `filter.after` on.
pub fn count(tx: &mut Tx<'_>, filter: &Filter) -> Result<i64, Error> {
    if filter.finds_nothing() {
        return Ok(0);
    }
    let statement = &VARIANTS_MADE.count[filter.driver() as usize];
    Ok(tx.query_one(statement, &filter.bind(), |row| row.get(0))?)
}

/// One customer, as a list has it.
pub fn one(tx: &mut Tx<'_>, id: i64, parts: Parts) -> Result<Option<Item>, Error> {
    let filter = Filter { after: id - 1, ..Filter::default() };
    let found = page(tx, &filter, 1, 0, parts)?;
    Ok(found.into_iter().find(|item| item.id == id))
}

fn add_parts(tx: &mut Tx<'_>, items: &mut [Item], parts: Parts) -> Result<(), Error> {
    let Some(last) = items.last().map(|item| item.id) else { return Ok(()) };
    let ids: Vec<i64> = items.iter().map(|item| item.id).collect();
    // The last one stands in all places that are left.
    let params: Vec<Value<'_>> =
        (0..AT_ONCE).map(|at| Value::from(ids.get(at).copied().unwrap_or(last))).collect();
    let made = &*VARIANTS_MADE;
    let place = |id: i64| ids.binary_search(&id).unwrap_or_default();
    tx.query(&made.emails, &params, |row| {
        items[place(row.get(0)?)].customer.emails.push(row.get(1)?);
        Ok(())
    })?;
    tx.query(&made.phones, &params, |row| {
        let phone = super::phone::Phone { text: row.get(1)?, key: String::new() };
        items[place(row.get(0)?)].customer.phones.push(phone);
        Ok(())
    })?;
    if parts.addresses {
        tx.query(&made.addresses, &params, |row| {
            let (at, kind) = (place(row.get(0)?), row.get::<i64>(1)?);
            let address = super::change::read_address(row, 2)?;
            let kind = usize::try_from(kind).unwrap_or_default();
            if let Some(place) = items[at].customer.addresses.get_mut(kind) {
                *place = address;
            }
            Ok(())
        })?;
    }
    if parts.custom {
        tx.query(&made.values, &params, |row| {
            let custom = &mut items[place(row.get(0)?)].customer.custom;
            custom.entry(row.get(1)?).or_default().push(row.get(2)?);
            Ok(())
        })?;
    }
    Ok(())
}

/// Values of fields as a filter looks for them.
pub fn wanted(custom: Vec<(i64, Vec<String>)>) -> Wanted {
    let keys = |values: Vec<String>| values.iter().map(|value| custom::value_key(value)).collect();
    custom.into_iter().map(|(field, values)| (field, keys(values))).collect()
}
