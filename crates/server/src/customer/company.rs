//! Companies. Each is a customer, too, under a number of its own: what is known of it stands there.

use rozmowa_db::{Tx, params};

use super::change::{self, Customer};
use super::{Matched, hold};
use crate::act::Act;
use crate::http::{Code, Error, Fault};

rozmowa_db::statements! {
    ADD = "INSERT INTO company (id, customer_id) VALUES ($1, $2)";
    CUSTOMER = "SELECT customer_id FROM company WHERE id = $1";
    REMOVE = "DELETE FROM company WHERE id = $1";
}

/// A company's number, and itself as a customer. `None` when the identifier is another customer's.
pub fn add(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    company: &Customer,
) -> Result<Option<(i64, Matched)>, Error> {
    hold(tx, company.identifier.as_deref(), &company.emails)?;
    let id = crate::counter::next(tx, "customer")?;
    let company_id = crate::counter::next(tx, "company")?;
    let company = Customer { is_company: true, company_id: Some(company_id), ..company.clone() };
    let Some(added) = change::add_as(tx, act, id, &company)? else { return Ok(None) };
    tx.put(&ADD, params![company_id, id])?;
    Ok(Some((company_id, added)))
}

/// The number that a company has as a customer.
pub fn customer_id(tx: &mut Tx<'_>, company_id: i64) -> Result<i64, Error> {
    let found = tx.query_opt(&CUSTOMER, params![company_id], |row| row.get(0))?;
    found.ok_or_else(|| unknown(company_id))
}

pub fn unknown(company_id: i64) -> Error {
    Fault::new(Code::UnknownCompany).with("id", company_id).into()
}

pub(super) fn forget(tx: &mut Tx<'_>, company_id: i64) -> Result<(), Error> {
    Ok(tx.put(&REMOVE, params![company_id])?)
}
