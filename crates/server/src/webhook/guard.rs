//! Where calls out may go: to public addresses, and to the networks that the configuration allows.
//!
//! Names are resolved here and nowhere else, and the connection goes to an address that was looked at: an answer that
//! changes between a check and the connection changes nothing.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::legacy::connect::dns::Name;
use moka::future::Cache;
use tokio::sync::Semaphore;
use tower::Service;
use url::{Host, Url};

use crate::config::Network;
use crate::http::{Code, Fault};

/// A name that takes longer to resolve is judged when it is called.
const RESOLVING_MAX: Duration = Duration::from_secs(5);
/// Names that are looked up at once.
const LOOKUPS_MAX: usize = 32;
pub const URL_MAX: usize = 2_000;

/// Who knows the addresses of names.
#[derive(Clone)]
pub enum Names {
    System,
    /// For tests: may answer otherwise every time.
    Held(Arc<HeldNames>),
}

type HeldNames = dyn Fn(&str) -> Vec<IpAddr> + Send + Sync;

impl Names {
    async fn resolve(&self, name: &str, lookups: &Lookups) -> std::io::Result<Vec<IpAddr>> {
        match self {
            Self::System => lookups.find(name).await,
            Self::Held(names) => Ok(names(name)),
        }
    }
}

/// The system's look-ups block a thread each, for as long as a name server likes: a few at a time, and one for all who ask
/// for a name at once. Nothing is remembered.
#[derive(Clone)]
struct Lookups {
    threads: Arc<Semaphore>,
    running: Cache<String, Vec<IpAddr>>,
}

impl Lookups {
    fn new() -> Self {
        let running = Cache::builder().max_capacity(1_000).build();
        Self { threads: Arc::new(Semaphore::new(LOOKUPS_MAX)), running }
    }

    async fn find(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        let found = self.running.try_get_with_by_ref(name, async {
            let thread = Arc::clone(&self.threads).acquire_owned().await;
            let thread = thread.map_err(std::io::Error::other)?;
            let name = name.to_owned();
            let lookup = tokio::task::spawn_blocking(move || {
                // Held by the look-up and not by who asks: nobody can start more by hanging up.
                let _thread = thread;
                (name.as_str(), 0).to_socket_addrs().map(|found| found.map(|at| at.ip()).collect())
            });
            lookup.await.map_err(std::io::Error::other)?
        });
        let found = found.await.map_err(|error: Arc<std::io::Error>| {
            std::io::Error::new(error.kind(), error.to_string())
        });
        self.running.invalidate(name).await;
        found
    }
}

/// Decides where calls out may go.
#[derive(Clone)]
pub struct Guard {
    allowed: Arc<[Network]>,
    names: Names,
    lookups: Lookups,
}

/// Why an address is not called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Not an address that a subscription can have.
    NotUrl,
    /// The address itself, or all that its name resolves to, is not public.
    NotAllowed(IpAddr),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotUrl => f.write_str("not an address that can be called"),
            Self::NotAllowed(address) => {
                write!(f, "{address} is not a public address, and not in webhooks.allowed_networks")
            }
        }
    }
}

impl std::error::Error for Refusal {}

impl Guard {
    pub fn new(allowed: &[Network], names: Names) -> Self {
        Self { allowed: allowed.into(), names, lookups: Lookups::new() }
    }

    pub fn permits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address) || self.allowed.iter().any(|network| network.contains(address))
    }

    /// Reads an address to be called. Other spellings of an IP address (decimal, octal, mapped) are read as what they
    /// mean.
    pub fn read(&self, text: &str) -> Result<Url, Refusal> {
        let url = Url::parse(text).map_err(|_| Refusal::NotUrl)?;
        let is_plain = matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
            && url.as_str().len() <= URL_MAX;
        if !is_plain {
            return Err(Refusal::NotUrl);
        }
        match literal(&url) {
            Some(address) if !self.permits(address) => Err(Refusal::NotAllowed(address)),
            _ => Ok(url),
        }
    }

    /// Whether an address that was read can be called as things are now. A name that does not resolve may do so later.
    pub async fn check(&self, url: &Url) -> Result<(), Refusal> {
        let Some(Host::Domain(name)) = url.host() else { return Ok(()) };
        match tokio::time::timeout(RESOLVING_MAX, self.resolve_name(name)).await {
            Ok(Err(Unresolved::Refused(refusal))) => Err(refusal),
            _ => Ok(()),
        }
    }

    /// A parameter that is an address to be called, as it is called.
    pub async fn judge(&self, parameter: &'static str, text: &str) -> Result<Url, Fault> {
        let checked = match self.read(text) {
            Ok(url) => self.check(&url).await.map(|()| url),
            Err(refusal) => Err(refusal),
        };
        checked.map_err(|refusal| match refusal {
            Refusal::NotUrl => Fault::of(Code::NotUrl, parameter),
            Refusal::NotAllowed(address) => {
                tracing::warn!(%address, parameter, "an address that is not public was refused");
                Fault::of(Code::AddressNotAllowed, parameter).with("address", address)
            }
        })
    }

    /// The addresses of a name that may be called.
    async fn resolve_name(&self, name: &str) -> Result<Vec<IpAddr>, Unresolved> {
        let mut addresses =
            self.names.resolve(name, &self.lookups).await.map_err(Unresolved::Failed)?;
        let first = addresses.first().copied();
        addresses.retain(|address| self.permits(*address));
        match first {
            Some(first) if addresses.is_empty() => {
                Err(Unresolved::Refused(Refusal::NotAllowed(first)))
            }
            _ => Ok(addresses),
        }
    }
}

