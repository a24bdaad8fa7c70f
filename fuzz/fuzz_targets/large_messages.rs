//! Large frames in pieces, some of which are received directly into the decoder's buffer: the same events as
//! all at once, and memory only in proportion to the input so far.
//!
//! Input: options (1 byte, see [`rules`]; bit 7: free memory after each piece), then up to three frames of 7
//! bytes each: the first byte of its header, the length of its payload (2 bytes, in units of 9 bytes), the
//! length of its pieces (1 byte, see [`piece_bytes`]), the position of a changed byte in the payload (2
//! bytes, in the same units), and that byte.

#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use sysconn::config::MAX_LEN;
use sysconn::frame::{Decoder, Role, Rules, apply_mask};
use sysconn_fuzz::{Trace, bounded};

/// The most frames of one input. More would take too long.
const MAX_FRAMES: usize = 3;
const FRAME_BYTES: usize = 7;
/// The unit of lengths and positions. The greatest length is a little more than [`MAX_LEN`].
const UNIT_BYTES: usize = 9;
/// The memory that a decoder may hold besides twice its input: a control frame, the smallest capacity, its
/// own fields.
const HELD_OVERHEAD_BYTES: usize = 768;
const TRIM: u8 = 1 << 7;
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

#[derive(Default)]
struct Buffers {
    wire: Vec<u8>,
    at_once: Vec<u8>,
    whole: Trace,
    pieces: Trace,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

fuzz_target!(|data: &[u8]| {
    let &[options, ref script @ ..] = data else { return };
    let rules = rules(options);
    let frames: Vec<Frame> = script.as_chunks().0.iter().take(MAX_FRAMES).map(Frame::new).collect();
    BUFFERS.with_borrow_mut(|Buffers { wire, at_once, whole, pieces }| {
        wire.clear();
        let ends: Vec<usize> = frames.iter().map(|frame| frame.push(wire, rules.role)).collect();
        at_once.clear();
        at_once.extend_from_slice(wire);
        // The memory of the traces must not count.
        whole.begin(wire.len());
        pieces.begin(wire.len());
        bounded(|| whole.feed(&mut Decoder::new(), at_once, &rules));
        bounded(|| {
            let mut decoder = Decoder::new();
            let mut arrived = 0;
            for (frame, end) in frames.iter().zip(ends) {
                while arrived < end && pieces.error().is_none() {
                    let piece = arrived..end.min(arrived + frame.piece);
                    arrived += receive(&mut decoder, &mut wire[piece], &rules, pieces);
                    let held = decoder.held_bytes();
                    assert!(held <= 2 * arrived + HELD_OVERHEAD_BYTES, "{held} of {arrived} bytes");
                    assert!(held <= MAX_LEN + HELD_OVERHEAD_BYTES, "{held} bytes");
                    if options & TRIM != 0 {
                        decoder.trim();
                    }
                }
            }
        });
        assert!(pieces == whole, "in pieces {pieces:.200?}\nat once {whole:.200?}");
    });
});

/// Bit 0: the role. Bit 1: text is refused. Bit 2: messages may be compressed.
fn rules(options: u8) -> Rules {
    Rules {
        role: if options & 1 == 0 { Role::Server } else { Role::Client },
        max_len: MAX_LEN,
        text: options & 2 == 0,
        deflate: options & 4 != 0,
    }
}

/// Receives a piece as a reactor does: into the decoder's buffer if it has one. Returns how many bytes were
/// received.
fn receive(decoder: &mut Decoder, piece: &mut [u8], rules: &Rules, seen: &mut Trace) -> usize {
    let Some(buffer) = decoder.receive_buffer() else {
        seen.feed(decoder, piece, rules);
        return piece.len();
    };
    let count = buffer.len().min(piece.len());
    buffer[..count].copy_from_slice(&piece[..count]);
    decoder.received(count);
    seen.feed(decoder, &mut [], rules);
    count
}

/// A frame to make.
struct Frame {
    first_byte: u8,
    len: usize,
    piece: usize,
    position: usize,
    byte: u8,
}

impl Frame {
    fn new(&[first_byte, high, low, piece, position_high, position_low, byte]: &[u8; FRAME_BYTES]) -> Self {
        let units = |high, low| usize::from(u16::from_be_bytes([high, low])) * UNIT_BYTES;
        Frame {
            first_byte,
            len: units(high, low),
            piece: piece_bytes(piece),
            position: units(position_high, position_low),
            byte,
        }
    }

    /// Appends the frame, whether its first byte is valid or not. Returns where it ends.
    fn push(&self, wire: &mut Vec<u8>, role: Role) -> usize {
        let mask_bit = if role == Role::Server { 0x80 } else { 0 };
        wire.push(self.first_byte);
        match self.len {
            len @ 0..126 => wire.push(mask_bit | len as u8),
            len @ 126..65536 => {
                wire.push(mask_bit | 126);
                wire.extend_from_slice(&(len as u16).to_be_bytes());
            }
            len => {
                wire.push(mask_bit | 127);
                wire.extend_from_slice(&(len as u64).to_be_bytes());
            }
        }
        if role == Role::Server {
            wire.extend_from_slice(&KEY);
        }
        let begin = wire.len();
        // UTF-8 with characters of all lengths, which the pieces cut anywhere.
        let pattern = "a\u{e9}\u{20ac}\u{1f600}";
        wire.extend(pattern.bytes().cycle().take(self.len));
        let payload = &mut wire[begin..];
        if let Some(byte) = payload.get_mut(self.position) {
            *byte = self.byte;
        }
        if role == Role::Server {
            apply_mask(payload, KEY);
        }
        wire.len()
    }
}

/// The length of pieces, from 250 bytes to more than any frame has: the lower four bits add one each, the
/// higher ones double.
fn piece_bytes(choice: u8) -> usize {
    let fine = 250 + usize::from(choice & 15);
    fine << (choice >> 4)
}
