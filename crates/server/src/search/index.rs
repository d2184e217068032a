//! Keeps the index up to date from the log.
//!
//! A conversation's row says up to which event it is indexed, and a small index lists those that have gone on. So nothing is
//! skipped, whenever a transaction commits and whichever node looks; a start and a message pay no statement for it. What is
//! indexed is read while the conversation is held: what somebody erases meanwhile is either seen erased here, or forgotten
//! by who erases it. What reports count is kept on the way: the log is read once for both.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use rozmowa_db::{Row, Tx, Value, params};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use uuid::Uuid;

use super::{folded, limit};
use crate::app::App;
use crate::clock::{self, Millis};
use crate::http::Error;
use crate::report::fact::{self, Followed, Happened};

rozmowa_db::statements! {
    /// From the first id on, so that it is plain that the small index is searched.
    IS_BEHIND = "SELECT 1 FROM conversation WHERE seq > indexed_seq AND id > $1 ORDER BY id LIMIT 1";
    /// What others hold, they index or change; it is looked at again.
    CLAIM = {
        sqlite: "SELECT id, seq, indexed_seq, client_name, client_surname, client_email, client_id
            FROM conversation WHERE seq > indexed_seq AND id > $1 ORDER BY id LIMIT $2",
        postgres: "SELECT id, seq, indexed_seq, client_name, client_surname, client_email, client_id
            FROM conversation WHERE seq > indexed_seq AND id > $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED",
    };
    /// What was said and done since; a supervisor's whisper is for one agent alone.
    EVENTS = "SELECT e.conversation_id, e.seq, e.at, e.kind, e.sent_by, CASE WHEN e.bot_id IS NULL THEN 0 ELSE 1 END,
            CASE WHEN e.kind <> 11 THEN e.text END
        FROM conversation c JOIN event e ON e.conversation_id = c.id
        WHERE c.id IN ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27,
            $28,$29,$30,$31,$32)
          AND e.seq > c.indexed_seq
        ORDER BY e.conversation_id, e.seq LIMIT $33";
    CLIENTS = "SELECT conversation_id, id, print FROM search_doc
        WHERE conversation_id IN ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,
            $26,$27,$28,$29,$30,$31,$32) AND seq = 0";
    TAKEN = "SELECT id FROM search_doc
        WHERE id IN ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27,
            $28,$29,$30,$31,$32,$33,$34,$35,$36,$37,$38,$39,$40,$41,$42,$43,$44,$45,$46,$47,$48,$49,$50,
            $51,$52,$53,$54,$55,$56,$57,$58,$59,$60,$61,$62,$63,$64,$65,$66,$67,$68,$69,$70,$71,$72,$73,$74,$75,
            $76,$77,$78,$79,$80,$81,$82,$83,$84,$85,$86,$87,$88,$89,$90,$91,$92,$93,$94,$95,$96)";
    IS_TAKEN = "SELECT 1 FROM search_doc WHERE id = $1";
    ADD_DOC = "INSERT INTO search_doc (id, conversation_id, seq, print) VALUES ($1, $2, $3, $4)";
    ADD_TEXT = {
        sqlite: "INSERT INTO search_text (rowid, words) VALUES ($1, $2)",
        postgres: "INSERT INTO search_text (id, words) VALUES ($1, $2::text::tsvector)",
    };
    CHANGE_DOC = "UPDATE search_doc SET print = $2 WHERE id = $1";
    CHANGE_TEXT = {
        sqlite: "UPDATE search_text SET words = $2 WHERE rowid = $1",
        postgres: "UPDATE search_text SET words = $2::text::tsvector WHERE id = $1",
    };
    INDEXED = "UPDATE conversation SET indexed_seq = $2 WHERE id = $1";
    NEXT = {
        sqlite: "SELECT id FROM conversation WHERE id > $1 ORDER BY id LIMIT 1",
        postgres: "SELECT id FROM conversation WHERE id > $1 ORDER BY id LIMIT 1 FOR UPDATE",
    };
}

