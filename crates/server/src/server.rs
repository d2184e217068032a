//! The running server: opened in order, closed in the opposite one.

use std::fs::{self, File, TryLockError};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rozmowa_db::{Address, Db, Options, Sink, Tx};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::account;
use crate::act::{Act, Actor};
use crate::agent::{links, session, status};
use crate::app::{App, Listeners, Surroundings};
use crate::audit::news;
use crate::block;
use crate::bot;
use crate::config::Config;
use crate::conversation::{self, erase, retention};
use crate::customer::{find, gone, place};
use crate::demo;
use crate::file;
use crate::http::listen::{Door, serve_internal};
use crate::http::service::Service;
use crate::http::tls::Certificate;
use crate::http::{Error, idempotency, metrics};
use crate::installation::{self, PublicUrl};
use crate::mail;
use crate::person;
use crate::report;
use crate::routing;
use crate::schema::MIGRATIONS;
use crate::search;
use crate::secret::Key;
use crate::setting;
use crate::timer;
use crate::visitor::identity;
use crate::webhook::{courier, log};

/// How often what was left to later is looked for.
const TIDY_EVERY: Duration = Duration::from_secs(10);
/// Deliveries that take longer to finish are made again by the next server.
const WORKERS_TIME: Duration = Duration::from_secs(5);
/// For sockets to be told that the server stops.
const SOCKETS_TIME: Duration = Duration::from_secs(3);
/// Connections that the kernel holds until we accept them.
const BACKLOG: u32 = 4096;
/// The setting that tells the right key file from a wrong one.
const KEY_CHECK: &str = "secret.check";
/// File descriptors beside connections: files, database, logs.
const SPARE_FILES: u64 = 1024;

/// A server that is up. Dropping it without [`Running::stop`] is as good as a crash.
pub struct Running {
    pub app: App,
    pub listen: Option<SocketAddr>,
    pub tls_listen: Option<SocketAddr>,
    pub metrics_listen: Option<SocketAddr>,
    door: Arc<Door>,
    tasks: Vec<JoinHandle<()>>,
    /// They finish what is under way.
    workers: Vec<JoinHandle<()>>,
    stop: watch::Sender<bool>,
    _lock: Option<File>,
}

