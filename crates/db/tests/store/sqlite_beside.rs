//! Two programs on one SQLite file: the server, and the command line beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use rozmowa_db::{Db, Error, params};
use tokio::task::JoinHandle;

use crate::place::{
    Place, few, finish, gate, insert, numbers, outside_sqlite, poll, queued, start, until, wait,
    within,
};
use crate::sql;

/// Writers in a loop, as a busy server has them.
struct Load {
    over: Arc<AtomicBool>,
    written: Arc<AtomicI64>,
    writers: Vec<JoinHandle<Result<Duration, Error>>>,
}

impl Load {
    fn on(db: &Db, writers: i64) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let written = Arc::new(AtomicI64::new(0));
        let writers = (0..writers)
            .map(|writer| {
                let (db, over) = (db.clone(), Arc::clone(&over));
                let written = Arc::clone(&written);
                start(async move {
                    let mut longest = Duration::ZERO;
                    let mut n = (writer + 1) * 1_000_000;
                    while !over.load(Ordering::Relaxed) {
                        let begun = Instant::now();
                        insert(&db, n).await?;
                        longest = longest.max(begun.elapsed());
                        written.fetch_add(1, Ordering::Relaxed);
                        n += 1;
                    }
                    Ok(longest)
                })
            })
            .collect();
        let load = Self { over, written, writers };
        load.goes_on();
        load
    }

    fn goes_on(&self) {
        let before = self.written.load(Ordering::Relaxed);
        until("the load goes on", || self.written.load(Ordering::Relaxed) > before + 100);
    }

    /// The longest that a write took.
    fn end(self) -> Duration {
        self.over.store(true, Ordering::Relaxed);
        finish(self.writers).into_iter().map(Result::unwrap).max().unwrap()
    }
}

#[test]
fn a_write_waits_for_another_process_and_then_succeeds() {
    let place = Place::sqlite();
    let db = place.open();
    let other = outside_sqlite(place.file());
    other.execute_batch("BEGIN IMMEDIATE; INSERT INTO number VALUES (1)").unwrap();
    let mut call = queued(insert(&db, 2));
    // Reads go on meanwhile, and see nothing of it.
    for _ in 0..50 {
        assert_eq!(numbers(&db), [] as [i64; 0]);
    }
    assert!(poll(&mut call).is_pending());
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(wait(call), Ok(()));
    assert_eq!(numbers(&db), [1, 2]);
}

#[test]
fn another_process_that_never_ends_gets_the_write_an_error_and_nothing_is_done() {
    let place = Place::sqlite();
    let db = place.open();
    let other = outside_sqlite(place.file());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let answer = within(Duration::from_secs(30), insert(&db, 1));
    assert!(matches!(answer, Err(Error::Busy(_))), "{answer:?}");
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(wait(insert(&db, 2)), Ok(()));
    assert_eq!(numbers(&db), [2]);
}

#[test]
fn calls_behind_a_lock_are_not_held_up_one_after_the_other() {
    let place = Place::sqlite();
    let db = place.open();
    let other = outside_sqlite(place.file());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let calls: Vec<_> = (0..3).map(|n| queued(insert(&db, n))).collect();
    let begun = Instant::now();
    for call in calls {
        assert!(matches!(wait(call), Err(Error::Busy(_))));
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn beside_a_server_under_load_the_command_line_gets_its_turn() {
    let place = Place::sqlite();
    let server = place.open();
    let load = Load::on(&server, 16);
    for n in 1..=10 {
        let command_line = place.open_with(&few());
        let begun = Instant::now();
        assert_eq!(wait(insert(&command_line, -n)), Ok(()));
        assert!(begun.elapsed() < Duration::from_secs(5), "waited {:?}", begun.elapsed());
        command_line.close();
    }
    load.goes_on();
    let longest = load.end();
    assert!(longest < Duration::from_secs(5), "the server waited {longest:?}");
    let seen: i64 = wait(server.read(|tx| {
        let all: Vec<i64> = tx.query(&sql::NUMBERS, params![], |row| row.get(0))?;
        Ok::<_, Error>(all.iter().filter(|n| **n < 0).map(|_| 1).sum())
    }))
    .unwrap();
    assert_eq!(seen, 10);
}

#[test]
fn closing_beside_a_server_with_a_long_read_holds_up_no_write() {
    let place = Place::sqlite();
    let server = place.open();
    wait(insert(&server, 1)).unwrap();
    let (gate, stop) = gate();
    let reading = start({
        let server = server.clone();
        async move {
            server
                .read(move |tx| {
                    let before: i64 =
                        tx.query_one(&sql::COUNT_NUMBERS, params![], |row| row.get(0))?;
                    stop.here();
                    Ok::<_, Error>(before)
                })
                .await
        }
    });
    gate.wait();
    let command_line = place.open_with(&few());
    wait(insert(&command_line, -1)).unwrap();
    let load = Load::on(&server, 1);
    let begun = Instant::now();
    command_line.close();
    println!("closing took {:?}", begun.elapsed());
    gate.open();
    wait(reading).unwrap().unwrap();
    let longest = load.end();
    assert!(longest < Duration::from_secs(2), "the server waited {longest:?}");
}
