//! Conversations in which nobody says anything any more.

use rozmowa_db::{Row, Tx, params};
use uuid::Uuid;

use super::log::Speaker;
use super::{Status, close};
use crate::act::Act;
use crate::clock::{self, Millis};
use crate::http::Error;
use crate::queue::settings::{IdleFrom, Settings};
use crate::timer;

rozmowa_db::statements! {
    /// What is decided by what was read stays so until the transaction's end.
    IDLE = {
        sqlite: "SELECT c.status, q.settings, c.client_at, c.page_closed_at, c.reopened_at, c.agent_id, c.assigned_at,
                c.first_agent_at, c.agent_at, c.bot_id
            FROM conversation c JOIN chat_queue q ON q.id = c.chat_queue_id WHERE c.id = $1",
        postgres: "SELECT c.status, q.settings, c.client_at, c.page_closed_at, c.reopened_at, c.agent_id, c.assigned_at,
                c.first_agent_at, c.agent_at, c.bot_id
            FROM conversation c JOIN chat_queue q ON q.id = c.chat_queue_id WHERE c.id = $1 FOR UPDATE OF c",
    };
}

struct Held {
    is_closed: bool,
    settings: Settings,
    client_at: Option<Millis>,
    page_closed_at: Option<Millis>,
    reopened_at: Option<Millis>,
    is_agents: bool,
    assigned_at: Option<Millis>,
    first_agent_at: Option<Millis>,
    agent_at: Option<Millis>,
    is_bots: bool,
}

impl Held {
    fn read(row: &Row<'_>) -> Result<Self, rozmowa_db::Error> {
        Ok(Self {
            is_closed: row.get::<i64>(0)? == Status::Closed.number(),
            settings: Settings::from_stored(&row.get::<String>(1)?),
            client_at: row.get(2)?,
            page_closed_at: row.get(3)?,
            reopened_at: row.get(4)?,
            is_agents: row.get::<Option<i64>>(5)?.is_some(),
            assigned_at: row.get(6)?,
            first_agent_at: row.get(7)?,
            agent_at: row.get(8)?,
            is_bots: row.get::<Option<Uuid>>(9)?.is_some(),
        })
    }

    /// Nobody of ours has answered what the client said last, and no agent who did so before has it. What a bot has is the
    /// bot's to answer.
    fn waits_for_us(&self) -> bool {
        let Some(said_at) = self.client_at.filter(|_| !self.is_bots) else { return false };
        let was_answered = self.agent_at.is_some_and(|at| at >= said_at);
        !was_answered && (self.first_agent_at.is_none() || !self.is_agents)
    }

    /// Since when it is idle. Of a page that is open this is in the future.
    fn idle_from(&self, id: &Uuid, after: Millis) -> Millis {
        let spoken_at = self.client_at.unwrap_or_else(|| clock::made_at(id));
        let from = match (self.settings.idle_from, self.page_closed_at) {
            (IdleFrom::PageClose, Some(closed_at)) => closed_at.max(spoken_at),
            _ => spoken_at,
        };
        // Whoever opens it again gives it the whole time.
        let from = from.max(self.reopened_at.unwrap_or(from));
        // So does an agent who gets or answers it so late that it is open only because it has waited for us.
        let late = self.agent_at.max(self.assigned_at).filter(|at| *at >= from + after);
        late.unwrap_or(from)
    }
}

/// When a new conversation is looked at first.
pub fn set(tx: &mut Tx<'_>, settings: &Settings, id: &Uuid, from: Millis) -> Result<(), Error> {
    match settings.idle_close() {
        Some(after) => timer::set(tx, from + after, timer::Kind::Idle, id),
        None => Ok(()),
    }
}

/// Closes an idle conversation, or looks again when it will be idle. One that waits for us is nobody's absence.
pub fn look(tx: &mut Tx<'_>, act: &Act<'_>, id: &Uuid) -> Result<(), Error> {
    let Some(held) = tx.query_opt(&IDLE, params![id], Held::read)? else { return Ok(()) };
    let Some(after) = held.settings.idle_close().filter(|_| !held.is_closed) else {
        return Ok(());
    };
    if held.waits_for_us() {
        return set(tx, &held.settings, id, act.now);
    }
    let from = held.idle_from(id, after);
    if from + after > act.now {
        return set(tx, &held.settings, id, from);
    }
    close(tx, act, id, Speaker::System)
}
