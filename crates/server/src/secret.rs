//! The key file: what is sealed or fingerprinted under it can't be read from the database alone.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::clock::Ids;

const LENGTH: usize = 32;

/// Writes a file that only its owner may read, whole or not at all.
pub fn write_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    let partial = path.with_extension("partial");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
    file.write_all(contents)?;
    file.sync_all()?;
    std::fs::rename(&partial, path)?;
    File::open(path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")))?
        .sync_all()
}

#[derive(Clone)]
pub struct Key([u8; LENGTH]);

impl Key {
    /// Reads the file, or makes it at the first start, for the owner's eyes only.
    pub fn open(path: &Path, ids: &Ids) -> io::Result<Self> {
        match File::open(path) {
            Ok(file) => {
                let mut key = Vec::new();
                file.take(LENGTH as u64 + 1).read_to_end(&mut key)?;
                key.try_into().map(Self).map_err(|_| {
                    io::Error::new(
                        io::ErrorKind::InvalidData,
                        format!("it must hold {LENGTH} bytes"),
                    )
                })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = ids.bytes::<LENGTH>();
                write_private(path, &key)?;
                Ok(Self(key))
            }
            Err(error) => Err(error),
        }
    }

    /// For one process's life.
    pub fn passing(ids: &Ids) -> Self {
        Self(ids.bytes())
    }

    /// A fingerprint of several parts, each closed off by its length so that no two lists are alike.
    pub fn fingerprint(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any length of key is good");
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// Half of a fingerprint, for what is stored by the million.
    pub fn short_fingerprint(&self, parts: &[&[u8]]) -> [u8; 16] {
        let whole = self.fingerprint(parts);
        std::array::from_fn(|i| whole[i])
    }
}
