//! Parses a server's bytes. Written independently of the library's codec, which is under test here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// The text that a server appends to a client's key before it hashes it (RFC 6455 §1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The end of a response's head.
const HEAD_END: &[u8] = b"\r\n\r\n";
/// The longest head that this server has a reason to send, in bytes.
const MAX_HEAD: usize = 1024;
/// How many parsed bytes the buffer keeps before it is compacted.
const MAX_TAKEN: usize = 64 * 1024;

/// A complete item of a server's output.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming<'a> {
    /// The answer to the upgrade request, with its HTTP status.
    Status(u16),
    Message {
        text: bool,
        payload: &'a [u8],
    },
    Ping(&'a [u8]),
    Pong(&'a [u8]),
    /// A Close frame, with its code if it has one.
    Close(Option<u16>),
}

/// The rule that a server's bytes break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

/// The next item that is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    Frames,
    /// The rest of the body of a refusal, in bytes.
    Body(usize),
    /// Nothing: a Close frame has come.
    Nothing,
}

/// The parser of a server's bytes to one client.
#[derive(Debug)]
pub(super) struct Receiver {
    bytes: Vec<u8>,
    taken: usize,
    state: State,
    /// The `Sec-WebSocket-Accept` that answers this client's key.
    accept: String,
}

impl Receiver {
    /// For a client that sends `key` as its `Sec-WebSocket-Key`.
    pub(super) fn new(key: &str) -> Self {
        let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
        Receiver { bytes: vec![], taken: 0, state: State::Head, accept: STANDARD.encode(digest) }
    }

    /// For a client whose upgrade was accepted.
    #[cfg(test)]
    pub(super) fn open() -> Self {
        Receiver { state: State::Frames, ..Receiver::new("") }
    }

    /// The buffer to append received bytes to.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        if self.taken == self.bytes.len() || self.taken > MAX_TAKEN {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
        &mut self.bytes
    }

    /// Whether nothing has come in part, so that the server may end the connection here.
    pub(super) fn is_between(&self) -> bool {
        self.taken == self.bytes.len() && !matches!(self.state, State::Body(1..))
    }

    /// The next complete part. `None` if more bytes are needed for it.
    pub(super) fn next(&mut self) -> Result<Option<Incoming<'_>>, Malformed> {
        match self.state {
            State::Head => self.head(),
            State::Frames => self.frame(),
            State::Body(left) => {
                let come = self.bytes.len() - self.taken;
                if come > left {
                    return Err(Malformed("a refusal is longer than it says"));
                }
                self.taken += come;
                self.state = State::Body(left - come);
                Ok(None)
            }
            State::Nothing if self.taken < self.bytes.len() => Err(Malformed("bytes follow a Close frame")),
            State::Nothing => Ok(None),
        }
    }

    fn head(&mut self) -> Result<Option<Incoming<'_>>, Malformed> {
        let rest = self.bytes.get(self.taken..).unwrap_or_default();
        let Some(end) = rest.windows(HEAD_END.len()).position(|window| window == HEAD_END) else {
            let begins = b"HTTP/1.1 ".iter().zip(rest).all(|(expected, byte)| expected == byte);
            return if begins && rest.len() <= MAX_HEAD {
                Ok(None)
            } else {
                Err(Malformed("no HTTP response"))
            };
        };
        let head = rest.get(..end).and_then(|head| str::from_utf8(head).ok());
        let head = head.ok_or(Malformed("a response that is not UTF-8"))?;
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|line| line.get(..3)?.parse().ok());
        let status: u16 = status.ok_or(Malformed("a response without a status"))?;
        let header = |name: &str| {
            head.lines().find_map(|line| {
                line.split_once(':')
                    .filter(|(found, _)| found.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value.trim())
            })
        };
        self.state = if status == 101 {
            if header("Sec-WebSocket-Accept") != Some(&self.accept) {
                return Err(Malformed("the Sec-WebSocket-Accept answers another key"));
            }
            State::Frames
        } else {
            if !header("Connection").is_some_and(|options| options.starts_with("close")) {
                return Err(Malformed("a refusal that does not say that it closes"));
            }
            let length = header("Content-Length").and_then(|length| length.parse().ok());
            State::Body(length.ok_or(Malformed("a refusal without a length"))?)
        };
        self.taken += end + HEAD_END.len();
        Ok(Some(Incoming::Status(status)))
    }

    fn frame(&mut self) -> Result<Option<Incoming<'_>>, Malformed> {
        let rest = self.bytes.get(self.taken..).unwrap_or_default();
        let Some((&[first, second], rest)) = rest.split_first_chunk() else { return Ok(None) };
        if first & 0x80 == 0 {
            return Err(Malformed("a frame that is not final"));
        }
        if first & 0x70 != 0 {
            return Err(Malformed("a reserved bit is set"));
        }
        if second & 0x80 != 0 {
            return Err(Malformed("a server's frame is masked"));
        }
        let (length_bytes, length, least) = match second {
            126 => (2, rest.first_chunk().map(|bytes| u64::from(u16::from_be_bytes(*bytes))), 126),
            127 => (8, rest.first_chunk().map(|bytes| u64::from_be_bytes(*bytes)), 0x1_0000),
            length => (0, Some(u64::from(length)), 0),
        };
        let Some(length) = length else { return Ok(None) };
        if length < least {
            return Err(Malformed("a length that is not in its shortest form"));
        }
        let opcode = first & 0x0f;
        if opcode >= 8 && length > 125 {
            return Err(Malformed("a control frame that is too long"));
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let begin = self.taken + 2 + length_bytes;
        let Some(payload) = self.bytes.get(begin..begin.saturating_add(length)) else { return Ok(None) };
        self.taken = begin + length;
        Ok(Some(match opcode {
            1 if str::from_utf8(payload).is_err() => return Err(Malformed("text that is not UTF-8")),
            1 | 2 => Incoming::Message { text: opcode == 1, payload },
            8 => {
                self.state = State::Nothing;
                Incoming::Close(close_code(payload)?)
            }
            9 => Incoming::Ping(payload),
            10 => Incoming::Pong(payload),
            _ => return Err(Malformed("a reserved opcode")),
        }))
    }
}

