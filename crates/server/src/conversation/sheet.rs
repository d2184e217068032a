//! One conversation as the console shows it: all that is known, and the log.

use std::collections::HashMap;

use rozmowa_db::{Row, Tx, params};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::board::AgentName;
use super::log;
use super::rate::Rating;
use super::{Status, label, shown_name};
use crate::agent::Role;
use crate::agent::session::AgentSession;
use crate::clock::{self, Millis};
use crate::customer;
use crate::file;
use crate::http::params::Named;
use crate::http::{Code, Error, page};
use crate::routing::position;

rozmowa_db::statements! {
    ONE = "SELECT c.chat_queue_id, q.name, c.status, c.agent_id, a.login, a.name, a.surname, c.client_id, c.client_name,
            c.client_surname, c.client_email, c.customer_id, c.is_verified, c.origin, c.language, c.bot_id, c.topic_id,
            c.rating, c.rating_text, c.rated_at, c.seq, c.client_read_seq, c.agent_read_seq, c.closed_at, c.waiting_since,
            c.is_missed, c.page_closed_at, c.assigned_at, c.first_agent_at, c.answer_due_at
        FROM conversation c JOIN chat_queue q ON q.id = c.chat_queue_id LEFT JOIN agent a ON a.id = c.agent_id
        WHERE c.id = $1";
    CLIENT_DATA = "SELECT ip, user_agent, browser, language, page_url, page_title, referrer
        FROM client_data WHERE conversation_id = $1";
    CONSENTS = "SELECT l.name, l.version, l.kind, s.is_given, s.at
        FROM consent s JOIN clause l ON l.id = s.clause_id WHERE s.conversation_id = $1 ORDER BY l.name, l.version LIMIT 100";
    OF_CUSTOMER = "SELECT c.id, c.chat_queue_id, q.name, c.status, c.agent_id, a.login, a.name, a.surname, c.topic_id, c.closed_at
        FROM conversation c JOIN chat_queue q ON q.id = c.chat_queue_id LEFT JOIN agent a ON a.id = c.agent_id
        WHERE c.customer_id = $1 AND c.id < $2
          AND ($4 = 1 OR c.agent_id = $3 OR c.chat_queue_id IN (SELECT chat_queue_id FROM queue_agent WHERE agent_id = $3))
        ORDER BY c.id DESC LIMIT $5";
    /// Of those whom the CRM does not know.
    OF_EMAIL = "SELECT c.id, c.chat_queue_id, q.name, c.status, c.agent_id, a.login, a.name, a.surname, c.topic_id, c.closed_at
        FROM conversation c JOIN chat_queue q ON q.id = c.chat_queue_id LEFT JOIN agent a ON a.id = c.agent_id
        WHERE c.client_email = $1 AND c.customer_id IS NULL AND c.client_email <> '' AND c.id < $2
          AND ($4 = 1 OR c.agent_id = $3 OR c.chat_queue_id IN (SELECT chat_queue_id FROM queue_agent WHERE agent_id = $3))
        ORDER BY c.id DESC LIMIT $5";
    /// Who speaks or is spoken of in a part of the log.
    NAMES = "SELECT id, login, name, surname FROM agent WHERE id IN
        (SELECT e.agent_id FROM event e WHERE e.conversation_id = $1 AND e.seq > $2 AND e.seq <= $3)";
}

const EARLIER_MAX: i64 = 20;

