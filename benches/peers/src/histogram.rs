//! Latencies, counted in buckets that are at most 1/64 wide.

use std::time::Duration;

/// Buckets for each power of two.
const STEPS: u64 = 64;

/// How often each latency came.
#[derive(Clone)]
pub struct Histogram {
    buckets: Vec<u32>,
    count: u64,
}

impl Histogram {
    pub fn new() -> Histogram {
        Histogram { buckets: vec![0; bucket(u64::MAX) + 1], count: 0 }
    }

    pub fn record(&mut self, latency: Duration) {
        self.buckets[bucket(latency.as_nanos() as u64)] += 1;
        self.count += 1;
    }

    pub fn clear(&mut self) {
        self.buckets.fill(0);
        self.count = 0;
    }

    /// The nanoseconds below which a share of all lie; NaN if there are none.
    pub fn quantile(&self, share: f64) -> f64 {
        let mut left = (self.count as f64 * share).ceil();
        for (bucket, &count) in self.buckets.iter().enumerate() {
            left -= f64::from(count);
            if left <= 0.0 && count > 0 {
                return middle(bucket as u64);
            }
        }
        f64::NAN
    }
}

/// One nanosecond each below `2 * STEPS`; above, the leading seven bits choose.
fn bucket(nanoseconds: u64) -> usize {
    let shift = u64::from((nanoseconds | 1).ilog2().saturating_sub(STEPS.ilog2()));
    (shift * STEPS + (nanoseconds >> shift)) as usize
}

fn middle(bucket: u64) -> f64 {
    let shift = (bucket / STEPS).saturating_sub(1);
    let half = if shift > 0 { 0.5 } else { 0.0 };
    ((bucket - shift * STEPS) as f64 + half) * (1_u64 << shift) as f64
}
