//! What it costs a start that somebody wants to hear of it.

use std::io;

use super::{Bench, deliveries::subscribe, rates::start_rate, report::Report};
use crate::{
    receiver::{Manner, Receiver},
    server::Server,
};

/// Starts a second, measured right after each other.
#[derive(Debug, Default)]
struct Round {
    nobody: f64,
    healthy: f64,
    dead: f64,
}

/// Each side gets a server that is fresh and alone, so that no side works off what another one left.
pub(super) fn measure(bench: &Bench, report: &mut Report) -> io::Result<()> {
    let mut rounds = Vec::new();
    for number in 0..bench.scale.pairs {
        let mut round = Round::default();
        // Every other round backwards, as elsewhere; the side that pairs are made with is in the middle.
        if number % 2 == 0 {
            round.healthy = one_side(bench, Some(Manner::Taking))?;
            round.nobody = one_side(bench, None)?;
            round.dead = one_side(bench, Some(Manner::Away))?;
        } else {
            round.dead = one_side(bench, Some(Manner::Away))?;
            round.nobody = one_side(bench, None)?;
            round.healthy = one_side(bench, Some(Manner::Taking))?;
        }
        eprintln!(
            "  {:.0}/s without a subscription, {:.0}/s with one, {:.0}/s with a dead one",
            round.nobody, round.healthy, round.dead
        );
        rounds.push(round);
    }
    let all = |figure: fn(&Round) -> f64| rounds.iter().map(figure).collect::<Vec<_>>();
    report.add_median(
        "start_subscribed_cost",
        &all(|round| 1.0 - round.healthy / round.nobody),
        "",
    );
    report.add_median(
        "start_subscribed_cost_dead",
        &all(|round| 1.0 - round.dead / round.nobody),
        "",
    );
    report.add_median("start_subscribed_rate", &all(|round| round.healthy), "1/s");
    Ok(())
}

fn one_side(bench: &Bench, receiver: Option<Manner>) -> io::Result<f64> {
    let setup = bench.fresh("subscribed")?;
    let server = Server::start(&setup)?;
    let receiver = receiver.map(Receiver::start).transpose()?;
    if let Some(receiver) = &receiver {
        subscribe(server.address(), receiver)?;
    }
    let rate = start_rate(server.address(), bench)?;
    if let Some(receiver) = &receiver {
        eprintln!("  {} delivered by the end of the run", receiver.conversations());
        receiver.expect_understood()?;
    }
    // What waits is not delivered any more: the next side wants the machine for itself.
    server.kill()?;
    super::remove(&setup.data)?;
    Ok(rate)
}