/// All that is known of a conversation.
#[derive(Serialize, ToSchema)]
pub struct ConversationSheet {
    conversation_id: Uuid,
    chat_queue_id: i64,
    chat_queue: String,
    /// `CREATED`, `IN_PROGRESS` or `CLOSED`.
    status: &'static str,
    #[schema(required)]
    agent: Option<AgentName>,
    #[schema(required)]
    bot_id: Option<Uuid>,
    client: KnownClient,
    /// The customer in the CRM.
    #[schema(required)]
    customer: Option<KnownCustomer>,
    #[schema(required)]
    client_data: Option<KnownBrowser>,
    consents: Vec<Consent>,
    #[schema(required)]
    topic_id: Option<i64>,
    tag_ids: Vec<i64>,
    #[schema(required)]
    rating: Option<Rated>,
    /// The place in the queue, from 1; null when it does not wait.
    #[schema(required)]
    position: Option<i64>,
    /// How long it may take; null when nobody is on duty, or nothing was measured yet.
    #[schema(required)]
    wait_seconds: Option<i64>,
    #[schema(required)]
    waiting_since: Option<i64>,
    is_missed: bool,
    created_at: i64,
    #[schema(required)]
    assigned_at: Option<i64>,
    #[schema(required)]
    first_agent_at: Option<i64>,
    /// Until when a first answer is owed.
    #[schema(required)]
    answer_due_at: Option<i64>,
    /// When the client's page was last there; while it is open, the time until when it is known to be, which lies ahead.
    #[schema(required)]
    page_closed_at: Option<i64>,
    #[schema(required)]
    closed_at: Option<i64>,
    /// The number of its events.
    seq: i64,
    client_read_seq: i64,
    agent_read_seq: i64,
    /// Of the same customer or e-mail, the newest first, up to 20: those that the agent may open.
    earlier: Vec<Earlier>,
}

/// Who the conversation is with.
#[derive(Serialize, ToSchema)]
pub struct KnownClient {
    /// How people see the client; empty when nothing is known.
    shown_name: String,
    name: String,
    surname: String,
    email: String,
    /// The id in the company's own systems.
    #[schema(required)]
    client_id: Option<String>,
    /// Whether somebody vouches for all this: the program that started the conversation, or a signature.
    is_verified: bool,
    /// `program` or `visitor`.
    started_by: &'static str,
    #[schema(required)]
    language: Option<String>,
}

/// A customer of the CRM.
#[derive(Serialize, ToSchema)]
pub struct KnownCustomer {
    customer_id: i64,
    #[schema(required)]
    identifier: Option<String>,
    name: String,
    surname: String,
    emails: Vec<String>,
}

/// What is known of the client's browser.
#[derive(Serialize, ToSchema)]
pub struct KnownBrowser {
    #[schema(required)]
    ip: Option<String>,
    #[schema(required)]
    user_agent: Option<String>,
    #[schema(required)]
    browser: Option<String>,
    #[schema(required)]
    language: Option<String>,
    #[schema(required)]
    page_url: Option<String>,
    #[schema(required)]
    page_title: Option<String>,
    #[schema(required)]
    referrer: Option<String>,
}

/// What the client was asked to agree to.
#[derive(Serialize, ToSchema)]
pub struct Consent {
    name: String,
    version: i64,
    /// `information` or `consent`.
    kind: &'static str,
    is_given: bool,
    at: i64,
}

/// What the client thought of it.
#[derive(Serialize, ToSchema)]
pub struct Rated {
    /// `sad`, `neutral` or `happy`.
    rating: &'static str,
    #[schema(required)]
    text: Option<String>,
    #[schema(required)]
    at: Option<i64>,
}

/// An earlier conversation.
#[derive(Serialize, ToSchema)]
pub struct Earlier {
    conversation_id: Uuid,
    chat_queue_id: i64,
    chat_queue: String,
    status: &'static str,
    #[schema(required)]
    agent: Option<AgentName>,
    #[schema(required)]
    topic_id: Option<i64>,
    created_at: i64,
    #[schema(required)]
    closed_at: Option<i64>,
}

