//! What must not be recorded is taken out of a client's bytes here, while they pass by in pieces of any size.
//!
//! The bytes keep their number and their places, so that whoever reads them finds the same frames. Taken out
//! are, from the head of the request, the values of its query and of all header lines that the handshake does
//! not look at; from packets, the Data of commands that are secret or not known; and all of a message that is
//! compressed. What a packet's command is stands in front of its Data, so nothing has to be held back. What
//! follows a violation is given up: no bytes are kept whose meaning is not sure.

use crate::frame::{Header, MAX_HEADER_BYTES, Opcode};
use crate::packet::REQUEST_HEADER_BYTES;
use crate::upgrade::HeadScanner;

/// Where the Cmd stands in a packet's header.
const CMD_AT: usize = REQUEST_HEADER_BYTES - 2;
/// Header lines whose values are recorded, in lower case: those on which the upgrade depends, and the one that
/// tells what kind of client it is.
const SHOWN: [&[u8]; 12] = [
    b"host",
    b"upgrade",
    b"connection",
    b"origin",
    b"content-length",
    b"transfer-encoding",
    b"user-agent",
    b"sec-websocket-key",
    b"sec-websocket-version",
    b"sec-websocket-protocol",
    b"sec-websocket-extensions",
    b"expect",
];
/// Bytes of a header line's name that are looked at: longer than all that are shown.
const MAX_NAME_BYTES: usize = 32;
/// What stands in the place of each byte of a value in the head: a zero is not allowed there.
const STAND_IN: u8 = b'x';

/// Follows one client's bytes.
#[derive(Debug)]
pub(super) struct Masker {
    state: State,
    /// Messages are packets.
    packets: bool,
}

#[derive(Debug)]
enum State {
    /// In the PROXY header, which names addresses and nothing else.
    Proxy,
    Head(Box<Head>),
    Frames(Frames),
    /// Behind a violation.
    Lost,
}

impl Masker {
    /// For a client whose first byte is still to come.
    pub(super) fn new(proxied: bool, packets: bool) -> Self {
        let state = if proxied { State::Proxy } else { State::Head(Box::default()) };
        Masker { state, packets }
    }

    /// For a client that is between two messages.
    pub(super) fn open(packets: bool) -> Self {
        Masker { state: State::Frames(Frames::default()), packets }
    }

    /// The PROXY header is over.
    pub(super) fn begin_head(&mut self) {
        self.state = State::Head(Box::default());
    }

    /// The same for bytes that were thrown away because those before them broke a rule. What shows which one
    /// may be recorded: a head up to its first illegal byte, and a frame's header to its end.
    pub(super) fn mask_rest(&mut self, bytes: &mut [u8]) -> usize {
        let taken = match &mut self.state {
            State::Head(head) => match head.mask(bytes) {
                HeadEnd::Open(taken) | HeadEnd::Ended(taken) | HeadEnd::Refused(taken) => taken,
            },
            State::Frames(frames) => frames.header_rest(bytes),
            State::Proxy | State::Lost => 0,
        };
        self.state = State::Lost;
        taken
    }

    /// Takes out of the bytes, which come next, what must not be recorded. How many of them may be: all, or
    /// those up to a violation.
    pub(super) fn mask(&mut self, bytes: &mut [u8], is_secret: &dyn Fn(u16) -> bool) -> usize {
        let mut done = 0;
        while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let taken = match &mut self.state {
                State::Proxy => rest.len(),
                State::Head(head) => match head.mask(rest) {
                    HeadEnd::Open(taken) => taken,
                    HeadEnd::Ended(taken) => {
                        self.state = State::Frames(Frames::default());
                        taken
                    }
                    HeadEnd::Refused(taken) => {
                        self.state = State::Lost;
                        taken
                    }
                },
                State::Frames(frames) => match frames.mask(rest, self.packets, is_secret) {
                    Some(taken) => taken,
                    None => {
                        self.state = State::Lost;
                        // The header by which it was lost says what was wrong.
                        return done + rest.len().min(1);
                    }
                },
                State::Lost => return done,
            };
            done += taken;
        }
        done
    }
}

