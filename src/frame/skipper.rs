//! Skips the frames that a peer sends after its messages are ignored, to find its Close.

use super::close::parse_close;
use super::error::Error;
use super::header::{HeaderStart, MAX_CONTROL_PAYLOAD, MAX_HEADER_BYTES};
use super::mask::{apply_mask, rotate_key};

/// The first byte of a Close: FIN set, no reserved bit.
const CLOSE: u8 = 0x88;
/// The bytes of a header that determine its length.
const FIRST_BYTES: usize = 2;
/// The mask bit in the second of them.
const MASKED: u8 = 0x80;
const KEY_BYTES: usize = 4;

/// The content of the skipped bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// No Close.
    Nothing,
    /// An invalid Close (RFC 6455 §5.5.1, §7.4), and no valid one.
    InvalidClose,
    /// A valid Close.
    Close,
}

/// Follows the frames of a peer without keeping their payloads.
///
/// It checks no rules except those needed to find the next frame: a peer that broke a rule may still send a
/// Close.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Skipper {
    at: At,
    /// The bytes that have arrived of a header, or of the payload of a Close.
    kept: [u8; MAX_CONTROL_PAYLOAD],
    filled: u8,
}

#[derive(Clone, Copy, Debug)]
enum At {
    /// At the beginning of a frame or within its header.
    Header,
    /// This many bytes before the end of a payload.
    Payload(u64),
    /// Within the payload of a Close that is `len` bytes long.
    Close { len: u8, mask: Option<[u8; 4]> },
}

impl Default for Skipper {
    /// At the beginning of a frame.
    fn default() -> Self {
        Skipper::within_header(&[])
    }
}

impl Skipper {
    /// A skipper within a header of which these bytes have arrived; at a frame boundary if there are none.
    pub(super) fn within_header(header: &[u8]) -> Self {
        Skipper::with(At::Header, header)
    }

    /// A skipper `left` bytes before the end of a frame other than a Close.
    pub(super) fn within_payload(left: u64) -> Self {
        Skipper::with(At::Payload(left), &[])
    }

    /// A skipper `left` bytes before the end of a Close whose `payload` so far is unmasked. `mask` is the key
    /// for the next byte.
    pub(super) fn within_close(payload: &[u8], left: usize, mask: Option<[u8; 4]>) -> Self {
        let len = u8::try_from(payload.len().saturating_add(left)).unwrap_or(u8::MAX);
        // The whole payload is unmasked at its end, so mask these bytes again, and rotate the key back to the
        // start.
        let mask = mask.map(|key| rotate_key(key, payload.len().wrapping_neg()));
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

    /// Skips the next bytes, up to a valid Close.
    pub(crate) fn skip(&mut self, mut input: &[u8]) -> Found {
        let mut found = Found::Nothing;
        loop {
            let done = match self.at {
                At::Header => {
                    if self.filled == 0 {
                        skip_whole(&mut input);
                    }
                    self.read_header(&mut input)
                }
                At::Payload(left) => self.skip_payload(left, &mut input),
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

    /// Returns false if the header is still incomplete; then all of the input is used up.
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

    /// Returns false if the payload is still incomplete; then all of the input is used up.
    fn skip_payload(&mut self, left: u64, input: &mut &[u8]) -> bool {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        *input = input.get(count..).unwrap_or_default();
        let left = left.saturating_sub(count as u64);
        self.at = if left == 0 { At::Header } else { At::Payload(left) };
        left == 0
    }

    /// Returns `None` if the payload is still incomplete; then all of the input is used up.
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
        (self.at, self.filled) = (At::Header, 0);
        Some(result)
    }

    /// Keeps the next bytes, until `wanted` bytes are kept in all.
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

/// Skips frames that are whole, up to a masked Close. For speed only: 128 KiB can hold 65,536 of them.
fn skip_whole(input: &mut &[u8]) {
    while let Some(rest) = whole_frame(input).and_then(|bytes| input.get(bytes..)) {
        *input = rest;
    }
}

/// The bytes of the frame at the front, whose header is there (RFC 6455 §5.2); `None` for a masked Close.
fn whole_frame(input: &[u8]) -> Option<usize> {
    let [first, second, ..] = *input else { return None };
    let is_masked = second & MASKED != 0;
    if first == CLOSE && is_masked {
        return None;
    }
    let key = if is_masked { KEY_BYTES } else { 0 };
    let (header, len) = match second & !MASKED {
        126 => (4, u16::from_be_bytes(*input.get(2..4)?.as_array()?).into()),
        127 => (10, u64::from_be_bytes(*input.get(2..10)?.as_array()?)),
        // Most are short, and cannot overflow.
        len => return Some(FIRST_BYTES + key + usize::from(len)),
    };
    usize::try_from(len).ok()?.checked_add(header + key)
}

// A header fits where the payload of a Close does, and both lengths fit a byte.
const _: () = assert!(MAX_HEADER_BYTES <= MAX_CONTROL_PAYLOAD && MAX_CONTROL_PAYLOAD < u8::MAX as usize);

#[cfg(test)]
mod tests;
