//! Erasing a person: the order is a row, which is the receipt when it is done. All goes in steps, by whoever has ordered it or, after a
//! crash, by the tidying task of any server; each step counts what it takes in the transaction that takes it. The bytes of files go
//! last, and only then is it finished and the address taken out of the row.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use rozmowa_db::{Row, Tx, params};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Counts, Person, find, hex, subject, trace};
use crate::act::{Act, Actor, ActorKind};
use crate::app::App;
use crate::audit;
use crate::block::{self, Blocked};
use crate::clock::{self, Millis};
use crate::conversation::{self, log};
use crate::customer::gone;
use crate::file::{Content, sweep};
use crate::http::Error;
use crate::time;

rozmowa_db::statements! {
    ORDER = "INSERT INTO person_erasure (id, email_hash, email, actor_kind, actor, address, request_id, counts)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (email_hash) WHERE finished_at IS NULL DO NOTHING";
    OPEN_OF = "SELECT id FROM person_erasure WHERE email_hash = $1 AND finished_at IS NULL";
    /// From the first hash on, so that it is plain that the small index is searched.
    OPEN = "SELECT id FROM person_erasure WHERE finished_at IS NULL AND email_hash >= $1 ORDER BY email_hash LIMIT 100";
    EMAIL = "SELECT email FROM person_erasure WHERE id = $1 AND finished_at IS NULL";
    /// Of two who take steps each counts what the other has left.
    HOLD = {
        sqlite: "SELECT email, actor_kind, actor, address, request_id, counts FROM person_erasure
            WHERE id = $1 AND finished_at IS NULL",
        postgres: "SELECT email, actor_kind, actor, address, request_id, counts FROM person_erasure
            WHERE id = $1 AND finished_at IS NULL FOR UPDATE",
    };
    COUNT = "UPDATE person_erasure SET counts = $2 WHERE id = $1";
    FINISH = "UPDATE person_erasure SET email = NULL, finished_at = $2 WHERE id = $1";
    RECEIPT = "SELECT email_hash, actor_kind, actor, counts, finished_at FROM person_erasure WHERE id = $1";
    /// What goes with a conversation.
    OF_CONVERSATION = "SELECT c.seq, CASE WHEN c.rating IS NULL THEN 0 ELSE 1 END,
            (SELECT count(*) FROM event e WHERE e.conversation_id = c.id AND e.kind IN (1, 5, 11)),
            (SELECT count(*) FROM file f WHERE f.conversation_id = c.id),
            (SELECT count(*) FROM consent g WHERE g.conversation_id = c.id),
            (SELECT count(*) FROM mail m WHERE m.conversation_id = c.id),
            (SELECT ip FROM client_data WHERE conversation_id = c.id)
        FROM conversation c WHERE c.id = $1";
    NOTE_FILES = "INSERT INTO person_file (erasure_id, sha256) SELECT $1, found.sha256 FROM
            (SELECT DISTINCT f.sha256 FROM file f WHERE f.conversation_id = $2 AND NOT EXISTS
                (SELECT 1 FROM person_file n WHERE n.erasure_id = $1 AND n.sha256 = f.sha256) LIMIT 200) AS found
        WHERE true ON CONFLICT DO NOTHING";
    FILES = "SELECT sha256 FROM person_file WHERE erasure_id = $1 ORDER BY sha256 LIMIT 100";
    FORGET_FILE = "DELETE FROM person_file WHERE erasure_id = $1 AND sha256 = $2";
    HAS_CONVERSATION = "SELECT 1 FROM conversation WHERE customer_id = $1 LIMIT 1";
    /// What goes with a customer.
    OF_CUSTOMER = "SELECT (SELECT count(*) FROM field_item WHERE customer_id = $1),
            (SELECT count(*) FROM feed_record WHERE customer_id = $1)";
}

/// Conversations that one step takes at most, and the events that these may have together, unless one alone has more.
const STEP: usize = 10;
const EVENTS_MAX: i64 = 200;
/// Contents that one conversation's step notes.
const FILES_MAX: u64 = 200;
/// E-mails that one step takes.
const MAILS_MAX: usize = 200;

