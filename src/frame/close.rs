//! Close frames: their codes (RFC 6455 §7.4) and their payload (§5.5.1).

use std::fmt;

use super::error::Error;
use super::header::{MAX_CONTROL_PAYLOAD, Opcode, push_frame};

/// The longest reason in bytes: what a control frame holds beside the code.
pub const MAX_REASON_BYTES: usize = MAX_CONTROL_PAYLOAD - 2;

/// Why a connection closes, as a Close frame says it.
///
/// Only codes that may be sent: 1000 to 1003, 1007 to 1014, and 3000 to 4999 (RFC 6455 §7.4 and the
/// IANA registry). 4100 and up are the application's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// The purpose of the connection is fulfilled.
    pub const NORMAL: CloseCode = CloseCode(1000);
    /// The server is going away.
    pub const GOING_AWAY: CloseCode = CloseCode(1001);
    /// The peer violated the protocol.
    pub const PROTOCOL_ERROR: CloseCode = CloseCode(1002);
    /// A text message where only binary ones are taken.
    pub const NOT_BINARY: CloseCode = CloseCode(1003);
    /// Text that is not UTF-8.
    pub const BAD_UTF8: CloseCode = CloseCode(1007);
    /// A message that is too long, or has too many fragments.
    pub const TOO_BIG: CloseCode = CloseCode(1009);
    /// The handler of a packet failed.
    pub const HANDLER_FAILED: CloseCode = CloseCode(1011);
    /// A message shorter than a packet's header.
    pub const SHORT_PACKET: CloseCode = CloseCode(4000);
    /// A packet's Data cannot be decoded.
    pub const UNDECODABLE: CloseCode = CloseCode(4001);
    /// Too many bad requests on one connection.
    pub const BAD_REQUESTS: CloseCode = CloseCode(4002);
    /// No packet for too long.
    pub const IDLE: CloseCode = CloseCode(4003);
    /// Not logged in within the time for it.
    pub const NEVER_LOGGED_IN: CloseCode = CloseCode(4004);
    /// The linked object ended.
    pub const OBJECT_ENDED: CloseCode = CloseCode(4005);
    /// The linked object panicked.
    pub const OBJECT_CRASHED: CloseCode = CloseCode(4006);
    /// A newer connection logged in with the same role.
    pub const REPLACED: CloseCode = CloseCode(4007);
    /// The client does not read fast enough for what it is sent.
    pub const OUTBOX_FULL: CloseCode = CloseCode(4008);
    /// A frame did not begin, or a message did not end, within the read timeout.
    pub const READ_TIMED_OUT: CloseCode = CloseCode(4009);
    /// Closed by an operator.
    pub const OPERATOR: CloseCode = CloseCode(4010);

    /// The code with that number, if it may be sent in a Close frame.
    #[must_use]
    pub const fn new(code: u16) -> Option<CloseCode> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(CloseCode(code)),
            _ => None,
        }
    }

    /// The code's number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The payload of a Close frame that has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseFrame<'a> {
    /// Why the peer closes.
    pub code: CloseCode,
    /// The peer's own words, at most 123 bytes; not to be shown or logged unescaped.
    pub reason: &'a str,
}

/// Reads the payload of a Close frame; an empty one says nothing.
///
/// # Errors
/// [`Error::BadCloseLength`], [`Error::BadCloseCode`], or [`Error::BadUtf8`] for the reason.
pub fn parse_close(payload: &[u8]) -> Result<Option<CloseFrame<'_>>, Error> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() { Ok(None) } else { Err(Error::BadCloseLength) };
    };
    let code = CloseCode::new(u16::from_be_bytes(*code)).ok_or(Error::BadCloseCode)?;
    let reason = std::str::from_utf8(reason).map_err(|_| Error::BadUtf8)?;
    Ok(Some(CloseFrame { code, reason }))
}

/// Appends a Close frame as a server sends it. The reason is cut, at the end of a character, to the
/// [`MAX_REASON_BYTES`] that fit; without a code there is no reason either.
pub fn push_close(out: &mut Vec<u8>, code: Option<CloseCode>, reason: &str) {
    let mut payload = [0; MAX_CONTROL_PAYLOAD];
    let mut length = 0;
    if let Some(code) = code {
        let reason = &reason.as_bytes()[..reason.floor_char_boundary(MAX_REASON_BYTES)];
        length = 2 + reason.len();
        payload[..2].copy_from_slice(&code.get().to_be_bytes());
        payload[2..length].copy_from_slice(reason);
    }
    push_frame(out, Opcode::Close, &payload[..length]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_may_be_sent() {
        for code in 0..=u16::MAX {
            let may = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            assert_eq!(CloseCode::new(code).map(CloseCode::get), may.then_some(code));
        }
        for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000] {
            assert_eq!(parse_close(&u16::to_be_bytes(code)), Err(Error::BadCloseCode), "{code}");
        }
        assert_eq!(CloseCode::OPERATOR.to_string(), "4010");
    }

    #[test]
    fn named_codes_are_the_contracts() {
        let named = [
            (CloseCode::NORMAL, 1000),
            (CloseCode::GOING_AWAY, 1001),
            (CloseCode::PROTOCOL_ERROR, 1002),
            (CloseCode::NOT_BINARY, 1003),
            (CloseCode::BAD_UTF8, 1007),
            (CloseCode::TOO_BIG, 1009),
            (CloseCode::HANDLER_FAILED, 1011),
            (CloseCode::SHORT_PACKET, 4000),
            (CloseCode::UNDECODABLE, 4001),
            (CloseCode::BAD_REQUESTS, 4002),
            (CloseCode::IDLE, 4003),
            (CloseCode::NEVER_LOGGED_IN, 4004),
            (CloseCode::OBJECT_ENDED, 4005),
            (CloseCode::OBJECT_CRASHED, 4006),
            (CloseCode::REPLACED, 4007),
            (CloseCode::OUTBOX_FULL, 4008),
            (CloseCode::READ_TIMED_OUT, 4009),
            (CloseCode::OPERATOR, 4010),
        ];
        for (code, number) in named {
            assert_eq!(CloseCode::new(number), Some(code));
        }
    }

    #[test]
    fn payloads() {
        assert_eq!(parse_close(b""), Ok(None));
        assert_eq!(parse_close(b"\x03"), Err(Error::BadCloseLength));
        let frame = CloseFrame { code: CloseCode::NORMAL, reason: "" };
        assert_eq!(parse_close(b"\x03\xe8"), Ok(Some(frame)));
        assert_eq!(parse_close(b"\x03\xe8bye"), Ok(Some(CloseFrame { reason: "bye", ..frame })));
        assert_eq!(parse_close(b"\x03\xe8\xce\xba\xe1\xff"), Err(Error::BadUtf8));
    }

    #[test]
    fn reasons_are_cut_between_characters() {
        for (reason, kept) in [
            (String::new(), 0),
            ("a".repeat(123), 123),
            ("a".repeat(124), 123),
            ("é".repeat(62), 122),
            ("a".repeat(122) + "€", 122),
            ("a".repeat(120) + "€", 123),
        ] {
            let mut out = vec![0xa5];
            push_close(&mut out, Some(CloseCode::IDLE), &reason);
            assert_eq!(out[..5], [0xa5, 0x88, 2 + kept as u8, 0x0f, 0xa3]);
            assert_eq!(&out[5..], &reason.as_bytes()[..kept]);
        }
        let mut out = Vec::new();
        push_close(&mut out, None, "ignored");
        assert_eq!(out, [0x88, 0]);
    }
}
