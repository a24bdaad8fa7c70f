//! The result of one accept call, and which errors of `accept` concern only one client.

use std::io::{self, ErrorKind};

use super::socket::Socket;
use crate::record::Peer;

/// Errors of `accept` that [`ErrorKind`] has no name for: Linux's numbers.
#[cfg(not(target_os = "macos"))]
mod errno {
    pub(super) const ENFILE: i32 = 23;
    pub(super) const EMFILE: i32 = 24;
    pub(super) const ENONET: i32 = 64;
    pub(super) const EPROTO: i32 = 71;
    pub(super) const ENOPROTOOPT: i32 = 92;
    pub(super) const EOPNOTSUPP: i32 = 95;
    pub(super) const EHOSTDOWN: i32 = 112;
}

/// The same errors in macOS's numbers. It has no ENONET: it reports ENETDOWN instead.
#[cfg(target_os = "macos")]
mod errno {
    pub(super) const ENFILE: i32 = 23;
    pub(super) const EMFILE: i32 = 24;
    pub(super) const ENOPROTOOPT: i32 = 42;
    pub(super) const ENONET: i32 = 50;
    pub(super) const EHOSTDOWN: i32 = 64;
    pub(super) const EPROTO: i32 = 100;
    pub(super) const EOPNOTSUPP: i32 = 102;
}

/// The result of one attempt to accept.
pub(crate) enum Accepted {
    Client(Socket, Peer),
    /// No client waits.
    Nobody,
    /// The waiting client is gone already.
    Lost,
    /// No descriptor is free.
    Exhausted,
    Failed(io::Error),
}

impl From<io::Error> for Accepted {
    /// Sorts an error of `accept`. Network errors on the way to one client show up when it is accepted, and
    /// concern no other client (accept(2), "Error handling").
    fn from(error: io::Error) -> Self {
        match (error.kind(), error.raw_os_error()) {
            (ErrorKind::WouldBlock, _) => Accepted::Nobody,
            (ErrorKind::Interrupted | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset, _)
            | (ErrorKind::NetworkDown | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable, _)
            | (ErrorKind::TimedOut, _)
            | (_, Some(errno::EPROTO | errno::ENOPROTOOPT | errno::EOPNOTSUPP))
            | (_, Some(errno::EHOSTDOWN | errno::ENONET)) => Accepted::Lost,
            (_, Some(errno::EMFILE | errno::ENFILE)) => Accepted::Exhausted,
            _ => Accepted::Failed(error),
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn errors_of_accept_are_sorted() {
        use errno::{EHOSTDOWN, EMFILE, ENFILE, ENONET, ENOPROTOOPT, EOPNOTSUPP, EPROTO};
        const EPERM: i32 = 1;
        const EINTR: i32 = 4;
        const EAGAIN: i32 = 11;
        const ENOMEM: i32 = 12;
        const ENETDOWN: i32 = 100;
        const ENETUNREACH: i32 = 101;
        const ECONNABORTED: i32 = 103;
        const ENOBUFS: i32 = 105;
        const ETIMEDOUT: i32 = 110;
        const EHOSTUNREACH: i32 = 113;
        let of_one_client = [
            [EINTR, ECONNABORTED, EPROTO, ENETDOWN, ENETUNREACH],
            [ENOPROTOOPT, EOPNOTSUPP, EHOSTDOWN, ENONET, EHOSTUNREACH],
        ];
        let accepted = |error| Accepted::from(io::Error::from_raw_os_error(error));
        for error in of_one_client.concat() {
            assert!(matches!(accepted(error), Accepted::Lost), "{error}");
        }
        assert!(matches!(accepted(ETIMEDOUT), Accepted::Lost));
        assert!(matches!(accepted(EAGAIN), Accepted::Nobody));
        for error in [EMFILE, ENFILE] {
            assert!(matches!(accepted(error), Accepted::Exhausted), "{error}");
        }
        for error in [ENOBUFS, ENOMEM, EPERM] {
            assert!(matches!(accepted(error), Accepted::Failed(_)), "{error}");
        }
    }
}
