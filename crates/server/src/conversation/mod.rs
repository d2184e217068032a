//! Conversations: a row each, and a log that is the truth.
//!
//! Every change is one conditional update that takes the next `seq`, and the event it appends under it.

pub mod access;
pub mod api;
pub mod api_actions;
pub mod assign;
pub mod board;
pub mod console;
pub mod console_actions;
pub mod erase;
pub mod erase_api;
pub mod idle;
pub mod label;
pub mod link;
pub mod link_console;
pub mod list;
pub mod log;
pub mod note;
pub mod rate;
pub mod read;
pub mod reopen;
pub mod retention;
pub mod sheet;
pub mod stream;
pub mod stream_api;
pub mod transfer;
pub mod view;

use rozmowa_db::{Row, Tx, params};
use uuid::Uuid;

use crate::act::Act;
use crate::agent::{self, capacity};
use crate::bot;
use crate::clock::Millis;
use crate::customer::{self, Hints, Matched, NewCustomer};
use crate::file;
use crate::http::{Code, Error, Fault};
use crate::live::ToRoute;
use crate::locale::Language;
use crate::queue;
use crate::queue::settings::WelcomeWhen;
use crate::routing::position::Handled;
use crate::setting::Setting;
use assign::Heard;
use label::Labels;
use log::{Event, Kind, Place, Speaker, Turn};

rozmowa_db::statements! {
    ADD = "INSERT INTO conversation (id, chat_queue_id, status, seq, customer_id, client_id,
            client_name, client_surname, client_email, updated_at, waiting_rank, waiting_since, origin, is_verified,
            language)
        VALUES ($1, $2, 0, 1, $3, $4, $5, $6, $7, $8, 1, $8, $9, $10, $11)";
    EXISTS = "SELECT 1 FROM conversation WHERE id = $1";
    /// The client or a bot speaks. A turn's time is never before the last one's, whatever the clocks say.
    HEAR = "UPDATE conversation SET seq = seq + 1, updated_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END,
            client_at = $2, first_client_at = coalesce(first_client_at, $2)
        WHERE id = $1 AND status <> 2
        RETURNING seq, updated_at, chat_queue_id, agent_id, status, first_client_at,
            (SELECT lease_until FROM presence WHERE presence.agent_id = conversation.agent_id AND ended_how IN (0, 3))";
    /// An agent speaks.
    ANSWER = "UPDATE conversation SET seq = seq + 1, updated_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END, status = 1,
            agent_at = $2, first_agent_at = coalesce(first_agent_at, $2), answer_due_at = NULL
        WHERE id = $1 AND status <> 2 RETURNING seq, updated_at, chat_queue_id, agent_id, status";
    CLOSE = "UPDATE conversation SET seq = seq + 1, updated_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END,
            closed_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END, status = 2,
            waiting_rank = NULL, waiting_since = NULL, answer_due_at = NULL
        WHERE id = $1 AND status <> 2 RETURNING seq, updated_at, chat_queue_id, agent_id, status, assigned_at";
    UNLINKED = "SELECT id FROM conversation WHERE client_id = $1 AND customer_id IS NULL ORDER BY id LIMIT $2";
    /// Customers whose conversations are not all linked yet.
    LEFT = "SELECT c.id, c.identifier, c.name, c.surname,
            (SELECT email FROM customer_email WHERE customer_id = c.id ORDER BY position LIMIT 1)
        FROM linking l JOIN customer c ON c.id = l.customer_id WHERE c.identifier IS NOT NULL
        ORDER BY l.customer_id LIMIT 1";
    LEAVE = "INSERT INTO linking (customer_id) VALUES ($1) ON CONFLICT DO NOTHING";
    DONE = "DELETE FROM linking WHERE customer_id = $1";
    LINK = "UPDATE conversation SET seq = seq + 1, updated_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END, customer_id = $3,
            client_name = CASE WHEN client_name = '' AND client_surname = '' THEN $4 ELSE client_name END,
            client_surname = CASE WHEN client_name = '' AND client_surname = '' THEN $5 ELSE client_surname END,
            client_email = CASE WHEN client_email = '' THEN $6 ELSE client_email END
        WHERE id = $1 AND customer_id IS NULL RETURNING seq, updated_at, chat_queue_id, agent_id, status";
}

