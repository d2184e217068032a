//! Every statement fits the schema on both engines and finds its rows by an index, and both schemas are one.

#[path = "behaviour/store.rs"]
#[expect(dead_code, reason = "shared with the behaviour tests, which run over HTTP")]
mod store;

use std::sync::Arc;

use rozmowa::schema;
use rozmowa_db::{Address, Db, Options, Stmt};
use store::{Engine, Store, engines};

/// Tables that grow without bound.
const BIG: [&str; 31] = [
    "conversation",
    "customer_word",
    "event",
    "customer",
    "customer_email",
    "customer_phone",
    "customer_address",
    "company",
    "custom_value",
    "field_item",
    "field_item_value",
    "feed_record",
    "customer_gone",
    "list_place",
    "idempotency",
    "delivery",
    "delivery_attempt",
    "audit",
    "mail",
    "mail_sent",
    "timer",
    "file",
    "visitor_token",
    "client_data",
    "consent",
    "used_identity",
    "search_doc",
    "report_fact",
    "imported_line",
    "person_erasure",
    "person_file",
];

/// Statements that may look at all of a table, and why.
const MAY_SCAN: &[(&str, &str)] =
    &[("rozmowa::mail::outbox::WAITING", "the first page, in the order of the index")];

struct Opened {
    db: Db,
    runtime: tokio::runtime::Runtime,
    engine: Engine,
    // Dropped last.
    _store: Store,
    _folder: tempfile::TempDir,
}

impl Opened {
    fn on(engine: Engine) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let store = Store::make(engine, folder.path());
        let address: Address = store.url().parse().expect("an address");
        let options = Options { connections: 2, ..Options::default() };
        let db =
            Db::open(&address, &options, schema::MIGRATIONS, Arc::new(|_| {})).expect("it opens");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        Self { db, runtime, engine, _store: store, _folder: folder }
    }

    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method's lifetimes are not general enough"
    )]
    fn schema(&self) -> Vec<String> {
        self.runtime.block_on(self.db.read(|tx| tx.schema())).expect("it can be described")
    }

    fn plan(&self, statement: Stmt) -> Vec<String> {
        let plan = self.runtime.block_on(self.db.write(move |tx| tx.plan(&statement)));
        plan.unwrap_or_else(|error| panic!("{:?}: {}: {error}", self.engine, statement.name()))
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.db.close();
    }
}

/// The lines of a plan that go through a big table from end to end.
fn scans(plan: &[String]) -> Vec<&String> {
    // What SQLite computes first has a name of its own and is no table.
    let computed = |name: &str| {
        ["CO-ROUTINE", "MATERIALIZE"].iter().any(|how| plan.contains(&format!("{how} {name}")))
    };
    plan.iter()
        .filter(|line| {
            // SQLite: "SCAN conversation USING COVERING INDEX x". PostgreSQL: "->  Seq Scan on conversation c".
            let scan = line.split_once("Seq Scan on ").or_else(|| line.split_once("SCAN "));
            let name = scan.and_then(|(_, rest)| rest.split_whitespace().next());
            name.is_some_and(|name| {
                !computed(name) && (BIG.contains(&name) || alias_of(name).is_some())
            })
        })
        .collect()
}

/// The short names that our statements give tables; SQLite's plans show these.
fn alias_of(name: &str) -> Option<&'static str> {
    match name {
        "c" => Some("conversation"),
        "e" => Some("event"),
        "d" => Some("delivery"),
        "s" => Some("search_doc"),
        "u" => Some("customer"),
        "p" => Some("customer_phone"),
        "v" => Some("custom_value"),
        "x" | "y" => Some("customer_word"),
        "m" => Some("mail"),
        "f" => Some("file"),
        "t" => Some("visitor_token"),
        "g" => Some("consent"),
        _ => None,
    }
}

#[test]
fn every_statement_fits_the_schema_and_none_goes_through_a_big_table() {
    for engine in engines() {
        let opened = Opened::on(engine);
        let mut slow = Vec::new();
        for statement in schema::statements() {
            let plan = opened.plan(statement);
            assert!(
                !plan.is_empty() || is_plain_insert(&statement),
                "{}: no plan",
                statement.name()
            );
            if MAY_SCAN.iter().any(|(name, _)| *name == statement.name()) {
                continue;
            }
            slow.extend(scans(&plan).iter().map(|line| format!("{}: {line}", statement.name())));
        }
        assert!(slow.is_empty(), "{engine:?}:\n{}", slow.join("\n"));
    }
}

fn is_plain_insert(statement: &Stmt) -> bool {
    statement.sqlite().trim_start().starts_with("INSERT")
}

#[test]
fn the_search_for_full_scans_finds_one() {
    for engine in engines() {
        let opened = Opened::on(engine);
        for (text, is_scan) in [
            ("SELECT client_name FROM conversation WHERE client_email = $1", true),
            ("SELECT e.text FROM event e WHERE e.text = $1", true),
            ("SELECT client_name FROM conversation WHERE id = $1", false),
            ("SELECT name FROM chat_queue WHERE is_enabled = $1", false),
        ] {
            let statement = Stmt::composed("a test's own".to_owned(), text.to_owned());
            let plan = opened.plan(statement);
            assert_eq!(!scans(&plan).is_empty(), is_scan, "{plan:?}");
        }
    }
}

#[test]
fn names_of_statements_are_unique() {
    let mut names: Vec<_> = schema::statements().iter().map(Stmt::name).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

#[test]
fn both_engines_have_one_schema() {
    let described: Vec<Vec<String>> = engines().map(|engine| Opened::on(engine).schema()).collect();
    assert!(described[0].iter().any(|line| line.starts_with("key conversation")), "{described:?}");
    for table in BIG {
        let columns = format!("column {table}.");
        assert!(described[0].iter().any(|line| line.starts_with(&columns)), "{table}");
    }
    if let [sqlite, postgres] = &described[..] {
        assert_eq!(sqlite, postgres);
    }
}
