//! Any bytes as a stream of frames: the same events and the same error however they arrive, nothing
//! above the limits, and no more memory than the limits allow.
//!
//! Input: options (1 byte), where to cut (1 byte), then what the peer sends.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sysconn::frame::{Decoder, Error, MAX_CONTROL_PAYLOAD, Role, Rules};
use sysconn_fuzz::{Seen, feed, take_cut};

/// What a decoder holds beside one message: a control frame, and its own fields.
const HELD_OVERHEAD_BYTES: usize = 512;

fuzz_target!(|data: &[u8]| {
    let Some((&options, data)) = data.split_first() else { return };
    let Some((cut, wire)) = take_cut(data) else { return };
    let rules = rules(options);

    let whole = decode([wire], &rules, |_| ());
    for thing in &whole.0 {
        check_limits(thing, &rules);
    }
    assert_eq!(decode(wire.chunks(1), &rules, |_| ()), whole, "byte by byte");
    assert_eq!(decode([&wire[..cut], &wire[cut..]], &rules, |_| ()), whole, "cut at {cut}");
    assert_eq!(decode(wire.chunks(7), &rules, Decoder::trim), whole, "trimmed after each 7 bytes");
});

/// Bit 0: the role. Bit 1: whether text is refused. Bits 2 and 3: the limit. Bit 4: whether messages may be
/// compressed.
fn rules(options: u8) -> Rules {
    Rules {
        role: if options & 1 == 0 { Role::Server } else { Role::Client },
        max_len: [1, 100, 4096, 512 * 1024][usize::from(options >> 2 & 3)],
        text: options & 2 == 0,
        deflate: options & 16 != 0,
    }
}

/// What a decoder sees that gets these pieces, and how it ends. `between` is done to it after each.
fn decode<'w>(
    pieces: impl IntoIterator<Item = &'w [u8]>,
    rules: &Rules,
    between: fn(&mut Decoder),
) -> (Vec<Seen>, Result<(), Error>) {
    let mut decoder = Decoder::new();
    let mut seen = Vec::new();
    for piece in pieces {
        let end = feed(&mut decoder, piece, rules, &mut seen);
        assert!(decoder.held_bytes() <= rules.max_len + HELD_OVERHEAD_BYTES, "{}", decoder.held_bytes());
        if let Err(error) = end {
            assert_eq!(decoder.next(&mut [0x82, 0].as_mut_slice(), rules), Err(error), "an error stays");
            return (seen, end);
        }
        between(&mut decoder);
    }
    (seen, Ok(()))
}

fn check_limits(thing: &Seen, rules: &Rules) {
    match thing {
        Seen::Text(text) => assert!(rules.text && text.len() <= rules.max_len),
        Seen::Binary(payload) => assert!(payload.len() <= rules.max_len),
        Seen::Ping(payload) | Seen::Pong(payload) => assert!(payload.len() <= MAX_CONTROL_PAYLOAD),
        Seen::Close(close) => {
            assert!(close.as_ref().is_none_or(|(_, reason)| reason.len() <= MAX_CONTROL_PAYLOAD - 2));
        }
    }
}