/// How far whoever takes the steps may go.
#[derive(Debug, Clone, Copy)]
pub struct Reach {
    /// None: to the end.
    pub patience: Option<Duration>,
    /// Whether this process is the one that uploads go to: else the server is, and takes the bytes away.
    pub has_files: bool,
}

/// What is left of what was done: no address, and nothing of what was held.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PersonReceipt)]
pub struct Receipt {
    pub erasure_id: Uuid,
    /// The SHA-256 of the address in lower case: `printf %s jan@example.org | sha256sum`.
    #[schema(example = "2f0f5893841d89b08b32acb43909d16fd8b438f9c2ca48fc01961a2770059504")]
    pub email_sha256: String,
    #[schema(example = "2026-06-01 12:00:00")]
    pub ordered_at: String,
    /// `API_USER`, `AGENT` or `COMMAND_LINE`.
    #[schema(example = "AGENT")]
    pub ordered_by_kind: &'static str,
    /// The API user's name, the agent's login, or whoever the shell said.
    #[schema(example = "anowak")]
    pub ordered_by: String,
    /// Null while it is under way: ordered again it is the same erasing.
    #[schema(required, example = "2026-06-01 12:00:01")]
    pub finished_at: Option<String>,
    pub erased: Counts,
}

/// Orders it. Of one address one is under way at a time: whoever orders it meanwhile gets that one.
pub fn order(tx: &mut Tx<'_>, act: &Act<'_>, person: &Person) -> Result<Uuid, Error> {
    let id = act.ids.v7(act.now);
    let (hash, counts) = (person.hash(), json(Counts::default())?);
    let Actor { kind, name, from, request_id } = act.actor;
    let from = from.map(|from| from.to_string());
    let row = params![
        &id,
        &hash,
        person.email(),
        *kind as i64,
        name,
        from.as_deref(),
        request_id.as_deref(),
        &counts,
    ];
    if tx.execute(&ORDER, row)? == 1 {
        let ordered = json!({ "erasure_id": id });
        let subject = person.subject();
        audit::record(tx, act, "person.erase", &subject, None::<&()>, Some(&ordered))?;
        return Ok(id);
    }
    let open = tx.query_opt(&OPEN_OF, params![&hash], |row| row.get(0))?;
    open.ok_or_else(|| tx.run_again("the erasing under way has ended meanwhile").into())
}

pub fn receipt(tx: &mut Tx<'_>, id: &Uuid, app: &App) -> Result<Receipt, Error> {
    let zone = &app.config.time_zone;
    let stored = tx.query_one(&RECEIPT, params![id], |row: &Row<'_>| {
        let finished_at: Option<Millis> = row.get(4)?;
        Ok(Receipt {
            erasure_id: *id,
            email_sha256: hex(&row.get::<Vec<u8>>(0)?),
            ordered_at: time::with_seconds(clock::made_at(id), zone),
            ordered_by_kind: ActorKind::from_number(row.get(1)?).name(),
            ordered_by: row.get(2)?,
            finished_at: finished_at.map(|at| time::with_seconds(at, zone)),
            erased: counts(&row.get::<String>(3)?),
        })
    })?;
    Ok(stored)
}

fn json(counts: Counts) -> Result<String, Error> {
    serde_json::to_string(&counts).map_err(Error::internal)
}

fn counts(stored: &str) -> Counts {
    serde_json::from_str(stored).unwrap_or_default()
}

/// What is left to be erased, as far as it was seen.
struct Left {
    conversations: Vec<Uuid>,
    customers: Vec<i64>,
    mails: Vec<Uuid>,
    is_blocked: bool,
    /// Lines of the audit log about blocks, by their subject.
    told: Vec<String>,
}

impl Left {
    async fn of(app: &App, person: &Person) -> Result<Self, Error> {
        let mails = trace::mails(&app.db, person, &BTreeSet::new()).await?;
        let blocked = Blocked::email(person.email());
        let block = app.db.read(move |tx| block::of(tx, &blocked)).await?;
        Ok(Self {
            conversations: find::conversations(&app.db, person).await?,
            customers: find::customers(&app.db, person).await?,
            mails: mails.into_iter().map(|mail| mail.id).collect(),
            is_blocked: block.is_some(),
            told: trace::blocks_told(&app.db, person).await?,
        })
    }

