//! Bringing a schema up to date, or refusing to.

use std::process::{Command, Stdio};

use rozmowa_db::{Address, Error, Migration, Options};

use crate::place::{Outside, Place, few, insert, nobody, numbers, wait};

on_both_engines!(
    migrations_run_once_and_in_order,
    a_migration_that_fails_leaves_nothing,
    a_migration_changed_after_it_ran_is_refused,
    a_database_of_a_newer_version_is_refused_by_name,
    without_leave_to_migrate_an_old_database_is_an_error_and_stays_as_it_is,
    many_that_open_at_once_migrate_once,
    processes_that_open_at_once_migrate_once,
);

const fn step(name: &'static str, sqlite: &'static str, postgres: &'static str) -> Migration {
    Migration { name, sqlite, postgres }
}

/// Running it twice would be an error, and would leave another count.
const NUMBER: Migration = step(
    "0001_number",
    "CREATE TABLE number (n INTEGER NOT NULL PRIMARY KEY) STRICT; INSERT INTO number VALUES (1)",
    "CREATE TABLE number (n BIGINT NOT NULL PRIMARY KEY); INSERT INTO number VALUES (1)",
);
const SECOND: Migration =
    step("0002_second", "INSERT INTO number VALUES (2)", "INSERT INTO number VALUES (2)");
const THIRD: Migration =
    step("0003_third", "INSERT INTO number VALUES (3)", "INSERT INTO number VALUES (3)");

fn open(place: &Place, migrations: &[Migration]) -> Result<(), Error> {
    place.open_as(&few(), migrations).map(|db| db.close())
}

fn refused(outcome: Result<(), Error>) -> String {
    match outcome {
        Err(error @ Error::Schema(_)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn migrations_run_once_and_in_order(place: &Place) {
    open(place, &[NUMBER]).unwrap();
    open(place, &[NUMBER]).unwrap();
    open(place, &[NUMBER, SECOND]).unwrap();
    open(place, &[NUMBER, SECOND, THIRD]).unwrap();
    let db = place.open_as(&few(), &[NUMBER, SECOND, THIRD]).unwrap();
    assert_eq!(numbers(&db), [1, 2, 3]);
}

fn a_migration_that_fails_leaves_nothing(place: &Place) {
    const HALF: Migration = step(
        "0002_half",
        "INSERT INTO number VALUES (2); CREATE TABLE half (n INTEGER) STRICT; INSERT INTO no VALUES (1)",
        "INSERT INTO number VALUES (2); CREATE TABLE half (n BIGINT); INSERT INTO no VALUES (1)",
    );
    open(place, &[NUMBER]).unwrap();
    let said = refused(open(place, &[NUMBER, HALF]));
    assert!(said.contains("0002_half"), "{said}");
    assert_eq!(place.outside().count("number"), 1);
    assert!(!place.outside().has_table("half"));
    open(place, &[NUMBER, SECOND]).unwrap();
}

fn a_migration_changed_after_it_ran_is_refused(place: &Place) {
    const CHANGED: Migration = step("0002_second", "SELECT 2", "SELECT 2");
    const RENAMED: Migration = step("0002_other", SECOND.sqlite, SECOND.postgres);
    open(place, &[NUMBER, SECOND]).unwrap();
    for other in [CHANGED, RENAMED] {
        let said = refused(open(place, &[NUMBER, other, THIRD]));
        assert!(said.contains("0002_second"), "{said}");
    }
    assert_eq!(place.outside().count("number"), 2);
    open(place, &[NUMBER, SECOND, THIRD]).unwrap();
}

fn a_database_of_a_newer_version_is_refused_by_name(place: &Place) {
    open(place, &[NUMBER, SECOND]).unwrap();
    for migrate in [true, false] {
        let options = Options { migrate, ..few() };
        let said = refused(place.open_as(&options, &[NUMBER]).map(drop));
        assert!(said.contains("newer version") && said.contains("0002_second"), "{said}");
    }
    assert_eq!(place.outside().count("number"), 2);
}

fn without_leave_to_migrate_an_old_database_is_an_error_and_stays_as_it_is(place: &Place) {
    let look = Options { migrate: false, ..few() };
    open(place, &[NUMBER]).unwrap();
    let before = history(&mut place.outside());
    let said = refused(place.open_as(&look, &[NUMBER, SECOND]).map(drop));
    assert!(said.contains("1 of this program's 2 migrations"), "{said}");
    assert_eq!(history(&mut place.outside()), before);
    assert_eq!(place.outside().count("number"), 1);
    open(place, &[NUMBER, SECOND]).unwrap();
    let db = place.open_as(&look, &[NUMBER, SECOND]).unwrap();
    wait(insert(&db, 3)).unwrap();
    assert_eq!(numbers(&db), [1, 2, 3]);
}

fn history(outside: &mut Outside) -> i64 {
    outside.count("schema_migration")
}

#[test]
fn an_empty_postgres_without_leave_to_migrate_stays_empty() {
    let Some(place) = Place::postgres() else { return };
    let look = Options { migrate: false, ..few() };
    refused(place.open_as(&look, &[NUMBER]).map(drop));
    assert!(!place.outside().has_table("schema_migration"));
    assert!(!place.outside().has_table("lock_stripe"));
}

#[test]
fn a_missing_file_without_leave_to_migrate_stays_missing() {
    let place = Place::sqlite();
    let look = Options { migrate: false, ..few() };
    assert!(place.open_as(&look, &[NUMBER]).is_err());
    assert!(!place.file().exists());
}

fn many_that_open_at_once_migrate_once(place: &Place) {
    std::thread::scope(|scope| {
        let opening: Vec<_> =
            (0..8).map(|_| scope.spawn(|| open(place, &[NUMBER, SECOND, THIRD]))).collect();
        for one in opening {
            assert_eq!(one.join().unwrap(), Ok(()));
        }
    });
    assert_eq!(place.outside().count("number"), 3);
}

const ADDRESS: &str = "ROZMOWA_TEST_OPEN";

/// The other processes are this very test, told where to open.
fn processes_that_open_at_once_migrate_once(place: &Place) {
    if let Ok(address) = std::env::var(ADDRESS) {
        let address: Address = address.parse().unwrap();
        let steps = [NUMBER, SECOND, THIRD];
        return rozmowa_db::Db::open(&address, &few(), &steps, nobody()).unwrap().close();
    }
    let address = match &place.address {
        Address::Sqlite(path) => format!("sqlite:{}", path.display()),
        Address::Postgres(url) => url.clone(),
    };
    let children: Vec<_> = (0..4)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "migrating::on_sqlite::processes_that_open_at_once_migrate_once"])
                .env(ADDRESS, &address)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success() && said.contains("1 passed"), "{said}");
    }
    assert_eq!(place.outside().count("number"), 3);
}
