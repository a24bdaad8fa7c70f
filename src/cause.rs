//! Why a connection ended, and what its client is told.

use std::fmt;

use crate::frame::{self, CloseCode};
use crate::packet::Undecodable;
use crate::upgrade::Refusal;

/// Why a connection ended. Each has one close code and one advice to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The client sent a Close frame, with this code if it gave one.
    PeerClosed(Option<CloseCode>),
    /// The client ended its side without a Close frame.
    PeerGone,
    /// The socket failed: reset by the client or by the network. With TLS also: the client ended without
    /// close_notify, so that something may be missing (RFC 8446 §6.1), or it broke the rules of TLS.
    Reset,
    /// The upgrade was refused.
    Refused(Refusal),
    /// It was a health check, and was answered ([`Config::health_path`](crate::Config::health_path)).
    HealthCheck,
    /// The server drains.
    GoingAway,
    /// The client broke RFC 6455, or sent text, bad UTF-8 or a message that is too long.
    Protocol(frame::Error),
    /// A handler panicked.
    HandlerFailed,
    /// A message was shorter than a packet's header.
    ShortPacket,
    /// A packet's Data could not be decoded.
    Undecodable(Undecodable),
    /// One bad request too many.
    BadRequests,
    /// No packet since the last client check.
    Idle,
    /// Not logged in within the time for it.
    NeverLoggedIn,
    /// The player's object ended.
    ObjectEnded,
    /// The player's object crashed.
    ObjectCrashed,
    /// A newer connection logged in with the same role.
    Replaced,
    /// A packet did not fit the outbox.
    OutboxFull,
    /// A frame or message did not come in time.
    ReadTimedOut,
    /// An operator closed it.
    Operator,
    /// The application closed it with this code.
    Application(CloseCode),
    /// The reactor was dropped while the connection was open: nothing could be sent any more.
    Dropped,
}

/// What a client should do about the end of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reconnect {
    /// Connect again at once.
    Now,
    /// Connect again after a random wait that doubles with each failure.
    Later,
    /// Do not connect again by itself: the same would happen.
    Never,
}

impl Cause {
    /// The code in the Close frame that the client gets; none where no frame can be sent.
    #[must_use]
    pub fn close_code(self) -> Option<CloseCode> {
        match self {
            Cause::PeerClosed(code) => code,
            Cause::PeerGone | Cause::Reset | Cause::Refused(_) | Cause::HealthCheck | Cause::Dropped => None,
            Cause::GoingAway => Some(CloseCode::GOING_AWAY),
            Cause::Protocol(error) => Some(error.close_code()),
            Cause::HandlerFailed => Some(CloseCode::HANDLER_FAILED),
            Cause::ShortPacket => Some(CloseCode::SHORT_PACKET),
            Cause::Undecodable(_) => Some(CloseCode::UNDECODABLE),
            Cause::BadRequests => Some(CloseCode::BAD_REQUESTS),
            Cause::Idle => Some(CloseCode::IDLE),
            Cause::NeverLoggedIn => Some(CloseCode::NEVER_LOGGED_IN),
            Cause::ObjectEnded => Some(CloseCode::OBJECT_ENDED),
            Cause::ObjectCrashed => Some(CloseCode::OBJECT_CRASHED),
            Cause::Replaced => Some(CloseCode::REPLACED),
            Cause::OutboxFull => Some(CloseCode::OUTBOX_FULL),
            Cause::ReadTimedOut => Some(CloseCode::READ_TIMED_OUT),
            Cause::Operator => Some(CloseCode::OPERATOR),
            Cause::Application(code) => Some(code),
        }
    }

    /// What the client should do.
    #[must_use]
    pub fn reconnect(self) -> Reconnect {
        match self {
            Cause::PeerGone | Cause::Reset | Cause::ReadTimedOut | Cause::Idle => Reconnect::Now,
            Cause::GoingAway
            | Cause::HandlerFailed
            | Cause::ObjectEnded
            | Cause::ObjectCrashed
            | Cause::OutboxFull
            | Cause::Application(_)
            | Cause::Dropped => Reconnect::Later,
            Cause::Refused(refusal) => match refusal.status() {
                408 | 429 | 500.. => Reconnect::Later,
                _ => Reconnect::Never,
            },
            Cause::PeerClosed(_)
            | Cause::HealthCheck
            | Cause::Protocol(_)
            | Cause::ShortPacket
            | Cause::Undecodable(_)
            | Cause::BadRequests
            | Cause::NeverLoggedIn
            | Cause::Replaced
            | Cause::Operator => Reconnect::Never,
        }
    }

    /// The reason in the Close frame.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Cause::PeerClosed(_) | Cause::Application(_) => "",
            Cause::PeerGone => "the client is gone",
            Cause::Reset => "the connection was reset",
            Cause::Refused(_) => "the upgrade was refused",
            Cause::HealthCheck => "health check",
            Cause::GoingAway => "going away",
            Cause::Protocol(error) => error.text(),
            Cause::HandlerFailed => "handler failed",
            Cause::ShortPacket => "short packet",
            Cause::Undecodable(_) => "undecodable data",
            Cause::BadRequests => "too many bad requests",
            Cause::Idle => "idle",
            Cause::NeverLoggedIn => "never logged in",
            Cause::ObjectEnded => "object ended",
            Cause::ObjectCrashed => "object crashed",
            Cause::Replaced => "replaced by a newer login",
            Cause::OutboxFull => "outbox full",
            Cause::ReadTimedOut => "read timed out",
            Cause::Operator => "closed by an operator",
            Cause::Dropped => "the server ended",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::PeerClosed(Some(code)) => write!(f, "closed by the client with {code}"),
            Cause::PeerClosed(None) => f.write_str("closed by the client"),
            Cause::Refused(refusal) => write!(f, "upgrade refused with {}", refusal.status()),
            Cause::Application(code) => write!(f, "closed by the application with {code}"),
            // What the client is not told: the limit that the operator has set.
            Cause::Idle => f.write_str("idle: no packet came (client-check)"),
            Cause::NeverLoggedIn => f.write_str("never logged in (account-check)"),
            Cause::OutboxFull => f.write_str("a packet did not fit the outbox (outbox-limit)"),
            Cause::ReadTimedOut => f.write_str("a frame or message did not come in time (read-timeout)"),
            Cause::Protocol(frame::Error::TooBig) => write!(f, "{} (max-len)", self.reason()),
            Cause::Undecodable(what) => write!(f, "{}: {what:?}", self.reason()),
            other => f.write_str(other.reason()),
        }
    }
}
