//! What an e-mail says, as things are when it is sent.

use rozmowa_db::{Row, Tx, params};
use uuid::Uuid;

use super::body::{Letter, Part};
use super::outbox::Due;
use super::{Kind, unread};
use crate::agent::{Agent, links};
use crate::app::App;
use crate::clock::{self, Millis};
use crate::conversation::log::Speaker;
use crate::http::Error;
use crate::locale::Language;
use crate::time;
use crate::visitor::show;

/// Messages that one e-mail holds, and bytes of their texts: the last ones.
const MESSAGES_MAX: i64 = 100;
const TEXT_BYTES_MAX: usize = 256 * 1024;

rozmowa_db::statements! {
    /// What is said, after a place and up to another, by whom of a range of speakers.
    SAID = "SELECT e.at, e.sent_by, CASE WHEN r.what IS NULL THEN e.text END, coalesce(a.name, b.name, '')
        FROM event e LEFT JOIN agent a ON a.id = e.agent_id LEFT JOIN bot b ON b.id = e.bot_id
            LEFT JOIN erasing r ON r.conversation_id = e.conversation_id
                AND r.what = CASE WHEN e.sent_by = 0 THEN 2 ELSE 1 END AND r.until_seq >= e.seq
        WHERE e.conversation_id = $1 AND e.seq > $2 AND e.seq <= $3 AND e.kind = 1 AND e.sent_by >= $4 AND e.sent_by <= $5
        ORDER BY e.seq DESC LIMIT $6";
}

/// None when there is nothing to tell any more.
pub fn letter(tx: &mut Tx<'_>, app: &App, mail: &Due) -> Result<Option<Letter>, Error> {
    let secret = mail.secret(&app.secret);
    match (mail.kind, mail.conversation, secret) {
        (Kind::Unread, Some(id), Some(secret)) => unread_answers(tx, app, mail, &id, &secret),
        (Kind::Receipt, Some(id), Some(secret)) => receipt(tx, app, mail, &id, &secret),
        (Kind::Transcript, Some(id), _) => transcript(tx, app, mail, &id),
        (Kind::Invitation, _, Some(secret)) => {
            to_agent(tx, app, mail, links::Kind::Invitation, "invitation", &secret)
        }
        (Kind::PasswordReset, _, Some(secret)) => {
            to_agent(tx, app, mail, links::Kind::PasswordReset, "reset", &secret)
        }
        _ => Ok(None),
    }
}

/// Of the operator, to see whether it works.
pub fn test(language: Language) -> Letter {
    let parts = vec![Part::Text(language.text("mail.test_intro", &[]))];
    finish(language, language.text("mail.test_subject", &[]), parts)
}

fn unread_answers(
    tx: &mut Tx<'_>,
    app: &App,
    mail: &Due,
    id: &Uuid,
    secret: &str,
) -> Result<Option<Letter>, Error> {
    let Some(about) = About::load(tx, id)? else { return Ok(None) };
    let Some(from) = unread::unread_from(tx, id, mail.seqs)? else { return Ok(None) };
    let said =
        said(tx, mail.language, &about, id, (from, mail.seqs.1), ANSWERS, &app.config.time_zone)?;
    if said.is_empty() {
        return Ok(None);
    }
    let mut parts = vec![about.text(mail.language, "mail.unread_intro")];
    parts.extend(said);
    parts.extend(link(app, mail.language, secret));
    Ok(Some(finish(mail.language, about.subject(mail.language, "mail.unread_subject"), parts)))
}

fn receipt(
    tx: &mut Tx<'_>,
    app: &App,
    mail: &Due,
    id: &Uuid,
    secret: &str,
) -> Result<Option<Letter>, Error> {
    let Some(about) = About::load(tx, id)? else { return Ok(None) };
    let mut parts = vec![about.text(mail.language, "mail.receipt_intro")];
    parts.extend(link(app, mail.language, secret));
    Ok(Some(finish(mail.language, about.subject(mail.language, "mail.receipt_subject"), parts)))
}

fn transcript(tx: &mut Tx<'_>, app: &App, mail: &Due, id: &Uuid) -> Result<Option<Letter>, Error> {
    let Some(about) = About::load(tx, id)? else { return Ok(None) };
    let zone = &app.config.time_zone;
    let began = time::with_seconds(clock::made_at(id), zone);
    let arguments = [("queue", about.queue.clone()), ("date", began)];
    let mut parts = vec![Part::Text(mail.language.text("mail.transcript_intro", &arguments))];
    let said = said(tx, mail.language, &about, id, mail.seqs, EVERYBODY, zone)?;
    if said.is_empty() {
        parts.push(Part::Text(mail.language.text("mail.transcript_empty", &[])));
    }
    parts.extend(said);
    Ok(Some(finish(mail.language, about.subject(mail.language, "mail.transcript_subject"), parts)))
}

