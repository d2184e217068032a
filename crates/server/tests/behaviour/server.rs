//! A server in this process, on real ports, with data that the tests know.

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rozmowa::account::{self, ApiUser, Methods, password};
use rozmowa::act::{Act, Actor, ActorKind};
use rozmowa::agent::{self, Changes, NewAgent};
use rozmowa::app::{App, Surroundings};
use rozmowa::clock::{Clock, Ids, Millis};
use rozmowa::config::Config;
use rozmowa::customer::{self, Customer, Matched};
use rozmowa::http::Error;
use rozmowa::queue::Settings;
use rozmowa::server::{self, Running};
use rozmowa::setting::Setting;
use rozmowa::webhook::guard::Names;
use rozmowa::{audit, conversation, queue};
use rozmowa_db::{Stmt, Tx, params};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{Answer, PATIENCE, Request, Wire, get, post};
use crate::store::{Engine, Store};

/// Monday, 1 June 2026, 12:00 in Warsaw.
pub const NOON: Millis = 1_780_308_000_000;

pub const START: &str = "/api/chat_conversations/start";

/// Everybody's password.
pub const PASSWORD: &str = "api_pass";

pub static PASSWORD_HASH: LazyLock<String> =
    LazyLock::new(|| password::hash(PASSWORD, [7; 16]).expect("a hash can be made"));

/// A server that is about to be started.
pub struct Plan {
    engine: Engine,
    clock: Clock,
    names: Names,
    configuration: String,
    is_demo: bool,
    folder: TempDir,
}

impl Plan {
    pub fn on(engine: Engine) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        Self {
            engine,
            clock: Clock::held_at(NOON),
            names: Names::System,
            configuration: String::new(),
            is_demo: false,
            folder,
        }
    }

    pub fn at(mut self, at: Millis) -> Self {
        self.clock = Clock::held_at(at);
        self
    }

    /// Who knows the addresses of names.
    pub fn names(mut self, names: Names) -> Self {
        self.names = names;
        self
    }

    /// Further lines of the configuration file.
    pub fn configured(mut self, lines: &str) -> Self {
        self.configuration.push_str(lines);
        self.configuration.push('\n');
        self
    }

    /// As `rozmowa demo` starts one.
    pub fn demo(mut self) -> Self {
        self.is_demo = true;
        self
    }

    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// With the data of [`fill`].
    pub async fn start(self) -> Server {
        let Self { engine, clock, names, configuration, is_demo, folder } = self;
        let surroundings = Surroundings { clock, ids: Ids::from_seed(1), names: names.clone() };
        let data = folder.path().to_owned();
        let made = tokio::task::spawn_blocking(move || Store::make(engine, &data));
        let store = made.await.expect("nothing panics");
        let app = open(store.url(), folder.path(), &configuration, is_demo, surroundings).await;
        act(&app, fill).await.expect("the data goes in");
        let running = Running::start(app.clone(), None).expect("the server starts");
        let address = running.listen.expect("it listens");
        Server { app, address, running: Some(running), names, store: Some(store), folder }
    }
}

async fn open(
    database: &str,
    data: &std::path::Path,
    configuration: &str,
    is_demo: bool,
    surroundings: Surroundings,
) -> App {
    let file = format!(
        "listen = \"127.0.0.1:0\"\ndatabase = \"{database}\"\ndata_dir = \"{}\"\nstorage.connections = 4\n{configuration}",
        data.display(),
    );
    let config = Config::read(Some(("test", &file)), []).expect("the configuration is good");
    let config = Config { is_demo, ..config };
    let opened = tokio::task::spawn_blocking(move || server::open_app(config, surroundings));
    opened.await.expect("nothing panics").expect("the store opens")
}

async fn act<T: Send + 'static>(
    app: &App,
    mut run: impl FnMut(&mut Tx<'_>, &Act<'_>) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let (actor, own) = (Actor::system(), app.clone());
    app.db
        .write(move |tx| {
            let act = Act::of(tx, &own, &actor)?;
            run(tx, &act)
        })
        .await
}

