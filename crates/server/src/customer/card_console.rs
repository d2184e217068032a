//! The customer's card at the console: agents read it and mend it, by the rules of the API.

use std::sync::Arc;

use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::api::{CustomerNumber, add_given, change_given, number, unknown};
use super::card::{self, CustomerCard};
use super::feed;
use super::given::{AddCustomer, ChangeCustomer};
use crate::agent::session::AgentSession;
use crate::clock::{self, Millis};
use crate::conversation::sheet::{self, Earlier};
use crate::http::error::Envelope;
use crate::http::page;
use crate::http::params::{Count, Cursor};
use crate::http::{Call, Error, Reply};

/// Adds a customer
///
/// Conversations that were started with its `identifier` become the customer's.
#[utoipa::path(
    post, path = "/console/customers", operation_id = "add_customer", tag = "console", security(("session" = [])),
    request_body(content = AddCustomer, content_type = "application/json"),
    responses(
        (status = 200, description = "The customer's number.", body = CustomerNumber),
        (status = 404, description = "Unknown company or account manager.", body = Envelope),
        (status = 409, description = "The identifier is another customer's.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn add(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    let given = call.params::<AddCustomer>()?.given();
    let region = call.app().config.phone_region;
    call.write(move |tx, act| {
        let customer_id = add_given(tx, act, given.clone(), region)?;
        Reply::json(&CustomerNumber { customer_id })
    })
    .await
}

/// Shows all that is known of a customer
#[utoipa::path(
    get, path = "/console/customers/{id}", operation_id = "show_customer", tag = "console", security(("session" = [])),
    params(("id" = i64, Path)),
    responses(
        (status = 200, description = "The card.", body = CustomerCard),
        (status = 404, description = "Unknown customer.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    let id = number(&id)?;
    call.read(move |tx, _| Reply::json(&card::show(tx, id)?.ok_or_else(|| unknown(id))?)).await
}

/// Changes a customer
///
/// What is not given stays; what is empty is taken away. A company's name is its `surname`.
#[utoipa::path(
    put, path = "/console/customers/{id}", operation_id = "change_customer", tag = "console", security(("session" = [])),
    params(("id" = i64, Path)),
    request_body(content = Option<ChangeCustomer>, content_type = "application/json"),
    responses(
        (status = 200, description = "It is so.", body = CustomerNumber),
        (status = 404, description = "Unknown customer, company or account manager.", body = Envelope),
        (status = 409, description = "The identifier is another customer's.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn change(Path(id): Path<String>, mut call: Call<AgentSession>) -> Result<Reply, Error> {
    let given = call.params::<ChangeCustomer>()?.given();
    let (id, region) = (number(&id)?, call.app().config.phone_region);
    call.write(move |tx, act| {
        change_given(tx, act, id, given.clone(), region)?;
        Reply::json(&CustomerNumber { customer_id: id })
    })
    .await
}

crate::params! { query
    PageOfCard {
        /// At most so many; more than 100 is taken as 100.
        limit: Option<Count>,
        /// Empty for the first page, then `next_cursor`.
        cursor: Option<Cursor>,
    }
}

impl PageOfCard {
    /// How many, and before which.
    fn read(self) -> (i64, Uuid) {
        let before = self.cursor.and_then(|cursor| cursor.0).unwrap_or(Uuid::max());
        (page::limit(self.limit), before)
    }
}

/// What other systems tell of a customer, the newest first.
#[derive(Serialize, ToSchema)]
pub struct RecordsOfCard {
    result: Vec<RecordOfCard>,
    /// Where the next page begins; null on the last one.
    #[schema(required)]
    next_cursor: Option<Uuid>,
}

/// A feed record.
#[derive(Serialize, ToSchema)]
pub struct RecordOfCard {
    record_id: Uuid,
    r#type: String,
    /// JSON as a text, to the letter.
    payload: String,
    created_at: Millis,
}

/// Lists a customer's feed records
///
/// The newest first.
#[utoipa::path(
    get, path = "/console/customers/{id}/feed_records", operation_id = "list_customer_feed_records", tag = "console",
    security(("session" = [])), params(("id" = i64, Path), PageOfCard),
    responses(
        (status = 200, description = "The records.", body = RecordsOfCard),
        (status = 404, description = "Unknown customer.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn feed_records(
    Path(id): Path<String>,
    mut call: Call<AgentSession>,
) -> Result<Reply, Error> {
    let (limit, before) = call.params::<PageOfCard>()?.read();
    let id = number(&id)?;
    call.read(move |tx, _| {
        if super::known(tx, id)?.is_none() {
            return Err(unknown(id));
        }
        let (records, next_cursor) = feed::records(tx, id, &before, limit)?;
        let shown = |feed::Record { id, r#type, payload }| {
            let created_at = clock::made_at(&id);
            RecordOfCard { record_id: id, r#type, payload, created_at }
        };
        let result = records.into_iter().map(shown).collect();
        Reply::json(&RecordsOfCard { result, next_cursor })
    })
    .await
}

/// Conversations with a customer.
#[derive(Serialize, ToSchema)]
pub struct ConversationsOfCard {
    result: Vec<Earlier>,
    /// Where the next page begins; null on the last one.
    #[schema(required)]
    next_cursor: Option<Uuid>,
}

/// Lists a customer's conversations
///
/// Those that the agent may open, the newest first.
#[utoipa::path(
    get, path = "/console/customers/{id}/conversations", operation_id = "list_customer_conversations", tag = "console",
    security(("session" = [])), params(("id" = i64, Path), PageOfCard),
    responses(
        (status = 200, description = "The conversations.", body = ConversationsOfCard),
        (status = 404, description = "Unknown customer.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn conversations(
    Path(id): Path<String>,
    mut call: Call<AgentSession>,
) -> Result<Reply, Error> {
    let (limit, before) = call.params::<PageOfCard>()?.read();
    let id = number(&id)?;
    let caller = Arc::clone(call.caller());
    call.read(move |tx, _| {
        if super::known(tx, id)?.is_none() {
            return Err(unknown(id));
        }
        let (result, next_cursor) = sheet::of_customer(tx, &caller, id, &before, limit)?;
        Reply::json(&ConversationsOfCard { result, next_cursor })
    })
    .await
}
