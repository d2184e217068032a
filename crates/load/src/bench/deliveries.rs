//! How fast what waits is delivered, what a dead receiver costs the others, and how long a delivery takes when there is
//! nothing to wait for.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::{
    Bench,
    rates::{CONNECTIONS, health_rate},
    report::Report,
};
use crate::{
    client::BlockingConnection,
    closed_loop::{self, Extent},
    pause::pause,
    postgres::ThrowawayPostgres,
    receiver::{Manner, Receiver},
    request::{self, DEMO_START, Template},
    server::{Server, Setup},
    stats::{millis, number, percentile},
};

/// Longer than filling a queue takes: nothing that waits has failed before.
const ANSWER_WITHIN: Duration = Duration::from_mins(5);
/// At the bar of 3,000 a second it takes some seconds.
const DELIVERED_WITHIN: Duration = Duration::from_mins(2);
const SETTLE_WITHIN: Duration = Duration::from_secs(10);
const CALM_STARTS_A_SECOND: u32 = 50;
/// Until the server has its client and its connections.
const CALM_WARM_UP: usize = 10;

/// Who else is subscribed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nobody,
    /// Refuses connections.
    Refusing,
    /// Accepts them and never answers.
    Silent,
}

/// Deliveries a second to a healthy receiver, measured right after each other.
#[derive(Debug, Default)]
struct Round {
    health: f64,
    alone: f64,
    beside_refusing: f64,
    beside_silent: f64,
}

pub(super) fn on_sqlite(bench: &Bench, report: &mut Report) -> io::Result<()> {
    let mut rounds = Vec::new();
    for number in 0..bench.scale.pairs {
        let mut round = Round::default();
        let mut sides = [Beside::Nobody, Beside::Refusing, Beside::Silent];
        if number % 2 == 1 {
            sides.reverse();
        }
        for side in sides {
            match side {
                Beside::Nobody => (round.health, round.alone) = alone(bench)?,
                Beside::Refusing => round.beside_refusing = beside(bench, Manner::Away)?,
                Beside::Silent => round.beside_silent = beside(bench, Manner::Silent)?,
            }
        }
        eprintln!(
            "  {:.0}/s alone, {:.0}/s beside one that refuses, {:.0}/s beside one that is silent",
            round.alone, round.beside_refusing, round.beside_silent
        );
        rounds.push(round);
    }
    let all = |figure: fn(&Round) -> f64| rounds.iter().map(figure).collect::<Vec<_>>();
    report.add_median("deliveries_per_second", &all(|round| round.alone), "1/s");
    report.add_median("deliveries_ratio", &all(|round| round.alone / round.health), "");
    let refusing =
        report.add_median("deliveries_dead_cost_refusing", &all(Round::cost_of_refusing), "");
    let silent = report.add_median("deliveries_dead_cost_silent", &all(Round::cost_of_silent), "");
    report.add("deliveries_dead_cost", refusing.max(silent), "");
    Ok(())
}

impl Round {
    fn cost_of_refusing(&self) -> f64 {
        1.0 - self.beside_refusing / self.alone
    }

    fn cost_of_silent(&self) -> f64 {
        1.0 - self.beside_silent / self.alone
    }
}

pub(super) fn on_postgres(bench: &Bench, report: &mut Report) -> io::Result<()> {
    let mut postgres = ThrowawayPostgres::start()?;
    let mut setup = fresh(bench, "deliveries-postgres")?;
    setup.database = Some(postgres.url());
    let receiver = Receiver::start(Manner::Silent)?;
    let server = Server::start(&setup)?;
    subscribe(server.address(), &receiver)?;
    let (mut rates, mut ratios) = (Vec::new(), Vec::new());
    for _ in 0..bench.scale.runs {
        let (health, rate) = with_health(bench, &server, &receiver)?;
        rates.push(rate);
        ratios.push(rate / health);
    }
    server.stop()?;
    postgres.stop()?;
    super::remove(&setup.data)?;
    report.add_median("deliveries_per_second_postgres", &rates, "1/s");
    report.add_median("deliveries_ratio_postgres", &ratios, "");
    Ok(())
}

/// The bare route and deliveries, on a server of their own.
fn alone(bench: &Bench) -> io::Result<(f64, f64)> {
    let setup = fresh(bench, "deliveries")?;
    let receiver = Receiver::start(Manner::Silent)?;
    let server = Server::start(&setup)?;
    subscribe(server.address(), &receiver)?;
    let rates = with_health(bench, &server, &receiver)?;
    server.stop()?;
    super::remove(&setup.data)?;
    Ok(rates)
}

/// Deliveries first: then the side without a dead receiver begins as the sides with one do.
fn with_health(bench: &Bench, server: &Server, receiver: &Receiver) -> io::Result<(f64, f64)> {
    let rate = drain(server, receiver, bench.scale.deliveries)?;
    server.settle(SETTLE_WITHIN)?;
    Ok((health_rate(server.address(), bench)?, rate))
}

