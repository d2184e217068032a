//! Lists of conversations for the console, by the rule of [`access`](super::access).
//!
//! A list finds ids by an index, and rows are read for its page alone.

use rozmowa_db::{Row, Stmt, Tx, Value, params};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::log::Speaker;
use super::{Status, shown_name};
use crate::agent::Role;
use crate::agent::session::AgentSession;
use crate::clock::{self, Millis};
use crate::http::params::Named;
use crate::http::{Code, Error, Fault, page};

rozmowa_db::statements! {
    MINE = "SELECT c.id FROM conversation c
        WHERE c.agent_id = $1 AND c.status <> 2 AND c.id < $2 AND (c.chat_queue_id = $4 OR $4 IS NULL)
        ORDER BY c.id DESC LIMIT $3";
    /// In the order in which they are served.
    WAITING = "SELECT c.id, c.waiting_rank, c.waiting_since FROM conversation c
        WHERE c.waiting_rank IS NOT NULL AND (c.waiting_rank, c.waiting_since, c.id) > ($5, $6, $2)
          AND c.chat_queue_id IN (SELECT q.id FROM chat_queue q WHERE (q.id = $4 OR $4 IS NULL)
            AND ($7 = 1 OR q.id IN (SELECT chat_queue_id FROM queue_agent WHERE agent_id = $1)))
        ORDER BY c.waiting_rank, c.waiting_since, c.id LIMIT $3";
    BY_STATUS = "SELECT c.id FROM conversation c
        WHERE c.status = $5 AND c.id < $2 AND (c.chat_queue_id = $4 OR $4 IS NULL)
          AND ($6 = 1 OR c.agent_id = $1 OR c.chat_queue_id IN (SELECT chat_queue_id FROM queue_agent WHERE agent_id = $1))
        ORDER BY c.id DESC LIMIT $3";
    CLOSED_OF_QUEUE = "SELECT c.id FROM conversation c WHERE c.chat_queue_id = $1 AND c.status = 2 AND c.id < $2
        ORDER BY c.id DESC LIMIT $3";
    CLOSED_OF_AGENT = "SELECT c.id FROM conversation c
        WHERE c.agent_id = $1 AND c.status = 2 AND c.id < $2 AND (c.chat_queue_id = $4 OR $4 IS NULL)
        ORDER BY c.id DESC LIMIT $3";
    /// The queues that an agent answers.
    QUEUES = "SELECT chat_queue_id FROM queue_agent WHERE agent_id = $1 ORDER BY chat_queue_id LIMIT 500";
    /// What is said is looked for among the last 200 events of each.
    ROWS = "SELECT c.id, c.chat_queue_id, q.name, c.status, c.agent_id, a.login, a.name, a.surname, c.client_id, c.client_name,
            c.client_surname, c.customer_id, c.is_verified, c.waiting_since, c.is_missed, c.seq, c.agent_read_seq,
            c.closed_at, c.topic_id, c.bot_id, e.seq, e.at, e.sent_by, CASE WHEN r.what IS NULL THEN substr(e.text, 1, 200) END,
            (SELECT count(*) FROM event m WHERE m.conversation_id = c.id AND m.seq > c.agent_read_seq AND m.seq > c.seq - 200
                AND m.kind = 1 AND m.sent_by = 0)
        FROM conversation c JOIN chat_queue q ON q.id = c.chat_queue_id LEFT JOIN agent a ON a.id = c.agent_id
            LEFT JOIN event e ON e.conversation_id = c.id AND e.seq = (SELECT max(l.seq) FROM event l
                WHERE l.conversation_id = c.id AND l.seq > c.seq - 200 AND l.kind = 1)
            LEFT JOIN erasing r ON r.conversation_id = e.conversation_id
                AND r.what = CASE WHEN e.sent_by = 0 THEN 2 ELSE 1 END AND r.until_seq >= e.seq
        WHERE c.id IN ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,
            $26,$27,$28,$29,$30,$31,$32,$33,$34,$35,$36,$37,$38,$39,$40,$41,$42,$43,$44,$45,$46,$47,$48,$49,$50,
            $51,$52,$53,$54,$55,$56,$57,$58,$59,$60,$61,$62,$63,$64,$65,$66,$67,$68,$69,$70,$71,$72,$73,$74,$75,
            $76,$77,$78,$79,$80,$81,$82,$83,$84,$85,$86,$87,$88,$89,$90,$91,$92,$93,$94,$95,$96,$97,$98,$99,$100)";
}

/// Which conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Open, and the agent's.
    Mine,
    /// Nobody's yet, in the order in which they are served.
    Waiting,
    /// Open, whosever they are.
    All,
    Closed,
}

impl Named for View {
    const ALL: &[Self] = &[Self::Mine, Self::Waiting, Self::All, Self::Closed];

