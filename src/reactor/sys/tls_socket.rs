//! TLS on a client's socket: ciphertext to and from the kernel, plaintext to and from the reactor.

use std::io::{self, ErrorKind, IoSlice, Write as _};
use std::net::Shutdown;

use mio::net::TcpStream;

use super::read::Read;
use super::tls_buffers::{Buffers, SEAL_BYTES, with_buffers};
use super::tls_input::{Opened, TlsInput};
use super::tls_records::Plaintext;
use super::tls_session::Session;
use super::tls_unsent::Unsent;
use super::transfer::{receive, send};
use super::unacknowledged::unacknowledged;
use crate::tls::Tls;

/// Boxed, so that it does not enlarge the other sockets.
pub(crate) type BoxedTls = Box<TlsSocket>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// A PROXY header comes first, in the clear.
    Header,
    /// No byte of TLS has come yet.
    Fresh,
    Tls,
    /// TLS is over, or was never used: bytes pass unchanged, and only to end the connection.
    Plain,
}

/// A TCP socket with TLS on it.
///
/// Bytes that are written before the handshake is complete are dropped, because the peer could not read them.
/// Ciphertext that the kernel did not take waits for [`flush`](Self::flush), once the poll says that the
/// socket is writable. A socket at rest holds no bytes.
#[derive(Debug)]
pub(crate) struct TlsSocket {
    stream: TcpStream,
    session: Session,
    mode: Mode,
    input: TlsInput,
    unsent: Unsent,
    /// Bytes that the kernel has given, TLS's own included.
    received: u64,
    /// The bytes that it had given and taken at the last [`take_traffic`](Self::take_traffic).
    told: (u64, u64),
    /// The client began with HTTP.
    is_http: bool,
    /// The sending side is shut down once everything has gone out.
    ends: bool,
    /// An error that occurred after plaintext; the next read returns it.
    failure: Option<io::Error>,
}

impl TlsSocket {
    /// Makes a socket on which TLS starts at once, or, `behind_proxy`, with [`begin_tls`](Self::begin_tls).
    /// None if rustls fails to make a connection.
    pub(crate) fn new(stream: TcpStream, tls: &Tls, behind_proxy: bool) -> Option<Self> {
        Some(TlsSocket {
            stream,
            session: Session::new(tls)?,
            mode: if behind_proxy { Mode::Header } else { Mode::Fresh },
            input: TlsInput::default(),
            unsent: Unsent::default(),
            received: 0,
            told: (0, 0),
            is_http: false,
            ends: false,
            failure: None,
        })
    }

    /// Starts TLS, now that the PROXY header is complete; the bytes in `early` came after it. False if no
    /// header was expected.
    pub(crate) fn begin_tls(&mut self, early: &[u8]) -> bool {
        if self.mode != Mode::Header {
            return false;
        }
        self.mode = Mode::Fresh;
        self.input.begin(early);
        true
    }

    /// Whether bytes pass unchanged.
    fn is_plain(&self) -> bool {
        matches!(self.mode, Mode::Header | Mode::Plain)
    }

    /// Whether the peer cannot read written bytes yet.
    pub(crate) fn is_handshaking(&self) -> bool {
        !self.is_plain() && self.session.is_handshaking()
    }

    /// Whether reads since the last call have advanced the handshake, which costs cryptography.
    pub(crate) fn has_stepped(&mut self) -> bool {
        self.session.has_stepped()
    }

    /// The name of the server that the peer asked for in the handshake (SNI). A second call returns none.
    pub(crate) fn take_server_name(&mut self) -> Option<Box<str>> {
        self.session.take_server_name()
    }

    /// Whether the handshake has not begun, or is not complete.
    pub(crate) fn answers_later(&self) -> bool {
        self.mode == Mode::Header || self.is_handshaking()
    }

    /// The extra cost of reads since the last call, beyond the bytes that they returned, in bytes.
    pub(crate) fn take_overhead(&mut self) -> usize {
        self.input.take_overhead()
    }

