//! A hierarchical timer wheel: one timer for each slot, amortised O(1), and no turn walks them all.
//!
//! A timer sits in the bucket of the highest 6-bit digit in which its deadline differs from the
//! wheel's time: 64 buckets of 1 ms, 64 of 64 ms, and so on up to 139 years. When the wheel's time
//! reaches a bucket of a higher level its timers move down, each at most once per level. Expiring and
//! moving down are both steps of [`Wheel::step`], so a caller bounds the work of a turn by counting
//! steps, however many timers share a bucket.

use crate::moment::Moment;

const LEVELS: usize = 7;
const DIGIT_BITS: usize = 6;
const BUCKETS: usize = 1 << DIGIT_BITS;
/// The last deadline that the wheel can tell apart; it comes after 139 years.
const MAX_AT: u64 = (1 << (LEVELS * DIGIT_BITS)) - 1;
const NIL: u32 = u32::MAX;
/// Two lists beside the buckets: what is due, and what is on its way down.
const DUE: usize = LEVELS * BUCKETS;
const FALLING: usize = DUE + 1;
const LISTS: usize = FALLING + 1;

#[derive(Clone, Copy, Debug)]
struct Timer {
    at: u64,
    previous: u32,
    next: u32,
    /// The list it was put in; a whole bucket can since have become [`DUE`] or [`FALLING`].
    list: u32,
}

const UNARMED: Timer = Timer { at: 0, previous: NIL, next: NIL, list: NIL };

/// What one step of the wheel did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// This slot's timer is due, and no longer armed.
    Expired(usize),
    /// A timer moved down; there may be more to do.
    Moved,
    /// Nothing is due now.
    Idle,
}

/// The timers of all slots.
#[derive(Debug)]
pub struct Wheel {
    /// The wheel's time: every bucket that begins at or before it is empty.
    now: u64,
    heads: [u32; LISTS],
    /// A bit for each bucket of a level that is not empty.
    occupied: [u64; LEVELS],
    timers: Vec<Timer>,
}

impl Default for Wheel {
    fn default() -> Self {
        Wheel::new()
    }
}

impl Wheel {
    /// A wheel without timers, at time 0.
    #[must_use]
    pub fn new() -> Self {
        Wheel { now: 0, heads: [NIL; LISTS], occupied: [0; LEVELS], timers: Vec::new() }
    }

    /// Arms the slot's timer, in place of one that was armed.
    pub fn arm(&mut self, slot: usize, at: Moment) {
        if slot >= self.timers.len() {
            self.timers.resize(slot + 1, UNARMED);
        }
        self.disarm(slot);
        if at != Moment::NEVER {
            self.timers[slot].at = at.as_ms().min(MAX_AT);
            self.put(slot);
        }
    }

    /// Arms the slot's timer unless it comes early enough as it is.
    pub fn arm_no_later(&mut self, slot: usize, at: Moment) {
        let comes = self.timers.get(slot).is_some_and(|timer| timer.list != NIL && timer.at <= at.as_ms());
        if !comes {
            self.arm(slot, at);
        }
    }

    /// Disarms the slot's timer, if it is armed.
    pub fn disarm(&mut self, slot: usize) {
        let Some(&Timer { previous, next, list, .. }) = self.timers.get(slot) else { return };
        if list == NIL {
            return;
        }
        if previous == NIL {
            self.replace_head(slot as u32, list as usize, next);
        } else {
            self.timers[previous as usize].next = next;
        }
        if next != NIL {
            self.timers[next as usize].previous = previous;
        }
        self.timers[slot] = UNARMED;
    }

    /// When [`step`](Self::step) has something to do next. Never later than the earliest deadline;
    /// it can be earlier, when timers have to move down.
    #[must_use]
    pub fn next_at(&self) -> Moment {
        if self.heads[DUE] != NIL || self.heads[FALLING] != NIL {
            return Moment::from_ms(self.now);
        }
        self.next_bucket().map_or(Moment::NEVER, |(_, begins)| Moment::from_ms(begins))
    }

    /// Does one thing that is due at `now`.
    pub fn step(&mut self, now: Moment) -> Step {
        loop {
            if let Some(slot) = self.pop(DUE) {
                return Step::Expired(slot);
            }
            if let Some(slot) = self.pop(FALLING) {
                if self.timers[slot].at <= self.now {
                    return Step::Expired(slot);
                }
                self.put(slot);
                return Step::Moved;
            }
            match self.next_bucket() {
                Some((list, begins)) if begins <= now.as_ms() => {
                    self.now = begins;
                    self.occupied[list / BUCKETS] &= !(1 << (list % BUCKETS));
                    // The whole bucket at once: its timers still name the bucket as their list.
                    let to = if list < BUCKETS { DUE } else { FALLING };
                    self.heads[to] = std::mem::replace(&mut self.heads[list], NIL);
                }
                _ => {
                    self.now = self.now.max(now.as_ms());
                    return Step::Idle;
                }
            }
        }
    }

    /// The first bucket that is not empty, and when it begins. All buckets of a level begin before
    /// those of the next.
    fn next_bucket(&self) -> Option<(usize, u64)> {
        let (level, occupied) = self.occupied.iter().enumerate().find(|(_, occupied)| **occupied != 0)?;
        let bucket = occupied.trailing_zeros() as usize;
        let shift = level * DIGIT_BITS;
        let above = self.now >> (shift + DIGIT_BITS) << (shift + DIGIT_BITS);
        Some((level * BUCKETS + bucket, above | (bucket as u64) << shift))
    }

