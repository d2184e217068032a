//! Webhooks: telling others what happened.
//!
//! A change writes a delivery, a row of references, in its own transaction, for each subscription that wants to hear of it
//! ([`tell()`]). A lane for each subscription takes them from there to the receiver.

pub mod action;
pub mod api;
pub mod body;
pub mod console;
pub mod courier;
pub mod deliveries;
pub mod deliveries_api;
pub mod deliveries_console;
pub mod delivery;
pub mod given;
pub mod guard;
pub mod lane;
pub mod log;
pub mod send;
pub mod sign;
pub mod tell;
pub mod wanted;

use rozmowa_db::{Row, Tx, params};
use serde::Serialize;
use utoipa::ToSchema;

pub use action::Action;
pub use tell::{Subject, ToDeliver, tell, tell_bot};
pub use wanted::{Subscriptions, Wanted};

use crate::act::Act;
use crate::audit;
use crate::bot;
use crate::clock::Millis;
use crate::http::params::Named;
use crate::http::{Code, Error, Fault};
use crate::secret::Key;
use crate::time;

/// Every subscription costs each change that it wants to hear of a row.
const MAX: i64 = 100;

rozmowa_db::statements! {
    LIST = "SELECT id, subscription_url, actions, http_auth_user, http_auth_password, format, signing_secret,
            old_signing_secret, old_signing_expires_at, is_enabled, off_because, failing_since, created_at, version
        FROM webhook ORDER BY id LIMIT 1000";
    FIND = "SELECT id, subscription_url, actions, http_auth_user, http_auth_password, format, signing_secret,
            old_signing_secret, old_signing_expires_at, is_enabled, off_because, failing_since, created_at, version
        FROM webhook WHERE id = $1";
    /// What is decided by what was read stays so until the transaction's end.
    HOLD = {
        sqlite: "SELECT id, subscription_url, actions, http_auth_user, http_auth_password, format, signing_secret,
                old_signing_secret, old_signing_expires_at, is_enabled, off_because, failing_since, created_at, version
            FROM webhook WHERE id = $1",
        postgres: "SELECT id, subscription_url, actions, http_auth_user, http_auth_password, format, signing_secret,
                old_signing_secret, old_signing_expires_at, is_enabled, off_because, failing_since, created_at, version
            FROM webhook WHERE id = $1 FOR UPDATE",
    };
    COUNT = "SELECT count(*) FROM webhook";
    ADD = "INSERT INTO webhook (id, subscription_url, actions, http_auth_user, http_auth_password, format, signing_secret,
            is_enabled, created_at, version, lease_until)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, 1, 0)";
    CHANGE = "UPDATE webhook SET subscription_url = $2, actions = $3, http_auth_user = $4, http_auth_password = $5,
            format = $6, signing_secret = $7, old_signing_secret = $8, old_signing_expires_at = $9, is_enabled = $10,
            off_because = $11, failing_since = $12, version = version + 1
        WHERE id = $1";
    /// Unless it was changed since: what was learnt may be true of another address.
    SWITCH_OFF = "UPDATE webhook SET is_enabled = 0, off_because = $2, version = version + 1
        WHERE id = $1 AND is_enabled = 1 AND version = $3";
    RAISE_VERSION = "UPDATE webhook SET version = version + 1 WHERE id = $1";
    REMOVE = "DELETE FROM webhook WHERE id = $1";
}

/// How bodies are written. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Form = 0,
    Json = 1,
}

impl Named for Format {
    const ALL: &[Self] = &[Self::Form, Self::Json];

    fn name(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Json => "json",
        }
    }
}

impl Format {
    const fn from_number(number: i64) -> Self {
        if number == 1 { Self::Json } else { Self::Form }
    }
}

/// Why a subscription is off. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OffBecause {
    /// Somebody switched it off.
    ByHand = 1,
    /// The receiver answered 410.
    Gone = 2,
    /// Nothing but failures for five days.
    Failing = 3,
}

impl OffBecause {
    pub const fn about(self) -> &'static str {
        match self {
            Self::ByHand => "switched off by hand",
            Self::Gone => "the receiver answered 410",
            Self::Failing => "nothing but failures for five days",
        }
    }

    const fn from_number(number: i64) -> Self {
        match number {
            2 => Self::Gone,
            3 => Self::Failing,
            _ => Self::ByHand,
        }
    }
}

