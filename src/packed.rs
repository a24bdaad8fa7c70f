//! Integers in as few bytes as they need, for fields of every connection.

use std::fmt;

use crate::moment::Moment;

/// A number below 2^(8 × `BYTES`), in `BYTES` bytes and without alignment. It saturates.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Packed<const BYTES: usize>([u8; BYTES]);

/// A moment, exact for 34 years after the reactor was created; later ones become [`Moment::NEVER`].
pub(crate) type PackedMoment = Packed<5>;

impl<const BYTES: usize> Packed<BYTES> {
    const MAX: u64 = u64::MAX >> (u64::BITS - 8 * BYTES as u32);

    pub(crate) const ZERO: Self = Packed([0; BYTES]);

    pub(crate) fn new(number: u64) -> Self {
        let number = number.min(Self::MAX).to_le_bytes();
        Packed(std::array::from_fn(|at| number[at]))
    }

    pub(crate) fn get(self) -> u64 {
        let mut number = [0; size_of::<u64>()];
        number[..BYTES].copy_from_slice(&self.0);
        u64::from_le_bytes(number)
    }
}

impl PackedMoment {
    /// The least number of milliseconds that becomes [`Moment::NEVER`].
    pub(crate) const NEVER_MS: u64 = Self::MAX;
}

impl From<Moment> for PackedMoment {
    #[inline]
    fn from(moment: Moment) -> Self {
        Self::new(moment.as_ms())
    }
}

impl From<PackedMoment> for Moment {
    #[inline]
    fn from(packed: PackedMoment) -> Self {
        match packed.get() {
            PackedMoment::MAX => Moment::NEVER,
            ms => Moment::from_ms(ms),
        }
    }
}

impl<const BYTES: usize> fmt::Debug for Packed<BYTES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_saturate() {
        for (number, kept) in [
            (0, 0),
            (1, 1),
            (0x01_0203, 0x01_0203),
            (0xff_ffff, 0xff_ffff),
            (1 << 24, 0xff_ffff),
            (u64::MAX, 0xff_ffff),
        ] {
            assert_eq!(Packed::<3>::new(number).get(), kept, "{number}");
        }
        assert_eq!(size_of::<Packed<3>>(), 3);
    }

    #[test]
    fn moments_are_exact_for_34_years_and_never_is_kept() {
        let years_34 = 34 * 365 * 24 * 3_600_000;
        for ms in [0, 1, u64::from(u32::MAX), u64::from(u32::MAX) + 1, years_34] {
            assert_eq!(Moment::from(PackedMoment::from(Moment::from_ms(ms))), Moment::from_ms(ms));
        }
        for late in [Moment::NEVER, Moment::from_ms(1 << 40)] {
            assert_eq!(Moment::from(PackedMoment::from(late)), Moment::NEVER);
        }
    }
}
