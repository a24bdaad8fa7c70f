//! The result of one read of a socket, and whether it has drained the socket.

use std::io;

/// The result of one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// That many bytes, and more may follow without an event. With 0 the read did work that brought none, and
    /// that is enough for one turn.
    Bytes(usize),
    /// That many bytes, and an event comes before there are more. With 0, what came is part of a TLS record,
    /// or a record that is not for the connection.
    Last(usize),
    /// The peer will send no more.
    End,
    /// The peer speaks HTTP where TLS is spoken. From now on so does the socket.
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "only TLS sockets can tell"))]
    NotTls,
}

impl Read {
    /// The meaning of a plain read into a buffer of `offered` bytes. A short one has drained the socket.
    pub(super) fn from_plain(result: io::Result<usize>, offered: usize) -> io::Result<Self> {
        result.map(|len| match len {
            0 => Read::End,
            len if len < offered => Read::Last(len),
            len => Read::Bytes(len),
        })
    }

    /// The same for a Unix domain socket. There a read also ends behind bytes that came with a descriptor
    /// (unix(7)), even if more follow: only a read that brings nothing has drained the socket.
    pub(super) fn from_unix(len: usize) -> Self {
        if len == 0 { Read::End } else { Read::Bytes(len) }
    }
}
