//! The name of one connection for its whole life, which no later connection shares.

use std::fmt;

/// Names a connection of one reactor: the slot that it sits in, and a generation.
///
/// A slot is used again after its connection has ended. A generation is not until 2^32 further
/// connections have been accepted, so that whatever still carries an old id (an event, a timer, a mail,
/// a ticket) reaches nobody.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId {
    generation: u32,
    slot: u32,
}

impl ConnectionId {
    pub(crate) const fn new(slot: u32, generation: u32) -> Self {
        ConnectionId { generation, slot }
    }

    pub(crate) const fn slot(self) -> usize {
        self.slot as usize
    }

    /// The id as one number, as the monitor's packets carry it.
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        (self.generation as u64) << 32 | self.slot as u64
    }

    /// The id that [`to_u64`](Self::to_u64) gave. Any number is an id; most name nobody.
    #[must_use]
    pub const fn from_u64(number: u64) -> Self {
        ConnectionId { generation: (number >> 32) as u32, slot: (number & 0xffff_ffff) as u32 }
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.slot, self.generation)
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
        for (slot, generation) in [(0, 0), (1, 0), (0, 1), (u32::MAX, 7), (7, u32::MAX)] {
            let id = ConnectionId::new(slot, generation);
            assert_eq!(ConnectionId::from_u64(id.to_u64()), id);
        }
        assert_ne!(ConnectionId::new(1, 2), ConnectionId::new(2, 1));
    }
}
