//! A queue of fan-out keys for each slot, all in one buffer, so that appending one allocates nothing.

/// No node.
const NONE: u32 = u32::MAX;

/// One number in a queue, or a free node.
#[derive(Clone, Copy, Debug)]
struct Node {
    number: u32,
    next: u32,
}

/// The ends of a queue.
#[derive(Clone, Copy, Debug)]
struct Queue {
    first: u32,
    last: u32,
}

impl Queue {
    const EMPTY: Queue = Queue { first: NONE, last: NONE };
}

/// The queues of all slots.
#[derive(Debug)]
pub(super) struct PushQueues {
    queues: Vec<Queue>,
    nodes: Vec<Node>,
    /// The first node that is free.
    free: u32,
    len: usize,
}

impl Default for PushQueues {
    fn default() -> Self {
        PushQueues { queues: Vec::new(), nodes: Vec::new(), free: NONE, len: 0 }
    }
}

impl PushQueues {
    /// Bytes that each number takes.
    pub(super) const NUMBER_BYTES: usize = size_of::<Node>();

    /// Appends a number to the queue of a slot.
    pub(super) fn push(&mut self, slot: usize, number: u32) {
        let Some(at) = self.node(Node { number, next: NONE }) else { return };
        if self.queues.len() <= slot {
            self.queues.resize(slot + 1, Queue::EMPTY);
        }
        let Some(queue) = self.queues.get_mut(slot) else { return };
        let last = std::mem::replace(&mut queue.last, at);
        match self.nodes.get_mut(last as usize) {
            Some(node) => node.next = at,
            None => queue.first = at,
        }
        self.len += 1;
    }

    /// Whether there is a number in the queue of a slot.
    pub(super) fn has(&self, slot: usize) -> bool {
        self.queues.get(slot).is_some_and(|queue| queue.first != NONE)
    }

    /// Takes the oldest number from the queue of a slot.
    pub(super) fn pop(&mut self, slot: usize) -> Option<u32> {
        let queue = self.queues.get_mut(slot)?;
        let at = queue.first;
        let node = self.nodes.get_mut(at as usize)?;
        let Node { number, next } = std::mem::replace(node, Node { number: 0, next: self.free });
        (self.free, self.len) = (at, self.len - 1);
        *queue = if next == NONE { Queue::EMPTY } else { Queue { first: next, ..*queue } };
        if self.len == 0 {
            // Release the memory that a burst took.
            *self = PushQueues::default();
        }
        Some(number)
    }

    /// A free node, or a new one. None if no more nodes can be numbered.
    fn node(&mut self, node: Node) -> Option<u32> {
        if let Some(free) = self.nodes.get_mut(self.free as usize) {
            let at = std::mem::replace(&mut self.free, free.next);
            *free = node;
            return Some(at);
        }
        let at = u32::try_from(self.nodes.len()).ok().filter(|at| *at != NONE)?;
        self.nodes.push(node);
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slot_has_its_numbers_in_order_and_nodes_are_used_again() {
        let mut queues = PushQueues::default();
        for round in 0..3 {
            for number in 0..4 {
                queues.push(number as usize % 2 * 5, number + round);
            }
            assert_eq!((queues.pop(0), queues.pop(5)), (Some(round), Some(1 + round)));
            queues.push(0, 7);
            assert!(queues.has(0) && queues.has(5) && !queues.has(1) && !queues.has(99));
            let rest: Vec<_> = std::iter::from_fn(|| queues.pop(0)).collect();
            assert_eq!(rest, [2 + round, 7]);
            assert!(queues.nodes.len() <= 4, "{} nodes", queues.nodes.len());
            assert_eq!((queues.pop(0), queues.pop(1), queues.pop(99)), (None, None, None));
            assert_eq!((queues.pop(5), queues.pop(5)), (Some(3 + round), None));
            assert!(queues.nodes.is_empty() && queues.queues.is_empty(), "nothing is kept");
        }
    }
}
