//! Finds the end of a request head and enforces its limits, in one pass over bytes that arrive in any pieces.

use super::byte_classes::{TOKEN, VALUE, VISIBLE, is_in, is_token_byte, run};
use super::refusal::{Fault, Refusal};
use crate::config::{MAX_HEAD_BYTES, MAX_HEAD_LINES};

/// The end of a request line. RFC 6455 §4.2.1 asks for HTTP/1.1 or higher, but higher versions have another
/// syntax. `HTTP/1.0`, which proxies use for health checks, passes too.
const VERSION_AND_LINE_END: &[u8] = b"HTTP/1.1\r\n";
/// The first bytes of the two versions of the PROXY protocol (its §2.1 and §2.2), to recognize headers that
/// are not expected.
const PROXY_V1: &[u8] = b"PROXY ";
const PROXY_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The first byte of TLS: a record of type handshake (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 0x16;
/// The length of the version without the line end.
const VERSION_BYTES: u8 = 8;
/// The index at which HTTP/1.0 and HTTP/1.1 differ.
const OLD_VERSION_AT: u8 = 7;

const _: () = assert!(VERSION_AND_LINE_END.len() == VERSION_BYTES as usize + 2);
// Every connection that upgrades has one.
const _: () = assert!(size_of::<HeadScanner>() <= 24);
// A byte counts header lines.
const _: () = assert!(MAX_HEAD_LINES < u8::MAX as usize);

/// Finds the end of a request head, and refuses the first byte that cannot be part of one.
///
/// It keeps no bytes and reads each at most twice, so that a head costs much the same in any number of
/// pieces. It accepts only the strict form of RFC 9112 §2.1:
///
/// - at most one empty line before the request line (§2.2);
/// - a token, one space, visible ASCII, one space, `HTTP/1.1` or `HTTP/1.0` (§3);
/// - header lines of a token, a colon, and a value without control bytes other than HT (§5);
/// - no folded lines (§5.2); each line ends with CR LF, and there is no other CR or LF (§2.2);
/// - at most [`MAX_HEAD_BYTES`] bytes and [`MAX_HEAD_LINES`] header lines.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeadScanner {
    len: usize,
    lines: u8,
    state: State,
}

/// The part of the head that the last byte belongs to.
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
    /// Before the first byte.
    #[default]
    Start,
    /// The CR of the empty line that may precede a request.
    EmptyLine,
    /// The LF of that line: the method must follow.
    MethodStart,
    /// This many bytes of [`PROXY_V1`].
    ProxyV1(u8),
    /// This many bytes of [`PROXY_V2`].
    ProxyV2(u8),
    Method,
    /// The space after the method.
    TargetStart,
    Target,
    /// This many bytes of [`VERSION_AND_LINE_END`].
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
    /// A byte was refused; this state is final.
    Refused(Refusal),
}

impl HeadScanner {
    /// Scans the next bytes.
    ///
    /// Returns `Ok(Some(n))` if the head ends after the first `n` of *these* bytes, and `Ok(None)` if more
    /// are needed. Once the head has ended, every call returns `Ok(Some(0))`.
    ///
    /// # Errors
    /// [`Refusal::BadRequest`] at the first illegal byte; [`Refusal::HeadTooLarge`] as soon as the head is
    /// certain to exceed a limit. Every later call returns the first refusal.
    pub fn scan(&mut self, bytes: &[u8]) -> Result<Option<usize>, Refusal> {
        if self.state == State::Ended {
            return Ok(Some(0));
        }
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            self.scan_byte(byte);
            match self.state {
                State::Ended => return Ok(Some(bytes.len() - after.len())),
                State::Refused(_) => break,
                _ => {}
            }
            rest = self.skip(after);
        }
        match self.state {
            State::Refused(refusal) => Err(refusal),
            _ => Ok(None),
        }
    }

    /// Skips the bytes that most heads have after this state, all at once. Returns the bytes after them.
    fn skip<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        // The byte that makes the head too long is left to `scan_byte`.
        let max_len = MAX_HEAD_BYTES.saturating_sub(self.len).saturating_sub(1);
        let bounded = bytes.get(..max_len).unwrap_or(bytes);
        let passed = match self.state {
            State::Method | State::Name => run(bounded, TOKEN),
            State::Target => run(bounded, VISIBLE),
            State::Value => run(bounded, VALUE),
            State::Version(0) if bounded.starts_with(VERSION_AND_LINE_END) => {
                self.state = State::LineStart;
                VERSION_AND_LINE_END.len()
            }
            State::LineStart => self.skip_lines(bounded),
            _ => return bytes,
        };
        self.len = self.len.saturating_add(passed);
        bytes.get(passed..).unwrap_or_default()
    }

    /// Counts the whole header lines at the front, up to one with a fault. Returns their length.
    fn skip_lines(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while usize::from(self.lines) < MAX_HEAD_LINES
            && let Some(after) = after_line(rest)
        {
            self.lines = self.lines.saturating_add(1);
            rest = after;
        }
        bytes.len().saturating_sub(rest.len())
    }

    /// The number of bytes of the head so far, without an illegal byte. Once the head has ended, its length.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no bytes have been scanned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Scans one byte.
    fn scan_byte(&mut self, byte: u8) {
        let Some(next) = step(self.state, byte) else {
            self.state = State::Refused(refusal(self.state, byte));
            return;
        };
        let mut lines_fit = true;
        if self.state == State::LineStart && next == State::Name {
            self.lines = self.lines.saturating_add(1);
            lines_fit = usize::from(self.lines) <= MAX_HEAD_LINES;
        }
        self.state = next;
        self.len = self.len.saturating_add(1);
        // A head of the greatest length that has not ended will be too long.
        if !lines_fit || (self.len >= MAX_HEAD_BYTES && next != State::Ended) {
            self.state = State::Refused(Refusal::HeadTooLarge);
        }
    }
}

