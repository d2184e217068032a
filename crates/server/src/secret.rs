//! The key file: what is sealed or fingerprinted under it can't be read from the database alone.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::Sha256;

use crate::clock::Ids;

const LENGTH: usize = 32;
/// How a sealed value begins: this byte, the nonce, then the ciphertext with its tag.
const SEALED_1: u8 = 1;

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

    /// Seals what has to be used again, so that it can be neither read nor changed without the key file. The purpose is sealed
    /// along: a value can't be put in the place of another one's.
    pub fn seal(&self, ids: &Ids, purpose: &str, plain: &[u8]) -> Vec<u8> {
        let nonce = ids.bytes::<NONCE_LEN>();
        let mut sealed = plain.to_vec();
        self.sealing()
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose.as_bytes()),
                &mut sealed,
            )
            .expect("nobody seals gigabytes");
        [&[SEALED_1][..], &nonce, &sealed].concat()
    }

    /// None when it was sealed for another purpose, under another key, or was changed since.
    pub fn open_sealed(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, ciphertext) = sealed.strip_prefix(&[SEALED_1])?.split_first_chunk()?;
        let mut text = ciphertext.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain =
            self.sealing().open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut text).ok()?;
        Some(plain.to_vec())
    }

    /// A key of its own: nothing that is fingerprinted can be told from it.
    fn sealing(&self) -> LessSafeKey {
        let key = self.fingerprint(&[b"seal"]);
        let key = UnboundKey::new(&CHACHA20_POLY1305, &key).expect("a fingerprint has the length");
        LessSafeKey::new(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> (Key, Ids) {
        let ids = Ids::from_seed(1);
        (Key::passing(&ids), ids)
    }

    #[test]
    fn what_is_sealed_is_opened_and_not_seen() {
        let (key, ids) = key();
        for plain in [&b""[..], b"x", b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &[0; 4096]] {
            let sealed = key.seal(&ids, "webhook 5", plain);
            assert_eq!(key.open_sealed("webhook 5", &sealed).as_deref(), Some(plain));
            assert_eq!(sealed.len(), 1 + NONCE_LEN + plain.len() + 16);
            assert!(plain.len() < 2 || !sealed.windows(plain.len()).any(|part| part == plain));
            assert_ne!(key.seal(&ids, "webhook 5", plain), sealed, "no two are alike");
        }
    }

    #[test]
    fn what_was_changed_or_belongs_elsewhere_is_not_opened() {
        let (key, ids) = key();
        let sealed = key.seal(&ids, "webhook 5", b"secret");
        assert_eq!(key.open_sealed("webhook 6", &sealed), None);
        assert_eq!(key.open_sealed("", &sealed), None);
        assert_eq!(Key::passing(&ids).open_sealed("webhook 5", &sealed), None);
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.open_sealed("webhook 5", &changed), None, "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert_eq!(key.open_sealed("webhook 5", &sealed[..length]), None, "{length} bytes");
        }
    }
}
