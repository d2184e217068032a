//! Which customer a conversation is with, as agents say it at the console.

use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;

use super::api::known;
use super::console_actions::{Done, done};
use super::{access, add_customer, link};
use crate::agent::session::AgentSession;
use crate::customer::{self, Customer};
use crate::http::error::Envelope;
use crate::http::params::{Email, Id, Line};
use crate::http::{Call, Code, Error, Fault, Reply};

crate::params! { body
    LinkCustomer {
        /// One who is known already. Without it one is made of what follows, of which something is needed.
        customer_id: Option<Id> = 17,
        name: Option<Line<255>> = "Jan",
        surname: Option<Line<255>> = "Kowalski",
        email: Option<Email> = "jan.kowalski@example.org",
        /// The id in the company's own systems.
        identifier: Option<Line<255>> = "1234",
    }
}

/// Whom the conversation is with now.
#[derive(Serialize, ToSchema)]
pub struct Linked {
    customer_id: i64,
}

/// Links a conversation to a customer
///
/// To one who is known, or to a new one; in place of the one it had. What the client has said of themselves stays.
#[utoipa::path(
    post, path = "/console/conversations/{id}/customer", operation_id = "link_customer", tag = "console",
    security(("session" = [])), params(("id" = Uuid, Path)),
    request_body(content = LinkCustomer, content_type = "application/json"),
    responses(
        (status = 200, description = "It is so.", body = Linked),
        (status = 403, description = "Not one that the agent may see.", body = Envelope),
        (status = 404, description = "Unknown conversation or customer.", body = Envelope),
        (status = 409, description = "The identifier is another customer's.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn set(Path(id): Path<String>, mut call: Call<AgentSession>) -> Result<Reply, Error> {
    let given: LinkCustomer = call.params()?;
    let id = known(&id)?;
    let caller = call.caller().clone();
    let text = |line: Option<Line<255>>| line.map(String::from).unwrap_or_default();
    let new = Customer {
        identifier: given.identifier.map(String::from).filter(|text| !text.is_empty()),
        name: text(given.name),
        surname: text(given.surname),
        emails: given.email.map(String::from).into_iter().filter(|text| !text.is_empty()).collect(),
        ..Customer::default()
    };
    let customer_id = given.customer_id.map(|id| id.0);
    if customer_id.is_none() && new.says_nothing() {
        return Err(Fault::of(Code::Missing, "customer_id").into());
    }
    call.write(move |tx, act| {
        if customer_id.is_none() {
            // Before the conversation, as everybody does who makes customers.
            customer::hold(tx, new.identifier.as_deref(), &new.emails)?;
        }
        access::hold(tx, &caller, &id)?;
        let customer_id = if let Some(customer_id) = customer_id {
            customer_id
        } else {
            let taken = || Fault::new(Code::IdentifierTaken).about("identifier");
            add_customer(tx, act, &new)?.ok_or_else(taken)?.id
        };
        link::set(tx, act, &id, caller.agent_id, customer_id)?;
        Reply::json(&Linked { customer_id })
    })
    .await
}

/// Says that the customer is not whom the conversation is with
#[utoipa::path(
    delete, path = "/console/conversations/{id}/customer", operation_id = "unlink_customer", tag = "console",
    security(("session" = [])), params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "It is linked to nobody.", body = Done),
        (status = 403, description = "Not one that the agent may see.", body = Envelope),
        (status = 404, description = "Unknown conversation.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn clear(Path(id): Path<String>, call: Call<AgentSession>) -> Result<Reply, Error> {
    let id = known(&id)?;
    let caller = call.caller().clone();
    call.write(move |tx, act| {
        access::hold(tx, &caller, &id)?;
        done(link::clear(tx, act, &id, caller.agent_id)?)
    })
    .await
}
