//! All that is held on a person, gathered in many looks: nobody waits for it, and what is written meanwhile may be in it or not.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::TimeZone;
use rozmowa_db::{Row, Tx, params};
use uuid::Uuid;

use super::shown::{
    AuditLine, Block, Browser, Consent, Conversation, Customer, Delivery, Event, Export, File, Mail,
};
use super::{Counts, Person, find, trace};
use crate::app::App;
use crate::audit::Entry;
use crate::block::{self, Blocked};
use crate::clause;
use crate::clock;
use crate::conversation::Status;
use crate::conversation::log::{self, Speaker, Stored};
use crate::conversation::rate::Rating;
use crate::customer::show::{Include, Shower};
use crate::customer::{feed, groups, groups_api, list};
use crate::file::Content;
use crate::http::params::Named;
use crate::http::{Code, Error, Fault};
use crate::time;
use crate::webhook::Action;
use crate::webhook::delivery::Outcome;

rozmowa_db::statements! {
    CONVERSATION = "SELECT c.chat_queue_id, q.name, c.status, a.login, c.customer_id, c.client_id, c.client_name, c.client_surname,
            c.client_email, c.is_verified, c.language, c.closed_at, o.name, c.rating, c.rating_text, c.rated_at
        FROM conversation c JOIN chat_queue q ON q.id = c.chat_queue_id LEFT JOIN agent a ON a.id = c.agent_id
            LEFT JOIN topic o ON o.id = c.topic_id
        WHERE c.id = $1";
    TAGS = "SELECT label.name FROM conversation_tag tagged JOIN tag label ON label.id = tagged.tag_id
        WHERE tagged.conversation_id = $1 ORDER BY label.name LIMIT 1000";
    BROWSER = "SELECT ip, user_agent, browser, language, page_url, page_title, referrer FROM client_data
        WHERE conversation_id = $1";
    FILES = "SELECT f.id, f.seq, f.sent_by, f.name, f.size, f.content_type, f.created_at, f.sha256 FROM file f
        WHERE f.conversation_id = $1 ORDER BY f.id LIMIT 10000";
    LOGIN = "SELECT login FROM agent WHERE id = $1";
    WAITING = "SELECT webhook_id, due_at, id, action, conversation_id, customer_id, at FROM delivery
        WHERE (webhook_id, due_at, id) > ($1, $2, $3) ORDER BY webhook_id, due_at, id LIMIT 1000";
    ATTEMPTS = "SELECT webhook_id, delivery_id, attempt, action, conversation_id, customer_id, event_at, at, outcome
        FROM delivery_attempt WHERE (webhook_id, delivery_id, attempt) > ($1, $2, $3)
        ORDER BY webhook_id, delivery_id, attempt LIMIT 1000";
}

/// Exports at once; others wait. Each may hold [`BYTES_MAX`].
pub const AT_ONCE: usize = 1;
/// Texts and files in an answer.
pub const BYTES_MAX: usize = 32 * 1024 * 1024;
/// Events, or deliveries, of one look.
const PAGE: i64 = 1_000;
const ROWS_OF_FULL_PAGE: usize = 1_000;
/// Feed records of one look: each may be 64 KiB.
const RECORDS: i64 = 100;

/// How much is gathered.
#[derive(Debug, Clone, Copy)]
pub struct Want {
    /// In the document itself.
    pub file_contents: bool,
    /// Texts and files may come to so many bytes.
    pub bytes_max: Option<usize>,
}

/// A file whose bytes are not in the document, and where it is in there.
pub struct Beside {
    pub conversation: usize,
    pub file: usize,
    pub content: Content,
}

/// What the bytes come to so far.
struct Budget {
    bytes: usize,
    most: Option<usize>,
}

impl Budget {
    fn take(&mut self, bytes: usize) -> Result<(), Error> {
        self.bytes += bytes;
        match self.most {
            Some(most) if self.bytes > most => {
                let fault = Fault::of(Code::PersonTooLarge, "email");
                Err(fault.with("limit", most / 1024 / 1024).into())
            }
            _ => Ok(()),
        }
    }
}

