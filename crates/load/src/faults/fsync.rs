//! The disk says that it could not keep what was written.

use std::{io, time::Duration};

use super::{
    Outcome, Scene,
    fleet::Fleet,
    looks::{self, Wrongs},
    strace::Strace,
};
use crate::{
    pause::pause,
    server::{Server, Setup},
};

const NOTICED_WITHIN: Duration = Duration::from_secs(10);

/// Every sync fails: no call is answered 200, and service resumes in the same process afterwards.
pub(super) fn all_fail(scene: &mut Scene) -> io::Result<Outcome> {
    if let Some(why) = Strace::hindrance() {
        return Ok(Outcome::Skipped(why));
    }
    let setup = Setup::sqlite(&scene.binary, &scene.folder("fsync")?.join("data"));
    let mut server = Server::start(&setup)?;
    let address = server.address();
    let mut fleet = Fleet::new(scene, "f", &server)?;
    let mut wrongs = Wrongs::default();
    // Data that must stay.
    fleet.during(address, |_| {
        pause(scene.time(Duration::from_millis(1_500)));
        Ok(())
    })?;

    let strace = Strace::fail_syncs(server.pid(), None)?;
    let ((), failing) = fleet.during(address, |_| {
        pause(scene.time(Duration::from_secs(3)).max(Duration::from_secs(2)));
        wrongs.note(looks::expect_live(address));
        wrongs.note(looks::wait_not_ready(address, NOTICED_WITHIN));
        wrongs.note(looks::pages_are_served(address));
        Ok(())
    })?;
    if failing.done() > 0 || failing.refused() < u64::from(scene.connections) {
        return Err(io::Error::other(format!("while every fsync failed: answered {failing}")));
    }
    server.expect_running()?;
    strace.detach()?;

    let asked_again = fleet.settle(&server)?;
    looks::wait_ready(address, NOTICED_WITHIN)?;
    fleet.check(&setup, &server)?;
    // After the check, which empties the log: what is refused next must have a log to be appended to.
    fleet.during(address, |_| {
        pause(scene.time(Duration::from_millis(600)));
        Ok(())
    })?;

    // Once more, and with the lights out: what was refused must not come back from the log.
    let strace = Strace::fail_syncs(server.pid(), None)?;
    let ((), last) = fleet.during(address, |_| {
        pause(scene.time(Duration::from_millis(900)));
        Ok(())
    })?;
    if last.done() > 0 {
        return Err(io::Error::other(format!("while every fsync failed: answered {last}")));
    }
    server.kill()?;
    drop(strace);
    let server = Server::start(&setup)?;
    let mut refused = 0;
    wrongs.note(fleet.check_refused(&server).map(|count| refused = count));
    let unsettled = fleet.settle(&server)?;
    let checked = fleet.check(&setup, &server)?;
    server.stop()?;
    wrongs.raise()?;
    Ok(Outcome::Kept(format!(
        "while failing: {failing}, live, not ready, pages served; then {asked_again} asked again and \
         done without a restart; after failing again and kill -9: of {unsettled} refused calls \
         {refused} were told that nothing was changed, and nothing of those is there; {checked} \
         conversations checked"
    )))
}

/// Every third sync of a thread fails: every call that was answered 200 is there after a `kill -9`.
pub(super) fn some_fail(scene: &mut Scene) -> io::Result<Outcome> {
    if let Some(why) = Strace::hindrance() {
        return Ok(Outcome::Skipped(why));
    }
    let setup = Setup::sqlite(&scene.binary, &scene.folder("some-fsyncs")?.join("data"));
    let mut server = Server::start(&setup)?;
    let mut fleet = Fleet::new(scene, "s", &server)?;
    let (mut told, mut checked) = (Vec::new(), 0);
    for _ in 0..scene.times(3) {
        let address = server.address();
        let strace = Strace::fail_syncs(server.pid(), Some("3+3"))?;
        let ((), tally) = fleet.during(address, |_| {
            pause(scene.time(Duration::from_millis(2_500)).max(Duration::from_millis(1_500)));
            server.expect_running()?;
            server.kill()
        })?;
        drop(strace);
        if tally.done() == 0 || tally.refused() == 0 {
            return Err(io::Error::other(format!("no mixture of answers: {tally}")));
        }
        told.push(tally.to_string());
        server = Server::start(&setup)?;
        fleet.settle(&server)?;
        checked = fleet.check(&setup, &server)?;
    }
    Ok(Outcome::Kept(format!("{} and kill -9; {checked} conversations checked", told.join("; "))))
}
