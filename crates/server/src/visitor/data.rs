//! What is known of the visitor's browser.

use std::collections::HashMap;

use http::{HeaderMap, header};
use rozmowa_db::{Row, Tx, Value, params};
use uuid::Uuid;

use super::browser;
use crate::clock::Millis;
use crate::conversation::log;
use crate::http::Error;

rozmowa_db::statements! {
    /// Of a conversation that is held. What is known already stays, but for the page.
    NOTE = "INSERT INTO client_data (conversation_id, ip, user_agent, browser, language, page_url, page_title, referrer)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (conversation_id) DO UPDATE SET
            page_url = coalesce(excluded.page_url, client_data.page_url),
            page_title = CASE WHEN excluded.page_url IS NULL THEN client_data.page_title ELSE excluded.page_title END,
            ip = coalesce(client_data.ip, excluded.ip), user_agent = coalesce(client_data.user_agent, excluded.user_agent),
            browser = coalesce(client_data.browser, excluded.browser),
            language = coalesce(client_data.language, excluded.language),
            referrer = coalesce(client_data.referrer, excluded.referrer)";
    /// A lease: the page is open until then, unless it is closed before.
    PAGE_OPEN = "UPDATE conversation SET page_closed_at = $2 WHERE id = $1 AND (page_closed_at IS NULL OR page_closed_at < $2)";
    PAGE_CLOSED = "UPDATE conversation SET page_closed_at = $2 WHERE id = $1 AND page_closed_at > $2";
    /// Of up to 100 conversations.
    OF = "SELECT conversation_id, ip, user_agent, browser, language, page_url, referrer FROM client_data
        WHERE conversation_id IN ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,
            $26,$27,$28,$29,$30,$31,$32,$33,$34,$35,$36,$37,$38,$39,$40,$41,$42,$43,$44,$45,$46,$47,$48,$49,$50,
            $51,$52,$53,$54,$55,$56,$57,$58,$59,$60,$61,$62,$63,$64,$65,$66,$67,$68,$69,$70,$71,$72,$73,$74,$75,
            $76,$77,$78,$79,$80,$81,$82,$83,$84,$85,$86,$87,$88,$89,$90,$91,$92,$93,$94,$95,$96,$97,$98,$99,$100)";
}

/// The longest title of a page that is kept, in characters.
const TITLE_MAX: usize = 255;
const URL_MAX: usize = 2_000;
/// The longest header that is kept.
const HEADER_MAX: usize = 1_000;

/// A visitor's browser, and where it is.
#[derive(Debug, Clone, Default)]
pub struct Browser {
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub language: Option<String>,
    pub page_url: Option<String>,
    pub page_title: Option<String>,
    pub referrer: Option<String>,
}

impl Browser {
    /// Which page it is on, as far as that is an address that may be shown as a link. What is behind `#` is for the page's
    /// script alone, and may be a secret.
    #[must_use]
    pub fn at(mut self, url: Option<String>, title: Option<String>) -> Self {
        let is_web = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        let bare = |url: String| url.split('#').next().map(|url| line(url, URL_MAX));
        self.page_url = url.and_then(bare).filter(is_web);
        self.page_title = title.map(|title| line(&title, TITLE_MAX));
        self
    }

    /// Which page led there.
    #[must_use]
    pub fn led_by(mut self, referrer: Option<String>) -> Self {
        self.referrer = referrer.map(|url| line(&url, URL_MAX)).filter(|url| !url.is_empty());
        self
    }

    /// As far as the head of a request tells.
    pub fn of(headers: &HeaderMap, from: std::net::IpAddr) -> Self {
        let text = |name: header::HeaderName| {
            let value = headers.get(name)?.to_str().ok()?;
            Some(value.chars().take(HEADER_MAX).collect())
        };
        Self {
            ip: Some(from.to_string()),
            user_agent: text(header::USER_AGENT),
            language: text(header::ACCEPT_LANGUAGE),
            ..Self::default()
        }
    }
}

/// What a page has told, as it can be stored and shown: cleaned and cut.
fn line(text: &str, most: usize) -> String {
    let clean = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    clean.take(most).collect::<String>().trim().to_owned()
}

/// Of a conversation that is deleted nothing is kept.
pub fn note(tx: &mut Tx<'_>, conversation: &Uuid, browser: &Browser) -> Result<(), Error> {
    if log::hold(tx, conversation)?.is_none() {
        return Ok(());
    }
    let name = browser.user_agent.as_deref().and_then(browser::name);
    tx.put(
        &NOTE,
        params![
            conversation,
            browser.ip.as_deref(),
            browser.user_agent.as_deref(),
            name,
            browser.language.as_deref(),
            browser.page_url.as_deref(),
            browser.page_title.as_deref(),
            browser.referrer.as_deref(),
        ],
    )?;
    Ok(())
}

/// A page that is open says so this often, and is taken as open for as long again.
pub const PAGE_LEASE: Millis = 10 * 60 * 1_000;

/// The visitor has the conversation before them.
pub fn page_open(tx: &mut Tx<'_>, conversation: &Uuid, now: Millis) -> Result<(), Error> {
    Ok(tx.put(&PAGE_OPEN, params![conversation, now + PAGE_LEASE])?)
}

/// The visitor has closed the last page: from now on the conversation may be idle.
pub fn page_closed(tx: &mut Tx<'_>, conversation: &Uuid, now: Millis) -> Result<(), Error> {
    Ok(tx.put(&PAGE_CLOSED, params![conversation, now])?)
}

/// What is known of a conversation's browser.
#[derive(Debug, Clone, Default)]
pub struct Known {
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub browser: Option<String>,
    pub language: Option<String>,
    pub page_url: Option<String>,
    pub referrer: Option<String>,
}

/// Of the conversations whose ids fill the 100 places.
pub fn of(tx: &mut Tx<'_>, ids: &[Value<'_>]) -> Result<HashMap<Uuid, Known>, Error> {
    let known = tx.query(&OF, ids, |row: &Row<'_>| {
        let known = Known {
            ip: row.get(1)?,
            user_agent: row.get(2)?,
            browser: row.get(3)?,
            language: row.get(4)?,
            page_url: row.get(5)?,
            referrer: row.get(6)?,
        };
        Ok((row.get::<Uuid>(0)?, known))
    })?;
    Ok(known.into_iter().collect())
}
