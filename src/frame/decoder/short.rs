//! Fast paths for short frames that are whole in the input: messages, Pings, Pongs, and floods of fragments.
//!
//! They decode exactly what the [machine](super::machine) would, leave every frame that breaks a rule to it,
//! and exist for speed only.

use super::Decoder;
use crate::frame::error::Error;
use crate::frame::event::Event;
use crate::frame::header::MAX_CONTROL_PAYLOAD;
use crate::frame::mask::{apply_mask, mask_few, rotate_key};
use crate::frame::message::Assembly;
use crate::frame::rules::{Role, Rules};

// First bytes of headers.
const WHOLE_BINARY: u8 = 0x82;
const WHOLE_PING: u8 = 0x89;
const WHOLE_PONG: u8 = 0x8a;
const MIDDLE_FRAGMENT: u8 = 0x00;
/// The mask bit in the second byte of a header.
const MASKED: u8 = 0x80;
/// The length of a client's header for a payload of at most 125 bytes.
const HEADER_BYTES: usize = 6;

/// A client's frame with a payload of at most 125 bytes, whose header has arrived.
#[derive(Clone, Copy)]
struct Short {
    first: u8,
    length: usize,
    key: [u8; 4],
}

impl Short {
    /// Checks the mask bit and the length, but not the first byte.
    #[inline(always)]
    fn at_front_of(input: &[u8]) -> Option<Self> {
        let &[first, second, ref key @ ..] = input.first_chunk::<HEADER_BYTES>()?;
        // Without the mask bit the result is above 125.
        let length = usize::from(second ^ MASKED);
        (length <= MAX_CONTROL_PAYLOAD).then_some(Short { first, length, key: *key })
    }

    /// Removes the frame from the front of the input if it is whole. Returns its payload, still masked.
    #[inline(always)]
    fn take<'i>(self, input: &mut &'i mut [u8]) -> Option<&'i mut [u8]> {
        input.split_off_mut(..HEADER_BYTES + self.length)?.get_mut(HEADER_BYTES..)
    }
}

/// The most bytes of a [short message](ShortMessage).
pub(crate) const MAX_SHORT_MESSAGE: usize = MAX_CONTROL_PAYLOAD;

/// A short binary message at the front of the input, still masked, and its first `N` bytes.
#[derive(Clone, Copy)]
pub(crate) struct ShortMessage<const N: usize> {
    short: Short,
    /// The first bytes, unmasked.
    pub(crate) first: [u8; N],
}

/// Whether the front of a client's input looks like a short binary message. Asked first, it spares other
/// frames what a look at one costs.
#[inline(always)]
pub(crate) fn begins_short_message(input: &[u8]) -> bool {
    matches!(input, [WHOLE_BINARY, second, ..] if usize::from(second ^ MASKED) <= MAX_CONTROL_PAYLOAD)
}

impl<const N: usize> ShortMessage<N> {
    /// The short binary message at the front of a client's input, whose decoder must be
    /// [idle](Decoder::is_idle), and which may send one of [`MAX_SHORT_MESSAGE`] bytes. `None` if anything
    /// else comes next, or a message of fewer than `N` bytes.
    #[inline(always)]
    pub(crate) fn at_front_of(input: &[u8]) -> Option<Self> {
        if input.len() < HEADER_BYTES + N {
            return None;
        }
        let short = Short::at_front_of(input)?;
        if short.first != WHOLE_BINARY || short.length < N {
            return None;
        }
        let mut first = *input.get(HEADER_BYTES..)?.first_chunk()?;
        apply_mask(&mut first, short.key);
        Some(ShortMessage { short, first })
    }

    /// The number of bytes after the first `N`.
    #[inline(always)]
    pub(crate) fn rest_len(self) -> usize {
        self.short.length - N
    }

    /// Removes the message from the front of the input if it is whole. Returns the bytes after the first `N`,
    /// unmasked.
    #[inline(always)]
    pub(crate) fn take_rest<'i>(self, input: &mut &'i mut [u8]) -> Option<&'i mut [u8]> {
        let rest = self.short.take(input)?.get_mut(N..)?;
        apply_mask(rest, rotate_key(self.short.key, N));
        Some(rest)
    }
}

