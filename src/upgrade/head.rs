//! Finds the end of a request head in one pass over its bytes, however they arrive.

use super::refusal::{Fault, Refusal};
use crate::config::{MAX_HEAD_BYTES, MAX_HEAD_LINES};

/// The end of a request line. RFC 6455 §4.2.1 asks for HTTP/1.1 or higher, but a higher version has another
/// syntax. `HTTP/1.0` passes too: it has the same one, and proxies check health by it.
const VERSION_AND_LINE_END: &[u8] = b"HTTP/1.1\r\n";
/// What the two versions of the PROXY protocol begin with (its §2.1 and §2.2), where none is expected.
const PROXY_V1: &[u8] = b"PROXY ";
const PROXY_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The first byte of TLS: a record of type handshake (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 0x16;
/// The length of the version alone.
const VERSION_BYTES: u8 = 8;
/// Where HTTP/1.0 and HTTP/1.1 differ.
const OLD_VERSION_AT: u8 = 7;

const _: () = assert!(VERSION_AND_LINE_END.len() == VERSION_BYTES as usize + 2);
// One scanner sits in every connection that is upgrading.
const _: () = assert!(size_of::<HeadScanner>() <= 24);
// Header lines are counted in a byte.
const _: () = assert!(MAX_HEAD_LINES < u8::MAX as usize);

/// Looks for the end of a request head, and refuses the first byte that cannot be part of one.
///
/// It keeps no bytes and never looks at one twice, so a head costs the same in one piece and in
/// thousands. What it lets pass has the form of RFC 9112 §2.1, strictly:
///
/// - at most one empty line before the request line (§2.2);
/// - a token, one space, visible ASCII, one space, `HTTP/1.1` or `HTTP/1.0` (§3);
/// - header lines of a token, a colon, and a value without control bytes other than HT (§5);
/// - no folded line (§5.2); each line ends with CR LF, and neither stands alone (§2.2);
/// - at most [`MAX_HEAD_BYTES`] bytes and [`MAX_HEAD_LINES`] header lines.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeadScanner {
    len: usize,
    lines: u8,
    state: State,
}

/// What the last byte was part of, and so what may come next.
///
/// ```text
/// Start ─▶ EmptyLine ─▶ MethodStart ─▶ Method ─▶ TargetStart ─▶ Target ─▶ Version
///   ├─▶ ProxyV1 ─▶ Method, if it is not PROXY                                │
///   └──────────────────────────────────▲                                     │
///                 Ended ◀─ LastLineFeed ◀─ LineStart ◀───────────────────────┘
///                                          ▲       └─▶ Name ─▶ Value ─┐
///                                          └──── LineFeed ◀───────────┘
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// No byte has come.
    #[default]
    Start,
    /// The CR of the empty line that may come before a request.
    EmptyLine,
    /// That line is complete: now the method, and no second one.
    MethodStart,
    /// So many bytes of [`PROXY_V1`].
    ProxyV1(u8),
    /// So many bytes of [`PROXY_V2`].
    ProxyV2(u8),
    Method,
    /// The space after the method.
    TargetStart,
    Target,
    /// So many bytes of [`VERSION_AND_LINE_END`].
    Version(u8),
    /// The LF of the request line or of a header line.
    LineStart,
    Name,
    Value,
    /// The CR of a header line.
    LineFeed,
    /// The CR of the empty line that ends the head.
    LastLineFeed,
    /// The head is complete.
    Ended,
    /// A byte was refused; no later byte changes that.
    Refused(Refusal),
}