/// Opens the store of a configuration, migrations included. Blocks.
pub fn open_store(config: &Config, sink: Sink) -> Result<Db, String> {
    if let Address::Sqlite(path) = &config.database
        && let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty())
    {
        create_folder(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    if let Address::Sqlite(path) = &config.database {
        // For its owner's eyes only; what the engine puts beside it takes after it.
        let made = fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        made.map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let options = Options {
        queue_length: config.storage.queue_length,
        connections: config.storage.connections,
        ..Options::default()
    };
    Db::open(&config.database, &options, MIGRATIONS, sink).map_err(|error| error.to_string())
}

/// For a process that only changes things: servers find out for themselves.
pub fn nobody_listens() -> Sink {
    Arc::new(|_| {})
}

/// Opens store and key and puts the application together. Blocks.
pub fn open_app(config: Config, surroundings: Surroundings) -> Result<App, String> {
    create_folder(&config.data_dir)
        .map_err(|error| format!("{}: {error}", config.data_dir.display()))?;
    let path = config.data_dir.join("secret.key");
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let listeners = Listeners::default();
    let db = open_store(&config, listeners.sink())?;
    let known = in_store(&db, |tx| setting::text(tx, KEY_CHECK))?;
    if known.is_some() && !path.exists() {
        return Err(told(&"it is missing, and this database was made with one: put it back"));
    }
    let secret = Key::open(&path, &surroundings.ids).map_err(|error| told(&error))?;
    let check = format!("{:032x}", u128::from_be_bytes(secret.short_fingerprint(&[b"check"])));
    match known {
        Some(known) if known != check => {
            return Err(told(&"it is not the key that this database was made with"));
        }
        Some(_) => {}
        None => in_store(&db, move |tx| setting::set_text(tx, KEY_CHECK, &check))?,
    }
    let public_url = PublicUrl::new(&config, &in_store(&db, installation::public_url)?);
    Ok(App::new(config, db, listeners, surroundings, secret, public_url))
}

/// One transaction before anything is served. Blocks.
fn in_store<T: Send + 'static>(
    db: &Db,
    run: impl FnMut(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
) -> Result<T, String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().build().map_err(|e| e.to_string())?;
    runtime
        .block_on(db.write(run))
        .map_err(|error| error.cause().unwrap_or("no cause was told").to_owned())
}

/// Takes the database for this process alone; two servers on one SQLite file would each keep their own queue.
pub fn lock(database: &Address) -> Result<Option<File>, String> {
    let Address::Sqlite(path) = database else { return Ok(None) };
    let path = Path::new(&format!("{}.lock", path.display())).to_owned();
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        create_folder(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let file = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => {
            Err(format!("a server is running on this database ({} is locked)", path.display()))
        }
        Err(TryLockError::Error(error)) => Err(format!("{}: {error}", path.display())),
    }
}

impl Running {
    /// Starts serving an opened application, on the runtime it is called in. Listeners come last: who is answered finds everything in place.
    pub fn start(app: App, lock: Option<File>) -> Result<Self, String> {
        let config = &app.config;
        raise_file_limit(config.limits.connections + config.limits.sockets);
        let service = Service::new(app.clone(), crate::router::router(app.clone()));
        let door = Arc::new(Door::new(service, &config.limits));
        let mut tasks = Vec::new();
        app.files.prepare().map_err(|error| format!("{}: {error}", app.files.root().display()))?;
        let plain = bind("listen", config.listen)?;
        let tls = bind("tls.listen", config.tls_listen)?;
        let certificate = match &tls {
            Some(_) => Some(
                Certificate::load(config.tls_certificate.clone(), config.tls_key.clone())
                    .map_err(|error| format!("tls.certificate and tls.key: {error}"))?,
            ),
            None => None,
        };
        let internal = bind("metrics.listen", config.metrics_listen)?;
        let address = |listener: &Option<TcpListener>| {
            listener.as_ref().and_then(|listener| listener.local_addr().ok())
        };
        let (listen, tls_listen, metrics_listen) =
            (address(&plain), address(&tls), address(&internal));
        if let Some(listener) = internal {
            tasks
                .push(tokio::spawn(serve_internal(listener, metrics::router(metrics::install()?))));
        }
        if let (Some(listener), Some(certificate)) = (tls, certificate) {
            let acceptor = TlsAcceptor::from(certificate.server_config()?);
            tasks.push(tokio::spawn(certificate.watch()));
            let door = Arc::clone(&door);
            tasks.push(tokio::spawn(async move { door.accept(&listener, Some(acceptor)).await }));
        }
        if let Some(listener) = plain {
            let door = Arc::clone(&door);
            tasks.push(tokio::spawn(async move { door.accept(&listener, None).await }));
        }
        tasks.push(tokio::spawn(tidy(app.clone())));
        let stop = watch::Sender::new(false);
        let mut workers = vec![
            tokio::spawn(courier::run(app.clone(), stop.subscribe())),
            tokio::spawn(timer::worker::run(app.clone(), stop.subscribe())),
            tokio::spawn(routing::worker::run(app.clone(), stop.subscribe())),
            tokio::spawn(file::sweep::run(app.clone(), stop.subscribe())),
            tokio::spawn(search::index::run(app.clone(), stop.subscribe())),
            tokio::spawn(report::build::run(app.clone(), stop.subscribe())),
            tokio::spawn(routing::position::run(app.clone(), stop.subscribe())),
            tokio::spawn(status::run(app.clone(), stop.subscribe())),
            tokio::spawn(news::run(app.clone(), stop.subscribe())),
        ];
        if app.config.is_demo {
            workers.push(tokio::spawn(demo::script::run(app.clone(), stop.subscribe())));
        }
        if mail::is_on(&app) {
            workers.push(tokio::spawn(mail::worker::run(app.clone(), stop.subscribe())));
        }
        Ok(Self {
            app,
            listen,
            tls_listen,
            metrics_listen,
            door,
            tasks,
            workers,
            stop,
            _lock: lock,
        })
    }

    /// Takes no more connections, finishes what was accepted, and closes the store.
    pub async fn stop(self) {
        self.app.is_stopping.store(true, Ordering::Relaxed);
        for task in &self.tasks {
            task.abort();
        }
        for task in self.tasks {
            let _ = task.await;
        }
        self.app.hub.stop();
        if timeout(SOCKETS_TIME, self.app.sockets.all_gone()).await.is_err() {
            tracing::debug!("some sockets did not take their leave");
        }
        let _ = self.stop.send(true);
        let time = Duration::from_secs(self.app.config.limits.shutdown_seconds);
        // The listeners' tasks are over, and with them their shares of the door.
        if let Ok(door) = Arc::try_unwrap(self.door)
            && timeout(time, door.close()).await.is_err()
        {
            tracing::warn!(
                "some requests were still under way when the time for stopping was over"
            );
        }
        let finished = async {
            for worker in self.workers {
                let _ = worker.await;
            }
        };
        if timeout(time.min(WORKERS_TIME), finished).await.is_err() {
            tracing::warn!("some deliveries were still under way: they will be made again");
        }
        let db = self.app.db.clone();
        let _ = tokio::task::spawn_blocking(move || db.close()).await;
    }
}

fn bind(key: &str, address: Option<SocketAddr>) -> Result<Option<TcpListener>, String> {
    let Some(address) = address else { return Ok(None) };
    let listener = (|| {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    })();
    listener.map(Some).map_err(|error| {
        format!("can't listen on {address}: {error}; {key} (or the option of this name) says where")
    })
}

fn raise_file_limit(connections: usize) {
    let wanted = connections as u64 + SPARE_FILES;
    match rlimit::increase_nofile_limit(wanted) {
        Ok(allowed) if allowed < wanted => {
            tracing::warn!(
                allowed,
                wanted,
                "the system allows fewer open files than limits.connections and limits.sockets need"
            );
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the limit of open files could not be raised"),
    }
}

/// Work that is done in steps, now and then. What a step leaves is found again, by this process or another.
async fn tidy(app: App) {
    let mut ticks = tokio::time::interval(TIDY_EVERY);
    loop {
        ticks.tick().await;
        in_steps(&app, "linking", conversation::link_more).await;
        in_steps(&app, "sweeping", |tx, act| idempotency::sweep(tx, act.now)).await;
        in_steps(&app, "clearing old passwords", |tx, act| account::clear_old(tx, act.now)).await;
        in_steps(&app, "clearing deliveries", log::sweep).await;
        in_steps(&app, "retention", retention::step).await;
        in_steps(&app, "erasing", erase::more).await;
        in_steps(&app, "forgetting places", |tx, act| place::sweep(tx, act.now)).await;
        in_steps(&app, "taking customers away", gone::more).await;
        person::erase::more(&app).await;
        in_steps(&app, "handing over for bots", bot::work::let_go_more).await;
        in_steps(&app, "clearing unsent files", file::sweep::unsent).await;
        in_steps(&app, "clearing identities", |tx, act| identity::sweep(tx, act.now)).await;
        in_steps(&app, "clearing sessions", |tx, act| session::sweep(tx, act.now)).await;
        in_steps(&app, "clearing links", |tx, act| links::sweep(tx, act.now)).await;
        in_steps(&app, "clearing e-mails", mail::outbox::sweep).await;
        in_steps(&app, "indexing customers", |tx, _| find::step(tx)).await;
        in_steps(&app, "lifting blocks", |tx, act| block::sweep(tx, act.now)).await;
    }
}

async fn in_steps(
    app: &App,
    work: &str,
    step: impl Fn(&mut Tx<'_>, &Act<'_>) -> Result<bool, Error> + Clone + Send + 'static,
) {
    loop {
        let (app_of_step, step) = (app.clone(), step.clone());
        let actor = Actor::system();
        let done = app.db.write(move |tx| {
            let act = Act::of(tx, &app_of_step, &actor)?;
            step(tx, &act)
        });
        match done.await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                return tracing::warn!(work, cause = error.cause(), "will be tried again");
            }
        }
    }
}

/// A folder of ours holds what is nobody else's business.
pub fn create_folder(path: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}
