//! Passwords: Argon2id, on a bounded number of threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Argon2, PasswordHash};
use tokio::sync::Semaphore;

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
        let encode = |bytes: &[u8]| {
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD_NO_PAD, bytes)
        };
        let dummy =
            format!("$argon2id$v=19$m=19456,t=2,p=1${}${}", encode(&salt), encode(&[0; 32]));
        Self {
            threads: Arc::new(Semaphore::new(THREADS)),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            hashes: AtomicU64::new(0),
            dummy,
        }
    }

    /// Whether the password is the one behind the hash; `None` costs the same and is never true.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Error> {
        let exists = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.dummy.clone());
        let check = move || {
            let hash = PasswordHash::new(&hash).map_err(Error::internal)?;
            Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
        };
        Ok(self.run(check).await? && exists)
    }

    /// The hash of a new password.
    pub async fn hash(&self, password: String, salt: [u8; 16]) -> Result<String, Error> {
        self.run(move || hash(&password, salt)).await
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

/// Hashes a new password. Blocks for as long as a hash takes.
pub fn hash(password: &str, salt: [u8; 16]) -> Result<String, Error> {
    Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map(|hash| hash.to_string())
        .map_err(Error::internal)
}
