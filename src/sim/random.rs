//! Pseudo-random numbers that follow from a seed.

/// A pseudo-random sequence (SplitMix64): the same seed gives the same numbers on every machine. Not for
/// secrets.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence of a seed. Neighbouring seeds give unrelated sequences.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// The next number: any of 64 bits.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; 0 if that is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        // The upper half of the product. Its bias is too small for any simulation to show.
        ((u128::from(self.number()) * u128::from(limit)) >> 64) as u64
    }

    /// [`below`](Self::below), for lengths and indices.
    pub fn index(&mut self, limit: usize) -> usize {
        self.below(limit as u64) as usize
    }

    /// A number from `least` to `most`, both included; `least` where `most` is less.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least.saturating_add(self.below(most.saturating_sub(least).saturating_add(1)))
    }

    /// True with that probability: never at 0 or below, always at 1 or above. At 0 it draws no number.
    pub fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && ((self.number() >> 11) as f64) < probability * (1u64 << 53) as f64
    }

    /// Another sequence, independent of this one.
    #[must_use]
    pub fn fork(&mut self) -> Random {
        Random(self.number())
    }

    /// Fills `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            for (byte, random) in chunk.iter_mut().zip(self.number().to_le_bytes()) {
                *byte = random;
            }
        }
    }

    /// Puts `items` into random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_numbers_that_it_gave() {
        let mut random = Random::new(0);
        assert_eq!([random.number(), random.number()], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
    }

    #[test]
    fn numbers_keep_within_their_limits_and_reach_them() {
        let mut random = Random::new(1);
        let mut seen = [0; 3];
        for _ in 0..300 {
            seen[random.index(3)] += 1;
            assert!((5..=7).contains(&random.between(5, 7)));
            assert!(!random.chance(0.0) && random.chance(1.0));
        }
        assert!(seen.iter().all(|&count| count > 50), "{seen:?}");
        assert_eq!((random.below(0), random.between(9, 3)), (0, 9));

        let hits = (0..10_000).filter(|_| random.chance(0.1)).count();
        assert!((800..1200).contains(&hits), "{hits}");
    }

    #[test]
    fn shuffling_loses_nothing() {
        let mut items: Vec<_> = (0..50).collect();
        Random::new(2).shuffle(&mut items);
        assert!(!items.is_sorted());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}
