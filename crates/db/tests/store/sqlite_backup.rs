//! A copy of a database in use.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use rozmowa_db::{Db, Error, Options, backup, params};

use crate::place::{Place, few, finish, found_wrong, nobody, numbers, start, until, wait};
use crate::sql;

async fn count_on(db: &Db) -> Result<u64, Error> {
    db.write(|tx| tx.execute(&sql::COUNT_ON, params![])).await
}

fn copied(place: &Place, target: &Path) -> Vec<i64> {
    let copy = rozmowa_db::Address::Sqlite(target.to_owned());
    let options = Options { migrate: false, ..few() };
    let db = Db::open(&copy, &options, sql::SCHEMA, nobody()).unwrap();
    assert_eq!(found_wrong(&db), [] as [String; 0]);
    let all = numbers(&db);
    db.close();
    assert!(place.file().exists());
    all
}

fn files(place: &Place) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(place.folder())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_copy_made_under_load_holds_every_commit_up_to_one_moment() {
    let place = Place::sqlite();
    let db = place.open();
    let (over, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let (db, over) = (db.clone(), Arc::clone(&over));
            let acknowledged = Arc::clone(&acknowledged);
            start(async move {
                while !over.load(Ordering::Relaxed) {
                    count_on(&db).await.unwrap();
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for round in 1..=5 {
        let enough = round * 100;
        until("there is something new", || acknowledged.load(Ordering::Relaxed) > enough);
        let before = acknowledged.load(Ordering::Relaxed);
        let target = place.folder().join(format!("copy-{round}.db"));
        backup(place.file(), &target).unwrap();
        let after = i64::try_from(numbers(&db).len()).unwrap();
        let copy = copied(&place, &target);
        let last = i64::try_from(copy.len()).unwrap();
        assert!((before..=after).contains(&last), "{before} {last} {after}");
        assert_eq!(copy, (1..=last).collect::<Vec<_>>());
    }
    over.store(true, Ordering::Relaxed);
    finish(writers);
    assert!(!files(&place).iter().any(|name| name.contains("partial")), "{:?}", files(&place));
}

#[test]
fn a_copy_of_a_database_that_nobody_uses_is_whole_too() {
    let place = Place::sqlite();
    let db = place.open();
    wait(count_on(&db)).unwrap();
    db.close();
    let target = place.folder().join("copy.db");
    backup(place.file(), &target).unwrap();
    assert_eq!(copied(&place, &target), [1]);
}

#[test]
fn what_is_there_already_is_not_overwritten() {
    let place = Place::sqlite();
    let db = place.open();
    wait(count_on(&db)).unwrap();
    let target = place.folder().join("copy.db");
    std::fs::write(&target, "precious").unwrap();
    assert!(backup(place.file(), &target).is_err());
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "precious");
    db.close();
    assert_eq!(files(&place), ["copy.db", "data.db"]);
}

#[test]
fn a_copy_that_cannot_be_made_leaves_nothing() {
    let place = Place::sqlite();
    let db = place.open();
    wait(count_on(&db)).unwrap();
    let before = files(&place);
    assert!(backup(place.file(), &place.folder().join("no/folder/copy.db")).is_err());
    assert_eq!(files(&place), before);
    assert_eq!(wait(count_on(&db)), Ok(1));
}

#[test]
fn the_leavings_of_a_broken_off_copy_are_in_nobodys_way() {
    let place = Place::sqlite();
    let db = place.open();
    wait(count_on(&db)).unwrap();
    std::fs::write(place.folder().join("copy.db.partial"), "half of it").unwrap();
    let target = place.folder().join("copy.db");
    backup(place.file(), &target).unwrap();
    assert_eq!(copied(&place, &target), [1]);
    db.close();
    assert_eq!(files(&place), ["copy.db", "data.db"]);
}

#[test]
fn a_copy_of_nothing_is_an_error() {
    let place = Place::sqlite();
    let target = place.folder().join("copy.db");
    assert!(backup(place.file(), &target).is_err());
    assert_eq!(files(&place), [] as [String; 0]);
}
