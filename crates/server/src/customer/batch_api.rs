//! Many customers or companies in one call, for integrators.
//!
//! One result an entry, in order; an entry that is refused stops no other. The work goes in steps, each a transaction of its own,
//! so that nobody waits for a long batch. Sent again under its `Idempotency-Key` a batch goes on where it was broken off.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use jiff::tz::TimeZone;
use rozmowa_db::Tx;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::api::{add_given, change_given};
use super::given::{AddCompany, AddCustomer, ChangeCompanyOfBatch, ChangeCustomerOfBatch, Given};
use super::phone::Region;
use super::{company, company_api, hold_all};
use crate::act::Act;
use crate::http::error::Envelope;
use crate::http::idempotency::IdempotencyKey;
use crate::http::params::{FromParams, Node, Param, Params};
use crate::http::{Call, Code, Error, Fault, Reply};
use crate::locale::Language;

/// Entries of a call.
const ENTRIES_MAX: usize = 1_000;
/// Entries of a transaction: each may write some dozen rows.
const STEP: usize = 25;

/// Entries, each of which is read and refused by itself.
#[derive(Debug)]
pub struct Entries<T>(Vec<Node>, PhantomData<T>);

impl<T: PartialSchema> Param for Entries<T> {
    const IS_LIST: bool = true;

    fn describe(_: bool) -> ObjectBuilder {
        ObjectBuilder::new().schema_type(Type::Object)
    }

    fn schema(_: bool, about: Option<&str>, example: Option<Value>) -> Schema {
        let list = ArrayBuilder::new().items(T::schema());
        let list = list.min_items(Some(1)).max_items(Some(ENTRIES_MAX));
        list.description(about).examples(example).into()
    }

    fn read(name: &'static str, node: Option<Node>, _: &TimeZone) -> Result<Self, Fault> {
        match node {
            Some(Node::List(nodes)) if nodes.len() > ENTRIES_MAX => {
                Err(Fault::of(Code::TooManyValues, name).with("limit", ENTRIES_MAX))
            }
            Some(Node::List(nodes)) => Ok(Self(nodes, PhantomData)),
            Some(_) => Err(Fault::of(Code::NotList, name)),
            None => Err(Fault::of(Code::Missing, name)),
        }
    }
}

crate::params! { body
    AddCustomers {
        /// Each as `POST customers` takes it.
        customers: Entries<AddCustomer>,
    }
}

crate::params! { body
    ChangeCustomers {
        /// Each as `PUT customers/:id` takes it, with its `customer_id`.
        customers: Entries<ChangeCustomerOfBatch>,
    }
}

crate::params! { body
    AddCompanies {
        /// Each as `POST companies` takes it.
        companies: Entries<AddCompany>,
    }
}

crate::params! { body
    ChangeCompanies {
        /// Each as `PUT companies/:id` takes it, with its `company_id`.
        companies: Entries<ChangeCompanyOfBatch>,
    }
}

/// What became of an entry.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum CustomerResult {
    Done { customer_id: i64 },
    Refused { errors: Vec<BatchError> },
}

/// What became of an entry.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum CompanyResult {
    Done { company_id: i64, customer_id: i64 },
    Refused { errors: Vec<BatchError> },
}

/// What was wrong with an entry, as in every error.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchError)]
pub struct BatchError {
    message: String,
    #[schema(example = 100_202, minimum = 100_000, maximum = 999_999)]
    code: u32,
}

/// Adds many customers
///
/// Up to 1000. An entry that is refused stops no other.
#[utoipa::path(
    post, path = "/api/batch/customers", operation_id = "add_customers", tag = "customers", params(IdempotencyKey),
    request_body = AddCustomers,
    responses(
        (status = 200, description = "One result an entry, in order.", body = [CustomerResult]),
        (status = "default", description = "What was wrong with the call.", body = Envelope),
    )
)]
pub async fn add_customers(mut call: Call) -> Result<Reply, Error> {
    let nodes = call.params::<AddCustomers>()?.customers.0;
    let read = |params: &mut Params| Some((0, AddCustomer::from_params(params)?.given()));
    run(call, "customers", nodes, read, |tx, act, (_, given), region| {
        Ok(json!({ "customer_id": add_given(tx, act, given, region)? }))
    })
    .await
}

/// Changes many customers
///
/// Up to 1000. An entry that is refused stops no other.
#[utoipa::path(
    put, path = "/api/batch/customers", operation_id = "change_customers", tag = "customers",
    request_body = ChangeCustomers,
    responses(
        (status = 200, description = "One result an entry, in order.", body = [CustomerResult]),
        (status = "default", description = "What was wrong with the call.", body = Envelope),
    )
)]
pub async fn change_customers(mut call: Call) -> Result<Reply, Error> {
    let nodes = call.params::<ChangeCustomers>()?.customers.0;
    let read = |params: &mut Params| {
        let given = ChangeCustomerOfBatch::from_params(params)?;
        Some((given.customer_id.0, given.given()))
    };
    run(call, "customers", nodes, read, |tx, act, (id, given), region| {
        change_given(tx, act, id, given, region)?;
        Ok(json!({ "customer_id": id }))
    })
    .await
}

