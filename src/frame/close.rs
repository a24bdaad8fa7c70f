//! The payload of a Close frame, read and written (RFC 6455 §5.5.1).

use super::close_code::CloseCode;
use super::error::Error;
use super::header::MAX_CONTROL_PAYLOAD;
use super::opcode::Opcode;
use super::push::push_frame;

/// The longest reason of a Close frame, in bytes: the payload of a control frame, less the code.
pub const MAX_REASON_BYTES: usize = MAX_CONTROL_PAYLOAD - 2;

/// The content of a Close frame whose payload is not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseFrame<'a> {
    /// Why the peer closes.
    pub code: CloseCode,
    /// The reason in the peer's words: at most 123 bytes of UTF-8. Escape it before you show or log it.
    pub reason: &'a str,
}

/// Reads the payload of a Close frame; `None` if it is empty (RFC 6455 §5.5.1).
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

/// Appends a Close frame as a server sends it.
///
/// A reason of more than [`MAX_REASON_BYTES`] is cut after a whole character. Without a code the payload is
/// empty, and the reason is not sent either.
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
    fn a_payload_is_nothing_or_a_code_and_a_reason() {
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

    #[test]
    fn codes_that_must_not_be_sent_are_refused() {
        for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000] {
            assert_eq!(parse_close(&u16::to_be_bytes(code)), Err(Error::BadCloseCode), "{code}");
        }
    }
}