/// How often it is looked for what was said.
const ROUND_EVERY: Duration = Duration::from_millis(500);
/// Conversations of a step, as [`EVENTS`] and [`CLIENTS`] take them.
const CLAIMED_MAX: usize = 32;
/// Texts of a step: so few that no call waits for long.
const TEXTS_MAX: usize = 64;
/// Events of a step, most of which have no text.
const EVENTS_MAX: usize = 256;
/// Conversations that one step of clearing looks at.
const CLEARED_MAX: usize = 100;

/// Until it is told to stop.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    loop {
        if let Err(error) = catch_up(&app, &stop).await {
            tracing::warn!(cause = error.cause(), "the search will be brought up to date later");
        }
        tokio::select! {
            () = tokio::time::sleep(ROUND_EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

async fn catch_up(app: &App, stop: &watch::Receiver<bool>) -> Result<(), Error> {
    // Nobody writes for nothing.
    if !app.db.read(is_behind).await? {
        return Ok(());
    }
    while !*stop.borrow() && app.db.write(step).await? {}
    Ok(())
}

fn is_behind(tx: &mut Tx<'_>) -> Result<bool, Error> {
    Ok(tx.query_opt(&IS_BEHIND, params![&Uuid::nil()], |_| Ok(()))?.is_some())
}

/// A conversation that nobody else changes until this transaction has ended.
struct Claimed {
    id: Uuid,
    seq: i64,
    indexed_seq: i64,
    client: String,
}

struct Text {
    conversation: Uuid,
    seq: i64,
    at: Millis,
    words: String,
}

/// Indexes a step's worth of what is new, and says whether there may be more.
pub fn step(tx: &mut Tx<'_>) -> Result<bool, Error> {
    let claimed =
        tx.query(&CLAIM, &[(&Uuid::nil()).into(), limit(CLAIMED_MAX)], |row: &Row<'_>| {
            let client: [Option<String>; 4] = [row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?];
            Ok(Claimed {
                id: row.get(0)?,
                seq: row.get(1)?,
                indexed_seq: row.get(2)?,
                client: client.into_iter().flatten().collect::<Vec<_>>().join(" "),
            })
        })?;
    let Some(last) = claimed.last() else { return Ok(false) };
    // A shorter list repeats its last one.
    let mut ids = vec![Value::from(&last.id); CLAIMED_MAX];
    for (place, conversation) in ids.iter_mut().zip(&claimed) {
        *place = Value::from(&conversation.id);
    }
    let known = clients(tx, &claimed, &ids)?;
    ids.push(limit(EVENTS_MAX));
    let (mut texts, mut events, mut is_cut) = (Vec::new(), Vec::new(), false);
    let seen = tx.query(&EVENTS, &ids, |row: &Row<'_>| {
        is_cut |= texts.len() == TEXTS_MAX;
        if is_cut {
            return Ok(());
        }
        let event = Happened::read(row)?;
        if let Some(text) = row.get::<Option<String>>(6)? {
            let (conversation, seq, at) = (event.conversation, event.seq, event.at);
            texts.push(Text { conversation, seq, at, words: folded(&text) });
        }
        events.push(event);
        Ok(())
    })?;
    // What did not fit is of the last one and those behind it.
    is_cut |= seen.len() == EVENTS_MAX;
    let until = is_cut.then(|| events.last()).flatten();
    let until = until.map(|event| (event.conversation, event.seq));
    let mut followed = BTreeMap::new();
    for conversation in &claimed {
        let indexed = match until {
            Some((cut, _)) if conversation.id > cut => continue,
            Some((cut, seq)) if conversation.id == cut => seq,
            _ => conversation.seq,
        };
        tx.put(&INDEXED, params![&conversation.id, indexed])?;
        let of_report = Followed { from_seq: conversation.indexed_seq, until_seq: indexed };
        followed.insert(conversation.id, of_report);
        let words = folded(&conversation.client);
        match known.get(&conversation.id) {
            Some((_, print)) if *print == print_of(&words) => {}
            Some((id, _)) => {
                tx.put(&CHANGE_DOC, params![*id, print_of(&words)])?;
                tx.put(&CHANGE_TEXT, params![*id, &words])?;
            }
            None => {
                let (id, at) = (conversation.id, clock::made_at(&conversation.id));
                texts.push(Text { conversation: id, seq: 0, at, words });
            }
        }
    }
    add(tx, &texts)?;
    fact::follow(tx, &followed, &events)?;
    Ok(claimed.len() == CLAIMED_MAX || until.is_some())
}

