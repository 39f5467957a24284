//! Ports that no other test has, of whatever process on this machine, for as long as they are claimed.

use std::{
    net::{Ipv4Addr, TcpListener},
    process,
    sync::atomic::{AtomicU16, Ordering},
};

use atocore_storage::files::{self, Locked};

/// The ports that are claimed: below those that the system gives to connections by itself, so that none of them takes one
/// while its server is being started anew.
const FIRST: u16 = 12_000;
const COUNT: u16 = 16_000;

/// A port that nobody listens on when it is claimed; nobody else claims it before it is dropped.
#[derive(Debug)]
pub struct ClaimedPort {
    number: u16,
    _lock: Locked,
}

impl ClaimedPort {
    /// Claims one.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn claim() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        // Processes begin at different places, so that they seldom meet.
        let begin = u16::try_from(process::id() * 61 % u32::from(COUNT)).unwrap_or_default();
        let mut tried =
            (0..COUNT).map(|_| FIRST + (begin + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT);
        let claimed = tried.find_map(|number| Some(Self { number, _lock: locked(number)? }));
        claimed.unwrap_or_else(|| panic!("this machine has no free port"))
    }

    /// Its number.
    #[must_use]
    pub const fn number(&self) -> u16 {
        self.number
    }
}

/// The lock on a port that nobody else has and nobody listens on.
fn locked(port: u16) -> Option<Locked> {
    let path = std::env::temp_dir().join(format!("atocore-test-port-{port}.lock"));
    let lock = files::try_lock(&path).ok().flatten()?;
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok().map(|_free| lock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_claimed_once_until_it_is_dropped() {
        let claimed: Vec<ClaimedPort> = (0..50).map(|_| ClaimedPort::claim()).collect();
        let mut numbers: Vec<u16> = claimed.iter().map(ClaimedPort::number).collect();
        assert!(numbers.iter().all(|number| locked(*number).is_none()));
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 50);
        drop(claimed);
        // Another process may have claimed some of them meanwhile.
        assert!(numbers.iter().any(|number| locked(*number).is_some()));
    }
}
