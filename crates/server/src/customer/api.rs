//! Customers, for integrators.

use axum::extract::Path;
use jiff::tz::TimeZone;
use rozmowa_db::Tx;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::change::{Changed, Customer, identifier_taken, known, nip_key};
use super::given::{AddCustomer, ChangeCustomer, CustomFields, Given, Name, PhoneText};
use super::list::{self, Filter};
use super::phone::{self, Region};
use super::show::{CustomerShown, Include, Shower};
use super::{custom, fold, gone, place};
use crate::conversation;
use crate::http::call::Caller;
use crate::http::error::Envelope;
use crate::http::idempotency::IdempotencyKey;
use crate::http::page;
use crate::http::params::{Count, Email, Flag, Id, Line, Node, OrEmpty, Param, YesNo, path_number};
use crate::http::{Call, Code, Error, Fault, Reply};

/// The largest page of customers.
pub const PAGE_MAX: i64 = 1_000;

crate::params! { query
    ListCustomers {
        /// The id in your own systems. Empty: those that have none.
        identifier: Option<OrEmpty<Name>> = "K-1234",
        /// One of the addresses, in any case.
        email: Option<Email> = "jan.kowalski@foo.bar",
        /// One of the numbers, however it is written.
        phone_number: Option<PhoneText> = "222333444",
        /// In any writing.
        nip: Option<Line<32>> = "1234563218",
        /// Of this company, itself included.
        company_id: Option<Id>,
        /// Companies alone, or people alone.
        company_flag: Option<YesNo>,
        r#type: Option<Name>,
        group: Option<Name>,
        /// Values of custom fields by their names: of several fields all, of several values of one field any.
        custom_fields: Option<CustomFields>,
        /// Adds `custom_fields`.
        include_custom_fields: Flag,
        /// Adds `address`.
        include_address: Flag,
        /// Adds `invoice_address`.
        include_invoice_address: Flag,
        /// Adds `mail_drop_address`.
        include_mail_drop_address: Flag,
        /// Our addition: adds `details`.
        include_details: Flag,
        /// At most so many, 100 if it is not given; more than 1000 is taken as 1000.
        limit: Option<Count>,
        /// Skips so many.
        offset: Option<Count>,
        /// Our addition: pages without counting and skipping. Empty for the first page, then `next_cursor`; the answer has
        /// `next_cursor` in place of `count`.
        cursor: Option<After>,
    }
}

/// Customers, by their numbers.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Customers {
    Counted {
        /// All that were found, without limit and offset.
        count: i64,
        result: Vec<CustomerShown>,
    },
    /// With `cursor`.
    Page {
        result: Vec<CustomerShown>,
        /// Where the next page begins; null on the last one.
        #[schema(required)]
        next_cursor: Option<String>,
    },
}

