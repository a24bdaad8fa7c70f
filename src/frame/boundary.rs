//! Where frames begin in a stream of them.

use super::header::Header;

/// The offset of the first frame boundary in `stream` at or after `at`.
///
/// `stream` must begin at a boundary and consist of whole frames, such as queued output; its end is a
/// boundary too. In any other stream the answer is its end. The cost is linear in the number of frames before
/// `at`.
#[must_use]
pub fn boundary_at_or_after(stream: &[u8], at: usize) -> usize {
    let mut boundary = 0;
    while boundary < at {
        match stream.get(boundary..).and_then(frame_bytes) {
            Some(bytes) => boundary = usize::saturating_add(boundary, bytes),
            None => return stream.len(),
        }
    }
    boundary.min(stream.len())
}

/// The length in bytes of the first frame in `stream`, header included.
fn frame_bytes(stream: &[u8]) -> Option<usize> {
    let (header, header_bytes) = Header::parse(stream).ok()??;
    usize::try_from(header.payload_len).ok()?.checked_add(header_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Opcode, push_frame};

    #[test]
    #[cfg_attr(miri, ignore = "Miri takes minutes")]
    fn boundaries_are_found_from_every_offset() {
        let mut stream = Vec::new();
        let mut boundaries = vec![0];
        for length in [0, 1, 125, 126, 300, 65_535, 65_536, 0, 7] {
            push_frame(&mut stream, Opcode::Binary, &vec![0x82; length]);
            boundaries.push(stream.len());
        }
        for at in 0..=stream.len() {
            let expected = boundaries.iter().copied().find(|&boundary| boundary >= at);
            assert_eq!(Some(boundary_at_or_after(&stream, at)), expected, "{at}");
        }
        assert_eq!(boundary_at_or_after(&stream, usize::MAX), stream.len());
        assert_eq!(boundary_at_or_after(&[], 0), 0);
        for (name, broken) in [("cut", &[0x82, 5, 0][..]), ("reserved", &[0xff; 20]), ("half", &[0x82])] {
            assert_eq!(boundary_at_or_after(broken, 1), broken.len(), "{name}");
        }
    }
}
