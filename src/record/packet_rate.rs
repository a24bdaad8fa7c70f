//! The packet rate: how many packets a client may send per second.

use crate::packed::Packed;

const SECOND_US: u64 = 1_000_000;

/// A token bucket, which holds one second's worth of packets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PacketRate {
    /// How far the packets are ahead of time, in microseconds: 0 if the bucket is full, a second if it is
    /// empty.
    ahead_us: Packed<3>,
}

impl Default for PacketRate {
    fn default() -> Self {
        PacketRate { ahead_us: Packed::ZERO }
    }
}

impl PacketRate {
    pub(crate) fn from_ahead_us(ahead_us: u64) -> Self {
        PacketRate { ahead_us: Packed::new(ahead_us) }
    }

    pub(crate) fn ahead_us(self) -> u64 {
        self.ahead_us.get()
    }

    /// Whether the bucket is full, so that time changes nothing.
    #[inline]
    pub(crate) fn is_full(self) -> bool {
        self.ahead_us == Packed::ZERO
    }

    /// Refills the bucket for `passed_ms` milliseconds.
    pub(crate) fn refill(&mut self, passed_ms: u64) {
        self.ahead_us = Packed::new(self.ahead_us.get().saturating_sub(passed_ms.saturating_mul(1000)));
    }

    /// Takes one packet at a rate of `per_second`, where 0 means no limit. False if the bucket is empty.
    pub(crate) fn take(&mut self, per_second: u32) -> bool {
        if per_second == 0 {
            return true;
        }
        let packet_us = (SECOND_US / u64::from(per_second)).max(1);
        let ahead_us = self.ahead_us.get() + packet_us;
        let may = ahead_us <= SECOND_US;
        if may {
            self.ahead_us = Packed::new(ahead_us);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_packets_may_come_at_once_and_then_as_many_as_time_allows() {
        let mut rate = PacketRate::default();
        for (passed_ms, taken) in [(0, 10), (99, 0), (1, 1), (400, 4), (60_000, 10)] {
            rate.refill(passed_ms);
            assert_eq!((0..100).filter(|_| rate.take(10)).count(), taken, "after {passed_ms} ms");
        }
        assert!((0..1000).all(|_| rate.take(0)));
    }
}
