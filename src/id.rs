//! Connection ids. No later connection gets the same one.

use std::fmt;

/// The id of a connection: its worker, its slot there, and a generation.
///
/// A slot is reused after its connection has ended, with another generation. A generation is not used again
/// before 2^32 further connections have been accepted, so that an event, timer, message or ticket with an old
/// id reaches no other connection.
// Aligned like a number of 32 bits, so that lists of ids with such a number have no gaps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(Rust, packed(4))]
pub struct ConnectionId(
    /// The generation in the upper 32 bits, below it the worker in 8, and the slot in the others.
    u64,
);

/// The number of bits of an id for the slot.
const SLOT_BITS: u32 = 24;

/// The most slots on one worker.
pub(crate) const MAX_SLOTS: usize = 1 << SLOT_BITS;

impl ConnectionId {
    /// An id with the lower 24 bits of `slot`, which must be below [`MAX_SLOTS`].
    pub(crate) const fn new(worker: u8, slot: u32, generation: u32) -> Self {
        let worker_and_slot = (worker as u32) << SLOT_BITS | slot & (MAX_SLOTS as u32 - 1);
        ConnectionId((generation as u64) << 32 | worker_and_slot as u64)
    }

    /// The slot of the connection.
    pub(crate) const fn slot(self) -> usize {
        self.0 as usize & (MAX_SLOTS - 1)
    }

    /// A number that orders ids like their connections in memory: by worker, slot, and generation.
    pub(crate) const fn order(self) -> u64 {
        self.0.rotate_left(32)
    }

    /// The number of the worker that has the connection; 0 if there is only one reactor.
    #[must_use]
    pub const fn worker(self) -> usize {
        (self.0 as u32 >> SLOT_BITS) as usize
    }

    /// The id as one number, as the log shows it.
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// The id with this number, which [`to_u64`](Self::to_u64) returned. Any number is valid, but most belong
    /// to no connection.
    #[must_use]
    pub const fn from_u64(number: u64) -> Self {
        ConnectionId(number)
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
    fn an_id_is_converted_to_a_number_and_back() {
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
