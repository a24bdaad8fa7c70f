//! The name of one connection for its whole life, which no later connection shares.

use std::fmt;

/// Names a connection: the worker that it is on, the slot that it sits in there, and a generation.
///
/// A slot is used again after its connection has ended. A generation is not until 2^32 further
/// connections have been accepted, so that whatever still carries an old id (an event, a timer, a mail,
/// a ticket) reaches nobody.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId {
    generation: u32,
    /// The worker in the upper 8 bits, the slot in the lower ones.
    seat: u32,
}

/// Bits of an id that tell the slot.
const SLOT_BITS: u32 = 24;

/// Slots that ids can name on one worker.
pub(crate) const MAX_SLOTS: usize = 1 << SLOT_BITS;

impl ConnectionId {
    /// Of the slot, which is below [`MAX_SLOTS`], the lower 24 bits count.
    pub(crate) const fn new(worker: u8, slot: u32, generation: u32) -> Self {
        ConnectionId { generation, seat: (worker as u32) << SLOT_BITS | slot & (MAX_SLOTS as u32 - 1) }
    }

    pub(crate) const fn slot(self) -> usize {
        self.seat as usize & (MAX_SLOTS - 1)
    }

    /// What ids are ordered by as their connections lie in memory: by worker, slot, and generation.
    pub(crate) const fn order(self) -> u64 {
        (self.seat as u64) << 32 | self.generation as u64
    }

    /// The number of the worker that the connection is on; 0 where there is only one reactor.
    #[must_use]
    pub const fn worker(self) -> usize {
        (self.seat >> SLOT_BITS) as usize
    }

    /// The id as one number, as the monitor's packets carry it and the log shows it.
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        (self.generation as u64) << 32 | self.seat as u64
    }

    /// The id that [`to_u64`](Self::to_u64) gave. Any number is an id; most name nobody.
    #[must_use]
    pub const fn from_u64(number: u64) -> Self {
        ConnectionId { generation: (number >> 32) as u32, seat: (number & 0xffff_ffff) as u32 }
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_u64().fmt(f)
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_the_trip_through_a_number() {
        let last = MAX_SLOTS as u32 - 1;
        let cases = [
            (0, 0, 0, "0"),
            (0, 1, 0, "1"),
            (0, 0, 1, "4294967296"),
            (1, 0, 0, "16777216"),
            (254, last, 7, "34342961151"),
            (7, 1, u32::MAX, "18446744069532024833"),
        ];
        for (worker, slot, generation, shown) in cases {
            let id = ConnectionId::new(worker, slot, generation);
            assert_eq!(ConnectionId::from_u64(id.to_u64()), id);
            assert_eq!((id.worker(), id.slot()), (usize::from(worker), slot as usize));
            assert_eq!(id.to_string(), shown);
        }
        assert_ne!(ConnectionId::new(0, 1, 2), ConnectionId::new(0, 2, 1));
        assert_ne!(ConnectionId::new(0, 1, 2), ConnectionId::new(1, 1, 2));
    }
}
