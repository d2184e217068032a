//! A conversation as the API shows it.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use rozmowa_db::{Row, Tx, Value};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::list::Item;
use super::log::Speaker;
use super::shown_name;
use crate::app::App;
use crate::clock;
use crate::file;
use crate::http::{Code, Error};
use crate::time;
use crate::visitor::data;

/// Text that one answer holds at most.
const TEXT_BYTES_MAX: usize = 16 * 1024 * 1024;

rozmowa_db::statements! {
    /// The messages of up to 100 conversations, among the last 1,000 events of each.
    MESSAGES = "SELECT e.conversation_id, e.seq, e.sent_by, a.login, CASE WHEN r.what IS NULL THEN e.text END, e.at,
            CASE WHEN r.what IS NULL THEN e.data END
        FROM conversation c JOIN event e ON e.conversation_id = c.id LEFT JOIN agent a ON a.id = e.agent_id
            LEFT JOIN erasing r ON r.conversation_id = e.conversation_id
                AND r.what = CASE WHEN e.sent_by = 0 THEN 2 ELSE 1 END AND r.until_seq >= e.seq
        WHERE c.id IN ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,
            $26,$27,$28,$29,$30,$31,$32,$33,$34,$35,$36,$37,$38,$39,$40,$41,$42,$43,$44,$45,$46,$47,$48,$49,$50,
            $51,$52,$53,$54,$55,$56,$57,$58,$59,$60,$61,$62,$63,$64,$65,$66,$67,$68,$69,$70,$71,$72,$73,$74,$75,
            $76,$77,$78,$79,$80,$81,$82,$83,$84,$85,$86,$87,$88,$89,$90,$91,$92,$93,$94,$95,$96,$97,$98,$99,$100)
          AND e.kind = 1 AND e.seq > c.seq - 1000
        ORDER BY e.conversation_id, e.seq DESC";
}

/// A conversation.
#[derive(Serialize, ToSchema)]
pub struct Chat {
    pub chat_queue_id: i64,
    /// Empty when there is none.
    pub client_email: String,
    /// First name and surname joined; `Klient` and the external id when there is no name; empty when there is neither.
    pub client_name: String,
    /// The customer in the CRM.
    pub customer_id: Option<i64>,
    pub conversation_id: Uuid,
    #[schema(example = "2017-12-11 10:23:04.318")]
    pub created_at: String,
    #[schema(example = "2017-12-11 11:21:05.221")]
    pub closed_at: Option<String>,
    /// `CREATED` started by the client, `IN_PROGRESS` an agent has replied, `CLOSED`.
    #[schema(example = "CLOSED")]
    pub status: &'static str,
    /// The handling agent; null before one is assigned.
    pub user_login: Option<String>,
    /// With `include_messages`: the messages among the last 1,000 events.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub messages: Option<Vec<Message>>,
    /// With `include_files`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub files: Option<Vec<File>>,
    /// With `include_client_data`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub client_data: Option<ClientData>,
}

/// A message of a conversation.
#[derive(Serialize, ToSchema)]
pub struct Message {
    /// The conversation's id and the message's place in its log.
    #[schema(example = "6ed7c941-2c8a-411e-95d2-338a9f64800a-2")]
    pub message_id: String,
    /// `CLIENT`, `AGENT`, `BOT` or `SYSTEM`.
    pub sent_by: &'static str,
    /// The agent who wrote it.
    pub user_login: Option<String>,
    /// Null when it was erased.
    pub text: Option<String>,
    pub created_at: String,
    /// The `file_id`s of what came with it.
    pub files: Vec<String>,
}

/// A file of a conversation.
#[derive(Serialize, ToSchema)]
pub struct File {
    pub file_id: String,
    pub name: String,
    /// In bytes.
    pub size: i64,
    pub content_type: String,
    pub created_at: String,
    pub url: String,
}

/// What is known of the client's browser; all null when the conversation was started by a program.
#[derive(Serialize, ToSchema, Default)]
pub struct ClientData {
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub browser: Option<String>,
    pub language: Option<String>,
    pub page_url: Option<String>,
    pub referrer: Option<String>,
}

