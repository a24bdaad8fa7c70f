//! The incremental decoder: bytes as they arrive, into messages and control frames.

mod machine;
mod short;

use super::close::parse_close;
use super::error::Error;
use super::event::{Event, Ready, Subject};
use super::header::{Opcode, begins_data};
use super::mask::rotate_key;
use super::message::{Assembly, MessageKind};
use super::rules::Rules;
use super::skipper::Skipper;
use machine::State;

/// Takes frames off the front of what arrives, in pieces of any size (RFC 6455 §5).
///
/// ```text
///           2 bytes                     header whole
///  ReadHead ───────▶ ParsePayloadLen ───────────────▶ ReadData
///     ▲                                                  │
///     └──────────────────────────────────────────────────┘
///       payload whole: an event, unless it is a fragment and not the last
///
///  any of them ──▶ Failed: a rule is violated, and there is no way on
/// ```
///
/// What a header alone can violate is found as soon as its first two bytes, or all of it, are there,
/// before any payload. A frame that is no fragment and lies whole in the input passes through all
/// three states at once: it is delivered in place, and nothing is kept. Otherwise its bytes go to
/// buffers that the decoder owns, which grow with what arrives and not by what is announced, and
/// which stay for the next frame that needs them until [`trim`](Decoder::trim).
#[derive(Clone, Debug)]
pub struct Decoder {
    state: State,
    /// Absent until a payload has to wait for more bytes, and after a trim.
    held: Option<Box<Held>>,
}

// There is one for each connection, and most are idle.
const _: () = assert!(size_of::<Decoder>() <= 24);

/// Payloads that are not whole.
#[derive(Clone, Debug, Default)]
struct Held {
    message: Assembly,
    /// Apart from the message, since a control frame can come in the middle of one.
    control: Vec<u8>,
    /// Goes on where a violation was found.
    skipper: Option<Box<Skipper>>,
}

impl Default for Decoder {
    fn default() -> Self {
        Decoder::new()
    }
}

impl Decoder {
    /// A decoder at a frame boundary, without buffers.
    #[must_use]
    pub const fn new() -> Self {
        Decoder { state: State::BOUNDARY, held: None }
    }