/// Conversations that one step of [`link`] takes.
const LINK_STEP: i64 = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Created,
    InProgress,
    Closed,
}

impl Status {
    pub const ALL: &[Self] = &[Self::Created, Self::InProgress, Self::Closed];

    pub const fn number(self) -> i64 {
        match self {
            Self::Created => 0,
            Self::InProgress => 1,
            Self::Closed => 2,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::InProgress => "IN_PROGRESS",
            Self::Closed => "CLOSED",
        }
    }

    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.number() == number)
    }
}

/// Who started it. The numbers are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Origin {
    #[default]
    Program = 0,
    Visitor = 1,
}

/// What a call to start a conversation gave.
#[derive(Debug, Clone, Default)]
pub struct NewConversation {
    pub origin: Origin,
    /// Nobody vouches for who the client is: what is said of them is kept, and linked to nobody.
    pub is_unverified: bool,
    pub language: Option<Language>,
    pub chat_queue_id: i64,
    pub client_name: String,
    pub client_surname: String,
    pub client_email: Option<String>,
    pub client_id: Option<String>,
    pub customer_id: Option<i64>,
}

/// Starts a conversation and finds its customer.
pub fn start(tx: &mut Tx<'_>, act: &Act<'_>, new: &NewConversation) -> Result<Uuid, Error> {
    let of_queue = |code| Error::from(Fault::new(code).with("id", new.chat_queue_id));
    let queue = queue::find(tx, new.chat_queue_id)?.ok_or_else(|| of_queue(Code::UnknownQueue))?;
    if !queue.is_enabled {
        return Err(of_queue(Code::QueueDisabled));
    }
    let customer = if new.is_unverified { None } else { find_or_add_customer(tx, act, new)? };
    // The id is made inside the transaction, so that ids are in the order of commits as far as there is one.
    let id = act.ids.v7(act.now);
    let at = crate::clock::made_at(&id);
    let (mut name, mut surname) = (new.client_name.as_str(), new.client_surname.as_str());
    let mut email = new.client_email.as_deref();
    // A match fills what the call left out. Name and surname go together: half of each would be nobody.
    if let Some(customer) = &customer {
        if name.is_empty() && surname.is_empty() {
            (name, surname) = (&customer.name, &customer.surname);
        }
        email = email.or(customer.email.as_deref());
    }
    tx.put(
        &ADD,
        params![
            &id,
            new.chat_queue_id,
            customer.as_ref().map(|customer| customer.id),
            new.client_id.as_deref(),
            name,
            surname,
            email.unwrap_or_default(),
            at,
            new.origin as i64,
            !new.is_unverified,
            new.language.map(Language::tag),
        ],
    )?;
    let turn = Turn {
        seq: 1,
        at,
        chat_queue_id: new.chat_queue_id,
        agent_id: None,
        status: Status::Created,
    };
    let bot = bot::of_queue(tx, queue.settings.bot_id)?;
    let event = Event::of(Kind::Started, Speaker::Client);
    let event =
        bot.as_ref().map_or(event, |bot| Event::of(Kind::Started, Speaker::Client).of_bot(bot.id));
    log::append(tx, act, &id, turn, &event)?;
    idle::set(tx, &queue.settings, &id, at)?;
    if queue.settings.welcome_when == WelcomeWhen::Creation {
        assign::welcome(tx, act, &id, &queue.settings, new.language.map(Language::tag))?;
    }
    match bot {
        Some(bot) => bot::work::start(tx, act, &id, &bot, at)?,
        None => tx.publish(ToRoute(Some(new.chat_queue_id))),
    }
    Ok(id)
}

