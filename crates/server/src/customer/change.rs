//! What is known of a customer, as one: added, changed and read as a whole, by whichever door it comes.

use std::collections::BTreeMap;

use rozmowa_db::{Row, Tx, Value, params};

use super::phone::Phone;
use super::{Matched, find, fold, hold};
use crate::act::Act;
use crate::http::{Code, Error, Fault};
use crate::webhook::{self, Action, Subject};

rozmowa_db::statements! {
    ADD = "INSERT INTO customer (id, created_at, updated_at, identifier, name, surname, company_id, is_company, type_name,
            group_name, nip, nip_key, gender, homepage, birthdate, note, pesel, job, job_title, is_vip, account_manager_id)
        VALUES ($1, $2, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
        ON CONFLICT DO NOTHING";
    KNOWN = "SELECT identifier, name, surname, company_id, is_company, type_name, group_name, nip, gender, homepage, birthdate,
            note, pesel, job, job_title, is_vip, account_manager_id
        FROM customer WHERE id = $1";
    /// Nobody else changes it until the transaction's end.
    HOLD = {
        sqlite: "SELECT 1 FROM customer WHERE id = $1",
        postgres: "SELECT 1 FROM customer WHERE id = $1 FOR UPDATE",
    };
    /// Whoever gives an identifier holds it, so nobody is giving it to somebody else.
    SET = "UPDATE customer SET updated_at = $2, identifier = $3, name = $4, surname = $5, company_id = $6, is_company = $7,
            type_name = $8, group_name = $9, nip = $10, nip_key = $11, gender = $12, homepage = $13, birthdate = $14, note = $15,
            pesel = $16, job = $17, job_title = $18, is_vip = $19, account_manager_id = $20
        WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM customer AS other WHERE other.identifier = $3 AND other.id <> $1)";
    EMAILS = "SELECT email FROM customer_email WHERE customer_id = $1 ORDER BY position LIMIT 1000";
    REMOVE_EMAILS = "DELETE FROM customer_email WHERE customer_id = $1";
    ADD_EMAIL = "INSERT INTO customer_email (customer_id, position, email, email_folded) VALUES ($1, $2, $3, $4)";
    PHONES = "SELECT phone, phone_key FROM customer_phone WHERE customer_id = $1 ORDER BY position LIMIT 1000";
    REMOVE_PHONES = "DELETE FROM customer_phone WHERE customer_id = $1";
    ADD_PHONE = "INSERT INTO customer_phone (customer_id, position, phone, phone_key) VALUES ($1, $2, $3, $4)";
    ADDRESSES = "SELECT kind, street, building, flat, postcode, city, country FROM customer_address WHERE customer_id = $1";
    REMOVE_ADDRESSES = "DELETE FROM customer_address WHERE customer_id = $1";
    ADD_ADDRESS = "INSERT INTO customer_address (customer_id, kind, street, building, flat, postcode, city, country)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    VALUES = "SELECT field_id, value FROM custom_value WHERE customer_id = $1 ORDER BY field_id, position";
    REMOVE_VALUES = "DELETE FROM custom_value WHERE customer_id = $1";
    ADD_VALUE = "INSERT INTO custom_value (customer_id, field_id, position, value, value_key) VALUES ($1, $2, $3, $4, $5)";
    /// Who is deleted now takes its people along: none joins while that is being decided.
    HOLD_COMPANY = {
        sqlite: "SELECT 1 FROM company WHERE id = $1",
        postgres: "SELECT 1 FROM company WHERE id = $1 FOR SHARE",
    };
}

/// The parts of an address: street, building, flat, postcode, city, country.
pub type Address = [Option<String>; 6];

/// All that is known of a customer. What is not known is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Customer {
    /// The id in the company's own systems.
    pub identifier: Option<String>,
    pub name: String,
    /// A company's name stands here.
    pub surname: String,
    pub emails: Vec<String>,
    pub phones: Vec<Phone>,
    /// The company that the customer belongs to, or is.
    pub company_id: Option<i64>,
    pub is_company: bool,
    pub type_name: String,
    pub group_name: String,
    pub nip: String,
    pub gender: String,
    pub homepage: String,
    /// `1980-05-17`
    pub birthdate: String,
    pub note: String,
    pub pesel: String,
    pub job: String,
    pub job_title: String,
    pub is_vip: bool,
    /// The agent who looks after the customer: routing asks for it first.
    pub account_manager_id: Option<i64>,
    /// Where they live, where invoices go, where mail goes.
    pub addresses: [Address; 3],
    /// Values of custom fields by the field's number, as they are stored.
    pub custom: BTreeMap<i64, Vec<String>>,
}