    fn name(self) -> &'static str {
        match self {
            Self::Mine => "mine",
            Self::Waiting => "waiting",
            Self::All => "all",
            Self::Closed => "closed",
        }
    }
}

/// Where a page ended: an id, and among those that wait the place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    id: Uuid,
    rank: i64,
    since: Millis,
}

impl Mark {
    /// Before the first of a view.
    const fn first(view: View) -> Self {
        match view {
            View::Waiting => Self { id: Uuid::nil(), rank: -1, since: 0 },
            _ => Self { id: Uuid::max(), rank: 0, since: 0 },
        }
    }

    pub fn parse(text: &str) -> Result<Self, Fault> {
        let mut parts = text.splitn(3, '.');
        let mut number = || parts.next()?.parse::<i64>().ok();
        let read = (|| Some((number()?, number()?)))();
        let id = parts.next().and_then(|id| Uuid::try_parse(id).ok());
        match (read, id) {
            (Some((rank, since)), Some(id)) => Ok(Self { id, rank, since }),
            _ => Err(Fault::of(Code::NotCursor, "cursor")),
        }
    }
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.rank, self.since, self.id)
    }
}

/// What a view is narrowed to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    pub chat_queue_id: Option<i64>,
    /// The caller sees all of this agent's.
    pub agent_id: Option<i64>,
}

/// A page of a view: ids in order, and where the next one begins.
pub fn page(
    tx: &mut Tx<'_>,
    who: &AgentSession,
    view: View,
    filter: Filter,
    after: Option<Mark>,
    limit: i64,
) -> Result<(Vec<Uuid>, Option<Mark>), Error> {
    let queue_id = filter.chat_queue_id;
    let whose = filter.agent_id.unwrap_or(who.agent_id);
    let after = after.unwrap_or(Mark::first(view));
    let sees_all = who.role >= Role::Supervisor;
    let more = limit + 1;
    let of_status = |tx: &mut Tx<'_>, status: Status| {
        let row = params![who.agent_id, &after.id, more, queue_id, status.number(), sees_all];
        ids(tx, &BY_STATUS, row)
    };
    let found = match view {
        // Whoever has a conversation does not wait.
        View::Waiting if filter.agent_id.is_some() => Vec::new(),
        View::Mine => ids(tx, &MINE, params![whose, &after.id, more, queue_id])?,
        View::All if filter.agent_id.is_some() => {
            ids(tx, &MINE, params![whose, &after.id, more, queue_id])?
        }
        View::Closed if filter.agent_id.is_some() => {
            ids(tx, &CLOSED_OF_AGENT, params![whose, &after.id, more, queue_id])?
        }
        View::Waiting => {
            let id = &after.id;
            let row = params![who.agent_id, id, more, queue_id, after.rank, after.since, sees_all];
            tx.query(&WAITING, row, |row| {
                Ok(Mark { id: row.get(0)?, rank: row.get(1)?, since: row.get(2)? })
            })?
        }
        View::All => {
            let created = of_status(tx, Status::Created)?;
            newest([created, of_status(tx, Status::InProgress)?].concat())
        }
        View::Closed if sees_all => match queue_id {
            Some(queue_id) => ids(tx, &CLOSED_OF_QUEUE, params![queue_id, &after.id, more])?,
            None => of_status(tx, Status::Closed)?,
        },
        View::Closed => closed(tx, who, queue_id, &after, more)?,
    };
    let (marks, has_more) = page::cut(found, limit);
    let next = marks.last().copied().filter(|_| has_more);
    Ok((marks.into_iter().map(|mark| mark.id).collect(), next))
}

/// A queue after the other: what an agent may not see is not looked through.
fn closed(
    tx: &mut Tx<'_>,
    who: &AgentSession,
    queue_id: Option<i64>,
    after: &Mark,
    limit: i64,
) -> Result<Vec<Mark>, Error> {
    let own = params![who.agent_id, &after.id, limit, queue_id];
    let mut found = ids(tx, &CLOSED_OF_AGENT, own)?;
    let queues = tx.query(&QUEUES, params![who.agent_id], |row| row.get::<i64>(0))?;
    for queue in queues.into_iter().filter(|queue| queue_id.is_none_or(|id| id == *queue)) {
        found.extend(ids(tx, &CLOSED_OF_QUEUE, params![queue, &after.id, limit])?);
    }
    Ok(newest(found))
}

fn ids(tx: &mut Tx<'_>, stmt: &Stmt, params: &[Value<'_>]) -> Result<Vec<Mark>, Error> {
    Ok(tx.query(stmt, params, |row| Ok(Mark { id: row.get(0)?, rank: 0, since: 0 }))?)
}

