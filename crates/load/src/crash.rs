//! `rozmowa-load crash`: kills the server again and again under load and checks that nothing that was
//! answered is lost, nothing is there twice, lost answers can be asked for again, and who subscribed hears of it.

pub(crate) mod check;
mod deliveries;
pub(crate) mod ledger;
mod outage;
pub(crate) mod verdict;
pub(crate) mod worker;

use std::{
    fs, io,
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use clap::{Args, ValueEnum};

use self::{
    deliveries::{Delivered, Deliveries},
    ledger::Ledger,
    worker::{Tally, Worker},
};
use crate::{
    closed_loop::spread,
    pause::pause,
    postgres::ThrowawayPostgres,
    random::Random,
    receiver::Manner,
    server::{self, Server, Setup},
};

#[derive(Debug, Args)]
pub struct Options {
    /// Which database to lose power under. On PostgreSQL every other round crashes that, too.
    #[arg(long, value_enum, default_value = "sqlite")]
    engine: Engine,
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,
    /// The server binary [default: `rozmowa` beside this tool].
    #[arg(long)]
    server: Option<PathBuf>,
    /// Where a folder for this run's data goes. It is kept when something is wrong.
    #[arg(long, default_value = "target/crash")]
    data_dir: PathBuf,
    /// Repeat the choices of an earlier run. Timing stays the machine's.
    #[arg(long)]
    seed: Option<u64>,
    /// On PostgreSQL, wait until the leases of the killed server run out: up to a minute a round.
    #[arg(long)]
    wait_for_leases: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// Conversations of earlier rounds that every round looks at again; the last round looks at all.
const OLD_ONES_CHECKED: usize = 300;

pub fn run(options: &Options) -> io::Result<ExitCode> {
    let seed = options.seed.unwrap_or_else(|| Random::from_system().draw() >> 32);
    let engine = options.engine.name();
    println!("engine {engine}, seed {seed}");
    let binary = server::binary(options.server.as_deref())?;
    let folder = options.data_dir.join(format!("{engine}-{seed}"));
    if folder.exists() {
        // Left by a run that failed: with other conversations in it, every count would be wrong.
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let folder = folder.canonicalize()?;
    let mut setup = Setup::sqlite(&binary, &folder.join("data"));
    let postgres = match options.engine {
        Engine::Sqlite => None,
        Engine::Postgres => Some(ThrowawayPostgres::start()?),
    };
    setup.database = postgres.as_ref().map(ThrowawayPostgres::url);

    match Crash::begin(options, seed, setup, postgres).and_then(Crash::all_rounds) {
        Ok(()) => {
            println!("{} rounds: no loss", options.rounds);
            fs::remove_dir_all(&folder)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            println!("FAILED (seed {seed}): {error}");
            println!("the data and the server's log are in {}", folder.display());
            Ok(ExitCode::FAILURE)
        }
    }
}

/// The state from round to round.
struct Crash {
    rounds: u64,
    setup: Setup,
    // Before `postgres`, so that it is killed before its database goes.
    server: Option<Server>,
    postgres: Option<ThrowawayPostgres>,
    workers: Vec<Worker>,
    /// Asks while the database is away; its conversations count like the others'.
    prober: Worker,
    deliveries: Deliveries,
    wait_for_leases: bool,
    random: Random,
    /// Conversations that the sample data came with.
    baseline: u64,
}

impl Crash {
    fn begin(
        options: &Options,
        seed: u64,
        setup: Setup,
        postgres: Option<ThrowawayPostgres>,
    ) -> io::Result<Self> {
        let mut random = Random::new(seed);
        let mut worker =
            |number| Worker::new(Ledger::new(format!("c{seed:x}-{number}")), random.fork());
        let workers = (0..options.connections).map(&mut worker).collect();
        let prober = worker(options.connections);
        let server = Server::start(&setup)?;
        let baseline = check::total(server.address())?;
        let deliveries = Deliveries::subscribe(&server)?;
        Ok(Self {
            rounds: options.rounds,
            setup,
            server: Some(server),
            postgres,
            workers,
            prober,
            deliveries,
            wait_for_leases: options.wait_for_leases,
            random,
            baseline,
        })
    }

    fn all_rounds(mut self) -> io::Result<()> {
        for round in 1..=self.rounds {
            self.round(round)
                .map_err(|error| io::Error::new(error.kind(), format!("round {round}: {error}")))?;
        }
        if let Some(server) = self.server.take() {
            server.stop()?;
        }
        // Once more after an end in good order.
        self.setup.verify()
    }

    fn round(&mut self, round: u64) -> io::Result<()> {
        let mut server = self.server.take().expect("every round leaves a server");
        let address = server.address();
        let over = Arc::new(AtomicBool::new(false));
        // Then all that is to be delivered is still to be delivered when the server is killed.
        let is_silent = self.random.below(2) == 0;
        self.deliveries.turn(if is_silent { Manner::Silent } else { Manner::Taking })?;
        let load: Vec<_> =
            self.workers.drain(..).map(|worker| worker.work(address, Arc::clone(&over))).collect();
        let load = thread::spawn(move || spread(load));

        let time = self.random.millis_between(200, 1_000);
        pause(time);
        let mut what = "kill -9";
        let crashed = match &mut self.postgres {
            Some(postgres) if round % 2 == 1 => {
                what = "PostgreSQL crashed, then kill -9";
                outage::survive(postgres, &mut server, &mut self.prober).map(|()| {
                    pause(self.random.millis_between(100, 400));
                })
            }
            _ => Ok(()),
        };
        let still_there = server.expect_running();
        server.kill()?;
        // What it had read and not answered is cut off, too: it must come again.
        self.deliveries.turn(Manner::Away)?;
        self.deliveries.turn(Manner::Taking)?;
        // Only now: a worker that left earlier would not have had its call cut off.
        over.store(true, Ordering::Relaxed);
        self.workers = load.join().expect("a load thread panicked");
        crashed?;
        still_there?;
        self.raise_wrongs()?;

        if let (Some(postgres), false) = (&self.postgres, self.wait_for_leases) {
            Deliveries::let_leases_run_out(postgres)?;
        }
        let server = Server::start(&self.setup)?;
        let unsettled = self.settle(&server)?;
        let last = round == self.rounds;
        let expected = self.expected(last);
        let checked = expected.len();
        check::conversations(server.address(), expected)?;
        self.check_total(&server)?;
        self.setup.verify()?;
        let delivered = self.check_deliveries()?;
        self.server = Some(server);

        let mut tally = Tally::default();
        for worker in self.workers.iter_mut().chain([&mut self.prober]) {
            tally.add(worker.take_tally());
        }
        println!(
            "round {round} of {}: {what}{} after {} ms; answered {tally}; {unsettled} without an answer \
             asked again; {checked} conversations checked; {delivered}",
            self.rounds,
            if is_silent { ", the receiver silent," } else { "" },
            time.as_millis(),
        );
        Ok(())
    }

    fn raise_wrongs(&mut self) -> io::Result<()> {
        let wrongs: Vec<String> = self
            .workers
            .iter_mut()
            .chain([&mut self.prober])
            .filter_map(Worker::take_wrong)
            .collect();
        check::none_wrong(wrongs)
    }

    /// Sends again, with its key, every call whose answer was lost. How many there were.
    fn settle(&mut self, server: &Server) -> io::Result<usize> {
        let mut unsettled = 0;
        for worker in self.workers.iter_mut().chain([&mut self.prober]) {
            unsettled += usize::from(worker.settle(server.address())?);
        }
        Ok(unsettled)
    }

    /// What must be stored, of the conversations that this round touched and some or all older ones.
    fn expected(&mut self, all: bool) -> Vec<ledger::Expected> {
        let mut expected = Vec::new();
        let workers = self.workers.len() + 1;
        for worker in self.workers.iter_mut().chain([&mut self.prober]) {
            let old_ones = OLD_ONES_CHECKED.div_ceil(workers);
            expected.extend(worker.expected(all, old_ones));
        }
        expected
    }

    /// Everybody's starts of this round, those that were asked for again among them.
    fn check_deliveries(&mut self) -> io::Result<Delivered> {
        let workers = self.workers.iter_mut().chain([&mut self.prober]);
        let owed = workers.flat_map(Worker::take_new).collect();
        self.deliveries.check(owed)
    }

    fn check_total(&self, server: &Server) -> io::Result<()> {
        let started: u64 = self.workers.iter().chain([&self.prober]).map(Worker::started).sum();
        let stored = check::total(server.address())?;
        if stored == self.baseline + started {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "{stored} conversations are stored, but {started} were started and {} were there before",
            self.baseline
        )))
    }
}
