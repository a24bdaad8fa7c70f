//! The content of requests: one message, in which each request changes only what tells it from the others.

use std::ops::Range;

use prost::Message as _;
use sysconn::frame::{Header, Opcode};
use sysconn::packet::{ErrorId, REQUEST_HEADER_BYTES, Reply, push_packet};

use crate::messages::room;

/// Digits of the number that a request has in front of its pattern.
const NUMBER_BYTES: usize = 16;
/// Digits that any Flag has room in.
const FLAG_DIGITS: usize = 8;
/// Digits of the number in the name of a room.
const ROOM_BYTES: usize = 7;
/// Where a packet has its Flag.
const FLAG: Range<usize> = 3..7;
/// The letters of a pattern: text, and half as long once it is compressed.
const LETTERS: &[u8; 16] = b"abcdefghijklmnop";
/// The bytes after which a pattern repeats itself: so few that they stay in a processor's first cache, where
/// replies are compared with them. No number of them is a page or a buffer, so that one that takes the place
/// of another shows.
pub(super) const PERIOD: usize = 4 * 1021;
/// A pattern that does not repeat itself: it would be compressed to nearly nothing.
pub(super) const NO_PERIOD: usize = usize::MAX;

/// A message with its places for a Flag and numbers.
#[derive(Clone, Debug)]
pub(super) struct Template {
    /// The frame that sends the message back. The message itself is its end.
    reply: Vec<u8>,
    /// Where the message begins in it.
    start: usize,
    is_packet: bool,
    /// Where the number of the request is, in hex digits.
    number: Range<usize>,
    /// Where the number of the room is.
    room: Range<usize>,
    /// What comes after its own bytes repeats itself after so many.
    period: usize,
}

impl Template {
    /// A plain message of a pattern with this period.
    pub(super) fn echo(size: usize, period: usize) -> Self {
        let (fin, rsv1, opcode) = (true, false, Opcode::Binary);
        let header = Header { fin, rsv1, opcode, mask: None, payload_len: size as u64 }.encode();
        let reply = [&header[..], &pattern(size, period)].concat();
        Template {
            reply,
            start: header.len(),
            is_packet: false,
            number: 0..size.min(NUMBER_BYTES),
            room: 0..0,
            period,
        }
    }

    /// A packet whose Data is a pattern with this period.
    pub(super) fn pattern(cmd: u16, size: usize, period: usize) -> Self {
        let number = REQUEST_HEADER_BYTES..REQUEST_HEADER_BYTES.saturating_add(size.min(NUMBER_BYTES));
        Template { number, period, ..Template::data(cmd, &pattern(size, period)) }
    }

    /// A packet whose Data is always the same.
    pub(super) fn data(cmd: u16, data: &[u8]) -> Self {
        let mut reply = Vec::new();
        push_packet(&mut reply, &Reply { error_id: ErrorId::NONE, data_status: 0, flag: 0, cmd, data });
        let start = reply.len().saturating_sub(REQUEST_HEADER_BYTES + data.len());
        Template { reply, start, is_packet: true, number: 0..0, room: 0..0, period: NO_PERIOD }
    }

    /// A packet that says a text of `size` bytes in a room, whose name begins so.
    pub(super) fn say(room_prefix: &str, size: usize) -> Self {
        let room = room_name(room_prefix, 0);
        let text = String::from_utf8_lossy(&pattern(size, NO_PERIOD)).into_owned();
        let room_bytes = room.len();
        let data = room::Say { room, text }.encode_to_vec();
        let template = Template::data(room::SAY, &data);
        let text_at = template.len().saturating_sub(size);
        // The room is the first field: its tag, its length in one byte, its name.
        let room_end = REQUEST_HEADER_BYTES + 2 + room_bytes;
        Template {
            number: text_at..text_at.saturating_add(size.min(NUMBER_BYTES)),
            room: room_end.saturating_sub(ROOM_BYTES)..room_end,
            ..template
        }
    }

    /// The message of one request.
    pub(super) fn fill(&mut self, flag: u32, number: u64, room: usize) -> &[u8] {
        let message = self.reply.get_mut(self.start..).unwrap_or_default();
        if self.is_packet {
            write(message, &FLAG, &flag.to_be_bytes());
        }
        let digits = format_hex(number);
        match message.get_mut(self.number.clone()).and_then(|place| place.as_mut_array()) {
            // Millions of times a second: a copy of fixed length needs no call.
            Some(place) => *place = digits,
            None => write(message, &self.number, last(&digits, self.number.len())),
        }
        if !self.room.is_empty() {
            let digits = format!("{room:0ROOM_BYTES$}");
            write(message, &self.room, last(digits.as_bytes(), self.room.len()));
        }
        message
    }