/// A subscription. Its secrets are sealed.
#[derive(Debug, Clone)]
pub struct Webhook {
    pub id: i64,
    pub subscription_url: String,
    pub actions: Vec<Action>,
    pub http_auth_user: String,
    http_auth_password: Option<Vec<u8>>,
    pub format: Format,
    signing_secret: Option<Vec<u8>>,
    old_signing_secret: Option<Vec<u8>>,
    pub old_signing_expires_at: Option<Millis>,
    pub is_enabled: bool,
    pub off_because: Option<OffBecause>,
    pub failing_since: Option<Millis>,
    pub created_at: Millis,
    /// Raised by every change.
    pub version: i64,
}

impl Webhook {
    fn read(row: &Row<'_>) -> Result<Self, rozmowa_db::Error> {
        Ok(Self {
            id: row.get(0)?,
            subscription_url: row.get(1)?,
            actions: action::from_lines(&row.get::<String>(2)?),
            http_auth_user: row.get(3)?,
            http_auth_password: row.get(4)?,
            format: Format::from_number(row.get(5)?),
            signing_secret: row.get(6)?,
            old_signing_secret: row.get(7)?,
            old_signing_expires_at: row.get(8)?,
            is_enabled: row.get(9)?,
            off_because: row.get::<Option<i64>>(10)?.map(OffBecause::from_number),
            failing_since: row.get(11)?,
            created_at: row.get(12)?,
            version: row.get(13)?,
        })
    }

    pub fn has_password(&self) -> bool {
        self.http_auth_password.is_some()
    }

    pub fn is_signed(&self) -> bool {
        self.signing_secret.is_some()
    }

    /// What goes into the `Authorization` header. An error says that the key file is not the one it was sealed under.
    fn credentials(&self, key: &Key) -> Result<Option<(String, String)>, String> {
        if self.http_auth_user.is_empty() && self.http_auth_password.is_none() {
            return Ok(None);
        }
        let password = match &self.http_auth_password {
            Some(sealed) => unsealed(key, &password_purpose(self.id), sealed)?,
            None => String::new(),
        };
        Ok(Some((self.http_auth_user.clone(), password)))
    }

    /// The secrets that are good now, the newest first.
    fn signing_secrets(&self, key: &Key, now: Millis) -> Result<Vec<String>, String> {
        let old = self.old_signing_secret.as_ref();
        let old = old.filter(|_| self.old_signing_expires_at.is_some_and(|until| now < until));
        let sealed = self.signing_secret.iter().chain(old);
        sealed.map(|sealed| unsealed(key, &signing_purpose(self.id), sealed)).collect()
    }

    /// What people may see of it, for the audit log.
    fn view(&self) -> View<'_> {
        View {
            subscription_url: &self.subscription_url,
            actions: self.actions.iter().map(|action| action.name()).collect(),
            http_auth_user: &self.http_auth_user,
            http_auth_password: self.has_password().then_some("set"),
            format: self.format,
            signing: self.is_signed(),
            enabled: self.is_enabled,
            off_because: self.off_because,
        }
    }
}

#[derive(Serialize, PartialEq)]
struct View<'a> {
    subscription_url: &'a str,
    actions: Vec<&'a str>,
    http_auth_user: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_auth_password: Option<&'static str>,
    format: Format,
    signing: bool,
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    off_because: Option<OffBecause>,
}

fn unsealed(key: &Key, purpose: &str, sealed: &[u8]) -> Result<String, String> {
    let plain = key.open_sealed(purpose, sealed);
    plain
        .and_then(|plain| String::from_utf8(plain).ok())
        .ok_or_else(|| format!("the {purpose} was sealed under another key file"))
}

fn password_purpose(id: i64) -> String {
    format!("password of webhook {id}")
}

fn signing_purpose(id: i64) -> String {
    format!("signing secret of webhook {id}")
}

/// What makes a subscription.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    pub subscription_url: String,
    pub actions: Vec<Action>,
    pub http_auth_user: String,
    pub http_auth_password: Option<String>,
    pub format: Format,
    pub is_signed: bool,
}

/// A subscription as it is after a change, and the signing secret if one was made: it is shown once.
pub struct Changed {
    pub webhook: Webhook,
    pub signing_secret: Option<String>,
}

pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Webhook>, Error> {
    Ok(tx.query(&LIST, params![], Webhook::read)?)
}

pub fn find(tx: &mut Tx<'_>, id: i64) -> Result<Option<Webhook>, Error> {
    Ok(tx.query_opt(&FIND, params![id], Webhook::read)?)
}

