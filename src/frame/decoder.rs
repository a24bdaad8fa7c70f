//! The incremental decoder: from bytes as they arrive to messages and control frames.

mod machine;
mod short;

use super::close::{CloseFrame, parse_close};
use super::error::Error;
use super::event::{Event, Ready, Subject};
use super::mask::rotate_key;
use super::message::{Assembly, MessageKind};
use super::opcode::{Opcode, begins_data};
use super::rules::Rules;
use super::skipper::Skipper;
use machine::State;
pub(crate) use short::{MAX_SHORT_MESSAGE, ShortMessage, begins_short_message};

/// Decodes frames from bytes that arrive in pieces of any size (RFC 6455 §5).
///
/// ```text
///           2 bytes                     whole header
///  ReadHead ───────▶ ParsePayloadLen ───────────────▶ ReadData
///     ▲                                                  │
///     └──────────────────────────────────────────────────┘
///       whole payload: an event, unless more fragments follow
///
///  any state ──▶ Failed: the peer broke a rule; this state is final
/// ```
///
/// A rule about headers is checked as soon as its bytes have arrived: after the first two, or after the whole
/// header, and before any payload. An unfragmented frame that lies whole in the input passes through all
/// three states in one step; it is delivered in place, and nothing is copied. Other payloads go to buffers
/// that the decoder owns. These grow with the bytes that arrive, not with the length that a header announces,
/// and are kept for later frames until [`trim`](Decoder::trim).
#[derive(Clone, Debug)]
pub struct Decoder {
    /// `None` until a frame or message has to wait for more bytes, and after a trim: it is then at a frame
    /// boundary.
    held: Option<Box<Held>>,
}

// Each connection has one, and most are idle.
const _: () = assert!(size_of::<Decoder>() <= 8);