/// A conversation that the agent may see.
pub fn show(
    tx: &mut Tx<'_>,
    who: &AgentSession,
    id: &Uuid,
    now: Millis,
) -> Result<ConversationSheet, Error> {
    let found = tx.query_opt(&ONE, params![id], |row| read(row, id))?;
    let (mut sheet, customer_id) = found.ok_or(Code::UnknownConversation)?;
    if let Some(position) = position::find(tx, id, now)? {
        sheet.position = Some(position.place);
        sheet.wait_seconds = position.wait_seconds;
    }
    sheet.client_data = tx.query_opt(&CLIENT_DATA, params![id], read_browser)?;
    sheet.consents = tx.query(&CONSENTS, params![id], |row| {
        Ok(Consent {
            name: row.get(0)?,
            version: row.get(1)?,
            kind: if row.get::<i64>(2)? == 0 { "information" } else { "consent" },
            is_given: row.get(3)?,
            at: row.get(4)?,
        })
    })?;
    sheet.tag_ids = label::tags(tx, id)?;
    if let Some(customer_id) = customer_id {
        sheet.customer = customer::known(tx, customer_id)?.map(|known| KnownCustomer {
            customer_id,
            identifier: known.identifier,
            name: known.name,
            surname: known.surname,
            emails: known.emails,
        });
    }
    sheet.earlier = earlier(tx, who, id, customer_id, &sheet.client.email)?;
    Ok(sheet)
}

fn read(row: &Row<'_>, id: &Uuid) -> Result<(ConversationSheet, Option<i64>), rozmowa_db::Error> {
    let client_id: Option<String> = row.get(7)?;
    let (name, surname): (String, String) = (row.get(8)?, row.get(9)?);
    let rating = row.get::<Option<i64>>(17)?.and_then(Rating::from_number);
    let rated = match rating {
        Some(rating) => Some(Rated { rating: rating.name(), text: row.get(18)?, at: row.get(19)? }),
        None => None,
    };
    let sheet = ConversationSheet {
        conversation_id: *id,
        chat_queue_id: row.get(0)?,
        chat_queue: row.get(1)?,
        status: Status::from_number(row.get(2)?).unwrap_or(Status::Closed).name(),
        agent: AgentName::read(row, 3)?,
        bot_id: row.get(15)?,
        client: KnownClient {
            shown_name: shown_name(&name, &surname, client_id.as_deref()),
            name,
            surname,
            email: row.get(10)?,
            client_id,
            is_verified: row.get(12)?,
            started_by: if row.get::<i64>(13)? == 0 { "program" } else { "visitor" },
            language: row.get(14)?,
        },
        customer: None,
        client_data: None,
        consents: Vec::new(),
        topic_id: row.get(16)?,
        tag_ids: Vec::new(),
        rating: rated,
        position: None,
        wait_seconds: None,
        waiting_since: row.get(24)?,
        is_missed: row.get(25)?,
        created_at: clock::made_at(id),
        assigned_at: row.get(27)?,
        first_agent_at: row.get(28)?,
        answer_due_at: row.get(29)?,
        page_closed_at: row.get(26)?,
        closed_at: row.get(23)?,
        seq: row.get(20)?,
        client_read_seq: row.get(21)?,
        agent_read_seq: row.get(22)?,
        earlier: Vec::new(),
    };
    Ok((sheet, row.get(11)?))
}

fn read_browser(row: &Row<'_>) -> Result<KnownBrowser, rozmowa_db::Error> {
    Ok(KnownBrowser {
        ip: row.get(0)?,
        user_agent: row.get(1)?,
        browser: row.get(2)?,
        language: row.get(3)?,
        page_url: row.get(4)?,
        page_title: row.get(5)?,
        referrer: row.get(6)?,
    })
}

