//! What can go wrong for a client, and what it should do after the end of its connection.

use std::fmt;
use std::io;

use crate::cause::{Cause, Reconnect};
use crate::frame::{self, CloseCode};
use crate::packet::ErrorId;

/// Why a client gets no reply.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientError {
    /// The connection failed.
    Io(io::Error),
    /// Nothing came in time. The connection goes on.
    TimedOut,
    /// The server refused the upgrade: its status line, and the line that says why. Escape it before you show
    /// it.
    Upgrade(String),
    /// The peer is no WebSocket server, or what it sends is no packet.
    Protocol,
    /// The connection has ended.
    Ended(Ended),
    /// The server refused the request.
    Refused(ErrorId),
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The code of the server's Close frame; 1005 if it had none, 1006 if no such frame came (RFC 6455
    /// §7.4.1).
    pub code: u16,
    /// The reason in the server's words. Escape it before you show it.
    pub reason: String,
}

/// The code for a Close frame without one.
const NO_CODE: u16 = 1005;
/// The code for an end without a Close frame.
const NO_CLOSE: u16 = 1006;
impl Ended {
    /// An end with a Close frame; without a code it is 1005.
    pub(super) fn by(close: Option<frame::CloseFrame<'_>>) -> Self {
        match close {
            Some(close) => Ended { code: close.code.get(), reason: close.reason.to_owned() },
            None => Ended { code: NO_CODE, reason: String::new() },
        }
    }

    /// An end without a Close frame.
    pub(super) fn without_close() -> Self {
        Ended { code: NO_CLOSE, reason: String::new() }
    }

    /// The kind of cause on the server that the code stands for; `None` if it is no code of this library's
    /// servers. The code does not tell the cause's detail: this one is as in [`Cause::ALL`].
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        let code = CloseCode::new(self.code)?;
        if code.get() >= CloseCode::APPLICATION.get() {
            return Some(Cause::Application(code));
        }
        Cause::ALL.iter().copied().find(|cause| cause.close_code() == Some(code))
    }

    /// Whether a client should connect again: as the cause says, and *later* for any other code.
    #[must_use]
    pub fn advice(&self) -> Reconnect {
        self.cause().map_or(Reconnect::Later, Cause::reconnect)
    }

    /// The seconds that the server asks the client to wait, in a reason that ends in `retry=SECONDS`. It goes
    /// before the [advice](Self::advice). The client adds a random part of it.
    #[must_use]
    pub fn retry_seconds(&self) -> Option<u32> {
        let (_, word) = self.reason.rsplit_once(' ').unwrap_or(("", &self.reason));
        let digits = word.strip_prefix("retry=")?;
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| is_number)
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            NO_CLOSE => f.write_str("the server closed the connection without a Close frame"),
            NO_CODE => f.write_str("the server closed the connection without a code"),
            code => write!(f, "the server closed the connection with {code}"),
        }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::Io(error) => error.fmt(f),
            ClientError::TimedOut => f.write_str("the server does not answer"),
            ClientError::Upgrade(answer) => write!(f, "the server answered {answer:?}"),
            ClientError::Protocol => f.write_str("what the server sends is not understood"),
            ClientError::Ended(ended) => ended.fmt(f),
            ClientError::Refused(error_id) => write!(f, "the server refused it with ErrorID {error_id}"),
        }
    }
}

impl std::error::Error for ClientError {}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ClientError::TimedOut,
            // Without close_notify the end of a TLS connection is an error.
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                ClientError::Ended(Ended::without_close())
            }
            _ => ClientError::Io(error),
        }
    }
}
