//! Who may come in: the limits on clients in all and on clients of one address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;

use crate::config::Config;
use crate::record::Peer;
use crate::upgrade::Refusal;

/// Counts the clients that are in.
#[derive(Debug)]
pub(super) struct Admission {
    max: usize,
    max_per_ip: usize,
    inside: usize,
    per_ip: HashMap<IpAddr, usize>,
}

impl Admission {
    pub(super) fn new(config: &Config) -> Self {
        Admission {
            max: config.max_connections,
            max_per_ip: config.max_connections_per_ip,
            inside: 0,
            per_ip: HashMap::new(),
        }
    }

    /// Lets a client in and counts it, or says why not.
    pub(super) fn enter(&mut self, peer: Peer) -> Result<(), Refusal> {
        if self.max != 0 && self.inside >= self.max {
            return Err(Refusal::Unavailable);
        }
        if let Some(ip) = peer.ip().filter(|_| self.max_per_ip != 0) {
            let count = self.per_ip.entry(ip).or_default();
            if *count >= self.max_per_ip {
                return Err(Refusal::TooManyConnections);
            }
            *count += 1;
        }
        self.inside += 1;
        Ok(())
    }

    /// A client that was let in is gone.
    pub(super) fn leave(&mut self, peer: Peer) {
        self.inside -= 1;
        let Some(ip) = peer.ip().filter(|_| self.max_per_ip != 0) else { return };
        if let Entry::Occupied(mut count) = self.per_ip.entry(ip) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_hold_and_places_come_back() {
        let config = Config { max_connections: 3, max_connections_per_ip: 2, ..Config::default() };
        let mut admission = Admission::new(&config);
        let peer = |last, port| Peer::Ip(IpAddr::from([10, 0, 0, last]), port);
        assert_eq!(admission.enter(peer(1, 1)), Ok(()));
        assert_eq!(admission.enter(peer(1, 2)), Ok(()));
        assert_eq!(admission.enter(peer(1, 3)), Err(Refusal::TooManyConnections));
        assert_eq!(admission.enter(Peer::Local), Ok(()));
        assert_eq!(admission.enter(peer(2, 1)), Err(Refusal::Unavailable));
        admission.leave(peer(1, 1));
        assert_eq!(admission.enter(peer(1, 3)), Ok(()));
        for gone in [peer(1, 2), peer(1, 3), Peer::Local] {
            admission.leave(gone);
        }
        assert!(admission.per_ip.is_empty());
        assert_eq!(admission.inside, 0);
    }
}
