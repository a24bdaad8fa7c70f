//! Compression as a client has it: permessage-deflate (RFC 7692) without context takeover, and zlib streams.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// What a compressed message lacks at its end (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// Bytes by which the output grows.
const STEP_BYTES: usize = 16 * 1024;

/// One compressor and one inflater for all connections: no message refers to an earlier one.
pub(super) struct Codec {
    compress: Compress,
    inflate: Decompress,
}

impl Codec {
    pub(super) fn new() -> Self {
        Codec { compress: Compress::new(Compression::fast(), false), inflate: Decompress::new(false) }
    }

    /// A message, compressed.
    pub(super) fn compress(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        self.compress.reset();
        let mut out = Vec::new();
        loop {
            out.reserve(STEP_BYTES);
            let taken = usize::try_from(self.compress.total_in()).ok()?;
            let rest = message.get(taken..)?;
            self.compress.compress_vec(rest, &mut out, FlushCompress::Sync).ok()?;
            let has_all = usize::try_from(self.compress.total_in()).ok()? == message.len();
            if has_all && out.len() < out.capacity() {
                break;
            }
        }
        if out.ends_with(&TAIL) {
            out.truncate(out.len() - TAIL.len());
        }
        Some(out)
    }

    /// A compressed message, inflated; `None` if it is broken, or longer than `max_len` bytes.
    pub(super) fn inflate(&mut self, message: &[u8], max_len: usize) -> Option<Vec<u8>> {
        self.inflate.reset(false);
        let mut out = Vec::new();
        if run(&mut self.inflate, message, &mut out, max_len)? == Stream::GoesOn {
            run(&mut self.inflate, &TAIL, &mut out, max_len)?;
        }
        Some(out)
    }

    /// A zlib stream (RFC 1950), inflated; `None` if it is broken, cut, or longer than `max_len` bytes.
    pub(super) fn inflate_zlib(data: &[u8], max_len: usize) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let stream = run(&mut Decompress::new(true), data, &mut out, max_len)?;
        (stream == Stream::Ended).then_some(out)
    }
}

/// Where a compressed stream is after some input.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    GoesOn,
    Ended,
}

/// Inflates all of the input.
fn run(inflate: &mut Decompress, input: &[u8], out: &mut Vec<u8>, max_len: usize) -> Option<Stream> {
    let before = inflate.total_in();
    loop {
        out.reserve(STEP_BYTES.min(max_len.saturating_sub(out.len()).saturating_add(1)));
        let taken = usize::try_from(inflate.total_in() - before).ok()?;
        let status = inflate.decompress_vec(input.get(taken..)?, out, FlushDecompress::Sync).ok()?;
        if out.len() > max_len {
            return None;
        }
        let has_all = usize::try_from(inflate.total_in() - before).ok()? == input.len();
        match status {
            Status::StreamEnd => return Some(Stream::Ended),
            Status::BufError if has_all => return Some(Stream::GoesOn),
            Status::Ok if has_all && out.len() < out.capacity() => return Some(Stream::GoesOn),
            // Neither input nor room for output is missing, and nothing moves.
            Status::BufError if out.len() < out.capacity() => return None,
            Status::Ok | Status::BufError => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_back_and_a_long_one_does_not() {
        let mut codec = Codec::new();
        for len in [0, 1, 64, 16 * 1024, 300_000] {
            let message: Vec<u8> =
                (0..len).map(|index: u32| (index.wrapping_mul(index) % 251) as u8).collect();
            let compressed = codec.compress(&message).unwrap();
            let limit = message.len();
            assert_eq!(codec.inflate(&compressed, limit).as_ref(), Some(&message), "{len}");
            if len > 0 {
                assert_eq!(codec.inflate(&compressed, limit - 1), None, "{len}");
            }
        }
        let bomb = codec.compress(&vec![0; 1 << 20]).unwrap();
        assert_eq!(codec.inflate(&bomb, 1000), None);
        assert_eq!(codec.inflate(&[0xff; 9], 1000), None);
        assert_eq!(Codec::inflate_zlib(b"no zlib", 1000), None);
    }
}
