//! The counts of a connection's bytes and packets, and small numbers in the bits that these leave.

use super::census::Census;
use crate::config::{MAX_BAD_INPUT_LINES, MAX_BAD_REQUESTS};

/// Bits below each count of bytes, whose counts wrap after 2^48, 256 TiB.
const BYTES_LOW_BITS: u32 = 16;
/// Bits below each count of packets, whose counts wrap after 2^44: 200 days of a million each second.
const PACKETS_LOW_BITS: u32 = 20;

/// A count that is in the upper bits of a word. The `LOW_BITS` below it hold something else.
#[derive(Clone, Copy, Debug, Default)]
struct Split<const LOW_BITS: u32>(u64);

impl<const LOW_BITS: u32> Split<LOW_BITS> {
    const LOW_MASK: u64 = (1 << LOW_BITS) - 1;

    #[inline]
    fn add(&mut self, more: u64) {
        self.0 = self.0.wrapping_add(more << LOW_BITS);
    }

    #[inline]
    fn count(self) -> u64 {
        self.0 >> LOW_BITS
    }

    #[inline]
    fn low(self) -> u64 {
        self.0 & Self::LOW_MASK
    }

    /// Replaces the bits of `mask` below the count.
    #[inline]
    fn set_low(&mut self, mask: u64, bits: u64) {
        self.0 = self.0 & !mask | bits & mask;
    }

    /// Sets the number below the count, or the greatest possible one.
    fn saturate_low(&mut self, number: u64) {
        self.set_low(Self::LOW_MASK, number.min(Self::LOW_MASK));
    }
}

/// Bytes, without the overhead of TLS, and packets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traffic {
    /// Bytes received, above the last command.
    received: Split<BYTES_LOW_BITS>,
    /// Bytes sent, above the numbers below.
    sent: Split<BYTES_LOW_BITS>,
    /// Packets received, above the rounds of housekeeping.
    packets_in: Split<PACKETS_LOW_BITS>,
    /// Packets sent, above those that could not be sent.
    packets_out: Split<PACKETS_LOW_BITS>,
}

/// It was logged that the client sends too much.
const EXCESS: u64 = 1;
/// The client has not answered the last Ping.
const PINGED: u64 = 2;
/// How metrics count the connection lies above these flags, bad requests above that, and log lines above
/// those.
const CENSUS_SHIFT: u32 = 2;
const BAD_REQUESTS_SHIFT: u32 = 7;
const LINES_SHIFT: u32 = 11;
/// The greatest number of bad requests, and of log lines.
const MAX_FEW: u64 = 15;
const CENSUS_MASK: u64 = (Census::BITS as u64) << CENSUS_SHIFT;
const _: () = assert!(CENSUS_MASK < 1 << BAD_REQUESTS_SHIFT && MAX_FEW << LINES_SHIFT < 1 << BYTES_LOW_BITS);
// Bad requests are counted including the one that is too many.
const _: () = assert!((MAX_BAD_REQUESTS as u64) < MAX_FEW && (MAX_BAD_INPUT_LINES as u64) < MAX_FEW);

impl Traffic {
    #[inline]
    pub(super) fn add_received(&mut self, bytes: usize) {
        self.received.add(bytes as u64);
    }

    #[inline]
    pub(super) fn add_sent(&mut self, bytes: usize) {
        self.sent.add(bytes as u64);
    }

    pub(super) fn received(self) -> u64 {
        self.received.count()
    }

    pub(super) fn sent(self) -> u64 {
        self.sent.count()
    }

    #[inline]
    pub(super) fn add_packet_in(&mut self) {
        self.packets_in.add(1);
    }

    #[inline]
    pub(super) fn add_packets_out(&mut self, packets: u64) {
        self.packets_out.add(packets);
    }

    #[inline]
    pub(super) fn packets_in(self) -> u64 {
        self.packets_in.count()
    }

    pub(super) fn packets_out(self) -> u64 {
        self.packets_out.count()
    }

    /// Sets the counts of packets, which are below 2^44.
    pub(super) fn set_packets(&mut self, packets_in: u64, packets_out: u64) {
        self.packets_in.add(packets_in.wrapping_sub(self.packets_in()));
        self.packets_out.add(packets_out.wrapping_sub(self.packets_out()));
    }

    /// Rounds of housekeeping, up to 2^20 - 1.
    pub(super) fn rounds(self) -> u32 {
        self.packets_in.low() as u32
    }

    pub(super) fn set_rounds(&mut self, rounds: u32) {
        self.packets_in.saturate_low(rounds.into());
    }

    /// Packets that could not be sent, up to 2^20 - 1.
    pub(super) fn unsent(self) -> u32 {
        self.packets_out.low() as u32
    }

