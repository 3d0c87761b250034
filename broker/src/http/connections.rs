//! How many connections there are, in all and of each address.

use rustc_hash::FxHashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// Connections beyond the limits that are open for as long as it takes to tell them so: one for so many that are allowed. More are
/// dropped at once.
const ALLOWED_FOR_A_REFUSAL: usize = 16;
const REFUSALS_MIN: usize = 16;
const REFUSALS_MAX: usize = 1_024;
/// Descriptors that are no connections: files, sockets to venues, the runtimes' own.
const DESCRIPTORS_KEPT: usize = 64;

/// Counts connections, HTTP and WebSocket together.
#[derive(Debug)]
pub struct Connections {
    connections_max: usize,
    per_address_max: u32,
    total: AtomicUsize,
    by_address: Mutex<FxHashMap<AddressKey, u32>>,
    refused: [AtomicU64; 3],
}

/// A connection's place in the count, given back when it is dropped.
#[derive(Debug)]
pub struct Permit {
    connections: Arc<Connections>,
    address: AddressKey,
}

/// Which limit a connection is beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// `connections_max`.
    Total,
    /// `connections_per_address_max`.
    Address,
}

/// An IPv4 address, or the /64 that an IPv6 address lies in: whoever has one address of it has all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct AddressKey(u64);

impl Connections {
    /// Without any.
    #[must_use]
    pub fn new(connections_max: usize, per_address_max: usize) -> Arc<Self> {
        Arc::new(Self {
            connections_max,
            per_address_max: u32::try_from(per_address_max).unwrap_or(u32::MAX),
            total: AtomicUsize::new(0),
            by_address: Mutex::default(),
            refused: Default::default(),
        })
    }

    /// Counts a connection in, and says which limit it is beyond. None: it is not even to be told so.
    pub fn enter(self: &Arc<Self>, peer: SocketAddr) -> Option<(Permit, Option<Excess>)> {
        let total = self.total.fetch_add(1, Relaxed) + 1;
        let address = AddressKey::of(peer.ip());
        let permit = Permit { connections: Arc::clone(self), address };
        let of_address = {
            let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
            let count = by_address.entry(address).or_default();
            *count += 1;
            *count
        };
        let excess = if total > self.connections_max {
            Some(Excess::Total)
        } else if of_address > self.per_address_max {
            Some(Excess::Address)
        } else {
            None
        };
        if let Some(excess) = excess {
            self.refused[excess as usize].fetch_add(1, Relaxed);
        }
        let refusals_max = refusals_max(self.connections_max);
        let beyond_all = total > self.connections_max.saturating_add(refusals_max);
        let beyond_address =
            of_address as usize > (self.per_address_max as usize).saturating_add(refusals_max);
        (!beyond_all && !beyond_address).then_some((permit, excess))
    }

    /// How many there are.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total.load(Relaxed)
    }

    /// How many were beyond this limit so far.
    #[must_use]
    pub fn refused(&self, excess: Excess) -> u64 {
        self.refused[excess as usize].load(Relaxed)
    }
}

/// As many connections as are allowed, or as `descriptors` are there for: better refused in words than not accepted.
#[must_use]
pub(crate) fn within_descriptors(connections_max: usize, descriptors: usize) -> usize {
    let free = descriptors.saturating_sub(DESCRIPTORS_KEPT + REFUSALS_MIN);
    connections_max.min((free - free / ALLOWED_FOR_A_REFUSAL).max(1))
}

fn refusals_max(connections_max: usize) -> usize {
    (connections_max / ALLOWED_FOR_A_REFUSAL).clamp(REFUSALS_MIN, REFUSALS_MAX)
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.connections.total.fetch_sub(1, Relaxed);
        let mut by_address = self.connections.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

impl AddressKey {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            // No /64 in use begins with 32 zero bits: that is where IPv4 addresses fit.
            IpAddr::V4(v4) => Self(u64::from(v4.to_bits())),
            IpAddr::V6(v6) => Self((v6.to_bits() >> 64) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> SocketAddr {
        SocketAddr::new(text.parse().unwrap(), 1)
    }

    #[test]
    fn each_address_has_its_own_limit_and_all_share_one() {
        let connections = Connections::new(3, 2);
        let enter = |address| connections.enter(peer(address)).unwrap();
        let first = enter("10.0.0.1");
        let second = enter("::ffff:10.0.0.1");
        assert_eq!((first.1, second.1), (None, None));
        let third = enter("10.0.0.1");
        assert_eq!(third.1, Some(Excess::Address));
        assert_eq!(enter("10.0.0.2").1, Some(Excess::Total));
        drop((first, third));
        assert_eq!(enter("10.0.0.1").1, None);
        assert_eq!((connections.refused(Excess::Address), connections.refused(Excess::Total)), (1, 1));
        drop(second);
        assert_eq!(connections.total(), 0);
        assert!(connections.by_address.lock().unwrap().is_empty());
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let connections = Connections::new(9, 1);
        let _first = connections.enter(peer("2001:db8::1")).unwrap();
        assert_eq!(connections.enter(peer("2001:db8::ffff")).unwrap().1, Some(Excess::Address));
        assert_eq!(connections.enter(peer("2001:db8:0:1::1")).unwrap().1, None);
    }

    #[test]
    fn connections_and_their_refusals_fit_the_descriptors() {
        for descriptors in [0, 64, 100, 1_024, 20_000, 1_048_576] {
            let allowed = within_descriptors(65_536, descriptors);
            let needed = DESCRIPTORS_KEPT + allowed + refusals_max(allowed);
            assert!(needed <= descriptors.max(97), "{descriptors}: {allowed}");
        }
        assert_eq!(within_descriptors(65_536, 1_048_576), 65_536);
        assert!(within_descriptors(65_536, 1_024) > 800);
    }

    #[test]
    fn far_beyond_the_limit_nobody_is_told() {
        let connections = Connections::new(1, 9_999);
        let all: Vec<_> = (0..2 + REFUSALS_MIN).map(|_| connections.enter(peer("10.0.0.1"))).collect();
        assert_eq!(all.iter().filter(|entered| entered.is_none()).count(), 1);
        assert_eq!(connections.total(), 1 + REFUSALS_MIN);
    }
}
