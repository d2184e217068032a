//! A file system of a bounded size.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::guardian::Guardian;

pub(super) struct Tmpfs {
    folder: PathBuf,
    _guardian: Guardian,
}

impl Tmpfs {
    /// Why this account can't mount, if so; else the mounted file system.
    pub(super) fn mount(folder: &Path, mebibytes: u32) -> io::Result<Result<Self, String>> {
        if !crate::postgres::is_root() {
            return Ok(Err("only root can mount a file system of a bounded size".to_owned()));
        }
        fs::create_dir_all(folder)?;
        let name = folder.display().to_string();
        let guardian = Guardian::start(r#"umount -l -- "$1""#, &[&name])?;
        let size = format!("size={mebibytes}m");
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "rozmowa-faults", &name])
            .stdin(Stdio::null())
            .output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Ok(Err(format!("a file system of a bounded size can't be mounted: {said}")));
        }
        Ok(Ok(Self { folder: folder.to_owned(), _guardian: guardian }))
    }

    /// Makes room without touching a file.
    pub(super) fn grow(&self, mebibytes: u32) -> io::Result<()> {
        let size = format!("remount,size={mebibytes}m");
        let status = Command::new("mount").args(["-o", &size]).arg(&self.folder).status()?;
        if status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!("mount -o {size}: {status}")))
    }

    /// Takes all the room that is left.
    pub(super) fn fill(&self) -> io::Result<Ballast> {
        let path = self.folder.join("ballast");
        let mut file = File::create(&path)?;
        let ballast = Ballast { path };
        let zeros = vec![0; 64 * 1024];
        // Smaller and smaller, until not a page is left.
        let mut step = zeros.len();
        while step >= 512 {
            match file.write_all(&zeros[..step]) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => step /= 2,
                Err(error) => return Err(error),
            }
        }
        Ok(ballast)
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily: a server that was just killed may not have let go yet.
        let _ = Command::new("umount").arg("-l").arg(&self.folder).status();
    }
}

pub(super) struct Ballast {
    path: PathBuf,
}

impl Ballast {
    pub(super) fn remove(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}
