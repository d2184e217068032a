//! `rozmowa-load bench`: the figures of docs/BENCHMARKS.md.

mod assigning;
mod chats;
mod customers;
mod deliveries;
mod footprint;
mod growth;
mod people;
mod rates;
mod report;
mod reporting;
mod sockets;
mod stock;
mod subscribed;
mod talk;

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Args;

use self::report::Report;
use crate::{
    closed_loop::Extent,
    server::{self, Setup},
};

#[derive(Debug, Args)]
pub struct Options {
    /// A smoke run of less than a minute: everything runs, the numbers mean nothing.
    #[arg(long)]
    quick: bool,
    /// The server binary [default: `rozmowa` beside this tool].
    #[arg(long)]
    server: Option<PathBuf>,
    /// Where data and results go. Must be on the disk that is to be measured.
    #[arg(long, default_value = "target/bench")]
    data_dir: PathBuf,
    /// Measure only the figures whose names begin so; the others keep their last results.
    #[arg(long, num_args = 1..)]
    only: Vec<String>,
    /// Seconds a rate measurement takes [default: 5, with --quick 0.5].
    #[arg(long)]
    seconds: Option<f64>,
    /// The server's migrations: stored conversations are kept from run to run until these change.
    #[arg(long, default_value = "crates/server/migrations")]
    migrations: PathBuf,
    /// Fail when a bar does not hold.
    #[arg(long)]
    check: bool,
}

/// How much of everything.
#[derive(Debug)]
struct Scale {
    /// Runs of each timing; the median counts.
    runs: usize,
    /// Runs of each side where the difference of two is a figure.
    pairs: usize,
    warm_up: Duration,
    seconds: Duration,
    /// A latency run has to see several checkpoints.
    tail_seconds: Duration,
    /// Conversations on the two sides of the comparisons by size.
    small: usize,
    large: usize,
    /// Starts before the memory is read.
    starts_in_memory: usize,
    /// Deliveries that wait when delivering begins.
    deliveries: usize,
    /// Idle sockets; the limit of open files is 20,000 a process.
    sockets: usize,
    /// Conversations in which people talk.
    talkers: usize,
    /// Conversations that wait when agents arrive.
    waiting: usize,
    /// Latency samples a run of one listing.
    samples: usize,
}

impl Scale {
    fn new(options: &Options) -> io::Result<Self> {
        let seconds = options.seconds.unwrap_or(if options.quick { 0.5 } else { 5.0 });
        let seconds = Duration::try_from_secs_f64(seconds)
            .ok()
            .filter(|seconds| !seconds.is_zero())
            .ok_or_else(|| io::Error::other("--seconds must be above zero"))?;
        Ok(if options.quick {
            Self {
                runs: 1,
                pairs: 1,
                warm_up: Duration::from_millis(100),
                seconds,
                tail_seconds: seconds,
                small: 200,
                large: 2_000,
                starts_in_memory: 1_000,
                deliveries: 500,
                sockets: 200,
                talkers: 40,
                waiting: 400,
                samples: 5,
            }
        } else {
            Self {
                runs: 3,
                pairs: 5,
                warm_up: Duration::from_secs(1),
                seconds,
                tail_seconds: seconds.max(Duration::from_secs(10)),
                small: 10_000,
                large: 1_000_000,
                starts_in_memory: 100_000,
                deliveries: 10_000,
                sockets: 16_000,
                talkers: 2_000,
                waiting: 10_000,
                samples: 40,
            }
        })
    }

    fn extent(&self) -> Extent {
        Extent::Time { warm_up: self.warm_up, run: self.seconds }
    }
}

/// What every group of figures gets.
struct Bench {
    server: PathBuf,
    data_dir: PathBuf,
    migrations: PathBuf,
    scale: Scale,
}

impl Bench {
    /// An empty data folder of this name.
    fn fresh(&self, name: &str) -> io::Result<Setup> {
        let data = self.data_dir.join(name);
        remove(&data)?;
        let setup = Setup::sqlite(&self.server, &data);
        let _ = fs::remove_file(setup.log());
        Ok(setup)
    }
}

/// A group of figures that share servers: what they are called, and how they are measured.
struct Group {
    names: &'static [&'static str],
    measure: fn(&Bench, &mut Report) -> io::Result<()>,
}

