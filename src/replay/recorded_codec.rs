//! The codec of a replay, which returns recorded results.

use crate::packet::{RecordedCodec, Undecodable};
use crate::recording::ReplaySource;

/// Takes the results of decoding and compressing from a recording.
pub(super) struct Recorded(pub(super) ReplaySource);

impl RecordedCodec for Recorded {
    fn decode(&mut self, out: &mut Vec<u8>) -> Option<Result<(), Undecodable>> {
        self.0.decode_again(out)
    }

    fn compressed_len(&mut self) -> Option<usize> {
        self.0.compressed_data_len()
    }
}
