use std::{net::IpAddr, sync::Arc};

use ipnet::IpNet;
use poem::{Addr, Request, http::HeaderMap};

/// Where a request comes from, as far as trusted proxies tell; the request log finds it out and leaves it for handlers.
#[derive(Clone, Copy, Debug)]
pub struct ClientAddress(pub IpAddr);

/// Proxies whose word on the client's address is taken.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// Those in these networks.
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks.into())
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client: the peer, or, so long as that is a trusted proxy, whom it says it speaks for
    /// (`X-Forwarded-For`, read from the right: what stands left of an untrusted address may be forged).
    pub(super) fn client(&self, request: &Request) -> Option<IpAddr> {
        match &request.remote_addr().0 {
            Addr::SocketAddr(peer) => Some(self.behind(peer.ip(), request.headers())),
            _ => None,
        }
    }

    fn behind(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let headers = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let said: Vec<&str> = headers.flat_map(|value| value.split(',')).map(str::trim).collect();
        for address in said.iter().rev() {
            if !self.trusts(client) {
                break;
            }
            let Ok(address) = address.parse::<IpAddr>() else { break };
            client = address.to_canonical();
        }
        client
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let headers = forwarded.iter().map(|value| ("x-forwarded-for".parse().unwrap(), value.parse().unwrap()));
        let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        proxies
            .behind(
                peer.parse().unwrap(),
                &headers.fold(HeaderMap::new(), |mut all, (name, value)| {
                    all.append::<poem::http::HeaderName>(name, value);
                    all
                }),
            )
            .to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed_from_the_right() {
        assert_eq!(client("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["203.0.113.9, 198.51.100.7, 10.0.0.2"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["203.0.113.9", "198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["nonsense"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }
}