impl Customer {
    pub fn says_nothing(&self) -> bool {
        *self == Self::default()
    }

    fn read(row: &Row<'_>) -> Result<Self, rozmowa_db::Error> {
        Ok(Self {
            identifier: row.get(0)?,
            name: row.get(1)?,
            surname: row.get(2)?,
            company_id: row.get(3)?,
            is_company: row.get(4)?,
            type_name: row.get(5)?,
            group_name: row.get(6)?,
            nip: row.get(7)?,
            gender: row.get(8)?,
            homepage: row.get(9)?,
            birthdate: row.get(10)?,
            note: row.get(11)?,
            pesel: row.get(12)?,
            job: row.get(13)?,
            job_title: row.get(14)?,
            is_vip: row.get(15)?,
            account_manager_id: row.get(16)?,
            ..Self::default()
        })
    }

    /// The parameters of [`ADD`] and [`SET`].
    pub(super) fn row<'a>(&'a self, id: i64, at: i64, nip_key: &'a str) -> Vec<Value<'a>> {
        params![
            id,
            at,
            self.identifier.as_deref(),
            &self.name,
            &self.surname,
            self.company_id,
            self.is_company,
            &self.type_name,
            &self.group_name,
            &self.nip,
            nip_key,
            &self.gender,
            &self.homepage,
            &self.birthdate,
            &self.note,
            &self.pesel,
            &self.job,
            &self.job_title,
            self.is_vip,
            self.account_manager_id,
        ]
        .to_vec()
    }

    pub(super) fn matched(&self, id: i64) -> Matched {
        let email = self.emails.first().cloned();
        Matched { id, name: self.name.clone(), surname: self.surname.clone(), email }
    }
}

/// `None` when the identifier is another customer's: then nothing is changed. Conversations that waited for this identifier
/// are linked by [`conversation::add_customer`](crate::conversation::add_customer).
pub fn add(tx: &mut Tx<'_>, act: &Act<'_>, customer: &Customer) -> Result<Option<Matched>, Error> {
    hold(tx, customer.identifier.as_deref(), &customer.emails)?;
    let id = crate::counter::next(tx, "customer")?;
    add_as(tx, act, id, customer)
}

/// The same under a number that was taken before.
pub(super) fn add_as(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: i64,
    customer: &Customer,
) -> Result<Option<Matched>, Error> {
    let nip_key = nip_key(&customer.nip);
    if tx.execute(&ADD, &customer.row(id, act.now, &nip_key))? == 0 {
        return Ok(None);
    }
    add_emails(tx, id, &customer.emails)?;
    add_phones(tx, id, &customer.phones)?;
    add_addresses(tx, id, &customer.addresses)?;
    add_values(tx, id, &customer.custom)?;
    find::index(tx, id, customer, false)?;
    webhook::tell(tx, act, Action::CustomerCreated, Subject::Customer(id), act.now)?;
    Ok(Some(customer.matched(id)))
}

/// All that is known of a customer.
pub fn known(tx: &mut Tx<'_>, id: i64) -> Result<Option<Customer>, Error> {
    let found = tx.query_opt(&KNOWN, params![id], Customer::read)?;
    let Some(mut customer) = found else { return Ok(None) };
    customer.emails = tx.query(&EMAILS, params![id], |row| row.get(0))?;
    customer.phones =
        tx.query(&PHONES, params![id], |row| Ok(Phone { text: row.get(0)?, key: row.get(1)? }))?;
    let addresses =
        tx.query(&ADDRESSES, params![id], |row| Ok((row.get::<i64>(0)?, read_address(row, 1)?)))?;
    for (kind, address) in addresses {
        if let Some(place) = usize::try_from(kind).ok().and_then(|k| customer.addresses.get_mut(k))
        {
            *place = address;
        }
    }
    for (field, value) in
        tx.query(&VALUES, params![id], |row| Ok((row.get::<i64>(0)?, row.get::<String>(1)?)))?
    {
        customer.custom.entry(field).or_default().push(value);
    }
    Ok(Some(customer))
}

pub(super) fn read_address(row: &Row<'_>, from: usize) -> Result<Address, rozmowa_db::Error> {
    let mut address = Address::default();
    for (at, part) in address.iter_mut().enumerate() {
        *part = row.get(from + at)?;
    }
    Ok(address)
}

/// What a change came to.
#[derive(Debug, Clone)]
pub enum Changed {
    /// There is no such customer.
    Unknown,
    /// It was so already: nobody is told.
    Nothing,
    /// The customer as it is now, and the identifier if it is a new one.
    Done(Matched, Option<String>),
}

