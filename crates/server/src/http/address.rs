//! Where a call comes from.

use std::net::{IpAddr, Ipv6Addr};

use http::HeaderMap;

use crate::config::Network;

/// The caller's address: the peer, or, when the peer is a proxy we trust, the last hop before our proxies.
pub fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let trusts = |address| trusted.iter().any(|network| network.contains(address));
    let mut address = peer.to_canonical();
    if trusted.is_empty() || !trusts(address) {
        return address;
    }
    let hops = headers
        .get_all("x-forwarded-for")
        .iter()
        .rev()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.rsplit(','));
    for hop in hops {
        // What stands before something unreadable can't be believed either.
        let Ok(hop) = hop.trim().parse::<IpAddr>() else { break };
        address = hop.to_canonical();
        if !trusts(address) {
            break;
        }
    }
    address
}

/// What limits count by: one household has a whole IPv6 /64.
pub fn limited_as(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client_of(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let trusted: Vec<Network> = trusted.iter().map(|n| n.parse().unwrap()).collect();
        client(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let proxies = ["127.0.0.0/8", "10.0.0.0/8"];
        assert_eq!(client_of("9.9.9.9", &["1.1.1.1"], &proxies), "9.9.9.9");
        assert_eq!(client_of("127.0.0.1", &["1.1.1.1"], &[]), "127.0.0.1");
        assert_eq!(client_of("127.0.0.1", &["6.6.6.6, 1.1.1.1", "10.0.0.7"], &proxies), "1.1.1.1");
        assert_eq!(client_of("127.0.0.1", &["6.6.6.6, nonsense, 10.0.0.7"], &proxies), "10.0.0.7");
        assert_eq!(client_of("::ffff:127.0.0.1", &["2001:db8::1"], &proxies), "2001:db8::1");
    }
}