/// Adds many companies
///
/// Up to 1000. An entry that is refused stops no other.
#[utoipa::path(
    post, path = "/api/batch/companies", operation_id = "add_companies", tag = "customers", params(IdempotencyKey),
    request_body = AddCompanies,
    responses(
        (status = 200, description = "One result an entry, in order.", body = [CompanyResult]),
        (status = "default", description = "What was wrong with the call.", body = Envelope),
    )
)]
pub async fn add_companies(mut call: Call) -> Result<Reply, Error> {
    let nodes = call.params::<AddCompanies>()?.companies.0;
    let read = |params: &mut Params| Some((0, AddCompany::from_params(params)?.given()));
    run(call, "companies", nodes, read, |tx, act, (_, given), region| {
        let added = company_api::add_given(tx, act, given, region)?;
        serde_json::to_value(added).map_err(Error::internal)
    })
    .await
}

/// Changes many companies
///
/// Up to 1000. An entry that is refused stops no other.
#[utoipa::path(
    put, path = "/api/batch/companies", operation_id = "change_companies", tag = "customers",
    request_body = ChangeCompanies,
    responses(
        (status = 200, description = "One result an entry, in order.", body = [CompanyResult]),
        (status = "default", description = "What was wrong with the call.", body = Envelope),
    )
)]
pub async fn change_companies(mut call: Call) -> Result<Reply, Error> {
    let nodes = call.params::<ChangeCompanies>()?.companies.0;
    let read = |params: &mut Params| {
        let given = ChangeCompanyOfBatch::from_params(params)?;
        Some((given.company_id.0, given.given()))
    };
    run(call, "companies", nodes, read, |tx, act, (company_id, given), region| {
        let customer_id = company::customer_id(tx, company_id)?;
        change_given(tx, act, customer_id, given, region)?;
        Ok(json!({ "company_id": company_id, "customer_id": customer_id }))
    })
    .await
}

/// Whom an entry is about, if it says so, and what it says.
type Entry = (i64, Given);

async fn run(
    call: Call,
    name: &str,
    nodes: Vec<Node>,
    read: impl Fn(&mut Params) -> Option<Entry>,
    one: fn(&mut Tx<'_>, &Act<'_>, Entry, Region) -> Result<Value, Error>,
) -> Result<Reply, Error> {
    let (zone, region) = (call.app().config.time_zone.clone(), call.app().config.phone_region);
    let language = Language::of(&call.head().headers);
    let numbered = nodes.into_iter().enumerate();
    let entries: Vec<Result<Entry, Value>> = numbered
        .map(|(at, node)| {
            // PHP writes an empty object so.
            let is_empty = node == Node::List(Vec::new());
            let node = if is_empty { Node::Map(BTreeMap::new()) } else { node };
            let Some(mut params) = Params::of_entry(node, zone.clone()) else {
                let fault = Fault::of(Code::NotObject, &format!("{name}[{at}]"));
                return Err(refused(&[fault], language));
            };
            let entry = read(&mut params);
            let faults = params.faults();
            match entry {
                Some(entry) if faults.is_empty() => Ok(entry),
                _ => Err(refused(&faults, language)),
            }
        })
        .collect();
    let mut results = Vec::new();
    for (number, some) in entries.chunks(STEP).enumerate() {
        let some = some.to_vec();
        let reply = call
            .step(number, move |tx, act| {
                hold_all(tx, some.iter().flatten().map(|(_, given)| given))?;
                let mut results = Vec::new();
                for entry in &some {
                    let done = match entry {
                        Ok(entry) => one(tx, act, entry.clone(), region),
                        Err(refused) => Ok(refused.clone()),
                    };
                    results.push(match done {
                        Err(error) if error.status().is_client_error() => {
                            refused(error.faults(), language)
                        }
                        done => done?,
                    });
                }
                Reply::json(&results)
            })
            .await?;
        let some: Vec<Value> = serde_json::from_slice(reply.body()).map_err(Error::internal)?;
        results.extend(some);
    }
    Reply::json(&results)
}

fn refused(faults: &[Fault], language: Language) -> Value {
    let told = faults
        .iter()
        .map(|fault| json!({ "message": fault.message(language), "code": fault.code.number() }));
    json!({ "errors": told.collect::<Vec<_>>() })
}