/// Finds it, or says that there is none.
pub fn get(tx: &mut Tx<'_>, id: i64) -> Result<Webhook, Error> {
    find(tx, id)?.ok_or_else(|| unknown(id))
}

fn hold(tx: &mut Tx<'_>, id: i64) -> Result<Webhook, Error> {
    tx.query_opt(&HOLD, params![id], Webhook::read)?.ok_or_else(|| unknown(id))
}

fn unknown(id: i64) -> Error {
    Fault::new(Code::UnknownWebhook).with("id", id).into()
}

pub fn add(tx: &mut Tx<'_>, act: &Act<'_>, key: &Key, new: &NewWebhook) -> Result<Changed, Error> {
    // So that two at once don't both find room for one.
    tx.lock(&["webhooks"])?;
    if tx.query_one(&COUNT, params![], |row| row.get::<i64>(0))? >= MAX {
        return Err(Fault::new(Code::TooManyWebhooks).with("limit", MAX).into());
    }
    let id = crate::counter::next(tx, "webhook")?;
    let seal = |purpose: &str, plain: &str| key.seal(act.ids, purpose, plain.as_bytes());
    let password = new.http_auth_password.as_ref().map(|text| seal(&password_purpose(id), text));
    let secret = new.is_signed.then(|| sign::new_secret(act.ids));
    let sealed_secret = secret.as_ref().map(|secret| seal(&signing_purpose(id), secret));
    tx.put(
        &ADD,
        params![
            id,
            &new.subscription_url,
            &action::to_lines(&new.actions),
            &new.http_auth_user,
            password.as_deref(),
            new.format as i64,
            sealed_secret.as_deref(),
            act.now,
        ],
    )?;
    let webhook = get(tx, id)?;
    audit::record(tx, act, "webhook.add", &subject(id), None::<&()>, Some(&webhook.view()))?;
    Wanted::change(tx, act.ids)?;
    tx.publish(ToDeliver(id));
    Ok(Changed { webhook, signing_secret: secret })
}

/// What is to be changed; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    pub subscription_url: Option<String>,
    pub actions: Option<Vec<Action>>,
    /// Empty: no credentials are sent any more.
    pub http_auth_user: Option<String>,
    pub http_auth_password: Option<String>,
    pub format: Option<Format>,
    pub is_signed: Option<bool>,
    pub is_enabled: Option<bool>,
}

/// Without the key, which only the server has, no secret can be set.
pub fn change(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    key: Option<&Key>,
    id: i64,
    change: &Change,
) -> Result<Changed, Error> {
    let was = hold(tx, id)?;
    let mut webhook = was.clone();
    let stays = |text: String, change: &Option<String>| change.clone().unwrap_or(text);
    webhook.subscription_url = stays(webhook.subscription_url, &change.subscription_url);
    webhook.http_auth_user = stays(webhook.http_auth_user, &change.http_auth_user);
    webhook.actions = change.actions.clone().unwrap_or(webhook.actions);
    if change.http_auth_user.as_deref() == Some("") {
        webhook.http_auth_password = None;
    }
    let moves = webhook.subscription_url != was.subscription_url;
    if moves {
        // Another receiver may do better.
        webhook.failing_since = None;
    }
    if moves
        && webhook.http_auth_password.is_some()
        && change.http_auth_password.is_none()
        && origin(&webhook.subscription_url) != origin(&was.subscription_url)
    {
        // Or whoever may change it could have the password sent to a place of their own.
        return Err(Fault::new(Code::PasswordNeeded).about("http_auth_password").into());
    }
    if let Some(password) = &change.http_auth_password {
        webhook.http_auth_password = Some(seal(key, act, &password_purpose(id), password)?);
    }
    webhook.format = change.format.unwrap_or(webhook.format);
    let mut signing_secret = None;
    match change.is_signed {
        Some(true) if !was.is_signed() => {
            let secret = sign::new_secret(act.ids);
            webhook.signing_secret = Some(seal(key, act, &signing_purpose(id), &secret)?);
            signing_secret = Some(secret);
        }
        Some(false) => {
            webhook.signing_secret = None;
            webhook.old_signing_secret = None;
            webhook.old_signing_expires_at = None;
        }
        _ => {}
    }
    match change.is_enabled {
        Some(true) if !was.is_enabled => {
            webhook.is_enabled = true;
            webhook.off_because = None;
            // The five days begin anew.
            webhook.failing_since = None;
        }
        Some(false) if was.is_enabled => {
            webhook.is_enabled = false;
            webhook.off_because = Some(OffBecause::ByHand);
        }
        _ => {}
    }
    store(tx, &webhook)?;
    let mut becomes = webhook.view();
    if change.http_auth_password.is_some() {
        becomes.http_auth_password = Some("changed");
    }
    if was.view() != becomes {
        audit::record(tx, act, "webhook.change", &subject(id), Some(&was.view()), Some(&becomes))?;
    }
    Wanted::change(tx, act.ids)?;
    tx.publish(ToDeliver(id));
    Ok(Changed { webhook, signing_secret })
}

