//! `rozmowa-load faults`: makes a real server's disk fail, fills it, backs it up and administers it under
//! load, cuts its database connections, and checks that it keeps its promises through all of that.

mod backends;
mod backup;
mod beside;
mod cli;
mod fleet;
mod fsync;
mod full_disk;
mod looks;
mod stored;
mod strace;
mod tmpfs;

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::{Args, ValueEnum};

use crate::{random::Random, server};

#[derive(Debug, Args)]
pub struct Options {
    /// The server binary [default: `rozmowa` beside this tool].
    #[arg(long)]
    server: Option<PathBuf>,
    /// Where a folder for this run's data goes. It is kept when something is wrong.
    #[arg(long, default_value = "target/faults")]
    data_dir: PathBuf,
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,
    /// Shorter loads and fewer repetitions, for `make test`.
    #[arg(long)]
    short: bool,
    /// Only these, in place of all; may be repeated.
    #[arg(long, value_enum)]
    only: Vec<Fault>,
    /// Repeat the choices of an earlier run. Timing stays the machine's.
    #[arg(long)]
    seed: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Fault {
    /// No write reaches the disk.
    Fsync,
    /// Every third write does not reach the disk.
    SomeFsyncs,
    /// Something else fills the disk.
    FullDisk,
    /// The server's own log fills the disk.
    SmallDisk,
    /// Backups while calls come in.
    Backup,
    /// Administration while calls come in.
    Cli,
    /// PostgreSQL ends connections.
    Backends,
}

impl Fault {
    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// What came of one fault that is not a violation.
enum Outcome {
    Kept(String),
    /// This machine or account can't make the fault.
    Skipped(String),
}

/// What every fault is made with.
struct Scene {
    binary: PathBuf,
    folder: PathBuf,
    connections: u16,
    random: Random,
    short: bool,
}

impl Scene {
    /// `full` in a long run, a third of it in a short one.
    fn time(&self, full: Duration) -> Duration {
        if self.short { full / 3 } else { full }
    }

    fn times(&self, full: u32) -> u32 {
        if self.short { full.div_ceil(3) } else { full }
    }

    /// A folder of this name in the run's folder.
    fn folder(&self, name: &str) -> io::Result<PathBuf> {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }
}

pub fn run(options: &Options) -> io::Result<ExitCode> {
    let seed = options.seed.unwrap_or_else(|| Random::from_system().draw() >> 32);
    println!("seed {seed}");
    let folder = fresh(&options.data_dir.join(format!("{seed}")))?;
    let mut scene = Scene {
        binary: server::binary(options.server.as_deref())?,
        folder: folder.clone(),
        connections: options.connections,
        random: Random::new(seed),
        short: options.short,
    };
    let faults = match options.only.as_slice() {
        [] => Fault::value_variants(),
        chosen => chosen,
    };
    let mut violated = false;
    for fault in faults {
        let begun = Instant::now();
        let outcome = make(*fault, &mut scene);
        let (name, seconds) = (fault.name(), begun.elapsed().as_secs_f64());
        match outcome {
            Ok(Outcome::Kept(text)) => println!("ok       {name} ({seconds:.1} s): {text}"),
            Ok(Outcome::Skipped(why)) => println!("skipped  {name}: {why}"),
            Err(error) => {
                violated = true;
                println!("FAILED   {name} ({seconds:.1} s): {error}");
            }
        }
    }
    if violated {
        println!("the data and the servers' logs are in {} (seed {seed})", folder.display());
        return Ok(ExitCode::FAILURE);
    }
    fs::remove_dir_all(&folder)?;
    Ok(ExitCode::SUCCESS)
}

fn make(fault: Fault, scene: &mut Scene) -> io::Result<Outcome> {
    match fault {
        Fault::Fsync => fsync::all_fail(scene),
        Fault::SomeFsyncs => fsync::some_fail(scene),
        Fault::FullDisk => full_disk::filled_by_others(scene),
        Fault::SmallDisk => full_disk::filled_by_itself(scene),
        Fault::Backup => backup::under_load(scene),
        Fault::Cli => beside::under_load(scene),
        Fault::Backends => backends::cut(scene),
    }
}

fn fresh(folder: &Path) -> io::Result<PathBuf> {
    if folder.exists() {
        // Left by a run that failed: with other conversations in it, every count would be wrong.
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    folder.canonicalize()
}
