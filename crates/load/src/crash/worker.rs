//! One connection's load: starts, messages, stops and repeats, one after the other.

use std::{
    fmt,
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{sleep, timeout};

use super::{
    ledger::{Deed, Expected, Ledger},
    verdict::{Verdict, judge},
};
use crate::{
    client::{BlockingConnection, Connection},
    pause,
    random::Random,
};

/// A server that takes longer than this is stuck, even while its database is away.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Worker {
    record: Arc<Record>,
    random: Random,
    tally: Tally,
    wrong: Option<String>,
    /// Whether the unsettled call may have been done: its connection broke, or an answer said so.
    in_doubt: bool,
}

/// What can be looked at while the worker is at work.
#[derive(Debug)]
pub(crate) struct Record {
    ledger: Mutex<Ledger>,
    /// New calls that were answered 200; repeats do not count.
    done: AtomicU64,
    refused: AtomicU64,
}

impl Record {
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// Answered calls of one round.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    starts: u64,
    messages: u64,
    stops: u64,
    repeats: u64,
    refused: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.starts += other.starts;
        self.messages += other.messages;
        self.stops += other.stops;
        self.repeats += other.repeats;
        self.refused += other.refused;
    }

    /// New calls that were answered 200.
    pub(crate) fn done(&self) -> u64 {
        self.starts + self.messages + self.stops
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }

    fn count(&mut self, deed: Deed, repeat: bool) {
        let counter = match deed {
            _ if repeat => &mut self.repeats,
            Deed::Start { .. } => &mut self.starts,
            Deed::Message { .. } => &mut self.messages,
            Deed::Stop { .. } => &mut self.stops,
        };
        *counter += 1;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} starts, {} messages, {} stops, {} repeats, {} with 503",
            self.starts, self.messages, self.stops, self.repeats, self.refused
        )
    }
}

impl Worker {
    pub(crate) fn new(ledger: Ledger, random: Random) -> Self {
        let record = Record {
            ledger: Mutex::new(ledger),
            done: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        };
        Self {
            record: Arc::new(record),
            random,
            tally: Tally::default(),
            wrong: None,
            in_doubt: false,
        }
    }

    pub(crate) fn record(&self) -> Arc<Record> {
        Arc::clone(&self.record)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.record.ledger()
    }

    /// Calls until `over`, through whatever happens to the server.
    pub(crate) async fn work(mut self, address: SocketAddr, over: Arc<AtomicBool>) -> Self {
        let mut connection = None;
        while !over.load(Ordering::Relaxed) && self.wrong.is_none() {
            let Some(open) = &mut connection else {
                match Connection::open(address).await {
                    Ok(opened) => connection = Some(opened),
                    Err(_) => sleep(Duration::from_millis(5)).await,
                }
                continue;
            };
            let deed = self.choose();
            let request = self.ledger().request(deed);
            match timeout(ANSWER_WITHIN, open.call(&request)).await {
                Ok(Ok(answer)) => {
                    let verdict = judge(deed, answer);
                    if matches!(verdict, Verdict::Later { .. }) {
                        sleep(Duration::from_millis(20)).await;
                    }
                    self.take(deed, verdict);
                }
                // Half an answer is what a killed server leaves; nonsense is not.
                Ok(Err(error)) if error.kind() == ErrorKind::InvalidData => {
                    self.wrong = Some(format!("{deed:?}: {error}"));
                }
                Ok(Err(_)) => {
                    connection = None;
                    self.in_doubt = true;
                }
                Err(_) => {
                    self.wrong =
                        Some(format!("{deed:?}: no answer within {} s", ANSWER_WITHIN.as_secs()));
                }
            }
        }
        self
    }

    /// The lost call first; else a new one, or an earlier one once more.
    fn choose(&mut self) -> Deed {
        let mut ledger = self.record.ledger();
        if let Some(deed) = ledger.unsettled() {
            return deed;
        }
        self.in_doubt = false;
        let repeat = self.random.below(100) < 12;
        repeat
            .then(|| ledger.earlier_deed(&mut self.random))
            .flatten()
            .unwrap_or_else(|| ledger.next_deed(&mut self.random))
    }

    fn take(&mut self, deed: Deed, verdict: Verdict) {
        match verdict {
            Verdict::Done(id) => {
                let repeat = self.ledger().unsettled() != Some(deed);
                let settled = self.ledger().settle(deed, id);
                match settled {
                    Ok(()) => self.tally.count(deed, repeat),
                    Err(wrong) => self.wrong = Some(wrong),
                }
                if !repeat {
                    self.record.done.fetch_add(1, Ordering::Relaxed);
                }
            }
            Verdict::Later { in_doubt } => {
                self.in_doubt |= in_doubt;
                self.tally.refused += 1;
                self.record.refused.fetch_add(1, Ordering::Relaxed);
            }
            Verdict::Wrong(wrong) => self.wrong = Some(wrong),
        }
    }

    /// Asks for a start and says what came of it. Until it is done, it is the same start each time.
    pub(crate) fn probe(&mut self, connection: &mut BlockingConnection) -> io::Result<Verdict> {
        let unsettled = self.ledger().unsettled();
        // The prober's own conversations stay without messages: it only starts.
        let deed = unsettled.unwrap_or_else(|| self.ledger().next_start());
        let request = self.ledger().request(deed);
        let verdict = judge(deed, connection.call(&request)?);
        if let Verdict::Done(id) = &verdict {
            self.take(deed, Verdict::Done(id.clone()));
        }
        Ok(verdict)
    }

    /// Asks again for what the crash left without an answer. Whether there was something.
    pub(crate) fn settle(&mut self, address: SocketAddr) -> io::Result<bool> {
        let Some(deed) = self.ledger().unsettled() else {
            return Ok(false);
        };
        let mut connection = BlockingConnection::open(address)?;
        let request = self.ledger().request(deed);
        let every = Duration::from_millis(20);
        let what = "a lost call to be answered with its key";
        let id = pause::wait_until(what, ANSWER_WITHIN, every, || {
            match judge(deed, connection.call(&request)?) {
                Verdict::Done(id) => Ok(Some(id)),
                Verdict::Later { .. } => Ok(None),
                Verdict::Wrong(wrong) => Err(io::Error::other(wrong)),
            }
        })?;
        self.ledger().settle(deed, id).map_err(io::Error::other)?;
        Ok(true)
    }

    pub(crate) fn expected(&mut self, all: bool, old_ones: usize) -> Vec<Expected> {
        self.record.ledger().expected(all, old_ones, &mut self.random)
    }

    /// The ids of the conversations since the last call. To be asked when nothing is unsettled.
    pub(crate) fn take_new(&mut self) -> Vec<String> {
        self.ledger().take_new()
    }

    /// The call on its way whose every answer promised that nothing was changed.
    pub(crate) fn refused_deed(&self) -> Option<Deed> {
        self.ledger().unsettled().filter(|_| !self.in_doubt)
    }

    pub(crate) fn started(&self) -> u64 {
        u64::try_from(self.ledger().started()).expect("a count fits 64 bits")
    }

    pub(crate) fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    pub(crate) fn take_wrong(&mut self) -> Option<String> {
        self.wrong.take()
    }
}
