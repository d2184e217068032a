//! Asks the index.
//!
//! The index gives candidates, newest first; which of them the caller may see and wants to see is said by their
//! conversations as they are now, and what is shown comes from the log as it is now. So an index that is a moment behind
//! shows nothing that is not there. A call looks at a bounded number of candidates: where it stopped, the next one goes on.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use rozmowa_db::{Row, Tx, Value, params};
use uuid::Uuid;

use super::words;
use crate::clock::Millis;
use crate::conversation::log::{Kind, Speaker};
use crate::conversation::{Status, shown_name};
use crate::http::{Code, Error};

rozmowa_db::statements! {
    /// PostgreSQL breaks off what takes longer, in this transaction.
    LIMIT_TIME = {
        sqlite: "SELECT $1",
        postgres: "SELECT set_config('statement_timeout', $1, true)",
    };
    CANDIDATES = {
        sqlite: "SELECT s.id, s.conversation_id, s.seq FROM search_text CROSS JOIN search_doc s ON s.id = search_text.rowid
            WHERE search_text MATCH $1 AND search_text.rowid >= $2 AND search_text.rowid < $3
            ORDER BY search_text.rowid DESC LIMIT $4",
        postgres: "SELECT s.id, s.conversation_id, s.seq FROM search_text t JOIN search_doc s ON s.id = t.id
            WHERE t.words @@ $1::text::tsquery AND t.id >= $2 AND t.id < $3
            ORDER BY t.id DESC LIMIT $4",
    };
    /// Of clients alone.
    CLIENTS = {
        sqlite: "SELECT s.id, s.conversation_id, c.client_email FROM search_text
                CROSS JOIN search_doc s ON s.id = search_text.rowid CROSS JOIN conversation c ON c.id = s.conversation_id
            WHERE search_text MATCH $1 AND search_text.rowid < $2 AND s.seq = 0
            ORDER BY search_text.rowid DESC LIMIT $3",
        postgres: "SELECT s.id, s.conversation_id, c.client_email FROM search_text t
                JOIN search_doc s ON s.id = t.id JOIN conversation c ON c.id = s.conversation_id
            WHERE t.words @@ $1::text::tsquery AND t.id < $2 AND s.seq = 0
            ORDER BY t.id DESC LIMIT $3",
    };
    CONVERSATIONS = "SELECT c.id, c.chat_queue_id, c.status, c.agent_id, a.login, c.topic_id,
            c.client_name, c.client_surname, c.client_email, c.client_id
        FROM conversation c LEFT JOIN agent a ON a.id = c.agent_id
        WHERE c.id IN ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,
            $26,$27,$28,$29,$30,$31,$32,$33,$34,$35,$36,$37,$38,$39,$40,$41,$42,$43,$44,$45,$46,$47,$48,$49,$50,
            $51,$52,$53,$54,$55,$56,$57,$58,$59,$60,$61,$62,$63,$64,$65,$66,$67,$68,$69,$70,$71,$72,$73,$74,$75,
            $76,$77,$78,$79,$80,$81,$82,$83,$84,$85,$86,$87,$88,$89,$90,$91,$92,$93,$94,$95,$96,$97,$98,$99,$100)";
    TAGGED = "SELECT 1 FROM conversation_tag WHERE conversation_id = $1 AND tag_id = $2";
    QUEUES = "SELECT chat_queue_id FROM queue_agent WHERE agent_id = $1 LIMIT 10000";
    /// Up to where the agent had to do with a conversation.
    HAD = "SELECT max(seq) FROM event WHERE conversation_id = $1 AND agent_id = $2";
    EVENT = "SELECT e.kind, e.sent_by, e.at, CASE WHEN r.what IS NULL THEN e.text END, a.login
        FROM event e LEFT JOIN agent a ON a.id = e.agent_id
            LEFT JOIN erasing r ON r.conversation_id = e.conversation_id
                AND r.what = CASE WHEN e.sent_by = 0 THEN 2 ELSE 1 END AND r.until_seq >= e.seq
        WHERE e.conversation_id = $1 AND e.seq = $2";
}

