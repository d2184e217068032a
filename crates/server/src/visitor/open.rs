//! Conversations that visitors open themselves.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::Path;
use rozmowa_db::{Tx, params};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::data::{self, Browser};
use super::identity::{self, Identity};
use super::limit::{Rate, What};
use super::{gate, token};
use crate::act::{Act, ActorKind};
use crate::app::App;
use crate::block;
use crate::clause::{self, Clause};
use crate::clock::Millis;
use crate::conversation::{self, NewConversation, NewMessage, Origin};
use crate::demo;
use crate::http::address::limited_as;
use crate::http::call::{Caller, Head};
use crate::http::error::Envelope;
use crate::http::idempotency::IdempotencyKey;
use crate::http::params::{Email, Hearsay, Id, Line, Many, Named, OneOf, Text, path_number};
use crate::http::{Call, Code, Error, Fault, Reply};
use crate::locale::Language;
use crate::mail;
use crate::queue::api::ChatQueueId;
use crate::queue::widget::{Asks, WidgetShown};
use crate::queue::{self, Queue, hours};
use crate::webhook::Wanted;

rozmowa_db::statements! {
    ON_DUTY = "SELECT 1 FROM queue_agent q JOIN presence p ON p.agent_id = q.agent_id
        WHERE q.chat_queue_id = $1 AND p.lease_until > $2 LIMIT 1";
}

/// Somebody who has nothing to show yet.
pub struct Anyone(IpAddr);

impl Caller for Anyone {
    const KIND: ActorKind = ActorKind::Visitor;

    async fn enter(head: &Head, _: &App) -> Result<Arc<Self>, Error> {
        Ok(Arc::new(Self(head.from)))
    }

    fn recheck(&self, tx: &mut Tx<'_>, _: Millis) -> Result<Option<String>, Error> {
        Wanted::revision(tx)
    }

    fn name(&self) -> String {
        String::new()
    }

    /// An idempotency key is not shared with other addresses: its answer opens a conversation.
    fn scope(&self) -> Vec<u8> {
        format!("anyone at {}", self.0).into_bytes()
    }
}

/// A queue, as far as visitors need to know it.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question that a page has")]
pub struct VisitorQueue {
    chat_queue_id: i64,
    name: String,
    #[serde(flatten)]
    readiness: Readiness,
    has_text_preview: bool,
    takes_files: bool,
    /// No file is larger.
    file_bytes_max: u64,
    /// A visitor who has gone is sent what was answered, when there is an address.
    answers_by_email: bool,
    /// Whether conversations are opened without a signed identity, too.
    takes_unverified: bool,
    /// What visitors are to be shown, and asked.
    clauses: Vec<VisitorClause>,
    /// How the chat looks, and what it asks for.
    widget: WidgetShown,
}

/// Whether somebody will answer soon.
#[derive(Serialize, ToSchema)]
pub struct Readiness {
    /// Within working hours.
    is_open: bool,
    /// Epoch milliseconds; when it is closed and known.
    next_opening_at: Option<Millis>,
    /// Whether an agent of the queue is on duty now.
    is_attended: bool,
}

/// A clause in force.
#[derive(Serialize, ToSchema)]
pub struct VisitorClause {
    clause_id: i64,
    /// `information` or `consent`.
    kind: &'static str,
    version: i64,
    is_required: bool,
    text_pl: String,
    text_en: String,
}

impl From<Clause> for VisitorClause {
    fn from(clause: Clause) -> Self {
        Self {
            clause_id: clause.id,
            kind: clause.kind.name(),
            version: clause.version,
            is_required: clause.is_required,
            text_pl: clause.texts.pl,
            text_en: clause.texts.en,
        }
    }
}

fn readiness(tx: &mut Tx<'_>, app: &App, queue: &Queue, now: Millis) -> Result<Readiness, Error> {
    let on_duty = tx.query_opt(&ON_DUTY, params![queue.id, now], |_| Ok(()))?;
    let (hours, zone) = (queue.settings.hours.as_ref(), &app.config.time_zone);
    let is_open = hours::is_open(hours, now, zone);
    let opens_at = || hours::opens_at(hours, now, zone);
    Ok(Readiness {
        is_open,
        next_opening_at: if is_open { None } else { opens_at() },
        is_attended: on_duty.is_some() || demo::script::answers(tx, app)?,
    })
}

