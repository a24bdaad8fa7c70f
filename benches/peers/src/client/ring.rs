//! All requests, which clients send one after the other, and then again: built once, and not copied.

use std::io::{self, IoSlice, Write};

use super::stream::Stream;

/// Requests up to this length are repeated: then a write is one piece of memory. Of longer ones there is one
/// copy, so that they stay in the first cache, and the pieces of a write cost little beside them.
const SHORT_BYTES: usize = 4096;
/// Pieces of one write.
const PIECES: usize = 16;

pub struct Ring {
    bytes: Vec<u8>,
    /// The bytes without repetitions.
    pub len: usize,
}

impl Ring {
    /// `requests`: these `count`, of which each client has `depth` in flight.
    pub fn new(requests: Vec<u8>, count: usize, depth: usize) -> Ring {
        let len = requests.len();
        // As many more as are in flight, so that a write can begin anywhere among them.
        let times = if len / count <= SHORT_BYTES { 1 + depth.div_ceil(count) } else { 1 };
        Ring { bytes: requests.repeat(times), len }
    }

    /// Writes up to `count` bytes from `position` on, which is in the first repetition.
    pub fn write(&self, stream: &mut Stream, position: usize, count: usize) -> io::Result<usize> {
        let end = self.bytes.len().min(position + count);
        let first = &self.bytes[position..end];
        let mut left = count - first.len();
        if left == 0 {
            return stream.write(first);
        }
        let mut pieces = [IoSlice::new(&[]); PIECES];
        pieces[0] = IoSlice::new(first);
        for piece in &mut pieces[1..] {
            *piece = IoSlice::new(&self.bytes[..left.min(self.len)]);
            left -= piece.len();
        }
        stream.write_vectored(&pieces)
    }
}
