//! TLS in the process: certificate and key from files, taken up anew when they change.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// How often the files are looked at.
const RELOAD_EVERY: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificate {
    pub fn load(chain: PathBuf, key: PathBuf) -> Result<Arc<Self>, String> {
        let current = RwLock::new(Arc::new(read(&chain, &key)?));
        Ok(Arc::new(Self { chain, key, current }))
    }

    pub fn server_config(self: &Arc<Self>) -> Result<Arc<rustls::ServerConfig>, String> {
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<Self>::clone(self);
        let mut config =
            rustls::ServerConfig::builder_with_provider(ring::default_provider().into())
                .with_safe_default_protocol_versions()
                .map_err(|error| error.to_string())?
                .with_no_client_auth()
                .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// Looks at the files now and then, for as long as the server runs. While certificate and key do not fit each
    /// other, as between the two steps of a renewal, the old pair stays.
    pub async fn watch(self: Arc<Self>) {
        let mut seen = self.stamps();
        let mut told = None;
        loop {
            tokio::time::sleep(RELOAD_EVERY).await;
            let now = self.stamps();
            if now == seen {
                continue;
            }
            match read(&self.chain, &self.key) {
                Ok(pair) => {
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
                    tracing::info!(certificate = %self.chain.display(), "the certificate was taken up anew");
                    seen = now;
                }
                Err(error) => {
                    if told != Some(now) {
                        tracing::error!(
                            error,
                            "the changed certificate can't be used; the old one stays"
                        );
                        told = Some(now);
                    }
                }
            }
        }
    }

    fn stamps(&self) -> [Option<(SystemTime, u64)>; 2] {
        [&self.chain, &self.key].map(|path| {
            let file = std::fs::metadata(path).ok()?;
            Some((file.modified().ok()?, file.len()))
        })
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn read(chain: &PathBuf, key: &PathBuf) -> Result<CertifiedKey, String> {
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect)
        .map_err(|error| format!("{}: {error}", chain.display()))?;
    if certificates.is_empty() {
        return Err(format!("{}: there is no certificate in it", chain.display()));
    }
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|error| format!("{}: {error}", key.display()))?;
    CertifiedKey::from_der(certificates, private, &ring::default_provider())
        .map_err(|error| format!("{} and {}: {error}", chain.display(), key.display()))
}
