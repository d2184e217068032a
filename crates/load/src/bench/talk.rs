//! How long a word takes from one side to the other once it is durable, and how many there can be.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{task::JoinSet, time::sleep_until};

use super::{
    Bench,
    people::{self, Visit},
    report::Report,
};
use crate::{client::Connection, random::Random, socket::Socket, stats};

/// In each of these conversations a visitor and an agent talk.
const VISITS_AN_AGENT: usize = 10;
const CALM_A_SECOND: f64 = 1_000.0;
/// More than is asked for: how many come through is the figure.
const FULL_A_SECOND: f64 = 11_000.0;

/// What goes on in all conversations of a run.
struct Talk {
    begun: Instant,
    is_over: AtomicBool,
    acknowledged: AtomicU64,
}

/// Somebody who speaks now and then, in one of several conversations.
struct Speaker {
    socket: Socket,
    conversations: Vec<String>,
    is_agent: bool,
    every: Duration,
    random: Random,
    talk: Arc<Talk>,
    /// Microseconds from the other side's word to its arrival here.
    latencies: Vec<u32>,
}

pub(super) fn measure(bench: &Bench, report: &mut Report) -> io::Result<()> {
    let calm = run(bench, CALM_A_SECOND, bench.scale.tail_seconds)?;
    report.add("talk_p50_ms", stats::millis(stats::percentile(&calm.latencies, 500)), "ms");
    report.add("talk_p99_ms", stats::millis(stats::percentile(&calm.latencies, 990)), "ms");
    let mut rates = Vec::new();
    for _ in 0..bench.scale.runs {
        let full = run(bench, FULL_A_SECOND, bench.scale.tail_seconds)?;
        eprintln!(
            "  {:.0}/s, p99 {:.1} ms",
            full.rate,
            stats::millis(stats::percentile(&full.latencies, 990))
        );
        rates.push(full.rate);
    }
    report.add_median("messages_per_second", &rates, "1/s");
    Ok(())
}

struct Outcome {
    rate: f64,
    latencies: Vec<u32>,
}

/// Half of what is said is said by visitors.
fn run(bench: &Bench, per_second: f64, time: Duration) -> io::Result<Outcome> {
    let (server, runtime) = people::start(bench, "talk")?;
    let address = server.address();
    let outcome = runtime.block_on(async {
        let agents = people::agents(address, bench.scale.talkers / VISITS_AN_AGENT, 50).await?;
        let visits = people::visits(address, bench.scale.talkers).await?;
        talk(address, &agents, &visits, per_second, time).await
    });
    drop(runtime);
    server.kill()?;
    super::remove(&bench.data_dir.join("talk"))?;
    outcome
}

async fn talk(
    address: SocketAddr,
    agents: &[String],
    visits: &[Visit],
    per_second: f64,
    time: Duration,
) -> io::Result<Outcome> {
    let begun = Instant::now();
    let talk =
        Arc::new(Talk { begun, is_over: AtomicBool::new(false), acknowledged: AtomicU64::new(0) });
    let mut random = Random::new(7);
    let pace = |share: usize| Duration::from_secs_f64(stats::number(share) * 2.0 / per_second);
    let mut speakers = Vec::new();
    let mut connection = Connection::open(address).await?;
    for (agent, visits) in agents.iter().zip(visits.chunks(VISITS_AN_AGENT)) {
        for visit in visits {
            people::assign(&mut connection, &visit.conversation, agent).await?;
            speakers.push(Speaker {
                socket: people::visitor_socket(address, &visit.token).await?,
                conversations: vec![visit.conversation.clone()],
                is_agent: false,
                every: pace(agents.len() * VISITS_AN_AGENT),
                random: random.fork(),
                talk: Arc::clone(&talk),
                latencies: Vec::new(),
            });
        }
        let cookie = people::sign_in(&mut connection, agent).await?;
        let conversations = visits.iter().map(|visit| visit.conversation.as_str());
        speakers.push(Speaker {
            socket: people::agent_socket(address, &cookie, conversations.clone()).await?,
            conversations: conversations.map(str::to_owned).collect(),
            is_agent: true,
            every: pace(agents.len()),
            random: random.fork(),
            talk: Arc::clone(&talk),
            latencies: Vec::new(),
        });
    }
    let mut tasks = JoinSet::new();
    for speaker in speakers {
        tasks.spawn(speaker.run());
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (before, since) = (talk.acknowledged.load(Ordering::Relaxed), Instant::now());
    tokio::time::sleep(time).await;
    let said = talk.acknowledged.load(Ordering::Relaxed) - before;
    let rate =
        stats::number(usize::try_from(said).unwrap_or(usize::MAX)) / since.elapsed().as_secs_f64();
    talk.is_over.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    while let Some(spoken) = tasks.join_next().await {
        latencies.extend(spoken.map_err(io::Error::other)??);
    }
    latencies.sort_unstable();
    if latencies.is_empty() {
        return Err(io::Error::other("nobody heard anything"));
    }
    Ok(Outcome { rate, latencies })
}

impl Speaker {
    /// Says something every so often, and waits for the acknowledgement before it says more.
    async fn run(mut self) -> io::Result<Vec<u32>> {
        let mut next =
            tokio::time::Instant::now() + self.random.millis_between(0, millis(self.every));
        let (mut number, mut is_open) = (0, false);
        while !self.talk.is_over.load(Ordering::Relaxed) {
            tokio::select! {
                frame = self.socket.next_text() => {
                    let frame = frame.map_err(|closed| io::Error::other(format!("{closed:?}")))?;
                    is_open &= !self.hear(&frame)?;
                }
                () = sleep_until(next), if !is_open => {
                    next = (next + self.every).max(tokio::time::Instant::now());
                    number += 1;
                    self.say(number).await?;
                    is_open = true;
                }
            }
        }
        Ok(self.latencies)
    }

    async fn say(&mut self, number: u64) -> io::Result<()> {
        let conversation = &self.conversations[self.random.index(self.conversations.len())];
        let by = if self.is_agent { 'a' } else { 'v' };
        let text = format!("{by}{}", self.talk.begun.elapsed().as_micros());
        let (high, low) = (self.random.draw(), number);
        let id = format!("{:08x}-0000-4000-8000-{:012x}", high >> 32, low & 0xFFFF_FFFF_FFFF);
        let frame = format!(
            r#"{{"type":"message","conversation":"{conversation}","id":"{id}","text":"{text}"}}"#
        );
        let sent = self.socket.send_text(frame).await;
        sent.map_err(|closed| io::Error::other(format!("{closed:?}")))
    }

    /// Whether it is an acknowledgement. Frames are looked at and not parsed: the server needs the machine.
    fn hear(&mut self, frame: &str) -> io::Result<bool> {
        if frame.starts_with(r#"{"type":"ack""#) {
            self.talk.acknowledged.fetch_add(1, Ordering::Relaxed);
            return Ok(true);
        }
        if frame.starts_with(r#"{"type":"refused""#) {
            return Err(io::Error::other(format!("the server refused: {frame}")));
        }
        if frame.starts_with(r#"{"type":"events""#) {
            let other = if self.is_agent { "\"text\":\"v" } else { "\"text\":\"a" };
            let now = self.talk.begun.elapsed().as_micros();
            for said in frame.split(other).skip(1) {
                let digits = said.split('"').next().unwrap_or_default();
                if let Ok(at) = digits.parse::<u128>() {
                    self.latencies.push(u32::try_from(now.saturating_sub(at)).unwrap_or(u32::MAX));
                }
            }
        }
        Ok(false)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}
