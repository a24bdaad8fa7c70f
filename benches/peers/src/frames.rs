//! Frames in a stream of bytes, counted without a look at what is in them.

/// The beginning of a frame that has not come in full.
#[derive(Default)]
pub struct Frames {
    header: [u8; 14],
    filled: usize,
    /// Bytes of the payload, and how many of them are still to come.
    len: usize,
    left: usize,
    is_within: bool,
}

impl Frames {
    /// More bytes have come. Calls `whole` for each frame that they complete, with the length of its payload.
    pub fn take(&mut self, mut bytes: &[u8], mut whole: impl FnMut(usize)) {
        loop {
            if self.is_within {
                let count = self.left.min(bytes.len());
                self.left -= count;
                bytes = &bytes[count..];
                if self.left > 0 {
                    return;
                }
                self.is_within = false;
                whole(self.len);
            }
            let Some((&first, rest)) = bytes.split_first() else { return };
            self.header[self.filled] = first;
            self.filled += 1;
            bytes = rest;
            if self.filled >= 2 && self.filled == header_len(self.header[1]) {
                self.len = payload_len(&self.header);
                (self.left, self.filled, self.is_within) = (self.len, 0, true);
            }
        }
    }
}

/// RFC 6455 §5.2: a length of 0, 2 or 8 more bytes, and a key if the frame is masked.
fn header_len(second: u8) -> usize {
    let length = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + length + if second & 0x80 == 0 { 0 } else { 4 }
}

fn payload_len(header: &[u8; 14]) -> usize {
    match header[1] & 0x7f {
        126 => usize::from(u16::from_be_bytes([header[2], header[3]])),
        127 => header[2..10].iter().fold(0, |len, &byte| len << 8 | usize::from(byte)),
        len => len.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{frame, masked_frame};

    #[test]
    fn frames_are_counted_however_they_are_cut() {
        let lens = [0, 1, 125, 126, 65_535, 65_536, 3];
        let frames = |len| [frame(&vec![0x82; len]), masked_frame(&vec![7; len])].concat();
        let stream: Vec<u8> = lens.into_iter().flat_map(frames).collect();
        for step in [1, 2, 3, 7, 1000, stream.len()] {
            let (mut counter, mut seen) = (Frames::default(), vec![]);
            stream.chunks(step).for_each(|chunk| counter.take(chunk, |len| seen.push(len)));
            assert_eq!(seen, lens.iter().flat_map(|&len| [len, len]).collect::<Vec<_>>(), "{step}");
        }
    }
}
