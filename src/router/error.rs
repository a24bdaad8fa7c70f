//! The errors of calls on a context.

use std::fmt;

/// Why a packet was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// It does not fit the connection's outbox; [`Record::error_send`](crate::Record::error_send) counts it.
    /// Depending on [`Output::overflow`](crate::config::Output::overflow) it was dropped, or the connection
    /// will close with 4008.
    OutboxFull,
    /// No [cipher](crate::packet::Cipher) is installed.
    NoCipher,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendError::OutboxFull => "the packet does not fit the outbox",
            SendError::NoCipher => "no cipher is installed",
        })
    }
}

impl std::error::Error for SendError {}

/// The error of a login with `role_id` 0, which is not a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRole;

impl fmt::Display for NoRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("role_id 0 is no role")
    }
}

impl std::error::Error for NoRole {}
