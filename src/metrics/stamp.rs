//! A time as metrics measure it: in nanoseconds since the server's clock started.

use std::time::Duration;

/// A point in time. 0 where nothing is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp(u64);

impl From<Duration> for Stamp {
    /// The time when so much has passed since the clock started.
    fn from(passed: Duration) -> Self {
        let seconds = passed.as_secs().saturating_mul(1_000_000_000);
        Stamp(seconds.saturating_add(passed.subsec_nanos().into()))
    }
}

impl Stamp {
    pub(crate) const fn as_ns(self) -> u64 {
        self.0
    }

    /// Nanoseconds from `earlier` to this time; 0 if `earlier` is later.
    #[inline]
    pub(crate) const fn since(self, earlier: Stamp) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