enum Unresolved {
    Failed(std::io::Error),
    Refused(Refusal),
}

/// The connector's resolver.
impl Service<Name> for Guard {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let guard = self.clone();
        Box::pin(async move {
            match guard.resolve_name(name.as_str()).await {
                // The port is the connector's to fill in.
                Ok(addresses) => {
                    let addresses =
                        addresses.into_iter().map(|address| SocketAddr::new(address, 0));
                    Ok(addresses.collect::<Vec<_>>().into_iter())
                }
                Err(Unresolved::Failed(error)) => Err(error),
                Err(Unresolved::Refused(refusal)) => Err(std::io::Error::other(refusal)),
            }
        })
    }
}

/// The IP address that stands in a URL. The resolver is not asked about these.
fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => None,
    }
}

/// By the registries of special-purpose addresses: what is left belongs to somebody on the internet.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            !matches!(
                (a, b, c),
                (0 | 10 | 127 | 224.., _, _)
                    | (100, 64..=127, _)
                    | (169, 254, _)
                    | (172, 16..=31, _)
                    | (192, 0, 0 | 2)
                    | (192, 88, 99)
                    | (192, 168, _)
                    | (198, 18..=19, _)
                    | (198, 51, 100)
                    | (203, 0, 113)
            )
        }
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Only global unicast, without what leads into other networks (Teredo, 6to4), protocols and documentation.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    match a {
        0x2001 => b >= 0x0200 && b != 0x0db8,
        0x2002 => false,
        0x3fff => b >= 0x1000,
        _ => a & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(allowed: &[&str]) -> Guard {
        let allowed: Vec<Network> = allowed.iter().map(|text| text.parse().unwrap()).collect();
        Guard::new(&allowed, Names::System)
    }

    #[test]
    fn no_spelling_of_an_inner_address_is_called() {
        let guard = guard(&[]);
        for url in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://10.1.2.3:8080/x",
            "http://169.254.169.254/latest/meta-data",
            "http://172.31.255.255/",
            "http://192.168.0.1/",
            "http://100.64.0.1/",
            "http://0.0.0.0/",
            "http://0/",
            "http://224.0.0.1/",
            "http://255.255.255.255/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://0x7f.1/",
            "http://%31%32%37.0.0.1/",
            "http://１２７.0.0.1/",
            "http://127.0.0.1./",
            "https://[::1]/",
            "https://[::]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:a9fe:a9fe]/",
            "https://[::127.0.0.1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[2002:7f00:1::]/",
            "https://[2001::1]/",
            "https://[fe80::1]/",
            "https://[fd00::1]/",
            "https://[ff02::1]/",
            "https://[2001:db8::1]/",
        ] {
            assert!(matches!(guard.read(url), Err(Refusal::NotAllowed(_))), "{url}");
        }
    }

    #[test]
    fn public_addresses_are_called_and_others_are_no_addresses() {
        let guard = guard(&[]);
        for url in [
            "https://example.org/hook?a=1",
            "http://8.8.8.8:8080/",
            "https://[2606:4700::1111]/",
            "http://172.32.0.1/",
            "http://zażółć.pl/",
        ] {
            assert!(guard.read(url).is_ok(), "{url}");
        }
        for url in [
            "",
            "example.org/hook",
            "ftp://example.org/",
            "file:///etc/passwd",
            "gopher://127.0.0.1/",
            "http://",
            "http://user@example.org/",
            "http://user:password@example.org/",
            "http://example.org/#part",
            "http://exa mple.org/",
            "http://1.2.3.4.5/",
            &format!("http://example.org/{}", "a".repeat(URL_MAX)),
        ] {
            assert_eq!(guard.read(url), Err(Refusal::NotUrl), "{url}");
        }
    }

    #[test]
    fn allowed_networks_are_called_and_no_others() {
        let guard = guard(&["10.0.0.0/8", "::1/128"]);
        assert!(guard.read("http://10.255.0.1/").is_ok());
        assert!(guard.read("http://[::ffff:10.0.0.1]/").is_ok());
        assert!(guard.read("http://[::1]/").is_ok());
        assert!(guard.read("http://127.0.0.1/").is_err());
        assert!(guard.read("http://11.0.0.1/").is_ok(), "it is public");
    }
}