    /// The frame in which the message of a request with this Flag comes back.
    pub(super) fn echo_of(&mut self, flag: u32) -> &[u8] {
        self.fill(flag, flag.into(), 0);
        &self.reply
    }

    /// Whether this is the part from `from` on of the frame that [`echo_of`](Self::echo_of) returned.
    pub(super) fn is_part_of_echo(&self, part: &[u8], from: usize) -> bool {
        let is_at = |bytes: &[u8], at: usize| self.reply.get(at..at + bytes.len()) == Some(bytes);
        if part.len() <= self.period {
            return is_at(part, from);
        }
        // The front of the pattern stands for all that repeats it, and stays in the cache.
        let own_end = self.start + self.own_bytes();
        let (own, repeated) = part.split_at(own_end.saturating_sub(from).min(part.len()));
        let place = own_end + (from + own.len()).saturating_sub(own_end) % self.period;
        is_at(own, from) && repeated.chunks(self.period).all(|chunk| is_at(chunk, place))
    }

    /// The message of the request that was filled in last.
    pub(super) fn message(&self) -> &[u8] {
        self.reply.get(self.start..).unwrap_or_default()
    }

    /// So many bytes from its beginning may differ between two requests.
    pub(super) fn own_bytes(&self) -> usize {
        let flag = if self.is_packet { FLAG.end } else { 0 };
        flag.max(self.number.end).max(self.room.end)
    }

    /// Whether these bytes are what a request with this number had as its content.
    pub(super) fn is_content(&self, bytes: &[u8], number: u64) -> bool {
        let start = if self.is_packet { REQUEST_HEADER_BYTES } else { 0 };
        let content = self.message().get(start..).unwrap_or_default();
        let number_at = self.number.start.saturating_sub(start)..self.number.end.saturating_sub(start);
        let digits = format_hex(number);
        bytes.len() == content.len()
            && bytes.get(number_at.clone()) == Some(last(&digits, number_at.len()))
            && bytes.get(..number_at.start) == content.get(..number_at.start)
            && bytes.get(number_at.end..) == content.get(number_at.end..)
    }

    /// The Flag of the request whose content these bytes are, if it says it in full.
    pub(super) fn flag_of(&self, bytes: &[u8]) -> Option<u32> {
        let digits = bytes.get(self.number.clone()).filter(|digits| digits.len() >= FLAG_DIGITS)?;
        let flag = u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
        self.is_content(bytes, flag.into()).then_some(flag)
    }

    /// The bytes of a packet's Data, or of a plain message.
    pub(super) fn content_len(&self) -> usize {
        self.len().saturating_sub(if self.is_packet { REQUEST_HEADER_BYTES } else { 0 })
    }

    /// The bytes of a message on the wire, without its frame.
    pub(super) fn len(&self) -> usize {
        self.message().len()
    }
}

/// The name of a room.
pub(super) fn room_name(prefix: &str, room: usize) -> String {
    format!("{prefix}{room:0ROOM_BYTES$}")
}

/// The number in front of a text that was said, and whether the text has this many bytes.
pub(super) fn number_of(text: &str, size: usize) -> Option<u64> {
    let digits = text.get(..NUMBER_BYTES).filter(|_| text.len() == size)?;
    u64::from_str_radix(digits, 16).ok()
}

/// Letters that look random, and are the same in each run.
fn pattern(size: usize, period: usize) -> Vec<u8> {
    let mut state: u64 = 1;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        LETTERS[(state >> 60) as usize]
    };
    let once: Vec<u8> = (0..size.min(period)).map(next).collect();
    once.into_iter().cycle().take(size).collect()
}

fn format_hex(number: u64) -> [u8; NUMBER_BYTES] {
    let mut digits = [0; NUMBER_BYTES];
    let (high, low) = digits.split_at_mut(NUMBER_BYTES / 2);
    high.copy_from_slice(&format_half((number >> 32) as u32));
    low.copy_from_slice(&format_half(number as u32));
    digits
}

/// Eight digits at once, each in a byte of one register.
fn format_half(number: u32) -> [u8; NUMBER_BYTES / 2] {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let mut digits = u64::from(number);
    // Each step moves the halves of each part apart.
    for (bits, mask) in [(16, 0xffff_0000_ffff), (8, 0x00ff_00ff_00ff_00ff), (4, 0x0f * EACH)] {
        digits = (digits | digits << bits) & mask;
    }
    let is_letter = ((digits + 0x06 * EACH) >> 4) & EACH;
    (digits + u64::from(b'0') * EACH + u64::from(b'a' - b'0' - 10) * is_letter).to_be_bytes()
}

