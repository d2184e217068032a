//! Calls that wait, calls that are turned away, and the end.

use std::sync::Arc;
use std::task::Poll;
use std::thread::ThreadId;
use std::time::Duration;

use rozmowa_db::{Db, Error, Options, params};

use crate::place::{
    Call, Place, RUNTIME, gate, insert, numbers, occupy, one, poll, queued, start, until, wait,
    within,
};
use crate::sql;

on_both_engines!(
    a_full_queue_turns_away_at_once_and_keeps_what_it_accepted,
    closing_finishes_what_was_accepted,
    a_closed_store_says_so,
    a_store_that_was_let_go_without_closing_loses_nothing,
    a_call_made_while_the_store_closes_gets_an_answer,
    a_sink_that_panics_costs_nobody_the_store,
);

fn a_full_queue_turns_away_at_once_and_keeps_what_it_accepted(place: &Place) {
    const LENGTH: usize = 3;
    let db = place.open_with(&Options { queue_length: LENGTH, ..one() });
    let (gate, first) = occupy(&db);
    let accepted: Vec<_> = (0..3).map(|n| queued(insert(&db, n))).collect();
    for n in 10..20 {
        let mut one_more: Call<'_, _> = Box::pin(insert(&db, n));
        assert_eq!(poll(&mut one_more), Poll::Ready(Err(Error::Overloaded)));
    }
    gate.open();
    wait(first).unwrap().unwrap();
    for call in accepted {
        assert_eq!(wait(call), Ok(()));
    }
    assert_eq!(numbers(&db), [0, 1, 2]);
    assert_eq!(wait(insert(&db, 3)), Ok(()));
}

fn closing_finishes_what_was_accepted(place: &Place) {
    const ACCEPTED: i64 = 1_500;
    let db = place.open_with(&one());
    let (gate, first) = occupy(&db);
    let calls: Vec<_> = (0..ACCEPTED).map(|n| queued(insert(&db, n))).collect();
    let closing = std::thread::spawn({
        let db = db.clone();
        move || db.close()
    });
    gate.open();
    wait(first).unwrap().unwrap();
    closing.join().unwrap();
    for call in calls {
        assert_eq!(within(Duration::ZERO, call), Ok(()));
    }
    if db.is_sqlite() {
        let left: Vec<_> = std::fs::read_dir(place.folder()).unwrap().flatten().collect();
        assert_eq!(left.len(), 1, "a clean stop leaves one file: {left:?}");
    }
    assert_eq!(numbers(&place.open()), (0..ACCEPTED).collect::<Vec<_>>());
}

fn a_closed_store_says_so(place: &Place) {
    let db = place.open();
    let clone = db.clone();
    wait(insert(&db, 1)).unwrap();
    db.close();
    db.close();
    clone.close();
    assert_eq!(wait(insert(&clone, 2)), Err(Error::Closed));
    let read = wait(db.read(|tx| tx.query(&sql::NUMBERS, params![], |row| row.get::<i64>(0))));
    assert_eq!(read, Err(Error::Closed));
    assert_eq!(numbers(&place.open()), [1]);
}

fn a_store_that_was_let_go_without_closing_loses_nothing(place: &Place) {
    let db = place.open_with(&one());
    let (gate, first) = occupy(&db);
    let calls: Vec<_> = (0..50).map(|n| queued(insert(&db, n))).collect();
    drop(calls);
    drop(db);
    gate.open();
    wait(first).unwrap().unwrap();
    let mut outside = place.outside();
    until("all are there", || outside.count("number") == 50);
}

fn a_call_made_while_the_store_closes_gets_an_answer(place: &Place) {
    let db = place.open_with(&Options { connections: 2, readers: 2, ..Options::default() });
    let (gate, stop) = gate();
    let held = start({
        let db = db.clone();
        async move {
            db.write(move |_| {
                stop.here();
                Ok::<_, Error>(())
            })
            .await
        }
    });
    gate.wait();
    let closing = std::thread::spawn({
        let db = db.clone();
        move || db.close()
    });
    // Once closing has begun, a read is turned away, or waits for the answer that this test is about.
    let probe = |db: &Db| {
        let db = db.clone();
        start(async move { db.read(|_| Ok::<_, Error>(())).await })
    };
    let mut looking = probe(&db);
    while let Ok(Ok(Ok(()))) = RUNTIME
        .block_on(async { tokio::time::timeout(Duration::from_millis(500), &mut looking).await })
    {
        looking = probe(&db);
    }
    let late = start({
        let db = db.clone();
        async move { insert(&db, 1).await }
    });
    gate.open();
    wait(held).unwrap().unwrap();
    closing.join().unwrap();
    assert_eq!(within(Duration::from_secs(5), late).unwrap(), Err(Error::Closed));
}

fn a_sink_that_panics_costs_nobody_the_store(place: &Place) {
    let db = place.open_heard(&one(), Arc::new(|_| panic!("in the sink")));
    let told = wait(db.write(|tx| {
        tx.publish(1_i64);
        tx.execute(&sql::INSERT_NUMBER, params![1_i64]).map(drop)
    }));
    assert_eq!(told, Ok::<_, Error>(()));
    assert_eq!(wait(insert(&db, 2)), Ok(()));
    assert_eq!(numbers(&db), [1, 2]);
}

#[test]
fn an_inline_store_runs_closures_on_the_thread_that_asks() {
    let place = Place::sqlite();
    let db = place.open_with(&Options { inline: true, ..one() });
    let me = std::thread::current().id();
    let on = |_: &mut rozmowa_db::Tx<'_>| Ok::<ThreadId, Error>(std::thread::current().id());
    let mut write: Call<'_, _> = Box::pin(db.write(on));
    assert_eq!(poll(&mut write), Poll::Ready(Ok(me)));
    let mut read: Call<'_, _> = Box::pin(db.read(on));
    assert_eq!(poll(&mut read), Poll::Ready(Ok(me)));
    let mut insertion: Call<'_, _> = Box::pin(insert(&db, 1));
    assert_eq!(poll(&mut insertion), Poll::Ready(Ok(())));
    assert_eq!(place.outside().count("number"), 1);
}

#[test]
fn an_inline_store_closes_like_any_other() {
    let place = Place::sqlite();
    let db = place.open_with(&Options { inline: true, ..one() });
    wait(insert(&db, 1)).unwrap();
    db.close();
    assert_eq!(wait(insert(&db, 2)), Err(Error::Closed));
}