/// Scheme, host and port.
fn origin(url: &str) -> Option<url::Origin> {
    url::Url::parse(url).ok().map(|url| url.origin())
}

fn seal(key: Option<&Key>, act: &Act<'_>, purpose: &str, plain: &str) -> Result<Vec<u8>, Error> {
    let key = key.ok_or_else(|| Error::internal("a secret can't be sealed without the key"))?;
    Ok(key.seal(act.ids, purpose, plain.as_bytes()))
}

/// A new signing secret; the one before it signs along until its time is over.
pub fn rotate_secret(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    key: &Key,
    id: i64,
    overlap: Millis,
) -> Result<String, Error> {
    let mut webhook = hold(tx, id)?;
    let was = serde_json::json!({ "signing_secret": webhook.is_signed().then_some("set") });
    let secret = sign::new_secret(act.ids);
    let until = act.now + overlap;
    webhook.old_signing_secret = webhook.signing_secret.filter(|_| overlap > 0);
    webhook.old_signing_expires_at = webhook.old_signing_secret.as_ref().map(|_| until);
    webhook.signing_secret = Some(key.seal(act.ids, &signing_purpose(id), secret.as_bytes()));
    store(tx, &webhook)?;
    let becomes = serde_json::json!({
        "signing_secret": "changed",
        "old_signing_secret_until": webhook.old_signing_expires_at.map(time::in_utc),
    });
    audit::record(tx, act, "webhook.rotate_secret", &subject(id), Some(&was), Some(&becomes))?;
    tx.publish(ToDeliver(id));
    Ok(secret)
}

fn store(tx: &mut Tx<'_>, webhook: &Webhook) -> Result<(), Error> {
    tx.execute(
        &CHANGE,
        params![
            webhook.id,
            &webhook.subscription_url,
            &action::to_lines(&webhook.actions),
            &webhook.http_auth_user,
            webhook.http_auth_password.as_deref(),
            webhook.format as i64,
            webhook.signing_secret.as_deref(),
            webhook.old_signing_secret.as_deref(),
            webhook.old_signing_expires_at,
            webhook.is_enabled,
            webhook.off_because.map(|because| because as i64),
            webhook.failing_since,
        ],
    )?;
    Ok(())
}

/// What waits and what is in the log goes in steps, by [`sweep`](log::sweep).
pub fn remove(tx: &mut Tx<'_>, act: &Act<'_>, id: i64) -> Result<(), Error> {
    let was = hold(tx, id)?;
    if bot::has_webhook(tx, id)? {
        return Err(Fault::new(Code::WebhookOfBot).with("id", id).into());
    }
    tx.execute(&REMOVE, params![id])?;
    audit::record(tx, act, "webhook.remove", &subject(id), Some(&was.view()), None::<&()>)?;
    // Its lane finds that it is gone, and ends.
    tx.publish(ToDeliver(id));
    Wanted::change(tx, act.ids)
}

/// Done by the server itself, and seen by everybody who lists subscriptions.
pub fn switch_off(
    tx: &mut Tx<'_>,
    act: &Act<'_>,
    id: i64,
    version: i64,
    because: OffBecause,
) -> Result<(), Error> {
    if tx.execute(&SWITCH_OFF, params![id, because as i64, version])? == 0 {
        return Ok(());
    }
    let was = serde_json::json!({ "enabled": true });
    let becomes = serde_json::json!({ "enabled": false, "off_because": because });
    audit::record(tx, act, "webhook.switch_off", &subject(id), Some(&was), Some(&becomes))?;
    Wanted::change(tx, act.ids)
}

/// What the lane has learnt of the receiver counts no more: somebody orders deliveries by hand.
pub fn begin_anew(tx: &mut Tx<'_>, id: i64) -> Result<(), Error> {
    tx.execute(&RAISE_VERSION, params![id])?;
    tx.publish(ToDeliver(id));
    Ok(())
}

fn subject(id: i64) -> String {
    format!("webhook {id}")
}
