//! The Close is found after any frames, from any state of a decoder.

use proptest::prelude::*;

use super::*;
use crate::frame::{Decoder, Opcode, Role, Rules, push_masked_frame};

fn frame(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![];
    push_masked_frame(&mut bytes, fin, opcode, [0x81, 2, 0x7f, 4], payload);
    bytes
}

/// The result of a skipper that begins at a frame boundary and gets `bytes` in pieces.
fn skip(bytes: &[u8], piece: usize) -> Found {
    let mut skipper = Skipper::default();
    let mut found = Found::Nothing;
    for piece in bytes.chunks(piece) {
        match skipper.skip(piece) {
            Found::Nothing => {}
            Found::InvalidClose => found = Found::InvalidClose,
            Found::Close => return Found::Close,
        }
    }
    found
}

#[test]
fn a_close_is_found_after_any_frame() {
    let close = frame(true, Opcode::Close, b"\x03\xe8bye");
    let before: [(&str, Vec<u8>); 14] = [
        ("nothing", vec![]),
        ("a message", frame(true, Opcode::Binary, b"message")),
        ("one that looks like a Close", frame(true, Opcode::Binary, &close)),
        ("a fragment", frame(false, Opcode::Text, b"part")),
        ("a 16-bit length", frame(true, Opcode::Binary, &[0x88; 300])),
        ("a 64-bit length", frame(true, Opcode::Binary, &[0x88; 70_000])),
        ("a Ping", frame(true, Opcode::Ping, &[0x88; 125])),
        ("no mask", b"\x82\x03abc".to_vec()),
        ("reserved bits and opcode", b"\xf3\x83maskabc".to_vec()),
        ("a length in a longer form", b"\x82\xfe\x00\x03maskabc".to_vec()),
        ("a Close without a mask", b"\x88\x02\x03\xe8".to_vec()),
        ("a Close that is not final", frame(false, Opcode::Close, b"\x03\xe8")),
        ("a long Close", [&b"\x88\xfe\x00\x7emask"[..], &[0x88; 126]].concat()),
        ("an empty message", b"\x82\x80mask".to_vec()),
    ];
    for (name, before) in before {
        for piece in [1, 2, 3, 7, 1000, usize::MAX] {
            let bytes = [&before[..], &close].concat();
            assert_eq!(skip(&bytes, piece), Found::Close, "{name}");
            assert_eq!(skip(&bytes[..bytes.len() - 1], piece), Found::Nothing, "{name}");
        }
    }
}

#[test]
fn an_invalid_close_is_distinguished_from_a_valid_one() {
    let cases: [(&[u8], Found); 7] = [
        (b"", Found::Close),
        (b"\x03\xe8", Found::Close),
        (&[0x10; 125], Found::Close),
        (b"\x03", Found::InvalidClose),
        (b"\x03\xed", Found::InvalidClose),
        (b"\x03\xe8\xff", Found::InvalidClose),
        (b"\0\0", Found::InvalidClose),
    ];
    for (payload, expected) in cases {
        for piece in [1, 4, usize::MAX] {
            let close = frame(true, Opcode::Close, payload);
            assert_eq!(skip(&close, piece), expected, "{payload:?}");
        }
        let twice = [frame(true, Opcode::Close, payload), frame(true, Opcode::Close, b"")].concat();
        assert_eq!(skip(&twice, usize::MAX), Found::Close);
    }
}

/// Wherever a decoder stops or fails, the skipper finds the Close that follows, and not before its last byte.
#[test]
fn it_continues_from_any_state_of_a_decoder() {
    let cases: [(&str, Vec<u8>); 14] = [
        ("messages", [frame(true, Opcode::Binary, &[7; 20]), frame(false, Opcode::Binary, b"x")].concat()),
        ("a middle fragment", {
            let middle = [frame(false, Opcode::Binary, b"x"), frame(false, Opcode::Continuation, b"y")];
            [middle.concat(), frame(true, Opcode::Continuation, b"z")].concat()
        }),
        ("a long message", frame(true, Opcode::Binary, &[0x88; 900])),
        ("too long", frame(true, Opcode::Binary, &[0x88; 1001])),
        ("far too long", frame(true, Opcode::Binary, &[0x88; 70_000])),
        ("too long behind a fragment", {
            [frame(false, Opcode::Binary, &[1; 600]), frame(true, Opcode::Continuation, &[2; 600])].concat()
        }),
        ("not masked", b"\x82\x03abc".to_vec()),
        ("reserved", b"\xb3\x83maskabc".to_vec()),
        ("not minimal", b"\x82\xff\0\0\0\0\0\0\0\x03maskabc".to_vec()),
        ("a continuation of nothing", frame(true, Opcode::Continuation, &[3; 200])),
        ("bad text", frame(true, Opcode::Text, &[0xff; 200])),
        ("bad text in fragments", {
            [frame(false, Opcode::Text, &[b'a'; 200]), frame(false, Opcode::Continuation, &[0xff; 99])]
                .concat()
        }),
        ("text cut in a character", frame(true, Opcode::Text, b"\xe2\x82")),
        ("an invalid Close", frame(true, Opcode::Close, b"\x03\xed")),
    ];
    let close = frame(true, Opcode::Close, b"\x03\xe8bye");
    let rules = Rules { role: Role::Server, max_len: 1000, text: true, deflate: false };
    for (name, bytes) in cases {
        let bytes = [&bytes[..], &close].concat();
        for cut in (0..bytes.len()).step_by(1 + bytes.len() / 300) {
            for piece in [1, 5, 100_000] {
                let (mut decoder, mut before, mut taken) = (Decoder::new(), bytes[..cut].to_vec(), 0);
                'pieces: for mut input in before.chunks_mut(piece) {
                    while !input.is_empty() {
                        let (offered, result) = (input.len(), decoder.next(&mut input, &rules).is_err());
                        taken += offered - input.len();
                        if result {
                            break 'pieces;
                        }
                    }
                }
                let (last, rest) = bytes[taken..].split_last().unwrap();
                let mut skipper = decoder.skipper();
                let found = [rest, &[*last]].map(|bytes| skipper.skip(bytes));
                assert_eq!(found[1], Found::Close, "{name}, cut at {cut}, pieces of {piece}");
                assert_ne!(found[0], Found::Close, "{name}, cut at {cut}, pieces of {piece}");
            }
        }
    }
}

proptest! {
    #[test]
    fn the_result_does_not_depend_on_the_pieces(
        bytes in proptest::collection::vec(prop_oneof![Just(0x88), 0x80..=0x84_u8, any::<u8>()], 0..300),
        piece in 1..40_usize,
    ) {
        // The result for the bytes after a valid Close has no meaning.
        let closes = |piece| skip(&bytes, piece) == Found::Close;
        prop_assert_eq!(closes(piece), closes(usize::MAX));
    }
}
