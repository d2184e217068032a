//! PostgreSQL when its line is cut, its server stops, or two transactions are in each other's way.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use rozmowa_db::{Address, Db, Error, Options, params};
use rozmowa_load::postgres::ThrowawayPostgres;

use crate::place::{
    Heard, Place, few, finish, gate, insert, nobody, numbers, one, outside_postgres,
    postgres_server, start, until, wait, within,
};
use crate::sql;

/// What a call may take while the server is away.
const SOON: Duration = Duration::from_secs(8);

/// A server that the test may stop.
fn own_server() -> Option<ThrowawayPostgres> {
    postgres_server().map(|_| ThrowawayPostgres::start().unwrap())
}

fn open_own(server: &ThrowawayPostgres, options: &Options, heard: &Heard) -> Db {
    Db::open(&Address::Postgres(server.url()), options, sql::SCHEMA, heard.sink()).unwrap()
}

fn backend(db: &Db) -> i32 {
    let pid: i64 = wait(db.read(|tx| tx.query_one(&sql::BACKEND, params![], |row| row.get(0))))
        .unwrap_or_else(|error: Error| panic!("{error}"));
    i32::try_from(pid).unwrap()
}

/// Ends a server process and waits until it is gone.
fn terminate(place: &Place, pid: i32) {
    let Address::Postgres(url) = &place.address else { panic!("not on PostgreSQL") };
    let mut outside = outside_postgres(url);
    outside.execute("SELECT pg_terminate_backend($1)", &[&pid]).unwrap();
    until("the process is gone", || {
        let left = "SELECT 1 FROM pg_stat_activity WHERE pid = $1";
        outside.query(left, &[&pid]).unwrap().is_empty()
    });
}

#[derive(Debug)]
struct Attempt {
    n: i64,
    answer: Result<(), Error>,
    took: Duration,
}

