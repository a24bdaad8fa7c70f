//! The output of one connection in one call, as slices in writing order.

use std::io::IoSlice;

use super::outbox::MAX_SLICES;
use crate::router::{Borrowed, MAX_BORROWED, Origin};

// One slice in front of each borrowed one, and one behind the last.
const _: () = assert!(2 * MAX_BORROWED < MAX_SLICES);

/// The output of one connection, and the buffers that parts of it are borrowed from.
pub(crate) struct OutputSlices<'a> {
    pub(crate) out: &'a [u8],
    pub(crate) borrowed: &'a [Borrowed],
    pub(crate) input: &'a [u8],
    pub(crate) held: &'a [u8],
}

impl<'a> OutputSlices<'a> {
    /// Fills `slices` with everything behind `start` of the write buffer. Returns how many it takes.
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