/// Incomplete frames and messages.
#[derive(Clone, Debug, Default)]
struct Held {
    state: State,
    message: Assembly,
    /// Separate from the message, since a control frame can come between its fragments.
    control: Vec<u8>,
    /// Continues from the point at which a rule was broken.
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
        Decoder { held: None }
    }

    /// Consumes the bytes of the next event from the front of `input`.
    ///
    /// Returns `None` when all of the input is consumed and more is needed. The event borrows the input, in
    /// which it is unmasked, or the decoder's buffer; it is valid until the next call. Other bytes that are
    /// consumed may be overwritten.
    ///
    /// # Errors
    /// The first rule that the peer breaks. `input` is then advanced to the fault or past it, and every later
    /// call fails with the same error.
    #[inline(always)]
    pub fn next<'p, 'i: 'p>(
        &'p mut self,
        input: &mut &'i mut [u8],
        rules: &Rules,
    ) -> Result<Option<Event<'p>>, Error> {
        self.next_within(input, rules, &mut { u32::MAX })
    }

    /// [`next`](Self::next) with a limit on fragments, which yield no event and can be many.
    ///
    /// It counts `fragments_left` down, and at 0 returns `None` with input left.
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

    /// The general path, which can decode any frame.
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

    /// Enters the final state, in which nothing is decoded. Frames that follow can still be skipped.
    #[cold]
    fn fail(&mut self, error: Error) -> Error {
        if !matches!(self.state(), State::Failed(_)) {
            let skipper = self.skipper();
            let held = self.held.get_or_insert_default();
            held.skipper = Some(Box::new(skipper));
            held.state = State::Failed(error);
        }
        error
    }

    /// How much of the current frame has been read.
    #[inline(always)]
    fn state(&self) -> State {
        self.held.as_ref().map_or(State::BOUNDARY, |held| held.state)
    }

    /// Enters a state. Allocates if nothing is kept so far.
    fn enter(&mut self, state: State) {
        self.held.get_or_insert_default().state = state;
    }

    /// Whether the next byte is the first of a frame.
    #[inline(always)]
    fn is_at_boundary(&self) -> bool {
        self.held.as_ref().is_none_or(|held| held.state.is_boundary())
    }

    /// A skipper that continues from this point of the stream, whether or not the decoder has failed.
    pub(crate) fn skipper(&self) -> Skipper {
        let held = self.held.as_deref();
        match self.state() {
            State::ReadHead { first } => Skipper::within_header(first.as_slice()),
            State::ParsePayloadLen { first_two, rest, filled } => {
                let rest = rest.get(..usize::from(filled)).unwrap_or_default();
                Skipper::within_header(&[&first_two[..], rest].concat())
            }
            State::ReadData(data) if data.opcode == Opcode::Close => {
                let payload = held.map_or(&[][..], |held| &held.control);
                Skipper::within_close(payload, data.remaining, data.mask)
            }
            State::ReadData(data) => Skipper::within_payload(data.remaining as u64),
            State::Failed(_) => {
                // Without a skipper it failed at the end of a frame.
                let skipper = held.and_then(|held| held.skipper.as_deref().copied());
                skipper.unwrap_or_default()
            }
        }
    }

    /// Whether the next byte belongs to a data frame.
    ///
    /// True within a data frame, and at a frame boundary if `input` begins with one. While it is false,
    /// control frames can be decoded even if data frames have to wait.
    #[must_use]
    pub fn next_is_data(&self, input: &[u8]) -> bool {
        match self.state() {
            State::ReadHead { first } => first.or(input.first().copied()).is_some_and(begins_data),
            State::ParsePayloadLen { first_two: [first, _], .. } => begins_data(first),
            State::ReadData(data) => !data.opcode.is_control(),
            State::Failed(_) => false,
        }
    }

    /// Whether the decoder is at a frame boundary and no message is unfinished.
    #[must_use]
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.held.as_ref().is_none_or(|held| held.state.is_boundary() && held.message.fragments().is_none())
    }

    /// A buffer into which the next bytes of a large payload can be received without a copy.
    ///
    /// Pass the number of bytes written to [`received`](Self::received). `None` where it is not worth it, and
    /// at a frame boundary or within a header: pass the bytes to [`next`](Self::next) then. It has at most as
    /// much space as bytes of the payload have arrived.
    pub fn receive_buffer(&mut self) -> Option<&mut [u8]> {
        let held = self.held.as_deref_mut()?;
        match held.state {
            State::ReadData(data) if !data.opcode.is_control() => held.message.free_space(data.remaining),
            _ => None,
        }
    }

    /// Accepts the first `count` bytes of the buffer that [`receive_buffer`](Self::receive_buffer) returned
    /// last.
    ///
    /// Then call [`next`](Self::next), with or without input, for the event or error that they lead to.
    pub fn received(&mut self, count: usize) {
        let Some(Held { state: State::ReadData(data), message, .. }) = self.held.as_deref_mut() else {
            return;
        };
        let count = count.min(data.remaining);
        let mask = data.mask;
        data.remaining -= count;
        data.mask = mask.map(|key| rotate_key(key, count));
        if let Err(error) = message.commit(count, mask) {
            self.fail(error);
        }
    }

    /// Accepts bytes in the same way as bytes written to the buffer of
    /// [`receive_buffer`](Self::receive_buffer), whatever its size.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        let Some(Held { state: State::ReadData(data), message, .. }) = self.held.as_deref_mut() else {
            return;
        };
        if data.opcode.is_control() {
            return;
        }
        let bytes = bytes.get(..data.remaining).unwrap_or(bytes);
        let (mask, ceiling) = (data.mask, message.len().saturating_add(data.remaining));
        data.remaining -= bytes.len();
        data.mask = mask.map(|key| rotate_key(key, bytes.len()));
        if let Err(error) = message.append(bytes, mask, ceiling) {
            self.fail(error);
        }
    }

    /// The payload of the last message, if it was assembled from pieces and no other has begun since.
    pub(crate) fn last_payload(&self) -> &[u8] {
        self.held.as_ref().map_or(&[], |held| held.message.last_payload())
    }

    /// The number of bytes still to arrive of the current payload; 0 at a frame boundary and within a header.
    #[must_use]
    pub fn payload_left(&self) -> usize {
        match self.state() {
            State::ReadData(data) => data.remaining,
            State::ReadHead { .. } | State::ParsePayloadLen { .. } | State::Failed(_) => 0,
        }
    }

    /// The number of bytes that have arrived of the unfinished message.
    pub(crate) fn unfinished_bytes(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.message.len())
    }

    /// The number of bytes that the decoder has allocated.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        match &self.held {
            Some(held) => size_of::<Held>() + held.message.capacity() + held.control.capacity(),
            None => 0,
        }
    }

    /// Frees memory that is allocated but not in use.
    pub fn trim(&mut self) {
        if self.is_idle() {
            self.held = None;
        } else if let Some(held) = &mut self.held {
            held.message.trim();
        }
    }

    #[inline(always)]
    fn event<'p>(&'p mut self, ready: Ready<'p>) -> Result<Event<'p>, Error> {
        let Ready { subject, in_place } = ready;
        match subject {
            Subject::Message { kind, compressed } => {
                let payload = match in_place {
                    Some(payload) => payload,
                    None => self.held.get_or_insert_default().message.payload(),
                };
                Ok(Event::Message { kind, compressed, payload })
            }
            Subject::Ping => Ok(Event::Ping(self.control(in_place))),
            Subject::Pong => Ok(Event::Pong(self.control(in_place))),
            Subject::Close => self.close(in_place).map(Event::Close),
        }
    }

    /// The payload of a control frame, which the decoder holds if it is not in the input.
    fn control<'p>(&'p self, in_place: Option<&'p mut [u8]>) -> &'p [u8] {
        match in_place {
            Some(payload) => payload,
            None => self.held.as_ref().map_or(&[], |held| &held.control),
        }
    }

    /// The content of a Close frame.
    fn close<'p>(&'p mut self, in_place: Option<&'p mut [u8]>) -> Result<Option<CloseFrame<'p>>, Error> {
        match in_place {
            Some(payload) => parse_close(payload).inspect_err(|&error| self.enter(State::Failed(error))),
            None => {
                let Held { state, control, .. } = &mut **self.held.get_or_insert_default();
                parse_close(control).inspect_err(|&error| *state = State::Failed(error))
            }
        }
    }

    /// The number of fragments of the unfinished message; `None` if there is no such message.
    #[inline]
    fn begun(&self) -> Option<usize> {
        self.held.as_ref().and_then(|held| held.message.fragments())
    }
}