/// Calls of several writers go on while the server stops and starts.
fn outage(stop: impl Fn(&mut ThrowawayPostgres)) {
    let Some(mut server) = own_server() else { return };
    let heard = Heard::default();
    let db = open_own(&server, &few(), &heard);
    let over = Arc::new(AtomicBool::new(false));
    let good = Arc::new(AtomicUsize::new(0));
    let bad = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..8_i64)
        .map(|writer| {
            let (db, over) = (db.clone(), Arc::clone(&over));
            let (good, bad) = (Arc::clone(&good), Arc::clone(&bad));
            start(async move {
                let mut attempts = Vec::new();
                for n in writer * 1_000_000.. {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    let begun = Instant::now();
                    let answer = db
                        .write(move |tx| {
                            tx.publish(n);
                            tx.execute(&sql::INSERT_NUMBER, params![n]).map(drop)
                        })
                        .await;
                    let took = begun.elapsed();
                    let count = if answer.is_ok() { &good } else { &bad };
                    count.fetch_add(1, Ordering::Relaxed);
                    attempts.push(Attempt { n, answer, took });
                    // While calls fail at once, the loop would spin.
                    tokio::task::yield_now().await;
                }
                attempts
            })
        })
        .collect();
    let more = |count: &AtomicUsize, by: usize, what: &str| {
        let before = count.load(Ordering::Relaxed);
        until(what, || count.load(Ordering::Relaxed) >= before + by);
    };
    for _ in 0..2 {
        more(&good, 50, "calls succeed");
        stop(&mut server);
        more(&bad, 50, "calls fail");
        let begun = Instant::now();
        let read = within(SOON, db.read(|tx| tx.query(&sql::NUMBERS, params![], |_| Ok(()))));
        assert!(matches!(read, Err(Error::Unavailable(_))), "{read:?} after {:?}", begun.elapsed());
        server.start_again().unwrap();
        more(&good, 50, "the same store serves again");
    }
    over.store(true, Ordering::Relaxed);
    let attempts: Vec<Attempt> = finish(writers).into_iter().flatten().collect();
    // Each connection finds out for itself that the server is back.
    until("every connection serves again", || {
        let reads = (0..40).map(|_| {
            let db = db.clone();
            start(async move {
                db.read(|tx| tx.query(&sql::BACKEND, params![], |row| row.get::<i64>(0))).await
            })
        });
        finish(reads.collect()).iter().all(Result::is_ok)
    });
    let there = numbers(&db);
    for Attempt { n, answer, took } in &attempts {
        assert!(*took < SOON, "{answer:?} took {took:?}");
        let kept = there.binary_search(n).is_ok();
        match answer {
            Ok(()) => assert!(kept, "{n} was acknowledged and is lost"),
            Err(Error::Unavailable(_)) => assert!(!kept, "{n} was said not to be done"),
            Err(Error::InDoubt(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    let mut told = heard.numbers();
    told.sort_unstable();
    let acknowledged: Vec<i64> = {
        let mut all: Vec<_> = attempts.iter().filter(|a| a.answer.is_ok()).map(|a| a.n).collect();
        all.sort_unstable();
        all
    };
    assert_eq!(told, acknowledged);
}

#[test]
fn a_server_that_is_stopped_and_started_is_served_again() {
    outage(|server| server.stop().unwrap());
}

#[test]
fn a_server_that_crashes_and_recovers_is_served_again() {
    outage(|server| server.stop_immediate().unwrap());
}

#[test]
fn a_store_closes_though_its_server_is_away() {
    let Some(mut server) = own_server() else { return };
    let db = open_own(&server, &few(), &Heard::default());
    wait(insert(&db, 1)).unwrap();
    server.stop_immediate().unwrap();
    let begun = Instant::now();
    db.close();
    assert!(begun.elapsed() < SOON);
    assert_eq!(wait(insert(&db, 2)), Err(Error::Closed));
}

#[test]
fn an_idle_connection_that_was_cut_is_replaced_without_a_word() {
    let Some(place) = Place::postgres() else { return };
    let db = place.open_with(&one());
    for n in 0..3 {
        let first = backend(&db);
        terminate(&place, first);
        assert_eq!(wait(insert(&db, n)), Ok(()));
        let second = backend(&db);
        assert_ne!(second, first);
        terminate(&place, second);
        assert_eq!(numbers(&db), (0..=n).collect::<Vec<_>>());
    }
}

#[test]
fn a_cut_connection_is_replaced_for_a_closure_that_only_puts_too() {
    let Some(place) = Place::postgres() else { return };
    let db = place.open_with(&one());
    let put = |n: i64| db.write(move |tx| tx.put(&sql::INSERT_NUMBER, params![n]));
    // Prepared already, so that nothing but the closure's own statements goes out.
    assert_eq!(wait(put(1)), Ok::<_, Error>(()));
    terminate(&place, backend(&db));
    assert_eq!(wait(put(2)), Ok(()));
    assert_eq!(numbers(&db), [1, 2]);
}

#[test]
fn a_closure_cut_in_its_middle_is_run_again_and_counts_once() {
    let Some(place) = Place::postgres() else { return };
    let heard = Heard::default();
    let db = place.open_heard(&one(), heard.sink());
    let pid = backend(&db);
    let runs = Arc::new(AtomicUsize::new(0));
    let (gate, stop) = gate();
    let call = start({
        let (db, runs) = (db.clone(), Arc::clone(&runs));
        async move {
            db.write(move |tx| {
                tx.publish(1_i64);
                tx.execute(&sql::INSERT_NUMBER, params![1_i64])?;
                if runs.fetch_add(1, Ordering::Relaxed) == 0 {
                    stop.here();
                }
                tx.execute(&sql::INSERT_NUMBER, params![2_i64])?;
                tx.publish(2_i64);
                Ok::<_, Error>(())
            })
            .await
        }
    });
    gate.wait();
    terminate(&place, pid);
    gate.open();
    assert_eq!(wait(call).unwrap(), Ok(()));
    assert_eq!(runs.load(Ordering::Relaxed), 2);
    assert_eq!(heard.numbers(), [1, 2]);
    assert_eq!(numbers(&db), [1, 2]);
}

#[test]
fn a_line_cut_before_commit_leaves_the_caller_in_doubt_and_nothing_is_run_again() {
    let Some(place) = Place::postgres() else { return };
    let heard = Heard::default();
    let db = place.open_heard(&one(), heard.sink());
    let pid = backend(&db);
    let runs = Arc::new(AtomicUsize::new(0));
    let (gate, stop) = gate();
    let call = start({
        let (db, runs) = (db.clone(), Arc::clone(&runs));
        async move {
            db.write(move |tx| {
                runs.fetch_add(1, Ordering::Relaxed);
                tx.publish(1_i64);
                tx.execute(&sql::INSERT_NUMBER, params![1_i64])?;
                stop.here();
                Ok::<_, Error>(())
            })
            .await
        }
    });
    gate.wait();
    terminate(&place, pid);
    gate.open();
    let answer = wait(call).unwrap();
    assert!(matches!(answer, Err(Error::InDoubt(_))), "{answer:?}");
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    assert_eq!(wait(insert(&db, 2)), Ok(()));
    assert_eq!(numbers(&db), [2]);
    assert_eq!(heard.numbers(), [] as [i64; 0]);
}

#[test]
fn two_in_each_others_way_are_both_kept_and_told_once() {
    let Some(place) = Place::postgres() else { return };
    let heard = Heard::default();
    let db = place.open_heard(&few(), heard.sink());
    wait(db.write(|tx| {
        for id in [1_i64, 2] {
            let none = None::<&str>;
            tx.execute(&sql::INSERT_CELL, params![id, 0_i64, 0.0, none, None::<&[u8]>])?;
        }
        Ok::<_, Error>(())
    }))
    .unwrap();
    let both = Arc::new(Barrier::new(2));
    let runs = Arc::new(AtomicUsize::new(0));
    let crossing = [(1_i64, 2_i64), (2, 1)].map(|(first, second)| {
        let (db, both, runs) = (db.clone(), Arc::clone(&both), Arc::clone(&runs));
        start(async move {
            let mut met = false;
            db.write(move |tx| {
                runs.fetch_add(1, Ordering::Relaxed);
                tx.publish(first);
                tx.execute(&sql::RAISE_CELL, params![first])?;
                if !std::mem::replace(&mut met, true) {
                    both.wait();
                }
                tx.execute(&sql::RAISE_CELL, params![second]).map(drop)
            })
            .await
        })
    });
    for answer in finish(crossing.into()) {
        assert_eq!(answer, Ok::<_, Error>(()));
    }
    // One of the two was run again, and may have been first to a row once more.
    assert!(runs.load(Ordering::Relaxed) >= 3);
    let mut told = heard.numbers();
    told.sort_unstable();
    assert_eq!(told, [1, 2]);
    let raised = wait(db.read(|tx| {
        let one: i64 = tx.query_one(&sql::CELL, params![1_i64], |row| row.get(0))?;
        let two: i64 = tx.query_one(&sql::CELL, params![2_i64], |row| row.get(0))?;
        Ok::<_, Error>((one, two))
    }));
    assert_eq!(raised, Ok((2, 2)));
}

#[test]
fn a_statement_that_takes_too_long_is_an_error_and_the_connection_lives_on() {
    let Some(place) = Place::postgres() else { return };
    let db = place.open_with(&one());
    let pid = backend(&db);
    let answer = wait(db.write(|tx| {
        tx.execute(&sql::INSERT_NUMBER, params![1_i64])?;
        tx.query_one(&sql::SHORT_TIMEOUT, params![], |_| Ok(()))?;
        tx.query_one(&sql::LONG_STATEMENT, params![], |_| Ok(()))
    }));
    assert!(matches!(answer, Err(Error::Busy(_))), "{answer:?}");
    assert_eq!(wait(insert(&db, 2)), Ok(()));
    assert_eq!(numbers(&db), [2]);
    assert_eq!(backend(&db), pid);
}

#[test]
fn a_plan_leaves_the_connection_as_it_was() {
    let Some(place) = Place::postgres() else { return };
    let db = place.open_with(&one());
    wait(insert(&db, 1)).unwrap();
    wait(db.read(|tx| tx.plan(&sql::NUMBERS))).unwrap_or_else(|error: Error| panic!("{error}"));
    assert_eq!(wait(insert(&db, 2)), Ok(()));
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for_for_ever() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("postgres://nobody@{}/none", silent.local_addr().unwrap());
    let opening = start(async move {
        tokio::task::spawn_blocking(move || {
            Db::open(&Address::Postgres(address), &one(), sql::SCHEMA, nobody()).map(drop)
        })
        .await
    });
    let answer = within(Duration::from_secs(15), opening).unwrap().unwrap();
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
}
