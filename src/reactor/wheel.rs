//! A hierarchical timer wheel: one timer per slot, amortised O(1); no turn scans all of them.
//!
//! A timer sits in the bucket of the highest 6-bit digit in which its deadline differs from the
//! wheel's time: 64 buckets of 1 ms, 64 of 64 ms, and so on up to 139 years. When the wheel's time
//! reaches a bucket of a higher level its timers move down, each at most once per level. Expiring and
//! moving down are both steps of [`Wheel::step`], so a caller bounds the work of a turn by counting
//! steps, however many timers share a bucket.

#[cfg(test)]
mod tests;

use crate::moment::Moment;

const LEVELS: usize = 7;
const DIGIT_BITS: usize = 6;
const BUCKETS: usize = 1 << DIGIT_BITS;
/// The last deadline that the wheel can represent; it comes after 139 years.
const MAX_AT: u64 = (1 << (LEVELS * DIGIT_BITS)) - 1;
/// The furthest deadline from the wheel's time, in milliseconds: 24 days. A timer that is armed for later
/// fires then; its owner checks what is really due in any case.
const MAX_AHEAD: u64 = 1 << 31;
/// No slot.
const NIL: u32 = u32::MAX;
/// Added to the number of a list where a slot number is possible, too.
const LIST: u32 = 1 << 31;
/// Two lists beside the buckets: timers that are due, and timers that are moving down.
const DUE: usize = LEVELS * BUCKETS;
const FALLING: usize = DUE + 1;
const LISTS: usize = FALLING + 1;

#[derive(Clone, Copy, Debug)]
struct Timer {
    /// The lower half of the deadline. No deadline is further than [`MAX_AHEAD`] from the wheel's time, so
    /// the other half is known.
    at: u32,
    /// The previous slot in the list. For the first slot, [`LIST`] plus the list that it was put in; [`NIL`]
    /// for a timer that is not armed. That whole list may have become [`DUE`] or [`FALLING`] since.
    previous: u32,
    next: u32,
}

// Each connection has one.
const _: () = assert!(size_of::<Timer>() <= 12);
const _: () = assert!(LISTS < (NIL - LIST) as usize);

const UNARMED: Timer = Timer { at: 0, previous: NIL, next: NIL };

/// The result of one step of the wheel.
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
    /// A bit for each bucket of a level, set if it is not empty.
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
        Wheel::with_capacity(0)
    }

    /// A wheel with capacity for this many slots, without timers, at time 0.
    #[must_use]
    pub fn with_capacity(slots: usize) -> Self {
        Wheel { now: 0, heads: [NIL; LISTS], occupied: [0; LEVELS], timers: Vec::with_capacity(slots) }
    }

    /// Arms the slot's timer, replacing an earlier setting. Slots are below 2^31. A timer that is armed for
    /// more than 24 days from now fires after 24 days.
    pub fn arm(&mut self, slot: usize, at: Moment) {
        debug_assert!(slot < LIST as usize);
        if slot >= self.timers.len() {
            self.timers.resize(slot + 1, UNARMED);
        }
        self.disarm(slot);
        if at != Moment::NEVER {
            let earliest = self.now.saturating_sub(MAX_AHEAD - 1);
            self.put(slot, at.as_ms().clamp(earliest, self.now + MAX_AHEAD - 1).min(MAX_AT));
        }
    }

    /// Arms the slot's timer unless it is armed for that time or an earlier one.
    pub fn arm_no_later(&mut self, slot: usize, at: Moment) {
        let comes = self
            .timers
            .get(slot)
            .is_some_and(|timer| timer.previous != NIL && self.deadline(timer) <= at.as_ms());
        if !comes {
            self.arm(slot, at);
        }
    }

    /// Disarms the slot's timer, if it is armed.
    pub fn disarm(&mut self, slot: usize) {
        let Some(&Timer { previous, next, .. }) = self.timers.get(slot) else { return };
        if previous == NIL {
            return;
        }
        if previous >= LIST {
            self.replace_head(slot as u32, (previous - LIST) as usize, next);
        } else {
            self.timers[previous as usize].next = next;
        }
        if next != NIL {
            self.timers[next as usize].previous = previous;
        }
        self.timers[slot] = UNARMED;
    }

    /// When the slot's timer fires; never if it is not armed.
    pub(crate) fn armed_at(&self, slot: usize) -> Moment {
        let armed = self.timers.get(slot).filter(|timer| timer.previous != NIL);
        armed.map_or(Moment::NEVER, |timer| Moment::from_ms(self.deadline(timer)))
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
                let at = self.deadline(&self.timers[slot]);
                if at <= self.now {
                    return Step::Expired(slot);
                }
                self.put(slot, at);
                return Step::Moved;
            }
            match self.next_bucket() {
                Some((list, begins)) if begins <= now.as_ms() => {
                    self.now = begins;
                    self.occupied[list / BUCKETS] &= !(1 << (list % BUCKETS));
                    // Move the whole bucket at once: its timers still name the bucket as their list.
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

    /// The first bucket that is not empty, and when it begins. The buckets of a level come before the buckets
    /// of the next level.
    fn next_bucket(&self) -> Option<(usize, u64)> {
        let (level, occupied) = self.occupied.iter().enumerate().find(|(_, occupied)| **occupied != 0)?;
        let bucket = occupied.trailing_zeros() as usize;
        let shift = level * DIGIT_BITS;
        let above = self.now >> (shift + DIGIT_BITS) << (shift + DIGIT_BITS);
        Some((level * BUCKETS + bucket, above | (bucket as u64) << shift))
    }

    /// When a timer fires: the moment nearest to the wheel's time that it can mean.
    fn deadline(&self, timer: &Timer) -> u64 {
        let ahead = timer.at.wrapping_sub(self.now as u32).cast_signed();
        self.now.saturating_add_signed(ahead.into())
    }

    /// Links an unlinked timer into the list where its deadline belongs.
    fn put(&mut self, slot: usize, at: u64) {
        let list = self.list_for(at);
        if list < DUE {
            self.occupied[list / BUCKETS] |= 1 << (list % BUCKETS);
        }
        let next = std::mem::replace(&mut self.heads[list], slot as u32);
        if next != NIL {
            self.timers[next as usize].previous = slot as u32;
        }
        self.timers[slot] = Timer { at: at as u32, previous: LIST + list as u32, next };
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
            self.timers[next as usize].previous = LIST + list as u32;
        }
        self.timers[slot] = Timer { at, ..UNARMED };
        Some(slot)
    }

    /// Removes the first timer of a list. It is first in the list that it was put in, or in the list that
    /// this one has become.
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
