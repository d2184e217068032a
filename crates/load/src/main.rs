//! `rozmowa-load`: the command line of the load tools.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rozmowa_load::{bench, crash, faults, with_postgres};

/// Load, crash and soak tools for Rozmowa.
#[derive(Parser)]
#[command(name = "rozmowa-load", version)]
struct Arguments {
    #[command(subcommand)]
    tool: Tool,
}

#[derive(Subcommand)]
enum Tool {
    /// Measure the figures of docs/BENCHMARKS.md.
    Bench(bench::Options),
    /// Kill the server again and again under load and check that nothing answered is lost.
    Crash(crash::Options),
    /// Make the disk fail and fill, back up and administer under load, cut connections, and check
    /// that the server keeps its promises.
    Faults(faults::Options),
    /// Run a command with a throwaway PostgreSQL, named by `ROZMOWA_TEST_POSTGRES`.
    WithPostgres(with_postgres::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().tool {
        Tool::Bench(options) => bench::run(&options),
        Tool::Crash(options) => crash::run(&options),
        Tool::Faults(options) => faults::run(&options),
        Tool::WithPostgres(options) => with_postgres::run(&options),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("rozmowa-load: {error}");
        ExitCode::FAILURE
    })
}
