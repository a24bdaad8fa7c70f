//! A zlib stream (RFC 1950) that is compressed slice by slice, by flate2.

use flate2::{Compress, Compression, FlushCompress, Status};

/// The least number of bytes by which the output grows.
const STEP_BYTES: usize = 4 * 1024;

/// A zlib stream, with its own compressor.
#[derive(Debug)]
pub(crate) struct ZlibStream(Box<Compress>);

impl ZlibStream {
    /// A new stream; `None` only without the feature `zlib`.
    pub(crate) fn new() -> Option<Self> {
        Some(ZlibStream(Box::new(Compress::new(Compression::fast(), true))))
    }

    /// Compresses the next slice and appends the result. Returns false if the compressor failed, or the last
    /// slice did not end the stream.
    pub(crate) fn compress_slice(&mut self, mut slice: &[u8], is_last: bool, out: &mut Vec<u8>) -> bool {
        let flush = if is_last { FlushCompress::Finish } else { FlushCompress::None };
        loop {
            out.reserve(slice.len().max(STEP_BYTES));
            let (taken_before, written_before) = (self.0.total_in(), out.len());
            let Ok(status) = self.0.compress_vec(slice, out, flush) else { return false };
            let taken = usize::try_from(self.0.total_in() - taken_before).unwrap_or(usize::MAX);
            slice = slice.get(taken..).unwrap_or_default();
            if status == Status::StreamEnd {
                return is_last && slice.is_empty();
            }
            if !is_last && slice.is_empty() && out.len() < out.capacity() {
                return true;
            }
            if taken == 0 && out.len() == written_before {
                return false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Decompress, FlushDecompress};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        #[cfg_attr(miri, ignore = "Miri takes minutes")]
        fn slices_become_one_stream_that_inflates_to_the_input(
            seed in prop::collection::vec(any::<u8>(), 1..300),
            repeat in 1..200usize,
            slice_bytes in 1..20_000usize,
        ) {
            let plain = seed.repeat(repeat);
            let mut stream = ZlibStream::new().unwrap();
            let mut out = vec![7];
            let count = plain.chunks(slice_bytes).count();
            for (index, slice) in plain.chunks(slice_bytes).enumerate() {
                prop_assert!(stream.compress_slice(slice, index + 1 == count, &mut out));
            }
            let mut inflated = Vec::with_capacity(plain.len() + 1);
            let mut inflate = Decompress::new(true);
            let status = inflate.decompress_vec(&out[1..], &mut inflated, FlushDecompress::Finish);
            prop_assert!(matches!(status, Ok(Status::StreamEnd)) && out[0] == 7);
            prop_assert_eq!(inflated, plain);
        }
    }

    #[test]
    fn a_finished_stream_accepts_nothing_more() {
        let (mut stream, mut out) = (ZlibStream::new().unwrap(), vec![]);
        assert!(stream.compress_slice(b"all", true, &mut out));
        assert!(!stream.compress_slice(b"more", true, &mut out));
    }
}