/// Two API users, two queues, two customers, three agents.
fn fill(tx: &mut Tx<'_>, act: &Act<'_>) -> Result<(), Error> {
    account::add(tx, act, "api_user", &PASSWORD_HASH, &Methods::parse("*"))?;
    account::add(tx, act, "api_reader", &PASSWORD_HASH, &Methods::parse("GET chats"))?;
    queue::add(tx, act, Some(3), "Sklep")?;
    queue::add(tx, act, Some(4), "Reklamacje")?;
    // Time passes in tests that are not about it.
    let settings = Settings { idle_close_seconds: 0, ..Settings::default() };
    let set =
        Stmt::composed("settings".to_owned(), "UPDATE chat_queue SET settings = $1".to_owned());
    tx.execute(&set, params![&settings.to_stored()])?;
    for (identifier, name, surname, email) in [
        (Some("1234"), "Jan", "Kowalski", "jan.kowalski@example.org"),
        (None, "Andrzej", "Nowak", "andrzej.nowak@company.bar"),
    ] {
        customer::add(tx, act, &new_customer(identifier, name, surname, &[email]))?;
    }
    for login in ["jkowalski", "anowak", "retired"] {
        let agent = NewAgent {
            login: login.to_owned(),
            password_hash: "of no use".to_owned(),
            // For tests that are not about it.
            capacity: agent::capacity::MOST,
            ..NewAgent::default()
        };
        agent::add(tx, act, &agent)?;
    }
    Ok(())
}

pub fn new_customer(
    identifier: Option<&str>,
    name: &str,
    surname: &str,
    emails: &[&str],
) -> Customer {
    Customer {
        identifier: identifier.map(str::to_owned),
        name: name.to_owned(),
        surname: surname.to_owned(),
        emails: emails.iter().map(|&email| email.to_owned()).collect(),
        ..Customer::default()
    }
}

/// A server that runs until this is dropped.
pub struct Server {
    pub app: App,
    pub address: SocketAddr,
    pub running: Option<Running>,
    names: Names,
    store: Option<Store>,
    folder: TempDir,
}

impl Server {
    /// With a held clock and nothing special.
    pub async fn on(engine: Engine) -> Self {
        Plan::on(engine).start().await
    }

    /// Stops it, and starts it on the same data with another configuration.
    pub async fn restart(&mut self, configuration: &str) {
        let running = self.running.take().expect("it runs");
        running.stop().await;
        self.start_again(configuration).await;
    }

    /// Starts one that was stopped, on the same data.
    pub async fn start_again(&mut self, configuration: &str) {
        static RESTARTS: AtomicU64 = AtomicU64::new(2);
        // Ids of one process after those of another one: a restart is never over in the same millisecond.
        self.app.clock.advance(1000);
        let surroundings = Surroundings {
            clock: self.app.clock.clone(),
            ids: Ids::from_seed(RESTARTS.fetch_add(1, Ordering::Relaxed)),
            names: self.names.clone(),
        };
        self.app = open(
            self.database(),
            self.folder(),
            configuration,
            self.app.config.is_demo,
            surroundings,
        )
        .await;
        let running = Running::start(self.app.clone(), None).expect("the server starts");
        self.address = running.listen.expect("it listens");
        self.running = Some(running);
    }

