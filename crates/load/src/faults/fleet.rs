//! The load of one fault: connections that call without a break and remember what they were answered.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use super::{Scene, stored};
use crate::{
    closed_loop::spread,
    crash::{
        check,
        ledger::{Expected, Ledger},
        worker::{Record, Tally, Worker},
    },
    server::{Server, Setup},
};

pub(super) struct Fleet {
    workers: Vec<Worker>,
    watch: Watch,
    /// Conversations that were there before the first call.
    baseline: u64,
}

/// The load as it is seen while it runs.
#[derive(Clone)]
pub(super) struct Watch {
    records: Vec<Arc<Record>>,
}

impl Watch {
    /// New calls that were answered 200 so far.
    pub(super) fn done(&self) -> u64 {
        self.records.iter().map(|record| record.done()).sum()
    }

    /// Calls that were answered 503 so far.
    pub(super) fn refused(&self) -> u64 {
        self.records.iter().map(|record| record.refused()).sum()
    }

    /// All that was answered 200 so far.
    pub(super) fn answered(&self) -> Vec<Expected> {
        self.records.iter().flat_map(|record| record.ledger().answered()).collect()
    }
}

impl Fleet {
    pub(super) fn new(scene: &mut Scene, name: &str, server: &Server) -> io::Result<Self> {
        let seed = scene.random.draw() >> 32;
        let workers: Vec<Worker> = (0..scene.connections)
            .map(|number| {
                Worker::new(Ledger::new(format!("{name}{seed:x}-{number}")), scene.random.fork())
            })
            .collect();
        let watch = Watch { records: workers.iter().map(Worker::record).collect() };
        Ok(Self { workers, watch, baseline: check::total(server.address())? })
    }

    /// All connections call while `act` runs. What it returns, unless an answer was wrong.
    pub(super) fn during<T>(
        &mut self,
        address: SocketAddr,
        act: impl FnOnce(&Watch) -> io::Result<T>,
    ) -> io::Result<(T, Tally)> {
        let over = Arc::new(AtomicBool::new(false));
        let load: Vec<_> =
            self.workers.drain(..).map(|worker| worker.work(address, Arc::clone(&over))).collect();
        let load = thread::spawn(move || spread(load));
        let outcome = act(&self.watch);
        over.store(true, Ordering::Relaxed);
        self.workers = load.join().expect("a load thread panicked");
        let mut tally = Tally::default();
        for worker in &mut self.workers {
            tally.add(worker.take_tally());
        }
        // A wrong answer is the cause, what `act` met perhaps only the consequence.
        check::none_wrong(self.workers.iter_mut().filter_map(Worker::take_wrong).collect())?;
        Ok((outcome?, tally))
    }

    /// Sends again, with its key, every call without an answer of success. How many there were.
    pub(super) fn settle(&mut self, server: &Server) -> io::Result<usize> {
        let mut unsettled = 0;
        for worker in &mut self.workers {
            unsettled += usize::from(worker.settle(server.address())?);
        }
        Ok(unsettled)
    }

    /// Everything that was answered is stored, once and as answered, and nothing else. How many
    /// conversations that is.
    pub(super) fn check(&self, setup: &Setup, server: &Server) -> io::Result<usize> {
        let stored = stored::all(server.address())?;
        let answered = self.watch.answered();
        let mut wrongs: Vec<String> =
            answered.iter().filter_map(|one| stored.compare(one, check::difference)).collect();
        let started: u64 = self.workers.iter().map(Worker::started).sum();
        let total = check::total(server.address())?;
        if total != self.baseline + started {
            wrongs.push(format!(
                "{total} conversations are stored, but {started} were started and {} were there \
                 before",
                self.baseline
            ));
        }
        check::none_wrong(wrongs)?;
        setup.verify()?;
        Ok(answered.len())
    }

    /// Nothing is stored of the calls whose every answer said that nothing was changed. How many they are.
    pub(super) fn check_refused(&self, server: &Server) -> io::Result<usize> {
        let stored = stored::all(server.address())?;
        let (mut refused, mut wrongs) = (0, Vec::new());
        for worker in &self.workers {
            let Some(deed) = worker.refused_deed() else { continue };
            refused += 1;
            if stored.holds(deed, &worker.record().ledger(), server.address())? {
                wrongs.push(format!(
                    "{deed:?} was answered 503 \"nothing was changed\", and is stored"
                ));
            }
        }
        check::none_wrong(wrongs)?;
        Ok(refused)
    }
}
