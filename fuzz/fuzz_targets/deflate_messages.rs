//! Messages both ways by permessage-deflate: each side understands what the other compresses, whatever was
//! agreed on, and what no compressor has made gives what another inflater makes of it, within the limit and the
//! memory that it allows.
//!
//! Input: what is agreed on (1 byte, see [`agreement`]), then messages: what happens (1 byte, see [`converse`]),
//! the length of the bytes that it is about (1 byte), and the bytes, or what there is of them.

#![no_main]

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use libfuzzer_sys::fuzz_target;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};
use sysconn::frame::Error;
use sysconn::internals::{Agreement, Deflate, Shared};
use sysconn_fuzz::bounded;

/// Left out at the end of each message (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// The longest message.
const MAX_LEN: usize = 64 * 1024;
/// What the client inflates at a time: far less than any window, so that what lies further back than the
/// window is out of its reach.
const CLIENT_CHUNK_BYTES: usize = 16;

thread_local! {
    /// What serves all connections of a reactor: nothing may be left over.
    static SHARED: RefCell<Shared> = RefCell::default();
    static CLIENT: RefCell<Client> = RefCell::new(Client {
        compressor: Compress::new(Compression::fast(), false),
        oracle: Box::default(),
        inflated: vec![0; MAX_LEN + 1],
    });
}

fuzz_target!(|data: &[u8]| {
    let &[agreed, ref script @ ..] = data else { return };
    SHARED.with_borrow_mut(|shared| {
        CLIENT.with_borrow_mut(|client| bounded(|| converse(agreement(agreed), script, shared, client)));
    });
});

/// Bits 0 and 1: which side begins each message with an empty window. Bits 2 to 4: the server's window, 9 to 15
/// bits, or not limited (0).
fn agreement(byte: u8) -> Agreement {
    Agreement {
        server_no_context_takeover: byte & 1 != 0,
        client_no_context_takeover: byte & 2 != 0,
        server_max_window_bits: Some(8 + (byte >> 2 & 7)).filter(|bits| *bits > 8),
    }
}

/// Each step sends a message: the client what it has compressed (0), or that where it is a byte too long (1), or
/// the bytes as they are (2), or the server (3). The highest four bits say how often the bytes are repeated first.
fn converse(agreement: Agreement, mut script: &[u8], shared: &mut Shared, client: &mut Client) {
    let mut server = Deflate::new(agreement).expect("compression is built in");
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
            2 => {
                let made = inflate(&mut server, bytes, MAX_LEN, shared);
                if agreement.client_no_context_takeover {
                    match (made.as_deref(), client.expected(bytes)) {
                        // What ends within the header of a block is not finished, and has no fault yet.
                        (Ok(_), Err(Error::BadDeflate)) => {}
                        // The other one does not mind every fault.
                        (Err(Error::BadDeflate), _) => {}
                        (made, expected) => assert_eq!(made.map_err(|error| *error), expected),
                    }
                }
                // Where bytes are taken that end within a block, what follows is part of that block.
                if made.is_err() || !agreement.client_no_context_takeover {
                    return;
                }
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
    }
}

/// The server's side of a message from the client.
fn inflate(
    server: &mut Deflate,
    payload: &[u8],
    limit: usize,
    shared: &mut Shared,
) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let done = server.inflate(payload, &mut out, limit, shared);
    assert!(out.capacity() <= limit + 1, "{} bytes for at most {limit}", out.capacity());
    done.map(|()| out)
}

fn client_inflater(agreement: Agreement) -> Decompress {
    Decompress::new_with_window_bits(false, agreement.server_max_window_bits.unwrap_or(15))
}

/// What the client makes of a message, of which it knows how long it should be.
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
            assert!(rest.is_empty(), "{} bytes are not understood", rest.len());
            return inflated;
        }
    }
}

/// The other side, made of what others provide.
struct Client {
    compressor: Compress,
    oracle: Box<DecompressorOxide>,
    inflated: Vec<u8>,
}

impl Client {
    /// The payload of a message.
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
        // Nothing was to be flushed: an empty message (§7.2.3.6).
        if payload.is_empty() { vec![0] } else { payload }
    }

    /// What miniz_oxide makes of a payload, where no message before is remembered.
    fn expected(&mut self, payload: &[u8]) -> Result<&[u8], Error> {
        const FLAGS: u32 = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF
            | inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
        // What a stream refers back to lies behind its own beginning.
        let (mut begin, mut len, mut len_before_tail) = (0, 0, 0);
        self.oracle.init();
        for mut input in [payload, &TAIL] {
            len_before_tail = len;
            loop {
                let out = &mut self.inflated[begin..];
                let (status, read, written) = decompress(&mut self.oracle, input, out, len - begin, FLAGS);
                (input, len) = (&input[read..], len + written);
                match status {
                    _ if len > MAX_LEN => return Err(Error::TooBig),
                    // A stream of its own can follow (§7.2.3.4).
                    TINFLStatus::Done => {
                        self.oracle.init();
                        begin = len;
                    }
                    TINFLStatus::NeedsMoreInput if input.is_empty() => break,
                    _ => return Err(Error::BadDeflate),
                }
                if input.is_empty() {
                    break;
                }
            }
        }
        if len > len_before_tail { Err(Error::BadDeflate) } else { Ok(&self.inflated[..len]) }
    }
}
