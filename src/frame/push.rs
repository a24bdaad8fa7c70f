//! Frames appended to a buffer, as a server and as a client send them.

use super::header::{EncodedHeader, FIN, Header, LENGTH_16, LENGTH_64, MAX_LENGTH_7};
use super::mask::apply_mask;
use super::opcode::Opcode;

/// The longest header that a server sends, in bytes: the first two and a 64-bit length.
pub(crate) const MAX_SERVER_HEADER_BYTES: usize = 10;

/// The header that a server puts in front of a payload of at most 125 bytes.
pub(crate) const SHORT_HEADER_BYTES: usize = 2;

/// The header of a frame as a server sends it: not masked, no reserved bit set.
#[must_use]
pub fn server_header(opcode: Opcode, fin: bool, payload_len: u64) -> EncodedHeader {
    Header { fin, rsv1: false, opcode, mask: None, payload_len }.encode()
}

/// The length in bytes of the header that a server puts in front of a payload of `payload_len` bytes.
pub(crate) const fn server_header_bytes(payload_len: usize) -> usize {
    match payload_len {
        0..=125 => SHORT_HEADER_BYTES,
        126..=0xffff => 4,
        _ => MAX_SERVER_HEADER_BYTES,
    }
}

/// Appends the header of an unfragmented frame as a server sends it.
///
/// Writes the same bytes as [`server_header`], but each copy here has a length that the compiler knows.
#[inline]
pub(crate) fn push_header(out: &mut Vec<u8>, opcode: Opcode, payload_len: usize) {
    let first = FIN | opcode as u8;
    match u16::try_from(payload_len) {
        Ok(length @ ..=MAX_LENGTH_7) => out.extend_from_slice(&[first, length as u8]),
        Ok(length) => {
            let [high, low] = length.to_be_bytes();
            out.extend_from_slice(&[first, LENGTH_16, high, low]);
        }
        Err(_) => {
            out.extend_from_slice(&[first, LENGTH_64]);
            out.extend_from_slice(&(payload_len as u64).to_be_bytes());
        }
    }
}

/// The bytes of a header as [`push_header`] appends it, if the payload is short: at most 125 bytes.
#[inline(always)]
pub(crate) fn short_header(opcode: Opcode, payload_len: usize) -> Option<[u8; SHORT_HEADER_BYTES]> {
    let is_short = payload_len <= usize::from(MAX_LENGTH_7);
    is_short.then_some([FIN | opcode as u8, payload_len as u8])
}

/// Appends an unfragmented message or a control frame, as a server sends it.
///
/// The payload of a control frame must be at most [`MAX_CONTROL_PAYLOAD`](super::MAX_CONTROL_PAYLOAD) bytes
/// long; clients refuse a longer one.
pub fn push_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    if payload.is_empty() {
        // The answer to an empty Ping, of which a client can send many.
        return push_header(out, opcode, 0);
    }
    out.reserve(server_header_bytes(payload.len()) + payload.len());
    push_header(out, opcode, payload.len());
    out.extend_from_slice(payload);
}

/// Appends one frame, masked with `key`, as a client sends it.
pub fn push_masked_frame(out: &mut Vec<u8>, fin: bool, opcode: Opcode, key: [u8; 4], payload: &[u8]) {
    let header =
        Header { fin, rsv1: false, opcode, mask: Some(key), payload_len: payload.len() as u64 }.encode();
    out.reserve(header.len() + payload.len());
    out.extend_from_slice(&header);
    let start = out.len();
    out.extend_from_slice(payload);
    apply_mask(&mut out[start..], key);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_is_pushed_is_the_one_that_is_encoded() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, usize::MAX >> 1] {
            for opcode in [Opcode::Text, Opcode::Binary, Opcode::Pong] {
                let mut out = vec![0xa5];
                push_header(&mut out, opcode, length);
                assert_eq!(out[1..], *server_header(opcode, true, length as u64), "{length}");
                assert_eq!(out.len(), 1 + server_header_bytes(length), "{length}");
            }
        }
    }
}
