//! Codes that wait for a thread. Addresses take turns, and when the queue is full the address that has most
//! of it makes room, so that no client can keep all others from their logins.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// What waits, by where it comes from.
#[derive(Debug)]
pub(super) struct Queue<A, T> {
    max: usize,
    /// None of them is empty.
    waiting: HashMap<A, VecDeque<T>>,
    /// The addresses that have something here, in the order of their turns.
    turns: VecDeque<A>,
    len: usize,
}

impl<A: Copy + Eq + Hash, T> Queue<A, T> {
    pub(super) fn new(max: usize) -> Self {
        Queue { max, waiting: HashMap::new(), turns: VecDeque::new(), len: 0 }
    }

    /// Adds an item, and returns what finds no place, if anything: the newest item of the address that has
    /// most, or this one if its own address would have no less.
    pub(super) fn push(&mut self, address: A, item: T) -> Option<T> {
        let mut refused = None;
        if self.is_full() {
            let own = self.waiting.get(&address).map_or(0, VecDeque::len);
            let most = self.waiting.iter().max_by_key(|(_, items)| items.len());
            match most.map(|(most, items)| (*most, items.len())) {
                Some((most, len)) if len > own + 1 => refused = self.take(most, VecDeque::pop_back),
                _ => return Some(item),
            }
        }
        let items = self.waiting.entry(address).or_default();
        if items.is_empty() {
            self.turns.push_back(address);
        }
        items.push_back(item);
        self.len += 1;
        refused
    }

    /// Takes the oldest item of the address whose turn it is.
    pub(super) fn pop(&mut self) -> Option<T> {
        let address = self.turns.pop_front()?;
        let item = self.take(address, VecDeque::pop_front);
        if self.waiting.contains_key(&address) {
            self.turns.push_back(address);
        }
        item
    }

    /// Takes out all items that are not to be kept. It looks at each of them.
    pub(super) fn sweep(&mut self, keep: impl Fn(&T) -> bool) -> Vec<T> {
        let mut swept = Vec::new();
        for items in self.waiting.values_mut().filter(|items| !items.iter().all(&keep)) {
            let (kept, gone): (VecDeque<T>, VecDeque<T>) = items.drain(..).partition(&keep);
            *items = kept;
            swept.extend(gone);
        }
        if !swept.is_empty() {
            self.len = self.len.saturating_sub(swept.len());
            self.waiting.retain(|_, items| !items.is_empty());
            self.turns.retain(|address| self.waiting.contains_key(address));
        }
        swept
    }

    pub(super) fn is_full(&self) -> bool {
        self.len >= self.max
    }

    /// Takes an item of an address.
    fn take(&mut self, address: A, end: fn(&mut VecDeque<T>) -> Option<T>) -> Option<T> {
        let items = self.waiting.get_mut(&address)?;
        let item = end(items)?;
        self.len = self.len.saturating_sub(1);
        if items.is_empty() {
            self.waiting.remove(&address);
        }
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The items, each of an address and with a number, in the order in which they are taken.
    fn drain(mut queue: Queue<char, (char, u32)>) -> String {
        let taken: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert!(queue.waiting.is_empty() && queue.turns.is_empty() && queue.len == 0, "{queue:?}");
        taken.iter().map(|(address, number)| format!("{address}{number} ")).collect()
    }

    #[test]
    fn addresses_take_turns_and_the_one_with_most_makes_room() {
        // Where items come from, the order in which they are taken, and what found no place.
        let cases = [
            ("", "", ""),
            ("aaaa", "a0 a1 a2 a3 ", ""),
            ("aaabb", "a0 b3 a1 b4 a2 ", ""),
            ("abcabc", "a0 b1 c2 a3 b4 c5 ", ""),
            // One address may use all of it while no other comes.
            ("aaaaaaaaa", "a0 a1 a2 a3 a4 a5 ", "a6 a7 a8 "),
            ("aaaaaab", "a0 b6 a1 a2 a3 a4 ", "a5 "),
            ("aaaaaabbbb", "a0 b6 a1 b7 a2 b8 ", "a5 a4 a3 b9 "),
            ("aaaaaabca", "a0 b6 c7 a1 a2 a3 ", "a5 a4 a8 "),
            // All have the same: whoever waits already goes first.
            ("abcdefg", "a0 b1 c2 d3 e4 f5 ", "g6 "),
            ("aabcdef", "a0 b2 c3 d4 e5 f6 ", "a1 "),
        ];
        for (addresses, taken, refused) in cases {
            let mut queue = Queue::new(6);
            let pushed = addresses
                .chars()
                .zip(0..)
                .filter_map(|(address, number)| queue.push(address, (address, number)));
            let no_place: String = pushed.map(|(address, number)| format!("{address}{number} ")).collect();
            assert_eq!((drain(queue).as_str(), no_place.as_str()), (taken, refused), "{addresses}");
        }
    }

    #[test]
    fn an_address_that_comes_later_waits_for_one_round_at_most() {
        let mut queue = Queue::new(100);
        for number in 0..100 {
            assert_eq!(queue.push('a', ('a', number)), None);
        }
        assert_eq!(queue.pop(), Some(('a', 0)));
        assert_eq!(queue.push('b', ('b', 0)), None);
        assert_eq!((queue.pop(), queue.pop()), (Some(('a', 1)), Some(('b', 0))));
    }

    #[test]
    fn what_is_swept_leaves_no_trace() {
        let mut queue = Queue::new(6);
        for (address, number) in "aabbcc".chars().zip(0..) {
            assert_eq!(queue.push(address, (address, number)), None);
        }
        assert!(queue.is_full() && queue.sweep(|_| true).is_empty());
        let mut swept = queue.sweep(|(address, number)| *address != 'b' && *number != 4);
        swept.sort_unstable();
        assert_eq!(swept, [('b', 2), ('b', 3), ('c', 4)]);
        assert!(!queue.is_full());
        assert_eq!(queue.push('b', ('b', 6)), None);
        assert_eq!(drain(queue), "a0 c5 b6 a1 ");
    }
}
