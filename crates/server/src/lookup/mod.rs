//! What the company's own systems know of a client: orders and the like, for the agent's eyes.
//!
//! An address of the company's is asked with the client's e-mail and identifier, and its answer, a title and rows, is
//! remembered for a minute in memory. It is stored nowhere, and reaches no visitor.

pub mod console;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use moka::future::Cache;
use rozmowa_db::{Row, Tx, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::act::Act;
use crate::app::App;
use crate::audit;
use crate::clock::Millis;
use crate::http::{Code, Error, Fault};
use crate::secret::Key;
use crate::setting;
use crate::webhook::send::Unfetched;

rozmowa_db::statements! {
    CLIENT = "SELECT c.client_email, c.client_id, u.identifier
        FROM conversation c LEFT JOIN customer u ON u.id = c.customer_id WHERE c.id = $1";
}

const SETTING: &str = "lookup";
/// What the secret is sealed for.
const PURPOSE: &str = "lookup";
const TIME: Duration = Duration::from_secs(3);
const ANSWER_BYTES_MAX: usize = 64 * 1024;
const ROWS_MAX: usize = 50;
const TITLE_MAX: usize = 200;
const LABEL_MAX: usize = 100;
const VALUE_MAX: usize = 1_000;
const LINK_MAX: usize = 2_000;
const KEPT_FOR: Millis = 60_000;
/// A system that is down is not asked at every click, and found again soon.
const FAILURE_KEPT_FOR: Millis = 5_000;
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// What administrators have set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Stored {
    url: String,
    /// Sealed, in base64.
    secret: Option<String>,
}

/// What people see of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LookupSettings {
    /// Empty when nothing is asked.
    pub url: String,
    pub has_secret: bool,
}

impl Stored {
    fn read(tx: &mut Tx<'_>) -> Result<Option<Self>, Error> {
        let text = setting::text(tx, SETTING)?;
        let stored = text.and_then(|text| serde_json::from_str::<Self>(&text).ok());
        Ok(stored.filter(|stored| !stored.url.is_empty()))
    }

    fn view(&self) -> LookupSettings {
        LookupSettings { url: self.url.clone(), has_secret: self.secret.is_some() }
    }

    fn secret(&self, key: &Key) -> Option<String> {
        let sealed = STANDARD_NO_PAD.decode(self.secret.as_deref()?).ok()?;
        String::from_utf8(key.open_sealed(PURPOSE, &sealed)?).ok()
    }
}

pub fn settings(tx: &mut Tx<'_>) -> Result<LookupSettings, Error> {
    Ok(Stored::read(tx)?.unwrap_or_default().view())
}

/// What is to be another; the rest stays.
#[derive(Clone, Default)]
pub struct Changes {
    /// None within: nothing is asked any more.
    pub url: Option<Option<String>>,
    /// None within: none is sent any more.
    pub secret: Option<Option<String>>,
}

/// A stored secret goes nowhere else: an address on another host needs it again.
pub fn change(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    key: &Key,
    changes: &Changes,
) -> Result<LookupSettings, Error> {
    tx.lock(&[SETTING])?;
    let was = Stored::read(tx)?.unwrap_or_default();
    let url = changes.url.clone().map_or_else(|| was.url.clone(), Option::unwrap_or_default);
    let secret = match &changes.secret {
        Some(secret) => secret
            .as_ref()
            .map(|secret| STANDARD_NO_PAD.encode(key.seal(act.ids, PURPOSE, secret.as_bytes()))),
        None if url.is_empty() => None,
        None if was.secret.is_some() && host(&url) != host(&was.url) => {
            return Err(Fault::new(Code::SecretNeeded).about("secret").into());
        }
        None => was.secret.clone(),
    };
    let becomes = Stored { url, secret };
    if becomes == was {
        return Ok(was.view());
    }
    setting::set_text(tx, SETTING, &serde_json::to_string(&becomes).map_err(Error::internal)?)?;
    let (before, after) = (was.view(), becomes.view());
    audit::record(tx, act, "lookup.change", "lookup", Some(&before), Some(&after))?;
    Ok(after)
}

