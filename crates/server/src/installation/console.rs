//! The installation's settings, for administrators at the console.

use serde::Serialize;
use utoipa::ToSchema;

use super::{is_set_up, public_url, reload, set_public_url, set_up};
use crate::agent::Role;
use crate::agent::session::AgentSession;
use crate::app::App;
use crate::http::error::Envelope;
use crate::http::params::{OrEmpty, Within, YesNo};
use crate::http::{Call, Code, Error, Fault, Reply};
use crate::queue::given::Origin;
use crate::setting::{Amount, Setting};

/// How the installation is set.
#[derive(Serialize, ToSchema)]
pub struct InstallationShown {
    /// Where people and programs reach it; null when nobody has said.
    #[schema(required, example = "https://chat.example.org")]
    public_url: Option<String>,
    /// The configuration file or the environment says the address: it can't be changed here.
    is_configured: bool,
    /// Closed conversations are deleted after so many days; 0: never.
    retention_days: i64,
    /// A client who matches nobody becomes a customer.
    add_customers: bool,
    /// An administrator has saved this once, or the configuration says the address.
    is_set_up: bool,
}

fn shown(tx: &mut rozmowa_db::Tx<'_>, app: &App) -> Result<InstallationShown, Error> {
    let is_configured = app.public_url.is_configured();
    let url = if is_configured { app.public_url.get().to_string() } else { public_url(tx)? };
    Ok(InstallationShown {
        public_url: Some(url).filter(|url| !url.is_empty()),
        is_configured,
        retention_days: Amount::RetentionDays.get(tx)?,
        add_customers: Setting::AddCustomers.get(tx)?,
        is_set_up: is_set_up(tx, &app.config)?,
    })
}

/// Shows how the installation is set, for administrators
#[utoipa::path(
    get, path = "/console/settings/installation", operation_id = "show_installation", tag = "console",
    security(("session" = [])),
    responses(
        (status = 200, description = "The settings.", body = InstallationShown),
        (status = 403, description = "For administrators.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn show(call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    call.read(|tx, app| Reply::json(&shown(tx, app)?)).await
}

crate::params! { body
    ChangeInstallation {
        /// Where people and programs reach it: an origin, by `https`, or on loopback. Empty: nobody says.
        public_url: Option<OrEmpty<Origin>> = "https://chat.example.org",
        /// Closed conversations are deleted after so many days; 0: never.
        retention_days: Option<Within<0, { Amount::MOST }>> = 0,
        /// A client who matches nobody becomes a customer.
        add_customers: Option<YesNo> = false,
    }
}

/// Sets the installation, for administrators
///
/// What is not given stays. The address counts at once: for links, and for which pages may call.
#[utoipa::path(
    put, path = "/console/settings/installation", operation_id = "change_installation", tag = "console",
    security(("session" = [])),
    request_body(content = Option<ChangeInstallation>, content_type = "application/json"),
    responses(
        (status = 200, description = "The settings as they are now.", body = InstallationShown),
        (status = 403, description = "For administrators.", body = Envelope),
        (status = 409, description = "The configuration says the address.", body = Envelope),
        (status = "default", description = "What was wrong.", body = Envelope),
    )
)]
pub async fn change(mut call: Call<AgentSession>) -> Result<Reply, Error> {
    call.caller().needs(Role::Administrator)?;
    let given: ChangeInstallation = call.params()?;
    let url = given.public_url.map(|url| url.0.map(String::from).unwrap_or_default());
    let app = call.app().clone();
    let is_taken = url.as_deref().is_none_or(|url| url == &*app.public_url.get());
    if app.public_url.is_configured() && !is_taken {
        return Err(Fault::new(Code::SetByConfiguration).about("public_url").into());
    }
    let of_call = app.clone();
    let reply = call.write(move |tx, act| {
        if let Some(url) = url.as_deref().filter(|_| !of_call.public_url.is_configured()) {
            set_public_url(tx, act, url)?;
        }
        if let Some(days) = &given.retention_days {
            Amount::RetentionDays.set(tx, act, days.0)?;
        }
        if let Some(yes) = &given.add_customers {
            Setting::AddCustomers.set(tx, act, yes.0)?;
        }
        set_up(tx, act)?;
        Reply::json(&shown(tx, &of_call)?)
    });
    let reply = reply.await?;
    reload(&app).await?;
    Ok(reply)
}
