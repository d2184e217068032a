//! `rozmowa` as an administrator runs it beside its server.

use std::{
    io::{self, Write},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::server::Setup;

pub(super) struct Said {
    pub(super) text: String,
    pub(super) time: Duration,
}

/// Runs it on the data of `setup`; an error when it fails. `input` is what it reads.
pub(super) fn run(setup: &Setup, arguments: &[&str], input: &str) -> io::Result<Said> {
    let (succeeded, said) = attempt(&setup.binary, &setup.data, arguments, input)?;
    if succeeded {
        return Ok(said);
    }
    Err(io::Error::other(format!("rozmowa {}: {}", arguments.join(" "), said.text)))
}

/// Runs it on a data folder. Whether it succeeded, and what it said.
pub(super) fn attempt(
    binary: &Path,
    data: &Path,
    arguments: &[&str],
    input: &str,
) -> io::Result<(bool, Said)> {
    let begun = Instant::now();
    let mut child = Command::new(binary)
        .args(arguments)
        .arg("--data")
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().expect("stdin is piped");
    // One that reads nothing may be gone already.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output()?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    let time = begun.elapsed();
    Ok((output.status.success(), Said { text: text.trim().to_owned(), time }))
}