/// Searches at once; others wait. Readers are left for calls that don't search.
pub const AT_ONCE: usize = 2;
const TIME_MAX: Duration = Duration::from_secs(3);
const TIME_MAX_MILLIS: &str = "3000";
/// Words that count.
const WORDS_MAX: usize = 8;
/// Shorter words are found whole, as all that begins with them is too much.
const PREFIX_LEAST: usize = 3;
/// Candidates that are looked at together, and in one call.
const BATCH: usize = 100;
const BATCHES_MAX: usize = 20;
/// Letters around the first hit.
const BEFORE: usize = 60;
const AFTER: usize = 180;

/// What is looked for: folded words, all of which have to be in a text.
#[derive(Debug, Clone)]
pub struct Query(Vec<String>);

impl Query {
    /// None when there is no word.
    pub fn new(text: &str) -> Option<Self> {
        let mut found: Vec<String> = Vec::new();
        for word in words(text) {
            if !found.contains(&word.folded) && found.len() < WORDS_MAX {
                found.push(word.folded);
            }
        }
        (!found.is_empty()).then_some(Self(found))
    }

    fn is_prefix(word: &str) -> bool {
        word.chars().count() >= PREFIX_LEAST
    }

    fn matches(wanted: &str, word: &str) -> bool {
        if Self::is_prefix(wanted) { word.starts_with(wanted) } else { word == wanted }
    }

    /// In FTS5's words, and in those of a tsquery. Words are letters and digits, so there is nothing to escape.
    fn texts(&self) -> [String; 2] {
        let each = |prefix: fn(&str) -> String, whole: fn(&str) -> String| {
            let words = self.0.iter();
            words
                .map(|word| if Self::is_prefix(word) { prefix(word) } else { whole(word) })
                .collect::<Vec<_>>()
        };
        let sqlite = each(|word| format!("\"{word}\" *"), |word| format!("\"{word}\""));
        let postgres = each(|word| format!("'{word}':*"), |word| format!("'{word}'"));
        [sqlite.join(" AND "), postgres.join(" & ")]
    }

    /// The text around the first hit, with all hits marked; none when not all words are there.
    fn mark(&self, text: &str) -> Option<Vec<Part>> {
        let words = words(text);
        let is_hit = |word: &super::Word| self.0.iter().any(|w| Self::matches(w, &word.folded));
        let is_whole =
            self.0.iter().all(|w| words.iter().any(|word| Self::matches(w, &word.folded)));
        if !is_whole {
            return None;
        }
        let hits: Vec<_> = words.into_iter().filter(is_hit).collect();
        let first = hits.first()?;
        let from = text[..first.from].char_indices().rev().nth(BEFORE - 1).map_or(0, |(at, _)| at);
        let until = text[first.until..].char_indices().nth(AFTER);
        let until = until.map_or(text.len(), |(at, _)| first.until + at);
        let mut parts = Vec::new();
        let mut at = from;
        let mut add = |text: &str, is_hit| {
            if !text.is_empty() {
                parts.push(Part { text: text.to_owned(), is_hit });
            }
        };
        for hit in hits.iter().take_while(|hit| hit.until <= until) {
            add(&text[at..hit.from], false);
            add(&text[hit.from..hit.until], true);
            at = hit.until;
        }
        add(&text[at..until], false);
        Some(parts)
    }
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub text: String,
    pub is_hit: bool,
}

/// Whose search it is: an agent finds what their queues have and what they themselves have, and of what they had as much as
/// was said until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    All,
    Agent(i64),
}

#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub from: Option<Millis>,
    pub until: Option<Millis>,
    pub chat_queue_id: Option<i64>,
    /// The login of whose conversation it is.
    pub agent: Option<String>,
    pub status: Option<Status>,
    pub topic_id: Option<i64>,
    pub tag_id: Option<i64>,
}

