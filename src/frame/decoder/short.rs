//! The quick ways: short frames that come whole and often, or in floods, are taken in few steps.
//!
//! They take nothing that breaks a rule, and nothing else than the [machine](super::machine) would; what they leave
//! is for it. Without them all would be the same, only slower.

use super::Decoder;
use crate::frame::error::Error;
use crate::frame::event::Event;
use crate::frame::header::MAX_CONTROL_PAYLOAD;
use crate::frame::mask::apply_mask;
use crate::frame::rules::{Role, Rules};

/// First bytes of headers.
const WHOLE_BINARY: u8 = 0x82;
const WHOLE_PING: u8 = 0x89;
const WHOLE_PONG: u8 = 0x8a;
const MIDDLE_FRAGMENT: u8 = 0x00;
/// In the second byte of a header.
const MASKED: u8 = 0x80;
/// The header of a frame of at most 125 bytes from a client.
const HEADER_BYTES: usize = 6;

/// A masked frame of at most 125 bytes, of which the header is there.
#[derive(Clone, Copy)]
struct Short {
    first: u8,
    length: usize,
    key: [u8; 4],
}

impl Short {
    /// Masks and lengths are judged here, the first byte is not.
    #[inline(always)]
    fn at_front_of(input: &[u8], rules: &Rules) -> Option<Self> {
        let &[first, second, a, b, c, d, ..] = input else { return None };
        // Without a mask it is far too long.
        let length = usize::from(second ^ MASKED);
        let is_short = length <= MAX_CONTROL_PAYLOAD && rules.role == Role::Server;
        is_short.then_some(Short { first, length, key: [a, b, c, d] })
    }

    /// Takes it off the front of the input if it is whole. Its payload, still masked.
    #[inline(always)]
    fn take<'i>(self, input: &mut &'i mut [u8]) -> Option<&'i mut [u8]> {
        input.split_off_mut(..HEADER_BYTES + self.length)?.get_mut(HEADER_BYTES..)
    }
}

impl Decoder {
    /// The payload of a whole short binary message. `None` is anything else, and then nothing was taken.
    #[inline(always)]
    pub(super) fn short_message<'i>(&self, input: &mut &'i mut [u8], rules: &Rules) -> Option<&'i mut [u8]> {
        let short = Short::at_front_of(input, rules).filter(|short| short.first == WHOLE_BINARY)?;
        if !self.is_idle() || short.length > rules.max_len {
            return None;
        }
        let payload = short.take(input)?;
        apply_mask(payload, short.key);
        Some(payload)
    }

    /// A whole Ping or Pong, which may come within a message. `None` is anything else, and then nothing was
    /// taken.
    #[inline]
    pub(crate) fn short_control<'i>(&self, input: &mut &'i mut [u8], rules: &Rules) -> Option<Event<'i>> {
        let short = Short::at_front_of(input, rules)
            .filter(|short| matches!(short.first, WHOLE_PING | WHOLE_PONG) && self.state.is_boundary())?;
        let payload = short.take(input)?;
        if !payload.is_empty() {
            apply_mask(payload, short.key);
        }
        Some(if short.first == WHOLE_PING { Event::Ping(payload) } else { Event::Pong(payload) })
    }

    /// Whole short fragments, each neither the first nor the last of its message, as long as there is one that breaks
    /// no rule; what comes then is not taken. They are counted down, and true means that none may be taken any more.
    #[inline]
    pub(super) fn short_fragments(
        &mut self,
        input: &mut &mut [u8],
        rules: &Rules,
        fragments_left: &mut u32,
    ) -> Result<bool, Error> {
        let Some(held) = self.held.as_mut().filter(|_| self.state.is_boundary()) else { return Ok(false) };
        let message = &mut held.message;
        while let Some(short) =
            Short::at_front_of(input, rules).filter(|short| short.first == MIDDLE_FRAGMENT)
            && message.fragments().is_some_and(|count| count < rules.max_fragments())
            && message.len().saturating_add(short.length) <= rules.max_len
            && let Some(payload) = short.take(input)
        {
            message.count_fragment();
            if !payload.is_empty() {
                message.append(payload, Some(short.key), rules.max_len)?;
            }
            *fragments_left = fragments_left.saturating_sub(1);
            if *fragments_left == 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
