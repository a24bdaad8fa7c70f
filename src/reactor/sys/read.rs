//! The result of one socket read, and whether it drained the socket.

use std::io;

/// The result of one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// This many bytes, and more may follow without an event. With 0, the read did work that brought no
    /// bytes, and this is enough for one turn.
    Bytes(usize),
    /// This many bytes, and an event will announce any more. With 0, only part of a TLS record came, or a
    /// record that is not for the connection.
    Last(usize),
    /// The peer will send no more.
    End,
    /// The peer speaks HTTP where TLS is required. From now on so does the socket.
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "only TLS sockets can tell"))]
    NotTls,
}

impl Read {
    /// Interprets a plain read into a buffer of `offered` bytes. A short one has drained the socket.
    #[inline(always)]
    pub(super) fn from_plain(result: io::Result<usize>, offered: usize) -> io::Result<Self> {
        match result {
            // Most reads.
            Ok(len @ 1..) if len < offered => Ok(Read::Last(len)),
            result => Read::from_full(result),
        }
    }

    /// Interprets a plain read that has filled its buffer, or brought nothing.
    #[cold]
    #[inline(never)]
    fn from_full(result: io::Result<usize>) -> io::Result<Self> {
        result.map(|len| if len == 0 { Read::End } else { Read::Bytes(len) })
    }

    /// Interprets a read from a Unix domain socket. There a read also ends after bytes that came with a
    /// descriptor (unix(7)), even if more follow: only a read that brings nothing has drained the socket.
    pub(super) fn from_unix(len: usize) -> Self {
        if len == 0 { Read::End } else { Read::Bytes(len) }
    }
}
