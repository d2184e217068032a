//! Whoever subscribed hears of every start that was answered, whatever crashed meanwhile; perhaps more than once.

use std::{
    fmt, io,
    time::{Duration, Instant},
};

use super::check;
use crate::{
    client::BlockingConnection,
    pause,
    postgres::ThrowawayPostgres,
    receiver::{Manner, Receiver},
    request,
    server::Server,
};

/// Since the last one arrived: a server that delivers slowly is no server that loses. Longer than a lease.
const NEXT_WITHIN: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// On PostgreSQL a killed server's lease of the queue runs on for up to a minute, as another server might have it. A round
/// does not wait so long: this is what the minute would do.
const LET_LEASES_RUN_OUT: &str = "UPDATE webhook SET lease_until = 0";

/// The subscription of a run, and what it is owed.
pub(super) struct Deliveries {
    receiver: Receiver,
    /// Repeats that were told of in earlier rounds.
    repeats: usize,
}

/// What a round delivered.
pub(super) struct Delivered {
    conversations: usize,
    repeats: usize,
    waited: Duration,
}

impl fmt::Display for Delivered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} starts delivered, waited for {} ms, {} repeats",
            self.conversations,
            self.waited.as_millis(),
            self.repeats
        )
    }
}

impl Deliveries {
    pub(super) fn subscribe(server: &Server) -> io::Result<Self> {
        let receiver = Receiver::start(Manner::Taking)?;
        let request = request::subscribe(&receiver.url());
        BlockingConnection::open(server.address())?.call(&request)?.expect_ok()?;
        Ok(Self { receiver, repeats: 0 })
    }

    pub(super) fn turn(&self, manner: Manner) -> io::Result<()> {
        self.receiver.turn(manner)
    }

    /// Before the server starts again.
    pub(super) fn let_leases_run_out(postgres: &ThrowawayPostgres) -> io::Result<()> {
        postgres.query(LET_LEASES_RUN_OUT).map(|_| ())
    }

    /// Waits until all of these conversations were delivered. An error names those that do not come.
    pub(super) fn check(&mut self, mut owed: Vec<String>) -> io::Result<Delivered> {
        let conversations = owed.len();
        let begun = Instant::now();
        let mut last = begun;
        pause::wait_until("deliveries", Duration::MAX, LOOK_EVERY, || {
            let before = owed.len();
            owed.retain(|id| self.receiver.arrival(id).is_none());
            if owed.len() < before {
                last = Instant::now();
            }
            Ok((owed.is_empty() || last.elapsed() > NEXT_WITHIN).then_some(()))
        })?;
        self.receiver.expect_understood()?;
        check::none_wrong(owed.iter().map(|id| lost(id)).collect())?;
        let repeats = self.receiver.requests() - self.receiver.conversations();
        let new = repeats - std::mem::replace(&mut self.repeats, repeats);
        Ok(Delivered { conversations, repeats: new, waited: begun.elapsed() })
    }
}

fn lost(id: &str) -> String {
    let seconds = NEXT_WITHIN.as_secs();
    format!("the start of {id} was answered and not delivered, and nothing came for {seconds} s")
}
