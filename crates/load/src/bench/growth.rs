//! Whether a start costs more when a million conversations are stored.

use std::io;

use super::{Bench, rates::start_rate, report::Report, stock};
use crate::server::Server;

/// Both sides get the same: a server process fresh for each run, a warm-up, the same seconds, one loaded
/// while the other is up and idle. The small side begins empty each time; the large side is one copy of the
/// stock and grows by what the runs add, which only makes its bar harder.
pub(super) fn measure(bench: &Bench, report: &mut Report) -> io::Result<()> {
    let large = stock::copy(bench, bench.scale.large, "growth")?;
    let mut ratios = Vec::new();
    for number in 0..bench.scale.runs {
        let small = bench.fresh("growth-empty")?;
        let empty_server = Server::start(&small)?;
        let full_server = Server::start(large.setup())?;
        full_server.settle(stock::SETTLE_WITHIN)?;
        let (empty, full) = if number.is_multiple_of(2) {
            let empty = start_rate(empty_server.address(), bench)?;
            empty_server.settle(stock::SETTLE_WITHIN)?;
            (empty, start_rate(full_server.address(), bench)?)
        } else {
            let full = start_rate(full_server.address(), bench)?;
            full_server.settle(stock::SETTLE_WITHIN)?;
            (start_rate(empty_server.address(), bench)?, full)
        };
        eprintln!("  {empty:.0}/s when empty, {full:.0}/s when full");
        ratios.push(full / empty);
        empty_server.stop()?;
        full_server.stop()?;
        super::remove(&small.data)?;
    }
    report.add_median("start_growth", &ratios, "");
    Ok(())
}