    pub(super) fn set_unsent(&mut self, packets: u32) {
        self.packets_out.saturate_low(packets.into());
    }

    #[inline]
    pub(super) fn set_last_cmd(&mut self, cmd: u16) {
        self.received.set_low(u16::MAX.into(), cmd.into());
    }

    pub(super) fn last_cmd(self) -> u16 {
        self.received.low() as u16
    }

    /// Whether this is the first call.
    pub(super) fn take_first_excess(&mut self) -> bool {
        let is_first = self.sent.low() & EXCESS == 0;
        self.sent.set_low(EXCESS, EXCESS);
        is_first
    }

    /// The client was sent a Ping.
    pub(super) fn set_pinged(&mut self) {
        self.sent.set_low(PINGED, PINGED);
    }

    /// Whether the client has not answered the last Ping. From now on it has.
    #[inline]
    pub(super) fn take_pinged(&mut self) -> bool {
        let is_pinged = self.sent.low() & PINGED != 0;
        self.sent.set_low(PINGED, 0);
        is_pinged
    }

    /// How metrics count the connection.
    pub(super) fn census(self) -> Census {
        Census::from_bits(((self.sent.low() & CENSUS_MASK) >> CENSUS_SHIFT) as u8)
    }

    pub(super) fn set_census(&mut self, census: Census) {
        self.sent.set_low(CENSUS_MASK, u64::from(census.bits()) << CENSUS_SHIFT);
    }

    /// Bad requests, up to 15.
    pub(super) fn bad_requests(self) -> u8 {
        (self.sent.low() >> BAD_REQUESTS_SHIFT & MAX_FEW) as u8
    }

    pub(super) fn set_bad_requests(&mut self, requests: u8) {
        let requests = u64::from(requests).min(MAX_FEW);
        self.sent.set_low(MAX_FEW << BAD_REQUESTS_SHIFT, requests << BAD_REQUESTS_SHIFT);
    }

    /// Log lines of bad input, up to 15.
    pub(super) fn lines(self) -> u8 {
        (self.sent.low() >> LINES_SHIFT & MAX_FEW) as u8
    }

    pub(super) fn set_lines(&mut self, lines: u8) {
        let lines = u64::from(lines).min(MAX_FEW);
        self.sent.set_low(MAX_FEW << LINES_SHIFT, lines << LINES_SHIFT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::ClientKind;

    /// All values, in the order in which they are declared.
    fn all(traffic: Traffic) -> ([u64; 4], [u32; 5], Census) {
        let counts = [traffic.received(), traffic.sent(), traffic.packets_in(), traffic.packets_out()];
        let small = [
            traffic.last_cmd().into(),
            traffic.rounds(),
            traffic.unsent(),
            traffic.bad_requests().into(),
            traffic.lines().into(),
        ];
        (counts, small, traffic.census())
    }

    #[test]
    fn values_in_one_word_do_not_disturb_each_other() {
        let census = Census::new(2, ClientKind::Operator, true);
        let most = [0xffff, (1 << 20) - 1, (1 << 20) - 1, 15, 15];
        let mut traffic = Traffic::default();
        let (mut counts, mut small) = ([0; 4], [0; 5]);
        assert!(traffic.take_first_excess() && !traffic.take_pinged());
        for (number, bytes) in [(1101, 1), (u32::MAX, 0xffff), (3, 1 << 40)] {
            traffic.set_last_cmd(number as u16);
            traffic.set_rounds(number);
            traffic.set_unsent(number);
            traffic.set_bad_requests(number.min(255) as u8);
            traffic.set_lines(number.min(255) as u8);
            for (value, most) in small.iter_mut().zip(most) {
                *value = number.min(most);
            }
            traffic.set_census(census);
            traffic.set_pinged();
            assert_eq!(all(traffic), (counts, small, census));
            traffic.add_received(bytes);
            traffic.add_sent(bytes + 1);
            traffic.add_packet_in();
            traffic.add_packets_out(2);
            counts = [counts[0] + bytes as u64, counts[1] + bytes as u64 + 1, counts[2] + 1, counts[3] + 2];
            assert!(!traffic.take_first_excess() && traffic.take_pinged() && !traffic.take_pinged());
            assert_eq!(all(traffic), (counts, small, census));
        }
        traffic.set_packets(7, (1 << 44) - 1);
        counts = [counts[0], counts[1], 7, (1 << 44) - 1];
        assert_eq!(all(traffic), (counts, small, census));
        traffic.add_packets_out(1);
        counts[3] = 0;
        assert_eq!(all(traffic), (counts, small, census), "a count wraps alone");
    }
}
