//! All that one connection gathered in a call, in the order in which it is to be written.

use std::io::IoSlice;

use super::outbox::MAX_SLICES;
use crate::router::{Borrowed, MAX_BORROWED, Origin};

// One in front of each that is borrowed, and one behind the last.
const _: () = assert!(2 * MAX_BORROWED < MAX_SLICES);

/// What one connection gathered, and the places that some of it is borrowed from.
pub(crate) struct OutputSlices<'a> {
    pub(crate) out: &'a [u8],
    pub(crate) borrowed: &'a [Borrowed],
    pub(crate) input: &'a [u8],
    pub(crate) held: &'a [u8],
}

impl<'a> OutputSlices<'a> {
    /// All of it from `start` of the write buffer on, in order. How many slices it takes.
    pub(crate) fn slices(&self, start: usize, slices: &mut [IoSlice<'a>; MAX_SLICES]) -> usize {
        let (mut from, mut count) = (start, 0);
        let mut push = |piece: Option<&'a [u8]>| {
            if let (Some(slice), Some(piece)) =
                (slices.get_mut(count), piece.filter(|piece| !piece.is_empty()))
            {
                *slice = IoSlice::new(piece);
                count += 1;
            }
        };
        for borrowed in self.borrowed {
            push(self.out.get(from..borrowed.at));
            push(self.lent(borrowed));
            from = borrowed.at;
        }
        push(self.out.get(from..));
        count
    }

    fn lent(&self, borrowed: &Borrowed) -> Option<&'a [u8]> {
        let (whole, end) = match borrowed.origin {
            Origin::Input { end } => (self.input, end),
            Origin::Held => (self.held, self.held.len()),
            Origin::Absent => return None,
        };
        whole.get(end.checked_sub(borrowed.len)?..end)
    }
}