impl HeadScanner {
    /// Looks at the bytes that have come since the last call.
    ///
    /// `Ok(Some(n))`: the head ends after the first `n` of *these* bytes. `Ok(None)`: all were looked
    /// at, and more must come. Once it has ended, the answer is `Ok(Some(0))`.
    ///
    /// # Errors
    /// [`Refusal::BadRequest`] at the first illegal byte, [`Refusal::HeadTooLarge`] as soon as the head
    /// is sure to pass a limit. The first refusal stays the answer to every later call.
    pub fn scan(&mut self, bytes: &[u8]) -> Result<Option<usize>, Refusal> {
        if self.state == State::Ended {
            return Ok(Some(0));
        }
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            self.look_at(byte);
            match self.state {
                State::Ended => return Ok(Some(bytes.len() - after.len())),
                State::Refused(_) => break,
                _ => {}
            }
            rest = self.pass_over(after);
        }
        match self.state {
            State::Refused(refusal) => Err(refusal),
            _ => Ok(None),
        }
    }

    /// Takes bytes off the front that change nothing but the length, which nearly all are.
    fn pass_over<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let stays = match self.state {
            State::Method | State::Name => TOKEN,
            State::Target => VISIBLE,
            State::Value => VALUE,
            _ => return bytes,
        };
        // The byte that makes the head too long is left to `look_at`.
        let room = MAX_HEAD_BYTES.saturating_sub(self.len).saturating_sub(1);
        let bounded = bytes.get(..room).unwrap_or(bytes);
        let passed = bounded.iter().position(|&byte| !is_in(byte, stays)).unwrap_or(bounded.len());
        self.len = self.len.saturating_add(passed);
        bytes.get(passed..).unwrap_or_default()
    }

    /// Bytes of head that were looked at so far: the length of the head once it has ended. An illegal
    /// byte is not counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no byte has been looked at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn look_at(&mut self, byte: u8) {
        let next = match step(self.state, byte) {
            Ok(next) => next,
            Err(refusal) => {
                self.state = State::Refused(refusal);
                return;
            }
        };
        if self.state == State::LineStart && next == State::Name {
            self.lines = self.lines.saturating_add(1);
        }
        self.state = next;
        self.len = self.len.saturating_add(1);
        // A full head that has not ended can only become too long: no need to wait for the next byte.
        if usize::from(self.lines) > MAX_HEAD_LINES || (self.len >= MAX_HEAD_BYTES && next != State::Ended) {
            self.state = State::Refused(Refusal::HeadTooLarge);
        }
    }
}

/// The state after `byte`, or why it may not come here.
fn step(state: State, byte: u8) -> Result<State, Refusal> {
    let next = match (state, byte) {
        (State::Start, b'\r') => State::EmptyLine,
        (State::EmptyLine, b'\n') => State::MethodStart,
        (State::MethodStart, b'\r') => State::ProxyV2(3),
        (State::ProxyV2(matched), _) => return step_proxy_v2(matched, byte),
        (State::Start, b'P') => State::ProxyV1(1),
        (State::ProxyV1(matched), _) if PROXY_V1.get(usize::from(matched)) == Some(&byte) => {
            if byte == b' ' {
                return Err(Fault::UnexpectedProxyHeader.into());
            }
            State::ProxyV1(matched.saturating_add(1))
        }
        (State::Start, TLS_HANDSHAKE) => return Err(Fault::UnexpectedTls.into()),
        (State::Start | State::MethodStart, _) if is_token_byte(byte) => State::Method,
        (State::Start | State::EmptyLine | State::MethodStart, _) => return Err(Fault::NotHttp.into()),

        (State::ProxyV1(_) | State::Method, b' ') => State::TargetStart,
        (State::ProxyV1(_) | State::Method, _) if is_token_byte(byte) => State::Method,
        (State::ProxyV1(_) | State::Method, _) => return Err(Fault::RequestLine.into()),

        (State::TargetStart | State::Target, _) if is_in(byte, VISIBLE) => State::Target,
        (State::Target, b' ') => State::Version(0),
        (State::TargetStart | State::Target, b' ' | b'\r' | b'\n') => return Err(Fault::RequestLine.into()),
        (State::TargetStart | State::Target, _) => return Err(Fault::TargetByte.into()),

        (State::Version(matched), _) => return step_version(matched, byte),

        (State::LineStart, b'\r') => State::LastLineFeed,
        (State::LineStart, b' ' | b'\t') => return Err(Fault::FoldedLine.into()),
        (State::Name, b':') => State::Value,
        (State::LineStart | State::Name, _) if is_token_byte(byte) => State::Name,
        (State::LineStart | State::Name, _) => return Err(Fault::HeaderName.into()),

        (State::Value, _) if is_in(byte, VALUE) => State::Value,
        (State::Value, b'\r') => State::LineFeed,
        (State::Value, b'\n') => return Err(Fault::LineEnd.into()),
        (State::Value, _) => return Err(Fault::HeaderValue.into()),

        (State::LineFeed, b'\n') => State::LineStart,
        (State::LastLineFeed, b'\n') => State::Ended,
        (State::LineFeed | State::LastLineFeed, _) => return Err(Fault::LineEnd.into()),

        (State::Ended, _) => State::Ended,
        (State::Refused(refusal), _) => return Err(refusal),
    };
    Ok(next)
}

