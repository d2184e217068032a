//! What bots do in conversations: speak, finish, hand over.

use rozmowa_db::{Row, Tx, params};
use serde_json::Value;
use uuid::Uuid;

use super::Bot;
use crate::act::Act;
use crate::agent::capacity;
use crate::clock::Millis;
use crate::conversation::log::{self, Event, Kind, Speaker, Turn};
use crate::conversation::{self, NewMessage, Status};
use crate::file;
use crate::http::{Code, Error};
use crate::live::{ToRoute, Was};
use crate::queue;
use crate::timer;
use crate::webhook::{self, Action, Subject};

rozmowa_db::statements! {
    /// What is decided by what was read stays so until the transaction's end.
    HOLD = {
        sqlite: "SELECT status, bot_id, agent_id, chat_queue_id, first_client_at FROM conversation WHERE id = $1",
        postgres: "SELECT status, bot_id, agent_id, chat_queue_id, first_client_at FROM conversation WHERE id = $1 FOR UPDATE",
    };
    /// A new conversation goes to the bot first, and does not wait for people.
    START = "UPDATE conversation SET bot_id = $2, waiting_rank = NULL, waiting_since = NULL WHERE id = $1";
    GIVE = "UPDATE conversation SET seq = seq + 1, updated_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END,
            bot_id = $3, agent_id = NULL, waiting_rank = NULL, waiting_since = NULL, answer_due_at = NULL
        WHERE id = $1 AND status <> 2 RETURNING seq, updated_at, chat_queue_id, agent_id, status";
    SAY = "UPDATE conversation SET seq = seq + 1, updated_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END,
            answer_due_at = NULL
        WHERE id = $1 AND status <> 2 AND bot_id = $3 RETURNING seq, updated_at, chat_queue_id, agent_id, status";
    NOTE = "UPDATE conversation SET seq = seq + 1, updated_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END
        WHERE id = $1 AND status <> 2 AND bot_id = $3 RETURNING seq, updated_at, chat_queue_id, agent_id, status";
    HAND_OVER = "UPDATE conversation SET seq = seq + 1, updated_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END,
            bot_id = NULL, chat_queue_id = $4, waiting_rank = 1, waiting_since = $2, answer_due_at = NULL
        WHERE id = $1 AND status <> 2 AND bot_id = $3 RETURNING seq, updated_at, chat_queue_id, agent_id, status";
    HELD = "SELECT id FROM conversation WHERE bot_id = $1 ORDER BY id LIMIT $2";
    DUE = "SELECT bot_id, answer_due_at FROM conversation WHERE id = $1 AND bot_id IS NOT NULL AND answer_due_at IS NOT NULL";
}

/// Conversations that one step of [`let_go`] takes.
const STEP: i64 = 50;

/// A conversation that nobody else changes until this transaction has ended.
struct Held {
    is_closed: bool,
    bot_id: Option<Uuid>,
    agent_id: Option<i64>,
    chat_queue_id: i64,
    first_client_at: Option<Millis>,
}

fn hold(tx: &mut Tx<'_>, id: &Uuid) -> Result<Held, Error> {
    let held = tx.query_opt(&HOLD, params![id], |row: &Row<'_>| {
        Ok(Held {
            is_closed: row.get::<i64>(0)? == Status::Closed.number(),
            bot_id: row.get(1)?,
            agent_id: row.get(2)?,
            chat_queue_id: row.get(3)?,
            first_client_at: row.get(4)?,
        })
    })?;
    Ok(held.ok_or(Code::UnknownConversation)?)
}

impl Held {
    /// Fails unless the bot has it.
    fn check(&self, bot: &Uuid) -> Result<(), Error> {
        match self.bot_id {
            _ if self.is_closed => Err(Code::ConversationClosed.into()),
            Some(has) if has == *bot => Ok(()),
            _ => Err(Code::NotTheBots.into()),
        }
    }
}

/// Gives a conversation that has just been started to its queue's bot.
pub fn start(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    bot: &Bot,
    at: Millis,
) -> Result<(), Error> {
    tx.put(&START, params![id, &bot.id])?;
    let subject = Subject::Event { conversation: id, seq: 1 };
    webhook::tell_bot(tx, act, Some(&bot.id), Action::ConversationCreated, subject, at)
}

/// Gives a conversation to a bot, whosever it is. The same one again changes nothing.
pub fn assign(tx: &mut Tx<'_>, act: &Act<'_>, id: &Uuid, bot: &Uuid) -> Result<(), Error> {
    let bot = super::ready(tx, bot)?;
    let held = hold(tx, id)?;
    if held.is_closed {
        return Err(Code::ConversationClosed.into());
    }
    if held.bot_id == Some(bot.id) {
        return Ok(());
    }
    if let Some(agent_id) = held.agent_id {
        capacity::release(tx, agent_id)?;
        tx.publish(ToRoute(None));
    }
    let turn = tx.query_one(&GIVE, params![id, act.now, &bot.id], Turn::read)?;
    let was = Was { agent_id: held.agent_id, chat_queue_id: None };
    let event = Event::of(Kind::GivenToBot, Speaker::System).of_bot(bot.id).from(was);
    log::append(tx, act, id, turn, &event)?;
    let subject = Subject::Event { conversation: id, seq: turn.seq };
    webhook::tell_bot(tx, act, held.bot_id.as_ref(), Action::BotAssigned, subject, turn.at)?;
    if held.first_client_at.is_some() {
        super::talk::owe(tx, act, id, turn.chat_queue_id)?;
    }
    Ok(())
}

