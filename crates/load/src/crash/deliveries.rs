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
    /// How long the next one may take.
    patience: Duration,
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
        Ok(Self { receiver, patience: NEXT_WITHIN, repeats: 0 })
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
            owed.retain(|id| !self.receiver.arrival(id).is_some_and(|arrival| arrival.is_taken));
            if owed.len() < before {
                last = Instant::now();
            }
            Ok((owed.is_empty() || last.elapsed() > self.patience).then_some(()))
        })?;
        self.receiver.expect_understood()?;
        let seconds = self.patience.as_secs();
        let missing = |id| {
            format!(
                "the start of {id} was answered, but not delivered: nothing came for {seconds} s"
            )
        };
        check::none_wrong(owed.iter().map(missing).collect())?;
        let repeats = self.receiver.requests() - self.receiver.conversations();
        let new = repeats - std::mem::replace(&mut self.repeats, repeats);
        Ok(Delivered { conversations, repeats: new, waited: begun.elapsed() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receiver::tests::{ONE, TWO, delivery};

    #[test]
    fn what_is_owed_and_does_not_come_is_named_and_repeats_are_told_once() {
        let receiver = Receiver::start(Manner::Taking).unwrap();
        let mut connection = BlockingConnection::open(receiver.address()).unwrap();
        let mut deliveries = Deliveries { receiver, patience: Duration::ZERO, repeats: 0 };
        for id in [ONE, ONE, ONE] {
            connection.call(&delivery(id)).unwrap().expect_ok().unwrap();
        }
        let found = deliveries.check(vec![ONE.to_owned()]).unwrap();
        assert_eq!((found.conversations, found.repeats), (1, 2));
        let error = deliveries.check(vec![ONE.to_owned(), TWO.to_owned()]).map(|_| ()).unwrap_err();
        assert!(error.to_string().starts_with("1 violations"), "{error}");
        assert!(error.to_string().contains(TWO), "{error}");
        connection.call(&delivery(TWO)).unwrap().expect_ok().unwrap();
        let found = deliveries.check(vec![TWO.to_owned()]).unwrap();
        assert_eq!((found.conversations, found.repeats), (1, 0));
    }
}
