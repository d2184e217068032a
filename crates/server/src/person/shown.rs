//! All that is held on a person, as the document that is handed out: times are those of the installation's zone.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Counts;
use crate::customer::feed::FeedRecord;
use crate::customer::groups_api::ItemShown;
use crate::customer::show::CustomerShown;

/// All that is held on a person.
#[derive(Serialize, ToSchema)]
#[schema(as = PersonExport)]
pub struct Export {
    /// In lower case.
    #[schema(example = "jan.kowalski@example.org")]
    pub email: String,
    #[schema(example = "2026-06-01 12:00:00")]
    pub exported_at: String,
    pub counts: Counts,
    /// Who has the address, among others or alone. A company is a customer, too.
    pub customers: Vec<Customer>,
    /// Of these customers, and those whose client gave the address.
    pub conversations: Vec<Conversation>,
    pub blocks: Vec<Block>,
    pub mails: Vec<Mail>,
    pub audit: Vec<AuditLine>,
    /// What subscriptions were told, or are to be told, of these conversations and customers.
    pub deliveries: Vec<Delivery>,
}

/// A customer, and what belongs to it.
#[derive(Serialize, ToSchema)]
#[schema(as = PersonCustomer)]
pub struct Customer {
    #[serde(flatten)]
    pub customer: CustomerShown,
    pub field_items: Vec<ItemShown>,
    /// The newest first.
    pub feed_records: Vec<FeedRecord>,
}

/// A conversation with its whole log.
#[derive(Serialize, ToSchema)]
#[schema(as = PersonConversation)]
pub struct Conversation {
    pub conversation_id: Uuid,
    pub chat_queue_id: i64,
    pub chat_queue_name: String,
    /// `CREATED`, `IN_PROGRESS` or `CLOSED`.
    #[schema(example = "CLOSED")]
    pub status: &'static str,
    #[schema(required)]
    pub user_login: Option<String>,
    #[schema(required)]
    pub customer_id: Option<i64>,
    /// The client's id in the company's own systems.
    #[schema(required)]
    pub client_id: Option<String>,
    pub client_name: String,
    pub client_surname: String,
    pub client_email: String,
    /// Whether somebody vouches for who the client is. Of whom nobody vouches for, anybody may have given the address.
    pub is_verified: bool,
    #[schema(required)]
    pub language: Option<String>,
    #[schema(example = "2026-06-01 12:00:00.000")]
    pub created_at: String,
    #[schema(required)]
    pub closed_at: Option<String>,
    #[schema(required)]
    pub topic: Option<String>,
    pub tags: Vec<String>,
    /// `sad`, `neutral` or `happy`.
    #[schema(required)]
    pub rating: Option<&'static str>,
    #[schema(required)]
    pub rating_text: Option<String>,
    #[schema(required)]
    pub rated_at: Option<String>,
    /// Null when no browser is known.
    #[schema(required)]
    pub client_data: Option<Browser>,
    pub consents: Vec<Consent>,
    pub events: Vec<Event>,
    pub files: Vec<File>,
}

/// What is known of the client's browser.
#[derive(Serialize, ToSchema)]
#[schema(as = PersonBrowser)]
pub struct Browser {
    #[schema(required)]
    pub ip: Option<String>,
    #[schema(required)]
    pub user_agent: Option<String>,
    #[schema(required)]
    pub browser: Option<String>,
    #[schema(required)]
    pub language: Option<String>,
    #[schema(required)]
    pub page_url: Option<String>,
    #[schema(required)]
    pub page_title: Option<String>,
    #[schema(required)]
    pub referrer: Option<String>,
}

/// A clause that was shown, and whether it was agreed to.
#[derive(Serialize, ToSchema)]
#[schema(as = PersonConsent)]
pub struct Consent {
    pub name: String,
    pub version: i64,
    /// What it said, by language.
    #[schema(value_type = Object)]
    pub texts: Value,
    pub is_given: bool,
    pub at: String,
}

/// An event of the log; messages are events.
#[derive(Serialize, ToSchema)]
#[schema(as = PersonEvent)]
pub struct Event {
    pub seq: i64,
    pub created_at: String,
    /// `message`, `note`, `closed` and others.
    pub kind: &'static str,
    /// `CLIENT`, `AGENT`, `BOT` or `SYSTEM`.
    pub sent_by: &'static str,
    #[schema(required)]
    pub user_login: Option<String>,
    #[schema(required)]
    pub bot_id: Option<Uuid>,
    /// Null when there is none, or it was erased.
    #[schema(required)]
    pub text: Option<String>,
    /// What else belongs to it.
    #[schema(required, value_type = Option<Object>)]
    pub data: Option<Value>,
}

/// A file of a conversation.
#[derive(Serialize, ToSchema)]
#[schema(as = PersonFile)]
pub struct File {
    pub file_id: Uuid,
    /// The event that it came with; null when it was uploaded and not sent.
    #[schema(required)]
    pub seq: Option<i64>,
    pub sent_by: &'static str,
    pub name: String,
    /// In bytes.
    pub size: i64,
    pub content_type: String,
    pub created_at: String,
    pub url: String,
    /// With `include_files`, in Base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub content: Option<String>,
    /// Where it lies in the folder that the command line writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    pub path: Option<String>,
}

/// A block.
#[derive(Serialize, ToSchema)]
#[schema(as = PersonBlock)]
pub struct Block {
    pub block_id: i64,
    /// `email`, or `address` of an IP address that a conversation came from.
    pub kind: &'static str,
    pub value: String,
    pub reason: String,
    pub created_at: String,
    #[schema(required)]
    pub expires_at: Option<String>,
}

/// An e-mail that waits to be sent, or was given up.
#[derive(Serialize, ToSchema)]
#[schema(as = PersonMail)]
pub struct Mail {
    pub mail_id: Uuid,
    /// `unread`, `receipt` or `transcript`.
    #[schema(required)]
    pub kind: Option<&'static str>,
    pub address: String,
    #[schema(required)]
    pub conversation_id: Option<Uuid>,
    pub due_at: String,
    pub attempts: i64,
    #[schema(required)]
    pub error: Option<String>,
    #[schema(required)]
    pub given_up_at: Option<String>,
}

/// A line of the audit log.
#[derive(Serialize, ToSchema)]
#[schema(as = PersonAuditEntry)]
pub struct AuditLine {
    pub audit_id: Uuid,
    pub at: String,
    pub actor_kind: &'static str,
    pub actor: String,
    pub change: String,
    pub subject: String,
    #[schema(required, value_type = Option<Object>)]
    pub was: Option<Value>,
    #[schema(required, value_type = Option<Object>)]
    pub becomes: Option<Value>,
}

/// A delivery that waits, or an attempt to make it.
#[derive(Serialize, ToSchema)]
#[schema(as = PersonDelivery)]
pub struct Delivery {
    pub webhook_id: i64,
    pub delivery_id: Uuid,
    #[schema(required)]
    pub action: Option<&'static str>,
    #[schema(required)]
    pub conversation_id: Option<Uuid>,
    #[schema(required)]
    pub customer_id: Option<i64>,
    /// When what it tells of happened.
    pub event_at: String,
    /// `PENDING`, `DELIVERED`, `RETRY` or `GIVEN_UP`.
    pub outcome: &'static str,
    /// Of the attempt; null while it waits.
    #[schema(required)]
    pub at: Option<String>,
}
