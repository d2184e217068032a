//! Passwords: Argon2id, on a bounded number of threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::{CustomizedPasswordHasher, PasswordHasher};
use argon2::{Argon2, Params, PasswordHash};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use tokio::sync::Semaphore;

use crate::clock::Ids;
use crate::http::{Code, Error};

/// Each hash takes 19 MiB and some 25 ms of one core.
const THREADS: usize = 2;
/// Hashes that may wait for a thread; one more is told that the server is overloaded.
const WAITING_MAX: usize = 64;

/// Counts and bounds the hashing of a process.
pub struct Hasher {
    threads: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    hashes: AtomicU64,
    /// Checked when there is no such user, so that time does not tell.
    dummy: String,
}

impl Hasher {
    pub fn new(salt: [u8; 16]) -> Self {
        // Nobody's password, with the cost of everybody's: the hash part is never matched.
        let encode = |bytes: &[u8]| STANDARD_NO_PAD.encode(bytes);
        let dummy =
            format!("$argon2id$v=19$m=19456,t=2,p=1${}${}", encode(&salt), encode(&[0; 32]));
        Self {
            threads: Arc::new(Semaphore::new(THREADS)),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            hashes: AtomicU64::new(0),
            dummy,
        }
    }

    /// Which of the passwords this is; nobody's costs the same and is never one of them.
    pub async fn verify(
        &self,
        password: String,
        hashes: Option<Hashes>,
    ) -> Result<Option<Secret>, Error> {
        let exists = hashes.is_some();
        let hashes = hashes.unwrap_or_else(|| Hashes { newest: self.dummy.clone(), old: None });
        let found = self.run(move || hashes.find(&password)).await?;
        Ok(found.filter(|_| exists))
    }

    /// The hash of a new password.
    pub async fn hash(&self, password: String, salt: [u8; 16]) -> Result<String, Error> {
        self.run(move || hash(&password, salt)).await
    }

    /// The hash of a new password under the salt of the current one; `None` when it is that one.
    pub async fn beside(&self, password: String, current: String) -> Result<Option<String>, Error> {
        self.run(move || beside(&password, &current)).await
    }

    /// Both places are held by the hash and not by the call: a caller that hangs up can't stop a hash.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let waiting = Arc::clone(&self.waiting)
            .try_acquire_owned()
            .map_err(|_| Error::from(Code::Overloaded).retry_after(1))?;
        let thread = Arc::clone(&self.threads).acquire_owned().await.map_err(Error::internal)?;
        self.hashes.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("rozmowa_password_hashes_total").increment(1);
        tokio::task::spawn_blocking(move || {
            let _places = (waiting, thread);
            work()
        })
        .await
        .map_err(Error::internal)?
    }

    /// Hashes since the process began.
    pub fn hashes(&self) -> u64 {
        self.hashes.load(Ordering::Relaxed)
    }
}

/// Which of a user's passwords was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secret {
    Newest,
    Old,
}

/// The hashes of a user's passwords.
#[derive(Clone)]
pub struct Hashes {
    pub newest: String,
    /// While it is good.
    pub old: Option<String>,
}

impl Hashes {
    fn find(&self, password: &str) -> Result<Option<Secret>, Error> {
        let newest = PasswordHash::new(&self.newest).map_err(Error::internal)?;
        let given = hash_like(password, &newest)?;
        if given.hash == newest.hash {
            return Ok(Some(Secret::Newest));
        }
        let Some(old) = &self.old else { return Ok(None) };
        let old = PasswordHash::new(old).map_err(Error::internal)?;
        // A rotation makes the new hash beside the old one, so that one hash tells which of both it is: a wrong password
        // costs no more than elsewhere, and time does not tell that there are two.
        let is_beside = (&old.salt, &old.params) == (&newest.salt, &newest.params);
        let given = if is_beside { given } else { hash_like(password, &old)? };
        Ok((given.hash == old.hash).then_some(Secret::Old))
    }
}

fn hash_like(password: &str, like: &PasswordHash) -> Result<PasswordHash, Error> {
    let salt = like.salt.as_ref().ok_or_else(|| Error::internal("a hash has no salt"))?;
    let params = Params::try_from(like).map_err(Error::internal)?;
    Argon2::default()
        .hash_password_customized(
            password.as_bytes(),
            salt,
            Some(like.algorithm.as_str()),
            like.version,
            params,
        )
        .map_err(Error::internal)
}

/// Hashes a new password. Blocks for as long as a hash takes.
pub fn hash(password: &str, salt: [u8; 16]) -> Result<String, Error> {
    Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map(|hash| hash.to_string())
        .map_err(Error::internal)
}

/// Hashes a password under the salt of a user's current one, so that both are checked by one hash; `None` when it is that
/// one. Blocks for as long as a hash takes.
pub fn beside(password: &str, current: &str) -> Result<Option<String>, Error> {
    let current = PasswordHash::new(current).map_err(Error::internal)?;
    let made = hash_like(password, &current)?;
    Ok((made.hash != current.hash).then(|| made.to_string()))
}

/// A password that nobody chose.
pub fn made_up(ids: &Ids) -> String {
    URL_SAFE_NO_PAD.encode(ids.bytes::<15>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_password_is_found_whether_or_not_they_share_a_salt() {
        let old = hash("old", [1; 16]).unwrap();
        let beside = beside("new", &old).unwrap().expect("it is another one");
        assert!(super::beside("old", &old).unwrap().is_none());
        for newest in [beside, hash("new", [2; 16]).unwrap()] {
            let hashes = Hashes { newest, old: Some(old.clone()) };
            assert_eq!(hashes.find("new").unwrap(), Some(Secret::Newest));
            assert_eq!(hashes.find("old").unwrap(), Some(Secret::Old));
            assert_eq!(hashes.find("wrong").unwrap(), None);
            let alone = Hashes { old: None, ..hashes };
            assert_eq!(alone.find("old").unwrap(), None);
        }
    }
}