/// The parts that are shown only on demand.
#[derive(Debug, Clone, Copy)]
pub struct Include {
    pub messages: bool,
    pub files: bool,
    pub client_data: bool,
}

/// Shows up to [`PAGE_MAX`](crate::http::page::PAGE_MAX) conversations.
pub fn show(
    tx: &mut Tx<'_>,
    items: Vec<Item>,
    include: Include,
    app: &App,
) -> Result<Vec<Chat>, Error> {
    let zone = &app.config.time_zone;
    let mut messages = if include.messages { messages(tx, &items, zone)? } else { HashMap::new() };
    let mut files = if include.files { file::of(tx, &places(&items))? } else { HashMap::new() };
    let mut browsers =
        if include.client_data { data::of(tx, &places(&items))? } else { HashMap::new() };
    Ok(items
        .into_iter()
        .map(|item| Chat {
            chat_queue_id: item.chat_queue_id,
            client_name: shown_name(
                &item.client_name,
                &item.client_surname,
                item.client_id.as_deref(),
            ),
            client_email: item.client_email,
            customer_id: item.customer_id,
            conversation_id: item.id,
            created_at: time::with_millis(clock::made_at(&item.id), zone),
            closed_at: item.closed_at.map(|at| time::with_millis(at, zone)),
            status: item.status.name(),
            user_login: item.user_login,
            messages: include.messages.then(|| messages.remove(&item.id).unwrap_or_default()),
            files: include.files.then(|| {
                let of = files.remove(&item.id).unwrap_or_default();
                of.into_iter().map(|file| File::new(&item.id, file, app)).collect()
            }),
            client_data: include
                .client_data
                .then(|| browsers.remove(&item.id).unwrap_or_default().into()),
        })
        .collect())
}

/// The ids in the 100 places of a query; the last one stands in all that are left.
fn places(items: &[Item]) -> Vec<Value<'_>> {
    let mut ids = vec![items.last().map_or(Value::Null, |last| Value::from(&last.id)); 100];
    for (place, item) in ids.iter_mut().zip(items) {
        *place = Value::from(&item.id);
    }
    ids
}

impl File {
    fn new(conversation: &Uuid, file: file::File, app: &App) -> Self {
        let path = format!("api/chat_conversations/{conversation}/files/{}", file.id);
        Self {
            file_id: file.id.to_string(),
            name: file.name,
            size: file.size,
            content_type: file.content_type,
            created_at: time::with_millis(file.created_at, &app.config.time_zone),
            url: app.link(&path),
        }
    }
}

impl From<data::Known> for ClientData {
    fn from(known: data::Known) -> Self {
        let data::Known { ip, user_agent, browser, language, page_url, referrer } = known;
        Self { ip, user_agent, browser, language, page_url, referrer }
    }
}

fn messages(
    tx: &mut Tx<'_>,
    items: &[Item],
    zone: &TimeZone,
) -> Result<HashMap<Uuid, Vec<Message>>, Error> {
    let mut found: HashMap<Uuid, Vec<Message>> = HashMap::new();
    let mut bytes = 0;
    tx.query(&MESSAGES, &places(items), |row: &Row<'_>| {
        let (id, seq): (Uuid, i64) = (row.get(0)?, row.get(1)?);
        let text: Option<String> = row.get(4)?;
        bytes += text.as_ref().map_or(0, String::len);
        if bytes <= TEXT_BYTES_MAX {
            found.entry(id).or_default().push(Message {
                message_id: format!("{id}-{seq}"),
                sent_by: Speaker::from_number(row.get(2)?).name(),
                user_login: row.get(3)?,
                text,
                created_at: time::with_millis(row.get(5)?, zone),
                files: file::of_data(row.get::<Option<String>>(6)?.as_deref())
                    .iter()
                    .map(Uuid::to_string)
                    .collect(),
            });
        }
        Ok(())
    })?;
    // One conversation is shown as far as it fits; of several, nobody could tell what is missing where.
    if bytes > TEXT_BYTES_MAX && items.len() > 1 {
        return Err(Code::AnswerTooLarge.into());
    }
    // They came newest first, so that those are the ones that fit.
    for messages in found.values_mut() {
        messages.reverse();
    }
    Ok(found)
}
