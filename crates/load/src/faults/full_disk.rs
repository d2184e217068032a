//! The disk is full.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::{
    Outcome, Scene,
    fleet::{Fleet, Watch},
    looks::{self, Wrongs},
    tmpfs::Tmpfs,
};
use crate::{
    pause::{self, pause},
    server::{Server, Setup},
};

/// Room for a database and a log that is let grow to 32 MiB, and some for the ballast.
const DISK_MIB: u32 = 96;
/// Less than the log is let grow to.
const SMALL_DISK_MIB: u32 = 24;
const FULL_WITHIN: Duration = Duration::from_mins(1);
const NOTICED_WITHIN: Duration = Duration::from_secs(10);
/// What is acceptable once there is room again.
const RESUMES_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// No answer of success for so long is what a full disk looks like.
const STILL: Duration = Duration::from_millis(500);

pub(super) fn filled_by_others(scene: &mut Scene) -> io::Result<Outcome> {
    let folder = scene.folder("full-disk")?.join("data");
    let disk = match Tmpfs::mount(&folder, DISK_MIB)? {
        Ok(disk) => disk,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    let setup = Setup::sqlite(&scene.binary, &folder);
    let mut server = Server::start(&setup)?;
    let address = server.address();
    let mut fleet = Fleet::new(scene, "d", &server)?;
    let mut wrongs = Wrongs::default();
    let (told, tally) = fleet.during(address, |watch| {
        pause(scene.time(Duration::from_millis(900)));
        let ballast = disk.fill()?;
        wait_until_refused(watch)?;
        look_while_full(address, &mut wrongs);
        let done = watch.done();
        pause(scene.time(Duration::from_millis(1_500)));
        if watch.done() != done {
            return Err(io::Error::other("calls were answered 200 while the disk was full"));
        }
        server.expect_running()?;
        ballast.remove()?;
        let begun = Instant::now();
        let resumed = wait_until_resumed(watch, done)?;
        looks::wait_ready(address, RESUMES_WITHIN)?;
        let ready = begun.elapsed();
        pause(scene.time(Duration::from_millis(600)));
        server.expect_running()?;
        server.kill()?;
        Ok(format!(
            "live, not ready, pages served meanwhile; resumed {} ms after there was room, ready after {} ms",
            resumed.as_millis(),
            ready.as_millis()
        ))
    })?;
    let server = Server::start(&setup)?;
    fleet.settle(&server)?;
    let checked = fleet.check(&setup, &server)?;
    server.stop()?;
    wrongs.raise()?;
    Ok(Outcome::Kept(format!("{tally}; {told}; after kill -9 {checked} conversations checked")))
}

/// Without a ballast: the database and its log take all the room, and then the disk grows.
pub(super) fn filled_by_itself(scene: &mut Scene) -> io::Result<Outcome> {
    let folder = scene.folder("small-disk")?.join("data");
    let disk = match Tmpfs::mount(&folder, SMALL_DISK_MIB)? {
        Ok(disk) => disk,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    let setup = Setup::sqlite(&scene.binary, &folder);
    let mut server = Server::start(&setup)?;
    let address = server.address();
    let mut fleet = Fleet::new(scene, "e", &server)?;
    let mut wrongs = Wrongs::default();
    let (told, tally) = fleet.during(address, |watch| {
        wait_until_refused(watch)?;
        look_while_full(address, &mut wrongs);
        let occupied = occupied(&folder)?;
        disk.grow(DISK_MIB)?;
        let resumed = wait_until_resumed(watch, watch.done())?;
        pause(scene.time(Duration::from_millis(300)));
        server.expect_running()?;
        server.kill()?;
        let resumed = resumed.as_millis();
        Ok(format!("full at {occupied}; resumed {resumed} ms after the disk had grown"))
    })?;
    let server = Server::start(&setup)?;
    fleet.settle(&server)?;
    let checked = fleet.check(&setup, &server)?;
    server.stop()?;
    wrongs.raise()?;
    Ok(Outcome::Kept(format!("{tally}; {told}; after kill -9 {checked} conversations checked")))
}

/// Waits for an answer of success beyond those that were `done`. How long that took.
fn wait_until_resumed(watch: &Watch, done: u64) -> io::Result<Duration> {
    let begun = Instant::now();
    pause::wait_until("service to resume", RESUMES_WITHIN, LOOK_EVERY, || {
        Ok((watch.done() > done).then(|| begun.elapsed()))
    })
}

fn look_while_full(address: SocketAddr, wrongs: &mut Wrongs) {
    wrongs.note(looks::expect_live(address));
    wrongs.note(looks::wait_not_ready(address, NOTICED_WITHIN));
    wrongs.note(looks::pages_are_served(address));
}

fn wait_until_refused(watch: &Watch) -> io::Result<()> {
    let mut last = (watch.done(), Instant::now());
    let what = "all calls to be refused";
    pause::wait_until(what, FULL_WITHIN, LOOK_EVERY, || {
        let done = watch.done();
        if done != last.0 {
            last = (done, Instant::now());
        }
        Ok((watch.refused() > 0 && last.1.elapsed() > STILL).then_some(()))
    })
}

/// The files of the database and their sizes.
fn occupied(folder: &std::path::Path) -> io::Result<String> {
    let mut told = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (name, size) = (entry.file_name(), entry.metadata()?.len() / 1024);
        let name = name.to_string_lossy();
        if name.contains("sqlite") && size > 0 {
            told.push(format!("{name} {size} KiB"));
        }
    }
    told.sort();
    Ok(told.join(", "))
}