fn find_or_add_customer(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    new: &NewConversation,
) -> Result<Option<Matched>, Error> {
    let hints = Hints {
        customer_id: new.customer_id,
        client_id: new.client_id.clone(),
        email: new.client_email.clone(),
    };
    let found = customer::find_match(tx, &hints)?;
    let has_name = !new.client_name.is_empty() || !new.client_surname.is_empty();
    // Nobody is made of a number alone that means nobody.
    if found.is_some() || (hints.client_id.is_none() && hints.email.is_none() && !has_name) {
        return Ok(found);
    }
    let emails: Vec<String> = hints.email.iter().cloned().collect();
    if !hints.is_empty() {
        // Somebody may be making this very customer: look again once that is over.
        customer::hold(tx, hints.client_id.as_deref(), &emails)?;
        if let Some(found) = customer::find_match(tx, &hints)? {
            return Ok(Some(found));
        }
    }
    if !Setting::AddCustomers.get(tx)? {
        return Ok(None);
    }
    let customer = NewCustomer {
        identifier: hints.client_id,
        name: new.client_name.clone(),
        surname: new.client_surname.clone(),
        emails,
    };
    add_customer(tx, act, &customer)
}

/// Adds a customer and links the conversations that have waited for one of this identifier. What does not fit into one
/// transaction is left to [`link_more`]. `None` when the identifier is another customer's.
pub fn add_customer(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    customer: &NewCustomer,
) -> Result<Option<Matched>, Error> {
    let Some(added) = customer::add(tx, act, customer)? else { return Ok(None) };
    if let Some(identifier) = &customer.identifier
        && link(tx, act, identifier, &added)?
    {
        tx.put(&LEAVE, params![added.id])?;
    }
    Ok(Some(added))
}

/// Goes on with what [`add_customer`] has left; false when nothing is left.
pub fn link_more(tx: &mut Tx<'_>, act: &Act<'_>) -> Result<bool, Error> {
    let left = tx.query_opt(&LEFT, params![], |row| {
        let customer = Matched {
            id: row.get(0)?,
            name: row.get(2)?,
            surname: row.get(3)?,
            email: row.get(4)?,
        };
        Ok((row.get::<String>(1)?, customer))
    })?;
    let Some((identifier, customer)) = left else { return Ok(false) };
    if !link(tx, act, &identifier, &customer)? {
        tx.put(&DONE, params![customer.id])?;
    }
    Ok(true)
}

/// Links a step's worth of the conversations that kept the customer's identifier; false when none is left.
pub fn link(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    identifier: &str,
    customer: &Matched,
) -> Result<bool, Error> {
    let ids = tx.query(&UNLINKED, params![identifier, LINK_STEP], |row| row.get::<Uuid>(0))?;
    for id in &ids {
        let email = customer.email.as_deref().unwrap_or_default();
        let params = params![id, act.now, customer.id, &customer.name, &customer.surname, email];
        if let Some(turn) = tx.query_opt(&LINK, params, Turn::read)? {
            log::append(tx, act, id, turn, &Event::of(Kind::Linked, Speaker::System))?;
        }
    }
    Ok(ids.len() as u64 == LINK_STEP.unsigned_abs())
}

/// What somebody says.
#[derive(Debug, Clone, Default)]
pub struct NewMessage {
    /// Empty when it is files alone.
    pub text: String,
    /// Made by the sender: the same one again is the same message.
    pub client_key: Option<Uuid>,
    /// Uploaded before.
    pub files: Vec<Uuid>,
}

impl NewMessage {
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.files.is_empty()
    }
}

/// The client says something.
pub fn message(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    new: &NewMessage,
) -> Result<Place, Error> {
    if let Some(place) = log::once(tx, id, new.client_key)? {
        return Ok(place);
    }
    let Some(heard) = tx.query_opt(&HEAR, params![id, act.now], Heard::read)? else {
        return Err(silent(tx, id)?);
    };
    let mut event = Event::of(Kind::Message, Speaker::Client).saying(&new.text);
    if let Some(data) = file::send(tx, id, heard.turn.seq, Speaker::Client, &new.files)? {
        event = event.with(&data);
    }
    log::append(tx, act, id, heard.turn, &event.numbered(new.client_key))?;
    assign::heard(tx, act, id, &heard)?;
    Ok(heard.turn.place())
}