    /// Reads once from the kernel, into the buffer that all sockets share, and decrypts what came. If that is
    /// too much for one read, the next one goes on with it instead. An end without close_notify is an error
    /// (RFC 8446 §6.1).
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        if self.is_plain() {
            let read = receive(&self.stream, buffer);
            self.received += read.as_ref().map_or(0, |len| *len as u64);
            return Read::from_plain(read, buffer.len());
        }
        if self.input.is_ready() {
            if self.input.first().is_some_and(|first| self.is_not_tls(first)) {
                return Ok(Read::NotTls);
            }
            let opened = self.input.resume(&mut self.session, buffer, self.unsent.tail());
            // The kernel may have more.
            return self.end_read(opened, false);
        }
        if self.session.has_ended() {
            return Ok(Read::End);
        }
        with_buffers(|buffers| self.receive(buffer, &mut buffers.input))
    }

    /// Whether the peer speaks HTTP, by the first byte that has come. Every HTTP method begins with a letter,
    /// and no TLS record does (RFC 8446 §5.1).
    fn is_not_tls(&mut self, first: u8) -> bool {
        if self.mode == Mode::Fresh {
            self.is_http = first.is_ascii_alphabetic();
            self.mode = if self.is_http { Mode::Plain } else { Mode::Tls };
        }
        self.mode == Mode::Plain
    }

    /// One read from the kernel.
    fn receive(&mut self, buffer: &mut [u8], input: &mut [u8]) -> io::Result<Read> {
        let (before, space) = self.input.space(input, buffer.len()).ok_or(ErrorKind::InvalidData)?;
        let offered = space.len();
        let len = receive(&self.stream, space)?;
        if len == 0 && self.session.has_closed() {
            return Ok(Read::End);
        }
        if len == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.received += len as u64;
        let input = input.get_mut(..before + len).unwrap_or_default();
        if input.first().is_some_and(|first| self.is_not_tls(*first)) {
            return Ok(Read::NotTls);
        }
        let opened = self.input.receive(input, &mut self.session, buffer, self.unsent.tail());
        // A short read has drained the socket.
        self.end_read(opened, len < offered)
    }

    /// Sends TLS's own answers: the handshake, key updates, alerts.
    fn end_read(&mut self, opened: Opened, is_drained: bool) -> io::Result<Read> {
        let Opened { len, error } = opened;
        let flushed = self.flush();
        let failure = match error {
            Some(error) => Some(io::Error::new(ErrorKind::InvalidData, error)),
            None => flushed.err(),
        };
        match failure {
            Some(failure) if len == 0 => Err(failure),
            Some(failure) => {
                self.failure = Some(failure);
                Ok(Read::Bytes(len))
            }
            None if len == 0 && self.session.has_ended() => Ok(Read::End),
            None if is_drained && !self.input.is_ready() && !self.session.has_ended() => Ok(Read::Last(len)),
            None => Ok(Read::Bytes(len)),
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_plain() {
            let written = send(&self.stream, bytes)?;
            self.unsent.count(written);
            return Ok(written);
        }
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    /// Writes until everything is taken or the kernel takes no more. Returns the bytes of plaintext taken;
    /// ciphertext that the kernel did not take waits here.
    pub(crate) fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.is_plain() {
            let written = self.stream.write_vectored(slices)?;
            self.unsent.count(written);
            return Ok(written);
        }
        let offered = slices.iter().map(|slice| slice.len()).sum();
        if self.session.is_handshaking() {
            return Ok(offered);
        }
        let written = with_buffers(|buffers| self.write_records(slices, offered, buffers))?;
        if written == 0 && offered > 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(written) }
    }

    fn write_records(
        &mut self,
        slices: &[IoSlice<'_>],
        offered: usize,
        buffers: &mut Buffers,
    ) -> io::Result<usize> {
        let Buffers { record, output, .. } = buffers;
        let mut plaintext = Plaintext::new(slices);
        let mut written = 0;
        self.flush()?;
        while written < offered && self.unsent.is_empty() {
            let kept = self.input.kept();
            let (taken, len) = self.session.seal(kept, &mut plaintext, SEAL_BYTES, record, output)?;
            self.unsent.send(output.get(..len).unwrap_or_default(), &self.stream)?;
            written += taken;
        }
        Ok(written)
    }

    /// The socket below TLS, to be registered.
    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Bytes of ciphertext that the kernel holds and the peer's system has not acknowledged. None where the
    /// system cannot tell.
    pub(crate) fn unacknowledged(&self) -> Option<u64> {
        unacknowledged(&self.stream)
    }

    /// Bytes that the kernel has taken, ciphertext and TLS's own included.
    pub(crate) fn sent(&self) -> u64 {
        self.unsent.sent()
    }

    /// The bytes that have come and gone since the last call, ciphertext and TLS's own included.
    pub(crate) fn take_traffic(&mut self) -> (u64, u64) {
        let now = (self.received, self.sent());
        let (received, sent) = std::mem::replace(&mut self.told, now);
        (now.0 - received, now.1 - sent)
    }

    /// Whether TLS was to be spoken, and its handshake was never completed.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.session.is_handshaking() && self.mode != Mode::Header && !self.is_http
    }

    /// Whether the kernel has everything that was written.
    pub(crate) fn has_flushed(&self) -> bool {
        self.is_plain() || self.unsent.is_empty()
    }

    /// Gives the kernel as many of the waiting bytes as it takes. Returns their number.
    pub(crate) fn flush(&mut self) -> io::Result<usize> {
        let flushed = if self.is_plain() { 0 } else { self.unsent.flush(&self.stream)? };
        if self.ends && self.has_flushed() {
            self.ends = false;
            self.stream.shutdown(Shutdown::Write)?;
        }
        Ok(flushed)
    }

    /// Sends close_notify (RFC 8446 §6.1), unless the handshake is not complete.
    pub(crate) fn say_goodbye(&mut self) {
        if self.mode == Mode::Tls && !self.session.is_handshaking() {
            self.session.close(self.input.kept(), self.unsent.tail());
        }
        // A failure means that the peer is gone already.
        let _ = self.flush();
    }

    /// Tells the peer that no more bytes follow, with close_notify first. If the handshake is not complete,
    /// anything that the peer still sends is ignored.
    pub(crate) fn shutdown_write(&mut self) {
        self.ends = true;
        self.say_goodbye();
        if self.is_handshaking() {
            self.mode = Mode::Plain;
            let _ = self.flush();
        }
    }
}
