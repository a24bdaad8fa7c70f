//! Why a connection ended, and what the client is told of each cause.

use std::fmt;

use crate::frame::{self, CloseCode};
use crate::packet::Undecodable;
use crate::upgrade::Refusal;

/// Why a connection ended. Each cause has a close code, a reason text, and advice about reconnecting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The client sent a Close frame, with this code if it had one.
    PeerClosed(Option<CloseCode>),
    /// The client ended its side of the connection without a Close frame.
    PeerGone,
    /// The client or the network reset the connection. With TLS also: the client ended it without
    /// close_notify, so that data may be missing (RFC 8446 §6.1), or violated TLS.
    Reset,
    /// The upgrade was refused.
    Refused(Refusal),
    /// The connection was a health check, which was answered
    /// ([`Upgrades::health_path`](crate::config::Upgrades::health_path)).
    HealthCheck,
    /// The server drains.
    GoingAway,
    /// The client violated RFC 6455, or sent a message that is too long or of a kind that is not accepted.
    Protocol(frame::Error),
    /// A handler panicked.
    HandlerFailed,
    /// The client sent a message that is shorter than a packet's header.
    ShortPacket,
    /// The Data of a packet could not be decoded.
    Undecodable(Undecodable),
    /// The client made more than [`MAX_BAD_REQUESTS`](crate::config::MAX_BAD_REQUESTS) bad requests.
    BadRequests,
    /// No packet came for the time of the [client check](crate::config::Timers::client_check).
    Idle,
    /// The client did not log in within the time of the [account
    /// check](crate::config::Timers::account_check).
    NeverLoggedIn,
    /// The object that was [linked](crate::Context::link) to the connection was dropped.
    ObjectEnded,
    /// The object that was [linked](crate::Context::link) to the connection was dropped in a panic.
    ObjectCrashed,
    /// A newer connection logged in with the same role.
    Replaced,
    /// A packet did not fit the outbox.
    OutboxFull,
    /// No frame began, or no message ended, within the [read timeout](crate::config::Timers::read).
    ReadTimedOut,
    /// An operator closed the connection.
    Operator,
    /// The application closed the connection with this code.
    Application(CloseCode),
    /// The reactor was dropped while the connection was open; nothing more could be sent.
    Dropped,
}

/// Whether a client should reconnect after the end of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reconnect {
    /// It should connect again at once.
    Now,
    /// It should connect again after a random delay, which doubles with each failure.
    Later,
    /// It should not connect again by itself: the same would happen.
    Never,
}

impl Cause {
    /// A cause of each kind, in the order of the table in docs/protocol.md. [`Cause::Protocol`] is there once
    /// for each of its close codes; what other kinds hold is an example. Each has a [label](Self::label) of
    /// its own.
    pub const ALL: &'static [Cause] = &[
        Cause::PeerClosed(Some(CloseCode::NORMAL)),
        Cause::PeerGone,
        Cause::Reset,
        Cause::Refused(Refusal::NotFound),
        Cause::HealthCheck,
        Cause::GoingAway,
        Cause::Protocol(frame::Error::UnmaskedFrame),
        Cause::Protocol(frame::Error::Text),
        Cause::Protocol(frame::Error::BadUtf8),
        Cause::Protocol(frame::Error::TooBig),
        Cause::HandlerFailed,
        Cause::ShortPacket,
        Cause::Undecodable(Undecodable::Zlib),
        Cause::BadRequests,
        Cause::Idle,
        Cause::NeverLoggedIn,
        Cause::ObjectEnded,
        Cause::ObjectCrashed,
        Cause::Replaced,
        Cause::OutboxFull,
        Cause::ReadTimedOut,
        Cause::Operator,
        Cause::Application(CloseCode::APPLICATION),
        Cause::Dropped,
    ];

    /// The name of the kind of cause in metrics: lower-case letters and digits, with `_` between words. It
    /// stays the same from version to version.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Cause::PeerClosed(_) => "peer_closed",
            Cause::PeerGone => "peer_gone",
            Cause::Reset => "reset",
            Cause::Refused(_) => "refused",
            Cause::HealthCheck => "health_check",
            Cause::GoingAway => "going_away",
            Cause::Protocol(error) => match error.close_code() {
                CloseCode::NOT_BINARY => "not_binary",
                CloseCode::BAD_UTF8 => "bad_utf8",
                CloseCode::TOO_BIG => "too_big",
                _ => "protocol",
            },
            Cause::HandlerFailed => "handler_failed",
            Cause::ShortPacket => "short_packet",
            Cause::Undecodable(_) => "undecodable",
            Cause::BadRequests => "bad_requests",
            Cause::Idle => "idle",
            Cause::NeverLoggedIn => "never_logged_in",
            Cause::ObjectEnded => "object_ended",
            Cause::ObjectCrashed => "object_crashed",
            Cause::Replaced => "replaced",
            Cause::OutboxFull => "outbox_full",
            Cause::ReadTimedOut => "read_timed_out",
            Cause::Operator => "operator",
            Cause::Application(_) => "application",
            Cause::Dropped => "dropped",
        }
    }

    /// The code of the Close frame that the client gets; `None` if it gets no such frame.
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

    /// Whether the client should reconnect.
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

    /// The reason in the Close frame that the client gets. A drain with a [rate](crate::config::Drain::rate)
    /// adds when to come back.
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

impl fmt::Display for Reconnect {
    /// `now`, `later` or `never`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reconnect::Now => "now",
            Reconnect::Later => "later",
            Reconnect::Never => "never",
        })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::PeerClosed(Some(code)) => write!(f, "closed by the client with {code}"),
            Cause::PeerClosed(None) => f.write_str("closed by the client"),
            Cause::Refused(refusal) => write!(f, "upgrade refused with {}", refusal.status()),
            Cause::Application(code) => write!(f, "closed by the application with {code}"),
            // The log also names the option; the client is not told that.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_label_of_its_own() {
        let mut labels: Vec<_> = Cause::ALL.iter().map(|cause| cause.label()).collect();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), Cause::ALL.len());
        for label in labels {
            assert!(
                label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'),
                "{label}"
            );
        }
        for cause in crate::recording::codes::every_cause() {
            assert!(Cause::ALL.iter().any(|kind| kind.label() == cause.label()), "{cause:?}");
        }
    }
}
