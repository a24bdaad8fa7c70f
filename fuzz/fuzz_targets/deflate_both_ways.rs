//! Messages in both directions by permessage-deflate: each side inflates what the other compresses, for any
//! agreement, within the limits of length and memory.
//!
//! Input: the agreement and the level (1 byte, see [`agreement`] and [`level`]), then messages: what happens
//! (1 byte, see [`converse`]), the length of the bytes (1 byte), and the bytes, as far as there are any.

#![no_main]

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use libfuzzer_sys::fuzz_target;
use sysconn::frame::Error;
use sysconn::internals::{Agreement, Deflate, SharedCodecs, Window};
use sysconn_fuzz::bounded;

/// The bytes that are left out at the end of each message (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// The longest message.
const MAX_LEN: usize = 64 * 1024;
/// How much the client inflates at once: far less than any window, so that it can refer to nothing further
/// back than the window.
const CLIENT_CHUNK_BYTES: usize = 16;

thread_local! {
    /// By level. Shared by all inputs, as by all connections of a reactor: no input may affect the next.
    static SHARED: RefCell<[SharedCodecs; 7]> = RefCell::default();
    static CLIENT: RefCell<Client> =
        RefCell::new(Client { compressor: Compress::new(Compression::fast(), false) });
}

fuzz_target!(|data: &[u8]| {
    let &[agreed, ref script @ ..] = data else { return };
    let (agreement, level) = (agreement(agreed), level(agreed));
    SHARED.with_borrow_mut(|shared| {
        let shared = &mut shared[usize::from(level)];
        CLIENT.with_borrow_mut(|client| bounded(|| converse(agreement, level, script, shared, client)));
    });
});

/// Bits 0 and 1: which side begins each message with an empty window. Bits 2 to 4: the server's window, 9 to
/// 15 bits, or no limit (0).
fn agreement(byte: u8) -> Agreement {
    Agreement {
        server_no_context_takeover: byte & 1 != 0,
        client_no_context_takeover: byte & 2 != 0,
        server_max_window_bits: Some(8 + (byte >> 2 & 7)).filter(|bits| *bits > 8),
        client_max_window_bits: None,
    }
}

/// Bits 5 to 7: the level, 1 to 6.
fn level(byte: u8) -> u8 {
    1 + (byte >> 5) % 6
}

/// Each step sends a message: the client (0), the client with a message that is a byte too long (1), the
/// server (2), or the server slice by slice (3). The highest four bits choose how often the bytes are
/// repeated first; with all of them set, the server frees what it can afterwards.
fn converse(
    agreement: Agreement,
    level: u8,
    mut script: &[u8],
    shared: &mut SharedCodecs,
    client: &mut Client,
) {
    let mut server = Deflate::new(agreement, level).expect("compression is built in");
    let mut inflater = client_inflater(agreement);
    client.compressor.reset();
    while let &[step, len, ref rest @ ..] = script {
        let (bytes, rest) = rest.split_at(usize::from(len).min(rest.len()));
        script = rest;
        let mut plain = bytes.repeat(1 << (step >> 4).min(9));
        plain.truncate(MAX_LEN);
        match step & 3 {
            0 => {
                let payload = client.compress(&plain, agreement);
                assert_eq!(inflate(&mut server, &payload, plain.len(), shared).as_ref(), Ok(&plain));
            }
            1 if !plain.is_empty() => {
                let payload = client.compress(&plain, agreement);
                let limit = plain.len() - 1;
                assert_eq!(inflate(&mut server, &payload, limit, shared), Err(Error::TooBig));
                // The connection closes.
                return;
            }
            3 => {
                let payload = slice_by_slice(&mut server, &plain, 1 << (step >> 2 & 3) * 4);
                if agreement.server_no_context_takeover {
                    inflater = client_inflater(agreement);
                }
                assert_eq!(client_inflates(&mut inflater, &payload, plain.len()), plain);
            }
            _ => {
                let (head, tail) = plain.split_at(plain.len().min(usize::from(step >> 2 & 3) * 4));
                let payload = server.compress(&[head, tail], shared);
                if agreement.server_no_context_takeover {
                    inflater = client_inflater(agreement);
                }
                assert_eq!(client_inflates(&mut inflater, payload, plain.len()), plain);
            }
        }
        if step >> 4 == 15 {
            // Once it was not used in between.
            server.trim();
            server.trim();
        }
    }
}

/// Compresses a message at the server, `slice_bytes` at a time.
fn slice_by_slice(server: &mut Deflate, plain: &[u8], slice_bytes: usize) -> Vec<u8> {
    let (mut window, mut out, mut rest) = (Window::default(), vec![], plain);
    loop {
        let slice;
        (slice, rest) = rest.split_at(rest.len().min(slice_bytes));
        server.compress_slice(&mut window, slice, rest.is_empty(), &mut out, 0);
        if rest.is_empty() {
            return out;
        }
    }
}

/// Inflates a message of the client at the server.
fn inflate(
    server: &mut Deflate,
    payload: &[u8],
    limit: usize,
    shared: &mut SharedCodecs,
) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let done = server.inflate(payload, &mut out, limit, shared);
    assert!(out.capacity() <= limit + 1, "{} bytes for at most {limit}", out.capacity());
    done.map(|()| out)
}

fn client_inflater(agreement: Agreement) -> Decompress {
    Decompress::new_with_window_bits(false, agreement.server_max_window_bits.unwrap_or(15))
}

/// Inflates a message of the server at the client. It should have `len` bytes.
fn client_inflates(inflater: &mut Decompress, payload: &[u8], len: usize) -> Vec<u8> {
    let payload = [payload, &TAIL].concat();
    let (mut inflated, mut rest) = (Vec::with_capacity(len), payload.as_slice());
    loop {
        let mut chunk = [0; CLIENT_CHUNK_BYTES];
        let before = (inflater.total_in(), inflater.total_out());
        let status = inflater.decompress(rest, &mut chunk, FlushDecompress::Sync);
        assert!(status.is_ok(), "{status:?} after {} bytes", inflated.len());
        let read = usize::try_from(inflater.total_in() - before.0).expect("as long as the payload");
        let written = usize::try_from(inflater.total_out() - before.1).expect("as long as the chunk");
        rest = &rest[read..];
        inflated.extend_from_slice(&chunk[..written]);
        assert!(inflated.len() <= len, "{} bytes of {len}", inflated.len());
        if written < chunk.len() && (rest.is_empty() || read == 0) {
            assert!(rest.is_empty(), "{} bytes are not inflated", rest.len());
            return inflated;
        }
    }
}

/// The client, by flate2.
struct Client {
    compressor: Compress,
}

impl Client {
    /// Compresses a message. Returns its payload.
    fn compress(&mut self, plain: &[u8], agreement: Agreement) -> Vec<u8> {
        if agreement.client_no_context_takeover {
            self.compressor.reset();
        }
        let mut payload = Vec::with_capacity(plain.len() + plain.len() / 8 + 64);
        let status = self.compressor.compress_vec(plain, &mut payload, FlushCompress::Sync);
        assert!(status.is_ok() && payload.len() < payload.capacity(), "{status:?}");
        if payload.ends_with(&TAIL) {
            payload.truncate(payload.len() - TAIL.len());
        }
        // An empty message, for which nothing is flushed (§7.2.3.6).
        if payload.is_empty() { vec![0] } else { payload }
    }
}
