//! Where the bytes lie: each content once, under its hash.

use std::collections::HashMap;
use std::fmt::Write;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::fs;
use tokio::sync::MutexGuard;
use uuid::Uuid;

use crate::clock::Ids;
use crate::http::{Code, Error};

/// Contents that are put in and taken away at once.
const LOCKS: usize = 64;
/// Uploads into one conversation at once.
const UPLOADS_MAX: usize = 4;

/// The SHA-256 of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Content(pub [u8; 32]);

impl Content {
    fn hex(&self) -> String {
        self.0.iter().fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// From the names of a folder and a file in it.
    pub fn from_names(folder: &str, file: &str) -> Option<Self> {
        let hex = format!("{folder}{file}");
        let mut bytes = [0; 32];
        if hex.len() != 64 || !hex.is_ascii() {
            return None;
        }
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&hex[at..at + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

pub struct Folder {
    root: PathBuf,
    /// Whoever adds a row for a content, and whoever takes away one that has none, holds its lock.
    locks: [tokio::sync::Mutex<()>; LOCKS],
    uploads: Arc<Mutex<HashMap<Uuid, usize>>>,
}

impl Folder {
    pub fn new(root: PathBuf) -> Self {
        let locks = std::array::from_fn(|_| tokio::sync::Mutex::default());
        Self { root, locks, uploads: Arc::default() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn path(&self, content: &Content) -> PathBuf {
        let hex = content.hex();
        self.root.join(&hex[..2]).join(&hex[2..])
    }

    /// Where what is not whole yet lies.
    fn incoming(&self) -> PathBuf {
        self.root.join("incoming")
    }

    /// Makes the folder, and removes what a process before this one has left half-way. Blocks; before anybody uploads.
    pub fn prepare(&self) -> io::Result<()> {
        let incoming = self.incoming();
        match std::fs::remove_dir_all(&incoming) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&incoming)?;
        // The folder itself is there after a crash, too.
        for folder in [Some(&*self.root), self.root.parent()].into_iter().flatten() {
            std::fs::File::open(folder)?.sync_all()?;
        }
        Ok(())
    }

    pub async fn lock(&self, content: &Content) -> MutexGuard<'_, ()> {
        self.locks[usize::from(content.0[0]) % LOCKS].lock().await
    }

    /// A file to write to, under a name of its own.
    pub async fn begin(&self, ids: &Ids) -> io::Result<(fs::File, Partial)> {
        let path = self.incoming().join(Uuid::from_bytes(ids.bytes()).simple().to_string());
        let mut options = fs::OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).mode(0o600).open(&path).await?;
        Ok((file, Partial { path }))
    }

    /// Puts what has arrived, and is on the disk, in its place. The content's lock is held.
    pub async fn keep(&self, partial: Partial, content: &Content) -> io::Result<()> {
        let path = self.path(content);
        let folder = path.parent().unwrap_or(&self.root);
        if !fs::try_exists(folder).await? {
            make(folder).await?;
            sync(&self.root).await?;
        }
        fs::rename(&partial.path, &path).await?;
        sync(folder).await
    }

    /// A place among the uploads into a conversation.
    pub fn upload(&self, conversation: Uuid) -> Result<Uploading, Error> {
        let mut uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        let count = uploads.entry(conversation).or_default();
        if *count == UPLOADS_MAX {
            let fault = crate::http::Fault::new(Code::TooManyCalls).with("seconds", 5);
            return Err(Error::from(fault).retry_after(5).closing());
        }
        *count += 1;
        drop(uploads);
        Ok(Uploading { uploads: Arc::clone(&self.uploads), conversation })
    }
}

async fn make(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).await
}

/// What was renamed is there after a crash, too.
async fn sync(folder: &Path) -> io::Result<()> {
    fs::File::open(folder).await?.sync_all().await
}

/// A file that is not in its place yet; it goes when this is dropped.
pub struct Partial {
    path: PathBuf,
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After it was kept there is nothing to remove.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// An upload under way.
pub struct Uploading {
    uploads: Arc<Mutex<HashMap<Uuid, usize>>>,
    conversation: Uuid,
}

impl Drop for Uploading {
    fn drop(&mut self) {
        let mut uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = uploads.get_mut(&self.conversation) {
            *count -= 1;
            if *count == 0 {
                uploads.remove(&self.conversation);
            }
        }
    }
}
