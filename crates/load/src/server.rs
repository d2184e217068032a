//! The server process that is measured or killed: always `rozmowa demo`, on loopback.

use std::{
    env,
    fs::{self, File},
    io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{client::BlockingConnection, guardian::Guardian, pause, ports, request, signal};

/// Which server to run on which data.
#[derive(Debug, Clone)]
pub struct Setup {
    pub binary: PathBuf,
    pub data: PathBuf,
    /// SQLite in the data folder when `None`.
    pub database: Option<String>,
    /// Configuration, as `ROZMOWA_…` variables.
    pub environment: Vec<(&'static str, String)>,
}

impl Setup {
    pub fn sqlite(binary: &Path, data: &Path) -> Self {
        Self {
            binary: binary.to_owned(),
            data: data.to_owned(),
            database: None,
            environment: Vec::new(),
        }
    }

    /// How long receivers of webhooks have to answer. The demo lets webhooks call this machine as it is.
    pub fn wait_for_receivers(&mut self, timeout: Duration) {
        let seconds = timeout.as_secs().to_string();
        self.environment.push(("ROZMOWA_WEBHOOKS_TIMEOUT_SECONDS", seconds));
    }

    /// Where the server's output goes: beside the data folder, so that the folder holds only data.
    pub fn log(&self) -> PathBuf {
        self.data.with_extension("log")
    }

    /// Runs `rozmowa verify` on the data. The error holds what it printed.
    pub fn verify(&self) -> io::Result<()> {
        let mut command = Command::new(&self.binary);
        command.arg("verify").arg("--data").arg(&self.data);
        if let Some(url) = &self.database {
            command.args(["--database", url]);
        }
        let output = command.stdin(Stdio::null()).output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "rozmowa verify: {}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )))
    }
}

/// `--server PATH`, or the `rozmowa` that was built beside this tool.
pub fn binary(given: Option<&Path>) -> io::Result<PathBuf> {
    let path = match given {
        Some(path) => path.to_owned(),
        None => env::current_exe()?.with_file_name("rozmowa"),
    };
    path.canonicalize().map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("no server at {} ({error}); give --server", path.display()),
        )
    })
}

/// Killed when dropped, and also when this process ends without dropping it.
pub struct Server {
    child: Child,
    address: SocketAddr,
    start_up: Duration,
    log: PathBuf,
    guardian: Guardian,
}

const LIVE_WITHIN: Duration = Duration::from_mins(1);