fn earlier(
    tx: &mut Tx<'_>,
    who: &AgentSession,
    id: &Uuid,
    customer_id: Option<i64>,
    email: &str,
) -> Result<Vec<Earlier>, Error> {
    let sees_all = who.role >= Role::Supervisor;
    let mut found = Vec::new();
    if let Some(customer_id) = customer_id {
        let row = params![customer_id, id, who.agent_id, sees_all, EARLIER_MAX];
        found.extend(tx.query(&OF_CUSTOMER, row, read_earlier)?);
    }
    // As it was given, and as most write it.
    let folded = email.to_lowercase();
    let mut spellings = vec![email, folded.as_str()];
    spellings.dedup();
    for email in spellings.into_iter().filter(|email| !email.is_empty()) {
        let row = params![email, id, who.agent_id, sees_all, EARLIER_MAX];
        found.extend(tx.query(&OF_EMAIL, row, read_earlier)?);
    }
    found.sort_unstable_by_key(|earlier| std::cmp::Reverse(earlier.conversation_id));
    found.truncate(usize::try_from(EARLIER_MAX).unwrap_or_default());
    Ok(found)
}

/// Those of a customer that the agent may open, the newest first, and where the next page begins.
pub fn of_customer(
    tx: &mut Tx<'_>,
    who: &AgentSession,
    customer_id: i64,
    before: &Uuid,
    limit: i64,
) -> Result<(Vec<Earlier>, Option<Uuid>), Error> {
    let sees_all = who.role >= Role::Supervisor;
    let row = params![customer_id, before, who.agent_id, sees_all, limit + 1];
    let (found, has_more) = page::cut(tx.query(&OF_CUSTOMER, row, read_earlier)?, limit);
    let next = found.last().map(|last| last.conversation_id).filter(|_| has_more);
    Ok((found, next))
}

fn read_earlier(row: &Row<'_>) -> Result<Earlier, rozmowa_db::Error> {
    let id: Uuid = row.get(0)?;
    Ok(Earlier {
        conversation_id: id,
        chat_queue_id: row.get(1)?,
        chat_queue: row.get(2)?,
        status: Status::from_number(row.get(3)?).unwrap_or(Status::Closed).name(),
        agent: AgentName::read(row, 4)?,
        topic_id: row.get(8)?,
        created_at: clock::made_at(&id),
        closed_at: row.get(9)?,
    })
}

/// An event, as agents see it.
#[derive(Serialize, ToSchema)]
pub struct EventShown {
    seq: i64,
    at: i64,
    #[schema(example = "message")]
    kind: &'static str,
    /// `CLIENT`, `AGENT`, `BOT` or `SYSTEM`.
    sent_by: &'static str,
    /// Who did it, or to whom it was done.
    #[schema(required)]
    agent: Option<AgentName>,
    #[schema(required)]
    bot_id: Option<Uuid>,
    /// Null when there is none, or it was erased.
    #[schema(required)]
    text: Option<String>,
    /// What else belongs to it.
    #[schema(required)]
    data: Option<Value>,
    /// Made by the client that sent it.
    #[schema(required)]
    client_key: Option<Uuid>,
}

/// What follows a place in the log, in order, with the names of agents.
pub fn events(
    tx: &mut Tx<'_>,
    id: &Uuid,
    after: i64,
    limit: i64,
) -> Result<Vec<EventShown>, Error> {
    let stored = log::since(tx, id, after, limit)?;
    let Some(last) = stored.last() else { return Ok(Vec::new()) };
    let names = tx.query(&NAMES, params![id, after, last.seq], |row| AgentName::read(row, 0))?;
    let names: HashMap<i64, AgentName> =
        names.into_iter().flatten().map(|name| (name.agent_id, name)).collect();
    let mut shown = Vec::with_capacity(stored.len());
    for event in stored {
        let data = match file::of_message(tx, id, &event)? {
            files if files.is_empty() => {
                event.data.and_then(|data| serde_json::from_str(&data).ok())
            }
            files => Some(json!({ "files": files })),
        };
        shown.push(EventShown {
            seq: event.seq,
            at: event.at,
            kind: event.kind.name(),
            sent_by: event.sent_by.name(),
            agent: event.agent_id.and_then(|id| names.get(&id).cloned()),
            bot_id: event.bot_id,
            text: event.text,
            data,
            client_key: event.client_key,
        });
    }
    Ok(shown)
}
