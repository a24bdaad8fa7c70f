//! Times out of histograms: estimates between the bounds of a bucket.

use sysconn::metrics::Histogram;

/// The time, in seconds, below which a share of the times lies: as far into its bucket as its place among
/// those of the bucket. In the last bucket it is the last bound. None if there are no times.
pub(super) fn quantile(histogram: &Histogram, share: f64) -> Option<f64> {
    place(histogram.bounds, &histogram.counts, share)
}

/// The upper bound of the last bucket that has a time; the last bound for those above it.
pub(super) fn largest(histogram: &Histogram) -> Option<f64> {
    let last = histogram.counts.iter().rposition(|count| *count > 0)?;
    histogram.bounds.get(last).or(histogram.bounds.last()).copied()
}

fn place(bounds: &[f64], counts: &[u64], share: f64) -> Option<f64> {
    let total: u64 = counts.iter().sum();
    if total == 0 {
        return None;
    }
    let wanted = share * total as f64;
    let mut below = 0_u64;
    let mut lower = 0.0;
    for (count, bound) in counts.iter().zip(bounds) {
        if (below + count) as f64 >= wanted && *count > 0 {
            let into = ((wanted - below as f64) / *count as f64).clamp(0.0, 1.0);
            return Some(lower + (bound - lower) * into);
        }
        below += count;
        lower = *bound;
    }
    bounds.last().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_in_their_buckets() {
        let bounds = [1.0, 2.0, 4.0];
        for (counts, share, expected) in [
            ([0, 0, 0, 0], 0.5, None),
            ([2, 0, 0, 0], 0.5, Some(0.5)),
            ([0, 4, 0, 0], 0.5, Some(1.5)),
            ([0, 4, 0, 0], 1.0, Some(2.0)),
            ([1, 0, 1, 0], 0.5, Some(1.0)),
            ([1, 0, 1, 0], 0.75, Some(3.0)),
            ([0, 0, 0, 5], 0.5, Some(4.0)),
            ([99, 0, 0, 1], 0.999, Some(4.0)),
        ] {
            assert_eq!(place(&bounds, &counts, share), expected, "{counts:?} {share}");
        }
    }
}
