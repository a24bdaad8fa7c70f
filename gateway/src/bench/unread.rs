//! What there is no time to read in a turn, and how long that time is.

use std::collections::VecDeque;

/// How long the reads of a turn go on, in nanoseconds. Usual ones take a tenth of it.
const TURN: u64 = 20_000_000;

/// The time for the reads of a turn.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ReadTime {
    end: Option<u64>,
    is_over: bool,
}

impl ReadTime {
    /// Something is read now. The first read of a turn begins its time.
    pub(super) fn note(&mut self, now: u64) {
        let end = *self.end.get_or_insert(now.saturating_add(TURN));
        self.is_over = end <= now;
    }

    /// Whether the rest is for the next turn.
    pub(super) fn is_over(self) -> bool {
        self.is_over
    }
}

/// The connections that have something to read, each once.
#[derive(Debug)]
pub(super) struct Unread {
    /// By index.
    is_listed: Vec<bool>,
    /// Those that were not read since their event.
    late: VecDeque<usize>,
    /// Those that were read, and may have more.
    rest: VecDeque<usize>,
}

impl Unread {
    /// None of so many connections.
    pub(super) fn new(connections: usize) -> Self {
        Unread { is_listed: vec![false; connections], late: VecDeque::new(), rest: VecDeque::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.late.is_empty() && self.rest.is_empty()
    }

    pub(super) fn has(&self, index: usize) -> bool {
        self.is_listed.get(index).is_some_and(|is_listed| *is_listed)
    }

    /// There was no time for its event.
    pub(super) fn push_late(&mut self, index: usize) {
        if self.list(index) {
            self.late.push_back(index);
        }
    }

    /// It was read, and may have more.
    pub(super) fn push_rest(&mut self, index: usize) {
        if self.list(index) {
            self.rest.push_back(index);
        }
    }

    /// The one that waits longest of those that were not read since their event.
    pub(super) fn pop_late(&mut self) -> Option<usize> {
        let index = self.late.pop_front()?;
        self.unlist(index)
    }

    /// The one that waits longest of those that have more.
    pub(super) fn pop_rest(&mut self) -> Option<usize> {
        let index = self.rest.pop_front()?;
        self.unlist(index)
    }

    /// How many have more.
    pub(super) fn rest(&self) -> usize {
        self.rest.len()
    }

    /// Whether it was in no list.
    fn list(&mut self, index: usize) -> bool {
        self.is_listed.get_mut(index).is_some_and(|is_listed| !std::mem::replace(is_listed, true))
    }

    fn unlist(&mut self, index: usize) -> Option<usize> {
        *self.is_listed.get_mut(index)? = false;
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reads_of_a_turn_end_some_time_after_the_first() {
        let mut time = ReadTime::default();
        for (now, is_over) in [(5, false), (5 + TURN - 1, false), (5 + TURN, true), (6 + TURN, true)] {
            time.note(now);
            assert_eq!(time.is_over(), is_over, "{now}");
        }
    }

    #[test]
    fn a_connection_is_listed_once_and_each_list_is_in_order() {
        let mut unread = Unread::new(4);
        assert!(unread.is_empty());
        unread.push_rest(3);
        unread.push_late(2);
        unread.push_late(3);
        unread.push_rest(2);
        unread.push_rest(1);
        unread.push_late(9);
        assert_eq!((unread.has(0), unread.has(1), unread.has(9), unread.rest()), (false, true, false, 2));
        assert_eq!((unread.pop_late(), unread.pop_late(), unread.has(2)), (Some(2), None, false));
        unread.push_late(2);
        assert_eq!((unread.pop_rest(), unread.pop_rest(), unread.pop_rest()), (Some(3), Some(1), None));
        assert!(!unread.is_empty());
        assert_eq!(unread.pop_late(), Some(2));
        assert!(unread.is_empty());
    }
}
