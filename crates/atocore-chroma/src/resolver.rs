//! Finds the address of the server without a thread for every request.
//!
//! The client library resolves the name of the host for every request, also on a connection that is open, and starts a
//! thread for that whenever there is a time limit. On a busy machine a question waits for two changes of threads then.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use ureq::{
    config::Config,
    http::{Uri, uri::Scheme},
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

/// A name is looked up again after this: a server that has moved is found at its new address then.
const CACHE_LIFETIME: Duration = Duration::from_secs(10);

/// Takes an address for what it is, and remembers what a name stood for a while ago.
#[derive(Default)]
pub(super) struct CachingResolver {
    names: DefaultResolver,
    last: Mutex<Option<CachedAddress>>,
}

struct CachedAddress {
    host_and_port: String,
    since: Instant,
    addresses: ResolvedSocketAddrs,
}

impl fmt::Debug for CachingResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remembering")
    }
}

impl Resolver for CachingResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        if let Some(address) = address(uri) {
            let mut one = self.empty();
            one.push(address);
            return Ok(one);
        }
        let host_and_port = uri.authority().map(ToString::to_string).unwrap_or_default();
        let lock = || self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*lock()
            && known.host_and_port == host_and_port
            && known.since.elapsed() < CACHE_LIFETIME
        {
            return Ok(known.addresses.clone());
        }
        let addresses = self.names.resolve(uri, config, timeout)?;
        *lock() = Some(CachedAddress { host_and_port, since: Instant::now(), addresses: addresses.clone() });
        Ok(addresses)
    }
}

/// The address that stands in the place of a name.
fn address(uri: &Uri) -> Option<SocketAddr> {
    let host = uri.host()?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let usual = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    let ip: IpAddr = host.parse().ok()?;
    Some(SocketAddr::new(ip, uri.port_u16().unwrap_or(usual)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_not_resolved_and_a_name_is_no_address() {
        for (uri, expected) in [
            ("http://127.0.0.1:8000/api", Some("127.0.0.1:8000")),
            ("http://10.1.2.3/api", Some("10.1.2.3:80")),
            ("https://10.1.2.3", Some("10.1.2.3:443")),
            ("http://[::1]:8000", Some("[::1]:8000")),
            ("https://[::1]/", Some("[::1]:443")),
            ("http://localhost:8000", None),
            ("https://chroma.example.org", None),
        ] {
            assert_eq!(address(&uri.parse().unwrap()), expected.map(|text| text.parse().unwrap()), "{uri}");
        }
    }
}
