//! System calls of a running process that fail on demand.

use std::{
    fs, io,
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::{pause, signal};

const ATTACHED_WITHIN: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Attached, not started with: a start also syncs, and it must succeed.
pub(super) struct Strace {
    strace: Child,
    pid: u32,
}

impl Strace {
    /// Why this account can't attach to its own processes, if so.
    pub(super) fn hindrance() -> Option<String> {
        if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
            return Some("there is no strace".to_owned());
        }
        let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
        let is_root = crate::postgres::is_root();
        match scope.trim() {
            "" | "0" => None,
            "1" | "2" if is_root => None,
            scope => Some(format!(
                "kernel.yama.ptrace_scope is {scope}: strace can't attach{}",
                if is_root { "" } else { " unless root runs it" }
            )),
        }
    }

    /// `when` as strace's `inject` takes it; every call fails without.
    pub(super) fn fail_syncs(pid: u32, when: Option<&str>) -> io::Result<Self> {
        let when = when.map(|when| format!(":when={when}")).unwrap_or_default();
        let strace = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e"])
            .arg(format!("inject=fsync,fdatasync:error=EIO{when}"))
            .args(["-p", &pid.to_string()])
            .stdin(Stdio::null())
            .spawn()?;
        // From here on an early return ends it through `Drop`.
        let mut attached = Self { strace, pid };
        pause::wait_until("strace to attach", ATTACHED_WITHIN, LOOK_EVERY, || {
            if let Some(status) = attached.strace.try_wait()? {
                return Err(io::Error::other(format!("strace ended: {status}")));
            }
            Ok(traced(pid)?.then_some(()))
        })?;
        Ok(attached)
    }

    /// From its return on system calls work again.
    pub(super) fn detach(mut self) -> io::Result<()> {
        signal::terminate(self.strace.id())?;
        let strace = &mut self.strace;
        pause::wait_until("strace to detach", ATTACHED_WITHIN, LOOK_EVERY, || strace.try_wait())?;
        if traced(self.pid)? {
            return Err(io::Error::other("the server is still traced"));
        }
        Ok(())
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        // When a tracer is gone, however it went, the kernel lets its processes go on.
        let _ = self.strace.kill();
        let _ = self.strace.wait();
    }
}

/// Whether all threads are traced.
fn traced(pid: u32) -> io::Result<bool> {
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end between the two looks.
        let Ok(status) = fs::read_to_string(thread?.path().join("status")) else { continue };
        if status.lines().any(|line| line == "TracerPid:\t0") {
            return Ok(false);
        }
    }
    Ok(true)
}
