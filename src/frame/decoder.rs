//! The incremental decoder: bytes as they arrive, into messages and control frames.

use super::close::parse_close;
use super::error::Error;
use super::event::{Event, Ready, Subject};
use super::header::{Header, HeaderStart, MAX_CONTROL_PAYLOAD, MAX_REST_BYTES, Opcode, begins_data};
use super::mask::{apply_mask, rotate_key};
use super::message::{Assembly, Kind};
use super::rules::{Role, Rules};

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

/// How far the current frame is read.
#[derive(Clone, Copy, Debug)]
enum State {
    /// At a frame boundary, or one byte behind it.
    ReadHead { first: Option<u8> },
    /// The first two bytes are there and obey the rules; `gathered` holds `filled` bytes of the rest.
    ParsePayloadLen { first_two: [u8; 2], gathered: [u8; MAX_REST_BYTES], filled: u8 },
    /// The header is there and obeys the rules; the payload is on its way into [`Held`].
    ReadData(Data),
    /// The peer violated a rule; nothing more is read.
    Failed(Error),
}

/// What is still to come of a frame. Packed, since each connection has one, and it is looked at once for
/// each piece.
#[derive(Clone, Copy, Debug)]
#[repr(Rust, packed)]
struct Data {
    opcode: Opcode,
    fin: bool,
    /// The key, rotated to fit the next byte.
    mask: Option<[u8; 4]>,
    /// Bytes still to come.
    remaining: usize,
}

const BOUNDARY: State = State::ReadHead { first: None };

/// First bytes of headers that come often.
const WHOLE_BINARY: u8 = 0x82;
const WHOLE_PING: u8 = 0x89;
const WHOLE_PONG: u8 = 0x8a;
const MIDDLE_FRAGMENT: u8 = 0x00;
/// In the second byte of a header.
const MASKED: u8 = 0x80;
/// The header of a frame of at most 125 bytes from a client.
const HEADER_BYTES: usize = 6;

/// Payloads that are not whole.
#[derive(Clone, Debug, Default)]
struct Held {
    message: Assembly,
    /// Apart from the message, since a control frame can come in the middle of one.
    control: Vec<u8>,
}

