//! Bytes that a connection has received and sent, and its last command, in two words.

use super::Record;
use super::census::Census;

/// Bits below each count of bytes, which hold something else.
const LOW_BITS: u32 = 16;
const LOW_MASK: u64 = (1 << LOW_BITS) - 1;

/// Bytes without the overhead of TLS. Counts wrap after 2^48, 256 TiB.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traffic {
    /// Bytes received, above the last command.
    received: u64,
    /// Bytes sent, above these flags.
    sent: u64,
}

/// It was logged that the client sends too much.
const EXCESS: u64 = 1;
/// The client has not answered the last Ping.
const PINGED: u64 = 2;
/// How metrics count the connection lies above these flags.
const CENSUS_SHIFT: u32 = 2;
const CENSUS_MASK: u64 = (Census::BITS as u64) << CENSUS_SHIFT;
const _: () = assert!(CENSUS_MASK & (!LOW_MASK | EXCESS | PINGED) == 0);

impl Traffic {
    #[inline]
    pub(super) fn add_received(&mut self, bytes: usize) {
        self.received = self.received.wrapping_add((bytes as u64) << LOW_BITS);
    }

    #[inline]
    pub(super) fn add_sent(&mut self, bytes: usize) {
        self.sent = self.sent.wrapping_add((bytes as u64) << LOW_BITS);
    }

    pub(super) fn received(self) -> u64 {
        self.received >> LOW_BITS
    }

    pub(super) fn sent(self) -> u64 {
        self.sent >> LOW_BITS
    }

    #[inline]
    pub(super) fn set_last_cmd(&mut self, cmd: u16) {
        self.received = self.received & !LOW_MASK | u64::from(cmd);
    }

    pub(super) fn last_cmd(self) -> u16 {
        (self.received & LOW_MASK) as u16
    }

    /// Whether this is the first call.
    pub(super) fn take_first_excess(&mut self) -> bool {
        let is_first = self.sent & EXCESS == 0;
        self.sent |= EXCESS;
        is_first
    }

    /// The client was sent a Ping.
    pub(super) fn set_pinged(&mut self) {
        self.sent |= PINGED;
    }

    /// Whether the client has not answered the last Ping. From now on it has.
    #[inline]
    pub(super) fn take_pinged(&mut self) -> bool {
        let is_pinged = self.sent & PINGED != 0;
        self.sent &= !PINGED;
        is_pinged
    }

    /// How metrics count the connection.
    pub(super) fn census(self) -> Census {
        Census::from_bits(((self.sent & CENSUS_MASK) >> CENSUS_SHIFT) as u8)
    }

    pub(super) fn set_census(&mut self, census: Census) {
        self.sent = self.sent & !CENSUS_MASK | u64::from(census.bits()) << CENSUS_SHIFT;
    }
}

/// Packets. 64 bits do not wrap: no server runs that long.
impl Record {
    #[inline]
    pub(crate) fn count_packet_in(&mut self) {
        self.recv_count = self.recv_count.wrapping_add(1);
    }

    #[inline]
    pub(crate) fn count_packet_out(&mut self) {
        self.send_count = self.send_count.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_one_word_do_not_disturb_each_other() {
        let mut traffic = Traffic::default();
        assert!(traffic.take_first_excess());
        for (cmd, bytes) in [(1101, 1), (0xffff, 0xffff), (0, 1 << 40)] {
            traffic.set_last_cmd(cmd);
            let (received, sent) = (traffic.received(), traffic.sent());
            traffic.add_received(bytes);
            traffic.add_sent(bytes + 1);
            assert_eq!(
                (traffic.received() - received, traffic.sent() - sent),
                (bytes as u64, bytes as u64 + 1)
            );
            assert_eq!(traffic.last_cmd(), cmd);
            assert!(!traffic.take_first_excess());
        }
    }
}
