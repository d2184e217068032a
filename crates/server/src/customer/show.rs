//! Customers and companies as the API shows them.

use jiff::tz::TimeZone;
use rozmowa_db::Tx;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::change::{Address, Customer};
use super::custom::{self, Field};
use super::list::{Item, Parts};
use crate::http::Error;
use crate::time;

/// A number, or `""` where there is none.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum IdOrEmpty {
    Id(i64),
    None(&'static str),
}

impl From<Option<i64>> for IdOrEmpty {
    fn from(id: Option<i64>) -> Self {
        id.map_or(Self::None(""), Self::Id)
    }
}

/// An address. Parts that are not known are null.
#[derive(Serialize, ToSchema)]
pub struct AddressShown {
    #[schema(required)]
    street: Option<String>,
    #[schema(required)]
    building: Option<String>,
    #[schema(required)]
    flat: Option<String>,
    #[schema(required)]
    postcode: Option<String>,
    #[schema(required)]
    city: Option<String>,
    #[schema(required)]
    country: Option<String>,
}

impl From<Address> for AddressShown {
    fn from([street, building, flat, postcode, city, country]: Address) -> Self {
        Self { street, building, flat, postcode, city, country }
    }
}

/// The rest of what is known.
#[derive(Serialize, ToSchema)]
pub struct Details {
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
}

/// A customer. What is not known is `""`.
#[derive(Serialize, ToSchema)]
pub struct CustomerShown {
    #[schema(example = 273)]
    customer_id: i64,
    #[schema(example = "Jan")]
    name: String,
    #[schema(example = "Kowalski")]
    surname: String,
    /// The main one.
    #[schema(example = "222333444")]
    phone_number: String,
    phone_numbers: Vec<String>,
    /// The main one.
    #[schema(example = "jan.kowalski@foo.bar")]
    email: String,
    /// Our addition: all of them.
    emails: Vec<String>,
    company_id: IdOrEmpty,
    identifier: String,
    r#type: String,
    group: String,
    /// `1` of a company.
    company_flag: &'static str,
    /// A login.
    account_manager: String,
    #[schema(example = "2026-06-01 12:00:00")]
    updated_at: String,
    /// By the names of the fields: texts, numbers, dates like `2026-12-24`, lists, true or false; null without a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, nullable = false)]
    custom_fields: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    address: Option<AddressShown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    invoice_address: Option<AddressShown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    mail_drop_address: Option<AddressShown>,
    /// Our addition, with `include_details`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    details: Option<Details>,
}

/// A company. What is not known is `""`.
#[derive(Serialize, ToSchema)]
pub struct CompanyShown {
    #[schema(example = 12)]
    company_id: i64,
    /// A company is a customer, too.
    #[schema(example = 274)]
    customer_id: i64,
    #[schema(example = "Firma sp. z o.o.")]
    name: String,
    /// The main one.
    phone_number: String,
    phone_numbers: Vec<String>,
    /// The main one.
    email: String,
    emails: Vec<String>,
    identifier: String,
    r#type: String,
    group: String,
    #[schema(example = "123-456-32-18")]
    nip: String,
    /// A login.
    account_manager: String,
    #[schema(example = "2026-06-01 12:00:00")]
    updated_at: String,
    /// By the names of the fields; null without a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, nullable = false)]
    custom_fields: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    address: Option<AddressShown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    invoice_address: Option<AddressShown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    mail_drop_address: Option<AddressShown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    details: Option<Details>,
}

/// What is shown only on demand.
#[derive(Debug, Clone, Copy, Default)]
pub struct Include {
    pub custom_fields: bool,
    /// Of each kind.
    pub addresses: [bool; 3],
    pub details: bool,
}

impl Include {
    pub fn parts(self) -> Parts {
        Parts { addresses: self.addresses.contains(&true), custom: self.custom_fields }
    }
}

/// How items are shown.
pub struct Shower<'a> {
    fields: Vec<Field>,
    include: Include,
    zone: &'a TimeZone,
}

impl<'a> Shower<'a> {
    pub fn new(tx: &mut Tx<'_>, include: Include, zone: &'a TimeZone) -> Result<Self, Error> {
        let fields =
            if include.custom_fields { custom::list(tx, custom::OF_NO_GROUP)? } else { Vec::new() };
        Ok(Self { fields, include, zone })
    }

    pub fn customer(&self, item: Item) -> CustomerShown {
        let Item { id, customer, login, updated_at } = item;
        let (custom_fields, details) = (self.custom(&customer), self.details(&customer));
        let [address, invoice_address, mail_drop_address] = self.addresses(customer.addresses);
        let (phone_number, phone_numbers) =
            main(customer.phones.into_iter().map(|phone| phone.text).collect());
        let (email, emails) = main(customer.emails);
        CustomerShown {
            customer_id: id,
            name: customer.name,
            surname: customer.surname,
            phone_number,
            phone_numbers,
            email,
            emails,
            company_id: customer.company_id.into(),
            identifier: customer.identifier.unwrap_or_default(),
            r#type: customer.type_name,
            group: customer.group_name,
            company_flag: if customer.is_company { "1" } else { "" },
            account_manager: login.unwrap_or_default(),
            updated_at: time::with_seconds(updated_at, self.zone),
            custom_fields,
            address,
            invoice_address,
            mail_drop_address,
            details,
        }
    }

    pub fn company(&self, item: Item) -> CompanyShown {
        let Item { id, customer, login, updated_at } = item;
        let (custom_fields, details) = (self.custom(&customer), self.details(&customer));
        let [address, invoice_address, mail_drop_address] = self.addresses(customer.addresses);
        let (phone_number, phone_numbers) =
            main(customer.phones.into_iter().map(|phone| phone.text).collect());
        let (email, emails) = main(customer.emails);
        CompanyShown {
            company_id: customer.company_id.unwrap_or_default(),
            customer_id: id,
            name: customer.surname,
            phone_number,
            phone_numbers,
            email,
            emails,
            identifier: customer.identifier.unwrap_or_default(),
            r#type: customer.type_name,
            group: customer.group_name,
            nip: customer.nip,
            account_manager: login.unwrap_or_default(),
            updated_at: time::with_seconds(updated_at, self.zone),
            custom_fields,
            address,
            invoice_address,
            mail_drop_address,
            details,
        }
    }

    fn custom(&self, customer: &Customer) -> Option<Map<String, Value>> {
        let shown = |field: &Field| {
            let values = customer.custom.get(&field.id).map_or(&[][..], Vec::as_slice);
            (field.name.clone(), field.shown(values))
        };
        let is_company = customer.is_company;
        let fields = self.fields.iter().filter(|field| field.is_of(is_company));
        self.include.custom_fields.then(|| fields.map(shown).collect())
    }

    fn addresses(&self, addresses: [Address; 3]) -> [Option<AddressShown>; 3] {
        let mut is_shown = self.include.addresses.into_iter();
        addresses.map(|address| is_shown.next().unwrap_or(false).then(|| address.into()))
    }

    fn details(&self, customer: &Customer) -> Option<Details> {
        self.include.details.then(|| Details {
            gender: customer.gender.clone(),
            homepage: customer.homepage.clone(),
            birthdate: customer.birthdate.clone(),
            nip: customer.nip.clone(),
            note: customer.note.clone(),
            pesel: customer.pesel.clone(),
            job: customer.job.clone(),
            job_title: customer.job_title.clone(),
            vip: customer.is_vip,
        })
    }
}

/// The first of them, and all.
fn main(all: Vec<String>) -> (String, Vec<String>) {
    (all.first().cloned().unwrap_or_default(), all)
}
