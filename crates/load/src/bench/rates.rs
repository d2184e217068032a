//! How fast a conversation starts, beside a bare route of the same server.

use std::{io, net::SocketAddr};

use super::{Bench, report::Report};
use crate::{
    closed_loop::{self, Extent},
    postgres::ThrowawayPostgres,
    random::Random,
    request::{self, DEMO_START, Template},
    server::Server,
};

pub(super) const CONNECTIONS: usize = 256;

/// The figures of latency ask for the tail under a load that leaves the server some air.
const TAIL_CONNECTIONS: usize = 64;

/// One measured rate of each kind of call, taken right after each other so that what the machine does
/// meanwhile falls on both sides of a ratio.
struct Round {
    health: f64,
    start: f64,
    keyed: Option<f64>,
}

pub(super) fn on_sqlite(bench: &Bench, report: &mut Report) -> io::Result<()> {
    let setup = bench.fresh("rates")?;
    let server = Server::start(&setup)?;
    let mut rounds = Vec::new();
    for number in 0..bench.scale.runs {
        rounds.push(round(server.address(), bench, number, true)?);
    }
    server.stop()?;
    super::remove(&setup.data)?;

    let all = |figure: fn(&Round) -> f64| rounds.iter().map(figure).collect::<Vec<_>>();
    report.add_median("health_rate", &all(|round| round.health), "1/s");
    report.add_median("start_rate", &all(|round| round.start), "1/s");
    report.add_median("start_ratio", &all(|round| round.start / round.health), "");
    report.add_median(
        "start_ratio_keyed",
        &all(|round| round.keyed.unwrap_or(0.0) / round.health),
        "",
    );
    Ok(())
}

pub(super) fn on_postgres(bench: &Bench, report: &mut Report) -> io::Result<()> {
    let mut postgres = ThrowawayPostgres::start()?;
    let mut setup = bench.fresh("rates-postgres")?;
    setup.database = Some(postgres.url());
    let server = Server::start(&setup)?;
    let mut rounds = Vec::new();
    for number in 0..bench.scale.runs {
        rounds.push(round(server.address(), bench, number, false)?);
    }
    server.stop()?;
    postgres.stop()?;
    super::remove(&setup.data)?;

    let all = |figure: fn(&Round) -> f64| rounds.iter().map(figure).collect::<Vec<_>>();
    report.add_median("health_rate_postgres", &all(|round| round.health), "1/s");
    report.add_median("start_rate_postgres", &all(|round| round.start), "1/s");
    report.add_median("start_ratio_postgres", &all(|round| round.start / round.health), "");
    Ok(())
}

fn round(address: SocketAddr, bench: &Bench, number: usize, keyed: bool) -> io::Result<Round> {
    let health = || health_rate(address, bench);
    let start = || start_rate(address, bench);
    let keyed = || {
        let prefix = format!("{:016x}", Random::from_system().draw());
        let rate = || {
            rate(address, bench, |connection| {
                // Far apart: no connection reaches the keys of the next.
                let first = u64::try_from(connection).expect("a small number") << 32;
                Template::keyed(DEMO_START, &prefix, first)
            })
        };
        keyed.then(rate).transpose()
    };
    // Every other round backwards: a drift over the round (a growing table, a warming machine) would
    // otherwise always favour the same side.
    if number.is_multiple_of(2) {
        let (health, start, keyed) = (health()?, start()?, keyed()?);
        Ok(Round { health, start, keyed })
    } else {
        let (keyed, start, health) = (keyed()?, start()?, health()?);
        Ok(Round { health, start, keyed })
    }
}

/// Calls of the bare route a second on this server.
pub(super) fn health_rate(address: SocketAddr, bench: &Bench) -> io::Result<f64> {
    rate(address, bench, |_| Template::fixed(request::health()))
}

/// Starts a second on this server.
pub(super) fn start_rate(address: SocketAddr, bench: &Bench) -> io::Result<f64> {
    rate(address, bench, |_| Template::fixed(request::post(DEMO_START, None, "")))
}

fn rate(
    address: SocketAddr,
    bench: &Bench,
    template: impl Fn(usize) -> Template,
) -> io::Result<f64> {
    Ok(closed_loop::run(address, CONNECTIONS, bench.scale.extent(), template)?.rate())
}

/// The latencies of starts: medians over the runs of each run's percentile.
pub(super) fn tail(bench: &Bench, report: &mut Report) -> io::Result<()> {
    let setup = bench.fresh("tail")?;
    let server = Server::start(&setup)?;
    let mut runs = Vec::new();
    for _ in 0..bench.scale.runs {
        let extent = Extent::Time { warm_up: bench.scale.warm_up, run: bench.scale.tail_seconds };
        let run = closed_loop::run(server.address(), TAIL_CONNECTIONS, extent, |_| {
            Template::fixed(request::post(DEMO_START, None, ""))
        })?;
        runs.push([500, 990, 1_000].map(|permille| run.latency_ms(permille)));
    }
    server.stop()?;
    super::remove(&setup.data)?;

    for (index, name) in ["start_p50_ms", "start_p99_ms", "start_max_ms"].iter().enumerate() {
        let values: Vec<f64> = runs.iter().map(|run| run[index]).collect();
        report.add_median(name, &values, "ms");
    }
    Ok(())
}