    fn is_nothing(&self) -> bool {
        self.conversations.is_empty()
            && self.customers.is_empty()
            && self.mails.is_empty()
            && !self.is_blocked
            && self.told.is_empty()
    }
}

/// Takes steps, and says whether it is finished.
pub async fn run(app: &App, id: Uuid, reach: Reach) -> Result<bool, Error> {
    let since = Instant::now();
    let is_over = || reach.patience.is_some_and(|patience| since.elapsed() > patience);
    loop {
        let person = app.db.read(move |tx| {
            let email = tx.query_opt(&EMAIL, params![&id], |row| row.get::<Option<String>>(0))?;
            Ok::<_, Error>(email.flatten())
        });
        let Some(email) = person.await? else { return Ok(true) };
        let left = Left::of(app, &Person::new(&email)).await?;
        if left.is_nothing() {
            break;
        }
        let mut conversations = left.conversations;
        while !conversations.is_empty() {
            if is_over() {
                return Ok(false);
            }
            let some: Vec<_> = conversations.iter().take(STEP).copied().collect();
            let taken = step(app, id, move |tx, act, person| {
                take_conversations(tx, act, person, &id, &some)
            });
            let Some(taken) = taken.await? else { return Ok(true) };
            conversations.drain(..taken);
        }
        for customer in left.customers {
            if is_over() {
                return Ok(false);
            }
            step(app, id, move |tx, act, person| take_customer(tx, act, person, customer)).await?;
        }
        for mails in left.mails.chunks(MAILS_MAX) {
            let mails = mails.to_vec();
            step(app, id, move |tx, _, _| Ok(((), trace::remove_mails(tx, &mails)?))).await?;
        }
        step(app, id, |tx, act, person| {
            Ok(((), trace::lift(tx, act, &Blocked::email(person.email()))?))
        })
        .await?;
        for subject in left.told {
            step(app, id, move |tx, _, _| Ok(((), trace::blank(tx, &subject)?))).await?;
        }
    }
    // What hangs on conversations and customers that are gone.
    while system(app, conversation::erase::more).await? || system(app, gone::more).await? {
        if is_over() {
            return Ok(false);
        }
    }
    if !take_files(app, id, reach).await? {
        return Ok(false);
    }
    step(app, id, move |tx, act, person| {
        tx.put(&FINISH, params![&id, act.now])?;
        let erased = tx.query_one(&RECEIPT, params![&id], |row| row.get::<String>(3))?;
        let subject = subject(&person.hash());
        let becomes = json!({ "erasure_id": id, "erased": counts(&erased) });
        audit::record(tx, act, "person.erased", &subject, None::<&()>, Some(&becomes))?;
        Ok(((), Counts::default()))
    })
    .await?;
    Ok(true)
}

/// Goes on with what others have left, as far as it goes.
pub async fn more(app: &App) {
    let look = app.db.read(|tx| {
        Ok::<_, Error>(tx.query(&OPEN, params![&[0_u8; 32]], |row| row.get::<Uuid>(0))?)
    });
    let open = match look.await {
        Ok(open) => open,
        Err(error) => {
            return tracing::warn!(cause = error.cause(), "erasing will be looked for again");
        }
    };
    for id in open {
        let reach = Reach { patience: None, has_files: true };
        if let Err(error) = run(app, id, reach).await {
            tracing::warn!(cause = error.cause(), "a person will be erased later");
        }
    }
}

/// One transaction of an erasing that is under way, on behalf of whoever has ordered it; none when it is finished.
async fn step<T: Send + 'static>(
    app: &App,
    id: Uuid,
    run: impl Fn(&mut Tx<'_>, &Act<'_>, &Person) -> Result<(T, Counts), Error> + Send + 'static,
) -> Result<Option<T>, Error> {
    let own = app.clone();
    let done = app.db.write(move |tx| {
        let held = tx.query_opt(&HOLD, params![&id], |row: &Row<'_>| {
            let email = row.get::<Option<String>>(0)?.unwrap_or_default();
            let kind = ActorKind::from_number(row.get(1)?);
            let from: Option<String> = row.get(3)?;
            let from = from.and_then(|from| from.parse().ok());
            let actor = Actor { kind, name: row.get(2)?, from, request_id: row.get(4)? };
            Ok((Person::new(&email), actor, counts(&row.get::<String>(5)?)))
        })?;
        let Some((person, actor, mut counts)) = held else { return Ok(None) };
        let act = Act::of(tx, &own, &actor)?;
        let (done, more) = run(tx, &act, &person)?;
        if more != Counts::default() {
            counts.add(more);
            tx.put(&COUNT, params![&id, &json(counts)?])?;
        }
        Ok::<_, Error>(Some(done))
    });
    done.await
}

