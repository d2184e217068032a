//! A million customers: how fast they are imported beside a server that works, and how fast one of them is found.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::{Bench, rates::start_rate, report::Report, stock::SETTLE_WITHIN};
use crate::{
    client::BlockingConnection,
    pause,
    random::Random,
    request,
    server::{Server, Setup},
    stats::{self, number},
};

/// Of one campaign there is every thousandth customer.
const CAMPAIGNS: u64 = 1_000;
const NAMES: [&str; 7] = ["Łucja", "Zdzisław", "Żaneta", "Jan", "Ćwiek", "Ewa", "Grażyna"];
const SURNAMES: [&str; 11] = [
    "Gżegżółka",
    "Brzęczyszczykiewicz",
    "Nowak",
    "Kowalska",
    "Wójcik",
    "Źrebak",
    "Lis",
    "Mazur",
    "Zając",
    "Król",
    "Wróbel",
];
/// Calls of each lookup that a percentile is taken of, for each sample of a listing.
const CALLS_A_SAMPLE: usize = 50;
/// How long an import is looked at before it counts as stuck.
const IMPORT_WITHIN: Duration = Duration::from_mins(10);

pub(super) fn measure(bench: &Bench, report: &mut Report) -> io::Result<()> {
    let count = bench.scale.large;
    let file = bench.data_dir.join("customers.csv");
    write(&file, count)?;
    // The same file twice: with the machine to itself, and beside starts.
    let alone = bench.fresh("customers-alone")?;
    Server::start(&alone)?.stop()?;
    let took = Import::begin(&alone, &file)?.finish()?;
    report.add("import_alone_per_second", number(count) / took.as_secs_f64(), "1/s");
    super::remove(&alone.data)?;

    let setup = bench.fresh("customers")?;
    let server = Server::start(&setup)?;
    let before = start_rate(server.address(), bench)?;
    let mut import = Import::begin(&setup, &file)?;
    let mut beside = Vec::new();
    let mut share = 0;
    while !import.is_over()? {
        let rate = start_rate(server.address(), bench)?;
        // The last one had the machine to itself in part.
        if !import.is_over()? {
            beside.push(rate / before);
        }
        share += 1;
    }
    let took = import.finish()?;
    eprintln!("  {share} runs of starts beside it, {before:.0} a second before");
    report.add("import_per_second", number(count) / took.as_secs_f64(), "1/s");
    if !beside.is_empty() {
        report.add_median("start_ratio_importing", &beside, "");
    }
    server.settle(SETTLE_WITHIN)?;
    find(bench, &server, count, report)?;
    server.stop()?;
    super::remove(&setup.data)?;
    std::fs::remove_file(&file)
}

/// Every lookup by itself, in rounds, of customers at random.
fn find(bench: &Bench, server: &Server, count: usize, report: &mut Report) -> io::Result<()> {
    let mut random = Random::new(7);
    let mut connection = BlockingConnection::open(server.address())?;
    let bound = u64::try_from(count).unwrap_or(u64::MAX);
    let mut worst: f64 = 0.0;
    for name in ["identifier", "email", "phone", "custom"] {
        let mut medians = Vec::new();
        for _ in 0..bench.scale.runs {
            let mut samples = Vec::new();
            for _ in 0..bench.scale.samples * CALLS_A_SAMPLE {
                let path = lookup(name, random.below(bound));
                let request = request::get(&path);
                let begun = Instant::now();
                let answer = connection.call(&request)?;
                samples.push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX));
                answer.expect_ok()?;
                if answer.json()?.get("count").and_then(serde_json::Value::as_u64).unwrap_or(0) == 0
                {
                    return Err(io::Error::other(format!("{path} finds nobody")));
                }
            }
            samples.sort_unstable();
            medians.push(stats::millis(stats::percentile(&samples, 990)));
        }
        worst = worst.max(report.add_median(&format!("customers_p99_ms_{name}"), &medians, "ms"));
    }
    report.add("customers_p99_ms", worst, "ms");
    Ok(())
}

fn lookup(name: &str, of: u64) -> String {
    let campaign = of % CAMPAIGNS;
    let query = match name {
        "identifier" => format!("identifier=K-{of}"),
        "email" => format!("email=klient{of}%40example.org"),
        "phone" => format!("phone_number=5{of:08}"),
        _ => format!("custom_fields%5Bkampania%5D=kampania-{campaign}"),
    };
    format!("/api/customers?{query}")
}

/// An import that runs.
struct Import {
    child: Child,
    begun: Instant,
    took: Option<Duration>,
}

impl Import {
    fn begin(setup: &Setup, file: &Path) -> io::Result<Self> {
        let child = Command::new(&setup.binary)
            .args(["customer", "import"])
            .arg(file)
            .arg("--data")
            .arg(&setup.data)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(setup.data.with_extension("import.log"))?)
            .spawn()?;
        Ok(Self { child, begun: Instant::now(), took: None })
    }

    fn is_over(&mut self) -> io::Result<bool> {
        if self.took.is_none()
            && let Some(status) = self.child.try_wait()?
        {
            if !status.success() {
                return Err(io::Error::other(format!("the import: {status}")));
            }
            self.took = Some(self.begun.elapsed());
        }
        if self.took.is_none() && self.begun.elapsed() > IMPORT_WITHIN {
            self.child.kill()?;
            return Err(io::Error::other("the import does not come to an end"));
        }
        Ok(self.took.is_some())
    }

    fn finish(mut self) -> io::Result<Duration> {
        let mut look = || Ok(self.is_over()?.then_some(()));
        pause::wait_until("the import", IMPORT_WITHIN, Duration::from_millis(20), &mut look)?;
        Ok(self.took.unwrap_or_default())
    }
}

fn write(file: &Path, count: usize) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    out.write_all(b"identifier,name,surname,email,phone_number,custom_fields[kampania]\r\n")?;
    let mut line = String::new();
    for (at, id) in (0..count).zip(0_u64..) {
        line.clear();
        let (name, surname) = (NAMES[at % NAMES.len()], SURNAMES[at % SURNAMES.len()]);
        let campaign = id % CAMPAIGNS;
        let _ = write!(
            line,
            "K-{at},{name},{surname},klient{at}@example.org,5{at:08},kampania-{campaign}\r\n"
        );
        out.write_all(line.as_bytes())?;
    }
    out.flush()
}
