//! Customers as lines of a file that [`import`](super::import) takes.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rozmowa_db::{Row, Tx, params};

use super::columns;
use super::csv;
use super::custom::{Field, Kind};
use super::list::{self, Filter, Item, Parts};
use crate::http::Error;

/// Customers of a page.
const PAGE: i64 = 500;

rozmowa_db::statements! {
    IDENTIFIER = "SELECT u.identifier FROM company o JOIN customer u ON u.id = o.customer_id WHERE o.id = $1";
}

/// What lines are made with.
pub struct Export {
    pub fields: Vec<Field>,
    /// Whether each begins with the customer's number.
    pub has_numbers: bool,
}

impl Export {
    pub fn header(&self) -> Vec<String> {
        columns::exported(&self.fields, self.has_numbers)
    }

    /// A page of lines after the customer of this number, and the number that the next one begins after. Companies come first, in
    /// pages of their own: whoever belongs to one finds it there.
    pub fn page(
        &self,
        tx: &mut Tx<'_>,
        of_companies: bool,
        after: i64,
    ) -> Result<(Vec<Vec<String>>, Option<i64>), Error> {
        let filter = Filter { after, is_company: Some(of_companies), ..Filter::default() };
        let parts = Parts { addresses: true, custom: true };
        let items = list::page(tx, &filter, PAGE, 0, parts)?;
        let next = items.last().map(|item| item.id);
        let mut companies = HashMap::new();
        for id in items.iter().filter(|_| !of_companies).filter_map(|item| item.customer.company_id)
        {
            if let Entry::Vacant(place) = companies.entry(id) {
                let row = |row: &Row<'_>| row.get::<Option<String>>(0);
                place.insert(tx.query_opt(&IDENTIFIER, params![id], row)?.flatten());
            }
        }
        let lines = items.into_iter().map(|item| self.line(item, &companies)).collect();
        Ok((lines, next))
    }

    fn line(&self, item: Item, companies: &HashMap<i64, Option<String>>) -> Vec<String> {
        let Item { id, mut customer, login, .. } = item;
        let (is_company, custom) = (customer.is_company, std::mem::take(&mut customer.custom));
        let company_id = customer.company_id.filter(|_| !is_company);
        let company = company_id.and_then(|id| companies.get(&id).cloned().flatten());
        // By its number only where there is nothing better.
        let company_id = company_id.filter(|_| company.is_none());
        let flag = |is_so: bool| if is_so { "true" } else { "false" }.to_owned();
        let mut line = Vec::with_capacity(40 + self.fields.len());
        line.extend(self.has_numbers.then(|| id.to_string()));
        line.extend([
            customer.identifier.unwrap_or_default(),
            flag(is_company),
            customer.name,
            customer.surname,
            csv::joined(&customer.emails),
            csv::joined(customer.phones.iter().map(|phone| &phone.text)),
            company.unwrap_or_default(),
            company_id.map(|id| id.to_string()).unwrap_or_default(),
            customer.type_name,
            customer.group_name,
            customer.gender,
            customer.homepage,
            customer.birthdate,
            customer.nip,
            customer.note,
            customer.pesel,
            customer.job,
            customer.job_title,
            login.unwrap_or_default(),
            flag(customer.is_vip),
        ]);
        line.extend(customer.addresses.into_iter().flatten().map(Option::unwrap_or_default));
        line.extend(self.fields.iter().map(|field| {
            let values = custom.get(&field.id).filter(|_| field.is_of(is_company));
            let values = values.map_or(&[][..], Vec::as_slice);
            match (field.kind, values) {
                (Kind::List, values) => csv::joined(values),
                (Kind::YesNo, [value]) => flag(value == "1"),
                (_, values) => values.first().cloned().unwrap_or_default(),
            }
        }));
        line
    }
}
