//! What handlers share.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rozmowa_db::{Db, Published, Sink};
use tokio::sync::Semaphore;

use crate::agent::signin::Nobodies;
use crate::agent::status;
use crate::audit::news::{Heard, Recorded};
use crate::clock::{Clock, Ids};
use crate::config::Config;
use crate::file::Folder;
use crate::file::sweep::{Gone, Removed};
use crate::http::auth::Gate;
use crate::http::health::Probe;
use crate::installation::PublicUrl;
use crate::live::line::Sockets;
use crate::live::sse::Streams;
use crate::live::visitor_socket::Pages;
use crate::live::{self, Hub, Passed, ToRoute, Told};
use crate::lookup::Lookups;
use crate::mail::MailSet;
use crate::mail::smtp::Mailer;
use crate::page;
use crate::person::export;
use crate::report::summary;
use crate::routing::position::{Handled, Moved};
use crate::routing::worker::Pending;
use crate::search;
use crate::secret::Key;
use crate::timer::TimerSet;
use crate::timer::worker::Alarm;
use crate::visitor::limit::Limits;
use crate::wall;
use crate::webhook::Subscriptions;
use crate::webhook::courier::Bells;
use crate::webhook::guard::{Guard, Names};
use crate::webhook::send::Sender;

/// What differs between a server and a test's: time, randomness, and the addresses of names.
pub struct Surroundings {
    pub clock: Clock,
    pub ids: Ids,
    pub names: Names,
}

impl Surroundings {
    pub fn real() -> Self {
        Self { clock: Clock::System, ids: Ids::from_system(), names: Names::System }
    }
}

/// Who hears what transactions publish.
#[derive(Clone, Default)]
pub struct Listeners {
    pub bells: Arc<Bells>,
    pub hub: Arc<Hub>,
    pub alarm: Arc<Alarm>,
    /// For e-mails.
    pub mail_alarm: Arc<Alarm>,
    /// Who waits has to be given to who is free.
    pub to_route: Arc<Pending>,
    /// Contents that may be no file's any more.
    pub gone: Arc<Gone>,
    /// Whose place in a queue may be another.
    pub moved: Arc<Moved>,
    /// Whose colleagues are to hear of it.
    pub statuses: Arc<status::Pending>,
    pub recorded: Arc<Heard>,
}

impl Listeners {
    pub fn sink(&self) -> Sink {
        let listeners = self.clone();
        Arc::new(move |published: Vec<Published>| {
            for message in published {
                listeners.hear(message);
            }
        })
    }

    fn hear(&self, message: Published) {
        let message = match message.downcast::<Told>() {
            Ok(told) => {
                self.moved.hear(&told);
                return self.hub.tell(*told);
            }
            Err(message) => message,
        };
        let message = match message.downcast::<Passed>() {
            Ok(passed) => return self.hub.pass(passed.topic, passed.passing, None),
            Err(message) => message,
        };
        if let Some(ToRoute(queue)) = message.downcast_ref() {
            self.to_route.add(*queue);
        } else if let Some(handled) = message.downcast_ref::<Handled>() {
            self.moved.measure(*handled);
        } else if let Some(status::Changed(agent_id)) = message.downcast_ref() {
            self.statuses.add(*agent_id);
        } else if let Some(recorded) = message.downcast_ref::<Recorded>() {
            self.recorded.hear(*recorded, &self.hub);
        } else if let Some(TimerSet(at)) = message.downcast_ref() {
            self.alarm.set(*at);
        } else if let Some(Removed(content)) = message.downcast_ref() {
            self.gone.add(*content);
        } else if let Some(MailSet(at)) = message.downcast_ref() {
            self.mail_alarm.set(*at);
        } else {
            self.bells.hear(&*message);
        }
    }
}

#[derive(Clone)]
pub struct App(Arc<Inner>);

pub struct Inner {
    pub config: Config,
    pub db: Db,
    pub clock: Clock,
    pub ids: Ids,
    /// From the key file.
    pub secret: Key,
    pub gate: Gate,
    pub nobodies: Nobodies,
    pub searches: Semaphore,
    pub reports: Semaphore,
    /// Exports of persons.
    pub persons: Semaphore,
    pub subscriptions: Subscriptions,
    pub bells: Arc<Bells>,
    pub hub: Arc<Hub>,
    pub alarm: Arc<Alarm>,
    pub mail_alarm: Arc<Alarm>,
    pub to_route: Arc<Pending>,
    pub streams: Arc<Streams>,
    pub moved: Arc<Moved>,
    pub statuses: Arc<status::Pending>,
    pub recorded: Arc<Heard>,
    pub sender: Sender,
    /// What visitors do in a while.
    pub visits: Limits,
    pub files: Folder,
    pub gone: Arc<Gone>,
    /// None when there is no mail server.
    pub mailer: Option<Mailer>,
    pub sockets: Arc<Sockets>,
    /// Of agents.
    pub names: live::names::Names,
    pub pages: Pages,
    pub lookups: Lookups,
    pub wall: wall::Remembered,
    pub public_url: PublicUrl,
    pub reference: page::reference::Kept,
    /// Tells this process from others that share its database, and from those before it.
    pub process: [u8; 16],
    pub is_stopping: AtomicBool,
    pub probe: Probe,
}

impl App {
    pub fn new(
        config: Config,
        db: Db,
        listeners: Listeners,
        surroundings: Surroundings,
        secret: Key,
        public_url: PublicUrl,
    ) -> Self {
        let Surroundings { clock, ids, names } = surroundings;
        let guard = Guard::new(&config.webhooks.allowed_networks, names);
        let sender = Sender::new(guard, Duration::from_secs(config.webhooks.timeout_seconds));
        let files = Folder::new(config.data_dir.join("files"));
        let mailer = config.smtp.clone().map(|smtp| Mailer::new(smtp, &config.public_url));
        let process = ids.bytes();
        let limits = &config.limits;
        let sockets = Arc::new(Sockets::new(limits.sockets, limits.sockets_per_address));
        let gate = Gate::new(db.clone(), clock.clone(), &ids, config.limits.failures_per_minute);
        Self(Arc::new(Inner {
            config,
            db,
            clock,
            ids,
            secret,
            gate,
            nobodies: Nobodies::default(),
            searches: Semaphore::new(search::find::AT_ONCE),
            reports: Semaphore::new(summary::AT_ONCE),
            persons: Semaphore::new(export::AT_ONCE),
            subscriptions: Subscriptions::default(),
            bells: listeners.bells,
            hub: listeners.hub,
            alarm: listeners.alarm,
            mail_alarm: listeners.mail_alarm,
            to_route: listeners.to_route,
            streams: Arc::default(),
            moved: listeners.moved,
            statuses: listeners.statuses,
            recorded: listeners.recorded,
            sender,
            visits: Limits::default(),
            files,
            gone: listeners.gone,
            mailer,
            sockets,
            names: live::names::Names::default(),
            pages: Pages::default(),
            lookups: Lookups::default(),
            wall: wall::Remembered::default(),
            public_url,
            reference: page::reference::Kept::default(),
            process,
            is_stopping: AtomicBool::new(false),
            probe: Probe::default(),
        }))
    }
}

impl App {
    /// What links to pages of ours start with.
    pub fn base_url(&self) -> String {
        self.config.base_url(&self.public_url.get())
    }

    /// Where people and programs find a path of ours.
    pub fn link(&self, path: &str) -> String {
        format!("{}/{path}", self.base_url())
    }

    pub fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