    /// Another server on the same data, as a second node is.
    pub fn again(&self, configuration: &str) -> impl Future<Output = Running> + Send + 'static {
        let surroundings = Surroundings {
            clock: self.app.clock.clone(),
            ids: Ids::from_seed(1_000),
            names: self.names.clone(),
        };
        let (database, data) = (self.database().to_owned(), self.folder().to_owned());
        let configuration = configuration.to_owned();
        async move {
            let app = open(&database, &data, &configuration, false, surroundings).await;
            Running::start(app, None).expect("the server starts")
        }
    }

    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The address of its database.
    pub fn database(&self) -> &str {
        self.store.as_ref().expect("it is there until the end").url()
    }

    pub async fn wire(&self) -> Wire {
        Wire::open(self.address).await
    }

    pub async fn call(&self, request: Request) -> Answer {
        self.wire().await.call(&request).await
    }

    /// The status alone, of an answer that may be a stream without end.
    pub async fn status(&self, request: Request) -> u16 {
        let answer = async {
            let mut stream = TcpStream::connect(self.address).await.expect("the server accepts");
            stream.write_all(&request.bytes()).await.expect("the server reads");
            let mut read = [0; 12];
            stream.read_exact(&mut read).await.expect("a status line");
            let line = String::from_utf8_lossy(&read);
            line.strip_prefix("HTTP/1.1 ").and_then(|status| status.parse().ok()).expect("a status")
        };
        timeout(PATIENCE, answer).await.expect("an answer")
    }

    /// Changes the data past the API, as the command line does.
    pub async fn write<T: Send + 'static>(
        &self,
        run: impl FnMut(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> T {
        self.app.db.write(run).await.expect("the store takes it")
    }

    /// The same as somebody who acts.
    pub async fn act<T: Send + 'static>(
        &self,
        run: impl FnMut(&mut Tx<'_>, &Act<'_>) -> Result<T, Error> + Send + 'static,
    ) -> T {
        act(&self.app, run).await.expect("the store takes it")
    }

    /// For what the product has no words for yet.
    pub async fn execute(&self, text: &str) {
        let statement = Stmt::composed("a test's own".to_owned(), text.to_owned());
        self.write(move |tx| Ok(tx.execute(&statement, &[])?)).await;
    }

    pub async fn start(&self, parameters: &[(&str, &str)]) -> String {
        let all = [&[("chat_queue_id", "3")], parameters].concat();
        started(&self.call(post(START).query(&all)).await)
    }

    pub async fn message(&self, id: &str, text: &str) {
        let target = format!("/api/chat_conversations/{id}/message");
        self.call(post(target).form(&[("text", text)])).await.expect_nothing();
    }

    pub async fn reply(&self, id: &str, login: &str, text: &str) {
        let target = format!("/api/chat_conversations/{id}/reply");
        let body = [("user_login", login), ("text", text)];
        self.call(post(target).form(&body)).await.expect_nothing();
    }

    pub async fn stop(&self, id: &str) {
        self.call(post(format!("/api/chat_conversations/{id}/stop"))).await.expect_nothing();
    }

    /// The conversation with its messages.
    pub async fn chat(&self, id: &str) -> Value {
        let target = format!("/api/chats/{id}?include_messages=true");
        self.call(get(target)).await.expect(200).json()
    }

    pub async fn chats(&self, parameters: &[(&str, &str)]) -> Value {
        self.call(get("/api/chats").query(parameters)).await.expect(200).json()
    }

    /// The ids of the conversations that a filter finds, in the order of the answer.
    pub async fn found(&self, parameters: &[(&str, &str)]) -> Vec<String> {
        ids(&self.chats(parameters).await)
    }

    pub async fn count(&self) -> i64 {
        self.chats(&[("limit", "0")]).await["count"].as_i64().expect("a count")
    }

    /// As `rozmowa customer add` does it.
    pub async fn add_customer(&self, customer: Customer) -> Matched {
        let identifier = customer.identifier.clone();
        let added = self.act(move |tx, act| customer::add(tx, act, &customer)).await;
        let added = added.expect("the identifier is free");
        if let Some(identifier) = identifier {
            loop {
                let (identifier, customer) = (identifier.clone(), added.clone());
                let step = move |tx: &mut Tx<'_>, act: &Act<'_>| {
                    conversation::link(tx, act, &identifier, &customer)
                };
                if !self.act(step).await {
                    break;
                }
            }
        }
        added
    }

    pub async fn add_customers_automatically(&self, value: bool) {
        self.act(move |tx, act| Setting::AddCustomers.set(tx, act, value)).await;
    }

    pub async fn add_api_user(&self, name: &'static str, methods: &'static str) {
        let methods = Methods::parse(methods);
        self.act(move |tx, act| account::add(tx, act, name, &PASSWORD_HASH, &methods)).await;
    }

    /// Waits until what is noted of the use of an API user's passwords, for which no call waits, is as expected.
    pub async fn used(&self, name: &'static str, is_expected: impl Fn(&ApiUser) -> bool) {
        let noted = async {
            while !is_expected(&self.api_user(name).await) {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, noted).await.expect("it is noted");
    }

    pub async fn api_user(&self, name: &'static str) -> ApiUser {
        let user = self.app.db.read(move |tx| account::find(tx, name)).await;
        user.expect("the store answers").expect("there is this user")
    }

    pub async fn customers(&self) -> i64 {
        static COUNT: LazyLock<Stmt> = LazyLock::new(|| {
            Stmt::composed("customers".to_owned(), "SELECT count(*) FROM customer".to_owned())
        });
        self.write(|tx| Ok(tx.query_one(&COUNT, &[], |row| row.get(0))?)).await
    }

    /// What only agents see.
    pub async fn note(&self, id: &str, login: &'static str, text: &'static str) {
        let target = format!("/api/chat_conversations/{id}/note");
        let body = [("user_login", login), ("text", text)];
        self.call(post(target).form(&body)).await.expect_nothing();
    }

    pub async fn assign(&self, id: &str, login: &str) -> Answer {
        let target = format!("/api/chat_conversations/{id}/assign");
        self.call(post(target).form(&[("user_login", login)])).await
    }

    /// The conversations that an agent has open, as the agent's row counts them.
    pub async fn open_chats(&self, login: &'static str) -> i64 {
        let agent = self.write(move |tx| agent::find(tx, login)).await;
        agent.expect("the agent is known").open_chats
    }

    pub async fn set_capacity(&self, login: &'static str, capacity: i64) {
        let changes = Changes { capacity: Some(capacity), ..Changes::default() };
        self.act(move |tx, act| agent::change(tx, act, login, &changes)).await;
    }

    /// The administrative changes that API users have made since the start, the oldest first: what, of what, what was and
    /// what is.
    pub async fn audited(&self) -> Vec<(String, String, Value, Value)> {
        let filter = audit::Filter {
            from: uuid::Uuid::nil(),
            until: uuid::Uuid::max(),
            subject: None,
            actor: Some("api_user".to_owned()),
        };
        let entries = self.write(move |tx| audit::list(tx, &filter, 1_000)).await;
        let json = |text: Option<String>| {
            text.map_or(Value::Null, |text| serde_json::from_str(&text).expect("it is JSON"))
        };
        entries
            .into_iter()
            .rev()
            .map(|entry| {
                assert_eq!(entry.actor_kind, ActorKind::ApiUser);
                assert_eq!(entry.address.as_deref(), Some("127.0.0.1"));
                assert_eq!(entry.request_id.as_ref().map(String::len), Some(13));
                (entry.change, entry.subject, json(entry.was), json(entry.becomes))
            })
            .collect()
    }

    /// What is wrong with the logs of all conversations, and with the counts that agents keep of them.
    pub async fn log_faults(&self) -> Vec<String> {
        self.write(|tx| {
            let mut faults = tx.integrity_check()?;
            conversation::log::orphans(tx, &mut faults)?;
            agent::capacity::verify(tx, &mut faults)?;
            conversation::log::verify(tx, &uuid::Uuid::nil(), 1_000_000, &mut faults)?;
            Ok(faults)
        })
        .await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The connections first, then the database.
        self.running = None;
        self.store = None;
    }
}

#[track_caller]
pub fn started(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["conversation_id"].as_str().expect("an id").to_owned()
}

pub fn ids(chats: &Value) -> Vec<String> {
    let chats = chats["result"].as_array().expect("a list");
    chats.iter().map(|chat| chat["conversation_id"].as_str().expect("an id").to_owned()).collect()
}