/// What was found.
#[derive(Debug)]
pub struct Hit {
    pub conversation: Uuid,
    /// 0: the client.
    pub seq: i64,
    pub at: Millis,
    pub kind: Option<Kind>,
    pub sent_by: Option<Speaker>,
    /// Who said it.
    pub by: Option<String>,
    pub parts: Vec<Part>,
    pub chat_queue_id: i64,
    pub status: Status,
    /// Whose conversation it is.
    pub agent: Option<String>,
    pub client_name: String,
}

/// A page of hits, and where the next one begins.
#[derive(Debug)]
pub struct Found {
    pub hits: Vec<Hit>,
    pub next: Option<i64>,
}

struct Candidate {
    id: i64,
    conversation: Uuid,
    seq: i64,
}

struct Conversation {
    chat_queue_id: i64,
    status: Status,
    agent_id: Option<i64>,
    agent: Option<String>,
    topic_id: Option<i64>,
    client_name: String,
    client: String,
    /// The caller sees it up to here.
    until_seq: i64,
}

/// Newest first; behind a place that an earlier page gave.
pub fn find(
    tx: &mut Tx<'_>,
    sight: Sight,
    query: &Query,
    filter: &Filter,
    before: Option<i64>,
    limit: usize,
) -> Result<Found, Error> {
    let since = Instant::now();
    tx.query_opt(&LIMIT_TIME, params![TIME_MAX_MILLIS], |_| Ok(()))?;
    let queues = match sight {
        Sight::All => HashSet::new(),
        Sight::Agent(id) => {
            tx.query(&QUEUES, params![id], |row| row.get::<i64>(0))?.into_iter().collect()
        }
    };
    let from = filter.from.map_or(0, super::index::first_doc_at);
    let until = filter.until.map_or(i64::MAX, super::index::first_doc_at);
    let mut until = before.map_or(until, |before| until.min(before));
    let mut looked: HashMap<Uuid, Option<Conversation>> = HashMap::new();
    let mut hits = Vec::new();
    for _ in 0..BATCHES_MAX {
        let candidates = candidates(tx, query, from, until)?;
        let is_last = candidates.len() < BATCH;
        look(tx, sight, &queues, filter, &candidates, &mut looked)?;
        for candidate in candidates {
            if hits.len() == limit {
                return Ok(Found { hits, next: Some(until) });
            }
            until = candidate.id;
            if let Some(Some(conversation)) = looked.get(&candidate.conversation)
                && candidate.seq <= conversation.until_seq
            {
                hits.extend(show(tx, query, &candidate, conversation)?);
            }
        }
        if is_last {
            return Ok(Found { hits, next: None });
        }
        if since.elapsed() > TIME_MAX {
            break;
        }
    }
    Ok(Found { hits, next: Some(until) })
}

fn candidates(
    tx: &mut Tx<'_>,
    query: &Query,
    from: i64,
    until: i64,
) -> Result<Vec<Candidate>, Error> {
    let [sqlite, postgres] = query.texts();
    let text = if tx.is_sqlite() { &sqlite } else { &postgres };
    let found = tx.query(
        &CANDIDATES,
        &[text.into(), from.into(), until.into(), super::limit(BATCH)],
        |row: &Row<'_>| {
            Ok(Candidate { id: row.get(0)?, conversation: row.get(1)?, seq: row.get(2)? })
        },
    );
    found.map_err(|error| match error {
        rozmowa_db::Error::Busy(_) => Error::from(Code::SearchTooBroad),
        error => error.into(),
    })
}

/// A conversation whose client has the words of a query.
#[derive(Debug)]
pub struct Client {
    /// In the order of the search.
    pub place: i64,
    pub conversation: Uuid,
    pub email: String,
}

