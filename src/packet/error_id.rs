//! The 16-bit number in front of every packet to a client.

use std::fmt;

/// Why a request was refused; 0 in a reply or push. 1 to 99 are the gateway's own, the
/// application's begin at [`APPLICATION`](Self::APPLICATION).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ErrorId(pub u16);

impl ErrorId {
    /// Not a refusal.
    pub const NONE: ErrorId = ErrorId(0);
    /// No route has the command.
    pub const UNKNOWN_COMMAND: ErrorId = ErrorId(1);
    /// The packet's DataSize does not match its Data.
    pub const BAD_PACKET: ErrorId = ErrorId(2);
    /// The route is for logged-in roles.
    pub const NOT_LOGGED_IN: ErrorId = ErrorId(3);
    /// The route is not for this kind of client, or its target is not there.
    pub const NOT_ALLOWED: ErrorId = ErrorId(4);
    /// The client sends more packets than it may.
    pub const TOO_MANY_REQUESTS: ErrorId = ErrorId(5);
    /// The answer cannot be had now: the server drains, or what is behind it is down.
    pub const NOT_AVAILABLE: ErrorId = ErrorId(6);
    /// The login was refused.
    pub const LOGIN_REFUSED: ErrorId = ErrorId(7);
    /// The first number that is free for the application.
    pub const APPLICATION: ErrorId = ErrorId(100);
}

impl fmt::Display for ErrorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
