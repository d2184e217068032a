//! Disks that fill up or take no writes. Root only: a small file system of one's own is mounted.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rozmowa_db::{Address, Db, Error, backup, params};
use tempfile::TempDir;

use crate::place::{Place, few, finish, found_wrong, insert, nobody, numbers, start, wait};
use crate::sql;

/// Some MiB of disk; unmounted at the end.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// Says so and gives nothing where mounting is not allowed.
    fn mount(mib: usize) -> Option<Self> {
        if std::fs::metadata("/proc/self").ok()?.uid() != 0 {
            eprintln!("skipped: only root can mount");
            return None;
        }
        let disk = Self { folder: TempDir::with_prefix("rozmowa-disk-").unwrap() };
        let size = format!("size={mib}m");
        let mounted = run("mount", &["-t", "tmpfs", "-o", &size, "tmpfs"], disk.path());
        if !mounted {
            eprintln!("skipped: this machine lets nobody mount");
        }
        mounted.then_some(disk)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self) -> PathBuf {
        self.path().join("data.db")
    }

    fn open(&self) -> Result<Db, Error> {
        Db::open(&Address::Sqlite(self.file()), &few(), sql::SCHEMA, nobody())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run("umount", &["-l"], self.path());
    }
}

fn run(program: &str, arguments: &[&str], last: &Path) -> bool {
    Command::new(program).args(arguments).arg(last).status().is_ok_and(|status| status.success())
}

async fn put(db: &Db, id: i64) -> Result<u64, Error> {
    let bytes = vec![7; 16 << 10];
    db.write(move |tx| tx.execute(&sql::INSERT_PIECE, params![id, bytes.as_slice()])).await
}

fn pieces(db: &Db) -> i64 {
    wait(db.read(|tx| tx.query_one(&sql::COUNT_PIECES, params![], |row| row.get(0))))
        .unwrap_or_else(|error: Error| panic!("{error}"))
}

/// Writers at once until each of them is told that the disk is full; gives what was acknowledged.
fn fill(db: &Db, first_id: i64) -> i64 {
    let acknowledged = Arc::new(AtomicI64::new(0));
    let writers = (0..4).map(|writer| {
        let (db, acknowledged) = (db.clone(), Arc::clone(&acknowledged));
        start(async move {
            for id in 0..10_000 {
                match put(&db, first_id + writer * 10_000 + id).await {
                    Ok(_) => acknowledged.fetch_add(1, Ordering::Relaxed),
                    Err(Error::Full(_)) => return,
                    Err(other) => panic!("{other:?}"),
                };
            }
            panic!("the disk did not fill up");
        })
    });
    finish(writers.collect());
    acknowledged.load(Ordering::Relaxed)
}

#[test]
fn a_full_disk_loses_nothing_and_writes_go_on_when_there_is_room() {
    let Some(disk) = SmallDisk::mount(8) else { return };
    let ballast = disk.path().join("ballast");
    // More than the three MiB beside it: a checkpoint may come first, and take as much room as the log has.
    std::fs::write(&ballast, vec![1; 5 << 20]).unwrap();
    let db = disk.open().unwrap();
    let mut acknowledged = fill(&db, 0);
    assert!(acknowledged > 10, "{acknowledged}");
    assert_eq!(pieces(&db), acknowledged);
    // What does not fit for four at once may still fit for one.
    let last = (-50..0).find_map(|id| wait(put(&db, id)).err().map(|error| (id, error))).unwrap();
    assert!(matches!(last, (_, Error::Full(_))), "{last:?}");
    acknowledged += last.0 + 50;
    assert_eq!(pieces(&db), acknowledged);

    std::fs::remove_file(&ballast).unwrap();
    assert_eq!(wait(put(&db, -100)), Ok(1));
    assert_eq!(wait(insert(&db, 1)), Ok(()));
    acknowledged += 1;
    assert_eq!(pieces(&db), acknowledged);

    acknowledged += fill(&db, 1_000_000);
    assert_eq!(pieces(&db), acknowledged);
    db.close();
    let copy = Place::sqlite();
    for name in ["data.db", "data.db-wal"] {
        let from = disk.path().join(name);
        if from.exists() {
            std::fs::copy(from, copy.folder().join(name)).unwrap();
        }
    }
    let db = copy.open();
    assert_eq!(pieces(&db), acknowledged);
    assert_eq!(found_wrong(&db), [] as [String; 0]);
}

