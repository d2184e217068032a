//! Feed records: what other systems tell of a customer, in their own words.

use axum::extract::Path;
use jiff::tz::TimeZone;
use rozmowa_db::{Row, Tx, params};
use serde::Serialize;
use serde::de::IgnoredAny;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use uuid::Uuid;

use super::api::{CustomerId, number, unknown};
use super::change;
use super::given::Name;
use crate::clock;
use crate::http::error::Envelope;
use crate::http::idempotency::IdempotencyKey;
use crate::http::page;
use crate::http::params::{Count, Cursor, Node, Param};
use crate::http::{Call, Code, Error, Fault, Reply};
use crate::time;

const PAYLOAD_MAX: usize = 64 * 1024;

rozmowa_db::statements! {
    ADD = "INSERT INTO feed_record (customer_id, id, type, payload) VALUES ($1, $2, $3, $4)";
    LIST = "SELECT id, type, payload FROM feed_record WHERE customer_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
}

crate::params! { body
    AddFeedRecord {
        /// What kind of record it is, in your own words.
        r#type: Name = "order",
        /// JSON as a text.
        payload: Payload = "{\"number\": \"Z-77\"}",
    }
}

/// Adds a feed record
///
/// Something that another system knows of the customer.
#[utoipa::path(
    post, path = "/api/customers/{id}/feed_records", operation_id = "add_feed_record", tag = "customers",
    params(CustomerId, IdempotencyKey),
    request_body(content((AddFeedRecord = "application/json"), (AddFeedRecord = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "It is stored. The body is empty."),
        (status = 404, description = "Unknown customer.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn add(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let exact = call.given().object("payload");
    let given: AddFeedRecord = call.params()?;
    let id = number(&id)?;
    let payload = exact.map_or(given.payload.0, |object| object.to_string());
    call.write(move |tx, act| {
        // Nobody deletes the customer meanwhile.
        if !change::hold_customer(tx, id)? {
            return Err(unknown(id));
        }
        let record = act.ids.v7(act.now);
        tx.put(&ADD, params![id, &record, &*given.r#type, &payload])?;
        Ok(Reply::default())
    })
    .await
}

crate::params! { query
    ListFeedRecords {
        /// At most so many; more than 100 is taken as 100.
        limit: Option<Count>,
        /// Empty for the first page, then `next_cursor`.
        cursor: Option<Cursor>,
    }
}

/// Feed records, the newest first.
#[derive(Serialize, ToSchema)]
pub struct FeedRecords {
    result: Vec<FeedRecord>,
    /// Where the next page begins; null on the last one.
    #[schema(required)]
    next_cursor: Option<Uuid>,
}

/// A feed record.
#[derive(Serialize, ToSchema)]
pub struct FeedRecord {
    record_id: Uuid,
    r#type: String,
    /// JSON as a text, to the letter.
    payload: String,
    #[schema(example = "2026-06-01 12:00:00")]
    created_at: String,
}

/// Lists feed records
///
/// Our addition. The newest first.
#[utoipa::path(
    get, path = "/api/customers/{id}/feed_records", operation_id = "list_feed_records", tag = "customers",
    params(CustomerId, ListFeedRecords),
    responses(
        (status = 200, description = "The records.", body = FeedRecords),
        (status = 404, description = "Unknown customer.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn list(Path(id): Path<String>, mut call: Call) -> Result<Reply, Error> {
    let given: ListFeedRecords = call.params()?;
    let id = number(&id)?;
    let limit = page::limit(given.limit);
    let before = given.cursor.and_then(|cursor| cursor.0).unwrap_or(Uuid::max());
    call.read(move |tx, app| {
        if super::known(tx, id)?.is_none() {
            return Err(unknown(id));
        }
        let (records, next_cursor) = records(tx, id, &before, limit)?;
        let result = records.into_iter().map(|it| it.shown(&app.config.time_zone)).collect();
        Reply::json(&FeedRecords { result, next_cursor })
    })
    .await
}

/// A record as it is stored. Its number says when it was made.
pub struct Record {
    pub id: Uuid,
    pub r#type: String,
    pub payload: String,
}

impl Record {
    pub fn shown(self, zone: &TimeZone) -> FeedRecord {
        let created_at = time::with_seconds(clock::made_at(&self.id), zone);
        FeedRecord { record_id: self.id, r#type: self.r#type, payload: self.payload, created_at }
    }
}

/// A page, the newest first, and where the next one begins.
pub fn records(
    tx: &mut Tx<'_>,
    customer_id: i64,
    before: &Uuid,
    limit: i64,
) -> Result<(Vec<Record>, Option<Uuid>), Error> {
    let found = tx.query(&LIST, params![customer_id, before, limit + 1], |row: &Row<'_>| {
        Ok(Record { id: row.get(0)?, r#type: row.get(1)?, payload: row.get(2)? })
    })?;
    let (records, has_more) = page::cut(found, limit);
    let next = records.last().map(|last| last.id).filter(|_| has_more);
    Ok((records, next))
}

/// JSON as a text; an object of a JSON body is as good.
#[derive(Debug, Clone)]
pub struct Payload(pub String);

impl Param for Payload {
    fn describe(_: bool) -> ObjectBuilder {
        // Of all that is JSON the reference names what everybody can write.
        let pattern = r#"^\{"[a-z]{1,20}": ?[1-9][0-9]{0,8}\}$"#;
        ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern))
    }

    fn read(name: &'static str, node: Option<Node>, _: &TimeZone) -> Result<Self, Fault> {
        let text = match node {
            Some(Node::Scalar(text)) => text,
            // What it was is kept beside the tree.
            Some(Node::Map(_)) => "{}".to_owned(),
            Some(Node::List(_)) => return Err(Fault::of(Code::NotJson, name)),
            None => return Err(Fault::of(Code::Missing, name)),
        };
        if serde_json::from_str::<IgnoredAny>(&text).is_err() {
            return Err(Fault::of(Code::NotJson, name));
        }
        if text.len() > PAYLOAD_MAX {
            return Err(Fault::of(Code::ObjectTooLarge, name).with("limit", PAYLOAD_MAX));
        }
        Ok(Self(text))
    }
}
