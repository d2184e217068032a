//! As whom PostgreSQL runs: it refuses to run as root, so root runs it as someone else.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::fs::{MetadataExt, chown},
    path::Path,
    process::{Command, Stdio},
};

/// The package creates `postgres`; `nobody` is on every machine.
const CANDIDATES: [&str; 2] = ["postgres", "nobody"];

#[derive(Debug)]
pub(super) struct Account {
    /// Words before every command; empty when this process is not root.
    prefix: Vec<String>,
    /// Whom files must belong to, user and group; `None` when this process is not root.
    owner: Option<(u32, u32)>,
}

pub(crate) fn is_root() -> bool {
    // The standard library has no `geteuid`; a process owns its own entry.
    fs::metadata("/proc/self").is_ok_and(|entry| entry.uid() == 0)
}

impl Account {
    pub(super) fn find() -> io::Result<Self> {
        if !is_root() {
            return Ok(Self { prefix: Vec::new(), owner: None });
        }
        let accounts = fs::read_to_string("/etc/passwd")?;
        for name in CANDIDATES {
            let Some((user, group)) = ids(&accounts, name) else {
                continue;
            };
            if let Some(prefix) = ways(name, user, group).into_iter().find(|way| works(way)) {
                return Ok(Self { prefix, owner: Some((user, group)) });
            }
        }
        Err(io::Error::other(
            "PostgreSQL refuses to run as root, and neither setpriv nor runuser nor su could run it \
             as `postgres` or `nobody`; run this as another user",
        ))
    }

    pub(super) fn own(&self, path: &Path) -> io::Result<()> {
        match self.owner {
            Some((user, group)) => chown(path, Some(user), Some(group)),
            None => Ok(()),
        }
    }

    /// The command line that runs `program` as this account; arguments follow.
    pub(super) fn words(&self, program: &Path) -> Vec<String> {
        let mut words = self.prefix.clone();
        words.push(program.display().to_string());
        words
    }
}

/// Ways to become a user, the leanest first. In each, a command and its arguments follow.
fn ways(name: &str, user: u32, group: u32) -> [Vec<String>; 3] {
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let mut su = words("su -s /bin/sh -c");
    su.push(r#"exec "$0" "$@""#.to_owned());
    su.extend(words(&format!("-- {name}")));
    [
        words(&format!("setpriv --reuid={user} --regid={group} --clear-groups --")),
        words(&format!("runuser -u {name} --")),
        su,
    ]
}

fn works(way: &[String]) -> bool {
    // With an argument that looks like an option, as PostgreSQL's have them.
    command(way)
        .args(["sh", "-c", "exit 0", "-D"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A command from a list of words.
pub(super) fn command(words: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    command
}

fn ids(accounts: &str, name: &str) -> Option<(u32, u32)> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let user = fields.nth(1)?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        Some((user, group))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let accounts = "root:x:0:0::/root:/bin/sh\npostgres2:x:7:7:::\npostgres:x:101:104:PG,,,:/v:/bin/bash\n";
        assert_eq!(ids(accounts, "postgres"), Some((101, 104)));
        assert_eq!(ids(accounts, "nobody"), None);
    }

    #[test]
    fn an_account_can_be_become() {
        // On whatever machine this runs, as root or not.
        let account = Account::find().unwrap();
        let output = command(&account.words(Path::new("id"))).arg("-u").output().unwrap();
        assert!(output.status.success());
        assert_ne!(String::from_utf8_lossy(&output.stdout).trim(), "0");
    }
}