/// Conversations by what is known of their clients, the newest first; behind a place that an earlier page gave. For who looks for
/// all of them, whosever they are.
pub fn clients(
    tx: &mut Tx<'_>,
    query: &Query,
    before: i64,
    limit: usize,
) -> Result<Vec<Client>, Error> {
    let [sqlite, postgres] = query.texts();
    let text = if tx.is_sqlite() { &sqlite } else { &postgres };
    let found =
        tx.query(&CLIENTS, &[text.into(), before.into(), super::limit(limit)], |row: &Row<'_>| {
            Ok(Client { place: row.get(0)?, conversation: row.get(1)?, email: row.get(2)? })
        })?;
    Ok(found)
}

/// Which of the candidates' conversations the caller may see and wants to see.
fn look(
    tx: &mut Tx<'_>,
    sight: Sight,
    queues: &HashSet<i64>,
    filter: &Filter,
    candidates: &[Candidate],
    looked: &mut HashMap<Uuid, Option<Conversation>>,
) -> Result<(), Error> {
    let mut new: Vec<Uuid> = candidates.iter().map(|candidate| candidate.conversation).collect();
    new.retain(|id| !looked.contains_key(id));
    new.sort_unstable();
    new.dedup();
    let Some(last) = new.last() else { return Ok(()) };
    let mut ids = vec![Value::from(last); BATCH];
    for (place, id) in ids.iter_mut().zip(&new) {
        *place = Value::from(id);
    }
    let found = tx.query(&CONVERSATIONS, &ids, |row: &Row<'_>| {
        let (name, surname): (String, String) = (row.get(6)?, row.get(7)?);
        let (email, client_id): (String, Option<String>) = (row.get(8)?, row.get(9)?);
        let joined = format!("{name} {surname}");
        let about = [joined.trim(), &email, client_id.as_deref().unwrap_or_default()];
        let about: Vec<_> = about.into_iter().filter(|text| !text.is_empty()).collect();
        let conversation = Conversation {
            chat_queue_id: row.get(1)?,
            status: Status::from_number(row.get(2)?).unwrap_or(Status::Closed),
            agent_id: row.get(3)?,
            agent: row.get(4)?,
            topic_id: row.get(5)?,
            client_name: shown_name(&name, &surname, client_id.as_deref()),
            client: about.join(" · "),
            until_seq: i64::MAX,
        };
        Ok((row.get::<Uuid>(0)?, conversation))
    })?;
    // What was erased is not there any more.
    looked.extend(new.iter().map(|id| (*id, None)));
    for (id, mut conversation) in found {
        if !filter.takes(&conversation) || !is_tagged(tx, &id, filter.tag_id)? {
            continue;
        }
        if let Some(until_seq) = seen_until(tx, sight, queues, &id, &conversation)? {
            conversation.until_seq = until_seq;
            looked.insert(id, Some(conversation));
        }
    }
    Ok(())
}

impl Filter {
    fn takes(&self, conversation: &Conversation) -> bool {
        self.chat_queue_id.is_none_or(|id| id == conversation.chat_queue_id)
            && self.status.is_none_or(|status| status == conversation.status)
            && self.topic_id.is_none_or(|id| conversation.topic_id == Some(id))
            && self.agent.as_ref().is_none_or(|login| conversation.agent.as_ref() == Some(login))
    }
}

fn is_tagged(tx: &mut Tx<'_>, id: &Uuid, tag_id: Option<i64>) -> Result<bool, Error> {
    let Some(tag_id) = tag_id else { return Ok(true) };
    Ok(tx.query_opt(&TAGGED, params![id, tag_id], |_| Ok(()))?.is_some())
}