/// As long as the link is good.
fn to_agent(
    tx: &mut Tx<'_>,
    app: &App,
    mail: &Due,
    kind: links::Kind,
    what: &str,
    secret: &str,
) -> Result<Option<Letter>, Error> {
    let Some(Agent { login, .. }) = links::find(tx, secret, app.clock.now())? else {
        return Ok(None);
    };
    let language = mail.language;
    let text =
        |key: &str| language.text(&format!("mail.{what}_{key}"), &[("login", login.clone())]);
    let link = kind.address(&app.base_url(), secret);
    let parts = vec![Part::Text(text("intro")), Part::Link(link), Part::Text(text("outro"))];
    Ok(Some(finish(language, text("subject"), parts)))
}

fn finish(language: Language, subject: String, mut parts: Vec<Part>) -> Letter {
    parts.push(Part::Text(language.text("mail.footer", &[])));
    Letter { language, subject, parts }
}

fn link(app: &App, language: Language, secret: &str) -> [Part; 3] {
    [
        Part::Text(language.text("mail.link_intro", &[])),
        Part::Link(format!("{}/c/{secret}", app.base_url())),
        Part::Text(language.text("mail.link_warning", &[])),
    ]
}

/// What a conversation is called.
struct About {
    queue: String,
    /// As the visitor knows it; empty when only the company does.
    client: String,
}

impl About {
    fn load(tx: &mut Tx<'_>, id: &Uuid) -> Result<Option<Self>, Error> {
        Ok(show::find(tx, id)?.map(|seen| Self {
            client: seen.name().unwrap_or_default().to_owned(),
            queue: seen.queue,
        }))
    }

    fn subject(&self, language: Language, key: &str) -> String {
        language.text(key, &[("queue", self.queue.clone())])
    }

    fn text(&self, language: Language, key: &str) -> Part {
        Part::Text(self.subject(language, key))
    }
}

/// The first and the last of those who count.
type Speakers = (Speaker, Speaker);
const ANSWERS: Speakers = (Speaker::Agent, Speaker::Bot);
const EVERYBODY: Speakers = (Speaker::Client, Speaker::System);

/// What was said, the first first; the last of it when it is too much.
fn said(
    tx: &mut Tx<'_>,
    language: Language,
    about: &About,
    id: &Uuid,
    (from, until): (i64, i64),
    (first, last): Speakers,
    zone: &jiff::tz::TimeZone,
) -> Result<Vec<Part>, Error> {
    let (mut bytes, mut count) = (0, 0);
    let range = params![id, from, until, first as i64, last as i64, MESSAGES_MAX + 1];
    let rows = tx.query(&SAID, range, |row: &Row<'_>| {
        let (at, speaker): (Millis, i64) = (row.get(0)?, row.get(1)?);
        let text: Option<String> = row.get(2)?;
        bytes += text.as_ref().map_or(0, String::len);
        count += 1;
        if bytes > TEXT_BYTES_MAX || count > MESSAGES_MAX {
            return Ok(None);
        }
        let speaker = Speaker::from_number(speaker);
        let name: String = row.get(3)?;
        // As visitors know them.
        let who = match (name.trim(), speaker) {
            (_, Speaker::Client) if !about.client.is_empty() => about.client.clone(),
            ("", _) | (_, Speaker::Client) => language.text(speaker_key(speaker), &[]),
            (name, _) => name.to_owned(),
        };
        let head = format!("{who}, {}", time::with_seconds(at, zone));
        let text = text.unwrap_or_else(|| language.text("mail.erased", &[]));
        Ok(Some(Part::Said { head, text }))
    })?;
    let is_cut = rows.iter().any(Option::is_none);
    let mut parts: Vec<_> = rows.into_iter().map_while(|part| part).collect();
    if is_cut {
        parts.push(Part::Text(language.text("mail.earlier_left_out", &[])));
    }
    parts.reverse();
    Ok(parts)
}

const fn speaker_key(speaker: Speaker) -> &'static str {
    match speaker {
        Speaker::Client => "mail.client",
        Speaker::Agent => "mail.agent",
        Speaker::Bot => "mail.bot",
        Speaker::System => "mail.system",
    }
}