/// A bot says something in its conversation.
pub fn say(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    bot: &Uuid,
    new: &NewMessage,
) -> Result<(), Error> {
    let bot = super::ready(tx, bot)?;
    if log::once(tx, id, new.client_key)?.is_some() {
        return Ok(());
    }
    let Some(turn) = tx.query_opt(&SAY, params![id, act.now, &bot.id], Turn::read)? else {
        hold(tx, id)?.check(&bot.id)?;
        return Err(tx.run_again("the conversation became the bot's meanwhile").into());
    };
    let mut event = Event::of(Kind::Message, Speaker::Bot).of_bot(bot.id).saying(&new.text);
    if let Some(data) = file::send(tx, id, turn.seq, Speaker::Bot, &new.files)? {
        event = event.with(&data);
    }
    log::append(tx, act, id, turn, &event.numbered(new.client_key))
}

/// A bot finishes its conversation: closes it, or hands it over, by the bot's setting. A closed one stays as it is.
pub fn stop(tx: &mut Tx<'_>, act: &Act<'_>, id: &Uuid, bot: &Uuid) -> Result<(), Error> {
    let bot = super::ready(tx, bot)?;
    let held = hold(tx, id)?;
    if held.is_closed {
        return Ok(());
    }
    held.check(&bot.id)?;
    if bot.is_handing_over {
        return release(
            tx,
            act,
            id,
            &bot.id,
            Speaker::Bot,
            (held.chat_queue_id, held.chat_queue_id),
        );
    }
    let event = Event::of(Kind::Closed, Speaker::Bot).of_bot(bot.id);
    conversation::close_with(tx, act, id, &event).map(|_| ())
}

/// Where a bot hands a conversation over to, and what it has learnt.
#[derive(Debug, Clone, Default)]
pub struct HandOver {
    /// Without it the conversation stays in its queue.
    pub chat_queue_id: Option<i64>,
    pub note: Option<String>,
    /// An object.
    pub data: Option<Value>,
}

/// A bot hands its conversation over to people. What it has learnt is a note, which the client never sees.
pub fn hand_over(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    bot: &Uuid,
    over: &HandOver,
) -> Result<(), Error> {
    let bot = super::ready(tx, bot)?;
    let held = hold(tx, id)?;
    held.check(&bot.id)?;
    let queue = over.chat_queue_id.unwrap_or(held.chat_queue_id);
    if queue != held.chat_queue_id {
        let found = queue::find(tx, queue)?;
        let found = found.ok_or_else(|| queue::fault(Code::UnknownQueue, queue))?;
        if !found.is_enabled {
            return Err(queue::fault(Code::QueueDisabled, queue));
        }
    }
    if over.note.is_some() || over.data.is_some() {
        let turn = tx.query_one(&NOTE, params![id, act.now, &bot.id], Turn::read)?;
        let mut event = Event::of(Kind::Note, Speaker::Bot).of_bot(bot.id);
        if let Some(note) = &over.note {
            event = event.saying(note);
        }
        if let Some(data) = &over.data {
            event = event.with(data);
        }
        log::append(tx, act, id, turn, &event)?;
    }
    release(tx, act, id, &bot.id, Speaker::Bot, (held.chat_queue_id, queue))
}

/// Puts a conversation that is held, and is the bot's, into a queue, where people take it.
fn release(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    bot: &Uuid,
    by: Speaker,
    (from, to): (i64, i64),
) -> Result<(), Error> {
    let turn = tx.query_opt(&HAND_OVER, params![id, act.now, bot, to], Turn::read)?;
    let Some(turn) = turn else { return Ok(()) };
    let was = Was { agent_id: None, chat_queue_id: (from != to).then_some(from) };
    let event = Event::of(Kind::HandedOver, by).of_bot(*bot).from(was);
    log::append(tx, act, id, turn, &event)?;
    tx.publish(ToRoute(Some(to)));
    Ok(())
}

/// Hands a step's worth of a bot's conversations over to people; says whether there may be more.
pub fn let_go(tx: &mut Tx<'_>, act: &Act<'_>, bot: &Uuid) -> Result<bool, Error> {
    let ids = tx.query(&HELD, params![bot, STEP], |row| row.get::<Uuid>(0))?;
    for id in &ids {
        let held = hold(tx, id)?;
        if held.check(bot).is_ok() {
            let queue = held.chat_queue_id;
            release(tx, act, id, bot, Speaker::System, (queue, queue))?;
        }
    }
    Ok(ids.len() as u64 == STEP.unsigned_abs())
}

/// The same for all bots that are disabled; says whether there may be more.
pub fn let_go_more(tx: &mut Tx<'_>, act: &Act<'_>) -> Result<bool, Error> {
    for bot in tx.query(&super::DISABLED, params![], super::read)? {
        if let_go(tx, act, &bot.id)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A bot that owes an answer for too long has lost its conversation to people.
pub fn look(tx: &mut Tx<'_>, act: &Act<'_>, id: &Uuid) -> Result<(), Error> {
    let row = |row: &Row<'_>| Ok((row.get::<Uuid>(0)?, row.get::<Millis>(1)?));
    // Held before it is judged: the bot may be answering.
    let held = match hold(tx, id) {
        Err(error) if error.status() == http::StatusCode::NOT_FOUND => return Ok(()),
        held => held?,
    };
    let Some((bot, due_at)) = tx.query_opt(&DUE, params![id], row)? else { return Ok(()) };
    if due_at > act.now {
        return timer::set(tx, due_at, timer::Kind::Bot, id);
    }
    if held.check(&bot).is_err() {
        return Ok(());
    }
    release(tx, act, id, &bot, Speaker::System, (held.chat_queue_id, held.chat_queue_id))
}
