//! Frames that nobody handles any more: skipped, to find the Close among them.

use super::close::parse_close;
use super::error::Error;
use super::header::{HeaderStart, MAX_CONTROL_PAYLOAD, MAX_HEADER_BYTES};
use super::mask::apply_mask;

/// The first byte of a Close: no part of a message, no reserved bit.
const CLOSE: u8 = 0x88;
/// Bytes of a header that tell how many more it has.
const FIRST_BYTES: usize = 2;

/// What was among the bytes that were skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing that matters.
    Nothing,
    /// A Close that is invalid (RFC 6455 §5.5.1, §7.4).
    InvalidClose,
    /// A Close.
    Close,
}

/// Follows a peer's frames without keeping what they carry. It knows no rules but those by which it finds
/// the next frame: a peer that broke one may still send a Close.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Skipper {
    at: At,
    /// The header of a frame, or the payload of a Close, as far as it has come.
    kept: [u8; MAX_CONTROL_PAYLOAD],
    filled: u8,
}

#[derive(Clone, Copy, Debug)]
enum At {
    /// At the beginning of a frame or within its header.
    Header,
    /// So many bytes of payload are still to come.
    Payload(u64),
    /// Within the payload of a Close, of so many bytes in all.
    Close { len: u8, mask: Option<[u8; 4]> },
}

impl Default for Skipper {
    /// At the beginning of a frame.
    fn default() -> Self {
        Skipper::within_header(&[])
    }
}

impl Skipper {
    /// Within a header of which these bytes have come: at a boundary if there are none.
    pub(super) fn within_header(header: &[u8]) -> Self {
        Skipper::with(At::Header, header)
    }

    /// So many bytes before the end of a frame that is no Close.
    pub(super) fn within_payload(left: u64) -> Self {
        Skipper::with(At::Payload(left), &[])
    }

    /// So many bytes before the end of a Close, of which these have come, unmasked. `mask` is the key for those
    /// that are to come.
    pub(super) fn within_close(payload: &[u8], left: usize, mask: Option<[u8; 4]>) -> Self {
        let len = u8::try_from(payload.len().saturating_add(left)).unwrap_or(u8::MAX);
        // The key is for the payload as a whole once it is there.
        let mask = mask.map(|key| super::mask::rotate_key(key, payload.len().wrapping_neg()));
        let mut skipper = Skipper::with(At::Close { len, mask }, payload);
        if let (Some(key), Some(kept)) = (mask, skipper.kept.get_mut(..payload.len())) {
            apply_mask(kept, key);
        }
        skipper
    }

    fn with(at: At, bytes: &[u8]) -> Self {
        let mut skipper = Skipper { at, kept: [0; MAX_CONTROL_PAYLOAD], filled: 0 };
        skipper.keep(&mut &*bytes, MAX_CONTROL_PAYLOAD);
        skipper
    }

    /// Goes through bytes that come next.
    pub(crate) fn skip(&mut self, mut input: &[u8]) -> Found {
        let mut found = Found::Nothing;
        loop {
            let done = match self.at {
                At::Header => self.read_header(&mut input),
                At::Payload(left) => self.pass(left, &mut input),
                At::Close { len, mask } => match self.read_close(len, mask, &mut input) {
                    Some(Ok(())) => return Found::Close,
                    Some(Err(_)) => {
                        found = Found::InvalidClose;
                        true
                    }
                    None => false,
                },
            };
            if !done {
                return found;
            }
        }
    }

    /// False: all of the input belonged to the header, and more is needed.
    fn read_header(&mut self, input: &mut &[u8]) -> bool {
        self.keep(input, FIRST_BYTES);
        if usize::from(self.filled) < FIRST_BYTES {
            return false;
        }
        let [first, second, ..] = self.kept;
        let start = HeaderStart::of_any([first, second]);
        self.keep(input, FIRST_BYTES + start.rest_bytes());
        if usize::from(self.filled) < FIRST_BYTES + start.rest_bytes() {
            return false;
        }
        let [_, _, rest @ ..] = &self.kept;
        let (len, mask) = start.length_and_key(rest);
        self.filled = 0;
        self.at = match u8::try_from(len) {
            Ok(len) if first == CLOSE && start.masked && usize::from(len) <= MAX_CONTROL_PAYLOAD => {
                At::Close { len, mask }
            }
            _ => At::Payload(len),
        };
        true
    }

