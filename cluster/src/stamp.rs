//! Stamps: moments of the cluster's clock that no two events share.

use crate::names::NodeName;

/// When something happened, and where: the higher of two stamps wins, on every node.
///
/// The clock comes first; of two equal clocks the node's name decides, then its incarnation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// 48 bits of milliseconds since 1970, then 16 bits of count.
    pub clock: u64,
    /// The node that made it.
    pub node: NodeName,
    /// The start of that node: 64 random bits.
    pub incarnation: u64,
}

impl Stamp {
    /// The stamp as bytes, for a store.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(16 + self.node.as_str().len());
        bytes.extend_from_slice(&self.clock.to_be_bytes());
        bytes.extend_from_slice(&self.incarnation.to_be_bytes());
        bytes.extend_from_slice(self.node.as_str().as_bytes());
        bytes
    }

    /// The stamp that [`to_bytes`](Self::to_bytes) has written, if it is one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (clock, rest) = bytes.split_first_chunk()?;
        let (incarnation, name) = rest.split_first_chunk()?;
        let node = NodeName::new(std::str::from_utf8(name).ok()?).ok()?;
        Some(Stamp { clock: u64::from_be_bytes(*clock), node, incarnation: u64::from_be_bytes(*incarnation) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(clock: u64, node: &str, incarnation: u64) -> Stamp {
        Stamp { clock, node: NodeName::new(node).unwrap(), incarnation }
    }

    #[test]
    fn the_clock_decides_then_the_name_then_the_incarnation() {
        let ordered = [stamp(1, "b", 9), stamp(2, "a", 5), stamp(2, "a", 6), stamp(2, "b", 1)];
        assert!(ordered.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn stamps_are_read_as_they_were_written() {
        let stamp = stamp(u64::MAX - 1, "node-1", 7);
        let bytes = stamp.to_bytes();
        assert_eq!(Stamp::from_bytes(&bytes), Some(stamp));
        for bad in [&bytes[..16], &bytes[..3], b"", &[0xff; 20]] {
            assert_eq!(Stamp::from_bytes(bad), None, "{bad:?}");
        }
    }
}
