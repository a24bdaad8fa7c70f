//! Codes that the platform refused, by the networks that sent them. The platform answers an app only so often
//! in a minute: who sends bad codes in masses would use that up for all.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::blacklist::Network;

/// The most refused codes of a network in a period; what follows is not asked for.
pub(super) const MAX_REFUSED: u32 = 600;
const PERIOD: Duration = Duration::from_secs(60);
/// The most networks that are counted in a period.
const MAX_NETWORKS: usize = 10_000;

/// The counts of a period, which begins with its first refused code.
#[derive(Debug, Default)]
pub(super) struct Refused {
    ends: Option<Instant>,
    counts: HashMap<Network, u32>,
}

impl Refused {
    /// Whether no code of this network is asked for now.
    pub(super) fn bars(&self, network: Network, now: Instant) -> bool {
        let is_over = self.ends.is_none_or(|ends| now >= ends);
        !is_over && self.counts.get(&network).is_some_and(|count| *count >= MAX_REFUSED)
    }

    /// Takes note of a refused code.
    pub(super) fn note(&mut self, network: Network, now: Instant) {
        if self.ends.is_none_or(|ends| now >= ends) {
            *self = Refused { ends: now.checked_add(PERIOD), counts: HashMap::new() };
        }
        if self.counts.len() < MAX_NETWORKS || self.counts.contains_key(&network) {
            let count = self.counts.entry(network).or_default();
            *count = count.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any moment will do")]
    fn a_network_with_many_refused_codes_waits_for_the_next_period() {
        let [bad, good] = ["192.0.2.1", "2001:db8::"].map(|text| Network::parse(text, 64).unwrap());
        let (began, mut refused) = (Instant::now(), Refused::default());
        for _ in 0..MAX_REFUSED {
            assert!(!refused.bars(bad, began));
            refused.note(bad, began);
        }
        refused.note(good, began);
        let later = began + PERIOD - Duration::from_millis(1);
        assert!(refused.bars(bad, later) && !refused.bars(good, later));
        let next = began + PERIOD;
        assert!(!refused.bars(bad, next));
        refused.note(bad, next);
        assert!(!refused.bars(bad, next));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any moment will do")]
    fn the_networks_of_a_period_are_bounded() {
        let (now, mut refused) = (Instant::now(), Refused::default());
        for number in 0..u32::try_from(MAX_NETWORKS).unwrap() + 5 {
            refused.note(Network::of(std::net::Ipv4Addr::from_bits(number).into(), 64), now);
        }
        assert_eq!(refused.counts.len(), MAX_NETWORKS);
    }
}