/// Lists customers
///
/// By ascending number. Companies are among them.
#[utoipa::path(
    get, path = "/api/customers", operation_id = "list_customers", tag = "customers", params(ListCustomers),
    responses(
        (status = 200, description = "What was found.", body = Customers),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(mut call: Call) -> Result<Reply, Error> {
    let given: ListCustomers = call.params()?;
    let region = call.app().config.phone_region;
    let (app, reader) = (call.app().clone(), call.caller().scope());
    let of_call = app.clone();
    let (reply, end) = call
        .look(move |tx| {
            let mut filter = Filter {
                email: given.email.as_deref().map(fold),
                phone: given.phone_number.as_ref().and_then(|text| phone::key(&text.0, region)),
                nip: given.nip.as_deref().map(nip_key),
                company_id: given.company_id.map(|id| id.0),
                is_company: given.company_flag.map(|flag| flag.0),
                type_name: given.r#type.as_deref().map(str::to_owned),
                group_name: given.group.as_deref().map(str::to_owned),
                custom: wanted(tx, given.custom_fields.as_ref(), false)?,
                ..Filter::default()
            };
            identify(&mut filter, given.identifier.as_ref());
            let include = Include {
                custom_fields: given.include_custom_fields.0,
                addresses: [
                    given.include_address.0,
                    given.include_invoice_address.0,
                    given.include_mail_drop_address.0,
                ],
                details: given.include_details.0,
            };
            let shower = Shower::new(tx, include, &of_call.config.time_zone)?;
            let limit = page::limit_to(given.limit, PAGE_MAX);
            let offset = given.offset.map_or(0, |offset| offset.0);
            let shown =
                |items: Vec<list::Item>| items.into_iter().map(|i| shower.customer(i)).collect();
            if let Some(After(after)) = given.cursor {
                let (items, next_cursor) = after_cursor(tx, filter, after, limit, offset, include)?;
                let page = Customers::Page { result: shown(items), next_cursor };
                return Ok((Reply::json(&page)?, None));
            }
            let parts = include.parts();
            let page = place::page(tx, &of_call, &reader, filter, (limit, offset), parts)?;
            let counted = Customers::Counted { count: page.count, result: shown(page.items) };
            Ok((Reply::json(&counted)?, page.end))
        })
        .await?;
    place::keep(&app, end).await;
    Ok(reply)
}

/// The identifier that is asked for: an empty one is that of those who have none.
pub(super) fn identify(filter: &mut Filter, given: Option<&OrEmpty<Name>>) {
    match given {
        Some(OrEmpty(Some(identifier))) => filter.identifier = Some(identifier.to_string()),
        Some(OrEmpty(None)) => filter.has_no_identifier = true,
        None => {}
    }
}

/// A page behind a cursor, and the next one's.
pub(super) fn after_cursor(
    tx: &mut Tx<'_>,
    filter: Filter,
    after: i64,
    limit: i64,
    offset: i64,
    include: Include,
) -> Result<(Vec<list::Item>, Option<String>), Error> {
    let filter = Filter { after, ..filter };
    let found = list::page(tx, &filter, limit + 1, offset, include.parts())?;
    let (items, has_more) = page::cut(found, limit);
    let next = items.last().map(|item| item.id.to_string()).filter(|_| has_more);
    Ok((items, next))
}

/// Fields and values that are asked for, or all that is wrong with them.
pub(super) fn wanted(
    tx: &mut Tx<'_>,
    given: Option<&CustomFields>,
    of_companies_alone: bool,
) -> Result<list::Wanted, Error> {
    const NAME: &str = "custom_fields";
    let Some(CustomFields(given)) = given else { return Ok(Vec::new()) };
    let says = |texts: &&Vec<String>| texts.iter().any(|text| !text.trim().is_empty());
    let given: Vec<_> = given.iter().filter(|(_, texts)| says(texts)).collect();
    if given.len() > list::FIELDS_MAX {
        return Err(Fault::of(Code::TooManyValues, NAME).with("limit", list::FIELDS_MAX).into());
    }
    if given.is_empty() {
        return Ok(Vec::new());
    }
    let fields = custom::list(tx, custom::OF_NO_GROUP)?;
    let (mut wanted, mut faults) = (Vec::new(), Vec::new());
    for (name, texts) in given {
        let path = custom::path(NAME, name);
        let known = fields
            .iter()
            .find(|field| field.name == *name && (field.is_of_companies || !of_companies_alone));
        let Some(field) = known else {
            faults.push(Fault::of(Code::UnknownCustomFieldName, &path));
            continue;
        };
        let texts: Vec<_> = texts.iter().filter(|text| !text.trim().is_empty()).collect();
        if texts.len() > list::VALUES_MAX {
            faults.push(Fault::of(Code::TooManyValues, &path).with("limit", list::VALUES_MAX));
            continue;
        }
        let values = texts.iter().map(|text| field.value(&path, text)).collect::<Result<_, _>>();
        match values {
            Ok(values) => wanted.push((field.id, values)),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(list::wanted(wanted)) } else { Err(Error::new(faults)) }
}

crate::params! { query
    ShowCustomer {
        /// Adds `address`.
        include_address: Flag,
        /// Adds `invoice_address`.
        include_invoice_address: Flag,
        /// Adds `mail_drop_address`.
        include_mail_drop_address: Flag,
        /// Our addition: adds `details`.
        include_details: Flag,
    }
}

impl ShowCustomer {
    pub(super) fn include(&self) -> Include {
        Include {
            custom_fields: true,
            addresses: [
                self.include_address.0,
                self.include_invoice_address.0,
                self.include_mail_drop_address.0,
            ],
            details: self.include_details.0,
        }
    }
}

/// Described once for all methods of one customer.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub struct CustomerId {
    /// The customer's number.
    #[expect(dead_code, reason = "it describes; the path is read by the router")]
    #[param(minimum = 1, example = 273)]
    id: i64,
}

/// Shows a customer
#[utoipa::path(
    get, path = "/api/customers/{id}", operation_id = "show_customer", tag = "customers", params(CustomerId, ShowCustomer),
    responses(
        (status = 200, description = "The customer.", body = CustomerShown),
        (status = 404, description = "Unknown customer.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: ShowCustomer = call.params()?;
    let id = number(&id)?;
    call.read(move |tx, app| {
        let include = given.include();
        let item = list::one(tx, id, include.parts())?.ok_or_else(|| unknown(id))?;
        let shower = Shower::new(tx, include, &app.config.time_zone)?;
        Reply::json(&shower.customer(item))
    })
    .await
}

/// Who it is.
#[derive(Serialize, ToSchema)]
pub struct CustomerNumber {
    #[schema(example = 273)]
    pub customer_id: i64,
}

/// Adds a customer
///
/// Conversations that were started with its `identifier` become the customer's.
#[utoipa::path(
    post, path = "/api/customers", operation_id = "add_customer", tag = "customers", params(IdempotencyKey),
    request_body(content((AddCustomer = "application/json"))),
    responses(
        (status = 201, description = "The customer's number.", body = CustomerNumber),
        (status = 404, description = "Unknown company or account manager.", body = Envelope),
        (status = 409, description = "The identifier is another customer's.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn add(mut call: Call) -> Result<Reply, Error> {
    let given = call.params::<AddCustomer>()?.given();
    let region = call.app().config.phone_region;
    call.write(move |tx, act| {
        let customer_id = add_given(tx, act, given.clone(), region)?;
        Ok(Reply::json(&CustomerNumber { customer_id })?.created())
    })
    .await
}

/// Adds a customer as somebody describes it.
pub(super) fn add_given(
    tx: &mut Tx<'_>,
    act: &crate::act::Act<'_>,
    given: Given,
    region: Region,
) -> Result<i64, Error> {
    let edit = given.resolve(tx, region, false)?;
    let mut customer = Customer::default();
    edit.apply(&mut customer);
    let added = conversation::add_customer(tx, act, &customer)?;
    Ok(added.ok_or_else(identifier_taken)?.id)
}

/// Changes a customer
///
/// What is not given stays; what is empty is taken away.
#[utoipa::path(
    put, path = "/api/customers/{id}", operation_id = "change_customer", tag = "customers", params(CustomerId),
    request_body(content((Option<ChangeCustomer> = "application/json"))),
    responses(
        (status = 200, description = "It is so.", body = CustomerNumber),
        (status = 404, description = "Unknown customer, company or account manager.", body = Envelope),
        (status = 409, description = "The identifier is another customer's.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn change(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given = call.params::<ChangeCustomer>()?.given();
    let (id, region) = (number(&id)?, call.app().config.phone_region);
    call.write(move |tx, act| {
        change_given(tx, act, id, given.clone(), region)?;
        Reply::json(&CustomerNumber { customer_id: id })
    })
    .await
}

/// Changes a customer or company as somebody describes it.
pub(super) fn change_given(
    tx: &mut Tx<'_>,
    act: &crate::act::Act<'_>,
    id: i64,
    given: Given,
    region: Region,
) -> Result<(), Error> {
    let is_company = known(tx, id)?.ok_or_else(|| unknown(id))?.is_company;
    let edit = given.resolve(tx, region, is_company)?;
    match conversation::change_customer(tx, act, id, |customer| edit.apply(customer))? {
        Changed::Unknown => Err(unknown(id)),
        Changed::Nothing | Changed::Done(..) => Ok(()),
    }
}

/// Deletes a customer
///
/// With all that is known of it. Its conversations are kept. Of a company: its people are kept, too, and belong to none.
#[utoipa::path(
    delete, path = "/api/customers/{id}", operation_id = "delete_customer", tag = "customers", params(CustomerId),
    responses(
        (status = 200, description = "It is gone. The body is empty."),
        (status = 404, description = "Unknown customer.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn remove(Path(id): Path<String>, call: Call) -> Result<Reply, Error> {
    let id = number(&id)?;
    let app = call.app().clone();
    let reply =
        call.write(move |tx, act| {
            if gone::remove(tx, act, id)? { Ok(Reply::default()) } else { Err(unknown(id)) }
        })
        .await?;
    gone::finish(&app, id).await;
    Ok(reply)
}

/// The path's `:id`.
pub(super) fn number(text: &str) -> Result<i64, Error> {
    let unknown = || Fault::new(Code::UnknownCustomer).with("id", text).into();
    path_number(text).ok_or_else(unknown)
}

pub(super) fn unknown(id: i64) -> Error {
    Fault::new(Code::UnknownCustomer).with("id", id).into()
}

/// Where a page begins: at the start, or after the one that ended with this number.
#[derive(Debug, Clone, Copy)]
pub struct After(pub i64);

impl Param for After {
    const TAKES_EMPTY: bool = true;

    fn describe(_: bool) -> ObjectBuilder {
        let pattern = Some("^([1-9][0-9]{0,14})?$");
        ObjectBuilder::new().schema_type(Type::String).pattern(pattern)
    }

    fn read(name: &'static str, node: Option<Node>, zone: &TimeZone) -> Result<Self, Fault> {
        let given = Line::<64>::read(name, node, zone)?;
        if given.is_empty() {
            return Ok(Self(0));
        }
        path_number(&given).map(Self).ok_or_else(|| Fault::of(Code::NotCursor, name))
    }
}