    /// Takes from the front of `input` what the next event needs.
    ///
    /// `None`: all of the input was taken, and more is needed. The event borrows the input, which
    /// it is unmasked in, or the decoder's buffer; it is gone with the next call.
    ///
    /// # Errors
    /// The first rule that the peer violates. The input is then where the fault is or behind it, and
    /// every later call fails with the same error.
    #[inline(always)]
    pub fn next<'p, 'i: 'p>(
        &'p mut self,
        input: &mut &'i mut [u8],
        rules: &Rules,
    ) -> Result<Option<Event<'p>>, Error> {
        self.next_within(input, rules, &mut { u32::MAX })
    }

    /// [`next`](Self::next), but it also ends, with `None` and with input left, when it has taken as many
    /// fragments as `fragments_left`, which it counts down. They bring no event, and can be many.
    #[inline(always)]
    pub(crate) fn next_within<'p, 'i: 'p>(
        &'p mut self,
        input: &mut &'i mut [u8],
        rules: &Rules,
        fragments_left: &mut u32,
    ) -> Result<Option<Event<'p>>, Error> {
        if let Some(payload) = self.short_message(input, rules) {
            return Ok(Some(Event::Message { kind: MessageKind::Binary, compressed: false, payload }));
        }
        self.next_by_states(input, rules, fragments_left)
    }

    /// The way that any frame can take.
    fn next_by_states<'p, 'i: 'p>(
        &'p mut self,
        input: &mut &'i mut [u8],
        rules: &Rules,
        fragments_left: &mut u32,
    ) -> Result<Option<Event<'p>>, Error> {
        if let Some(event) = self.short_control(input, rules) {
            return Ok(Some(event));
        }
        match self.advance(input, rules, fragments_left) {
            Ok(Some(ready)) => self.event(ready).map(Some),
            Ok(None) => Ok(None),
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Nothing more is read; what follows can still be skipped.
    #[cold]
    fn fail(&mut self, error: Error) -> Error {
        if !matches!(self.state, State::Failed(_)) {
            let skipper = self.skipper();
            self.held.get_or_insert_default().skipper = Some(Box::new(skipper));
            self.state = State::Failed(error);
        }
        error
    }

    /// What goes through the frames that follow from here on, whether a rule was violated or not.
    pub(crate) fn skipper(&self) -> Skipper {
        let held = self.held.as_deref();
        match self.state {
            State::ReadHead { first } => Skipper::within_header(first.as_slice()),
            State::ParsePayloadLen { first_two, gathered, filled } => {
                let gathered = gathered.get(..usize::from(filled)).unwrap_or_default();
                Skipper::within_header(&[&first_two[..], gathered].concat())
            }
            State::ReadData(data) if data.opcode == Opcode::Close => {
                let come = held.map_or(&[][..], |held| &held.control);
                Skipper::within_close(come, data.remaining, data.mask)
            }
            State::ReadData(data) => Skipper::within_payload(data.remaining as u64),
            State::Failed(_) => {
                // What failed as a whole has been taken as a whole.
                let skipper = held.and_then(|held| held.skipper.as_deref().copied());
                skipper.unwrap_or_default()
            }
        }
    }

    /// Whether the next byte belongs to a data frame: the decoder is within one, or it is at a frame
    /// boundary and `input` begins with one. Control frames can be taken while this is false, even
    /// if data frames have to wait.
    #[must_use]
    pub fn next_is_data(&self, input: &[u8]) -> bool {
        match self.state {
            State::ReadHead { first } => first.or(input.first().copied()).is_some_and(begins_data),
            State::ParsePayloadLen { first_two: [first, _], .. } => begins_data(first),
            State::ReadData(data) => !data.opcode.is_control(),
            State::Failed(_) => false,
        }
    }

    /// Whether nothing is pending: at a frame boundary, and not between the fragments of a message.
    #[must_use]
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.state.is_boundary() && self.begun().is_none()
    }

    /// Where the next bytes of a large payload can be received without being copied; tell
    /// [`received`](Self::received) how many. `None` where that is not worth it, and at and within a header:
    /// then give them to [`next`](Self::next). As many bytes as have come are made room for, and no more.
    pub fn room(&mut self) -> Option<&mut [u8]> {
        match (self.state, &mut self.held) {
            (State::ReadData(data), Some(held)) if !data.opcode.is_control() => {
                held.message.room(data.remaining)
            }
            _ => None,
        }
    }

    /// Takes the first `count` bytes of the [`room`](Self::room) that was given last. What they lead to
    /// is what the next call of [`next`](Self::next) says, which needs no input for it.
    pub fn received(&mut self, count: usize) {
        let (State::ReadData(data), Some(held)) = (&mut self.state, &mut self.held) else { return };
        let count = count.min(data.remaining);
        let mask = data.mask;
        data.remaining -= count;
        data.mask = mask.map(|key| rotate_key(key, count));
        if let Err(error) = held.message.commit(count, mask) {
            self.fail(error);
        }
    }

    /// Takes bytes as if they had been put into the [`room`](Self::room), however much there is.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        let (State::ReadData(data), Some(held)) = (&mut self.state, &mut self.held) else { return };
        if data.opcode.is_control() {
            return;
        }
        let bytes = bytes.get(..data.remaining).unwrap_or(bytes);
        let (mask, ceiling) = (data.mask, held.message.len().saturating_add(data.remaining));
        data.remaining -= bytes.len();
        data.mask = mask.map(|key| rotate_key(key, bytes.len()));
        if let Err(error) = held.message.append(bytes, mask, ceiling) {
            self.fail(error);
        }
    }

    /// The payload of the last message, if it was put together from pieces and no other has begun since.
    pub(crate) fn last_payload(&self) -> &[u8] {
        self.held.as_ref().map_or(&[], |held| held.message.last_payload())
    }

    /// Bytes still to come of the payload that is being read; 0 at and within a header.
    #[must_use]
    pub fn payload_left(&self) -> usize {
        match self.state {
            State::ReadData(data) => data.remaining,
            State::ReadHead { .. } | State::ParsePayloadLen { .. } | State::Failed(_) => 0,
        }
    }

    /// Bytes that have come of the unfinished message.
    pub(crate) fn unfinished_bytes(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.message.len())
    }

    /// Bytes that the decoder has allocated.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        match &self.held {
            Some(held) => size_of::<Held>() + held.message.capacity() + held.control.capacity(),
            None => 0,
        }
    }

    /// Gives back the memory that is held but not in use.
    pub fn trim(&mut self) {
        let within_payload = matches!(self.state, State::ReadData(_) | State::Failed(_));
        if self.begun().is_none() && !within_payload {
            self.held = None;
        } else if let Some(held) = &mut self.held {
            held.message.trim();
        }
    }

    #[inline(always)]
    fn event<'p>(&'p mut self, ready: Ready<'p>) -> Result<Event<'p>, Error> {
        let Decoder { state, held } = self;
        let payload = match (ready.in_place, ready.subject) {
            (Some(payload), _) => payload,
            (None, Subject::Message { .. }) => held.get_or_insert_default().message.payload(),
            (None, Subject::Ping | Subject::Pong | Subject::Close) => {
                &mut held.get_or_insert_default().control
            }
        };
        match ready.subject {
            Subject::Message { kind, compressed } => Ok(Event::Message { kind, compressed, payload }),
            Subject::Ping => Ok(Event::Ping(payload)),
            Subject::Pong => Ok(Event::Pong(payload)),
            Subject::Close => {
                let close = parse_close(payload).inspect_err(|&error| *state = State::Failed(error))?;
                Ok(Event::Close(close))
            }
        }
    }

    /// The number of fragments of the unfinished message, if there is one.
    #[inline]
    fn begun(&self) -> Option<usize> {
        self.held.as_ref().and_then(|held| held.message.fragments())
    }
}