/// Where a step of the machine leads.
enum Step<'i> {
    /// To the next state, with the input that is left.
    On,
    /// Behind a fragment, with the input that is left.
    Fragment,
    /// Nowhere: the input is used up.
    NeedMore,
    /// To an event.
    Ready(Ready<'i>),
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
        Decoder { state: BOUNDARY, held: None }
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
            return Ok(Some(Event::Message { kind: Kind::Binary, compressed: false, payload }));
        }
        self.next_by_states(input, rules, fragments_left)
    }

    /// What most frames are, in few steps: a whole binary message of at most 125 bytes that breaks no
    /// rule. `None` is anything else, and then nothing was taken.
    #[inline(always)]
    fn short_message<'i>(&self, input: &mut &'i mut [u8], rules: &Rules) -> Option<&'i mut [u8]> {
        let &[WHOLE_BINARY, second, a, b, c, d, ..] = &**input else { return None };
        let length = usize::from(second ^ MASKED);
        let at_boundary = matches!(self.state, State::ReadHead { first: None }) && self.begun().is_none();
        if !at_boundary || length > MAX_CONTROL_PAYLOAD.min(rules.max_len) || rules.role != Role::Server {
            return None;
        }
        let payload = input.split_off_mut(..HEADER_BYTES + length)?.get_mut(HEADER_BYTES..)?;
        apply_mask(payload, [a, b, c, d]);
        Some(payload)
    }

    /// What comes in floods, in few steps as well: a whole Ping or Pong, which may be within a message. `None`
    /// is anything else, and then nothing was taken.
    fn short_control<'i>(&self, input: &mut &'i mut [u8], rules: &Rules) -> Option<Event<'i>> {
        let &[first @ (WHOLE_PING | WHOLE_PONG), second, a, b, c, d, ..] = &**input else { return None };
        let length = usize::from(second ^ MASKED);
        let at_boundary = matches!(self.state, State::ReadHead { first: None });
        if !at_boundary || length > MAX_CONTROL_PAYLOAD || rules.role != Role::Server {
            return None;
        }
        let payload = input.split_off_mut(..HEADER_BYTES + length)?.get_mut(HEADER_BYTES..)?;
        if !payload.is_empty() {
            apply_mask(payload, [a, b, c, d]);
        }
        Some(if first == WHOLE_PING { Event::Ping(payload) } else { Event::Pong(payload) })
    }

    /// And a whole fragment of at most 125 bytes, neither the first nor the last of its message. Whether there
    /// was one that breaks no rule; if not, nothing was taken.
    #[inline]
    fn short_fragment(&mut self, input: &mut &mut [u8], rules: &Rules) -> Result<bool, Error> {
        let &[MIDDLE_FRAGMENT, second, a, b, c, d, ..] = &**input else { return Ok(false) };
        let length = usize::from(second ^ MASKED);
        let (State::ReadHead { first: None }, Some(held)) = (self.state, &mut self.held) else {
            return Ok(false);
        };
        let may_come = held.message.fragments().is_some_and(|count| count < rules.max_fragments());
        let fits = held.message.len().saturating_add(length) <= rules.max_len;
        if length > MAX_CONTROL_PAYLOAD || !may_come || !fits || rules.role != Role::Server {
            return Ok(false);
        }
        let Some(frame) = input.split_off_mut(..HEADER_BYTES + length) else { return Ok(false) };
        held.message.count_fragment();
        if length > 0 {
            let payload = frame.get(HEADER_BYTES..).unwrap_or_default();
            held.message.append(payload, Some([a, b, c, d]), rules.max_len)?;
        }
        Ok(true)
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
            Err(error) => {
                self.state = State::Failed(error);
                Err(error)
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
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::ReadHead { first: None }) && self.begun().is_none()
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
            self.state = State::Failed(error);
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
        let within_payload = matches!(self.state, State::ReadData(_));
        if self.begun().is_none() && !within_payload {
            self.held = None;
        } else if let Some(held) = &mut self.held {
            held.message.trim();
        }
    }

    #[inline(always)]
    fn advance<'i>(
        &mut self,
        input: &mut &'i mut [u8],
        rules: &Rules,
        fragments_left: &mut u32,
    ) -> Result<Option<Ready<'i>>, Error> {
        loop {
            let step = match self.state {
                State::ReadHead { first } => match self.short_fragment(input, rules)? {
                    true => Step::Fragment,
                    false => self.read_head(first, input, rules)?,
                },
                State::ParsePayloadLen { first_two, gathered, filled } => {
                    self.parse_payload_len(first_two, gathered, filled, input, rules)?
                }
                State::ReadData(data) => self.read_data(data, input, rules)?,
                State::Failed(error) => return Err(error),
            };
            match step {
                Step::On => {}
                Step::Fragment => {
                    *fragments_left = fragments_left.saturating_sub(1);
                    if *fragments_left == 0 {
                        return Ok(None);
                    }
                }
                Step::NeedMore => return Ok(None),
                Step::Ready(ready) => return Ok(Some(ready)),
            }
        }
    }

    #[inline(always)]
    fn read_head<'i>(
        &mut self,
        first: Option<u8>,
        input: &mut &'i mut [u8],
        rules: &Rules,
    ) -> Result<Step<'i>, Error> {
        let first_two = match (first, &**input) {
            (None, &[first, second, ..]) => {
                take(input, 2);
                [first, second]
            }
            (Some(first), &[second, ..]) => {
                take(input, 1);
                self.state = BOUNDARY;
                [first, second]
            }
            (None, &[first]) => {
                take(input, 1);
                self.state = State::ReadHead { first: Some(first) };
                return Ok(Step::NeedMore);
            }
            (_, &[]) => return Ok(Step::NeedMore),
        };
        let start = HeaderStart::parse(first_two)?;
        rules.check_start(start, self.begun())?;
        match start.complete(input)? {
            Some(header) => {
                take(input, start.rest_bytes());
                self.begin_payload(header, input, rules)
            }
            None => {
                self.state = State::ParsePayloadLen { first_two, gathered: [0; MAX_REST_BYTES], filled: 0 };
                Ok(Step::On)
            }
        }
    }

    /// The slow way through the header: its bytes come in pieces.
    #[inline(never)]
    fn parse_payload_len<'i>(
        &mut self,
        first_two: [u8; 2],
        mut gathered: [u8; MAX_REST_BYTES],
        mut filled: u8,
        input: &mut &'i mut [u8],
        rules: &Rules,
    ) -> Result<Step<'i>, Error> {
        let start = HeaderStart::parse(first_two)?;
        let missing = start.rest_bytes().saturating_sub(usize::from(filled));
        for (slot, byte) in gathered.iter_mut().skip(usize::from(filled)).zip(take(input, missing)) {
            *slot = *byte;
            filled += 1;
        }
        match start.complete(gathered.get(..usize::from(filled)).unwrap_or_default())? {
            Some(header) => {
                self.state = BOUNDARY;
                self.begin_payload(header, input, rules)
            }
            None => {
                self.state = State::ParsePayloadLen { first_two, gathered, filled };
                Ok(Step::NeedMore)
            }
        }
    }

    /// The header is whole. The state is still that of a boundary, and stays so if the payload is
    /// whole too.
    #[inline(always)]
    fn begin_payload<'i>(
        &mut self,
        header: Header,
        input: &mut &'i mut [u8],
        rules: &Rules,
    ) -> Result<Step<'i>, Error> {
        let so_far = self.held.as_ref().map_or(0, |held| held.message.len());
        let remaining = rules.check_length(&header, so_far)?;
        if header.fin
            && let Some(subject) = Subject::of(header.opcode, header.rsv1)
            && let Some(payload) = input.split_off_mut(..remaining)
        {
            return deliver_in_place(subject, payload, header.mask).map(Step::Ready);
        }
        self.begin_held(header, remaining);
        Ok(Step::On)
    }

    /// The payload comes in pieces, or is one itself.
    #[cold]
    fn begin_held(&mut self, header: Header, remaining: usize) {
        let Header { fin, rsv1, opcode, mask, .. } = header;
        let held = self.held.get_or_insert_default();
        match opcode {
            Opcode::Text => held.message.begin(Kind::Text, rsv1),
            Opcode::Binary => held.message.begin(Kind::Binary, rsv1),
            Opcode::Continuation => {}
            Opcode::Close | Opcode::Ping | Opcode::Pong => held.control.clear(),
        }
        if !opcode.is_control() {
            held.message.count_fragment();
        }
        self.state = State::ReadData(Data { opcode, fin, mask, remaining });
    }

    /// Takes payload that has to be kept, because the frame is a fragment or not whole.
    #[inline(never)]
    fn read_data<'i>(
        &mut self,
        data: Data,
        input: &mut &'i mut [u8],
        rules: &Rules,
    ) -> Result<Step<'i>, Error> {
        let Data { opcode, fin, mask, remaining } = data;
        let held = self.held.get_or_insert_default();
        let piece = take(input, remaining);
        if opcode.is_control() {
            if let Some(key) = mask {
                apply_mask(piece, key);
            }
            held.control.extend_from_slice(piece);
        } else {
            let ceiling = if fin { held.message.len().saturating_add(remaining) } else { rules.max_len };
            held.message.append(piece, mask, ceiling)?;
        }
        let remaining = remaining - piece.len();
        if remaining > 0 {
            let mask = mask.map(|key| rotate_key(key, piece.len()));
            self.state = State::ReadData(Data { opcode, fin, mask, remaining });
            return Ok(Step::NeedMore);
        }
        self.state = BOUNDARY;
        if !fin {
            return Ok(Step::Fragment);
        }
        let subject = match Subject::of(opcode, false) {
            Some(control @ (Subject::Ping | Subject::Pong | Subject::Close)) => control,
            Some(Subject::Message { .. }) | None => {
                let (kind, compressed) = held.message.finish()?;
                Subject::Message { kind, compressed }
            }
        };
        Ok(Step::Ready(Ready { subject, in_place: None }))
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

/// The usual case: a whole frame that is no fragment.
#[inline(always)]
fn deliver_in_place(subject: Subject, payload: &mut [u8], mask: Option<[u8; 4]>) -> Result<Ready<'_>, Error> {
    if let Some(key) = mask {
        apply_mask(payload, key);
    }
    let is_text = matches!(subject, Subject::Message { kind: Kind::Text, compressed: false });
    if is_text && std::str::from_utf8(payload).is_err() {
        return Err(Error::BadUtf8);
    }
    Ok(Ready { subject, in_place: Some(payload) })
}

/// Takes `count` bytes off the front of `input`, or all if they are fewer.
#[inline]
fn take<'i>(input: &mut &'i mut [u8], count: usize) -> &'i mut [u8] {
    input.split_off_mut(..count.min(input.len())).unwrap_or_default()
}
