//! The state machine that can decode any frame: ReadHead → ParsePayloadLen → ReadData.

use super::{Decoder, Held};
use crate::frame::error::Error;
use crate::frame::event::{Ready, Subject};
use crate::frame::header::{Header, HeaderStart, MAX_REST_BYTES};
use crate::frame::mask::{apply_mask, rotate_key};
use crate::frame::message::MessageKind;
use crate::frame::opcode::Opcode;
use crate::frame::rules::Rules;

/// How much of the current frame has been read.
#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    /// At a frame boundary, or one byte after it.
    ReadHead { first: Option<u8> },
    /// The first two bytes of the header have arrived and obey the rules; `rest` holds the `filled` header
    /// bytes after these that have arrived.
    ParsePayloadLen { first_two: [u8; 2], rest: [u8; MAX_REST_BYTES], filled: u8 },
    /// The header has arrived and obeys the rules; the payload goes to [`Held`].
    ReadData(Data),
    /// The peer broke a rule; nothing more is read.
    Failed(Error),
}

/// The payload of a frame that is being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Data {
    pub(super) opcode: Opcode,
    fin: bool,
    /// The masking key, rotated for the next byte.
    pub(super) mask: Option<[u8; 4]>,
    /// The number of bytes still to arrive.
    pub(super) remaining: usize,
}

impl Default for State {
    fn default() -> Self {
        State::BOUNDARY
    }
}

impl State {
    pub(super) const BOUNDARY: State = State::ReadHead { first: None };

    /// Whether the next byte is the first of a frame.
    #[inline(always)]
    pub(super) fn is_boundary(self) -> bool {
        matches!(self, State::ReadHead { first: None })
    }
}

/// The result of one step of the machine.
enum Step<'i> {
    /// It is in the next state; continue with the rest of the input.
    On,
    /// A fragment is complete; continue with the rest of the input.
    Fragment,
    /// The input is used up.
    NeedMore,
    /// An event is complete.
    Ready(Ready<'i>),
}

