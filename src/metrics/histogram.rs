//! Histograms of times: classic ones, with the same fixed bounds for every family.

use super::number::{Number, numbers};

/// The upper bounds of the buckets, in nanoseconds. Each is at least twice the one before, so that at most
/// one lies between two powers of two.
const BOUNDS_NS: [u64; 22] = [
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// The same in seconds.
const BOUNDS: [f64; BOUNDS_NS.len()] = [
    1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 1e-1,
    2.5e-1, 5e-1, 1.0, 2.5, 5.0, 10.0,
];

const BUCKETS: usize = BOUNDS_NS.len() + 1;

/// For each number of significant bits: the bounds that are below all numbers with so many.
const BELOW: [u8; 65] = {
    let mut below = [0; 65];
    let mut bits = 1;
    while bits <= 64 {
        let least = 1u64 << (bits - 1);
        let mut bound = 0;
        while bound < BOUNDS_NS.len() && BOUNDS_NS[bound] < least {
            bound += 1;
        }
        below[bits] = bound as u8;
        bits += 1;
    }
    below
};

/// The bucket of a time: the first whose bound is not less.
#[inline]
fn bucket_of(ns: u64) -> usize {
    let below = usize::from(BELOW.get((u64::BITS - ns.leading_zeros()) as usize).copied().unwrap_or(0));
    match BOUNDS_NS.get(below) {
        Some(bound) if ns > *bound => below + 1,
        Some(_) | None => below,
    }
}

/// The buckets of one histogram, which one thread fills.
#[derive(Debug)]
pub(crate) struct Buckets {
    counts: [Number; BUCKETS],
    sum_ns: Number,
}

impl Default for Buckets {
    fn default() -> Self {
        Buckets { counts: numbers(), sum_ns: Number::default() }
    }
}

impl Buckets {
    #[inline]
    pub(crate) fn observe(&self, ns: u64) {
        if let Some(count) = self.counts.get(bucket_of(ns)) {
            count.add(1);
        }
        self.sum_ns.add(ns);
    }

    /// Adds what the buckets hold to `histogram`.
    pub(crate) fn add_to(&self, histogram: &mut Histogram) {
        for (sum, count) in histogram.counts.iter_mut().zip(&self.counts) {
            *sum += count.get();
        }
        histogram.sum += self.sum_ns.get() as f64 / 1e9;
    }
}

/// A histogram of times, in seconds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Histogram {
    /// The upper bounds of the buckets, in seconds, ascending. The last bucket has none.
    pub bounds: &'static [f64],
    /// How many times fell into each bucket: above the bound before, up to its own. There is one more than
    /// there are bounds.
    pub counts: Vec<u64>,
    /// The sum of all times, in seconds.
    pub sum: f64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { bounds: &BOUNDS, counts: vec![0; BUCKETS], sum: 0.0 }
    }
}

impl Histogram {
    /// How many times there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The bound, in seconds, below which a share of the times lies: `quantile(0.99)` for the 99th
    /// percentile. Infinite if that is above the last bound; none if there are no times.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let count = self.count();
        let wanted = (share.clamp(0.0, 1.0) * count as f64).ceil().max(1.0) as u64;
        let mut below = 0;
        let at = self.counts.iter().position(|count| {
            below += count;
            below >= wanted
        })?;
        Some(self.bounds.get(at).copied().unwrap_or(f64::INFINITY))
    }

    /// Adds the times of another histogram.
    pub(super) fn add(&mut self, other: &Histogram) {
        for (sum, more) in self.counts.iter_mut().zip(&other.counts) {
            *sum += more;
        }
        self.sum += other.sum;
    }

    /// What has come since `earlier`, a histogram of the same family.
    #[must_use]
    pub fn since(&self, earlier: &Histogram) -> Histogram {
        let counts = self.counts.iter().zip(&earlier.counts);
        Histogram {
            counts: counts.map(|(now, then)| now.saturating_sub(*then)).collect(),
            sum: (self.sum - earlier.sum).max(0.0),
            ..*self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_is_in_the_first_bucket_whose_bound_is_not_less() {
        let around = |at: u64| [at.saturating_sub(1), at, at.saturating_add(1)];
        let powers = (0..64).map(|bit| 1u64 << bit);
        for ns in BOUNDS_NS.into_iter().chain(powers).chain([0, u64::MAX]).flat_map(around) {
            let expected = BOUNDS_NS.iter().position(|bound| ns <= *bound).unwrap_or(BOUNDS_NS.len());
            assert_eq!(bucket_of(ns), expected, "{ns} ns");
        }
    }

    #[test]
    fn bounds_are_the_same_in_both_units() {
        for (ns, seconds) in BOUNDS_NS.into_iter().zip(BOUNDS) {
            assert!((ns as f64 / 1e9 / seconds - 1.0).abs() < 1e-12, "{ns} ns, {seconds} s");
        }
    }

    #[test]
    fn a_quantile_is_the_bound_of_its_bucket() {
        let buckets = Buckets::default();
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        for ns in [900, 1_000, 3_000_000, 20_000_000_000] {
            buckets.observe(ns);
        }
        buckets.add_to(&mut histogram);
        assert_eq!((histogram.count(), histogram.sum), (4, 20.003_001_9));
        for (share, expected) in [(0.0, 1e-6), (0.5, 1e-6), (0.75, 5e-3), (1.0, f64::INFINITY)] {
            assert_eq!(histogram.quantile(share), Some(expected), "{share}");
        }
        buckets.observe(1);
        let mut later = Histogram::default();
        buckets.add_to(&mut later);
        assert_eq!(later.since(&histogram).count(), 1);
    }
}