/// Deliveries a second to a healthy receiver, while as many wait for one that is dead in this manner.
fn beside(bench: &Bench, dead: Manner) -> io::Result<f64> {
    let setup = fresh(bench, "deliveries")?;
    let dead = Receiver::start(dead)?;
    let receiver = Receiver::start(Manner::Silent)?;
    let server = Server::start(&setup)?;
    subscribe(server.address(), &dead)?;
    subscribe(server.address(), &receiver)?;
    let rate = drain(&server, &receiver, bench.scale.deliveries)?;
    // A stop in good order would wait for the answers that never come.
    server.kill()?;
    super::remove(&setup.data)?;
    Ok(rate)
}

fn fresh(bench: &Bench, name: &str) -> io::Result<Setup> {
    let mut setup = bench.fresh(name)?;
    setup.wait_for_receivers(ANSWER_WITHIN);
    Ok(setup)
}

pub(super) fn subscribe(server: SocketAddr, receiver: &Receiver) -> io::Result<()> {
    BlockingConnection::open(server)?.call(&request::subscribe(&receiver.url()))?.expect_ok()
}

/// Fills the queue while the receiver is silent: the first deliveries are under way and get no answer, so that all the
/// others wait and are due. The clock starts when the receiver answers; what it had got by then is not counted.
fn drain(server: &Server, receiver: &Receiver, count: usize) -> io::Result<f64> {
    receiver.turn(Manner::Silent)?;
    let before = receiver.conversations();
    closed_loop::run(server.address(), CONNECTIONS, Extent::Calls(count), |_| {
        Template::fixed(request::post(DEMO_START, None, ""))
    })?;
    server.settle(SETTLE_WITHIN)?;
    let ahead = receiver.conversations() - before;
    if ahead >= count {
        return Err(io::Error::other(format!(
            "all of {count} deliveries are under way at once, and none waits"
        )));
    }
    let begun = Instant::now();
    receiver.turn(Manner::Taking)?;
    let last = receiver.wait_for(before + count, DELIVERED_WITHIN)?;
    expect_no_trouble(receiver)?;
    Ok(number(count - ahead) / (last - begun).as_secs_f64())
}

/// Nothing failed, so nothing may come twice.
fn expect_no_trouble(receiver: &Receiver) -> io::Result<()> {
    receiver.expect_understood()?;
    match receiver.requests() - receiver.conversations() {
        0 => Ok(()),
        repeats => Err(io::Error::other(format!("{repeats} deliveries came twice"))),
    }
}

/// From the answer to a start until its delivery arrives, at a rate that leaves everybody idle.
pub(super) fn latency(bench: &Bench, report: &mut Report) -> io::Result<()> {
    let setup = bench.fresh("delivery-latency")?;
    let receiver = Receiver::start(Manner::Taking)?;
    let server = Server::start(&setup)?;
    subscribe(server.address(), &receiver)?;
    calm_starts(&server, &receiver, CALM_WARM_UP)?;
    let seconds = bench.scale.tail_seconds.as_millis() * u128::from(CALM_STARTS_A_SECOND) / 1_000;
    let count = usize::try_from(seconds).unwrap_or(usize::MAX).max(1);
    let (mut medians, mut tails) = (Vec::new(), Vec::new());
    for _ in 0..bench.scale.runs {
        let latencies = calm_starts(&server, &receiver, count)?;
        medians.push(millis(percentile(&latencies, 500)));
        tails.push(millis(percentile(&latencies, 990)));
    }
    expect_no_trouble(&receiver)?;
    server.stop()?;
    super::remove(&setup.data)?;
    report.add_median("delivery_p50_ms", &medians, "ms");
    report.add_median("delivery_p99_ms", &tails, "ms");
    Ok(())
}

/// Microseconds of each delivery, sorted. One that overtakes the answer took none.
fn calm_starts(server: &Server, receiver: &Receiver, count: usize) -> io::Result<Vec<u32>> {
    let mut connection = BlockingConnection::open(server.address())?;
    let request = request::post(DEMO_START, None, "");
    let before = receiver.conversations();
    let mut started = Vec::with_capacity(count);
    let mut next = Instant::now();
    for _ in 0..count {
        pause(next.saturating_duration_since(Instant::now()));
        next += Duration::from_secs(1) / CALM_STARTS_A_SECOND;
        let answer = connection.call(&request)?;
        let answered = Instant::now();
        started.push((request::started(answer)?, answered));
    }
    receiver.wait_for(before + count, DELIVERED_WITHIN)?;
    let mut latencies = Vec::with_capacity(count);
    for (id, answered) in started {
        let arrival = receiver
            .arrival(&id)
            .ok_or_else(|| io::Error::other(format!("something else than {id} was delivered")))?;
        let micros = arrival.first.saturating_duration_since(answered).as_micros();
        latencies.push(u32::try_from(micros).unwrap_or(u32::MAX));
    }
    latencies.sort_unstable();
    Ok(latencies)
}