/// The code of a Close frame (RFC 6455 §5.5.1, §7.4).
fn close_code(payload: &[u8]) -> Result<Option<u16>, Malformed> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() { Ok(None) } else { Err(Malformed("half a close code")) };
    };
    let code = u16::from_be_bytes(*code);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Malformed("a close code that must not be sent"));
    }
    if str::from_utf8(reason).is_err() {
        return Err(Malformed("a close reason that is not UTF-8"));
    }
    Ok(Some(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key and its answer in RFC 6455 §1.3.
    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPTED: &[u8] = b"HTTP/1.1 101 X\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

    /// The results of these bytes, given one by one.
    fn events(wire: &[u8]) -> Result<Vec<String>, Malformed> {
        let mut receiver = Receiver::new(KEY);
        let mut events = vec![];
        for byte in wire {
            receiver.buffer().push(*byte);
            while let Some(event) = receiver.next()? {
                events.push(format!("{event:?}"));
            }
        }
        events.push(receiver.is_between().to_string());
        Ok(events)
    }

    #[test]
    fn what_a_server_may_send() {
        let cases: [(&[u8], &[&str]); 6] = [
            (b"\x82\x02ab", &["Message { text: false, payload: [97, 98] }", "true"]),
            (
                b"\x81\x00\x89\x01a\x8a\x00",
                &["Message { text: true, payload: [] }", "Ping([97])", "Pong([])", "true"],
            ),
            (b"\x88\x02\x03\xe8", &["Close(Some(1000))", "true"]),
            (b"\x88\x00", &["Close(None)", "true"]),
            (b"\x82\x02a", &["false"]),
            (b"", &["true"]),
        ];
        for (frames, expected) in cases {
            let found = events(&[ACCEPTED, frames].concat()).unwrap();
            assert_eq!(found[0], "Status(101)");
            assert_eq!(&found[1..], expected, "{frames:?}");
        }
        let refusal = b"HTTP/1.1 404 X\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab";
        assert_eq!(events(refusal).unwrap(), ["Status(404)", "true"]);
        assert_eq!(events(&refusal[..refusal.len() - 1]).unwrap(), ["Status(404)", "false"]);
    }

    #[test]
    fn what_a_server_must_not_send() {
        let frames: [&[u8]; 13] = [
            b"\x02\x00",
            b"\xc2\x00",
            b"\x82\x80\0\0\0\0",
            b"\x82\x7e\x00\x7d",
            b"\x82\x7f\0\0\0\0\0\0\xff\xff",
            b"\x83\x00",
            b"\x89\x7e\x00\x80",
            b"\x88\x01\x03",
            b"\x88\x02\x03\xed",
            b"\x88\x03\x03\xe8\xff",
            b"\x88\x00\x82\x00",
            b"\x81\x01\xff",
            b"\x80\x00",
        ];
        for frame in frames {
            assert!(events(&[ACCEPTED, frame].concat()).is_err(), "{frame:?}");
        }
        let heads: [&[u8]; 6] = [
            b"HTTP/1.0 101",
            b"HTTP/1.1 101 X\r\nSec-WebSocket-Accept: c3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
            b"HTTP/1.1 101 X\r\n\r\n",
            b"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 404 X\r\nConnection: close\r\n\r\n",
            b"HTTP/1.1 404 X\r\nConnection: close\r\nContent-Length: 0\r\n\r\na",
        ];
        for head in heads {
            assert!(events(head).is_err(), "{}", String::from_utf8_lossy(head));
        }
    }
}
