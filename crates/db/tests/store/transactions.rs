//! What a transaction keeps, gives up and tells.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rozmowa_db::{Db, Error, Tx, params};

use crate::place::{
    Heard, Place, few, finish, gate, insert, number, numbers, occupy, one, queued, start, wait,
};
use crate::sql;

on_both_engines!(
    a_write_is_there_when_it_is_answered,
    an_error_of_the_closure_rolls_its_changes_back,
    a_swallowed_statement_error_rolls_back_all_the_same,
    what_a_statement_changed_before_its_rows_could_not_be_read_is_rolled_back,
    after_a_statement_error_everything_else_is_refused,
    a_panic_rolls_back_and_the_store_goes_on,
    messages_follow_the_commit_in_their_order,
    nothing_is_told_of_what_was_not_kept,
    a_dropped_future_undoes_and_halves_nothing,
    a_read_sees_one_moment_however_long_it_takes,
    a_read_cannot_write,
    one_key_lets_one_transaction_in_at_a_time,
    transactions_in_a_crowd_do_not_touch_each_other,
    what_is_put_is_there_after_the_commit,
    a_put_that_fails_is_an_error_by_the_commit_and_nothing_is_kept,
    a_put_that_fails_fails_the_next_statement,
    more_puts_than_are_held_back_keep_their_order,
    a_put_of_the_wrong_type_keeps_nothing,
    a_read_that_only_puts_is_told_that_it_cannot,
);

fn add(tx: &mut Tx<'_>, n: i64) -> Result<(), Error> {
    tx.execute(&sql::INSERT_NUMBER, params![n]).map(drop)
}

