//! E-mail to those who are not there.
//!
//! A row of references for each; a text is made when it is sent, so what was erased or read meanwhile is not sent.

pub mod body;
pub mod compose;
pub mod console;
pub mod letter;
pub mod outbox;
pub mod receipt;
pub mod smtp;
pub mod transcript;
pub mod unread;
pub mod visitor;
pub mod worker;

use rozmowa_db::{Tx, params};
use uuid::Uuid;

use crate::act::Act;
use crate::app::App;
use crate::clock::Millis;
use crate::http::Error;
use crate::locale::Language;
use crate::queue::Settings;
use crate::secret::Key;

rozmowa_db::statements! {
    ADD = "INSERT INTO mail (id, due_at, kind, address, language, conversation_id, agent_id, from_seq, until_seq, secret, attempts)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0)";
}

/// Published after commit: there is an e-mail to be sent then.
#[derive(Debug, Clone, Copy)]
pub struct MailSet(pub Millis);

/// What an e-mail tells. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Answers that the visitor has not read.
    Unread = 0,
    /// That a message has arrived outside working hours.
    Receipt = 1,
    Transcript = 2,
    /// To a new agent.
    Invitation = 3,
    PasswordReset = 4,
}

impl Kind {
    const ALL: [Self; 5] =
        [Self::Unread, Self::Receipt, Self::Transcript, Self::Invitation, Self::PasswordReset];

    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as i64 == number)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Unread => "unread",
            Self::Receipt => "receipt",
            Self::Transcript => "transcript",
            Self::Invitation => "invitation",
            Self::PasswordReset => "password_reset",
        }
    }
}

/// An e-mail that is to be sent at once.
#[derive(Debug)]
pub struct NewMail<'a> {
    pub kind: Kind,
    pub address: &'a str,
    pub language: Language,
    pub conversation: Option<&'a Uuid>,
    pub agent_id: Option<i64>,
    /// Of a conversation: after this, up to that.
    pub seqs: Option<(i64, i64)>,
    /// What the link in it ends with.
    pub secret: Option<&'a str>,
}

/// Whether e-mail goes out at all.
pub fn is_on(app: &App) -> bool {
    app.config.smtp.is_some()
}

/// Whether visitors of a queue get unread answers by e-mail, where there is an address.
pub fn answers(app: &App, settings: &Settings) -> bool {
    is_on(app) && settings.mail_after().is_some()
}

/// The same of one with this address, which may be empty.
pub fn answers_to(app: &App, settings: &Settings, email: &str) -> bool {
    answers(app, settings) && address(email).is_some()
}

/// The server that acts, if e-mail goes out of it.
fn sending<'a>(act: &Act<'a>) -> Option<&'a App> {
    act.app.filter(|app| is_on(app))
}

/// An address that e-mail can be sent to.
pub fn address(text: &str) -> Option<lettre::Address> {
    const MAX: usize = 254;
    let is_odd = |c: char| c.is_control() || c.is_whitespace() || body::is_unseen(c);
    if text.len() > MAX || text.contains(is_odd) { None } else { text.parse().ok() }
}

/// Has it sent. Without a mail server nobody should get here: it would wait for one.
pub fn put(tx: &mut Tx<'_>, act: &Act<'_>, key: &Key, mail: &NewMail<'_>) -> Result<Uuid, Error> {
    let id = act.ids.v7(act.now);
    let secret = mail.secret.map(|secret| key.seal(act.ids, &purpose(&id), secret.as_bytes()));
    tx.put(
        &ADD,
        params![
            &id,
            act.now,
            mail.kind as i64,
            mail.address,
            mail.language.tag(),
            mail.conversation,
            mail.agent_id,
            mail.seqs.map(|(from, _)| from),
            mail.seqs.map(|(_, until)| until),
            secret.as_deref(),
        ],
    )?;
    tx.publish(MailSet(act.now));
    Ok(id)
}

/// What the secret of an e-mail is sealed for.
fn purpose(id: &Uuid) -> String {
    format!("mail {id}")
}

/// The language of what visitors get: the conversation's, else Polish.
fn language(stored: Option<&str>) -> Language {
    if stored == Some("en") { Language::En } else { Language::Pl }
}
