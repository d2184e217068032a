//! What administrators say of the installation itself: where it is reached, how long conversations are kept.
//!
//! What the configuration says of the address counts, and nobody changes it here. Else it is a setting, which every process looks
//! at again every two seconds, and the one that changes it at once.

pub mod console;

use std::sync::{Arc, PoisonError, RwLock};

use rozmowa_db::Tx;
use url::{Host, Url};

use crate::act::Act;
use crate::app::App;
use crate::audit;
use crate::config::Config;
use crate::http::{Code, Error, Fault};
use crate::setting;

/// The setting of this name.
pub const PUBLIC_URL: &str = "public_url";
const IS_SET_UP: &str = "installation.is_set_up";

/// Where people and programs reach this server. Empty: nobody has said.
pub struct PublicUrl {
    is_configured: bool,
    url: RwLock<Arc<str>>,
}

impl PublicUrl {
    pub fn new(config: &Config, set: &str) -> Self {
        let is_configured = !config.public_url.is_empty();
        let url = if is_configured { &config.public_url } else { set };
        Self { is_configured, url: RwLock::new(url.trim_end_matches('/').into()) }
    }

    /// Whether the configuration says it.
    pub fn is_configured(&self) -> bool {
        self.is_configured
    }

    /// Without a slash at the end.
    pub fn get(&self) -> Arc<str> {
        Arc::clone(&self.url.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the setting has become.
    pub fn take_over(&self, set: &str) {
        if self.is_configured || *self.get() == *set {
            return;
        }
        *self.url.write().unwrap_or_else(PoisonError::into_inner) = set.into();
    }
}

/// What was set, whatever the configuration says.
pub fn public_url(tx: &mut Tx<'_>) -> Result<String, Error> {
    Ok(setting::text(tx, PUBLIC_URL)?.unwrap_or_default())
}

/// An origin, or nothing. It takes effect when [`PublicUrl::take_over`] hears of it.
pub fn set_public_url(tx: &mut Tx<'_>, act: &Act<'_>, url: &str) -> Result<(), Error> {
    if !url.is_empty() && !is_protected(url) {
        return Err(Fault::of(Code::HttpsNeeded, PUBLIC_URL).into());
    }
    let was = public_url(tx)?;
    if was == url {
        return Ok(());
    }
    setting::set_text(tx, PUBLIC_URL, url)?;
    let subject = format!("setting {PUBLIC_URL}");
    audit::record(tx, act, "setting.change", &subject, Some(&was), Some(&url))
}

/// What goes there is read by nobody on the way.
fn is_protected(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || is_loopback
}

/// Whether somebody has said how this installation is to be: an administrator, the configuration, or the demo.
pub fn is_set_up(tx: &mut Tx<'_>, config: &Config) -> Result<bool, Error> {
    if config.is_demo || !config.public_url.is_empty() {
        return Ok(true);
    }
    Ok(setting::text(tx, IS_SET_UP)?.is_some())
}

/// From now on it is.
fn set_up(tx: &mut Tx<'_>, act: &Act<'_>) -> Result<(), Error> {
    if setting::text(tx, IS_SET_UP)?.is_some() {
        return Ok(());
    }
    setting::set_text(tx, IS_SET_UP, "true")?;
    let subject = format!("setting {IS_SET_UP}");
    audit::record(tx, act, "setting.change", &subject, Some(&false), Some(&true))
}

/// Reads the address again.
async fn reload(app: &App) -> Result<(), Error> {
    let url = app.db.read(public_url).await?;
    app.public_url.take_over(&url);
    Ok(())
}