fn step_version(matched: u8, byte: u8) -> Result<State, Refusal> {
    let is_1_0 = matched == OLD_VERSION_AT && byte == b'0';
    if VERSION_AND_LINE_END.get(usize::from(matched)) != Some(&byte) && !is_1_0 {
        return Err(version_fault(matched, byte).into());
    }
    if byte == b'\n' { Ok(State::LineStart) } else { Ok(State::Version(matched.saturating_add(1))) }
}

/// What is wrong with a version that differs behind so many bytes.
fn version_fault(matched: u8, byte: u8) -> Fault {
    match (matched, byte) {
        (0, b'\r' | b'\n') => Fault::RequestLine,
        // Whatever this is, it is no version.
        (0, _) if byte != b'h' => Fault::Space,
        (0..VERSION_BYTES, _) => Fault::HttpVersion,
        (_, b' ' | b'\t') => Fault::RequestLine,
        (VERSION_BYTES, b'\n') => Fault::LineEnd,
        (VERSION_BYTES, _) => Fault::HttpVersion,
        _ => Fault::LineEnd,
    }
}

/// The PROXY protocol's second version begins like the empty lines that may not come before a request.
fn step_proxy_v2(matched: u8, byte: u8) -> Result<State, Refusal> {
    if PROXY_V2.get(usize::from(matched)) != Some(&byte) {
        return Err(Fault::NotHttp.into());
    }
    let matched = matched.saturating_add(1);
    if usize::from(matched) == PROXY_V2.len() {
        return Err(Fault::UnexpectedProxyHeader.into());
    }
    Ok(State::ProxyV2(matched))
}

/// Classes of bytes, as bits: what may be part of a token (RFC 9110 §5.6.2) …
const TOKEN: u8 = 1;
/// … visible ASCII …
const VISIBLE: u8 = 2;
/// … and what may be part of a header's value: all but control bytes other than HT.
const VALUE: u8 = 4;

/// The classes that each byte is in.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < classes.len() {
        classes[byte] = match byte as u8 {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => TOKEN | VISIBLE | VALUE,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' => TOKEN | VISIBLE | VALUE,
            b'^' | b'_' | b'`' | b'|' | b'~' => TOKEN | VISIBLE | VALUE,
            0x21..=0x7e => VISIBLE | VALUE,
            b'\t' | b' ' | 0x80..=0xff => VALUE,
            0x00..=0x1f | 0x7f => 0,
        };
        byte += 1;
    }
    classes
};

/// Whether `byte` is in that class.
fn is_in(byte: u8, class: u8) -> bool {
    CLASSES[usize::from(byte)] & class != 0
}

/// Whether `byte` may be part of a token: a method, a header name, a subprotocol (RFC 9110 §5.6.2).
pub(crate) fn is_token_byte(byte: u8) -> bool {
    is_in(byte, TOKEN)
}
