//! Memory, start-up time and size.

use std::{fs, io, time::Duration};

use super::{Bench, report::Report};
use crate::{
    closed_loop::{self, Extent},
    request::{self, DEMO_START, Template},
    server::Server,
};

/// A start-up takes milliseconds: more runs cost nothing and steady the median.
const RESTARTS: usize = 7;

/// What a restart finds: enough that there is something to open.
const EXISTING: usize = 1_000;

const MIB: f64 = 1_024.0 * 1_024.0;

pub(super) fn measure(bench: &Bench, report: &mut Report) -> io::Result<()> {
    let setup = bench.fresh("footprint")?;
    let server = Server::start(&setup)?;
    starts(&server, EXISTING)?;
    server.stop()?;

    let mut start_ups = Vec::new();
    let mut idle = Vec::new();
    for _ in 0..RESTARTS {
        let server = Server::start(&setup)?;
        start_ups.push(server.start_up().as_secs_f64() * 1_000.0);
        // What the start leaves for later is part of being idle. No call with credentials yet: the first
        // password check takes 19 MiB or more, whatever the server does.
        server.settle(Duration::from_secs(5))?;
        idle.push(mib(&server)?);
        server.stop()?;
    }

    let mut loaded = Vec::new();
    for _ in 0..bench.scale.runs {
        let server = Server::start(&setup)?;
        starts(&server, bench.scale.starts_in_memory)?;
        loaded.push(mib(&server)?);
        server.stop()?;
    }
    super::remove(&setup.data)?;

    let binary = u32::try_from(fs::metadata(&bench.server)?.len()).unwrap_or(u32::MAX);
    report.add_median("idle_rss_mib", &idle, "MiB");
    report.add_median("rss_after_100k_starts_mib", &loaded, "MiB");
    report.add_median("startup_ms", &start_ups, "ms");
    report.add("binary_mib", f64::from(binary) / MIB, "MiB");
    Ok(())
}

fn starts(server: &Server, count: usize) -> io::Result<()> {
    closed_loop::run(server.address(), 256, Extent::Calls(count), |_| {
        Template::fixed(request::post(DEMO_START, None, ""))
    })?;
    Ok(())
}

fn mib(server: &Server) -> io::Result<f64> {
    Ok(f64::from(server.rss_kib()?) / 1_024.0)
}