fn host(url: &str) -> Option<String> {
    Some(Url::parse(url).ok()?.origin().ascii_serialization())
}

/// What is to be asked about a conversation's client.
#[derive(Debug, Clone)]
pub struct Question {
    settings: Option<Stored>,
    email: String,
    identifier: String,
}

/// The client is known by the customer's identifier, else by the id that the conversation was started with.
pub fn question(tx: &mut Tx<'_>, id: &Uuid) -> Result<Question, Error> {
    let settings = Stored::read(tx)?;
    let found = tx.query_opt(&CLIENT, params![id], |row: &Row<'_>| {
        let (client_id, identifier): (Option<String>, Option<String>) = (row.get(1)?, row.get(2)?);
        Ok((row.get(0)?, identifier.or(client_id).unwrap_or_default()))
    })?;
    let (email, identifier) = found.ok_or(Code::UnknownConversation)?;
    Ok(Question { settings, email, identifier })
}

/// What came of a look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Found,
    /// No address is set.
    NotSetUp,
    /// Neither e-mail nor identifier is known.
    NothingToAsk,
    /// No answer within 3 seconds.
    NoAnswer,
    /// The address may not be called.
    NotAllowed,
    /// The answer's status is not 200 to 299.
    BadStatus,
    /// The answer has more than 64 KiB.
    TooLarge,
    /// The answer is not what was agreed.
    Unreadable,
}

/// What the company's own systems know.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LookupShown {
    state: State,
    title: String,
    rows: Vec<LookupRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LookupRow {
    label: String,
    value: String,
    /// `http` or `https`.
    #[schema(required)]
    link: Option<String>,
}

impl LookupShown {
    const fn nothing(state: State) -> Self {
        Self { state, title: String::new(), rows: Vec::new() }
    }

    fn size(&self) -> usize {
        let row = |row: &LookupRow| {
            row.label.len() + row.value.len() + row.link.as_ref().map_or(0, String::len)
        };
        200 + self.title.len() + self.rows.iter().map(|each| 100 + row(each)).sum::<usize>()
    }
}

/// Answers that are remembered, by what was asked where.
pub struct Lookups(Cache<[u8; 32], Arc<Remembered>>);

struct Remembered {
    shown: LookupShown,
    until: Millis,
}

impl Default for Lookups {
    fn default() -> Self {
        let weigh = |_: &[u8; 32], value: &Arc<Remembered>| {
            u32::try_from(value.shown.size()).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(CACHE_BYTES).weigher(weigh).build())
    }
}

/// Asks, once for all who ask the same at the same time.
pub async fn ask(app: &App, question: Question) -> LookupShown {
    let Question { settings, email, identifier } = question;
    let Some(settings) = settings else { return LookupShown::nothing(State::NotSetUp) };
    if email.is_empty() && identifier.is_empty() {
        return LookupShown::nothing(State::NothingToAsk);
    }
    // With the sealed secret: who gets another one is asked again.
    let secret = settings.secret.as_deref().unwrap_or_default();
    let mut key = Sha256::new();
    for part in [settings.url.as_str(), secret, email.as_str(), identifier.as_str()] {
        key.update(part.len().to_le_bytes());
        key.update(part);
    }
    let key: [u8; 32] = key.finalize().into();
    let now = app.clock.now();
    let fetch = async {
        let shown = fetch(app, &settings, &email, &identifier).await;
        let kept = if shown.state == State::Found { KEPT_FOR } else { FAILURE_KEPT_FOR };
        Arc::new(Remembered { shown, until: app.clock.now() + kept })
    };
    let is_over = |remembered: &Arc<Remembered>| remembered.until <= now;
    let entry = app.lookups.0.entry(key).or_insert_with_if(fetch, is_over).await;
    entry.into_value().shown.clone()
}