/// All of it, and the files whose bytes were left out.
pub async fn gather(
    app: &App,
    person: &Person,
    want: Want,
) -> Result<(Export, Vec<Beside>), Error> {
    let mut budget = Budget { bytes: 0, most: want.bytes_max };
    let mut customers = Vec::new();
    let mut subjects = BTreeSet::from([person.subject()]);
    let numbers = find::customers(&app.db, person).await?;
    for id in &numbers {
        customers.extend(customer(app, *id, &mut budget).await?);
        subjects.insert(trace::customer_subject(*id));
    }
    let ids = find::conversations(&app.db, person).await?;
    let (mut conversations, mut beside) = (Vec::new(), Vec::new());
    for id in &ids {
        let Some((mut one, contents)) = conversation(app, *id, &mut budget).await? else {
            continue;
        };
        for (file, content) in contents.into_iter().enumerate() {
            if want.file_contents {
                budget.take(usize::try_from(one.files[file].size).unwrap_or(usize::MAX))?;
                let bytes = tokio::fs::read(app.files.path(&content)).await;
                one.files[file].content = bytes.ok().map(|bytes| STANDARD.encode(bytes));
            } else {
                beside.push(Beside { conversation: conversations.len(), file, content });
            }
        }
        subjects.insert(format!("conversation {id}"));
        conversations.push(one);
    }
    let blocks = blocks(app, person, &conversations).await?;
    subjects.extend(blocks.iter().map(|block| trace::block_subject(block.block_id)));
    subjects.extend(trace::blocks_told(&app.db, person).await?);
    let theirs: BTreeSet<Uuid> = ids.into_iter().collect();
    let mut export = Export {
        email: person.email().to_owned(),
        exported_at: time::with_seconds(app.clock.now(), &app.config.time_zone),
        counts: Counts::default(),
        customers,
        mails: mails(app, person, &theirs).await?,
        audit: audit(app, subjects).await?,
        deliveries: deliveries(app, &theirs, &numbers.into_iter().collect()).await?,
        conversations,
        blocks,
    };
    export.counts = counted(&export);
    Ok((export, beside))
}

fn counted(export: &Export) -> Counts {
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let Export { customers, conversations, blocks, mails, audit, .. } = export;
    let of_customers = |count: fn(&Customer) -> usize| number(customers.iter().map(count).sum());
    let of_all = |count: fn(&Conversation) -> usize| number(conversations.iter().map(count).sum());
    let is_said = |event: &&Event| matches!(event.kind, "message" | "note" | "whisper");
    let said = conversations.iter().flat_map(|one| &one.events).filter(is_said).count();
    // What erasing them would take the contents of.
    let names = |line: &&AuditLine| {
        (line.was.is_some() || line.becomes.is_some())
            && (line.subject.starts_with("customer ") || line.subject.starts_with("block "))
    };
    Counts {
        customers: number(customers.len()),
        field_items: of_customers(|customer| customer.field_items.len()),
        feed_records: of_customers(|customer| customer.feed_records.len()),
        conversations: number(conversations.len()),
        messages: number(said),
        files: of_all(|one| one.files.len()),
        consents: of_all(|one| one.consents.len()),
        ratings: of_all(|one| usize::from(one.rating.is_some())),
        blocks: number(blocks.len()),
        mails: number(mails.len()),
        audit_entries: number(audit.iter().filter(names).count()),
    }
}

