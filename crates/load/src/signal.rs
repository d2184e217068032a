//! SIGTERM to another process. The standard library only sends SIGKILL, and the system call is
//! `unsafe`; every shell has `kill` built in.

use std::{
    io,
    process::{Command, Stdio},
};

pub(crate) fn terminate(pid: u32) -> io::Result<()> {
    let status = Command::new("sh")
        .args(["-c", r#"kill -TERM "$1""#, "sh", &pid.to_string()])
        .stdin(Stdio::null())
        .status()?;
    if status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("SIGTERM to {pid}: {status}")))
}
