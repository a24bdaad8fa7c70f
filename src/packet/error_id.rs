//! ErrorIDs: the reasons for which requests are refused.

use std::fmt;

/// The ErrorID of a packet to the client: why a request is refused, or 0.
///
/// 1 to 99 belong to this library; the application's ErrorIDs begin at [`APPLICATION`](Self::APPLICATION).
///
/// Errors of calls that handlers make, such as [`SubscribeError`](crate::SubscribeError), convert into it, so
/// that `?` refuses the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ErrorId(pub u16);

impl ErrorId {
    /// Not a refusal: the packet is a reply or push.
    pub const NONE: ErrorId = ErrorId(0);
    /// No route has the command.
    pub const UNKNOWN_COMMAND: ErrorId = ErrorId(1);
    /// The DataSize of the packet differs from the length of its Data.
    pub const BAD_PACKET: ErrorId = ErrorId(2);
    /// The route is for clients that are logged in.
    pub const NOT_LOGGED_IN: ErrorId = ErrorId(3);
    /// The route is not for this kind of client, or the target of the request does not exist.
    pub const NOT_ALLOWED: ErrorId = ErrorId(4);
    /// The client exceeds its rate of packets.
    pub const TOO_MANY_REQUESTS: ErrorId = ErrorId(5);
    /// The request cannot be answered now: the server drains, or a service that it needs is down.
    pub const NOT_AVAILABLE: ErrorId = ErrorId(6);
    /// The login was refused.
    pub const LOGIN_REFUSED: ErrorId = ErrorId(7);
    /// The first ErrorID that belongs to the application.
    pub const APPLICATION: ErrorId = ErrorId(100);
}

impl fmt::Display for ErrorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
