//! A timer wheel with a timer for each of 100,000 connections.

use sysconn::Moment;
use sysconn::internals::{Step, Wheel};

pub(crate) const TIMERS: usize = 100_000;
/// The longest time ahead for which timers are armed, like the read timers of clients that send occasionally.
pub(crate) const SPREAD_MS: u64 = 60_000;
/// Later than the end of any benchmark.
pub(crate) const A_WEEK_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// A deadline for a slot, 1 to [`SPREAD_MS`] milliseconds ahead, in pseudorandom order.
fn ahead_ms(slot: usize) -> u64 {
    1 + slot as u64 * 2_654_435_761 % SPREAD_MS
}

/// Rearms the timers of all slots.
pub(crate) fn arm_all(wheel: &mut Wheel, from_ms: u64) {
    for slot in 0..TIMERS {
        wheel.arm(slot, Moment::from_ms(from_ms + ahead_ms(slot)));
    }
}

pub(crate) fn armed(from_ms: u64) -> Wheel {
    let mut wheel = Wheel::new();
    arm_all(&mut wheel, from_ms);
    wheel
}

/// A wheel with capacity for all timers, none of them armed.
pub(crate) fn unarmed() -> Wheel {
    let mut wheel = armed(0);
    (0..TIMERS).for_each(|slot| wheel.disarm(slot));
    wheel
}

/// Advances to `now_ms` and rearms the timers that are due, as for connections that are still active. Returns
/// their number.
pub(crate) fn tick(wheel: &mut Wheel, now_ms: u64) -> u64 {
    let now = Moment::from_ms(now_ms);
    let mut expired = 0;
    loop {
        match wheel.step(now) {
            Step::Expired(slot) => {
                expired += 1;
                wheel.arm(slot, Moment::from_ms(now_ms + SPREAD_MS));
            }
            Step::Moved => {}
            Step::Idle => return expired,
        }
    }
}

/// How often [`tick`] finds a timer due, in all, from [`armed`]`(0)` on up to `now_ms`.
pub(crate) fn expected(now_ms: u64) -> u64 {
    let due = (0..TIMERS).map(ahead_ms).filter(|&first| first <= now_ms);
    due.map(|first| 1 + (now_ms - first) / SPREAD_MS).sum()
}