    /// False: more of the payload is to come.
    fn pass(&mut self, left: u64, input: &mut &[u8]) -> bool {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        *input = input.get(count..).unwrap_or_default();
        let left = left.saturating_sub(count as u64);
        self.at = if left == 0 { At::Header } else { At::Payload(left) };
        left == 0
    }

    /// None: more of the payload is to come.
    fn read_close(&mut self, len: u8, mask: Option<[u8; 4]>, input: &mut &[u8]) -> Option<Result<(), Error>> {
        self.keep(input, usize::from(len));
        if self.filled < len {
            return None;
        }
        let payload = self.kept.get_mut(..usize::from(len)).unwrap_or_default();
        if let Some(key) = mask {
            apply_mask(payload, key);
        }
        let result = parse_close(payload).map(|_| ());
        *self = Skipper::default();
        Some(result)
    }

    /// Keeps what comes next, until so many bytes are there in all.
    fn keep(&mut self, input: &mut &[u8], wanted: usize) {
        let filled = usize::from(self.filled);
        let count = wanted.min(MAX_CONTROL_PAYLOAD).saturating_sub(filled).min(input.len());
        if let (Some(to), Some(from)) = (self.kept.get_mut(filled..filled + count), input.split_off(..count))
        {
            to.copy_from_slice(from);
            self.filled = (filled + count) as u8;
        }
    }
}

// A header fits where the payload of a Close does, and both lengths fit a byte.
const _: () = assert!(MAX_HEADER_BYTES <= MAX_CONTROL_PAYLOAD && MAX_CONTROL_PAYLOAD < u8::MAX as usize);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::{Decoder, Opcode, Role, Rules, push_masked_frame};

    fn frame(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![];
        push_masked_frame(&mut bytes, fin, opcode, [0x81, 2, 0x7f, 4], payload);
        bytes
    }

    /// What is found from a boundary on, in pieces of any size.
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
    fn a_close_is_found_behind_whatever_comes_before_it() {
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
    fn an_invalid_close_is_told_from_a_valid_one() {
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

    /// Wherever a decoder stops, and whether it has failed, what follows is found at its place.
    #[test]
    fn it_goes_on_where_a_decoder_stood() {
        let cases: [(&str, Vec<u8>); 14] = [
            (
                "messages",
                [frame(true, Opcode::Binary, &[7; 20]), frame(false, Opcode::Binary, b"x")].concat(),
            ),
            ("a middle fragment", {
                let middle = [frame(false, Opcode::Binary, b"x"), frame(false, Opcode::Continuation, b"y")];
                [middle.concat(), frame(true, Opcode::Continuation, b"z")].concat()
            }),
            ("a long message", frame(true, Opcode::Binary, &[0x88; 900])),
            ("too long", frame(true, Opcode::Binary, &[0x88; 1001])),
            ("far too long", frame(true, Opcode::Binary, &[0x88; 70_000])),
            ("too long behind a fragment", {
                [frame(false, Opcode::Binary, &[1; 600]), frame(true, Opcode::Continuation, &[2; 600])]
                    .concat()
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
        fn any_bytes_are_searched_alike_in_any_pieces(
            bytes in proptest::collection::vec(prop_oneof![Just(0x88), 0x80..=0x84_u8, any::<u8>()], 0..300),
            piece in 1..40_usize,
        ) {
            // What stands behind a Close that was found is nobody's.
            let closes = |piece| skip(&bytes, piece) == Found::Close;
            prop_assert_eq!(closes(piece), closes(usize::MAX));
        }
    }
}