/// The last `count` bytes.
fn last(digits: &[u8], count: usize) -> &[u8] {
    digits.get(digits.len().saturating_sub(count)..).unwrap_or_default()
}

fn write(message: &mut [u8], at: &Range<usize>, bytes: &[u8]) {
    if let Some(place) = message.get_mut(at.clone()).filter(|place| place.len() == bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sysconn::packet::{Request, push_request};

    #[test]
    fn a_request_has_its_own_number_and_only_that_is_its_content() {
        for size in [0, 1, 5, 16, 17, 64, 70_000] {
            let mut echo = Template::echo(size, PERIOD);
            let mut packet = Template::pattern(1101, size, PERIOD);
            let message = echo.fill(7, 0x1234_5678, 0).to_vec();
            assert_eq!(message.len(), size);
            assert!(echo.is_content(&message, 0x1234_5678), "{size}");
            assert_eq!(echo.is_content(&message, 0x1234_5679), size == 0, "{size}");
            assert_eq!(echo.flag_of(&message), (size >= FLAG_DIGITS).then_some(0x1234_5678), "{size}");
            let sent = packet.fill(7, 0x1234_5678, 0).to_vec();
            let request = Request::parse(&sent).unwrap();
            let mut again = Vec::new();
            push_request(&mut again, &request);
            assert_eq!(sent, again, "{size}");
            assert_eq!((request.flag, request.cmd, request.data), (7, 1101, &message[..]));
            assert!(packet.is_content(request.data, 0x1234_5678));
            let Request { data_status, flag, cmd, data } = request;
            let mut reply = Vec::new();
            push_packet(&mut reply, &Reply { error_id: ErrorId::NONE, data_status, flag, cmd, data });
            packet.fill(flag, 0x1234_5678, 0);
            assert_eq!(packet.reply, reply, "{size}");
            for at in [0, size / 2, size.saturating_sub(1)] {
                let mut other = message.clone();
                let Some(byte) = other.get_mut(at) else { continue };
                *byte ^= 1;
                assert!(!packet.is_content(&other, 0x1234_5678), "{size} {at}");
            }
            assert!(!echo.is_content(&[&message[..], b"x"].concat(), 0x1234_5678));
        }
        let mut given = Template::data(1102, b"same");
        assert_eq!(Request::parse(given.fill(9, 3, 0)).unwrap().data, b"same");
        assert!(given.is_content(b"same", 3) && !given.is_content(b"sane", 3));
    }

    #[test]
    fn a_part_of_a_reply_is_compared_to_its_last_byte() {
        for (size, period) in [(300, 64), (300, NO_PERIOD), (PERIOD, PERIOD), (70_000, PERIOD)] {
            for mut template in [Template::echo(size, period), Template::pattern(1101, size, period)] {
                let reply = template.echo_of(9).to_vec();
                for (from, end) in [(0, reply.len()), (3, 290), (40, 41), (101, 299), (size - 9, size)] {
                    let mut part = reply[from..end].to_vec();
                    assert!(template.is_part_of_echo(&part, from), "{size} {from}");
                    for at in [0, 1, (end - from) / 2, end - from - 1] {
                        let Some(byte) = part.get_mut(at) else { continue };
                        *byte ^= 1;
                        assert!(!template.is_part_of_echo(&part, from), "{size} {from} {at}");
                        part[at] ^= 1;
                    }
                }
                assert!(!template.is_part_of_echo(&[&reply[..], b"x"].concat(), 0), "{size}");
            }
        }
    }

    #[test]
    fn a_page_or_buffer_that_takes_the_place_of_another_shows() {
        let mut template = Template::echo(256 * 1024, PERIOD);
        let reply = template.echo_of(1).to_vec();
        for block in [4096, 8192, 16_384, 65_536] {
            let mut other = reply.clone();
            other.copy_within(block..2 * block, 2 * block);
            assert!(!template.is_part_of_echo(&other, 0), "{block}");
        }
    }

    #[test]
    fn what_is_said_names_its_room_and_when_it_was_due() {
        for size in [16, 100, 500] {
            let mut template = Template::say("bench-1-", size);
            let message = template.fill(5, 1_000_000, 42);
            let say = room::Say::decode(Request::parse(message).unwrap().data).unwrap();
            assert_eq!(say.room, room_name("bench-1-", 42));
            assert_eq!((number_of(&say.text, size), number_of(&say.text, size + 1)), (Some(1_000_000), None));
        }
        assert_eq!(number_of("not a number, 20 by!", 20), None);
    }
}