    /// Links an unlinked timer into the list where its deadline belongs.
    fn put(&mut self, slot: usize) {
        let list = self.list_for(self.timers[slot].at);
        if list < DUE {
            self.occupied[list / BUCKETS] |= 1 << (list % BUCKETS);
        }
        let next = std::mem::replace(&mut self.heads[list], slot as u32);
        if next != NIL {
            self.timers[next as usize].previous = slot as u32;
        }
        let timer = &mut self.timers[slot];
        (timer.previous, timer.next, timer.list) = (NIL, next, list as u32);
    }

    fn list_for(&self, at: u64) -> usize {
        if at <= self.now {
            return DUE;
        }
        let level = (u64::BITS - 1 - (at ^ self.now).leading_zeros()) as usize / DIGIT_BITS;
        level * BUCKETS + (at >> (level * DIGIT_BITS)) as usize % BUCKETS
    }

    fn pop(&mut self, list: usize) -> Option<usize> {
        let head = self.heads[list];
        if head == NIL {
            return None;
        }
        let slot = head as usize;
        let Timer { at, next, .. } = self.timers[slot];
        self.heads[list] = next;
        if next != NIL {
            self.timers[next as usize].previous = NIL;
        }
        self.timers[slot] = Timer { at, ..UNARMED };
        Some(slot)
    }

    /// The first timer of a list leaves it. It is first in the list that it was put in, or in the
    /// one that this has become.
    fn replace_head(&mut self, head: u32, list: usize, next: u32) {
        let list = if self.heads[list] == head {
            list
        } else if self.heads[DUE] == head {
            DUE
        } else {
            FALLING
        };
        self.heads[list] = next;
        if next == NIL && list < DUE {
            self.occupied[list / BUCKETS] &= !(1 << (list % BUCKETS));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn expire(wheel: &mut Wheel, now: u64) -> Vec<usize> {
        let mut expired = vec![];
        loop {
            match wheel.step(Moment::from_ms(now)) {
                Step::Expired(slot) => expired.push(slot),
                Step::Moved => {}
                Step::Idle => return expired,
            }
        }
    }

    #[test]
    fn each_timer_comes_at_its_deadline_when_every_wake_up_is_followed() {
        let week = 7 * 24 * 3_600_000;
        let deadlines = [0, 1, 2, 63, 64, 65, 127, 4095, 4096, 4097, 60_000, 262_143, 262_144, week];
        for start in [0, 1, 63, 64, 4095, 12_345_678, (1 << 30) - 1, 1 << 30, (3 << 36) + 17] {
            let mut wheel = Wheel::new();
            expire(&mut wheel, start);
            for (slot, after) in deadlines.iter().enumerate() {
                wheel.arm(slot, Moment::from_ms(start + after));
            }
            let mut seen = vec![];
            while wheel.next_at() != Moment::NEVER {
                let at = wheel.next_at();
                seen.extend(
                    expire(&mut wheel, at.as_ms()).into_iter().map(|slot| (slot, at.as_ms() - start)),
                );
            }
            let expected: Vec<_> = deadlines.iter().copied().enumerate().collect();
            seen.sort_unstable();
            assert_eq!(seen, expected, "from {start}");
        }
    }

    #[test]
    fn timers_that_share_a_bucket_come_in_bounded_steps() {
        let mut wheel = Wheel::new();
        for slot in 0..18_000 {
            wheel.arm(slot, Moment::from_ms(60_000 + slot as u64 % 3));
        }
        let mut steps = 0;
        let mut expired = 0;
        while expired < 18_000 {
            assert_ne!(wheel.next_at(), Moment::NEVER);
            match wheel.step(Moment::from_ms(60_002)) {
                Step::Expired(_) => expired += 1,
                Step::Moved => {}
                Step::Idle => panic!("{expired} of 18000 came"),
            }
            steps += 1;
        }
        assert!(steps <= 18_000 * LEVELS, "{steps}");
        assert_eq!(wheel.next_at(), Moment::NEVER);
    }

    proptest! {
        #[test]
        fn the_wheel_agrees_with_a_sorted_map(
            operations in prop::collection::vec((0..4u8, 0..20usize, 0..300_000u64, 0..8usize), 1..200),
        ) {
            let mut wheel = Wheel::new();
            let mut model = BTreeMap::new();
            let mut now = 0u64;
            for (operation, slot, time, steps) in operations {
                match operation {
                    0 => {
                        wheel.arm(slot, Moment::from_ms(now + time));
                        model.insert(slot, now + time);
                    }
                    1 => {
                        wheel.disarm(slot);
                        model.remove(&slot);
                    }
                    2 => {
                        wheel.arm_no_later(slot, Moment::from_ms(now + time));
                        let at = model.entry(slot).or_insert(now + time);
                        *at = (*at).min(now + time);
                    }
                    _ => {
                        now += time;
                        // Some steps only, so that work is left over for a later turn.
                        for _ in 0..steps {
                            if let Step::Expired(slot) = wheel.step(Moment::from_ms(now)) {
                                prop_assert!(model.remove(&slot).is_some_and(|at| at <= now));
                            }
                        }
                    }
                }
                let earliest = model.values().copied().min().unwrap_or(u64::MAX);
                prop_assert!(wheel.next_at().as_ms() <= earliest);
            }
            for slot in expire(&mut wheel, now) {
                prop_assert!(model.remove(&slot).is_some_and(|at| at <= now));
            }
            prop_assert!(model.values().all(|at| *at > now));
        }
    }
}
