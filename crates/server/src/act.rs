//! What a change is made under: who makes it, when, and who wants to hear of it.

use std::net::IpAddr;
use std::sync::Arc;

use rozmowa_db::Tx;

use crate::app::App;
use crate::clock::{Clock, Ids, Millis};
use crate::http::Error;
use crate::webhook::Wanted;

/// What kind of somebody acts. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorKind {
    ApiUser = 0,
    CommandLine = 1,
    /// The server itself.
    System = 2,
    Agent = 3,
    Visitor = 4,
}

impl ActorKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::ApiUser => "API_USER",
            Self::CommandLine => "COMMAND_LINE",
            Self::System => "SYSTEM",
            Self::Agent => "AGENT",
            Self::Visitor => "VISITOR",
        }
    }

    pub const fn from_number(number: i64) -> Self {
        match number {
            0 => Self::ApiUser,
            1 => Self::CommandLine,
            3 => Self::Agent,
            4 => Self::Visitor,
            _ => Self::System,
        }
    }
}

/// Who acts, and from where.
#[derive(Debug, Clone)]
pub struct Actor {
    pub kind: ActorKind,
    pub name: String,
    pub from: Option<IpAddr>,
    pub request_id: Option<String>,
}

impl Actor {
    pub fn system() -> Self {
        Self { kind: ActorKind::System, name: String::new(), from: None, request_id: None }
    }

    /// Whoever the shell says is typing: a hint, not a proof.
    pub fn command_line() -> Self {
        let name = ["SUDO_USER", "USER"].iter().find_map(|name| std::env::var(name).ok());
        let name = name.unwrap_or_default();
        Self { kind: ActorKind::CommandLine, name, from: None, request_id: None }
    }
}

/// An actor's transaction. Made inside of it, so that time, ids and subscriptions are those of the commit as far as there
/// is such a thing.
pub struct Act<'a> {
    pub actor: &'a Actor,
    pub now: Millis,
    pub ids: &'a Ids,
    pub wanted: Arc<Wanted>,
    /// None outside of a server.
    pub app: Option<&'a App>,
}

impl<'a> Act<'a> {
    /// Outside of a server: subscriptions are read from the store.
    pub fn begin(
        tx: &mut Tx<'_>,
        actor: &'a Actor,
        clock: &Clock,
        ids: &'a Ids,
    ) -> Result<Self, Error> {
        let wanted = Arc::new(Wanted::load(tx)?);
        Ok(Self { actor, now: clock.now(), ids, wanted, app: None })
    }

    /// The same transaction, of somebody who has become known in it.
    #[must_use]
    pub fn by<'b>(&self, actor: &'b Actor) -> Act<'b>
    where
        'a: 'b,
    {
        let wanted = Arc::clone(&self.wanted);
        Act { actor, now: self.now, ids: self.ids, wanted, app: self.app }
    }

    /// In a server, for what it does by itself.
    pub fn of(tx: &mut Tx<'_>, app: &'a App, actor: &'a Actor) -> Result<Self, Error> {
        let revision = Wanted::revision(tx)?;
        Self::at(tx, app, actor, revision)
    }

    /// In a server, when the transaction knows the revision of the subscriptions already.
    pub fn at(
        tx: &mut Tx<'_>,
        app: &'a App,
        actor: &'a Actor,
        revision: Option<String>,
    ) -> Result<Self, Error> {
        let wanted = app.subscriptions.at(tx, revision)?;
        Ok(Self { actor, now: app.clock.now(), ids: &app.ids, wanted, app: Some(app) })
    }
}