async fn customer(app: &App, id: i64, budget: &mut Budget) -> Result<Option<Customer>, Error> {
    let own = app.clone();
    let look = app.db.read(move |tx| {
        let include = Include { custom_fields: true, addresses: [true; 3], details: true };
        let shower = Shower::new(tx, include, &own.config.time_zone)?;
        let Some(item) = list::one(tx, id, include.parts())? else { return Ok(None) };
        let groups = groups::list(tx)?;
        let items = groups::items(tx, id, None)?;
        let field_items = items.iter().filter_map(|item| groups_api::shown(item, &groups));
        let customer = shower.customer(item);
        let field_items = field_items.collect();
        Ok::<_, Error>(Some(Customer { customer, field_items, feed_records: Vec::new() }))
    });
    let Some(mut customer) = look.await? else { return Ok(None) };
    let mut next = Some(Uuid::max());
    while let Some(before) = next {
        let (records, cursor) =
            app.db.read(move |tx| feed::records(tx, id, &before, RECORDS)).await?;
        for record in records {
            budget.take(record.payload.len())?;
            customer.feed_records.push(record.shown(&app.config.time_zone));
        }
        next = cursor;
    }
    Ok(Some(customer))
}

/// With its whole log, and where the bytes of its files lie. None when it was erased meanwhile.
async fn conversation(
    app: &App,
    id: Uuid,
    budget: &mut Budget,
) -> Result<Option<(Conversation, Vec<Content>)>, Error> {
    let own = app.clone();
    let found = app.db.read(move |tx| head(tx, &id, &own)).await?;
    let Some((mut one, contents)) = found else { return Ok(None) };
    let mut after = 0;
    loop {
        let own = app.clone();
        let page = app.db.read(move |tx| {
            let stored = log::since(tx, &id, after, PAGE)?;
            events(tx, stored, &own.config.time_zone)
        });
        let page = page.await?;
        let is_last = page.len() < ROWS_OF_FULL_PAGE;
        for event in &page {
            budget.take(event.text.as_ref().map_or(0, String::len))?;
            after = event.seq;
        }
        one.events.extend(page);
        if is_last {
            return Ok(Some((one, contents)));
        }
    }
}

fn head(
    tx: &mut Tx<'_>,
    id: &Uuid,
    app: &App,
) -> Result<Option<(Conversation, Vec<Content>)>, Error> {
    let zone = &app.config.time_zone;
    let millis = |at: Option<i64>| at.map(|at| time::with_millis(at, zone));
    let found = tx.query_opt(&CONVERSATION, params![id], |row: &Row<'_>| {
        let rating: Option<i64> = row.get(13)?;
        Ok(Conversation {
            conversation_id: *id,
            chat_queue_id: row.get(0)?,
            chat_queue_name: row.get(1)?,
            status: Status::from_number(row.get(2)?).unwrap_or(Status::Closed).name(),
            user_login: row.get(3)?,
            customer_id: row.get(4)?,
            client_id: row.get(5)?,
            client_name: row.get(6)?,
            client_surname: row.get(7)?,
            client_email: row.get(8)?,
            is_verified: row.get(9)?,
            language: row.get(10)?,
            created_at: time::with_millis(clock::made_at(id), zone),
            closed_at: millis(row.get(11)?),
            topic: row.get(12)?,
            tags: Vec::new(),
            rating: rating.and_then(Rating::from_number).map(Named::name),
            rating_text: row.get(14)?,
            rated_at: millis(row.get(15)?),
            client_data: None,
            consents: Vec::new(),
            events: Vec::new(),
            files: Vec::new(),
        })
    })?;
    let Some(mut one) = found else { return Ok(None) };
    one.tags = tx.query(&TAGS, params![id], |row| row.get(0))?;
    one.client_data = tx.query_opt(&BROWSER, params![id], |row: &Row<'_>| {
        Ok(Browser {
            ip: row.get(0)?,
            user_agent: row.get(1)?,
            browser: row.get(2)?,
            language: row.get(3)?,
            page_url: row.get(4)?,
            page_title: row.get(5)?,
            referrer: row.get(6)?,
        })
    })?;
    for given in clause::given(tx, id)? {
        one.consents.push(Consent {
            name: given.clause.name,
            version: given.clause.version,
            texts: serde_json::to_value(&given.clause.texts).map_err(Error::internal)?,
            is_given: given.is_given,
            at: time::with_seconds(given.at, zone),
        });
    }
    let files = tx.query(&FILES, params![id], |row: &Row<'_>| {
        let file_id: Uuid = row.get(0)?;
        let file = File {
            file_id,
            seq: row.get(1)?,
            sent_by: Speaker::from_number(row.get(2)?).name(),
            name: row.get(3)?,
            size: row.get(4)?,
            content_type: row.get(5)?,
            created_at: time::with_millis(row.get(6)?, zone),
            url: app.link(&format!("api/chat_conversations/{id}/files/{file_id}")),
            content: None,
            path: None,
        };
        Ok((file, Content(row.get(7)?)))
    })?;
    let (files, contents) = files.into_iter().unzip();
    one.files = files;
    Ok(Some((one, contents)))
}

