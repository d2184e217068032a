//! SQLite's write-ahead log stays short, so that disks do not fill and starts are quick.

use std::path::{Path, PathBuf};

use rozmowa_db::{Db, Error, Options, params};

use crate::place::{Place, few, finish, gate, start, wait};
use crate::sql;

const MIB: u64 = 1 << 20;
const PIECE: usize = 32 << 10;

fn log_of(place: &Place) -> PathBuf {
    PathBuf::from(format!("{}-wal", place.file().display()))
}

fn length(log: &Path) -> u64 {
    std::fs::metadata(log).map_or(0, |log| log.len())
}

/// Writes from several callers at once and gives the greatest length of the log on the way.
fn write_mib(db: &Db, log: &Path, first_id: i64, mib: u64) -> u64 {
    const WRITERS: i64 = 8;
    let pieces = i64::try_from(mib * MIB).unwrap() / i64::try_from(PIECE).unwrap();
    let writers = (0..WRITERS).map(|writer| {
        let (db, log) = (db.clone(), log.to_owned());
        start(async move {
            let mut greatest = 0;
            for piece in (writer..pieces).step_by(usize::try_from(WRITERS).unwrap()) {
                let id = first_id + piece;
                let bytes = vec![u8::try_from(id % 251).unwrap(); PIECE];
                db.write(move |tx| tx.execute(&sql::INSERT_PIECE, params![id, bytes.as_slice()]))
                    .await
                    .unwrap_or_else(|error: Error| panic!("{error}"));
                greatest = greatest.max(length(&log));
            }
            greatest
        })
    });
    finish(writers.collect()).into_iter().max().unwrap()
}

#[test]
fn the_log_stays_short_under_unbroken_writing() {
    let place = Place::sqlite();
    let db = place.open();
    let log = log_of(&place);
    let greatest = write_mib(&db, &log, 0, 200);
    println!("the log reached {} MiB", greatest / MIB);
    assert!(greatest < 80 * MIB, "{} MiB", greatest / MIB);
    db.close();
    assert!(!log.exists());
    let db = place.open();
    let pieces: i64 = wait(db.read(|tx| {
        assert_eq!(tx.integrity_check()?, [] as [String; 0]);
        tx.query_one(&sql::COUNT_PIECES, params![], |row| row.get(0))
    }))
    .unwrap_or_else(|error: Error| panic!("{error}"));
    assert_eq!(pieces, 200 * 32);
}

#[test]
fn a_log_that_a_long_read_made_long_is_used_again_after_it() {
    let place = Place::sqlite();
    let db = place.open_with(&Options { readers: 2, ..few() });
    let log = log_of(&place);
    write_mib(&db, &log, 0, 1);
    let (gate, stop) = gate();
    let reading = start({
        let db = db.clone();
        async move {
            db.read(move |tx| {
                let before: i64 = tx.query_one(&sql::COUNT_PIECES, params![], |row| row.get(0))?;
                stop.here();
                let after: i64 = tx.query_one(&sql::COUNT_PIECES, params![], |row| row.get(0))?;
                Ok::<_, Error>(after - before)
            })
            .await
        }
    });
    gate.wait();
    let held = write_mib(&db, &log, 10_000, 90);
    assert!(held > 90 * MIB, "the read keeps the log: {} MiB", held / MIB);
    gate.open();
    assert_eq!(wait(reading).unwrap(), Ok(0));
    // Some more writes let the log start over; from then on nothing is added to its end.
    let settled = write_mib(&db, &log, 20_000, 80);
    let after = write_mib(&db, &log, 30_000, 60);
    assert!(after <= settled, "{} MiB, then {} MiB", settled / MIB, after / MIB);
    db.close();
    assert!(!log.exists());
}
