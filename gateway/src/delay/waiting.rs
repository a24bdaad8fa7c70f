//! Pending answers, and their limits: for one connection, for one address, and in all.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use sysconn::{ConnectionId, Peer};

/// Pending bytes of one connection.
const MAX_CONNECTION_BYTES: usize = 1024 * 1024;
/// Pending bytes of all connections from one address, so that one client cannot use up the total.
const MAX_ADDRESS_BYTES: usize = 16 * 1024 * 1024;
/// Pending bytes in all.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// The approximate cost of a pending answer beside its bytes.
const ANSWER_BYTES: usize = 256;

/// The address of a client; `None` for those on Unix domain sockets. An IPv6 /64 counts as one address.
type Address = Option<IpAddr>;

/// The pending answers. A connection has at most one, since it takes no further request before its answer.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    /// Ordered by due time.
    answers: BTreeMap<(Duration, ConnectionId), T>,
    connections: HashMap<ConnectionId, Charge>,
    /// Bytes of each address that has any.
    addresses: HashMap<Address, usize>,
    bytes: usize,
}

/// The limits that the pending answer of a connection counts against.
#[derive(Clone, Copy, Debug)]
struct Charge {
    address: Address,
    cost: usize,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Waiting { answers: BTreeMap::new(), connections: HashMap::new(), addresses: HashMap::new(), bytes: 0 }
    }
}

impl<T> Waiting<T> {
    /// Adds an answer of `len` bytes that is due at `due`.
    ///
    /// # Errors
    /// The answer, if a limit is reached or the connection has a pending answer.
    pub(super) fn add(
        &mut self,
        id: ConnectionId,
        peer: Peer,
        due: Duration,
        len: usize,
        answer: T,
    ) -> Result<(), T> {
        let address = address(peer);
        let cost = len.saturating_add(ANSWER_BYTES);
        let address_bytes = self.addresses.get(&address).copied().unwrap_or_default();
        let fits = cost <= MAX_CONNECTION_BYTES
            && address_bytes.saturating_add(cost) <= MAX_ADDRESS_BYTES
            && self.bytes.saturating_add(cost) <= MAX_BYTES;
        if !fits || self.connections.contains_key(&id) {
            return Err(answer);
        }
        self.bytes += cost;
        self.addresses.insert(address, address_bytes + cost);
        self.connections.insert(id, Charge { address, cost });
        self.answers.insert((due, id), answer);
        Ok(())
    }

    /// Removes the answer of a connection that is due at that time, if it is still pending.
    pub(super) fn remove(&mut self, id: ConnectionId, due: Duration) -> Option<T> {
        let answer = self.answers.remove(&(due, id))?;
        let Charge { address, cost } = self.connections.remove(&id)?;
        self.bytes = self.bytes.saturating_sub(cost);
        if let Some(address_bytes) = self.addresses.get_mut(&address) {
            *address_bytes = address_bytes.saturating_sub(cost);
            if *address_bytes == 0 {
                self.addresses.remove(&address);
            }
        }
        Some(answer)
    }

    /// Takes an answer that is due by `now`.
    pub(super) fn take_due(&mut self, now: Duration) -> Option<T> {
        let (&(due, id), _) = self.answers.first_key_value()?;
        if due <= now { self.remove(id, due) } else { None }
    }

    /// When the first answer is due.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.answers.first_key_value().map(|((due, _), _)| *due)
    }
}

fn address(peer: Peer) -> Address {
    peer.ip().map(|ip| match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> ConnectionId {
        ConnectionId::from_u64(number)
    }

    fn from(ip: &str) -> Peer {
        Peer::Ip(ip.parse().unwrap(), 1)
    }

    fn is_empty<T>(waiting: &Waiting<T>) -> bool {
        waiting.answers.is_empty()
            && waiting.connections.is_empty()
            && waiting.addresses.is_empty()
            && waiting.bytes == 0
    }

    #[test]
    fn answers_come_when_they_are_due_in_order() {
        let mut waiting = Waiting::default();
        for (number, ms) in [(1, 30), (2, 10), (3, 10), (4, 20)] {
            waiting.add(id(number), Peer::Local, Duration::from_millis(ms), 5, number).unwrap();
        }
        assert_eq!(waiting.add(id(1), Peer::Local, Duration::ZERO, 5, 9), Err(9), "it has one already");
        let mut taken = vec![];
        for ms in [9, 10, 19, 20, 29, 30] {
            let now = Duration::from_millis(ms);
            taken.extend(std::iter::from_fn(|| waiting.take_due(now)).map(|number| (ms, number)));
        }
        assert_eq!(taken, [(10, 2), (10, 3), (20, 4), (30, 1)]);
        assert!(is_empty(&waiting) && waiting.next_due().is_none());
    }

    /// Sources of connections that fill the limits, the number that fits, a source that is then refused, and
    /// one that is not.
    type Case = (&'static [&'static str], usize, &'static [&'static str], &'static [&'static str]);

    #[test]
    fn what_waits_is_bounded_for_a_connection_an_address_and_in_all() {
        let (largest, address_bytes) =
            (MAX_CONNECTION_BYTES - ANSWER_BYTES, MAX_ADDRESS_BYTES / MAX_CONNECTION_BYTES);
        let cases: [Case; 4] = [
            (&["10.0.0.1"], address_bytes, &["10.0.0.1"], &["10.0.0.2", "::1"]),
            // One network is one address.
            (
                &["2001:db8::1", "2001:db8::2:1"],
                address_bytes,
                &["2001:db8::3"],
                &["2001:db8:0:1::1", "10.0.0.1"],
            ),
            (
                &["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"],
                MAX_BYTES / MAX_CONNECTION_BYTES,
                &["10.0.0.1", "10.0.0.5"],
                &[],
            ),
            (&["10.0.0.1", "10.0.0.2"], 2 * address_bytes, &["10.0.0.1", "10.0.0.2"], &["10.0.0.3"]),
        ];
        for (peers, expected, refused, admitted) in cases {
            let mut waiting = Waiting::default();
            let mut came = 0;
            for number in 0..100 {
                let peer = from(peers[number as usize % peers.len()]);
                came += usize::from(waiting.add(id(number), peer, Duration::ZERO, largest, ()).is_ok());
            }
            assert_eq!(came, expected, "{peers:?}");
            for (ips, fits) in [(refused, false), (admitted, true)] {
                for ip in ips {
                    let added = waiting.add(id(200), from(ip), Duration::ZERO, 1, ());
                    assert_eq!(added.is_ok(), fits, "{ip} beside {peers:?}");
                    waiting.remove(id(200), Duration::ZERO);
                }
            }
            // After all have left, nothing is counted any more.
            for number in 0..100 {
                waiting.remove(id(number), Duration::ZERO);
            }
            assert!(is_empty(&waiting), "{waiting:?}");
            assert_eq!(waiting.add(id(300), from(peers[0]), Duration::ZERO, largest, ()), Ok(()));
        }
        let mut waiting = Waiting::default();
        assert_eq!(waiting.add(id(1), Peer::Local, Duration::ZERO, largest + 1, 7), Err(7));
        assert_eq!(waiting.add(id(1), Peer::Local, Duration::ZERO, usize::MAX, 7), Err(7));
        assert!(is_empty(&waiting));
    }
}
