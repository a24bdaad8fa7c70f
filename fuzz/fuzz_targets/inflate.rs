//! Any bytes as Data that is a zlib stream, and streams made of any bytes: what comes out is what another
//! inflater makes of them, up to the limit to the byte, and no more memory is taken than that.
//!
//! Input: how the stream is made (1 byte, see [`make`]), the limit (2 bytes, see [`limit`]), then bytes.

#![no_main]

use std::cell::RefCell;

use flate2::{Compress, Compression, FlushCompress, Status};
use libfuzzer_sys::fuzz_target;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};
use sysconn::ConnectionId;
use sysconn::config::MAX_LEN;
use sysconn::packet::{Codecs, Undecodable};
use sysconn_fuzz::bounded;

const COMPRESSED: u8 = 1;
/// What a stream is inflated to at most before the limit is looked at: twice the limit of limits.
const MAX_PLAIN_BYTES: usize = 2 * MAX_LEN;

/// What serves all inputs, as the codecs of a reactor serve all packets: nothing may be left over.
struct Buffers {
    codecs: Codecs,
    oracle: Box<DecompressorOxide>,
    inflated: Vec<u8>,
    compressors: [Option<Compress>; 4],
    plain: Vec<u8>,
    stream: Vec<u8>,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers {
        codecs: Codecs::new(None),
        oracle: Box::default(),
        inflated: vec![0; MAX_LEN + 1],
        compressors: [const { None }; 4],
        plain: Vec::with_capacity(MAX_PLAIN_BYTES),
        stream: Vec::with_capacity(MAX_PLAIN_BYTES),
    });
}

fuzz_target!(|data: &[u8]| {
    let &[how, high, low, ref bytes @ ..] = data else { return };
    BUFFERS.with_borrow_mut(|Buffers { codecs, oracle, inflated, compressors, plain, stream }| {
        make(how, bytes, compressors, plain, stream);
        let max_len = limit(how, u16::from_be_bytes([high, low]), plain.len());
        let expected = expected(stream, max_len, oracle, inflated);
        let mut buffer = Vec::new();
        bounded(|| {
            let decoded = codecs.decode(ConnectionId::from_u64(7), COMPRESSED, stream, &mut buffer, max_len);
            let faulty = how & MADE == 0 || how & CHANGED != 0;
            // The other one does not mind every fault, or finds it later.
            let allowed = faulty && decoded == Err(Undecodable::Zlib);
            assert!(allowed || decoded == expected, "{} instead of {}", shown(decoded), shown(expected));
        });
        assert!(buffer.capacity() <= max_len + 1, "{} bytes for at most {max_len}", buffer.capacity());
        if how & MADE != 0 && how & (CUT | CHANGED) == 0 {
            assert_eq!(expected.is_ok(), max_len >= plain.len());
        }
    });
});

/// The stream is not the bytes, but made of them by a compressor.
const MADE: u8 = 1;
/// The last byte of such a stream is left out.
const CUT: u8 = 2;
/// One byte of such a stream is another: which one depends on how many bytes there are.
const CHANGED: u8 = 4;

/// Bits 0 to 2: see above. Bits 3 and 4: how hard the compressor tries. Bits 5 to 7: how often the bytes are repeated.
fn make(
    how: u8,
    bytes: &[u8],
    compressors: &mut [Option<Compress>; 4],
    plain: &mut Vec<u8>,
    stream: &mut Vec<u8>,
) {
    plain.clear();
    stream.clear();
    if how & MADE == 0 {
        stream.extend_from_slice(bytes);
        return;
    }
    let copies = match (how >> 5, bytes.len()) {
        // A bomb. It takes its time, and so must be rare.
        (7, 1) => MAX_PLAIN_BYTES,
        (repeated, len) => {
            [1, 1, 1, 2, 3, 16, 64, 256][usize::from(repeated)].min(MAX_PLAIN_BYTES / len.max(1))
        }
    };
    (0..copies).for_each(|_| plain.extend_from_slice(bytes));
    let level = usize::from(how >> 3 & 3);
    let new = || Compress::new(Compression::new([0, 1, 6, 9][level]), true);
    let compressor = compressors[level].get_or_insert_with(new);
    compressor.reset();
    stream.reserve(plain.len() + plain.len() / 8 + 64);
    let status = compressor.compress_vec(plain, stream, FlushCompress::Finish);
    assert!(matches!(status, Ok(Status::StreamEnd)), "{status:?}");
    if how & CUT != 0 {
        stream.pop();
    }
    if how & CHANGED != 0
        && let Some(byte) = stream.get_mut(bytes.len() % 41)
    {
        *byte ^= bytes.first().copied().unwrap_or(1) | 1;
    }
}

/// For a made stream as many bytes more or less than it holds as `number` is above or below 32768; else the
/// number.
fn limit(how: u8, number: u16, plain: usize) -> usize {
    let number = usize::from(number);
    let limit = if how & MADE != 0 { (plain + number).saturating_sub(1 << 15) } else { number };
    limit.min(MAX_LEN)
}

/// What miniz_oxide makes of the stream. It does not mind what follows behind the end.
fn expected<'o>(
    stream: &'o [u8],
    max_len: usize,
    oracle: &mut DecompressorOxide,
    out: &'o mut [u8],
) -> Result<&'o [u8], Undecodable> {
    if stream.is_empty() {
        return Ok(stream);
    }
    oracle.init();
    let flags =
        inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER | inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let (status, read, written) = decompress(oracle, stream, &mut out[..=max_len], 0, flags);
    if written > max_len {
        return Err(Undecodable::TooLong);
    }
    match status {
        // Built for a fuzzer it leaves the checksum to its user.
        TINFLStatus::Done if read == stream.len() && oracle.adler32() == oracle.adler32_header() => {
            Ok(&out[..written])
        }
        _ => Err(Undecodable::Zlib),
    }
}

fn shown(decoded: Result<&[u8], Undecodable>) -> String {
    decoded.map_or_else(|error| format!("{error:?}"), |data| format!("{} bytes {:02x?}", data.len(), data))
}
