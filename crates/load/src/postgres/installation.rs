//! Finds PostgreSQL's programs on this machine, or puts them there.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const PROGRAMS: [&str; 3] = ["initdb", "postgres", "pg_ctl"];

/// Where Debian keeps them, a folder a major version, outside PATH.
const DEBIAN: &str = "/usr/lib/postgresql";

const ADVICE: &str = "PostgreSQL's programs initdb, postgres and pg_ctl are not on this machine: \
                      install the Debian package `postgresql`";

/// The folder with the programs. Root on a machine without them gets them installed.
pub(super) fn programs(root: bool) -> io::Result<PathBuf> {
    if let Some(folder) = find() {
        return Ok(folder);
    }
    if !root {
        return Err(io::Error::new(io::ErrorKind::NotFound, ADVICE));
    }
    install()?;
    find().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, ADVICE))
}

fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).find(|folder| complete(folder)).or_else(|| newest(Path::new(DEBIAN)))
}

fn complete(folder: &Path) -> bool {
    PROGRAMS.iter().all(|program| folder.join(program).is_file())
}

fn newest(versions: &Path) -> Option<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(versions)
        .ok()?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            let folder = entry.path().join("bin");
            complete(&folder).then_some((version, folder))
        })
        .collect();
    // By number: as text, 9 would be newer than 15.
    found.sort();
    found.pop().map(|(_, folder)| folder)
}

fn install() -> io::Result<()> {
    eprintln!("rozmowa-load: no PostgreSQL here; running `apt-get install -y postgresql` as root");
    if apt(&["install", "-y", "postgresql"])? {
        return Ok(());
    }
    // A machine whose package lists were never fetched knows no package at all.
    if apt(&["update"])? && apt(&["install", "-y", "postgresql"])? {
        return Ok(());
    }
    Err(io::Error::other(format!("{ADVICE} (doing so with apt-get failed)")))
}

fn apt(arguments: &[&str]) -> io::Result<bool> {
    let output = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| io::Error::new(error.kind(), format!("{ADVICE} (apt-get: {error})")))?;
    if !output.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(output.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_complete_version_is_taken() {
        let versions = tempfile::tempdir().unwrap();
        for (version, programs) in [("9", &PROGRAMS[..]), ("15", &PROGRAMS), ("16", &["psql"])] {
            let folder = versions.path().join(version).join("bin");
            fs::create_dir_all(&folder).unwrap();
            for program in programs {
                fs::write(folder.join(program), "").unwrap();
            }
        }
        let found = newest(versions.path()).unwrap();
        assert_eq!(found, versions.path().join("15/bin"));
        assert_eq!(newest(Path::new("/nowhere")), None);
    }
}
