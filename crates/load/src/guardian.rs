//! Clean-up that happens however this process ends.
//!
//! `Drop` does not run on SIGINT, SIGTERM, SIGKILL, for statics (where tests keep a shared
//! PostgreSQL) or under `panic=abort`. So a small shell waits on a pipe whose other end only this
//! process holds: when the pipe closes, this process is gone, and the shell cleans up. The kernel's
//! parent-death signal would not do: it fires when the *thread* that spawned ends, as a test's does.

use std::{
    io::{self, Write},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
};

pub(crate) struct Guardian {
    shell: Child,
}

impl Guardian {
    /// `clean_up` is shell text. It sees `arguments` as `$1`, `$2`, … and the last line given to
    /// `tell` as `$told`.
    pub(crate) fn start(clean_up: &str, arguments: &[&str]) -> io::Result<Self> {
        let script = format!(
            "trap '' HUP INT TERM; cd /; told=; while read -r line; do told=$line; done; {clean_up}"
        );
        let shell = Command::new("sh")
            .args(["-c", &script, "rozmowa-load-guardian"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C at a terminal goes to the whole group; the guardian must outlive it.
            .process_group(0)
            .spawn()?;
        Ok(Self { shell })
    }

    pub(crate) fn tell(&mut self, line: &str) -> io::Result<()> {
        let pipe = self.shell.stdin.as_mut().expect("stdin is piped");
        writeln!(pipe, "{line}")
    }
}

impl Drop for Guardian {
    /// The owner cleans up by itself: the guardian goes without doing anything.
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}