/// How far a piece of the head went.
enum HeadEnd {
    Open(usize),
    Ended(usize),
    Refused(usize),
}

/// In the head of the upgrade request.
#[derive(Debug, Default)]
struct Head {
    scanner: HeadScanner,
    part: Part,
    name: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    /// In the request line; in the target once a space has come.
    #[default]
    Line,
    Target,
    /// Within the query, in a name.
    QueryName,
    /// Within the query, in a value.
    QueryValue,
    /// Behind the target.
    Version,
    Name,
    Value {
        shown: bool,
    },
}

impl Head {
    fn mask(&mut self, bytes: &mut [u8]) -> HeadEnd {
        for (at, byte) in bytes.iter_mut().enumerate() {
            let scanned = self.scanner.scan(std::slice::from_ref(byte));
            match scanned {
                Ok(None) => {}
                Ok(Some(_)) => return HeadEnd::Ended(at + 1),
                Err(_) => return HeadEnd::Refused(at + 1),
            }
            if self.hides(*byte) {
                *byte = STAND_IN;
            }
        }
        HeadEnd::Open(bytes.len())
    }

    /// Whether a byte, which is a legal one where it stands, is part of what is hidden.
    fn hides(&mut self, byte: u8) -> bool {
        self.part = match (self.part, byte) {
            (_, b'\n') => {
                self.name.clear();
                Part::Name
            }
            (Part::Line, b' ') => Part::Target,
            (Part::Target | Part::QueryName | Part::QueryValue, b' ') => Part::Version,
            (Part::Target, b'?') | (Part::QueryValue, b'&') => Part::QueryName,
            (Part::QueryName, b'=') => {
                self.part = Part::QueryValue;
                return false;
            }
            (Part::Name, b':') => {
                self.part = Part::Value { shown: SHOWN.contains(&&*self.name) };
                return false;
            }
            (Part::Name, _) => {
                if self.name.len() < MAX_NAME_BYTES {
                    self.name.push(byte.to_ascii_lowercase());
                }
                Part::Name
            }
            (part, _) => part,
        };
        let is_space = matches!(byte, b' ' | b'\t' | b'\r');
        !is_space && matches!(self.part, Part::QueryValue | Part::Value { shown: false })
    }
}

/// Among frames.
#[derive(Debug, Default)]
struct Frames {
    /// What has come of a header.
    header: Vec<u8>,
    /// Absent at and within a header.
    payload: Option<Payload>,
    /// Where the message in hand goes on, and what has been seen of it.
    message: Message,
}

#[derive(Debug)]
struct Payload {
    key: [u8; 4],
    /// Bytes of this frame's payload that have come, and those that are still to come.
    at: usize,
    left: u64,
    is_control: bool,
}

#[derive(Debug, Default)]
struct Message {
    /// Bytes that have come.
    at: usize,
    cmd: [u8; 2],
    compressed: bool,
    hidden: bool,
}

impl Frames {
    /// Masks what one step of the way takes. None: what is there breaks a rule.
    fn mask(&mut self, bytes: &mut [u8], packets: bool, is_secret: &dyn Fn(u16) -> bool) -> Option<usize> {
        let Some(payload) = &mut self.payload else { return self.read_header(bytes) };
        let len = usize::try_from(payload.left).unwrap_or(usize::MAX).min(bytes.len());
        for byte in bytes.iter_mut().take(len) {
            let key = payload.key.get(payload.at % payload.key.len()).copied().unwrap_or_default();
            payload.at = payload.at.wrapping_add(1);
            if !payload.is_control && self.message.hides(*byte ^ key, packets, is_secret) {
                // Unmasked it is a zero.
                *byte = key;
            }
        }
        payload.left -= len as u64;
        if payload.left == 0 {
            self.payload = None;
        }
        Some(len)
    }

    /// How many of the bytes belong to a header that has begun.
    fn header_rest(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while !self.header.is_empty() && taken < bytes.len() {
            taken += 1;
            if self.read_header(bytes.get(taken - 1..).unwrap_or_default()).is_none() {
                break;
            }
        }
        taken
    }