/// Changes a customer by what `apply` makes of it; it is called twice. Of what is refused nothing is changed.
pub fn change(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: i64,
    apply: impl Fn(&mut Customer),
) -> Result<Changed, Error> {
    let Some(mut wanted) = known(tx, id)? else { return Ok(Changed::Unknown) };
    apply(&mut wanted);
    // Before the row, as everybody does who gives identifiers away.
    hold(tx, wanted.identifier.as_deref(), &wanted.emails)?;
    hold_customer(tx, id)?;
    let Some(was) = known(tx, id)? else { return Ok(Changed::Unknown) };
    let mut customer = was.clone();
    apply(&mut customer);
    if (&customer.identifier, &customer.emails) != (&wanted.identifier, &wanted.emails) {
        return Err(tx.run_again("the customer was changed meanwhile").into());
    }
    if customer == was {
        return Ok(Changed::Nothing);
    }
    let nip_key = nip_key(&customer.nip);
    if tx.execute(&SET, &customer.row(id, act.now, &nip_key))? == 0 {
        return Err(identifier_taken());
    }
    if customer.emails != was.emails {
        tx.put(&REMOVE_EMAILS, params![id])?;
        add_emails(tx, id, &customer.emails)?;
    }
    if customer.phones != was.phones {
        tx.put(&REMOVE_PHONES, params![id])?;
        add_phones(tx, id, &customer.phones)?;
    }
    if customer.addresses != was.addresses {
        tx.put(&REMOVE_ADDRESSES, params![id])?;
        add_addresses(tx, id, &customer.addresses)?;
    }
    if customer.custom != was.custom {
        tx.put(&REMOVE_VALUES, params![id])?;
        add_values(tx, id, &customer.custom)?;
    }
    find::index(tx, id, &customer, true)?;
    webhook::tell(tx, act, Action::CustomerUpdated, Subject::Customer(id), act.now)?;
    let identifier = customer.identifier.clone().filter(|_| customer.identifier != was.identifier);
    Ok(Changed::Done(customer.matched(id), identifier))
}

pub fn identifier_taken() -> Error {
    Fault::new(Code::IdentifierTaken).about("identifier").into()
}

/// Whether there is such a customer; while the transaction lasts nobody else changes it.
pub fn hold_customer(tx: &mut Tx<'_>, id: i64) -> Result<bool, Error> {
    Ok(tx.query_opt(&HOLD, params![id], |_| Ok(()))?.is_some())
}

/// Whether there is such a company; while the transaction lasts it stays.
pub fn hold_company(tx: &mut Tx<'_>, id: i64) -> Result<bool, Error> {
    Ok(tx.query_opt(&HOLD_COMPANY, params![id], |_| Ok(()))?.is_some())
}

/// Takes away by what others are looked for.
pub(super) fn forget(tx: &mut Tx<'_>, id: i64) -> Result<(), Error> {
    for statement in [&REMOVE_EMAILS, &REMOVE_PHONES, &REMOVE_ADDRESSES] {
        tx.put(statement, params![id])?;
    }
    Ok(())
}

/// The letters and digits of a tax number, without the country of ours.
pub fn nip_key(nip: &str) -> String {
    let key: String =
        nip.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect();
    match key.strip_prefix("PL") {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => rest.to_owned(),
        _ => key,
    }
}

fn add_emails(tx: &mut Tx<'_>, id: i64, emails: &[String]) -> Result<(), Error> {
    for (position, email) in (0_i64..).zip(emails) {
        tx.put(&ADD_EMAIL, params![id, position, email, &fold(email)])?;
    }
    Ok(())
}

fn add_phones(tx: &mut Tx<'_>, id: i64, phones: &[Phone]) -> Result<(), Error> {
    for (position, phone) in (0_i64..).zip(phones) {
        tx.put(&ADD_PHONE, params![id, position, &phone.text, &phone.key])?;
    }
    Ok(())
}

fn add_addresses(tx: &mut Tx<'_>, id: i64, addresses: &[Address; 3]) -> Result<(), Error> {
    for (kind, address) in (0_i64..).zip(addresses) {
        let [street, building, flat, postcode, city, country] =
            address.each_ref().map(Option::as_deref);
        if address.iter().any(Option::is_some) {
            let row = params![id, kind, street, building, flat, postcode, city, country];
            tx.put(&ADD_ADDRESS, row)?;
        }
    }
    Ok(())
}

fn add_values(tx: &mut Tx<'_>, id: i64, custom: &BTreeMap<i64, Vec<String>>) -> Result<(), Error> {
    for (field, values) in custom {
        for (position, value) in (0_i64..).zip(values) {
            let key = super::custom::value_key(value);
            tx.put(&ADD_VALUE, params![id, *field, position, value, &key])?;
        }
    }
    Ok(())
}
