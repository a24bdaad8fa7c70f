//! Time as everything below the reactor sees it: in milliseconds since the reactor was created.

use std::time::Duration;

/// A point in time: milliseconds since the reactor was created. It is monotonic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The moment at which the reactor was created.
    pub const START: Moment = Moment(0);
    /// Later than any other moment.
    pub const NEVER: Moment = Moment(u64::MAX);

    /// The moment `ms` milliseconds after [`START`](Self::START).
    #[must_use]
    pub const fn from_ms(ms: u64) -> Self {
        Moment(ms)
    }

    /// The number of milliseconds since [`START`](Self::START).
    #[must_use]
    pub const fn as_ms(self) -> u64 {
        self.0
    }

    /// The moment `ms` milliseconds later; [`NEVER`](Self::NEVER) if `ms` is 0, which turns a timer off.
    #[must_use]
    pub const fn after(self, ms: u64) -> Self {
        if ms == 0 { Moment::NEVER } else { Moment(self.0.saturating_add(ms)) }
    }

    /// The number of milliseconds from `earlier` to this moment; 0 if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Moment) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A duration in whole milliseconds, rounded up, so that no timer ends early.
pub(crate) fn whole_ms(duration: Duration) -> u64 {
    // `as_nanos` computes with 128 bits, which is slow.
    let parts_ms = u64::from(duration.subsec_nanos().div_ceil(1_000_000));
    duration.as_secs().saturating_mul(1000).saturating_add(parts_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_of_zero_never_ends() {
        assert_eq!(Moment::from_ms(5).after(0), Moment::NEVER);
        assert_eq!(Moment::from_ms(5).after(3), Moment::from_ms(8));
        assert_eq!(Moment::NEVER.after(3), Moment::NEVER);
    }

    #[test]
    fn an_interval_is_rounded_up() {
        assert_eq!(whole_ms(Duration::ZERO), 0);
        assert_eq!(whole_ms(Duration::from_nanos(1)), 1);
        assert_eq!(whole_ms(Duration::from_millis(60_000)), 60_000);
    }
}