impl Decoder {
    /// Runs until there is an event, the input is used up, or `fragments_left` is 0.
    #[inline(always)]
    pub(super) fn advance<'i>(
        &mut self,
        input: &mut &'i mut [u8],
        rules: &Rules,
        fragments_left: &mut u32,
    ) -> Result<Option<Ready<'i>>, Error> {
        loop {
            let step = match self.state() {
                State::ReadHead { first } => {
                    if self.short_fragments(input, rules, fragments_left)? {
                        return Ok(None);
                    }
                    self.read_head(first, input, rules)?
                }
                State::ParsePayloadLen { first_two, rest, filled } => {
                    self.parse_payload_len(first_two, rest, filled, input, rules)?
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
                self.enter(State::BOUNDARY);
                [first, second]
            }
            (None, &[first]) => {
                take(input, 1);
                self.enter(State::ReadHead { first: Some(first) });
                return Ok(Step::NeedMore);
            }
            (_, &[]) => return Ok(Step::NeedMore),
        };
        match self.check_header(first_two, input, rules) {
            Ok(Some((header, rest_bytes, payload_bytes))) => {
                take(input, rest_bytes);
                self.begin_payload(header, payload_bytes, input)
            }
            incomplete => {
                // If a rule is broken, the skipper continues from this state.
                self.enter(State::ParsePayloadLen { first_two, rest: [0; MAX_REST_BYTES], filled: 0 });
                incomplete.map(|_| Step::On)
            }
        }
    }

    /// Checks the header that consists of these bytes and the front of the input. Returns it with the number
    /// of its bytes after the first two and the length of the payload; `None` if it is incomplete.
    #[inline(always)]
    fn check_header(
        &self,
        first_two: [u8; 2],
        input: &[u8],
        rules: &Rules,
    ) -> Result<Option<(Header, usize, usize)>, Error> {
        let start = HeaderStart::parse(first_two)?;
        rules.check_start(start, self.begun())?;
        let Some(header) = start.complete(input)? else { return Ok(None) };
        Ok(Some((header, start.rest_bytes(), self.check_length(&header, rules)?)))
    }

    /// Reads a header that arrives in pieces.
    #[inline(never)]
    fn parse_payload_len<'i>(
        &mut self,
        first_two: [u8; 2],
        mut rest: [u8; MAX_REST_BYTES],
        mut filled: u8,
        input: &mut &'i mut [u8],
        rules: &Rules,
    ) -> Result<Step<'i>, Error> {
        let start = HeaderStart::parse(first_two)?;
        let missing = start.rest_bytes().saturating_sub(usize::from(filled));
        for (slot, byte) in rest.iter_mut().skip(usize::from(filled)).zip(take(input, missing)) {
            *slot = *byte;
            filled += 1;
        }
        // If a rule is broken, the skipper continues from this state.
        self.enter(State::ParsePayloadLen { first_two, rest, filled });
        match start.complete(rest.get(..usize::from(filled)).unwrap_or_default())? {
            Some(header) => {
                let remaining = self.check_length(&header, rules)?;
                self.enter(State::BOUNDARY);
                self.begin_payload(header, remaining, input)
            }
            None => Ok(Step::NeedMore),
        }
    }

    /// Checks the length of a frame's payload against the limit of its message.
    #[inline(always)]
    fn check_length(&self, header: &Header, rules: &Rules) -> Result<usize, Error> {
        let so_far = self.held.as_ref().map_or(0, |held| held.message.len());
        rules.check_length(header, so_far)
    }

    /// Begins the payload. The state is at a frame boundary, and stays there if the whole payload is in the
    /// input.
    #[inline(always)]
    fn begin_payload<'i>(
        &mut self,
        header: Header,
        remaining: usize,
        input: &mut &'i mut [u8],
    ) -> Result<Step<'i>, Error> {
        if header.fin
            && let Some(subject) = Subject::of(header.opcode, header.rsv1)
            && let Some(payload) = input.split_off_mut(..remaining)
        {
            return deliver_in_place(subject, payload, header.mask).map(Step::Ready);
        }
        self.begin_held(header, remaining);
        Ok(Step::On)
    }

    /// Begins a payload that arrives in pieces or is a fragment.
    #[cold]
    fn begin_held(&mut self, header: Header, remaining: usize) {
        let Header { fin, rsv1, opcode, mask, .. } = header;
        let held = self.held.get_or_insert_default();
        match opcode {
            Opcode::Text => held.message.begin(MessageKind::Text, rsv1),
            Opcode::Binary => held.message.begin(MessageKind::Binary, rsv1),
            Opcode::Continuation => {}
            Opcode::Close | Opcode::Ping | Opcode::Pong => held.control.clear(),
        }
        if !opcode.is_control() {
            held.message.count_fragments(1);
        }
        held.state = State::ReadData(Data { opcode, fin, mask, remaining });
    }

    /// Reads payload that must be kept, because the frame is a fragment or incomplete.
    #[inline(never)]
    fn read_data<'i>(
        &mut self,
        data: Data,
        input: &mut &'i mut [u8],
        rules: &Rules,
    ) -> Result<Step<'i>, Error> {
        let Data { opcode, fin, mask, remaining } = data;
        let Held { state, message, control, .. } = &mut **self.held.get_or_insert_default();
        let piece = take(input, remaining);
        if opcode.is_control() {
            if let Some(key) = mask {
                apply_mask(piece, key);
            }
            control.extend_from_slice(piece);
        } else {
            let ceiling = if fin { message.len().saturating_add(remaining) } else { rules.max_len };
            if let Err(error) = message.append(piece, mask, ceiling) {
                let remaining = remaining - piece.len();
                *state = State::ReadData(Data { remaining, ..data });
                return Err(error);
            }
        }
        let remaining = remaining - piece.len();
        if remaining > 0 {
            let mask = mask.map(|key| rotate_key(key, piece.len()));
            *state = State::ReadData(Data { opcode, fin, mask, remaining });
            return Ok(Step::NeedMore);
        }
        *state = State::BOUNDARY;
        if !fin {
            return Ok(Step::Fragment);
        }
        let subject = match Subject::of(opcode, false) {
            Some(control @ (Subject::Ping | Subject::Pong | Subject::Close)) => control,
            Some(Subject::Message { .. }) | None => {
                let (kind, compressed) = message.finish()?;
                Subject::Message { kind, compressed }
            }
        };
        Ok(Step::Ready(Ready { subject, in_place: None }))
    }
}

/// Delivers a whole, unfragmented frame in place: the usual case.
#[inline(always)]
fn deliver_in_place(subject: Subject, payload: &mut [u8], mask: Option<[u8; 4]>) -> Result<Ready<'_>, Error> {
    if let Some(key) = mask {
        apply_mask(payload, key);
    }
    let is_text = matches!(subject, Subject::Message { kind: MessageKind::Text, compressed: false });
    if is_text && std::str::from_utf8(payload).is_err() {
        return Err(Error::BadUtf8);
    }
    Ok(Ready { subject, in_place: Some(payload) })
}

/// Removes `count` bytes from the front of `input`, or all if there are fewer.
#[inline]
fn take<'i>(input: &mut &'i mut [u8], count: usize) -> &'i mut [u8] {
    input.split_off_mut(..count.min(input.len())).unwrap_or_default()
}
