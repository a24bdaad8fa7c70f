//! The header of a frame, parsed and encoded (RFC 6455 §5.2).
//!
//! ```text
//!  byte 0                    byte 1             then
//! ┌───┬────┬────┬────┬──────┐┌────┬────────────┐┌───────────────────┬────────────┐
//! │FIN│RSV1│RSV2│RSV3│opcode││MASK│ length:7   ││ length:16 or :64  │ mask key   │
//! │ 1 │ 1  │ 1  │ 1  │  4   ││ 1  │ or 126, 127││ after 126 or 127  │ 4, if MASK │
//! └───┴────┴────┴────┴──────┘└────┴────────────┘└───────────────────┴────────────┘
//! ```

use std::ops::Deref;

use super::error::Error;
use super::opcode::{OPCODE, Opcode};

/// The longest header, in bytes: the first two, a 64-bit length, and a mask key.
pub const MAX_HEADER_BYTES: usize = 14;
/// The longest payload of a control frame, in bytes (RFC 6455 §5.5).
pub const MAX_CONTROL_PAYLOAD: usize = 125;

/// The most bytes that follow the first two of a header.
pub(super) const MAX_REST_BYTES: usize = MAX_HEADER_BYTES - 2;

pub(super) const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2_AND_3: u8 = 0x30;
const MASK: u8 = 0x80;
const LENGTH: u8 = 0x7f;
/// The 7-bit length that announces a 16-bit length.
pub(super) const LENGTH_16: u8 = 126;
/// The 7-bit length that announces a 64-bit length.
pub(super) const LENGTH_64: u8 = 127;
/// The longest payload whose length fits the 7-bit form, in bytes.
pub(super) const MAX_LENGTH_7: u16 = 125;
const TOP_BIT: u64 = 1 << 63;

/// The header of a frame (RFC 6455 §5.2). RSV2 and RSV3 are always 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whether this is the last or only frame of its message.
    pub fin: bool,
    /// RSV1, which permessage-deflate sets on the first frame of a compressed message (RFC 7692 §6).
    pub rsv1: bool,
    /// The purpose of the frame.
    pub opcode: Opcode,
    /// The masking key. Frames of a client always have one, frames of a server never (RFC 6455 §5.1).
    pub mask: Option<[u8; 4]>,
    /// The length of the payload in bytes, below 2^63.
    pub payload_len: u64,
}

impl Header {
    /// Parses the header at the front of `bytes`. Returns it with its own length in bytes, or `None` if it is
    /// incomplete.
    ///
    /// # Errors
    /// [`Error::ReservedBits`], [`Error::ReservedOpcode`], [`Error::NonMinimalLength`], or
    /// [`Error::LengthTopBit`]. Rules that depend on the receiver are not checked.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Header, usize)>, Error> {
        let Some((first_two, rest)) = bytes.split_first_chunk() else { return Ok(None) };
        let start = HeaderStart::parse(*first_two)?;
        Ok(start.complete(rest)?.map(|header| (header, first_two.len() + start.rest_bytes())))
    }

    /// The bytes of the header, with the length in its shortest form.
    #[must_use]
    pub fn encode(&self) -> EncodedHeader {
        let fin = if self.fin { FIN } else { 0 };
        let rsv1 = if self.rsv1 { RSV1 } else { 0 };
        let mask = if self.mask.is_some() { MASK } else { 0 };
        let first = fin | rsv1 | self.opcode as u8;
        let mut encoded = EncodedHeader { bytes: [0; MAX_HEADER_BYTES], len: 0 };
        if self.payload_len <= u64::from(MAX_LENGTH_7) {
            encoded.put([first, mask | self.payload_len as u8]);
        } else if let Ok(length) = u16::try_from(self.payload_len) {
            encoded.put([first, mask | LENGTH_16]);
            encoded.put(length.to_be_bytes());
        } else {
            encoded.put([first, mask | LENGTH_64]);
            encoded.put(self.payload_len.to_be_bytes());
        }
        if let Some(key) = self.mask {
            encoded.put(key);
        }
        encoded
    }
}

/// The encoded bytes of a [`Header`]: 2 to 14.
#[derive(Clone, Copy, Debug)]
pub struct EncodedHeader {
    bytes: [u8; MAX_HEADER_BYTES],
    len: usize,
}

impl EncodedHeader {
    fn put<const N: usize>(&mut self, part: [u8; N]) {
        self.bytes[self.len..self.len + N].copy_from_slice(&part);
        self.len += N;
    }
}