fn seen_until(
    tx: &mut Tx<'_>,
    sight: Sight,
    queues: &HashSet<i64>,
    id: &Uuid,
    conversation: &Conversation,
) -> Result<Option<i64>, Error> {
    let Sight::Agent(agent_id) = sight else { return Ok(Some(i64::MAX)) };
    if conversation.agent_id == Some(agent_id) || queues.contains(&conversation.chat_queue_id) {
        return Ok(Some(i64::MAX));
    }
    Ok(tx.query_one(&HAD, params![id, agent_id], |row| row.get(0))?)
}

/// The hit as it is now; none when it is none any more.
fn show(
    tx: &mut Tx<'_>,
    query: &Query,
    candidate: &Candidate,
    conversation: &Conversation,
) -> Result<Option<Hit>, Error> {
    let mut hit = Hit {
        conversation: candidate.conversation,
        seq: candidate.seq,
        at: crate::clock::made_at(&candidate.conversation),
        kind: None,
        sent_by: None,
        by: None,
        parts: Vec::new(),
        chat_queue_id: conversation.chat_queue_id,
        status: conversation.status,
        agent: conversation.agent.clone(),
        client_name: conversation.client_name.clone(),
    };
    let mut text = Some(conversation.client.clone());
    if candidate.seq > 0 {
        let place = params![&candidate.conversation, candidate.seq];
        let event = tx.query_opt(&EVENT, place, |row: &Row<'_>| {
            hit.kind = Kind::from_number(row.get(0)?);
            hit.sent_by = Some(Speaker::from_number(row.get(1)?));
            (hit.at, hit.by) = (row.get(2)?, row.get(4)?);
            row.get::<Option<String>>(3)
        })?;
        text = event.flatten();
    }
    let Some(parts) = text.and_then(|text| query.mark(&text)) else { return Ok(None) };
    hit.parts = parts;
    Ok(Some(hit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(query: &str, text: &str) -> Option<String> {
        let parts = Query::new(query)?.mark(text)?;
        let part = |part: Part| if part.is_hit { format!("[{}]", part.text) } else { part.text };
        Some(parts.into_iter().map(part).collect())
    }

    #[test]
    fn hits_are_marked_in_the_original() {
        for (query, text, expected) in [
            ("zolc", "Zażółć żółcią Żółw", Some("Zażółć [żółcią] Żółw")),
            ("ŻÓŁ gę", "żółw i gę", Some("[żółw] i [gę]")),
            ("ge", "gęś", None),
            ("lodz", "Łódź; łodzie", Some("[Łódź]; [łodzie]")),
            ("jan@example.org", "pisze jan@example.org?", Some("pisze [jan]@[example].[org]?")),
            ("zolc", "z\u{307}ółć\u{301}!", Some("[z\u{307}ółć\u{301}]!")),
            ("ala kot", "Ala ma psa", None),
            ("!?", "co?", None),
        ] {
            assert_eq!(marked(query, text).as_deref(), expected, "{query} in {text}");
        }
    }

    #[test]
    fn long_texts_are_shown_around_the_first_hit() {
        let text = format!("{} igła {}", "ąśćżź ".repeat(1_000), "siano ".repeat(1_000));
        let shown = marked("igla", &text).expect("it is there");
        assert!(shown.contains("[igła]"));
        assert_eq!(shown.chars().count(), BEFORE + "[igła]".chars().count() + AFTER);
        assert_eq!(
            marked("igla", &"igła ".repeat(10_000)).map(|s| s.chars().count() > 200),
            Some(true)
        );
    }

    #[test]
    fn queries_hold_nothing_to_interpret() {
        let query = Query::new("'a':* & \"NEAR(abc\" -- żółw OR and").expect("words");
        let [sqlite, postgres] = query.texts();
        assert_eq!(
            sqlite,
            "\"a\" AND \"near\" * AND \"abc\" * AND \"zolw\" * AND \"or\" AND \"and\" *"
        );
        assert_eq!(postgres, "'a' & 'near':* & 'abc':* & 'zolw':* & 'or' & 'and':*");
        assert!(Query::new(" -- ").is_none());
    }
}
