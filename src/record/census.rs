//! How metrics count a connection, in five bits of its record.

use super::login::ClientKind;

/// The state and kind under which a connection is counted, and whether its reading is paused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census(u8);

impl Census {
    /// The bits that it may use.
    pub(super) const BITS: u8 = 0b1_1111;
    /// Not counted at all.
    pub(crate) const NOWHERE: Census = Census(0);
    const PAUSED: u8 = 0b1_0000;

    /// `state` is a number below 3.
    pub(crate) fn new(state: u8, kind: ClientKind, is_paused: bool) -> Self {
        // 0 in the two lower bits means that the connection is not counted.
        let paused = if is_paused { Self::PAUSED } else { 0 };
        Census(((state + 1) & 3) | (kind as u8) << 2 | paused)
    }

    pub(super) fn from_bits(bits: u8) -> Self {
        Census(bits & Self::BITS)
    }

    pub(super) fn bits(self) -> u8 {
        self.0
    }

    /// The numbers of its state and its kind. None if it is not counted.
    pub(crate) fn place(self) -> Option<(usize, usize)> {
        let state = usize::from(self.0 & 3).checked_sub(1)?;
        Some((state, usize::from(self.0 >> 2 & 3)))
    }

    pub(crate) fn is_paused(self) -> bool {
        self.0 & Self::PAUSED != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_and_kind_has_its_place() {
        let kinds = [ClientKind::Guest, ClientKind::Player, ClientKind::Operator];
        for state in 0..3 {
            for (kind_at, kind) in kinds.into_iter().enumerate() {
                for paused in [false, true] {
                    let census = Census::from_bits(Census::new(state, kind, paused).bits());
                    assert_eq!((census.place(), census.is_paused()), (Some((state.into(), kind_at)), paused));
                }
            }
        }
        assert_eq!(Census::NOWHERE.place(), None);
    }
}
