//! Erasing: the texts and files of one side, or a conversation with all it holds.
//!
//! What is to go is marked in the transaction that answers: from then on nothing shows it. It goes in steps, so that nobody
//! waits for a long conversation: the first at once, the rest right after the answer's transaction, and what a crash has
//! left is found by [`more`].

use std::time::{Duration, Instant};

use rozmowa_db::{Row, Tx, params};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Status;
use super::log::{self, Event, Kind, Move, Speaker, Stored, Turn};
use crate::act::Act;
use crate::agent::capacity;
use crate::app::App;
use crate::file::{self, Side};
use crate::http::params::Named;
use crate::http::{Code, Error};
use crate::live::{ToRoute, Told, Was};
use crate::report;
use crate::search;
use crate::webhook::{self, Action, Subject};

/// Events that one step takes.
const STEP: i64 = 200;
/// How long an answer waits for the last step. What is left is marked, and goes without it.
const PATIENCE: Duration = Duration::from_secs(5);

rozmowa_db::statements! {
    ERASED = "UPDATE conversation SET seq = seq + 1, updated_at = CASE WHEN updated_at > $2 THEN updated_at ELSE $2 END,
            rating_text = CASE WHEN $3 = 1 THEN NULL ELSE rating_text END
        WHERE id = $1 RETURNING seq, updated_at, chat_queue_id, agent_id, status";
    /// Whoever wants to add something finds no row, and whoever looks finds nothing.
    REMOVE = "DELETE FROM conversation WHERE id = $1 RETURNING seq, updated_at, chat_queue_id, agent_id, status, bot_id";
    MARK = "INSERT INTO erasing (conversation_id, what, until_seq, done_seq) VALUES ($1, $2, $3, 0)
        ON CONFLICT (conversation_id, what) DO UPDATE SET until_seq = excluded.until_seq
        WHERE erasing.until_seq < excluded.until_seq";
    MARKED = "SELECT conversation_id, what, until_seq, done_seq FROM erasing ORDER BY conversation_id, what LIMIT 1";
    MARKED_OF = "SELECT conversation_id, what, until_seq, done_seq FROM erasing WHERE conversation_id = $1
        ORDER BY what LIMIT 1";
    GONE = "UPDATE erasing SET done_seq = $3 WHERE conversation_id = $1 AND what = $2 AND done_seq < $3";
    /// Unless somebody has marked more meanwhile.
    DONE = "DELETE FROM erasing WHERE conversation_id = $1 AND what = $2 AND until_seq <= $3";
    /// What was erased when stays to be told.
    BLANK_AGENTS = "UPDATE event SET text = NULL, data = NULL
        WHERE conversation_id = $1 AND seq > $2 AND seq <= $3 AND sent_by <> 0 AND kind <> 12";
    BLANK_CLIENT = "UPDATE event SET text = NULL, data = NULL
        WHERE conversation_id = $1 AND seq > $2 AND seq <= $3 AND sent_by = 0 AND kind <> 12";
    /// Where a conversation went to stays, too.
    MOVES = "SELECT seq, data FROM event WHERE conversation_id = $1 AND seq > $2 AND seq <= $3
        AND kind IN (7, 10) AND sent_by <> 0 AND data IS NOT NULL";
    MOVED = "UPDATE event SET data = $3 WHERE conversation_id = $1 AND seq = $2";
    DROP_EVENTS = "DELETE FROM event WHERE conversation_id = $1 AND seq > $2 AND seq <= $3";
    DROP_CLIENT_DATA = "DELETE FROM client_data WHERE conversation_id = $1";
    DROP_CONSENTS = "DELETE FROM consent WHERE conversation_id = $1";
    DROP_TOKENS = "DELETE FROM visitor_token WHERE conversation_id = $1";
    DROP_MISSED = "DELETE FROM missed WHERE conversation_id = $1";
    DROP_TAGS = "DELETE FROM conversation_tag WHERE conversation_id = $1";
    DROP_MAIL = "DELETE FROM mail WHERE conversation_id = $1";
}

/// Whose texts and files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Participant {
    /// The agents' side: bots and the system too.
    User,
    Customer,
    Both,
}

impl Named for Participant {
    const ALL: &[Self] = &[Self::User, Self::Customer, Self::Both];

    fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Customer => "customer",
            Self::Both => "both",
        }
    }
}

/// What a mark is for. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    All = 0,
    Agents = 1,
    Client = 2,
}

impl What {
    const fn from_number(number: i64) -> Self {
        match number {
            1 => Self::Agents,
            2 => Self::Client,
            _ => Self::All,
        }
    }
}

impl Participant {
    const fn marks(self) -> &'static [What] {
        match self {
            Self::User => &[What::Agents],
            Self::Customer => &[What::Client],
            Self::Both => &[What::Agents, What::Client],
        }
    }
}

/// What is on its way out.
struct Mark {
    conversation: Uuid,
    what: What,
    until_seq: i64,
    done_seq: i64,
}

impl Mark {
    fn read(row: &Row<'_>) -> Result<Self, rozmowa_db::Error> {
        Ok(Self {
            conversation: row.get(0)?,
            what: What::from_number(row.get(1)?),
            until_seq: row.get(2)?,
            done_seq: row.get(3)?,
        })
    }
}

