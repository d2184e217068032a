//! PostgreSQL ends connections under a running server.

use std::{io, time::Duration};

use super::{Outcome, Scene, fleet::Fleet, looks};
use crate::{
    pause::pause,
    postgres::ThrowawayPostgres,
    server::{Server, Setup},
};

/// One of the server's, at work if one is.
const CUT_ONE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
     WHERE application_name = 'rozmowa' ORDER BY (state <> 'idle') DESC, random() LIMIT 1";
const CUT_ALL: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
     WHERE application_name = 'rozmowa'";
const READY_WITHIN: Duration = Duration::from_secs(10);

/// Callers see 200 and 503 and nothing else, and everything that was answered 200 is there.
pub(super) fn cut(scene: &mut Scene) -> io::Result<Outcome> {
    let postgres = ThrowawayPostgres::start()?;
    let mut setup = Setup::sqlite(&scene.binary, &scene.folder("backends")?.join("data"));
    setup.database = Some(postgres.url());
    let mut server = Server::start(&setup)?;
    let address = server.address();
    let mut fleet = Fleet::new(scene, "p", &server)?;
    let count = scene.times(30);
    let mut random = scene.random.fork();
    let ((), tally) = fleet.during(address, |watch| {
        for number in 1..=count {
            pause(random.millis_between(50, 150));
            let sql = if number % 5 == 0 { CUT_ALL } else { CUT_ONE };
            if !postgres.query(sql)?.contains('t') {
                return Err(io::Error::other("there was no connection to cut"));
            }
        }
        let done = watch.done();
        looks::wait_ready(address, READY_WITHIN)?;
        crate::pause::wait_until("calls to be answered again", READY_WITHIN, LOOK_EVERY, || {
            Ok((watch.done() > done).then_some(()))
        })
    })?;
    server.expect_running()?;
    fleet.settle(&server)?;
    let checked = fleet.check(&setup, &server)?;
    server.stop()?;
    Ok(Outcome::Kept(format!(
        "{tally}; connections cut {count} times, all of them every fifth; {checked} conversations \
         checked"
    )))
}

const LOOK_EVERY: Duration = Duration::from_millis(20);
