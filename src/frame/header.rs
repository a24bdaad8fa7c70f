//! The header of a frame (RFC 6455 §5.2), and whole frames appended to a buffer.
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
use super::mask::apply_mask;

/// The longest header in bytes: two, a 64-bit length, and a mask key.
pub const MAX_HEADER_BYTES: usize = 14;
/// The longest payload of a control frame in bytes (RFC 6455 §5.5).
pub const MAX_CONTROL_PAYLOAD: usize = 125;

/// Bytes that can follow the first two of a header.
pub(super) const MAX_REST_BYTES: usize = MAX_HEADER_BYTES - 2;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2_AND_3: u8 = 0x30;
const OPCODE: u8 = 0x0f;
const CONTROL: u8 = 0x08;
const MASK: u8 = 0x80;
const LENGTH: u8 = 0x7f;
/// The 7-bit length that says that a 16-bit one follows.
const LENGTH_16: u8 = 126;
/// The 7-bit length that says that a 64-bit one follows.
const LENGTH_64: u8 = 127;
/// The longest payload whose length fits the 7-bit form.
const MAX_LENGTH_7: u16 = 125;
const TOP_BIT: u64 = 1 << 63;

/// What a frame is (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// A further fragment of the message begun before.
    Continuation = 0,
    /// Text: a whole message or its first fragment.
    Text = 1,
    /// Binary data: a whole message or its first fragment.
    Binary = 2,
    /// The last frame that its sender sends.
    Close = 8,
    /// Asks for a Pong with the same payload.
    Ping = 9,
    /// Answers a Ping, or shows life unasked.
    Pong = 10,
}

impl Opcode {
    /// Whether this is a control frame, which may come between the fragments of a message.
    #[must_use]
    pub const fn is_control(self) -> bool {
        self as u8 & CONTROL != 0
    }

    /// The opcode with that number, if it is not a reserved one.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Opcode> {
        match bits {
            0 => Some(Opcode::Continuation),
            1 => Some(Opcode::Text),
            2 => Some(Opcode::Binary),
            8 => Some(Opcode::Close),
            9 => Some(Opcode::Ping),
            10 => Some(Opcode::Pong),
            _ => None,
        }
    }
}

/// A frame's header, all but RSV2 and RSV3, which are always 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whether this is the last, or only, frame of its message.
    pub fin: bool,
    /// The first reserved bit, which an extension can give a meaning.
    pub rsv1: bool,
    /// What the frame is.
    pub opcode: Opcode,
    /// The key that the payload is masked with; a client's frames always have one, a server's never.
    pub mask: Option<[u8; 4]>,
    /// Length of the payload in bytes, below 2^63.
    pub payload_len: u64,
}

impl Header {
    /// The header that `bytes` begin with, and its own length in bytes; `None` if not all of it is there.
    ///
    /// # Errors
    /// The rule that it violates whoever sent it: a reserved bit or opcode, or how the length is written.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Header, usize)>, Error> {
        let Some((first_two, rest)) = bytes.split_first_chunk() else { return Ok(None) };
        let start = HeaderStart::parse(*first_two)?;
        Ok(start.complete(rest)?.map(|header| (header, first_two.len() + start.rest_bytes())))
    }

    /// The header's bytes, the length in its shortest form.
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

/// The bytes of a [`Header`], 2 to 14 of them.
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

/// What the first two bytes of a header say; the rest is at most 12 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeaderStart {
    pub(super) fin: bool,
    pub(super) rsv1: bool,
    pub(super) opcode: Opcode,
    pub(super) masked: bool,
    /// The 7-bit length: 126 and 127 announce a longer form.
    pub(super) length: u8,
}

impl HeaderStart {
    /// Fails if RSV2 or RSV3 is set, which no extension here will ever use, or the opcode is reserved.
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

    /// The same of a peer that may have broken a rule: whatever the bytes say. A reserved opcode passes for one of
    /// data.
    pub(super) fn of_any([first, second]: [u8; 2]) -> Self {
        HeaderStart {
            fin: first & FIN != 0,
            rsv1: first & RSV1 != 0,
            opcode: Opcode::from_bits(first & OPCODE).unwrap_or(Opcode::Binary),
            masked: second & MASK != 0,
            length: second & LENGTH,
        }
    }

