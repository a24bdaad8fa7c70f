//! Any bytes as messages that a client has compressed by permessage-deflate: each inflates to the same bytes
//! as by miniz_oxide, within the limits of length and memory, with and without context takeover.
//!
//! Input: 1 byte (bit 0: whether each message begins with an empty window; bits 1 to 4: the limit, 2 to 65536
//! bytes), then messages: the length of the payload (1 byte), and the payload, as far as there is any.

#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};
use sysconn::frame::Error;
use sysconn::internals::{Agreement, Deflate, SharedCodecs};
use sysconn_fuzz::bounded;

/// The bytes that are left out at the end of each message (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// The most bytes that the messages of an input inflate to, and one more than the limit.
const MAX_INFLATED_BYTES: usize = 4 * 65536;

thread_local! {
    /// Shared by all inputs, as by all connections of a reactor: no input may affect the next.
    static SHARED: RefCell<SharedCodecs> = RefCell::default();
    static ORACLE: RefCell<Oracle> = RefCell::default();
}

fuzz_target!(|data: &[u8]| {
    let &[agreed, ref messages @ ..] = data else { return };
    let agreement = Agreement { client_no_context_takeover: agreed & 1 != 0, ..Agreement::default() };
    let max_len = 2 << (agreed >> 1 & 15);
    SHARED.with_borrow_mut(|shared| {
        ORACLE.with_borrow_mut(|oracle| bounded(|| receive(agreement, max_len, messages, shared, oracle)));
    });
});

fn receive(
    agreement: Agreement,
    max_len: usize,
    mut messages: &[u8],
    shared: &mut SharedCodecs,
    oracle: &mut Oracle,
) {
    let mut server = Deflate::new(agreement, 1).expect("compression is built in");
    let mut out = Vec::new();
    oracle.forget();
    while let &[len, ref rest @ ..] = messages
        && oracle.has_space(max_len)
    {
        let (payload, rest) = rest.split_at(usize::from(len).min(rest.len()));
        messages = rest;
        let made = server.inflate(payload, &mut out, max_len, shared);
        assert!(out.capacity() <= max_len + 1, "{} bytes for at most {max_len}", out.capacity());
        if made == Err(Error::BadDeflate) {
            // miniz_oxide accepts some faults.
            return;
        }
        if agreement.client_no_context_takeover {
            oracle.forget();
        }
        assert_eq!(made.map(|()| out.as_slice()), oracle.inflate(payload, max_len));
        if made.is_err() {
            // The connection closes.
            return;
        }
    }
}

/// Inflates the messages by miniz_oxide.
struct Oracle {
    inflater: Box<DecompressorOxide>,
    /// All that was inflated. Messages can refer back to it, even beyond a final block.
    inflated: Vec<u8>,
    len: usize,
}

impl Default for Oracle {
    fn default() -> Self {
        Oracle { inflater: Box::default(), inflated: vec![0; MAX_INFLATED_BYTES], len: 0 }
    }
}

impl Oracle {
    /// Begins with an empty window.
    fn forget(&mut self) {
        self.inflater.init();
        self.len = 0;
    }

    /// Whether there is space for another message, even one that is too long.
    fn has_space(&self, max_len: usize) -> bool {
        self.len + max_len < self.inflated.len()
    }

    /// Inflates the next message.
    fn inflate(&mut self, payload: &[u8], max_len: usize) -> Result<&[u8], Error> {
        let first = self.len;
        let is_over = self.feed(payload, first + max_len)?;
        let end = self.len;
        // An empty message, and one that ends with a final block, have no tail to add.
        if !is_over && !payload.is_empty() {
            self.feed(&TAIL, first + max_len)?;
        }
        if self.len > end { Err(Error::BadDeflate) } else { Ok(&self.inflated[first..end]) }
    }

    /// Inflates a part of a message. Returns whether it ends with a final block.
    fn feed(&mut self, mut input: &[u8], limit: usize) -> Result<bool, Error> {
        const FLAGS: u32 = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF
            | inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
        loop {
            let out = &mut self.inflated[..=limit];
            let (status, read, written) = decompress(&mut self.inflater, input, out, self.len, FLAGS);
            input = &input[read..];
            self.len += written;
            match status {
                _ if self.len > limit => return Err(Error::TooBig),
                // Another stream can follow (§7.2.3.4).
                TINFLStatus::Done => self.inflater.init(),
                TINFLStatus::NeedsMoreInput if input.is_empty() => return Ok(false),
                _ => return Err(Error::BadDeflate),
            }
            if input.is_empty() {
                return Ok(true);
            }
        }
    }
}
