//! Companies, for integrators.

use axum::extract::Path;
use rozmowa_db::Tx;
use serde::Serialize;
use utoipa::ToSchema;

use super::api::{After, PAGE_MAX, ShowCustomer, after_cursor, change_given, identify, wanted};
use super::change::{Customer, identifier_taken, nip_key};
use super::given::{AddCompany, ChangeCompany, CustomFields, Given, Name, PhoneText};
use super::list::{self, Filter};
use super::phone::{self, Region};
use super::show::{CompanyShown, Include, Shower};
use super::{company, fold, gone, place};
use crate::act::Act;
use crate::conversation;
use crate::http::call::Caller;
use crate::http::error::Envelope;
use crate::http::idempotency::IdempotencyKey;
use crate::http::page;
use crate::http::params::{Count, Email, Flag, Line, OrEmpty, path_number};
use crate::http::{Call, Code, Error, Fault, Reply};

crate::params! { query
    ListCompanies {
        /// The id in your own systems. Empty: those that have none.
        identifier: Option<OrEmpty<Name>> = "F-1234",
        /// One of the addresses, in any case.
        email: Option<Email> = "biuro@firma.example",
        /// One of the numbers, however it is written.
        phone_number: Option<PhoneText> = "222333444",
        /// In any writing.
        nip: Option<Line<32>> = "1234563218",
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
        /// Adds `details`.
        include_details: Flag,
        /// At most so many, 100 if it is not given; more than 1000 is taken as 1000.
        limit: Option<Count>,
        /// Skips so many.
        offset: Option<Count>,
        /// Pages without counting and skipping. Empty for the first page, then `next_cursor`; the answer has `next_cursor` in
        /// place of `count`.
        cursor: Option<After>,
    }
}

/// Companies, by the numbers that they have as customers.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Companies {
    Counted {
        /// All that were found, without limit and offset.
        count: i64,
        result: Vec<CompanyShown>,
    },
    /// With `cursor`.
    Page {
        result: Vec<CompanyShown>,
        /// Where the next page begins; null on the last one.
        #[schema(required)]
        next_cursor: Option<String>,
    },
}