fn newest(mut found: Vec<Mark>) -> Vec<Mark> {
    found.sort_unstable_by_key(|mark| std::cmp::Reverse(mark.id));
    found.dedup();
    found
}

/// An agent, as colleagues see one.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AgentName {
    pub agent_id: i64,
    pub login: String,
    /// First name and surname joined; the login when there is neither.
    pub name: String,
}

impl AgentName {
    pub fn new(agent_id: i64, login: String, name: &str, surname: &str) -> Self {
        let joined = format!("{name} {surname}");
        let name = match joined.trim() {
            "" => login.clone(),
            joined => joined.to_owned(),
        };
        Self { agent_id, login, name }
    }

    /// From the columns number, `login`, `name`, `surname`, beginning with a given one; none when all are null.
    pub fn read(row: &Row<'_>, from: usize) -> Result<Option<Self>, rozmowa_db::Error> {
        let (Some(agent_id), Some(login)) =
            (row.get::<Option<i64>>(from)?, row.get::<Option<String>>(from + 1)?)
        else {
            return Ok(None);
        };
        let (name, surname): (String, String) = (row.get(from + 2)?, row.get(from + 3)?);
        Ok(Some(Self::new(agent_id, login, &name, &surname)))
    }
}

/// How the last message begins.
#[derive(Serialize, ToSchema)]
pub struct LastMessage {
    seq: i64,
    at: i64,
    /// `CLIENT`, `AGENT`, `BOT` or `SYSTEM`.
    sent_by: &'static str,
    /// Up to 200 characters; null when it was erased.
    #[schema(required)]
    text: Option<String>,
}

/// A conversation, as lists show it.
#[derive(Serialize, ToSchema)]
pub struct ConversationRow {
    conversation_id: Uuid,
    /// How people see the client; empty when nothing is known.
    client_name: String,
    /// The customer in the CRM.
    #[schema(required)]
    customer_id: Option<i64>,
    /// Whether somebody vouches for who the client is.
    is_verified: bool,
    chat_queue_id: i64,
    chat_queue: String,
    /// `CREATED`, `IN_PROGRESS` or `CLOSED`.
    status: &'static str,
    /// Whose it is, or was when it was closed.
    #[schema(required)]
    agent: Option<AgentName>,
    /// The bot that has it.
    #[schema(required)]
    bot_id: Option<Uuid>,
    #[schema(required)]
    topic_id: Option<i64>,
    #[schema(required)]
    last_message: Option<LastMessage>,
    /// Messages of the client that no agent has read, among the last 200 events.
    unread: i64,
    created_at: i64,
    #[schema(required)]
    closed_at: Option<i64>,
    /// Null when it does not wait.
    #[schema(required)]
    waiting_since: Option<i64>,
    /// All agents on duty have missed it.
    is_missed: bool,
    seq: i64,
    agent_read_seq: i64,
}

/// The rows of a page, in its order.
pub fn rows(tx: &mut Tx<'_>, ids: &[Uuid]) -> Result<Vec<ConversationRow>, Error> {
    let Some(last) = ids.last() else { return Ok(Vec::new()) };
    let mut places = vec![Value::from(last); 100];
    for (place, id) in places.iter_mut().zip(ids) {
        *place = Value::from(id);
    }
    let mut rows = tx.query(&ROWS, &places, read)?;
    rows.sort_by_key(|row| ids.iter().position(|id| *id == row.conversation_id));
    Ok(rows)
}

fn read(row: &Row<'_>) -> Result<ConversationRow, rozmowa_db::Error> {
    let id: Uuid = row.get(0)?;
    let client_id: Option<String> = row.get(8)?;
    let (name, surname): (String, String) = (row.get(9)?, row.get(10)?);
    let last_message = match row.get::<Option<i64>>(20)? {
        Some(seq) => Some(LastMessage {
            seq,
            at: row.get(21)?,
            sent_by: Speaker::from_number(row.get(22)?).name(),
            text: row.get(23)?,
        }),
        None => None,
    };
    Ok(ConversationRow {
        conversation_id: id,
        client_name: shown_name(&name, &surname, client_id.as_deref()),
        customer_id: row.get(11)?,
        is_verified: row.get(12)?,
        chat_queue_id: row.get(1)?,
        chat_queue: row.get(2)?,
        status: Status::from_number(row.get(3)?).unwrap_or(Status::Closed).name(),
        agent: AgentName::read(row, 4)?,
        bot_id: row.get(19)?,
        topic_id: row.get(18)?,
        last_message,
        unread: row.get(24)?,
        created_at: clock::made_at(&id),
        closed_at: row.get(17)?,
        waiting_since: row.get(13)?,
        is_missed: row.get(14)?,
        seq: row.get(15)?,
        agent_read_seq: row.get(16)?,
    })
}
