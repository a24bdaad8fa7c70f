//! Who may come in: the limits on clients in all and on clients of one address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::config::Config;
use crate::record::Peer;
use crate::upgrade::Refusal;

/// Counts the clients that are in, on all reactors of the server. They meet here when a client comes and
/// when it goes, and never in between.
#[derive(Debug)]
pub(super) struct Admission {
    max: usize,
    max_per_ip: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    inside: usize,
    per_ip: HashMap<IpAddr, usize>,
}

/// What a client that is in counts as. It cannot be copied, and so is given back once.
#[derive(Debug)]
pub(super) struct Place {
    /// It counts under its address, too.
    has_address: bool,
}

impl Admission {
    pub(super) fn new(config: &Config) -> Self {
        Admission {
            max: config.max_connections,
            max_per_ip: config.max_connections_per_ip,
            counts: Mutex::default(),
        }
    }

    /// Lets a client in and counts it, or says why not. One without a name yet, because a proxy is to
    /// tell it, counts in all only.
    pub(super) fn enter(&self, client: Option<Peer>) -> Result<Place, Refusal> {
        let mut counts = self.counts();
        if self.max != 0 && counts.inside >= self.max {
            return Err(Refusal::Unavailable);
        }
        let mut place = Place { has_address: false };
        if let Some(peer) = client {
            self.count(&mut counts, &mut place, peer)?;
        }
        counts.inside += 1;
        Ok(place)
    }

    /// Counts a client that came in without a name under the one that it has now, or says why it has to go.
    pub(super) fn name(&self, place: &mut Place, client: Peer) -> Result<(), Refusal> {
        self.count(&mut self.counts(), place, client)
    }

    fn count(&self, counts: &mut Counts, place: &mut Place, client: Peer) -> Result<(), Refusal> {
        let Some(ip) = client.ip().filter(|_| self.max_per_ip != 0) else { return Ok(()) };
        let count = counts.per_ip.entry(ip).or_default();
        if *count >= self.max_per_ip {
            return Err(Refusal::TooManyConnections);
        }
        *count += 1;
        place.has_address = true;
        Ok(())
    }

    /// Clients that are in, and addresses that are counted.
    #[cfg(feature = "sim")]
    pub(super) fn counted(&self) -> (usize, usize) {
        let counts = self.counts();
        (counts.inside, counts.per_ip.len())
    }

    /// A client that was let in is gone. `client` is what it was called last.
    pub(super) fn leave(&self, place: Place, client: Peer) {
        let mut counts = self.counts();
        counts.inside -= 1;
        let Some(ip) = client.ip().filter(|_| place.has_address) else { return };
        if let Entry::Occupied(mut count) = counts.per_ip.entry(ip) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Nothing that is done under the lock can panic half-way, so a poisoned lock is whole.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_hold_and_places_come_back() {
        let config = Config { max_connections: 3, max_connections_per_ip: 2, ..Config::default() };
        let admission = Admission::new(&config);
        let mut places = std::collections::VecDeque::new();
        let peer = |last, port| Peer::Ip(IpAddr::from([10, 0, 0, last]), port);
        places.push_back((admission.enter(Some(peer(1, 1))).unwrap(), peer(1, 1)));
        places.push_back((admission.enter(Some(peer(1, 2))).unwrap(), peer(1, 2)));
        assert_eq!(admission.enter(Some(peer(1, 3))).err(), Some(Refusal::TooManyConnections));
        places.push_back((admission.enter(Some(Peer::Local)).unwrap(), Peer::Local));
        assert_eq!(admission.enter(Some(peer(2, 1))).err(), Some(Refusal::Unavailable));
        assert_eq!(admission.enter(None).err(), Some(Refusal::Unavailable));
        let (place, client) = places.pop_front().unwrap();
        admission.leave(place, client);
        places.push_back((admission.enter(Some(peer(1, 3))).unwrap(), peer(1, 3)));
        for (place, client) in places {
            admission.leave(place, client);
        }
        assert!(admission.counts().per_ip.is_empty());
        assert_eq!(admission.counts().inside, 0);
    }

    #[test]
    fn who_is_named_later_counts_under_that_name_only() {
        let config = Config { max_connections: 3, max_connections_per_ip: 1, ..Config::default() };
        let admission = Admission::new(&config);
        let peer = Peer::Ip(IpAddr::from([10, 0, 0, 1]), 1);
        let mut places: Vec<_> = (0..3).map(|_| admission.enter(None).unwrap()).collect();
        assert_eq!(admission.enter(None).err(), Some(Refusal::Unavailable), "unnamed ones count in all");
        let (mut first, mut second) = (places.remove(0), places.remove(0));
        assert_eq!(admission.name(&mut first, peer), Ok(()));
        assert_eq!(admission.name(&mut second, peer), Err(Refusal::TooManyConnections));
        admission.leave(second, peer);
        assert_eq!(
            admission.enter(Some(peer)).err(),
            Some(Refusal::TooManyConnections),
            "who left was not it"
        );
        admission.leave(first, peer);
        places.push(admission.enter(Some(peer)).unwrap());
        for gone in places {
            admission.leave(gone, peer);
        }
        assert!(admission.counts().per_ip.is_empty());
        assert_eq!(admission.counts().inside, 0);
    }
}