#[derive(Debug, PartialEq)]
enum Refusal {
    NotToday,
    Store(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

fn a_write_is_there_when_it_is_answered(place: &Place) {
    let db = place.open();
    let mut outside = place.outside();
    for n in 1..=20 {
        assert_eq!(wait(insert(&db, n)), Ok(()));
        assert_eq!(outside.count("number"), n);
    }
}

fn an_error_of_the_closure_rolls_its_changes_back(place: &Place) {
    let db = place.open();
    wait(insert(&db, 1)).unwrap();
    let answer = wait(db.write(|tx| {
        add(tx, 2)?;
        Err::<(), _>(Refusal::NotToday)
    }));
    assert_eq!(answer, Err(Refusal::NotToday));
    assert_eq!(numbers(&db), [1]);
}

fn a_swallowed_statement_error_rolls_back_all_the_same(place: &Place) {
    let db = place.open();
    wait(insert(&db, 1)).unwrap();
    let answer = wait(db.write(|tx| {
        add(tx, 2)?;
        let _ = add(tx, 1);
        Ok::<_, Refusal>("fine")
    }));
    assert!(matches!(answer, Err(Refusal::Store(Error::Statement { .. }))), "{answer:?}");
    // The error of a reading closure of ours counts the same.
    let answer = wait(db.write(|tx| {
        add(tx, 2)?;
        let _ = tx.query(&sql::NUMBERS, params![], |row| row.get::<String>(0));
        Ok::<_, Refusal>("fine")
    }));
    assert!(matches!(answer, Err(Refusal::Store(Error::Statement { .. }))), "{answer:?}");
    // The statement's error comes before the closure's own.
    let answer = wait(db.write(|tx| {
        let _ = add(tx, 1);
        Err::<(), _>(Refusal::NotToday)
    }));
    assert!(matches!(answer, Err(Refusal::Store(Error::Statement { .. }))), "{answer:?}");
    assert_eq!(numbers(&db), [1]);
}

fn what_a_statement_changed_before_its_rows_could_not_be_read_is_rolled_back(place: &Place) {
    let db = place.open_with(&one());
    for n in 1..=3 {
        wait(insert(&db, n)).unwrap();
    }
    let answer =
        wait(db.write(|tx| {
            tx.query(&sql::RAISE_NUMBERS, params![10_i64], |row| row.get::<String>(0))
        }));
    assert!(matches!(answer, Err(Error::Statement { .. })), "{answer:?}");
    let answer = wait(db.write(|tx| {
        tx.query_opt(&sql::RAISE_NUMBERS, params![10_i64], |_| -> Result<(), Error> {
            panic!("on the first row")
        })
    }));
    assert_eq!(answer, Err(Error::Panicked("on the first row".to_owned())));
    assert_eq!(wait(insert(&db, 4)), Ok(()));
    assert_eq!(numbers(&db), [1, 2, 3, 4]);
}

fn after_a_statement_error_everything_else_is_refused(place: &Place) {
    let db = place.open();
    wait(insert(&db, 1)).unwrap();
    let said: Arc<Mutex<Vec<Result<(), Error>>>> = Arc::default();
    let answer = wait(db.write({
        let said = Arc::clone(&said);
        move |tx| {
            let first = add(tx, 1);
            *said.lock().unwrap() = vec![
                first.clone(),
                add(tx, 2),
                tx.query(&sql::NUMBERS, params![], |_| Ok(())).map(drop),
                tx.query_opt(&sql::NUMBERS, params![], |_| Ok(())).map(drop),
                tx.query_one(&sql::NUMBERS, params![], |_| Ok(())),
                tx.lock(&["key"]),
                tx.plan(&sql::NUMBERS).map(drop),
                tx.schema().map(drop),
                tx.integrity_check().map(drop),
            ];
            first
        }
    }));
    assert!(answer.is_err());
    assert!(said.lock().unwrap().iter().all(|one| *one == answer), "{said:?}");
    assert_eq!(numbers(&db), [1]);
}

fn a_panic_rolls_back_and_the_store_goes_on(place: &Place) {
    let db = place.open_with(&one());
    for round in 0..5 {
        let answer = wait(db.write(move |tx| {
            add(tx, 100)?;
            assert!(round > 9, "round {round}");
            Ok::<_, Error>(())
        }));
        assert_eq!(answer, Err(Error::Panicked(format!("round {round}"))));
        let answer = wait(db.read(|_| -> Result<(), Error> { panic!("in a read") }));
        assert_eq!(answer, Err(Error::Panicked("in a read".to_owned())));
        wait(insert(&db, round)).unwrap();
    }
    assert_eq!(numbers(&db), [0, 1, 2, 3, 4]);
}

fn messages_follow_the_commit_in_their_order(place: &Place) {
    type Told = Vec<(Vec<i64>, i64)>;
    let told: Arc<Mutex<Told>> = Arc::default();
    drop(place.open());
    let outside = Mutex::new(place.outside());
    let sink = {
        let told = Arc::clone(&told);
        Arc::new(move |messages: Vec<_>| {
            let there = outside.lock().unwrap().count("number");
            told.lock().unwrap().push((messages.into_iter().map(number).collect(), there));
        })
    };
    let db = place.open_heard(&few(), sink);
    for n in 0..10 {
        wait(db.write(move |tx| {
            tx.publish(n * 10);
            add(tx, n)?;
            tx.publish(n * 10 + 1);
            assert!(n >= 0);
            Ok::<_, Error>(())
        }))
        .unwrap();
        // Told before the answer, with the row to be seen from outside.
        let last = told.lock().unwrap().last().cloned();
        assert_eq!(last, Some((vec![n * 10, n * 10 + 1], n + 1)));
    }
    assert_eq!(told.lock().unwrap().len(), 10);
}

fn nothing_is_told_of_what_was_not_kept(place: &Place) {
    let heard = Heard::default();
    let db = place.open_heard(&one(), heard.sink());
    wait(insert(&db, 1)).unwrap();
    let (gate, first) = occupy(&db);
    // On SQLite all of these share one COMMIT.
    let refused = queued(db.write(|tx| {
        tx.publish(1_i64);
        Err::<(), _>(Refusal::NotToday)
    }));
    let swallowed = queued(db.write(|tx| {
        tx.publish(2_i64);
        let _ = add(tx, 1);
        Ok::<_, Error>(())
    }));
    let panicked = queued(db.write(|tx| -> Result<(), Error> {
        tx.publish(3_i64);
        panic!("now")
    }));
    let kept = queued(db.write(|tx| {
        tx.publish(4_i64);
        add(tx, 4)
    }));
    gate.open();
    wait(first).unwrap().unwrap();
    assert_eq!(wait(refused), Err(Refusal::NotToday));
    assert!(matches!(wait(swallowed), Err(Error::Statement { .. })));
    assert_eq!(wait(panicked), Err(Error::Panicked("now".to_owned())));
    assert_eq!(wait(kept), Ok(()));
    let read = wait(db.read(|tx| {
        tx.publish(5_i64);
        Ok::<_, Error>(())
    }));
    assert_eq!(read, Ok(()));
    db.close();
    assert_eq!(heard.numbers(), [4]);
}

fn a_dropped_future_undoes_and_halves_nothing(place: &Place) {
    let heard = Heard::default();
    let db = place.open_heard(&one(), heard.sink());
    let (gate, first) = occupy(&db);
    let call = queued(db.write(|tx| {
        add(tx, 1)?;
        add(tx, 2)?;
        tx.publish(3_i64);
        Ok::<_, Error>(())
    }));
    drop(call);
    gate.open();
    wait(first).unwrap().unwrap();
    db.close();
    assert_eq!(heard.numbers(), [3]);
    assert_eq!(numbers(&place.open()), [1, 2]);
}

fn a_read_sees_one_moment_however_long_it_takes(place: &Place) {
    let db = place.open();
    wait(insert(&db, 1)).unwrap();
    let (gate, stop) = gate();
    let reading = start({
        let db = db.clone();
        async move {
            db.read(move |tx| {
                let before: i64 = count(tx)?;
                stop.here();
                Ok::<_, Error>((before, count(tx)?))
            })
            .await
        }
    });
    gate.wait();
    wait(insert(&db, 2)).unwrap();
    assert_eq!(numbers(&db), [1, 2]);
    gate.open();
    assert_eq!(wait(reading).unwrap(), Ok((1, 1)));
}

fn count(tx: &mut Tx<'_>) -> Result<i64, Error> {
    tx.query_one(&sql::COUNT_NUMBERS, params![], |row| row.get(0))
}

fn a_read_cannot_write(place: &Place) {
    let db = place.open_with(&one());
    let answer = wait(db.read(|tx| add(tx, 1)));
    assert!(matches!(answer, Err(Error::ReadOnly(_))), "{answer:?}");
    assert_eq!(numbers(&db), [] as [i64; 0]);
    assert_eq!(wait(insert(&db, 2)), Ok(()));
}

fn one_key_lets_one_transaction_in_at_a_time(place: &Place) {
    let db = place.open_with(&rozmowa_db::Options { connections: 8, ..few() });
    let tries = (0..200).map(|who| {
        let db = db.clone();
        start(async move {
            db.write(move |tx| {
                tx.lock(&["the one chair"])?;
                let taken: i64 =
                    tx.query_one(&sql::CLAIMS_OF, params!["chair"], |row| row.get(0))?;
                if taken == 0 {
                    tx.execute(&sql::INSERT_CLAIM, params![who, "chair"])?;
                }
                Ok::<_, Error>(taken == 0)
            })
            .await
        })
    });
    let answers = finish(tries.collect());
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| **answer == Ok(true)).count(), 1);
    assert_eq!(place.outside().count("claim"), 1);
}

