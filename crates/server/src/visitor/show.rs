//! A conversation as its visitor sees it, and what the visitor may do in it.

use std::net::IpAddr;

use rozmowa_db::{Row, Tx, params};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::act::Act;
use crate::app::App;
use crate::block;
use crate::clock::Millis;
use crate::conversation::log::Place;
use crate::conversation::rate::Rating;
use crate::conversation::{self, NewMessage, Status};
use crate::http::params::Named;
use crate::http::{Code, Error};
use crate::locale::Language;
use crate::mail;
use crate::queue::Settings;

rozmowa_db::statements! {
    SHOW = "SELECT c.status, c.seq, q.name, q.settings, a.name, c.rating, c.customer_id, c.client_name, c.client_surname,
            c.client_email, c.agent_read_seq, c.client_read_seq, c.language, c.chat_queue_id
        FROM conversation c JOIN chat_queue q ON q.id = c.chat_queue_id LEFT JOIN agent a ON a.id = c.agent_id
        WHERE c.id = $1";
}

/// What a visitor sees of a conversation: nothing of the CRM, nothing of what agents tell each other.
#[derive(Serialize, ToSchema)]
pub struct VisitorConversation {
    conversation_id: Uuid,
    /// `CREATED`, `IN_PROGRESS` or `CLOSED`.
    status: &'static str,
    /// The place of the newest event.
    seq: i64,
    queue: String,
    chat_queue_id: i64,
    /// First name of the agent whose it is.
    agent: Option<String>,
    /// As the visitor has given it; null when the conversation is a known customer's.
    name: Option<String>,
    /// `sad`, `neutral` or `happy`.
    rating: Option<&'static str>,
    /// Up to where the other side has read.
    agent_read_seq: i64,
    /// Up to where the visitor has.
    read_seq: i64,
    language: Option<String>,
    has_text_preview: bool,
    takes_files: bool,
    /// Answers that are not read here go to the e-mail address that was given.
    is_mailed: bool,
}

/// A conversation's row, for this door.
pub struct Seen {
    pub status: Status,
    pub seq: i64,
    pub queue: String,
    pub chat_queue_id: i64,
    pub settings: Settings,
    pub agent: Option<String>,
    pub rating: Option<Rating>,
    is_customers: bool,
    name: String,
    pub email: String,
    agent_read_seq: i64,
    read_seq: i64,
    language: Option<String>,
}

pub fn see(tx: &mut Tx<'_>, id: &Uuid) -> Result<Seen, Error> {
    Ok(find(tx, id)?.ok_or(Code::UnknownConversation)?)
}

/// The same where it may be gone.
pub fn find(tx: &mut Tx<'_>, id: &Uuid) -> Result<Option<Seen>, Error> {
    Ok(tx.query_opt(&SHOW, params![id], |row: &Row<'_>| {
        let (name, surname): (String, String) = (row.get(7)?, row.get(8)?);
        Ok(Seen {
            status: Status::from_number(row.get(0)?).unwrap_or(Status::Closed),
            seq: row.get(1)?,
            queue: row.get(2)?,
            settings: Settings::from_stored(&row.get::<String>(3)?),
            agent: row.get(4)?,
            rating: row.get::<Option<i64>>(5)?.and_then(Rating::from_number),
            is_customers: row.get::<Option<i64>>(6)?.is_some(),
            name: format!("{name} {surname}").trim().to_owned(),
            email: row.get(9)?,
            agent_read_seq: row.get(10)?,
            read_seq: row.get(11)?,
            language: row.get(12)?,
            chat_queue_id: row.get(13)?,
        })
    })?)
}

impl Seen {
    /// A customer's name may be what the CRM says, which is none of the visitor's.
    pub fn name(&self) -> Option<&str> {
        Some(&*self.name).filter(|name| !self.is_customers && !name.is_empty())
    }

    pub fn language(&self) -> Language {
        if self.language.as_deref() == Some("en") { Language::En } else { Language::Pl }
    }
}

impl VisitorConversation {
    pub fn new(app: &App, id: Uuid, seen: Seen) -> Self {
        Self {
            conversation_id: id,
            status: seen.status.name(),
            seq: seen.seq,
            name: seen.name().map(str::to_owned),
            queue: seen.queue,
            chat_queue_id: seen.chat_queue_id,
            agent: seen.agent.filter(|name| !name.is_empty()),
            rating: seen.rating.map(Rating::name),
            agent_read_seq: seen.agent_read_seq,
            read_seq: seen.read_seq,
            language: seen.language,
            has_text_preview: seen.settings.has_text_preview,
            takes_files: seen.settings.takes_files,
            is_mailed: mail::answers_to(app, &seen.settings, &seen.email),
        }
    }
}

/// Fails when the visitor of a conversation may not send to it.
pub fn check_may_write(
    tx: &mut Tx<'_>,
    id: &Uuid,
    from: IpAddr,
    now: Millis,
    has_files: bool,
) -> Result<(), Error> {
    let seen = see(tx, id)?;
    if has_files && !seen.settings.takes_files {
        return Err(Code::FilesNotTaken.into());
    }
    not_blocked(tx, &seen, from, now)
}

/// Nobody hears anything of who is blocked.
pub fn check_not_blocked(
    tx: &mut Tx<'_>,
    id: &Uuid,
    from: IpAddr,
    now: Millis,
) -> Result<(), Error> {
    let seen = see(tx, id)?;
    not_blocked(tx, &seen, from, now)
}

fn not_blocked(tx: &mut Tx<'_>, seen: &Seen, from: IpAddr, now: Millis) -> Result<(), Error> {
    if block::is_blocked(tx, Some(from), Some(&seen.email), now)? {
        return Err(Code::VisitorBlocked.into());
    }
    Ok(())
}

/// The visitor says something, if they may.
pub fn say(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    from: IpAddr,
    new: &NewMessage,
) -> Result<Place, Error> {
    check_may_write(tx, id, from, act.now, !new.files.is_empty())?;
    conversation::message(tx, act, id, new)
}