impl Deref for EncodedHeader {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The fields in the first two bytes of a header. Up to [`MAX_REST_BYTES`] follow.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeaderStart {
    pub(super) fin: bool,
    pub(super) rsv1: bool,
    pub(super) opcode: Opcode,
    pub(super) masked: bool,
    /// The 7-bit length; 126 and 127 announce a longer form.
    pub(super) length: u8,
}

impl HeaderStart {
    /// Fails if the opcode is reserved, or RSV2 or RSV3 is set: no supported extension uses them.
    #[inline]
    pub(super) fn parse([first, second]: [u8; 2]) -> Result<Self, Error> {
        if first & RSV2_AND_3 != 0 {
            return Err(Error::ReservedBits);
        }
        let opcode = Opcode::from_bits(first & OPCODE).ok_or(Error::ReservedOpcode)?;
        Ok(HeaderStart {
            fin: first & FIN != 0,
            rsv1: first & RSV1 != 0,
            opcode,
            masked: second & MASK != 0,
            length: second & LENGTH,
        })
    }

    /// [`parse`](Self::parse) for a peer that may break rules: never fails. A reserved opcode is read as a
    /// binary frame.
    pub(super) fn of_any([first, second]: [u8; 2]) -> Self {
        HeaderStart {
            fin: first & FIN != 0,
            rsv1: first & RSV1 != 0,
            opcode: Opcode::from_bits(first & OPCODE).unwrap_or(Opcode::Binary),
            masked: second & MASK != 0,
            length: second & LENGTH,
        }
    }

    /// The length of the payload, in whatever form it is written, and the masking key. `rest` is all of the
    /// header after its first two bytes.
    pub(super) fn length_and_key(self, rest: &[u8]) -> (u64, Option<[u8; 4]>) {
        let key_bytes = if self.masked { 4 } else { 0 };
        let (length, key) = rest.split_at_checked(self.rest_bytes() - key_bytes).unwrap_or_default();
        let length = match length {
            [] => u64::from(self.length),
            long => long.iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
        };
        (length, key.first_chunk().copied().filter(|_| self.masked))
    }

    /// The number of header bytes after the first two.
    #[inline]
    pub(super) const fn rest_bytes(self) -> usize {
        let length_bytes = match self.length {
            LENGTH_16 => 2,
            LENGTH_64 => 8,
            _ => 0,
        };
        let key_bytes = if self.masked { 4 } else { 0 };
        length_bytes + key_bytes
    }

    /// The whole header, given the bytes after its first two; `None` if they are fewer than
    /// [`rest_bytes`](Self::rest_bytes). Bytes after the header are ignored.
    #[inline]
    pub(super) fn complete(self, rest: &[u8]) -> Result<Option<Header>, Error> {
        let Some((payload_len, rest)) = self.read_length(rest)? else {
            return Ok(None);
        };
        let mask = match (self.masked, rest.first_chunk()) {
            (false, _) => None,
            (true, Some(key)) => Some(*key),
            (true, None) => return Ok(None),
        };
        Ok(Some(Header { fin: self.fin, rsv1: self.rsv1, opcode: self.opcode, mask, payload_len }))
    }

    #[inline]
    fn read_length(self, rest: &[u8]) -> Result<Option<(u64, &[u8])>, Error> {
        let (length, rest, shortest) = match self.length {
            LENGTH_16 => match rest.split_first_chunk() {
                Some((bytes, rest)) => {
                    (u64::from(u16::from_be_bytes(*bytes)), rest, u64::from(MAX_LENGTH_7) + 1)
                }
                None => return Ok(None),
            },
            LENGTH_64 => match rest.split_first_chunk() {
                Some((bytes, rest)) => (u64::from_be_bytes(*bytes), rest, u64::from(u16::MAX) + 1),
                None => return Ok(None),
            },
            length => (u64::from(length), rest, 0),
        };
        if length < shortest {
            return Err(Error::NonMinimalLength);
        }
        if length & TOP_BIT != 0 {
            return Err(Error::LengthTopBit);
        }
        Ok(Some((length, rest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_what_is_parsed() {
        let lengths = [0, 1, 125, 126, 127, 65_535, 65_536, u64::from(u32::MAX) + 1, TOP_BIT - 1];
        for (length, bytes) in lengths.into_iter().zip([2, 2, 2, 4, 4, 4, 10, 10, 10]) {
            for (fin, rsv1, mask) in [(true, false, None), (false, true, Some([1, 2, 3, 4]))] {
                let header = Header { fin, rsv1, opcode: Opcode::Binary, mask, payload_len: length };
                let encoded = header.encode();
                let (first_two, rest) = encoded.split_first_chunk().unwrap();
                let start = HeaderStart::parse(*first_two).unwrap();
                assert_eq!(start.complete(rest), Ok(Some(header)));
                assert_eq!(encoded.len(), bytes + if mask.is_some() { 4 } else { 0 }, "{length}");
                assert_eq!(start.rest_bytes(), rest.len());
                for short in 0..rest.len() {
                    assert_eq!(start.complete(&rest[..short]), Ok(None), "{length} cut at {short}");
                }
            }
        }
    }
}
