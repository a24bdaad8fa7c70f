//! Any bytes as Data that is a zlib stream: the result is the same as by miniz_oxide, the limit is exact, and
//! no more memory is allocated than the limit.
//!
//! Input: whether the checksum is corrected (1 byte; odd: if the stream has an end), the limit (2 bytes),
//! then the stream.

#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use sysconn_fuzz::{Inflaters, bounded};

thread_local! {
    static INFLATERS: RefCell<Inflaters> = RefCell::default();
}

fuzz_target!(|data: &[u8]| {
    let &[how, high, low, ref stream @ ..] = data else { return };
    let max_len = usize::from(u16::from_be_bytes([high, low]));
    INFLATERS.with_borrow_mut(|inflaters| {
        let corrected = (how & 1 != 0).then(|| inflaters.with_right_checksum(stream, max_len)).flatten();
        let stream = corrected.as_deref().unwrap_or(stream);
        bounded(|| _ = inflaters.compare(stream, max_len, true));
    });
});