/// Every third closure fails in its own way; the others are kept, each of them to be seen at its answer.
fn transactions_in_a_crowd_do_not_touch_each_other(place: &Place) {
    const CROWD: i64 = 600;
    let heard = Heard::default();
    let db = place.open_heard(&few(), heard.sink());
    wait(insert(&db, -1)).unwrap();
    let seen = Arc::new(AtomicUsize::new(0));
    let calls = (0..CROWD).map(|n| {
        let (db, seen) = (db.clone(), Arc::clone(&seen));
        start(async move {
            let answer = db
                .write(move |tx| {
                    add(tx, n)?;
                    tx.publish(n);
                    match n % 9 {
                        2 => Err(Refusal::NotToday),
                        5 => panic!("{n}"),
                        8 => add(tx, -1).map_err(Refusal::from),
                        _ => Ok(()),
                    }
                })
                .await;
            if answer.is_ok() && is_there(&db, n).await {
                seen.fetch_add(1, Ordering::Relaxed);
            }
            answer
        })
    });
    let answers = finish(calls.collect());
    let mut kept = vec![-1];
    for (n, answer) in (0..).zip(answers) {
        match n % 9 {
            2 => assert_eq!(answer, Err(Refusal::NotToday)),
            5 => assert_eq!(answer, Err(Refusal::Store(Error::Panicked(n.to_string())))),
            8 => assert!(matches!(answer, Err(Refusal::Store(Error::Statement { .. })))),
            _ => {
                assert_eq!(answer, Ok(()));
                kept.push(n);
            }
        }
    }
    assert_eq!(seen.load(Ordering::Relaxed), kept.len() - 1);
    assert_eq!(numbers(&db), kept);
    let mut told = heard.numbers();
    told.sort_unstable();
    assert_eq!(told, kept[1..]);
}

