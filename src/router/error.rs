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
    /// It would not fit even an empty outbox ([`outbox_limit`](crate::config::Output::outbox_limit)), so it
    /// can never be sent. It was dropped, counted and logged; the connection goes on.
    TooLarge {
        /// Its size, headers included. Where it would be compressed, its greatest possible size.
        bytes: usize,
    },
    /// No [cipher](crate::packet::Cipher) is installed.
    NoCipher,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::OutboxFull => f.write_str("the packet does not fit the outbox"),
            SendError::TooLarge { bytes } => {
                write!(f, "a packet of {bytes} bytes can never fit the outbox (outbox-limit)")
            }
            SendError::NoCipher => f.write_str("no cipher is installed"),
        }
    }
}

impl std::error::Error for SendError {}

/// Why a connection was not logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginError {
    /// The login's `role_id` is 0, which is no role.
    NoRole,
    /// Another login of this connection is under way: its [`LoginTicket`](crate::LoginTicket) is open.
    UnderWay,
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LoginError::NoRole => "role_id 0 is no role",
            LoginError::UnderWay => "another login of this connection is under way",
        })
    }
}

impl std::error::Error for LoginError {}