fn events(tx: &mut Tx<'_>, stored: Vec<Stored>, zone: &TimeZone) -> Result<Vec<Event>, Error> {
    let mut logins: HashMap<i64, Option<String>> = HashMap::new();
    for id in stored.iter().filter_map(|event| event.agent_id) {
        if let std::collections::hash_map::Entry::Vacant(place) = logins.entry(id) {
            place.insert(tx.query_opt(&LOGIN, params![id], |row| row.get(0))?);
        }
    }
    let shown = |event: Stored| Event {
        seq: event.seq,
        created_at: time::with_millis(event.at, zone),
        kind: event.kind.name(),
        sent_by: event.sent_by.name(),
        user_login: event.agent_id.and_then(|id| logins.get(&id).cloned().flatten()),
        bot_id: event.bot_id,
        text: event.text,
        data: event.data.and_then(|data| serde_json::from_str(&data).ok()),
    };
    Ok(stored.into_iter().map(shown).collect())
}

/// Of the address, and of those that the conversations came from.
async fn blocks(
    app: &App,
    person: &Person,
    conversations: &[Conversation],
) -> Result<Vec<Block>, Error> {
    let ips = conversations.iter().filter_map(|one| one.client_data.as_ref()?.ip.as_deref());
    let ips: BTreeSet<IpAddr> = ips.filter_map(|ip| ip.parse().ok()).collect();
    let mut wanted = vec![Blocked::email(person.email())];
    for ip in ips {
        let blocked = Blocked::address(ip);
        if !wanted.contains(&blocked) {
            wanted.push(blocked);
        }
    }
    let zone = &app.config.time_zone;
    let mut found = Vec::new();
    for some in wanted.chunks(100) {
        let some = some.to_vec();
        let look = app.db.read(move |tx| {
            let found = some.iter().map(|blocked| block::of(tx, blocked));
            found.collect::<Result<Vec<_>, Error>>()
        });
        found.extend(look.await?.into_iter().flatten());
    }
    let shown = |block: block::Block| Block {
        block_id: block.id,
        kind: block.blocked.kind.name(),
        value: block.blocked.value,
        reason: block.reason,
        created_at: time::with_seconds(block.created_at, zone),
        expires_at: block.expires_at.map(|at| time::with_seconds(at, zone)),
    };
    Ok(found.into_iter().map(shown).collect())
}

async fn mails(app: &App, person: &Person, theirs: &BTreeSet<Uuid>) -> Result<Vec<Mail>, Error> {
    let zone = &app.config.time_zone;
    let shown = |mail: trace::Mail| Mail {
        mail_id: mail.id,
        kind: mail.kind.map(crate::mail::Kind::name),
        address: mail.address,
        conversation_id: mail.conversation,
        due_at: time::with_seconds(mail.due_at, zone),
        attempts: mail.attempts,
        error: mail.error,
        given_up_at: mail.given_up_at.map(|at| time::with_seconds(at, zone)),
    };
    Ok(trace::mails(&app.db, person, theirs).await?.into_iter().map(shown).collect())
}

