//! What a bot hears: the part of bots that every event runs through, where there are bots.

use rozmowa_db::{Tx, params};
use uuid::Uuid;

use crate::act::Act;
use crate::conversation::log::{Kind, Speaker, Turn};
use crate::http::Error;
use crate::queue;
use crate::timer;
use crate::webhook::{self, Subject};

rozmowa_db::statements! {
    WHOSE = "SELECT bot_id FROM conversation WHERE id = $1 AND bot_id IS NOT NULL";
    CLEAR = "UPDATE conversation SET bot_id = NULL WHERE id = $1";
    OWE = "UPDATE conversation SET answer_due_at = $2 WHERE id = $1 AND answer_due_at IS NULL";
}

/// Tells the bot that has the conversation of an event in it, and ends its having it when somebody else has it now.
pub fn hear(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    turn: Turn,
    (kind, sent_by, bot): (Kind, Speaker, Option<Uuid>),
) -> Result<(), Error> {
    // Whoever starts a conversation knows of the queue's bot.
    if kind == Kind::Started {
        return Ok(());
    }
    let bot = match bot {
        Some(bot) => Some(bot),
        None => tx.query_opt(&WHOSE, params![id], |row| row.get(0))?,
    };
    let Some(bot) = bot else { return Ok(()) };
    if sent_by != Speaker::Bot
        && let Some(action) = kind.action()
    {
        let subject = Subject::Event { conversation: id, seq: turn.seq };
        webhook::tell_bot(tx, act, Some(&bot), action, subject, turn.at)?;
    }
    let is_over = matches!(kind, Kind::Closed | Kind::Transferred | Kind::Unassigned);
    if is_over || turn.agent_id.is_some() {
        tx.put(&CLEAR, params![id])?;
    } else if kind == Kind::Message && sent_by == Speaker::Client {
        owe(tx, act, id, turn.chat_queue_id)?;
    }
    Ok(())
}

/// From now on the bot has as long as an agent would have.
pub fn owe(tx: &mut Tx<'_>, act: &Act<'_>, id: &Uuid, chat_queue_id: i64) -> Result<(), Error> {
    let Some(queue) = queue::find(tx, chat_queue_id)? else { return Ok(()) };
    let Some(within) = queue.settings.no_answer() else { return Ok(()) };
    if tx.execute(&OWE, params![id, act.now + within])? == 1 {
        timer::set(tx, act.now + within, timer::Kind::Bot, id)?;
    }
    Ok(())
}