/// What is indexed of the clients of these conversations.
fn clients(
    tx: &mut Tx<'_>,
    claimed: &[Claimed],
    ids: &[Value<'_>],
) -> Result<HashMap<Uuid, (i64, i64)>, Error> {
    if claimed.iter().all(|conversation| conversation.indexed_seq == 0) {
        return Ok(HashMap::new());
    }
    let known = tx.query(&CLIENTS, ids, |row: &Row<'_>| {
        Ok((row.get::<Uuid>(0)?, (row.get(1)?, row.get(2)?)))
    })?;
    Ok(known.into_iter().collect())
}

fn add(tx: &mut Tx<'_>, texts: &[Text]) -> Result<(), Error> {
    let texts: Vec<_> = texts.iter().filter(|text| !text.words.is_empty()).collect();
    let Some(first) = texts.first() else { return Ok(()) };
    let mut ids = vec![Value::from(doc_id(first)); CLAIMED_MAX + TEXTS_MAX];
    for (place, text) in ids.iter_mut().zip(&texts) {
        *place = Value::from(doc_id(text));
    }
    let taken = tx.query(&TAKEN, &ids, |row| row.get::<i64>(0))?;
    let mut taken: HashSet<i64> = taken.into_iter().collect();
    for text in texts {
        let mut id = doc_id(text);
        // Next to never; then the next ones are looked at one by one.
        while !taken.insert(id) {
            id += 1;
            if tx.query_opt(&IS_TAKEN, params![id], |_| Ok(()))?.is_some() {
                taken.insert(id);
            }
        }
        let row = params![id, &text.conversation, text.seq, print_of(&text.words)];
        tx.put(&ADD_DOC, row)?;
        tx.put(&ADD_TEXT, params![id, &text.words])?;
    }
    Ok(())
}

/// Numbers within one millisecond.
const WITHIN: i64 = 1 << 21;

/// The least number of a moment.
pub fn first_doc_at(at: Millis) -> i64 {
    at.clamp(0, i64::MAX / WITHIN - 1) * WITHIN
}

/// By time, and within a millisecond of a conversation by its log, also when all is indexed anew.
fn doc_id(text: &Text) -> i64 {
    let place = print(&[text.conversation.as_bytes()]).rem_euclid(WITHIN / 1_024);
    first_doc_at(text.at) + place * 1_024 + text.seq.rem_euclid(1_024)
}

fn print_of(words: &str) -> i64 {
    print(&[words.as_bytes()])
}

fn print(parts: &[&[u8]]) -> i64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let hash: [u8; 32] = hash.finalize().into();
    i64::from_be_bytes(std::array::from_fn(|i| hash[i]))
}

/// Has a step's worth of conversations indexed anew, those behind a given one; the one to go on behind, or none when all are
/// done.
pub fn clear(tx: &mut Tx<'_>, after: &Uuid) -> Result<Option<Uuid>, Error> {
    let (mut after, mut forgotten) = (*after, 0);
    for _ in 0..CLEARED_MAX {
        let next = tx.query_opt(&NEXT, params![&after], |row| row.get::<Uuid>(0))?;
        let Some(next) = next else { return Ok(None) };
        let some = super::forget_some(tx, &next)?;
        if some == super::FORGET_STEP {
            break;
        }
        tx.put(&INDEXED, params![&next, 0])?;
        after = next;
        forgotten += some;
        if forgotten >= super::FORGET_STEP {
            break;
        }
    }
    Ok(Some(after))
}