    /// The length of the payload, in whatever form it is written, and the key, given all bytes after the first two.
    pub(super) fn length_and_key(self, rest: &[u8]) -> (u64, Option<[u8; 4]>) {
        let key_bytes = if self.masked { 4 } else { 0 };
        let (length, key) = rest.split_at_checked(self.rest_bytes() - key_bytes).unwrap_or_default();
        let length = match length {
            [] => u64::from(self.length),
            long => long.iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
        };
        (length, key.first_chunk().copied().filter(|_| self.masked))
    }

    /// Bytes of the header after its first two.
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

    /// The header, given the bytes after its first two; `None` if they are fewer than
    /// [`rest_bytes`](Self::rest_bytes). Bytes behind the header are not looked at.
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

/// Whether a header's first byte has the opcode of a data frame, reserved ones included.
#[inline]
pub(super) const fn begins_data(first: u8) -> bool {
    first & CONTROL == 0
}

/// Whether a header's first byte is that of a Pong.
#[inline]
pub(crate) const fn begins_pong(first: u8) -> bool {
    first & OPCODE == Opcode::Pong as u8
}

/// The header of a frame that a server sends: not masked, no reserved bit.
#[must_use]
pub fn server_header(opcode: Opcode, fin: bool, payload_len: u64) -> EncodedHeader {
    Header { fin, rsv1: false, opcode, mask: None, payload_len }.encode()
}

/// Bytes of the header of a frame that a server sends with so many bytes of payload.
pub(crate) const fn server_header_bytes(payload_len: usize) -> usize {
    match payload_len {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    }
}

/// Appends the header of the one and only frame of a message, or of a control frame, as a server sends it:
/// the bytes of [`server_header`], without a copy of unknown length.
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

/// [`push_header`], where most payloads are short: those take no call.
#[inline(always)]
pub(crate) fn push_short_header(out: &mut Vec<u8>, opcode: Opcode, payload_len: usize) {
    if payload_len <= usize::from(MAX_LENGTH_7) {
        out.extend_from_slice(&[FIN | opcode as u8, payload_len as u8]);
    } else {
        push_header(out, opcode, payload_len);
    }
}

/// Appends the one and only frame of a message, or a control frame, as a server sends it.
///
/// The payload of a control frame must be at most [`MAX_CONTROL_PAYLOAD`] bytes long, or the client
/// will refuse it.
pub fn push_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    out.reserve(server_header_bytes(payload.len()) + payload.len());
    push_header(out, opcode, payload.len());
    out.extend_from_slice(payload);
}

/// Appends one frame as a client sends it, masked with `key`.
pub fn push_masked_frame(out: &mut Vec<u8>, fin: bool, opcode: Opcode, key: [u8; 4], payload: &[u8]) {
    let header =
        Header { fin, rsv1: false, opcode, mask: Some(key), payload_len: payload.len() as u64 }.encode();
    out.reserve(header.len() + payload.len());
    out.extend_from_slice(&header);
    let start = out.len();
    out.extend_from_slice(payload);
    apply_mask(&mut out[start..], key);
}

/// The offset of the first frame boundary of `stream` that is not before `at`; the end is one too.
///
/// `stream` is queued output: whole frames, from a boundary on. The walk is linear in the number of
/// frames before `at`. In a stream that is not whole frames the answer is its end.
#[must_use]
pub fn boundary_at_or_after(stream: &[u8], at: usize) -> usize {
    let mut boundary = 0;
    while boundary < at {
        match stream.get(boundary..).and_then(frame_bytes) {
            Some(bytes) => boundary = usize::saturating_add(boundary, bytes),
            None => return stream.len(),
        }
    }
    boundary.min(stream.len())
}

/// The length in bytes of the frame that `stream` begins with, its header included.
fn frame_bytes(stream: &[u8]) -> Option<usize> {
    let (header, header_bytes) = Header::parse(stream).ok()??;
    usize::try_from(header.payload_len).ok()?.checked_add(header_bytes)
}

#[cfg(test)]
mod tests;
