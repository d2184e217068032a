//! Answers that a visitor has not read.
//!
//! A silence begins when the visitor goes and ends when the visitor is back: says something, opens a page, or reads what an
//! e-mail told. There is one e-mail in a silence, with all that was answered until it is sent; whoever follows its link sees
//! the rest.

use rozmowa_db::{Row, Tx, params};
use uuid::Uuid;

use super::{Kind, NewMail};
use crate::act::Act;
use crate::clock::{self, Millis};
use crate::http::Error;
use crate::queue::settings::Settings;
use crate::timer;
use crate::visitor::token;

rozmowa_db::statements! {
    /// Whether an answer may have to be told by e-mail.
    WHETHER = "SELECT q.settings FROM conversation c JOIN chat_queue q ON q.id = c.chat_queue_id
        WHERE c.id = $1 AND c.client_email <> ''";
    LOOK = "SELECT c.client_email, c.language, c.client_at, c.page_closed_at, c.client_read_seq, c.mailed_seq, c.mailed_at,
            c.closed_at, q.settings
        FROM conversation c JOIN chat_queue q ON q.id = c.chat_queue_id WHERE c.id = $1";
    READ = "SELECT client_read_seq FROM conversation WHERE id = $1";
    /// The last time that the client did something.
    ACTED = "SELECT max(seq) FROM event WHERE conversation_id = $1 AND seq > $2 AND sent_by = 0";
    ANSWERS = "SELECT min(at), max(seq) FROM event WHERE conversation_id = $1 AND seq > $2 AND kind = 1
        AND (sent_by = 1 OR sent_by = 2) AND text IS NOT NULL";
    /// To the first who tells it.
    MARK = "UPDATE conversation SET mailed_seq = $3, mailed_at = $4 WHERE id = $1 AND mailed_seq = $2";
}

const MINUTE: Millis = 60_000;

/// An agent or a bot has answered: it is looked later whether the visitor has read it.
pub fn answered(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    conversation: &Uuid,
    at: Millis,
) -> Result<(), Error> {
    if super::sending(act).is_none() {
        return Ok(());
    }
    let row = |row: &Row<'_>| Ok(Settings::from_stored(&row.get::<String>(0)?));
    let settings = tx.query_opt(&WHETHER, params![conversation], row)?;
    match settings.and_then(|settings| settings.mail_after()) {
        Some(after) => timer::set(tx, at + after, timer::Kind::Mail, conversation),
        None => Ok(()),
    }
}

struct Looked {
    email: String,
    language: Option<String>,
    client_at: Option<Millis>,
    /// Of a page that is open this is in the future.
    page_closed_at: Option<Millis>,
    read_seq: i64,
    mailed_seq: i64,
    mailed_at: Millis,
    closed_at: Option<Millis>,
    settings: Settings,
}

impl Looked {
    fn read(row: &Row<'_>) -> Result<Self, rozmowa_db::Error> {
        Ok(Self {
            email: row.get(0)?,
            language: row.get(1)?,
            client_at: row.get(2)?,
            page_closed_at: row.get(3)?,
            read_seq: row.get(4)?,
            mailed_seq: row.get(5)?,
            mailed_at: row.get(6)?,
            closed_at: row.get(7)?,
            settings: Settings::from_stored(&row.get::<String>(8)?),
        })
    }

    /// Since when nobody says anything and no page is open; in the future while one is.
    fn gone_since(&self, id: &Uuid) -> Millis {
        let spoken_at = self.client_at.unwrap_or_else(|| clock::made_at(id));
        self.page_closed_at.map_or(spoken_at, |closed_at| closed_at.max(spoken_at))
    }
}

/// Tells the visitor of a conversation what was answered, or looks again when it may be time.
pub fn look(tx: &mut Tx<'_>, act: &Act<'_>, id: &Uuid) -> Result<(), Error> {
    let Some(app) = super::sending(act) else { return Ok(()) };
    let Some(seen) = tx.query_opt(&LOOK, params![id], Looked::read)? else { return Ok(()) };
    let Some(after) = seen.settings.mail_after() else { return Ok(()) };
    let is_over = seen.closed_at.is_some_and(|at| at + token::AFTER_CLOSE <= act.now);
    if is_over || super::address(&seen.email).is_none() {
        return Ok(());
    }
    let acted = acted(tx, id, seen.mailed_seq)?;
    let was_back = seen.mailed_seq == 0
        || acted.is_some()
        || seen.read_seq >= seen.mailed_seq
        || seen.page_closed_at.is_some_and(|at| at > seen.mailed_at);
    let from = seen.read_seq.max(seen.mailed_seq).max(acted.unwrap_or(0));
    let row = |row: &Row<'_>| Ok((row.get::<Option<Millis>>(0)?, row.get::<Option<i64>>(1)?));
    let (Some(first_at), Some(last)) = tx.query_one(&ANSWERS, params![id, from], row)? else {
        return Ok(());
    };
    let gone_since = seen.gone_since(id);
    if gone_since > act.now {
        // The visitor may be reading. On the minute, so that the timers of many answers become one.
        let at = (act.now + after + MINUTE - 1) / MINUTE * MINUTE;
        return timer::set(tx, at, timer::Kind::Mail, id);
    }
    if !was_back {
        return Ok(());
    }
    let due_at = gone_since.max(first_at) + after;
    if due_at > act.now {
        return timer::set(tx, due_at, timer::Kind::Mail, id);
    }
    if tx.execute(&MARK, params![id, seen.mailed_seq, last, act.now])? == 0 {
        return Ok(());
    }
    let secret = token::issue(tx, act, id, None)?;
    let mail = NewMail {
        kind: Kind::Unread,
        address: &seen.email,
        language: super::language(seen.language.as_deref()),
        conversation: Some(id),
        agent_id: None,
        seqs: Some((from, last)),
        secret: Some(&secret),
    };
    super::put(tx, act, &app.secret, &mail).map(drop)
}

fn acted(tx: &mut Tx<'_>, id: &Uuid, after: i64) -> Result<Option<i64>, Error> {
    Ok(tx.query_one(&ACTED, params![id, after], |row| row.get(0))?)
}

/// From where on the answers of an e-mail are still unread; none when the visitor was back after them.
pub(super) fn unread_from(
    tx: &mut Tx<'_>,
    id: &Uuid,
    (from, until): (i64, i64),
) -> Result<Option<i64>, Error> {
    let Some(read) = tx.query_opt(&READ, params![id], |row| row.get::<i64>(0))? else {
        return Ok(None);
    };
    let from = from.max(read).max(acted(tx, id, from)?.unwrap_or(0));
    if from >= until {
        return Ok(None);
    }
    let row = |row: &Row<'_>| row.get::<Option<i64>>(1);
    Ok(tx.query_one(&ANSWERS, params![id, from], row)?.map(|_| from))
}
