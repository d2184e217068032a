//! Backups while calls come in.

use std::{fs, io, time::Duration};

use super::{Outcome, Scene, cli, fleet::Fleet, stored};
use crate::{
    crash::{check, ledger::Expected},
    pause::pause,
    server::{Server, Setup},
};

/// Each is restored, verified and served, and holds all that was answered before it began.
pub(super) fn under_load(scene: &mut Scene) -> io::Result<Outcome> {
    let folder = scene.folder("backup")?;
    let setup = Setup::sqlite(&scene.binary, &folder.join("data"));
    let mut server = Server::start(&setup)?;
    let mut fleet = Fleet::new(scene, "b", &server)?;
    let count = scene.times(5);
    let mut backups: Vec<(Vec<Expected>, Duration)> = Vec::new();
    let ((), tally) = fleet.during(server.address(), |watch| {
        for number in 0..count {
            pause(scene.time(Duration::from_millis(900)));
            let before = watch.answered();
            let file = folder.join(format!("{number}.backup")).display().to_string();
            let said = cli::run(&setup, &["backup", &file], "")?;
            backups.push((before, said.time));
        }
        let file = folder.join("0.backup").display().to_string();
        let (restored, said) = cli::attempt(&setup.binary, &setup.data, &["restore", &file], "")?;
        if restored {
            return Err(io::Error::other("restore went ahead under a running server"));
        }
        if !said.text.contains("running") {
            return Err(io::Error::other(format!("restore was refused as: {}", said.text)));
        }
        server.expect_running()
    })?;
    fleet.settle(&server)?;
    fleet.check(&setup, &server)?;
    server.stop()?;

    let mut told = Vec::new();
    for (number, (before, time)) in backups.iter().enumerate() {
        let found = restore(scene, &setup, number, before)
            .map_err(|error| io::Error::other(format!("backup {number}: {error}")))?;
        told.push(format!("{} of {found} in {} ms", before.len(), time.as_millis()));
    }
    Ok(Outcome::Kept(format!(
        "{tally}; backups with all conversations answered before: {}; restore under a running server \
         is refused",
        told.join(", ")
    )))
}

/// How many conversations the restored backup holds.
fn restore(
    scene: &Scene,
    original: &Setup,
    number: usize,
    before: &[Expected],
) -> io::Result<usize> {
    let folder = scene.folder("backup")?;
    let file = folder.join(format!("{number}.backup")).display().to_string();
    let setup = Setup::sqlite(&scene.binary, &folder.join(format!("restored-{number}")));
    cli::run(&setup, &["restore", &file], "")?;
    setup.verify()?;
    fs::copy(original.data.join("secret.key"), setup.data.join("secret.key"))?;
    let server = Server::start(&setup)?;
    let stored = stored::all(server.address())?;
    check::none_wrong(before.iter().filter_map(|one| stored.compare(one, check::lack)).collect())?;
    server.stop()?;
    Ok(stored.len())
}