fn enabled(tx: &mut Tx<'_>, id: i64) -> Result<Queue, Error> {
    let queue = queue::find(tx, id)?.ok_or_else(|| queue::fault(Code::UnknownQueue, id))?;
    if queue.is_enabled { Ok(queue) } else { Err(queue::fault(Code::QueueDisabled, id)) }
}

/// Shows a queue to visitors
///
/// What a page needs before it opens a conversation.
#[utoipa::path(
    get, path = "/visitor/queues/{id}", operation_id = "show_visitor_queue", tag = "visitor", params(ChatQueueId),
    responses(
        (status = 200, description = "The queue.", body = VisitorQueue),
        (status = 403, description = "Not from this page.", body = Envelope),
        (status = 404, description = "Unknown chat queue.", body = Envelope),
        (status = 409, description = "Disabled chat queue.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show_queue(Path(id): Path<String>, call: Call<Anyone>) -> Result<Reply, Error> {
    let id = path_number(&id).ok_or_else(|| Fault::new(Code::UnknownQueue).with("id", &id))?;
    let queue = call.look(move |tx| enabled(tx, id)).await?;
    gate::check(call.app(), call.head(), &queue.settings)?;
    call.read(move |tx, app| {
        let clauses = clause::current(tx, &queue.settings.clauses)?;
        Reply::json(&VisitorQueue {
            chat_queue_id: queue.id,
            name: queue.name.clone(),
            readiness: readiness(tx, app, &queue, app.clock.now())?,
            has_text_preview: queue.settings.has_text_preview,
            takes_files: queue.settings.takes_files,
            file_bytes_max: app.config.files.max_bytes,
            answers_by_email: mail::answers(app, &queue.settings),
            takes_unverified: queue.settings.takes_unverified,
            clauses: clauses.into_iter().map(VisitorClause::from).collect(),
            widget: queue.settings.widget.clone().into(),
        })
    })
    .await
}

crate::params! { body
    OpenConversation {
        chat_queue_id: Id = 3,
        /// What the visitor is called; nobody vouches for it. Beside an identity it counts for nothing, nor does `email`.
        name: Option<Line<255>> = "Jan Kowalski",
        email: Option<Email> = "jan.kowalski@example.org",
        /// `pl` or `en`; without it what the browser prefers.
        language: Option<OneOf<Language>> = "pl",
        /// The page that the visitor is on. Kept without what is behind `#`, up to 2,000 characters; of the title up to 255.
        page_url: Option<Hearsay> = "https://shop.example.org/buty",
        page_title: Option<Hearsay> = "Buty",
        /// The page that led there; up to 2,000 characters are kept.
        referrer: Option<Hearsay>,
        /// The `clause_id`s that the visitor has agreed to, of those in force.
        consents: Option<Many<Id, 100>>,
        /// A JWT by which the company says who the visitor is.
        identity: Option<Line<4_096>>,
        /// A first message.
        text: Option<Text<16_384>> = "Dzień dobry",
        /// Its number, made by the client.
        client_key: Option<Uuid>,
    }
}

/// The conversation that was opened.
#[derive(Serialize, ToSchema)]
pub struct OpenedConversation {
    conversation_id: Uuid,
    /// What opens it to this visitor from now on. It is not shown again.
    token: String,
    /// The company vouches for who the visitor is.
    is_verified: bool,
    #[serde(flatten)]
    readiness: Readiness,
}

/// Opens a conversation
///
/// From our own pages, from those of the queue's allowed origins, or from a program. Outside working hours, and when nobody is
/// on duty, it is opened all the same, and the answer says so.
#[utoipa::path(
    post, path = "/visitor/conversations", operation_id = "open_conversation", tag = "visitor", params(IdempotencyKey),
    request_body(content((OpenConversation = "application/json"))),
    responses(
        (status = 200, description = "It is stored.", body = OpenedConversation),
        (status = 403, description = "Not from this page, a blocked visitor, or an identity that is not valid.", body = Envelope),
        (status = 404, description = "Unknown chat queue.", body = Envelope),
        (status = 409, description = "Disabled chat queue, or a clause has changed.", body = Envelope),
        (status = 429, description = "Too many from this address.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn open(mut call: Call<Anyone>) -> Result<Reply, Error> {
    let given: OpenConversation = call.params()?;
    let (id, app) = (given.chat_queue_id.0, call.app().clone());
    let queue = call.look(move |tx| enabled(tx, id)).await?;
    gate::check(&app, call.head(), &queue.settings)?;
    if let Some(reply) = call.answered().await? {
        return Ok(reply);
    }
    let from = call.head().from;
    let opens = u32::try_from(queue.settings.opens_per_hour).unwrap_or_default();
    app.visits.take(What::Opens(id, limited_as(from)), Rate::per_hour(opens))?;
    let opening = Opening::new(given, call.head());
    call.write(move |tx, act| {
        let opened = opening.run(tx, act, &app, from)?;
        Ok(Reply::json(&opened)?.secret())
    })
    .await
}

struct Opening {
    chat_queue_id: i64,
    name: String,
    email: Option<String>,
    language: Option<Language>,
    browser: Browser,
    consents: Vec<i64>,
    identity: Option<String>,
    message: Option<NewMessage>,
}

impl Opening {
    fn new(given: OpenConversation, head: &Head) -> Self {
        let text = |told: Option<Hearsay>| told.map(|told| told.0);
        let browser = Browser::of(&head.headers, head.from)
            .at(text(given.page_url), text(given.page_title))
            .led_by(text(given.referrer));
        let language = given.language.map(|language| language.0);
        let preferred = browser.language.as_deref().map(Language::accepted);
        let client_key = given.client_key;
        Self {
            chat_queue_id: given.chat_queue_id.0,
            name: given.name.map(Into::into).unwrap_or_default(),
            email: given.email.map(Into::into),
            language: language.or(preferred),
            browser,
            consents: given.consents.into_iter().flat_map(|ids| ids.0).map(|id| id.0).collect(),
            identity: given.identity.map(Into::into),
            message: given.text.map(|text| NewMessage {
                text: text.0,
                client_key,
                ..NewMessage::default()
            }),
        }
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        act: &Act<'_>,
        app: &App,
        from: IpAddr,
    ) -> Result<OpenedConversation, Error> {
        let queue = enabled(tx, self.chat_queue_id)?;
        let identity = self.identity.as_deref();
        let identity =
            identity.map(|jwt| identity::take(tx, act, &app.secret, queue.id, jwt)).transpose()?;
        if identity.is_none() && !queue.settings.takes_unverified {
            return Err(queue::fault(Code::IdentityNeeded, queue.id));
        }
        if identity.is_none() {
            self.check_asked(&queue)?;
        }
        let new = self.conversation(identity);
        for email in [new.client_email.as_deref(), self.email.as_deref()] {
            if block::is_blocked(tx, Some(from), email, act.now)? {
                return Err(Code::VisitorBlocked.into());
            }
        }
        let clauses = clause::current(tx, &queue.settings.clauses)?;
        clause::check(&clauses, &self.consents)?;
        let id = conversation::start(tx, act, &new)?;
        data::note(tx, &id, &self.browser)?;
        data::page_open(tx, &id, act.now)?;
        clause::give(tx, act, &id, &clauses, &self.consents)?;
        let token = token::issue(tx, act, &id, None)?;
        if let Some(message) = &self.message {
            conversation::message(tx, act, &id, message)?;
        }
        let readiness = readiness(tx, app, &queue, act.now)?;
        let is_verified = !new.is_unverified;
        Ok(OpenedConversation { conversation_id: id, token, is_verified, readiness })
    }

    /// Fails when the visitor has not said what the queue has to know. Who is vouched for is asked for nothing.
    fn check_asked(&self, queue: &Queue) -> Result<(), Error> {
        let widget = &queue.settings.widget;
        let asked = [
            ("name", widget.asks_name, self.name.is_empty()),
            ("email", widget.asks_email, self.email.is_none()),
        ];
        let missing = asked
            .into_iter()
            .filter(|(_, asks, is_missing)| *asks == Asks::Required && *is_missing);
        let faults: Vec<_> = missing.map(|(name, ..)| Fault::of(Code::Missing, name)).collect();
        if faults.is_empty() { Ok(()) } else { Err(Error::new(faults)) }
    }

    /// What the company has signed counts, and nothing that the visitor says beside it. Without a signature nothing is looked up in the CRM: a stranger who gives a customer's address is not that customer.
    fn conversation(&self, identity: Option<Identity>) -> NewConversation {
        let is_unverified = identity.is_none();
        let identity = identity.unwrap_or_default();
        NewConversation {
            origin: Origin::Visitor,
            is_unverified,
            language: self.language,
            chat_queue_id: self.chat_queue_id,
            client_name: if is_unverified {
                self.name.clone()
            } else {
                identity.name.unwrap_or_default()
            },
            client_email: if is_unverified { self.email.clone() } else { identity.email },
            client_id: identity.identifier,
            ..NewConversation::default()
        }
    }
}
