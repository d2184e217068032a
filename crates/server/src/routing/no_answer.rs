//! Agents who do not answer.
//!
//! An answer is owed from the later of the assignment and the client's first message. When it is overdue, the conversation
//! goes on to somebody else, and the silent agent on a pause, unless a queue would be left without anybody.

use rozmowa_db::{Row, Tx, params};
use uuid::Uuid;

use crate::act::Act;
use crate::agent::{self, presence};
use crate::clock::Millis;
use crate::conversation::assign::{Because, take_away};
use crate::http::Error;
use crate::live::{Passed, Passing, Topic};
use crate::queue::settings::Settings;

rozmowa_db::statements! {
    HOLD = {
        sqlite: "SELECT c.agent_id, c.answer_due_at, c.chat_queue_id, q.settings
            FROM conversation c JOIN chat_queue q ON q.id = c.chat_queue_id WHERE c.id = $1",
        postgres: "SELECT c.agent_id, c.answer_due_at, c.chat_queue_id, q.settings
            FROM conversation c JOIN chat_queue q ON q.id = c.chat_queue_id WHERE c.id = $1 FOR UPDATE OF c",
    };
    MISS = "INSERT INTO missed (conversation_id, agent_id, at) VALUES ($1, $2, $3)
        ON CONFLICT (conversation_id, agent_id) DO UPDATE SET at = excluded.at";
    /// Somebody else on duty in a queue who has not missed a conversation since coming on duty.
    OTHER = "SELECT 1 FROM queue_agent m JOIN agent a ON a.id = m.agent_id JOIN presence p ON p.agent_id = m.agent_id
        WHERE m.chat_queue_id = $1 AND m.agent_id <> $2 AND p.status = 1 AND p.lease_until > $3 AND a.is_active = 1
          AND NOT EXISTS (SELECT 1 FROM missed x
              WHERE x.conversation_id = $4 AND x.agent_id = m.agent_id AND x.at >= p.changed_at)
        LIMIT 1";
    /// A queue of an agent's in which nobody else is on duty.
    ALONE_IN = "SELECT o.chat_queue_id FROM queue_agent o WHERE o.agent_id = $1 AND NOT EXISTS
            (SELECT 1 FROM queue_agent m JOIN agent a ON a.id = m.agent_id JOIN presence p ON p.agent_id = m.agent_id
             WHERE m.chat_queue_id = o.chat_queue_id AND m.agent_id <> $1
               AND p.status = 1 AND p.lease_until > $2 AND a.is_active = 1)
        LIMIT 1";
}

/// On to another agent when the first answer is overdue.
pub fn look(tx: &mut Tx<'_>, act: &Act<'_>, id: &Uuid) -> Result<(), Error> {
    // Two who are silent at once must not each take the other for the one who stays.
    tx.lock(&["who does not answer"])?;
    let held = tx.query_opt(&HOLD, params![id], |row: &Row<'_>| {
        Ok((
            row.get::<Option<i64>>(0)?,
            row.get::<Option<Millis>>(1)?,
            row.get::<i64>(2)?,
            Settings::from_stored(&row.get::<String>(3)?),
        ))
    })?;
    // Answered, closed, or owed by another time, which has a timer of its own.
    let Some((Some(agent_id), Some(due_at), queue, settings)) = held else { return Ok(()) };
    if due_at > act.now || settings.no_answer().is_none() {
        return Ok(());
    }
    tx.put(&MISS, params![id, agent_id, act.now])?;
    let other = tx.query_opt(&OTHER, params![queue, agent_id, act.now, id], |_| Ok(()))?;
    let is_missed_by_all = other.is_none();
    take_away(tx, act, id, agent_id, Because::NoAnswer { is_missed_by_all })?;
    if is_missed_by_all {
        alarm(tx, queue, Some(*id));
    }
    if settings.no_answer_pauses && !is_alone(tx, agent_id, act.now)? {
        agent::hold_by_id(tx, agent_id)?;
        presence::silence(tx, agent_id, act.now)?;
    }
    Ok(())
}

/// Whether a queue would be without anybody if the agent paused.
fn is_alone(tx: &mut Tx<'_>, agent_id: i64, now: Millis) -> Result<bool, Error> {
    Ok(tx.query_opt(&ALONE_IN, params![agent_id, now], |_| Ok(()))?.is_some())
}

fn alarm(tx: &mut Tx<'_>, chat_queue_id: i64, conversation: Option<Uuid>) {
    for topic in [Topic::List(chat_queue_id), Topic::AllLists] {
        tx.publish(Passed { topic, passing: Passing::Alarm { chat_queue_id, conversation } });
    }
}