impl Decoder {
    /// Decodes a whole short binary message. Returns `None`, and consumes nothing, if anything else comes
    /// next.
    #[inline(always)]
    pub(super) fn short_message<'i>(&self, input: &mut &'i mut [u8], rules: &Rules) -> Option<&'i mut [u8]> {
        let short = Short::at_front_of(input).filter(|short| short.first == WHOLE_BINARY)?;
        if !self.is_idle() || short.length > rules.max_len || rules.role != Role::Server {
            return None;
        }
        let payload = short.take(input)?;
        apply_mask(payload, short.key);
        Some(payload)
    }

    /// Decodes a whole Ping or Pong, also between fragments. Returns `None`, and consumes nothing, if
    /// anything else comes next.
    #[inline]
    pub(crate) fn short_control<'i>(&self, input: &mut &'i mut [u8], rules: &Rules) -> Option<Event<'i>> {
        let short = Short::at_front_of(input)
            .filter(|short| matches!(short.first, WHOLE_PING | WHOLE_PONG) && self.is_at_boundary())
            .filter(|_| rules.role == Role::Server)?;
        let payload = short.take(input)?;
        if !payload.is_empty() {
            apply_mask(payload, short.key);
        }
        Some(if short.first == WHOLE_PING { Event::Ping(payload) } else { Event::Pong(payload) })
    }

    /// Decodes whole short fragments, neither first nor last of their message, up to one that breaks a rule
    /// or anything else. Counts `fragments_left` down, and returns true when it has reached 0.
    #[inline]
    pub(super) fn short_fragments(
        &mut self,
        input: &mut &mut [u8],
        rules: &Rules,
        fragments_left: &mut u32,
    ) -> Result<bool, Error> {
        let is_fragment = Short::at_front_of(input).is_some_and(|short| short.first == MIDDLE_FRAGMENT);
        match &mut self.held {
            Some(held) if is_fragment && held.state.is_boundary() && rules.role == Role::Server => {
                append_fragments(&mut held.message, input, rules, fragments_left)
            }
            Some(_) | None => Ok(false),
        }
    }
}

/// Appends the fragments at the front of the input, as
/// [`short_fragments`](Decoder::short_fragments) describes.
#[inline(never)]
fn append_fragments(
    message: &mut Assembly,
    input: &mut &mut [u8],
    rules: &Rules,
    fragments_left: &mut u32,
) -> Result<bool, Error> {
    let (Some(count), Some(space)) = (message.fragments(), rules.max_len.checked_sub(message.len())) else {
        return Ok(false);
    };
    let most = rules.max_fragments().saturating_sub(count).min(*fragments_left as usize);
    let mut joined = Joined { bytes: std::mem::take(input), count: 0, len: 0, end: 0 };
    while joined.count < most && joined.add_next(space).is_some() {}
    let Joined { bytes, count, len, end } = joined;
    let (frames, rest) = bytes.split_at_mut_checked(end).unwrap_or_default();
    *input = rest;
    if count == 0 {
        return Ok(false);
    }
    message.count_fragments(count);
    *fragments_left -= count as u32;
    message.append(frames.get(..len).unwrap_or_default(), None, rules.max_len)?;
    Ok(*fragments_left == 0)
}

/// The payloads of fragments at the front of the input, joined there: they are appended to the message
/// together, since one byte costs as much to append as many.
struct Joined<'i> {
    /// The input: the joined payloads, then what is left of their frames, then other bytes.
    bytes: &'i mut [u8],
    /// The number of fragments.
    count: usize,
    /// The length of their payloads.
    len: usize,
    /// Where the next frame begins.
    end: usize,
}

impl Joined<'_> {
    /// Adds the next frame, if it is a whole fragment with which the payloads fit into `space` bytes.
    #[inline(always)]
    fn add_next(&mut self, space: usize) -> Option<()> {
        let short = Short::at_front_of(self.bytes.get(self.end..)?)?;
        let (begin, len) = (self.end + HEADER_BYTES, self.len + short.length);
        if short.first != MIDDLE_FRAGMENT || len > space {
            return None;
        }
        let end = begin + short.length;
        let payload = self.bytes.get_mut(begin..end)?;
        match payload.len() {
            0 => {}
            1..=3 => mask_few(payload, short.key),
            _ => apply_mask(payload, short.key),
        }
        if !payload.is_empty() {
            self.bytes.copy_within(begin..end, self.len);
        }
        (self.count, self.len, self.end) = (self.count + 1, len, end);
        Some(())
    }
}