async fn fetch(app: &App, settings: &Stored, email: &str, identifier: &str) -> LookupShown {
    let Ok(mut url) = Url::parse(&settings.url) else {
        return LookupShown::nothing(State::NotAllowed);
    };
    for (name, value) in [("email", email), ("identifier", identifier)] {
        if !value.is_empty() {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
    let secret = settings.secret(&app.secret);
    let fetched = app.sender.fetch(url.as_str(), secret.as_deref(), TIME, ANSWER_BYTES_MAX).await;
    match fetched {
        Ok(body) => read(&body).unwrap_or(LookupShown::nothing(State::Unreadable)),
        Err(why) => LookupShown::nothing(match why {
            Unfetched::NotAllowed => State::NotAllowed,
            Unfetched::NoAnswer => State::NoAnswer,
            Unfetched::Status(_) => State::BadStatus,
            Unfetched::TooLarge => State::TooLarge,
        }),
    }
}

/// An answer as it was agreed: `{"title": …, "rows": [{"label": …, "value": …, "link": …}]}`.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    title: String,
    rows: Vec<AnswerRow>,
}

#[derive(Deserialize)]
struct AnswerRow {
    label: String,
    value: serde_json::Value,
    #[serde(default)]
    link: Option<String>,
}

/// What is too long is cut, what is too much is left out, and a link that leads nowhere good is none.
fn read(body: &[u8]) -> Option<LookupShown> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let mut rows = Vec::new();
    for row in answer.rows.into_iter().take(ROWS_MAX) {
        let value = match row.value {
            serde_json::Value::String(text) => text,
            serde_json::Value::Null => String::new(),
            value @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_)) => {
                value.to_string()
            }
            _ => return None,
        };
        let link = row.link.filter(|link| is_link(link));
        rows.push(LookupRow {
            label: cut(&row.label, LABEL_MAX),
            value: cut(&value, VALUE_MAX),
            link,
        });
    }
    Some(LookupShown { state: State::Found, title: cut(&answer.title, TITLE_MAX), rows })
}

fn cut(text: &str, max: usize) -> String {
    text.chars().filter(|c| !c.is_control() || *c == '\n').take(max).collect()
}

fn is_link(link: &str) -> bool {
    link.len() <= LINK_MAX
        && Url::parse(link).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_far_as_it_is_good() {
        let body = r#"{"title": "Zamówienia", "more": 1, "rows": [
            {"label": "Ostatnie", "value": "7/2026", "link": "https://shop.example.org/7"},
            {"label": "Suma", "value": 12.50, "link": null}, {"label": "VIP", "value": true},
            {"label": "x", "value": null, "link": "javascript:alert(1)"}]}"#;
        let shown = read(body.as_bytes()).unwrap();
        assert_eq!((shown.state, shown.title.as_str()), (State::Found, "Zamówienia"));
        let rows: Vec<_> = shown
            .rows
            .iter()
            .map(|row| (row.label.as_str(), row.value.as_str(), row.link.as_deref()))
            .collect();
        assert_eq!(
            rows,
            [
                ("Ostatnie", "7/2026", Some("https://shop.example.org/7")),
                ("Suma", "12.50", None),
                ("VIP", "true", None),
                ("x", "", None),
            ]
        );
    }

    #[test]
    fn an_answer_has_bounds() {
        let row =
            format!(r#"{{"label": "{}", "value": "{}"}}"#, "l".repeat(500), "ż".repeat(5_000));
        let body =
            format!(r#"{{"title": "{}", "rows": [{}]}}"#, "t".repeat(500), [&*row; 60].join(","));
        let shown = read(body.as_bytes()).unwrap();
        assert_eq!((shown.title.len(), shown.rows.len()), (TITLE_MAX, ROWS_MAX));
        assert_eq!(shown.rows[0].label.len(), LABEL_MAX);
        assert_eq!(shown.rows[0].value.chars().count(), VALUE_MAX);
        for wrong in
            ["", "{}", "[]", r#"{"rows": {}}"#, r#"{"rows": [{"label": "a", "value": {}}]}"#]
        {
            assert!(read(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }
}