/// The lines of these subjects, the oldest first.
async fn audit(app: &App, subjects: BTreeSet<String>) -> Result<Vec<AuditLine>, Error> {
    let subjects: Vec<String> = subjects.into_iter().collect();
    let mut entries: Vec<Entry> = Vec::new();
    for some in subjects.chunks(100) {
        let some = some.to_vec();
        let look = app.db.read(move |tx| {
            let mut found = Vec::new();
            for subject in &some {
                found.extend(trace::of_subject(tx, subject)?);
            }
            Ok::<_, Error>(found)
        });
        entries.extend(look.await?);
    }
    entries.sort_unstable_by_key(|entry| entry.id);
    let json = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
    let shown = |entry: Entry| AuditLine {
        audit_id: entry.id,
        at: time::with_seconds(entry.at(), &app.config.time_zone),
        actor_kind: entry.actor_kind.name(),
        actor: entry.actor,
        change: entry.change,
        subject: entry.subject,
        was: json(entry.was),
        becomes: json(entry.becomes),
    };
    Ok(entries.into_iter().map(shown).collect())
}

/// Looks through all that waits, and through the log of attempts, which goes back for 30 days.
async fn deliveries(
    app: &App,
    theirs: &BTreeSet<Uuid>,
    customers: &BTreeSet<i64>,
) -> Result<Vec<Delivery>, Error> {
    let zone = &app.config.time_zone;
    let is_theirs = |delivery: &Delivery| {
        delivery.conversation_id.is_some_and(|id| theirs.contains(&id))
            || delivery.customer_id.is_some_and(|id| customers.contains(&id))
    };
    let action = |number: i64| Action::from_number(number).map(Named::name);
    let mut found = Vec::new();
    let mut after = (0, i64::MIN, Uuid::nil());
    loop {
        let own = app.clone();
        let look = app.db.read(move |tx| {
            let zone = &own.config.time_zone;
            let rows = params![after.0, after.1, &after.2];
            Ok::<_, Error>(tx.query(&WAITING, rows, |row: &Row<'_>| {
                let delivery = Delivery {
                    webhook_id: row.get(0)?,
                    delivery_id: row.get(2)?,
                    action: action(row.get(3)?),
                    conversation_id: row.get(4)?,
                    customer_id: row.get(5)?,
                    event_at: time::with_seconds(row.get(6)?, zone),
                    outcome: "PENDING",
                    at: None,
                };
                Ok(((delivery.webhook_id, row.get(1)?, delivery.delivery_id), delivery))
            })?)
        });
        let page = look.await?;
        let is_last = page.len() < ROWS_OF_FULL_PAGE;
        after = page.last().map_or(after, |(place, _)| *place);
        found.extend(page.into_iter().map(|(_, delivery)| delivery).filter(is_theirs));
        if is_last {
            break;
        }
    }
    let mut after = (0, Uuid::nil(), 0);
    loop {
        let look = app.db.read(move |tx| {
            let rows = params![after.0, &after.1, after.2];
            Ok::<_, Error>(tx.query(&ATTEMPTS, rows, |row: &Row<'_>| {
                let place: (i64, Uuid, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
                let of = (row.get::<Option<Uuid>>(4)?, row.get::<Option<i64>>(5)?);
                let times: (i64, i64) = (row.get(6)?, row.get(7)?);
                Ok((place, row.get::<i64>(3)?, of, times, row.get::<i64>(8)?))
            })?)
        });
        let page = look.await?;
        let is_last = page.len() < ROWS_OF_FULL_PAGE;
        after = page.last().map_or(after, |(place, ..)| *place);
        for (place, number, (conversation_id, customer_id), (event_at, at), outcome) in page {
            let delivery = Delivery {
                webhook_id: place.0,
                delivery_id: place.1,
                action: action(number),
                conversation_id,
                customer_id,
                event_at: time::with_seconds(event_at, zone),
                outcome: Outcome::name(outcome),
                at: Some(time::with_seconds(at, zone)),
            };
            found.extend(Some(delivery).filter(is_theirs));
        }
        if is_last {
            return Ok(found);
        }
    }
}