/// The bytes after the header line at the front. `None` if it is not whole, or has a fault.
fn after_line(bytes: &[u8]) -> Option<&[u8]> {
    let name = run(bytes, TOKEN);
    let value = bytes.get(name..)?.strip_prefix(b":").filter(|_| name > 0)?;
    value.get(run(value, VALUE)..)?.strip_prefix(b"\r\n")
}

/// The state after `byte`; `None` if the byte is illegal here, for the reason that [`refusal`] returns.
fn step(state: State, byte: u8) -> Option<State> {
    let next =
        match (state, byte) {
            (State::Method, b' ') => State::TargetStart,
            (State::Method, _) if is_token_byte(byte) => State::Method,

            (State::TargetStart | State::Target, _) if is_in(byte, VISIBLE) => State::Target,
            (State::Target, b' ') => State::Version(0),

            (State::Version(matched), _) if continues(VERSION_AND_LINE_END, matched, byte) => {
                if byte == b'\n' { State::LineStart } else { State::Version(matched.saturating_add(1)) }
            }
            (State::Version(OLD_VERSION_AT), b'0') => State::Version(VERSION_BYTES),

            (State::LineStart, b'\r') => State::LastLineFeed,
            (State::Name, b':') => State::Value,
            (State::LineStart | State::Name, _) if is_token_byte(byte) => State::Name,

            (State::Value, _) if is_in(byte, VALUE) => State::Value,
            (State::Value, b'\r') => State::LineFeed,

            (State::LineFeed, b'\n') => State::LineStart,
            (State::LastLineFeed, b'\n') | (State::Ended, _) => State::Ended,

            _ => return begin(state, byte),
        };
    Some(next)
}

/// [`step`] before the method, and while the bytes can still be a PROXY header.
#[cold]
fn begin(state: State, byte: u8) -> Option<State> {
    let next = match (state, byte) {
        (State::Start, b'\r') => State::EmptyLine,
        (State::EmptyLine, b'\n') => State::MethodStart,
        (State::Start, b'P') => State::ProxyV1(1),
        (State::MethodStart, b'\r') => State::ProxyV2(3),
        (State::ProxyV1(matched), _) if continues(PROXY_V1, matched, byte) => {
            return one_more(PROXY_V1, matched).map(State::ProxyV1);
        }
        (State::ProxyV2(matched), _) if continues(PROXY_V2, matched, byte) => {
            return one_more(PROXY_V2, matched).map(State::ProxyV2);
        }
        (State::ProxyV1(_), b' ') => State::TargetStart,
        (State::Start | State::MethodStart | State::ProxyV1(_), _) if is_token_byte(byte) => State::Method,
        _ => return None,
    };
    Some(next)
}

/// Whether `byte` follows the first `matched` bytes of `expected`.
fn continues(expected: &[u8], matched: u8, byte: u8) -> bool {
    expected.get(usize::from(matched)) == Some(&byte)
}

/// Counts one more byte of `unwanted`. `None` if it was the last.
fn one_more(unwanted: &[u8], matched: u8) -> Option<u8> {
    let matched = matched.saturating_add(1);
    (usize::from(matched) < unwanted.len()).then_some(matched)
}

/// Why `byte` is illegal after `state`.
#[cold]
fn refusal(state: State, byte: u8) -> Refusal {
    let fault = match (state, byte) {
        (State::Start, TLS_HANDSHAKE) => Fault::UnexpectedTls,
        (State::ProxyV1(matched), _) if continues(PROXY_V1, matched, byte) => Fault::UnexpectedProxyHeader,
        (State::ProxyV2(matched), _) if continues(PROXY_V2, matched, byte) => Fault::UnexpectedProxyHeader,
        (State::Start | State::EmptyLine | State::MethodStart | State::ProxyV2(_), _) => Fault::NotHttp,
        (State::ProxyV1(_) | State::Method, _) => Fault::RequestLine,
        (State::TargetStart | State::Target, b' ' | b'\r' | b'\n') => Fault::RequestLine,
        (State::TargetStart | State::Target, _) => Fault::TargetByte,
        (State::Version(matched), _) => version_fault(matched, byte),
        (State::LineStart, b' ' | b'\t') => Fault::FoldedLine,
        (State::LineStart | State::Name, _) => Fault::HeaderName,
        (State::Value, b'\n') => Fault::LineEnd,
        (State::Value, _) => Fault::HeaderValue,
        (State::LineFeed | State::LastLineFeed | State::Ended, _) => Fault::LineEnd,
        (State::Refused(refusal), _) => return refusal,
    };
    fault.into()
}

/// The fault of a version that differs after `matched` bytes.
fn version_fault(matched: u8, byte: u8) -> Fault {
    match (matched, byte) {
        (0, b'\r' | b'\n') => Fault::RequestLine,
        // It is not a version at all.
        (0, _) if byte != b'h' => Fault::Space,
        (0..VERSION_BYTES, _) => Fault::HttpVersion,
        (_, b' ' | b'\t') => Fault::RequestLine,
        (VERSION_BYTES, b'\n') => Fault::LineEnd,
        (VERSION_BYTES, _) => Fault::HttpVersion,
        _ => Fault::LineEnd,
    }
}