impl Server {
    /// Starts the server and waits until it is live.
    pub fn start(setup: &Setup) -> io::Result<Self> {
        fs::create_dir_all(&setup.data)?;
        // Someone else may take a port between our look and the server's bind.
        let mut attempts = 0;
        loop {
            attempts += 1;
            match Self::start_once(setup) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempts < 5 => {}
                outcome => return outcome,
            }
        }
    }

    fn start_once(setup: &Setup) -> io::Result<Self> {
        let (plain, tls) = (ports::free_port()?, ports::free_port()?);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, plain));
        let log = setup.log();
        let output = File::options().create(true).append(true).open(&log)?;
        let mut command = Command::new(&setup.binary);
        command
            .arg("demo")
            .args(["--listen", &address.to_string()])
            .args(["--tls-listen", &format!("127.0.0.1:{tls}")])
            .arg("--data")
            .arg(&setup.data);
        if let Some(url) = &setup.database {
            command.args(["--database", url]);
        }
        command.envs(setup.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let guardian = Guardian::start(r#"[ -n "$told" ] && kill -9 "$told""#, &[])?;
        let log_before = fs::metadata(&log)?.len();
        let begun = Instant::now();
        let child = command.spawn()?;
        // From here on an early return kills it through `Drop`.
        let mut server = Self { child, address, start_up: Duration::ZERO, log, guardian };
        server.guardian.tell(&server.child.id().to_string())?;
        server.wait_until_live(begun, log_before)?;
        Ok(server)
    }

    fn wait_until_live(&mut self, begun: Instant, log_before: u64) -> io::Result<()> {
        let health = request::health();
        let mut look = || {
            if let Some(status) = self.child.try_wait()? {
                let said = tail_from(&self.log, log_before);
                let kind = if said.to_lowercase().contains("in use") {
                    io::ErrorKind::AddrInUse
                } else {
                    io::ErrorKind::Other
                };
                return Err(io::Error::new(
                    kind,
                    format!("the server ended at its start ({status}):\n{said}"),
                ));
            }
            let live = BlockingConnection::open(self.address)
                .and_then(|mut connection| Ok(connection.call(&health)?.status == 200));
            Ok(live.unwrap_or(false).then(|| begun.elapsed()))
        };
        // Half a millisecond: the start-up time is a figure, and looking costs some 20 µs.
        let every = Duration::from_micros(500);
        self.start_up = pause::wait_until("the server to be live", LIVE_WITHIN, every, &mut look)?;
        Ok(())
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// From the spawn to the first 200 of `/health/live`.
    pub fn start_up(&self) -> Duration {
        self.start_up
    }

    /// An error when the process has ended by itself.
    pub fn expect_running(&mut self) -> io::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(io::Error::other(format!(
                "the server ended by itself ({status}); its log is {}",
                self.log.display()
            ))),
        }
    }

    /// Resident memory in KiB.
    pub fn rss_kib(&self) -> io::Result<u32> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        parse_rss(&status).ok_or_else(|| io::Error::other("no VmRSS in the process status"))
    }

    /// Waits until the server has stopped working by itself (index workers, checkpoints), so that the
    /// leftovers of one measurement do not burden the next. Gives up quietly: a server that is never
    /// idle is measured as it is.
    pub fn settle(&self, limit: Duration) -> io::Result<()> {
        let every = Duration::from_millis(300);
        let mut before = self.cpu_ticks()?;
        let idle = pause::wait_until("the server to be idle", limit, every, || {
            let now = self.cpu_ticks()?;
            // A tick is 10 ms: two in 300 ms are what periodic work of an idle server may take.
            let idle = now <= before + 2;
            before = now;
            Ok(idle.then_some(()))
        });
        match idle {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(()),
            outcome => outcome,
        }
    }

    fn cpu_ticks(&self) -> io::Result<u64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        parse_cpu_ticks(&stat).ok_or_else(|| io::Error::other("no CPU time in the process stat"))
    }

    /// SIGTERM, and waits for the end.
    pub fn stop(mut self) -> io::Result<()> {
        signal::terminate(self.child.id())?;
        let child = &mut self.child;
        let status = pause::wait_until(
            "the server to stop after SIGTERM",
            Duration::from_secs(30),
            Duration::from_millis(2),
            || child.try_wait(),
        )?;
        if status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "after SIGTERM the server ended with {status}; its log is {}",
            self.log.display()
        )))
    }

    /// `kill -9`.
    pub fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tail_from(log: &Path, offset: u64) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let offset = usize::try_from(offset).unwrap_or(0).min(bytes.len());
    String::from_utf8_lossy(&bytes[offset..]).into_owned()
}

fn parse_rss(status: &str) -> Option<u32> {
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// User and system time. The command name may hold spaces, so fields are counted after its bracket.
fn parse_cpu_ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_files_are_read() {
        let status = "Name:\trozmowa\nVmHWM:\t   99 kB\nVmRSS:\t   28412 kB\nThreads:\t7\n";
        assert_eq!(parse_rss(status), Some(28_412));
        let stat = "12 (a b) c) S 1 2 3 4 5 6 7 8 9 10 1100 220 0 0 20 0";
        assert_eq!(parse_cpu_ticks(stat), Some(1_320));
    }

    #[test]
    fn this_process_can_be_read() {
        assert!(parse_rss(&fs::read_to_string("/proc/self/status").unwrap()).is_some());
        assert!(parse_cpu_ticks(&fs::read_to_string("/proc/self/stat").unwrap()).is_some());
    }
}
