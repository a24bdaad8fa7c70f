//! Compares the library's inflater with miniz_oxide's.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};
use sysconn::ConnectionId;
use sysconn::config::MAX_LEN;
use sysconn::packet::{Codecs, Undecodable};

const COMPRESSED: u8 = 1;
/// The length of the checksum at the end of a stream.
const CHECKSUM_BYTES: usize = 4;

/// The library's inflater and miniz_oxide's. They serve all inputs, as the codecs of a reactor serve all
/// packets: no input may affect the next.
pub struct Inflaters {
    codecs: Codecs,
    oracle: Box<DecompressorOxide>,
    inflated: Vec<u8>,
}

impl Default for Inflaters {
    fn default() -> Self {
        Inflaters { codecs: Codecs::new(None), oracle: Box::default(), inflated: vec![0; MAX_LEN + 1] }
    }
}

impl Inflaters {
    /// Replaces the checksum of a stream by the right one. `None` if the stream does not end within the
    /// limit.
    pub fn with_right_checksum(&mut self, stream: &[u8], max_len: usize) -> Option<Vec<u8>> {
        let (status, read, _) = self.ask_oracle(stream, max_len);
        let begin = read.checked_sub(CHECKSUM_BYTES).filter(|_| status == TINFLStatus::Done)?;
        let mut stream = stream.to_vec();
        stream[begin..read].copy_from_slice(&self.oracle.adler32()?.to_be_bytes());
        Some(stream)
    }

    /// Inflates a stream by the library, with a limit up to [`MAX_LEN`], and checks the result against
    /// miniz_oxide. If `may_be_faulty`, the library may refuse a stream that miniz_oxide accepts, or refuse
    /// it earlier.
    pub fn compare(
        &mut self,
        stream: &[u8],
        max_len: usize,
        may_be_faulty: bool,
    ) -> Result<Vec<u8>, Undecodable> {
        let mut buffer = Vec::new();
        let decoded = self.codecs.decode(ConnectionId::from_u64(7), COMPRESSED, stream, &mut buffer, max_len);
        let decoded = decoded.map(|_| ());
        assert!(buffer.capacity() <= max_len + 1, "{} bytes for at most {max_len}", buffer.capacity());
        if may_be_faulty && decoded == Err(Undecodable::Zlib) {
            return Err(Undecodable::Zlib);
        }
        let decoded = decoded.map(|()| buffer);
        let expected = self.expected(stream, max_len);
        let of = decoded.as_deref().map_err(|error| *error);
        assert!(of == expected, "{} instead of {}", shown(of), shown(expected));
        decoded
    }

    /// The expected result, by miniz_oxide, which ignores what follows the end.
    fn expected(&mut self, stream: &[u8], max_len: usize) -> Result<&[u8], Undecodable> {
        if stream.is_empty() {
            return Ok(&[]);
        }
        let (status, read, written) = self.ask_oracle(stream, max_len);
        if written > max_len {
            return Err(Undecodable::TooLong);
        }
        // Built for a fuzzer, it does not check the checksum itself.
        let right = self.oracle.adler32() == self.oracle.adler32_header();
        match status {
            TINFLStatus::Done if read == stream.len() && right => Ok(&self.inflated[..written]),
            _ => Err(Undecodable::Zlib),
        }
    }

    /// Returns how the stream ends, the bytes read, and the bytes written: at most one more than the limit.
    fn ask_oracle(&mut self, stream: &[u8], max_len: usize) -> (TINFLStatus, usize, usize) {
        const FLAGS: u32 = inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER
            | inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        self.oracle.init();
        decompress(&mut self.oracle, stream, &mut self.inflated[..=max_len], 0, FLAGS)
    }
}

fn shown(decoded: Result<&[u8], Undecodable>) -> String {
    decoded.map_or_else(|error| format!("{error:?}"), |data| format!("{} bytes {:02x?}", data.len(), data))
}