/// Lists companies
#[utoipa::path(
    get, path = "/api/companies", operation_id = "list_companies", tag = "customers", params(ListCompanies),
    responses(
        (status = 200, description = "What was found.", body = Companies),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(mut call: Call) -> Result<Reply, Error> {
    let given: ListCompanies = call.params()?;
    let region = call.app().config.phone_region;
    let (app, reader) = (call.app().clone(), call.caller().scope());
    let of_call = app.clone();
    let (reply, end) = call
        .look(move |tx| {
            let mut filter = Filter {
                email: given.email.as_deref().map(fold),
                phone: given.phone_number.as_ref().and_then(|text| phone::key(&text.0, region)),
                nip: given.nip.as_deref().map(nip_key),
                is_company: Some(true),
                type_name: given.r#type.as_deref().map(str::to_owned),
                group_name: given.group.as_deref().map(str::to_owned),
                custom: wanted(tx, given.custom_fields.as_ref(), true)?,
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
                |items: Vec<list::Item>| items.into_iter().map(|i| shower.company(i)).collect();
            if let Some(After(after)) = given.cursor {
                let (items, next_cursor) = after_cursor(tx, filter, after, limit, offset, include)?;
                let page = Companies::Page { result: shown(items), next_cursor };
                return Ok((Reply::json(&page)?, None));
            }
            let parts = include.parts();
            let page = place::page(tx, &of_call, &reader, filter, (limit, offset), parts)?;
            let counted = Companies::Counted { count: page.count, result: shown(page.items) };
            Ok((Reply::json(&counted)?, page.end))
        })
        .await?;
    place::keep(&app, end).await;
    Ok(reply)
}

/// Described once for all methods of one company.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub struct CompanyId {
    /// The company's number.
    #[expect(dead_code, reason = "it describes; the path is read by the router")]
    #[param(minimum = 1, example = 12)]
    id: i64,
}

/// Shows a company
#[utoipa::path(
    get, path = "/api/companies/{id}", operation_id = "show_company", tag = "customers", params(CompanyId, ShowCustomer),
    responses(
        (status = 200, description = "The company.", body = CompanyShown),
        (status = 404, description = "Unknown company.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: ShowCustomer = call.params()?;
    let id = number(&id)?;
    call.read(move |tx, app| {
        let include = given.include();
        let customer_id = company::customer_id(tx, id)?;
        let found = list::one(tx, customer_id, include.parts())?;
        let item = found.ok_or_else(|| company::unknown(id))?;
        let shower = Shower::new(tx, include, &app.config.time_zone)?;
        Reply::json(&shower.company(item))
    })
    .await
}

/// Which company it is, and which customer.
#[derive(Serialize, ToSchema)]
pub struct CompanyNumbers {
    #[schema(example = 12)]
    pub company_id: i64,
    #[schema(example = 274)]
    pub customer_id: i64,
}

/// Adds a company
///
/// It is a customer, too. Customers belong to it by its `company_id`.
#[utoipa::path(
    post, path = "/api/companies", operation_id = "add_company", tag = "customers", params(IdempotencyKey),
    request_body(content((AddCompany = "application/json"))),
    responses(
        (status = 201, description = "The company's numbers.", body = CompanyNumbers),
        (status = 404, description = "Unknown account manager.", body = Envelope),
        (status = 409, description = "The identifier is another customer's.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn add(mut call: Call) -> Result<Reply, Error> {
    let given = call.params::<AddCompany>()?.given();
    let region = call.app().config.phone_region;
    call.write(move |tx, act| {
        Ok(Reply::json(&add_given(tx, act, given.clone(), region)?)?.created())
    })
    .await
}

/// Adds a company as somebody describes it.
pub(super) fn add_given(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    given: Given,
    region: Region,
) -> Result<CompanyNumbers, Error> {
    let edit = given.resolve(tx, region, true)?;
    let mut described = Customer { is_company: true, ..Customer::default() };
    edit.apply(&mut described);
    let added = company::add(tx, act, &described)?;
    let (company_id, customer) = added.ok_or_else(identifier_taken)?;
    if let Some(identifier) = &described.identifier {
        conversation::identified(tx, act, identifier, &customer)?;
    }
    Ok(CompanyNumbers { company_id, customer_id: customer.id })
}

/// Changes a company
///
/// What is not given stays; what is empty is taken away.
#[utoipa::path(
    put, path = "/api/companies/{id}", operation_id = "change_company", tag = "customers", params(CompanyId),
    request_body(content((Option<ChangeCompany> = "application/json"))),
    responses(
        (status = 200, description = "It is so.", body = CompanyNumbers),
        (status = 404, description = "Unknown company or account manager.", body = Envelope),
        (status = 409, description = "The identifier is another customer's.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn change(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given = call.params::<ChangeCompany>()?.given();
    let (id, region) = (number(&id)?, call.app().config.phone_region);
    call.write(move |tx, act| {
        let customer_id = company::customer_id(tx, id)?;
        change_given(tx, act, customer_id, given.clone(), region)?;
        Reply::json(&CompanyNumbers { company_id: id, customer_id })
    })
    .await
}

/// Deletes a company
///
/// With all that is known of it. Its people are kept and belong to none; so are its conversations.
#[utoipa::path(
    delete, path = "/api/companies/{id}", operation_id = "delete_company", tag = "customers", params(CompanyId),
    responses(
        (status = 200, description = "It is gone. The body is empty."),
        (status = 404, description = "Unknown company.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn remove(Path(id): Path<String>, call: Call) -> Result<Reply, Error> {
    let id = number(&id)?;
    let app = call.app().clone();
    // Read before: afterwards nobody knows it.
    let customer_id = call.look(move |tx| company::customer_id(tx, id)).await?;
    let reply = call
        .write(move |tx, act| {
            if gone::remove(tx, act, customer_id)? {
                Ok(Reply::default())
            } else {
                Err(company::unknown(id))
            }
        })
        .await?;
    gone::finish(&app, customer_id).await;
    Ok(reply)
}

/// The path's `:id`.
fn number(text: &str) -> Result<i64, Error> {
    let unknown = || Fault::new(Code::UnknownCompany).with("id", text).into();
    path_number(text).ok_or_else(unknown)
}
