//! Any bytes as a stream of frames: the same events and the same error however they arrive, within the
//! limits, and with memory only in proportion to the input so far.
//!
//! Input: options (1 byte, see [`rules`]; bit 7: free memory after each piece), how the stream arrives
//! (1 byte, see [`arrivals`]), then what the peer sends.

#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use sysconn::frame::{Decoder, Role, Rules};
use sysconn_fuzz::{Arrival, Trace, arrivals, bounded};

/// The memory that a decoder may hold besides twice its input: a control frame, the smallest capacity, its
/// own fields.
const HELD_OVERHEAD_BYTES: usize = 768;
const TRIM: u8 = 1 << 7;

#[derive(Default)]
struct Buffers {
    piece: Vec<u8>,
    whole: Trace,
    pieces: Trace,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

fuzz_target!(|data: &[u8]| {
    let &[options, choice, ref wire @ ..] = data else { return };
    let rules = rules(options);
    BUFFERS.with_borrow_mut(|Buffers { piece, whole, pieces }| {
        bounded(|| {
            let state = decode(Arrival::WHOLE, wire, &rules, false, piece, whole);
            for arrival in arrivals(choice, wire.len()) {
                let state_in_pieces = decode(arrival, wire, &rules, options & TRIM != 0, piece, pieces);
                assert_eq!(pieces, whole, "{arrival:?}");
                assert_eq!(state_in_pieces, state, "{arrival:?}");
            }
        });
    });
});

/// Bit 0: the role. Bit 1: text is refused. Bits 2 and 3: the limit. Bit 4: messages may be compressed.
fn rules(options: u8) -> Rules {
    Rules {
        role: if options & 1 == 0 { Role::Server } else { Role::Client },
        max_len: [1, 100, 4096, 512 * 1024][usize::from(options >> 2 & 3)],
        text: options & 2 == 0,
        deflate: options & 16 != 0,
    }
}

/// Decodes a stream by a new decoder, and notes the events. Returns the decoder's state at the end: whether
/// nothing is pending, how much of a payload is, and whether it is within a data frame.
fn decode(
    arrival: Arrival,
    wire: &[u8],
    rules: &Rules,
    trim: bool,
    piece: &mut Vec<u8>,
    seen: &mut Trace,
) -> (bool, usize, bool) {
    const PING: &[u8] = &[0x89];
    let mut decoder = Decoder::new();
    let mut arrived = 0;
    seen.clear();
    for bytes in arrival.pieces(wire) {
        piece.clear();
        piece.extend_from_slice(bytes);
        arrived += bytes.len();
        seen.feed(&mut decoder, piece, rules);
        let held = decoder.held_bytes();
        assert!(held <= 2 * arrived.min(rules.max_len) + HELD_OVERHEAD_BYTES, "{held} of {arrived} bytes");
        if seen.error().is_some() {
            break;
        }
        if trim {
            decoder.trim();
        }
    }
    (decoder.is_idle(), decoder.payload_left(), decoder.next_is_data(PING))
}