/// The texts and files of one side, or both. The messages stay, as erased.
pub fn contents(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    participant: Participant,
) -> Result<(), Error> {
    let is_clients = participant != Participant::User;
    let turn = tx.query_opt(&ERASED, params![id, act.now, is_clients], Turn::read)?;
    let turn = turn.ok_or(Code::UnknownConversation)?;
    let event = Event::of(Kind::Erased, Speaker::System);
    log::append(tx, act, id, turn, &event.with(&json!({ "participant": participant.name() })))?;
    for what in participant.marks() {
        mark(tx, id, *what, turn.seq)?;
    }
    step(tx, id)?;
    Ok(())
}

/// A conversation with all it holds.
pub fn conversation(tx: &mut Tx<'_>, act: &Act<'_>, id: &Uuid) -> Result<(), Error> {
    let row = |row: &Row<'_>| Ok((Turn::read(row)?, row.get::<Option<Uuid>>(5)?));
    let removed = tx.query_opt(&REMOVE, params![id], row)?;
    let (last, bot) = removed.ok_or(Code::UnknownConversation)?;
    if let Some(agent_id) = last.agent_id.filter(|_| last.status != Status::Closed) {
        capacity::release(tx, agent_id)?;
        tx.publish(ToRoute(None));
    }
    for statement in
        [&DROP_CLIENT_DATA, &DROP_CONSENTS, &DROP_TOKENS, &DROP_MISSED, &DROP_TAGS, &DROP_MAIL]
    {
        tx.put(statement, params![id])?;
    }
    report::fact::forget(tx, id)?;
    mark(tx, id, What::All, last.seq)?;
    tell_deleted(tx, act, id, last, bot)?;
    step(tx, id)?;
    Ok(())
}

/// The log is gone, so nothing is appended to it: who listens hears of a last event all the same.
fn tell_deleted(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: &Uuid,
    last: Turn,
    bot: Option<Uuid>,
) -> Result<(), Error> {
    let (seq, at) = (last.seq + 1, last.at.max(act.now));
    let subject = Subject::Event { conversation: id, seq };
    webhook::tell(tx, act, Action::ConversationDeleted, subject, at)?;
    webhook::tell_bot(tx, act, bot.as_ref(), Action::ConversationDeleted, subject, at)?;
    let event = Stored {
        seq,
        at,
        kind: Kind::Deleted,
        sent_by: Speaker::System,
        agent_id: None,
        bot_id: None,
        text: None,
        data: None,
        client_key: None,
    };
    let turn = Turn { seq, at, status: Status::Closed, ..last };
    tx.publish(Told { conversation: *id, turn, event, was: Was::default() });
    Ok(())
}

fn mark(tx: &mut Tx<'_>, id: &Uuid, what: What, until_seq: i64) -> Result<(), Error> {
    Ok(tx.put(&MARK, params![id, what as i64, until_seq])?)
}

/// Takes a step of what is marked in a conversation; false when nothing is left.
fn step(tx: &mut Tx<'_>, id: &Uuid) -> Result<bool, Error> {
    match tx.query_opt(&MARKED_OF, params![id], Mark::read)? {
        Some(mark) => take(tx, &mark).map(|()| true),
        None => Ok(false),
    }
}

/// Takes a step of what is marked in any; false when nothing is left.
pub fn more(tx: &mut Tx<'_>, _: &Act<'_>) -> Result<bool, Error> {
    match tx.query_opt(&MARKED, params![], Mark::read)? {
        Some(mark) => take(tx, &mark).map(|()| true),
        None => Ok(false),
    }
}

fn take(tx: &mut Tx<'_>, mark: &Mark) -> Result<(), Error> {
    let Mark { conversation, what, until_seq, done_seq } = mark;
    let until = (done_seq + STEP).min(*until_seq);
    let side = match what {
        What::All => Side::Both,
        What::Agents => Side::Others,
        What::Client => Side::Client,
    };
    // Whoever indexes what is said holds the conversation, too.
    tx.query_opt(&log::HOLD, params![conversation], |_| Ok(()))?;
    let mut has_more = file::erase(tx, conversation, side, *until_seq)?;
    let events = match what {
        What::All => &DROP_EVENTS,
        What::Agents => &BLANK_AGENTS,
        What::Client => &BLANK_CLIENT,
    };
    if until > *done_seq {
        let steps = params![conversation, *done_seq, until];
        let moves = match what {
            What::Agents => {
                tx.query(&MOVES, steps, |row| Ok((row.get::<i64>(0)?, row.get::<String>(1)?)))?
            }
            What::All | What::Client => Vec::new(),
        };
        tx.execute(events, steps)?;
        for (seq, data) in moves {
            let data: Value = serde_json::from_str(&data).unwrap_or_default();
            if let Some(moved) = Move::of(&data) {
                tx.put(&MOVED, params![conversation, seq, &moved.left()])?;
            }
        }
        tx.put(&GONE, params![conversation, *what as i64, until])?;
    }
    has_more |= match what {
        What::All => search::forget(tx, conversation)?,
        What::Agents | What::Client => search::forget_texts(tx, conversation)?,
    };
    if until == *until_seq && !has_more {
        tx.put(&DONE, params![conversation, *what as i64, until])?;
    }
    Ok(())
}

/// Takes the steps that are left of a conversation, as far as an answer can wait for them.
pub async fn finish(app: &App, id: Uuid) {
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        match app.db.write(move |tx| step(tx, &id)).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                return tracing::warn!(cause = error.cause(), "the rest is erased later");
            }
        }
    }
}