/// An agent says something; the conversation becomes theirs if it was nobody's and they have room for it.
pub fn reply(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    login: &str,
    new: &NewMessage,
) -> Result<Place, Error> {
    let agent = agent::active(tx, login)?;
    if let Some(place) = log::once(tx, id, new.client_key)? {
        return Ok(place);
    }
    assign::take(tx, act, id, &agent)?;
    let Some(turn) = tx.query_opt(&ANSWER, params![id, act.now], Turn::read)? else {
        return Err(silent(tx, id)?);
    };
    let mut event = Event::of(Kind::Message, Speaker::Agent).about(agent.id).saying(&new.text);
    if let Some(data) = file::send(tx, id, turn.seq, Speaker::Agent, &new.files)? {
        event = event.with(&data);
    }
    log::append(tx, act, id, turn, &event.numbered(new.client_key))?;
    Ok(turn.place())
}

/// Ends a conversation for its client. A second time changes nothing.
pub fn stop(tx: &mut Tx<'_>, act: &Act<'_>, id: &Uuid) -> Result<(), Error> {
    close(tx, act, id, Speaker::Client)
}

/// Ends a conversation. A second time changes nothing.
pub fn close(tx: &mut Tx<'_>, act: &Act<'_>, id: &Uuid, by: Speaker) -> Result<(), Error> {
    close_with(tx, act, id, &Event::of(Kind::Closed, by)).map(|_| ())
}

/// Ends a conversation for an agent, or for a program, under a number of theirs; what it is about is said before. A second
/// time changes nothing.
pub fn finish(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    by: Option<i64>,
    labels: &Labels,
    client_key: Option<Uuid>,
) -> Result<Option<Place>, Error> {
    if let Some(place) = log::once(tx, id, client_key)? {
        return Ok(Some(place));
    }
    label::set(tx, act, id, by, labels, None)?;
    close_with(tx, act, id, &Event::by(Kind::Closed, by).numbered(client_key))
}

/// The same, under an event that says more of who does it.
pub fn close_with(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    event: &Event<'_>,
) -> Result<Option<Place>, Error> {
    let row = |row: &Row<'_>| Ok((Turn::read(row)?, row.get::<Option<Millis>>(5)?));
    match tx.query_opt(&CLOSE, params![id, act.now], row)? {
        Some((turn, assigned_at)) => {
            if let Some(agent_id) = turn.agent_id {
                capacity::release(tx, agent_id)?;
                tx.publish(ToRoute(None));
            }
            if let Some(assigned_at) = assigned_at {
                tx.publish(Handled::new(turn.chat_queue_id, act.now - assigned_at));
            }
            log::append(tx, act, id, turn, event)?;
            Ok(Some(turn.place()))
        }
        None if exists(tx, id)? => Ok(None),
        None => Err(Code::UnknownConversation.into()),
    }
}

pub fn exists(tx: &mut Tx<'_>, id: &Uuid) -> Result<bool, Error> {
    Ok(tx.query_opt(&EXISTS, params![id], |_| Ok(()))?.is_some())
}

/// Why nobody can speak here.
fn silent(tx: &mut Tx<'_>, id: &Uuid) -> Result<Error, Error> {
    let code = if exists(tx, id)? { Code::ConversationClosed } else { Code::UnknownConversation };
    Ok(code.into())
}

/// How people see the client: first name and surname joined, else the id that the company knows the client by.
pub fn shown_name(name: &str, surname: &str, client_id: Option<&str>) -> String {
    let joined = format!("{name} {surname}");
    match (joined.trim(), client_id) {
        ("", Some(client_id)) => format!("Klient {client_id}"),
        (name, _) => name.to_owned(),
    }
}
