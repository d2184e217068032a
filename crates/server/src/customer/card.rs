//! The customer's card: all that is known of one, as agents see it at the console.

use rozmowa_db::{Row, Tx, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::custom::{self, Field};
use super::find::{self, CustomerFound};
use super::groups::{self, Group, Item};
use super::groups_api::GroupField;
use super::known;
use super::show::AddressShown;
use crate::clock::Millis;
use crate::http::Error;
use crate::http::params::Named;

rozmowa_db::statements! {
    /// What the customer's own columns only hint at.
    ABOUT = "SELECT u.created_at, u.updated_at, a.login, o.id, o.customer_id, k.surname
        FROM customer u LEFT JOIN agent a ON a.id = u.account_manager_id
            LEFT JOIN company o ON o.id = u.company_id LEFT JOIN customer k ON k.id = o.customer_id
        WHERE u.id = $1";
}

/// People of a company that its card names.
const PEOPLE_MAX: i64 = 50;

/// All that is known of a customer. What is not known is empty.
#[derive(Serialize, ToSchema)]
pub struct CustomerCard {
    customer_id: i64,
    is_company: bool,
    name: String,
    /// Of a company: its name.
    surname: String,
    /// The main one first.
    emails: Vec<String>,
    /// The main one first, as they were written.
    phone_numbers: Vec<String>,
    /// The company that the customer belongs to, or is.
    #[schema(required)]
    company: Option<CompanyOfCard>,
    identifier: String,
    r#type: String,
    group: String,
    gender: String,
    homepage: String,
    #[schema(example = "1980-05-17")]
    birthdate: String,
    nip: String,
    note: String,
    pesel: String,
    job: String,
    job_title: String,
    vip: bool,
    /// A login.
    account_manager: String,
    address: AddressShown,
    invoice_address: AddressShown,
    mail_drop_address: AddressShown,
    /// Those that such a customer has, in the order in which they were made.
    custom_fields: Vec<FieldOfCard>,
    /// Groups of which the customer has items.
    groups: Vec<GroupOfCard>,
    /// Of a company: the first fifty who belong to it.
    people: Vec<CustomerFound>,
    has_more_people: bool,
    created_at: Millis,
    updated_at: Millis,
}

/// A company, by both its numbers.
#[derive(Serialize, ToSchema)]
pub struct CompanyOfCard {
    company_id: i64,
    customer_id: i64,
    name: String,
}

/// A custom field of a customer.
#[derive(Serialize, ToSchema)]
pub struct FieldOfCard {
    field_id: i64,
    name: String,
    /// `text`, `number`, `date`, `list` or `yes_no`.
    kind: &'static str,
    /// Of a list.
    options: Vec<String>,
    /// Other programs write it.
    read_only: bool,
    /// As it is stored: a number like `7.5`, a date like `2026-12-24`, `1` or `0`. Several of a list, else at most one.
    values: Vec<String>,
}

/// A group of fields, with the customer's items.
#[derive(Serialize, ToSchema)]
pub struct GroupOfCard {
    group_id: i64,
    name: String,
    fields: Vec<GroupField>,
    items: Vec<ItemOfCard>,
}

/// An item of a group.
#[derive(Serialize, ToSchema)]
pub struct ItemOfCard {
    item_id: i64,
    /// Of each field of the group, in order, its values as they are stored.
    values: Vec<Vec<String>>,
}

struct About {
    created_at: Millis,
    updated_at: Millis,
    login: Option<String>,
    company: Option<CompanyOfCard>,
}

impl About {
    fn read(row: &Row<'_>) -> Result<Self, rozmowa_db::Error> {
        let company = match (row.get(3)?, row.get(4)?, row.get(5)?) {
            (Some(company_id), Some(customer_id), Some(name)) => {
                Some(CompanyOfCard { company_id, customer_id, name })
            }
            _ => None,
        };
        let (created_at, updated_at) = (row.get(0)?, row.get(1)?);
        Ok(Self { created_at, updated_at, login: row.get(2)?, company })
    }
}

/// `None` when there is no such customer.
pub fn show(tx: &mut Tx<'_>, id: i64) -> Result<Option<CustomerCard>, Error> {
    let Some(customer) = known(tx, id)? else { return Ok(None) };
    let Some(about) = tx.query_opt(&ABOUT, params![id], About::read)? else { return Ok(None) };
    let fields = custom::list(tx, custom::OF_NO_GROUP)?;
    let custom_fields = fields
        .into_iter()
        .filter(|field| field.is_of(customer.is_company))
        .map(|Field { id, name, kind, options, is_read_only, .. }| FieldOfCard {
            field_id: id,
            name,
            kind: kind.name(),
            options,
            read_only: is_read_only,
            values: customer.custom.get(&id).cloned().unwrap_or_default(),
        })
        .collect();
    let (people, has_more_people) = match customer.company_id {
        Some(company_id) if customer.is_company => find::people(tx, company_id, PEOPLE_MAX)?,
        _ => (Vec::new(), false),
    };
    let [address, invoice_address, mail_drop_address] = customer.addresses.map(Into::into);
    Ok(Some(CustomerCard {
        customer_id: id,
        is_company: customer.is_company,
        name: customer.name,
        surname: customer.surname,
        emails: customer.emails,
        phone_numbers: customer.phones.into_iter().map(|phone| phone.text).collect(),
        company: about.company,
        identifier: customer.identifier.unwrap_or_default(),
        r#type: customer.type_name,
        group: customer.group_name,
        gender: customer.gender,
        homepage: customer.homepage,
        birthdate: customer.birthdate,
        nip: customer.nip,
        note: customer.note,
        pesel: customer.pesel,
        job: customer.job,
        job_title: customer.job_title,
        vip: customer.is_vip,
        account_manager: about.login.unwrap_or_default(),
        address,
        invoice_address,
        mail_drop_address,
        custom_fields,
        groups: groups_of(tx, id)?,
        people,
        has_more_people,
        created_at: about.created_at,
        updated_at: about.updated_at,
    }))
}

fn groups_of(tx: &mut Tx<'_>, id: i64) -> Result<Vec<GroupOfCard>, Error> {
    let items = groups::items(tx, id, None)?;
    if items.is_empty() {
        return Ok(Vec::new());
    }
    let shown = |Group { id, name, fields }: Group| {
        let values = |item: &Item| {
            let of = |field: &Field| item.values.get(&field.id).cloned().unwrap_or_default();
            ItemOfCard { item_id: item.id, values: fields.iter().map(of).collect() }
        };
        let items = items.iter().filter(|item| item.group_id == id).map(values).collect();
        GroupOfCard {
            group_id: id,
            name,
            items,
            fields: fields.into_iter().map(Into::into).collect(),
        }
    };
    let all = groups::list(tx)?.into_iter().map(shown);
    Ok(all.filter(|group| !group.items.is_empty()).collect())
}