    /// Takes one byte of a header.
    fn read_header(&mut self, bytes: &[u8]) -> Option<usize> {
        self.header.push(*bytes.first()?);
        let parsed =
            if self.header.len() <= MAX_HEADER_BYTES { Header::parse(&self.header).ok()? } else { None };
        if let Some((header, _)) = parsed {
            self.header.clear();
            let key = header.mask?;
            let is_control = header.opcode.is_control();
            if !is_control && header.opcode != Opcode::Continuation {
                self.message = Message { compressed: header.rsv1, ..Message::default() };
            }
            if header.payload_len > 0 {
                self.payload = Some(Payload { key, at: 0, left: header.payload_len, is_control });
            }
        }
        Some(1)
    }
}

impl Message {
    /// Whether the next byte is not to be recorded.
    fn hides(&mut self, byte: u8, packets: bool, is_secret: &dyn Fn(u16) -> bool) -> bool {
        let at = self.at;
        self.at = at.saturating_add(1);
        if self.compressed || !packets {
            return self.compressed;
        }
        if let Some(place) = at.checked_sub(CMD_AT).and_then(|place| self.cmd.get_mut(place)) {
            *place = byte;
        }
        if at == REQUEST_HEADER_BYTES {
            self.hidden = is_secret(u16::from_be_bytes(self.cmd));
        }
        at >= REQUEST_HEADER_BYTES && self.hidden
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{push_frame, push_masked_frame};
    use crate::packet::{Request, push_request};

    const SECRET: u16 = 1002;
    const KEY: [u8; 4] = [7, 0, 255, 9];

    fn is_secret(cmd: u16) -> bool {
        cmd == SECRET
    }

    /// What is recorded of bytes that come in pieces cut at `cuts`.
    fn masked(mut masker: Masker, bytes: &[u8], cuts: &[usize]) -> Vec<u8> {
        let (mut out, mut from) = (vec![], 0);
        for end in cuts.iter().copied().chain([bytes.len()]) {
            let mut piece = bytes[from..end].to_vec();
            let kept = masker.mask(&mut piece, &is_secret);
            out.extend_from_slice(&piece[..kept]);
            from = end;
            if kept < piece.len() {
                break;
            }
        }
        out
    }

    /// Whole, in every two pieces, and byte by byte it must come to the same.
    fn masked_however(make: impl Fn() -> Masker, bytes: &[u8]) -> Vec<u8> {
        let whole = masked(make(), bytes, &[]);
        for cut in 0..=bytes.len() {
            assert_eq!(masked(make(), bytes, &[cut]), whole, "cut at {cut}");
        }
        assert_eq!(masked(make(), bytes, &(1..bytes.len()).collect::<Vec<_>>()), whole, "byte by byte");
        whole
    }

    fn packet(cmd: u16, data: &[u8]) -> Vec<u8> {
        let mut message = vec![];
        push_request(&mut message, &Request { data_status: 0, flag: 5, cmd, data });
        message
    }

    fn framed(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![];
        push_masked_frame(&mut bytes, fin, opcode, KEY, payload);
        bytes
    }

    #[test]
    fn a_head_keeps_what_the_upgrade_depends_on_and_no_other_value() {
        let head =
            b"GET /room?token=s3cret&v=&empty&%74oken=s3cret HTTP/1.1\r\nHost: h\r\nCookie: a=s3cret; b\r\n\
            AUTHORIZATION:Bearer s3cret\r\nUser-Agent: one\r\nX-Sec-WebSocket-Key: s3cret\r\n\
            Sec-WebSocket-Key: abc\r\nLong-Name-That-Begins-Like-Another-One: s3cret\r\n\r\n";
        let kept = masked_however(|| Masker::new(false, true), head);
        let expected = "GET /room?token=xxxxxx&v=&empty&%74oken=xxxxxx HTTP/1.1\r\nHost: h\r\nCookie: xxxxxxxxx x\r\n\
            AUTHORIZATION:xxxxxx xxxxxx\r\nUser-Agent: one\r\nX-Sec-WebSocket-Key: xxxxxx\r\n\
            Sec-WebSocket-Key: abc\r\nLong-Name-That-Begins-Like-Another-One: xxxxxx\r\n\r\n";
        assert_eq!(String::from_utf8(kept).unwrap(), expected);
    }

    #[test]
    fn what_follows_the_first_illegal_byte_of_a_head_is_given_up() {
        for (head, kept) in [
            (&b"\x16\x03\x01s3cret"[..], &b"\x16"[..]),
            (b"{\"token\":\"s3cret\"}", b"{"),
            (b"GET / HTTP/1.0\r\ns3cret", b"GET / HTTP/1.0"),
            (b"GET / HTTP/1.1\r\nCookie: a\0s3cret", b"GET / HTTP/1.1\r\nCookie: x\0"),
        ] {
            assert_eq!(masked_however(|| Masker::new(false, true), head), kept);
        }
    }

    #[test]
    fn data_of_secret_commands_is_zeros_however_it_comes() {
        let (secret, shown) = (packet(SECRET, b"s3cret token"), packet(7, b"shown"));
        let zeros = packet(SECRET, &[0; 12]);
        let (first, second) = secret.split_at(8);
        let (first_zeros, second_zeros) = zeros.split_at(8);
        let ping = framed(true, Opcode::Ping, b"ping");
        let stream = [
            framed(true, Opcode::Binary, &secret),
            framed(true, Opcode::Binary, &shown),
            framed(false, Opcode::Binary, first),
            ping.clone(),
            framed(false, Opcode::Continuation, &[]),
            framed(true, Opcode::Continuation, second),
            framed(true, Opcode::Binary, b"short"),
            framed(true, Opcode::Binary, &packet(SECRET, b"")),
        ];
        let expected = [
            framed(true, Opcode::Binary, &zeros),
            framed(true, Opcode::Binary, &shown),
            framed(false, Opcode::Binary, first_zeros),
            ping,
            framed(false, Opcode::Continuation, &[]),
            framed(true, Opcode::Continuation, second_zeros),
            framed(true, Opcode::Binary, b"short"),
            framed(true, Opcode::Binary, &packet(SECRET, b"")),
        ];
        assert_eq!(masked_however(|| Masker::open(true), &stream.concat()), expected.concat());
        assert_eq!(masked_however(|| Masker::open(false), &stream.concat()), stream.concat(), "no packets");
    }

    #[test]
    fn compressed_messages_are_zeros() {
        let mut bytes = framed(true, Opcode::Binary, b"s3cret");
        bytes[0] |= 0x40;
        let mut zeros = framed(true, Opcode::Binary, &[0; 6]);
        zeros[0] |= 0x40;
        for packets in [true, false] {
            assert_eq!(masked_however(|| Masker::open(packets), &bytes), zeros);
        }
    }

    #[test]
    fn of_what_was_thrown_away_there_is_what_shows_why() {
        let zeros = b"\x80\0\0\0\0\0\0\0";
        let rest = |mut masker: Masker, before: &[u8], rest: &[u8]| {
            masker.mask(&mut before.to_vec(), &is_secret);
            let mut rest = rest.to_vec();
            let len = masker.mask_rest(&mut rest);
            rest.truncate(len);
            rest
        };
        assert_eq!(rest(Masker::open(true), &[0x82, 0xff], &[zeros, &b"key and more"[..]].concat()), zeros);
        assert_eq!(rest(Masker::open(true), &[0x82, 0x7e], b"\x01\x00s3cret"), [1, 0]);
        assert_eq!(rest(Masker::open(true), &[0x82, 0x06], b"s3cret"), b"");
        assert_eq!(rest(Masker::new(false, true), b"GET /?t=", b"s3cret HTTP/1.0\r\n"), b"xxxxxx HTTP/1.0");
        assert_eq!(rest(Masker::new(true, true), b"PROXY x", b"s3cret"), b"");
    }

    #[test]
    fn what_follows_a_frame_that_breaks_a_rule_is_given_up() {
        let mut unmasked = vec![];
        push_frame(&mut unmasked, Opcode::Binary, b"s3cret");
        for (bytes, kept) in [(unmasked, 2), ([&[0xc3, 0x86][..], b"s3cret"].concat(), 2)] {
            assert_eq!(masked_however(|| Masker::open(true), &bytes), &bytes[..kept]);
        }
    }
}