async fn system(
    app: &App,
    step: impl Fn(&mut Tx<'_>, &Act<'_>) -> Result<bool, Error> + Send + 'static,
) -> Result<bool, Error> {
    let (own, actor) = (app.clone(), Actor::system());
    let done = app.db.write(move |tx| {
        let act = Act::of(tx, &own, &actor)?;
        step(tx, &act)
    });
    done.await
}

/// Erases the first of these conversations, and says how many need not be looked at any more.
fn take_conversations(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    person: &Person,
    erasure: &Uuid,
    ids: &[Uuid],
) -> Result<(usize, Counts), Error> {
    let (mut counts, mut events) = (Counts::default(), 0);
    for (place, id) in ids.iter().enumerate() {
        // Somebody else may have been first, or may have said whose it is.
        if log::hold(tx, id)?.is_none() || !find::is_theirs(tx, person, id)? {
            continue;
        }
        let (seq, of_it, ip) = tx.query_one(&OF_CONVERSATION, params![id], |row: &Row<'_>| {
            let of_it = Counts {
                conversations: 1,
                ratings: row.get(1)?,
                messages: row.get(2)?,
                files: row.get(3)?,
                consents: row.get(4)?,
                mails: row.get(5)?,
                ..Counts::default()
            };
            Ok((row.get::<i64>(0)?, of_it, row.get::<Option<String>>(6)?))
        })?;
        events += seq;
        if place > 0 && events > EVENTS_MAX {
            return Ok((place, counts));
        }
        if of_it.files > 0 && tx.execute(&NOTE_FILES, params![erasure, id])? == FILES_MAX {
            return Ok((place, counts));
        }
        if let Some(ip) = ip.and_then(|ip| ip.parse::<IpAddr>().ok()) {
            counts.add(trace::lift(tx, act, &Blocked::address(ip))?);
        }
        conversation::erase::conversation(tx, act, id)?;
        counts.add(of_it);
    }
    Ok((ids.len(), counts))
}

/// Erases a customer whose conversations are erased.
fn take_customer(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    person: &Person,
    id: i64,
) -> Result<((), Counts), Error> {
    let is_talking = tx.query_opt(&HAS_CONVERSATION, params![id], |_| Ok(()))?.is_some();
    // One that has begun meanwhile is found in the next round, and the customer after it.
    if is_talking || !find::has(tx, person, id)? {
        return Ok(((), Counts::default()));
    }
    let mut counts = tx.query_one(&OF_CUSTOMER, params![id], |row: &Row<'_>| {
        let (field_items, feed_records) = (row.get(0)?, row.get(1)?);
        Ok(Counts { customers: 1, field_items, feed_records, ..Counts::default() })
    })?;
    counts.add(trace::blank(tx, &trace::customer_subject(id))?);
    if !gone::remove(tx, act, id)? {
        return Ok(((), Counts::default()));
    }
    Ok(((), counts))
}

/// Takes the bytes away of files whose rows are erased; false when some are left.
async fn take_files(app: &App, id: Uuid, reach: Reach) -> Result<bool, Error> {
    loop {
        let some = app.db.read(move |tx| {
            Ok::<_, Error>(tx.query(&FILES, params![&id], |row| Ok(Content(row.get(0)?)))?)
        });
        let some = some.await?;
        if some.is_empty() {
            return Ok(true);
        }
        if !reach.has_files {
            return Ok(false);
        }
        for content in some {
            if !sweep::clear(app, content).await {
                return Ok(false);
            }
            let forget = app
                .db
                .write(move |tx| Ok::<_, Error>(tx.put(&FORGET_FILE, params![&id, &content.0])?));
            forget.await?;
        }
    }
}
