//! How long it takes until all who wait have somebody, when many agents come on duty at once.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::task::JoinSet;

use super::{Bench, people, report::Report};
use crate::{
    client::Connection,
    closed_loop::{self, Extent},
    request::{self, DEMO_START, Template},
    stats::number,
};

const AGENTS: usize = 200;
const WITHIN: Duration = Duration::from_mins(2);

pub(super) fn measure(bench: &Bench, report: &mut Report) -> io::Result<()> {
    let waiting = bench.scale.waiting;
    let (server, runtime) = people::start(bench, "assigning")?;
    let address = server.address();
    let agents = runtime.block_on(people::agents(address, AGENTS, waiting / AGENTS))?;
    closed_loop::run(address, 64, Extent::Calls(waiting), |_| {
        Template::fixed(request::post(DEMO_START, None, ""))
    })?;
    server.settle(Duration::from_secs(10))?;
    let took = runtime.block_on(async {
        let begun = Instant::now();
        let mut arriving = JoinSet::new();
        for login in agents {
            arriving.spawn(async move {
                let mut connection = Connection::open(address).await?;
                let path = format!("/api/agents/{login}/login");
                connection.call(&request::post(&path, None, "")).await?.expect_ok()
            });
        }
        while let Some(arrived) = arriving.join_next().await {
            arrived.map_err(io::Error::other)??;
        }
        while assigned(address).await? < waiting {
            if begun.elapsed() > WITHIN {
                return Err(io::Error::other("some are waiting still"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(begun.elapsed())
    })?;
    report.add("assign_all_s", took.as_secs_f64(), "s");
    report.add("assign_rate", number(waiting) / took.as_secs_f64(), "1/s");
    drop(runtime);
    server.kill()?;
    super::remove(&bench.data_dir.join("assigning"))
}

/// Conversations that agents have; an agent who has too many is an error.
async fn assigned(address: SocketAddr) -> io::Result<usize> {
    let (mut connection, mut sum, mut offset) = (Connection::open(address).await?, 0, 0);
    loop {
        let path = format!("/api/agents?include_details=true&offset={offset}");
        let page = connection.call(&request::get(&path)).await?;
        page.expect_ok()?;
        let page = page.json()?;
        let agents = page.as_array().map_or(&[][..], Vec::as_slice);
        if agents.is_empty() {
            return Ok(sum);
        }
        offset += agents.len();
        let field = |agent: &Value, name: &str| agent[name].as_u64().unwrap_or_default();
        for agent in agents {
            let open = field(agent, "open_chats");
            if open > field(agent, "capacity") {
                return Err(io::Error::other(format!("above capacity: {agent}")));
            }
            sum += usize::try_from(open).unwrap_or_default();
        }
    }
}