/// In this order, so that a run shows the quick and telling ones first.
const GROUPS: [Group; 16] = [
    Group {
        names: &["health_rate", "start_rate", "start_ratio", "start_ratio_keyed"],
        measure: rates::on_sqlite,
    },
    Group { names: &["start_p99_ms", "start_p50_ms", "start_max_ms"], measure: rates::tail },
    Group {
        names: &["start_ratio_postgres", "health_rate_postgres", "start_rate_postgres"],
        measure: rates::on_postgres,
    },
    Group {
        names: &["deliveries_per_second", "deliveries_ratio", "deliveries_dead_cost"],
        measure: deliveries::on_sqlite,
    },
    Group {
        names: &["deliveries_per_second_postgres", "deliveries_ratio_postgres"],
        measure: deliveries::on_postgres,
    },
    Group { names: &["delivery_p50_ms", "delivery_p99_ms"], measure: deliveries::latency },
    Group {
        names: &["start_subscribed_cost", "start_subscribed_rate"],
        measure: subscribed::measure,
    },
    Group {
        names: &["idle_rss_mib", "rss_after_100k_starts_mib", "startup_ms", "binary_mib"],
        measure: footprint::measure,
    },
    Group { names: &["chats_cursor_ratio"], measure: chats::cursor },
    Group { names: &["chats_count_ms"], measure: chats::count },
    Group {
        names: &["report_year_ms", "report_year_hour_of_day_ms", "report_year_first_page_ms"],
        measure: reporting::measure,
    },
    Group {
        names: &[
            "customers_p99_ms",
            "import_per_second",
            "import_alone_per_second",
            "start_ratio_importing",
        ],
        measure: customers::measure,
    },
    Group { names: &["start_growth"], measure: growth::measure },
    Group { names: &["socket_kib_each", "sockets_open_s"], measure: sockets::measure },
    Group { names: &["talk_p99_ms", "talk_p50_ms", "messages_per_second"], measure: talk::measure },
    Group { names: &["assign_all_s", "assign_rate"], measure: assigning::measure },
];

impl Group {
    fn wanted(&self, only: &[String]) -> bool {
        only.is_empty()
            || only.iter().any(|wanted| {
                self.names
                    .iter()
                    .any(|name| name.starts_with(wanted.as_str()) || wanted.starts_with(name))
            })
    }
}

pub fn run(options: &Options) -> io::Result<ExitCode> {
    fs::create_dir_all(&options.data_dir)?;
    let bench = Bench {
        server: server::binary(options.server.as_deref())?,
        // The server is told an absolute path: it may change its folder.
        data_dir: options.data_dir.canonicalize()?,
        migrations: options.migrations.clone(),
        scale: Scale::new(options)?,
    };
    let groups: Vec<&Group> = GROUPS.iter().filter(|group| group.wanted(&options.only)).collect();
    if groups.is_empty() {
        return Err(io::Error::other(format!("no figure is called {}", options.only.join(" or "))));
    }

    let begun = Instant::now();
    let mut report = Report::default();
    let mut failures = Vec::new();
    for group in groups {
        eprintln!("measuring {} …", group.names.join(", "));
        // One group that cannot be measured does not cost the others their figures.
        if let Err(error) = (group.measure)(&bench, &mut report) {
            eprintln!("  failed: {error}");
            failures.push(group.names[0]);
        }
    }

    let name = if options.quick {
        // Numbers that mean nothing must not take the place of those that do.
        "results-quick.json"
    } else {
        "results.json"
    };
    let file = bench.data_dir.join(name);
    report.write(&file, !options.only.is_empty())?;
    print!("{}", report.table(options.quick));
    println!("{} s; results in {}", begun.elapsed().as_secs(), file.display());
    if !failures.is_empty() {
        return Err(io::Error::other(format!("not measured: {}", failures.join(", "))));
    }
    let held = options.quick || report.all_hold();
    Ok(if options.check && !held { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_chosen_by_the_start_of_their_names() {
        let chosen = |only: &str| -> Vec<&str> {
            let only = [only.to_owned()];
            GROUPS.iter().filter(|group| group.wanted(&only)).map(|group| group.names[0]).collect()
        };
        assert_eq!(chosen("startup_ms"), ["idle_rss_mib"]);
        assert_eq!(chosen("chats"), ["chats_cursor_ratio", "chats_count_ms"]);
        // A row of a group names the group.
        assert_eq!(chosen("chats_count_ms_queue"), ["chats_count_ms"]);
        assert!(chosen("nothing").is_empty());
    }
}
