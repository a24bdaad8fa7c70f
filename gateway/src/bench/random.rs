//! Masking keys, which the RFC wants unpredictable, at a rate of millions a second.

use std::hash::{BuildHasher as _, RandomState};

/// A generator that begins anywhere. It is no secret: who runs a load owns both ends.
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new() -> Self {
        Random(RandomState::new().hash_one(0))
    }

    /// SplitMix64.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    pub(super) fn mask(&mut self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.next().to_ne_bytes();
        [a, b, c, d]
    }
}

/// Another number for each: near ones lie far apart.
pub(super) fn mixed(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
