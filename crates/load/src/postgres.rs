//! A PostgreSQL server of one's own that leaves nothing behind: for tests, benchmarks and crashes.
//!
//! It is as durable as a real one (`fsync` and `synchronous_commit` stay on), listens on loopback only
//! and trusts whoever connects. It stops and its files go however the process that started it ends.

mod account;
mod installation;

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use self::account::Account;
pub(crate) use self::account::is_root;
use crate::{guardian::Guardian, ports};

/// Unix socket addresses hold 107 bytes, and PostgreSQL appends a name of up to 20.
const LONGEST_SOCKET_FOLDER: usize = 87;

pub struct ThrowawayPostgres {
    programs: PathBuf,
    account: Account,
    home: TempDir,
    port: u16,
    running: bool,
    // Declared after `home`: it watches until the files are gone.
    _guardian: Guardian,
}

impl ThrowawayPostgres {
    /// Makes a database cluster in the temporary folder and starts it. Blocks for about two seconds.
    ///
    /// Without PostgreSQL on the machine the error names the Debian package to install; root gets it
    /// installed.
    pub fn start() -> io::Result<Self> {
        let programs = installation::programs(account::is_root())?;
        let account = Account::find()?;
        let home = tempfile::Builder::new().prefix("rozmowa-postgres-").tempdir()?;
        account.own(home.path())?;
        let guardian = guard(&account, &programs, home.path())?;
        let mut postgres = Self {
            programs,
            account,
            home,
            port: ports::free_port()?,
            running: false,
            _guardian: guardian,
        };
        postgres.initialize()?;
        // Someone else may take a port between our look and PostgreSQL's bind.
        for _ in 0..4 {
            match postgres.start_again() {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    postgres.port = ports::free_port()?;
                }
                outcome => return outcome.map(|()| postgres),
            }
        }
        postgres.start_again().map(|()| postgres)
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Runs one statement as the owner and returns its rows as lines.
    pub fn query(&self, sql: &str) -> io::Result<String> {
        // It comes with the client's package, which may live elsewhere.
        let beside = self.programs.join("psql");
        let psql = if beside.is_file() { beside } else { PathBuf::from("psql") };
        let output = Command::new(psql)
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, &self.url()])
            .stdin(Stdio::null())
            .output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        Err(io::Error::other(format!("psql: {}", String::from_utf8_lossy(&output.stderr))))
    }

    /// Stops in good order: sessions are cut, a checkpoint is written.
    pub fn stop(&mut self) -> io::Result<()> {
        self.halt("fast")
    }

    /// Stops as a crash would: nothing is written, the next start recovers from the log.
    pub fn stop_immediate(&mut self) -> io::Result<()> {
        self.halt("immediate")
    }

    /// Starts the stopped server on the same data and port.
    pub fn start_again(&mut self) -> io::Result<()> {
        let log = self.log();
        let port = format!("-p {}", self.port);
        let log_name = log.display().to_string();
        let before = fs::metadata(&log).map_or(0, |log| log.len());
        let started = self.control(&["start", "-w", "-t", "60", "-l", &log_name, "-o", &port]);
        self.running = started.is_ok();
        started.map_err(|error| {
            let said = tail(&log, before);
            let kind = if said.contains("could not bind") {
                io::ErrorKind::AddrInUse
            } else {
                io::ErrorKind::Other
            };
            io::Error::new(kind, format!("{error}\n{said}"))
        })
    }

    fn initialize(&self) -> io::Result<()> {
        self.run(
            "initdb",
            &["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"],
        )?;
        let home = self.home.path();
        let sockets = if home.as_os_str().len() <= LONGEST_SOCKET_FOLDER {
            home.display().to_string()
        } else {
            String::new()
        };
        let mut configuration =
            fs::File::options().append(true).open(home.join("data/postgresql.conf"))?;
        write!(
            configuration,
            "listen_addresses = '127.0.0.1'\n\
             unix_socket_directories = '{sockets}'\n\
             max_connections = 200\n\
             shared_buffers = 32MB\n\
             fsync = on\n\
             synchronous_commit = on\n"
        )
    }

    fn halt(&mut self, mode: &str) -> io::Result<()> {
        self.control(&["stop", "-w", "-t", "60", "-m", mode])?;
        self.running = false;
        Ok(())
    }

    fn log(&self) -> PathBuf {
        self.home.path().join("log")
    }

    fn control(&self, arguments: &[&str]) -> io::Result<()> {
        self.run("pg_ctl", arguments)
    }

    /// Runs one of PostgreSQL's programs on the data folder.
    fn run(&self, program: &str, arguments: &[&str]) -> io::Result<()> {
        let home = self.home.path();
        let words = self.account.words(&self.programs.join(program));
        // Into a file, not a pipe: the server inherits it and would hold a pipe open for ever.
        let said_path = home.join("said");
        let said = fs::File::create(&said_path)?;
        let status = account::command(&words)
            .arg("-D")
            .arg(home.join("data"))
            .args(arguments)
            // The caller's folder may be one that the account cannot enter.
            .current_dir(home)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said)
            .status()?;
        if status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "{program} {}: {status}\n{}",
            arguments.join(" "),
            fs::read_to_string(said_path).unwrap_or_default()
        )))
    }
}

impl Drop for ThrowawayPostgres {
    fn drop(&mut self) {
        // The files are deleted next: there is nothing to write in good order.
        if self.running {
            let _ = self.stop_immediate();
        }
    }
}

fn guard(account: &Account, programs: &Path, home: &Path) -> io::Result<Guardian> {
    let mut arguments = vec![home.display().to_string()];
    arguments.extend(account.words(&programs.join("pg_ctl")));
    arguments.extend(["stop", "-m", "immediate", "-D"].map(str::to_owned));
    arguments.push(home.join("data").display().to_string());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Guardian::start(r#"home=$1; shift; "$@"; rm -rf -- "$home""#, &arguments)
}

fn tail(log: &Path, offset: u64) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let offset = usize::try_from(offset).unwrap_or(0).min(bytes.len());
    String::from_utf8_lossy(&bytes[offset..]).into_owned()
}
