//! The database crashes under a running server: it must refuse in good form, and serve again as the same
//! process when the database is back.

use std::{io, time::Duration};

use super::{verdict::Verdict, worker::Worker};
use crate::{client::BlockingConnection, pause, postgres::ThrowawayPostgres, server::Server};

const SERVES_AGAIN_WITHIN: Duration = Duration::from_secs(30);

pub(super) fn survive(
    postgres: &mut ThrowawayPostgres,
    server: &mut Server,
    prober: &mut Worker,
) -> io::Result<()> {
    let mut connection = BlockingConnection::open(server.address())?;
    postgres.stop_immediate()?;
    // More than once: the first call may meet a connection that broke, the next ones must not meet a
    // pool that gave up.
    for _ in 0..3 {
        match prober.probe(&mut connection)? {
            Verdict::Later { .. } => {}
            Verdict::Done(_) => {
                return Err(io::Error::other("answered 200 while PostgreSQL was away"));
            }
            Verdict::Wrong(wrong) => return Err(io::Error::other(wrong)),
        }
    }
    server.expect_running()?;

    postgres.start_again()?;
    pause::wait_until(
        "the server to serve again after PostgreSQL came back",
        SERVES_AGAIN_WITHIN,
        Duration::from_millis(50),
        || match prober.probe(&mut connection)? {
            Verdict::Done(_) => Ok(Some(())),
            Verdict::Later { .. } => Ok(None),
            Verdict::Wrong(wrong) => Err(io::Error::other(wrong)),
        },
    )?;
    server.expect_running()
}