async fn is_there(db: &Db, n: i64) -> bool {
    db.read(move |tx| {
        let all: Vec<i64> = tx.query(&sql::NUMBERS, params![], |row| row.get(0))?;
        Ok::<_, Error>(all.binary_search(&n).is_ok())
    })
    .await
    .unwrap()
}

fn put(tx: &mut Tx<'_>, n: i64) -> Result<(), Error> {
    tx.put(&sql::INSERT_NUMBER, params![n])
}

fn what_is_put_is_there_after_the_commit(place: &Place) {
    let db = place.open();
    // Alone, and before and after statements that somebody waits for.
    assert_eq!(wait(db.write(|tx| put(tx, 1))), Ok(()));
    assert_eq!(numbers(&db), [1]);
    let seen = wait(db.write(|tx| {
        put(tx, 2)?;
        let seen = count(tx)?;
        put(tx, 3)?;
        add(tx, 4)?;
        put(tx, 5)?;
        Ok::<_, Error>(seen)
    }));
    assert_eq!(seen, Ok(2));
    assert_eq!(numbers(&db), [1, 2, 3, 4, 5]);
    let refused = wait(db.write(|tx| {
        put(tx, 6)?;
        Err::<(), _>(Refusal::NotToday)
    }));
    assert_eq!(refused, Err(Refusal::NotToday));
    assert_eq!(numbers(&db), [1, 2, 3, 4, 5]);
}

fn a_put_that_fails_is_an_error_by_the_commit_and_nothing_is_kept(place: &Place) {
    let heard = Heard::default();
    let db = place.open_heard(&one(), heard.sink());
    wait(insert(&db, 1)).unwrap();
    let answer = wait(db.write(|tx| {
        add(tx, 2)?;
        put(tx, 3)?;
        let _ = put(tx, 1);
        let _ = put(tx, 4);
        tx.publish(1_i64);
        Ok::<_, Error>(())
    }));
    assert!(matches!(answer, Err(Error::Statement { .. })), "{answer:?}");
    assert_eq!(numbers(&db), [1]);
    assert_eq!(wait(insert(&db, 5)), Ok(()));
    assert_eq!(heard.numbers(), [] as [i64; 0]);
}

fn a_put_that_fails_fails_the_next_statement(place: &Place) {
    let db = place.open_with(&one());
    wait(insert(&db, 1)).unwrap();
    let answer = wait(db.write(|tx| {
        add(tx, 2)?;
        let _ = put(tx, 1);
        assert!(count(tx).is_err());
        assert!(add(tx, 3).is_err());
        Ok::<_, Error>(())
    }));
    assert!(matches!(answer, Err(Error::Statement { .. })), "{answer:?}");
    assert_eq!(numbers(&db), [1]);
    assert_eq!(wait(insert(&db, 4)), Ok(()));
}

fn more_puts_than_are_held_back_keep_their_order(place: &Place) {
    let db = place.open_with(&one());
    let put_many = db.write(|tx| {
        for _ in 0..100 {
            tx.put(&sql::COUNT_ON, params![])?;
        }
        Ok::<_, Error>(())
    });
    assert_eq!(wait(put_many), Ok(()));
    assert_eq!(numbers(&db), (1..=100).collect::<Vec<_>>());
}

fn a_put_of_the_wrong_type_keeps_nothing(place: &Place) {
    let db = place.open_with(&one());
    let answer = wait(db.write(|tx| {
        add(tx, 1)?;
        tx.put(&sql::INSERT_NUMBER, params!["two"])
    }));
    assert!(matches!(answer, Err(Error::Statement { .. })), "{answer:?}");
    assert_eq!(numbers(&db), [] as [i64; 0]);
}

fn a_read_that_only_puts_is_told_that_it_cannot(place: &Place) {
    let db = place.open_with(&one());
    let answer = wait(db.read(|tx| put(tx, 1)));
    assert!(matches!(answer, Err(Error::ReadOnly(_))), "{answer:?}");
    assert_eq!(numbers(&db), [] as [i64; 0]);
}
