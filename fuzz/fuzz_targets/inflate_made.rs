//! Data that a compressor makes of any bytes, intact or damaged: it inflates to the same bytes, or to the
//! same result as by miniz_oxide; the limit is exact, and no more memory is allocated than the limit.
//!
//! Input: how the stream is made (1 byte, see [`make`]), the limit relative to the inflated length (2 bytes;
//! 32768: equal), then bytes.

#![no_main]

use std::cell::RefCell;

use flate2::{Compress, Compression, FlushCompress, Status};
use libfuzzer_sys::fuzz_target;
use sysconn::config::MAX_LEN;
use sysconn::packet::Undecodable;
use sysconn_fuzz::{Inflaters, bounded};

/// The most bytes that a stream is made of: twice the highest limit.
const MAX_PLAIN_BYTES: usize = 2 * MAX_LEN;

/// Shared by all inputs: no input may affect the next.
struct Buffers {
    inflaters: Inflaters,
    compressors: [Option<Compress>; 4],
    plain: Vec<u8>,
    stream: Vec<u8>,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers {
        inflaters: Inflaters::default(),
        compressors: [const { None }; 4],
        plain: Vec::with_capacity(MAX_PLAIN_BYTES),
        stream: Vec::with_capacity(MAX_PLAIN_BYTES),
    });
}

fuzz_target!(|data: &[u8]| {
    let &[how, high, low, ref bytes @ ..] = data else { return };
    BUFFERS.with_borrow_mut(|Buffers { inflaters, compressors, plain, stream }| {
        make(how, bytes, compressors, plain, stream);
        let number = usize::from(u16::from_be_bytes([high, low]));
        let max_len = (plain.len() + number).saturating_sub(1 << 15).min(MAX_LEN);
        bounded(|| {
            let decoded = inflaters.compare(stream, max_len, how & CHANGED != 0);
            if how & (CUT | CHANGED) == 0 {
                let fits = plain.len() <= max_len;
                assert_eq!(decoded.as_ref(), fits.then_some(&*plain).ok_or(&Undecodable::TooLong));
            }
        });
    });
});

/// The last byte of the stream is removed.
const CUT: u8 = 1;
/// One byte of the stream is changed. Which one depends on the number of bytes.
const CHANGED: u8 = 2;

/// Bits 0 and 1: [`CUT`] and [`CHANGED`]. Bits 2 and 3: the compression level. Bits 4 to 6: how often the
/// bytes are repeated.
fn make(
    how: u8,
    bytes: &[u8],
    compressors: &mut [Option<Compress>; 4],
    plain: &mut Vec<u8>,
    stream: &mut Vec<u8>,
) {
    plain.clear();
    stream.clear();
    let copies = match (how >> 4 & 7, bytes.len()) {
        // A bomb. It is slow, so it must be rare.
        (7, 1) => MAX_PLAIN_BYTES,
        (repeated, len) => {
            [1, 1, 1, 2, 3, 16, 64, 256][usize::from(repeated)].min(MAX_PLAIN_BYTES / len.max(1))
        }
    };
    (0..copies).for_each(|_| plain.extend_from_slice(bytes));
    let level = usize::from(how >> 2 & 3);
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