#[test]
fn a_disk_without_writes_is_refused_at_once_and_served_after_it_takes_them() {
    let Some(disk) = SmallDisk::mount(4) else { return };
    let db = disk.open().unwrap();
    wait(insert(&db, 1)).unwrap();
    db.close();
    assert!(run("mount", &["-o", "remount,ro"], disk.path()));
    let refused = disk.open().map(drop);
    assert!(matches!(refused, Err(Error::ReadOnly(_) | Error::Unavailable(_))), "{refused:?}");
    assert!(run("mount", &["-o", "remount,rw"], disk.path()));
    let db = disk.open().unwrap();
    wait(insert(&db, 2)).unwrap();
    assert_eq!(numbers(&db), [1, 2]);
}

#[test]
fn a_copy_that_does_not_fit_leaves_nothing() {
    let Some(disk) = SmallDisk::mount(4) else { return };
    let place = Place::sqlite();
    let db = place.open();
    for id in 0..400 {
        wait(put(&db, id)).unwrap();
    }
    let outcome = backup(place.file(), &disk.path().join("copy.db"));
    assert!(matches!(outcome, Err(Error::Full(_))), "{outcome:?}");
    assert_eq!(std::fs::read_dir(disk.path()).unwrap().count(), 0);
}

/// A file that the system lets nobody write to, however it was opened: not even root, not through an open handle.
struct Frozen(PathBuf);

impl Frozen {
    fn freeze(file: PathBuf) -> Option<Self> {
        let frozen = run("chattr", &["+i"], &file).then_some(Self(file));
        if frozen.is_none() {
            eprintln!("skipped: files cannot be made immutable here");
        }
        frozen
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        run("chattr", &["-i"], &self.0);
    }
}

fn beside(place: &Place, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", place.file().display()))
}

#[test]
fn a_log_that_takes_no_writes_fails_them_and_only_for_as_long_as_that() {
    let place = Place::sqlite();
    let db = place.open();
    wait(insert(&db, 1)).unwrap();
    for round in 0..3 {
        let Some(frozen) = Frozen::freeze(beside(&place, "-wal")) else { return };
        for n in 0..5 {
            let answer = wait(insert(&db, 100 + n));
            let told = matches!(
                answer,
                Err(Error::Unavailable(_) | Error::ReadOnly(_) | Error::InDoubt(_))
            );
            assert!(told, "{answer:?}");
        }
        let before: Vec<_> = (1..=round + 1).collect();
        assert_eq!(numbers(&db), before);
        drop(frozen);
        assert_eq!(wait(insert(&db, round + 2)), Ok(()));
    }
    db.close();
    assert_eq!(numbers(&place.open()), [1, 2, 3, 4]);
}

/// Checkpoints fail; what is committed is safe in the log.
#[test]
fn a_main_file_that_takes_no_writes_costs_nothing_that_was_acknowledged() {
    let place = Place::sqlite();
    let db = place.open();
    wait(insert(&db, 1)).unwrap();
    let Some(frozen) = Frozen::freeze(place.file().to_owned()) else { return };
    for id in 0..600 {
        wait(put(&db, id)).unwrap();
    }
    db.close();
    assert!(beside(&place, "-wal").exists());
    drop(frozen);
    let db = place.open();
    assert_eq!(pieces(&db), 600);
    assert_eq!(numbers(&db), [1]);
    db.close();
    assert!(!beside(&place, "-wal").exists());
}
