//! The codes of Close frames (RFC 6455 §7.4): which may be sent, and what each of this server's means.

use std::fmt;

/// The code of a Close frame: why the connection closes (RFC 6455 §7.4).
///
/// Holds only codes that may be sent: 1000 to 1003, 1007 to 1014, and 3000 to 4999 (RFC 6455 and the
/// IANA registry). Codes from 4100 on belong to the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// Normal closure: the connection has served its purpose.
    pub const NORMAL: CloseCode = CloseCode(1000);
    /// The server shuts down.
    pub const GOING_AWAY: CloseCode = CloseCode(1001);
    /// The peer violated the protocol.
    pub const PROTOCOL_ERROR: CloseCode = CloseCode(1002);
    /// The client sent text where only binary messages are accepted.
    pub const NOT_BINARY: CloseCode = CloseCode(1003);
    /// The client sent text that is not UTF-8.
    pub const BAD_UTF8: CloseCode = CloseCode(1007);
    /// The message is too long or has too many fragments.
    pub const TOO_BIG: CloseCode = CloseCode(1009);
    /// A handler panicked.
    pub const HANDLER_FAILED: CloseCode = CloseCode(1011);
    /// The message is shorter than a packet's header.
    pub const SHORT_PACKET: CloseCode = CloseCode(4000);
    /// The Data of a packet cannot be decoded.
    pub const UNDECODABLE: CloseCode = CloseCode(4001);
    /// The connection made more than [`MAX_BAD_REQUESTS`](crate::config::MAX_BAD_REQUESTS) bad requests.
    pub const BAD_REQUESTS: CloseCode = CloseCode(4002);
    /// No packet came for the time of the [client check](crate::config::Timers::client_check).
    pub const IDLE: CloseCode = CloseCode(4003);
    /// The client did not log in within the time of the [account
    /// check](crate::config::Timers::account_check).
    pub const NEVER_LOGGED_IN: CloseCode = CloseCode(4004);
    /// The object that was [linked](crate::Context::link) to the connection was dropped.
    pub const OBJECT_ENDED: CloseCode = CloseCode(4005);
    /// The object that was [linked](crate::Context::link) to the connection was dropped in a panic.
    pub const OBJECT_CRASHED: CloseCode = CloseCode(4006);
    /// A newer connection logged in with the same role.
    pub const REPLACED: CloseCode = CloseCode(4007);
    /// The client reads too slowly: a packet did not fit its outbox.
    pub const OUTBOX_FULL: CloseCode = CloseCode(4008);
    /// No frame began, or no message ended, within the [read timeout](crate::config::Timers::read).
    pub const READ_TIMED_OUT: CloseCode = CloseCode(4009);
    /// An operator closed the connection.
    pub const OPERATOR: CloseCode = CloseCode(4010);
    /// The first of the codes that belong to the application.
    pub const APPLICATION: CloseCode = CloseCode(4100);

    /// The code with this number; `None` if it must not be sent in a Close frame.
    #[must_use]
    pub const fn new(code: u16) -> Option<CloseCode> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(CloseCode(code)),
            _ => None,
        }
    }

    /// The number of the code.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_that_may_be_sent_are_accepted() {
        for code in 0..=u16::MAX {
            let may = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            assert_eq!(CloseCode::new(code).map(CloseCode::get), may.then_some(code));
        }
        assert_eq!(CloseCode::OPERATOR.to_string(), "4010");
    }

    #[test]
    fn named_codes_have_the_numbers_of_the_contract() {
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
}
