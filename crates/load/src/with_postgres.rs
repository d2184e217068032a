//! `rozmowa-load with-postgres -- COMMAND`: the command sees a PostgreSQL in its environment.

use std::{
    io,
    os::unix::process::ExitStatusExt,
    process::{Child, Command, ExitCode, ExitStatus},
    time::Duration,
};

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::{postgres::ThrowawayPostgres, signal::terminate};

/// The variable that the test suite looks at.
const VARIABLE: &str = "ROZMOWA_TEST_POSTGRES";

#[derive(Debug, Args)]
pub struct Options {
    /// The command to run and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// Ends with the command's own exit code.
pub fn run(options: &Options) -> io::Result<ExitCode> {
    let mut postgres = ThrowawayPostgres::start()?;
    let mut child = Command::new(&options.command[0])
        .args(&options.command[1..])
        .env(VARIABLE, postgres.url())
        .spawn()
        .map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", options.command[0]))
        })?;
    let status = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(wait(&mut child))?;
    postgres.stop()?;
    Ok(exit_code(status))
}

/// Signals go to the command, so that it ends before its database does.
async fn wait(child: &mut Child) -> io::Result<ExitStatus> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut look = tokio::time::interval(Duration::from_millis(20));
    loop {
        tokio::select! {
            _ = look.tick() => {
                if let Some(status) = child.try_wait()? {
                    return Ok(status);
                }
            }
            _ = interrupt.recv() => terminate(child.id())?,
            _ = terminated.recv() => terminate(child.id())?,
        }
    }
}

fn exit_code(status: ExitStatus) -> ExitCode {
    // As shells say it: 128 and the signal.
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
