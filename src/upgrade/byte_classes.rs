//! The classes of bytes in a request head, as bits.

/// Bytes of a token (RFC 9110 §5.6.2).
pub(super) const TOKEN: u8 = 1;
/// Visible ASCII.
pub(super) const VISIBLE: u8 = 2;
/// Bytes of a header value: all but control bytes other than HT.
pub(super) const VALUE: u8 = 4;

/// The classes of each byte.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < classes.len() {
        classes[byte] = match byte as u8 {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => TOKEN | VISIBLE | VALUE,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' => TOKEN | VISIBLE | VALUE,
            b'^' | b'_' | b'`' | b'|' | b'~' => TOKEN | VISIBLE | VALUE,
            0x21..=0x7e => VISIBLE | VALUE,
            b'\t' | b' ' | 0x80..=0xff => VALUE,
            0x00..=0x1f | 0x7f => 0,
        };
        byte += 1;
    }
    classes
};

/// Whether `byte` is in a class.
pub(super) fn is_in(byte: u8, class: u8) -> bool {
    CLASSES[usize::from(byte)] & class != 0
}

/// Whether `byte` may be part of a token: a method, a header name, a subprotocol (RFC 9110 §5.6.2).
pub(crate) fn is_token_byte(byte: u8) -> bool {
    is_in(byte, TOKEN)
}

/// The length of the run of bytes of a class at the front.
pub(super) fn run(bytes: &[u8], class: u8) -> usize {
    bytes.iter().position(|&byte| !is_in(byte, class)).unwrap_or(bytes.len())
}
