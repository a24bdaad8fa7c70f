//! TLS on a client's socket: ciphertext to and from the kernel, plaintext to and from the reactor.

use std::io::{self, ErrorKind, IoSlice, Read as _, Write as _};
use std::net::Shutdown;

use mio::net::TcpStream;
use rustls::ServerConnection;

use super::read::Read;
use super::tls_records::Records;
use super::unacknowledged::unacknowledged;
use crate::conn::MAX_SLICES;
use crate::reactor::budget::{TURN_BYTES, TURN_FRAMES};
use crate::tls::Tls;

/// The most bytes of ciphertext that may wait for the kernel before writes take no more plaintext. More
/// belongs in the outbox, whose limit is configured.
const WAITING_BYTES: usize = 64 * 1024;
/// The cost of a record beyond its plaintext, in bytes. A connection's share of a turn pays for as many
/// records as frames.
const RECORD_BYTES: usize = 512;
const _: () = assert!(RECORD_BYTES * TURN_FRAMES as usize == TURN_BYTES);
/// The number of records after which a read ends, so that the turn can look at the clock. The last system
/// call may bring more.
const READ_RECORDS: usize = 128;

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
/// socket is writable.
#[derive(Debug)]
pub(crate) struct TlsSocket {
    stream: TcpStream,
    tls: ServerConnection,
    mode: Mode,
    /// Ciphertext that came with the PROXY header.
    early: Vec<u8>,
    /// Bytes that the kernel has taken, TLS's own included.
    sent: u64,
    /// Bytes that the kernel has given, TLS's own included.
    received: u64,
    /// Both counts at the last [`take_traffic`](Self::take_traffic).
    told: (u64, u64),
    /// The client began with HTTP.
    is_http: bool,
    /// Counts incoming records.
    records: Records,
    /// The cost of records beyond their plaintext, in bytes, since [`take_overhead`](Self::take_overhead).
    overhead: usize,
    /// The sending side is shut down once everything has gone out.
    ends: bool,
    /// An error that occurred after plaintext; the next read returns it.
    failure: Option<io::Error>,
    /// A read has advanced the handshake since [`has_stepped`](Self::has_stepped).
    stepped: bool,
}

impl TlsSocket {
    /// Makes a socket on which TLS starts at once, or, `behind_proxy`, with [`begin_tls`](Self::begin_tls).
    /// None if rustls fails to make a connection.
    pub(crate) fn new(stream: TcpStream, tls: &Tls, behind_proxy: bool) -> Option<Self> {
        let mut tls = tls.connection()?;
        tls.set_buffer_limit(Some(WAITING_BYTES));
        let mode = if behind_proxy { Mode::Header } else { Mode::Fresh };
        let (early, sent) = (Vec::new(), 0);
        let records = Records::new();
        Some(TlsSocket {
            stream,
            tls,
            mode,
            early,
            sent,
            received: 0,
            told: (0, 0),
            is_http: false,
            records,
            overhead: 0,
            ends: false,
            failure: None,
            stepped: false,
        })
    }

    /// Starts TLS, now that the PROXY header is complete; the bytes in `early` came after it. False if no
    /// header was expected.
    pub(crate) fn begin_tls(&mut self, early: &[u8]) -> bool {
        if self.mode != Mode::Header {
            return false;
        }
        self.mode = Mode::Fresh;
        self.early = early.to_vec();
        true
    }

    /// Whether bytes pass unchanged.
    fn is_plain(&self) -> bool {
        matches!(self.mode, Mode::Header | Mode::Plain)
    }

    /// Whether the peer cannot read written bytes yet.
    pub(crate) fn is_handshaking(&self) -> bool {
        !self.is_plain() && self.tls.is_handshaking()
    }

    /// Whether reads since the last call have advanced the handshake, which costs cryptography.
    pub(crate) fn has_stepped(&mut self) -> bool {
        std::mem::take(&mut self.stepped)
    }

    /// The name of the server that the peer asked for in the handshake (SNI).
    pub(crate) fn server_name(&self) -> Option<&str> {
        self.tls.server_name()
    }

    /// Whether the handshake has not begun, or is not complete.
    pub(crate) fn answers_later(&self) -> bool {
        self.mode == Mode::Header || self.is_handshaking()
    }

    /// The extra cost of reads since the last call, beyond the bytes that they returned, in bytes.
    pub(crate) fn take_overhead(&mut self) -> usize {
        std::mem::take(&mut self.overhead)
    }

    /// Reads until the buffer is full, the kernel has no more, or it has taken as much ciphertext as the
    /// buffer holds or [`READ_RECORDS`] records. An end without close_notify is an error (RFC 8446 §6.1).
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        if self.mode == Mode::Fresh {
            self.begin()?;
            if self.mode == Mode::Plain {
                return Ok(Read::NotTls);
            }
        }
        if self.is_plain() {
            let read = self.stream.read(buffer);
            self.received += read.as_ref().map_or(0, |len| *len as u64);
            return Read::from_plain(read, buffer.len());
        }
        let (limit, mut plain, mut cipher) = (buffer.len(), 0, 0);
        let most = self.overhead + READ_RECORDS * RECORD_BYTES;
        loop {
            let rest = buffer.get_mut(plain..).unwrap_or_default();
            if rest.is_empty() || cipher >= limit || self.overhead >= most {
                return Ok(Read::Bytes(plain));
            }
            let result = match self.tls.reader().read(rest) {
                Ok(0) if plain == 0 => return Ok(Read::End),
                Ok(0) => return Ok(Read::Bytes(plain)),
                Ok(len) => {
                    plain += len;
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.receive(),
                Err(error) => Err(error),
            };
            match result {
                Ok(len) => cipher += len,
                Err(error) if plain == 0 && cipher == 0 => return Err(error),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Read::Last(plain)),
                Err(error) => {
                    self.failure = Some(error);
                    return Ok(Read::Bytes(plain));
                }
            }
        }
    }

    /// Tells TLS from HTTP by the first byte, without taking it. Every HTTP method begins with a letter, and
    /// no TLS record does (RFC 8446 §5.1).
    fn begin(&mut self) -> io::Result<()> {
        let mut first = [0];
        let len = match self.early.first() {
            Some(&byte) => {
                first = [byte];
                1
            }
            None => self.stream.peek(&mut first)?,
        };
        self.is_http = len > 0 && first[0].is_ascii_alphabetic();
        self.mode = if self.is_http { Mode::Plain } else { Mode::Tls };
        Ok(())
    }

    /// Takes the early bytes, or else the bytes of one read, and sends TLS's own answers: the handshake, key
    /// updates, alerts. Returns the number of bytes taken.
    fn receive(&mut self) -> io::Result<usize> {
        let len = if self.early.is_empty() {
            let len = self.tls.read_tls(&mut self.records.counting(&mut self.stream))?;
            self.received += len as u64;
            len
        } else {
            let len = self.tls.read_tls(&mut self.records.counting(&mut self.early.as_slice()))?;
            self.early.drain(..len.min(self.early.len()));
            len
        };
        self.overhead = self.overhead.saturating_add(self.records.take() as usize * RECORD_BYTES);
        let handshakes = self.tls.is_handshaking();
        let processed = self.tls.process_new_packets();
        self.stepped |= handshakes && (self.tls.wants_write() || !self.tls.is_handshaking());
        let flushed = self.flush();
        processed.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        flushed?;
        Ok(len)
    }

    /// Writes until everything is taken or the kernel takes no more. Returns the bytes of plaintext taken;
    /// ciphertext that the kernel did not take waits here.
    pub(crate) fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.is_plain() {
            let written = self.stream.write_vectored(slices)?;
            self.sent += written as u64;
            return Ok(written);
        }
        let offered = slices.iter().map(|slice| slice.len()).sum();
        if self.tls.is_handshaking() {
            return Ok(offered);
        }
        let mut copies = [IoSlice::new(&[]); MAX_SLICES];
        let mut rest = copies.get_mut(..slices.len()).unwrap_or_default();
        rest.iter_mut().zip(slices).for_each(|(copy, slice)| *copy = *slice);
        let mut written = 0;
        loop {
            self.flush()?;
            if written == offered || self.tls.wants_write() {
                break;
            }
            let len = self.tls.writer().write_vectored(rest)?;
            if len == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
            IoSlice::advance_slices(&mut rest, len);
            written += len;
        }
        if written == 0 && offered > 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(written) }
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
        self.sent
    }

    /// The bytes that have come and gone since the last call, ciphertext and TLS's own included.
    pub(crate) fn take_traffic(&mut self) -> (u64, u64) {
        let (received, sent) = std::mem::replace(&mut self.told, (self.received, self.sent));
        (self.received - received, self.sent - sent)
    }

    /// Whether TLS was to be spoken, and its handshake was never completed.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.tls.is_handshaking() && self.mode != Mode::Header && !self.is_http
    }

    /// Whether the kernel has everything that was written.
    pub(crate) fn has_flushed(&self) -> bool {
        self.is_plain() || !self.tls.wants_write()
    }

    /// Gives the kernel as many of the waiting bytes as it takes.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while !self.has_flushed() {
            match self.tls.write_tls(&mut self.stream) {
                Ok(written) => self.sent += written as u64,
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock => return Ok(()),
                    _ => return Err(error),
                },
            }
        }
        if std::mem::take(&mut self.ends) {
            self.stream.shutdown(Shutdown::Write)?;
        }
        Ok(())
    }

    /// Tells the peer that no more bytes follow, with close_notify first (RFC 8446 §6.1). Without a complete
    /// handshake there is no close_notify, and anything that the peer still sends is ignored.
    pub(crate) fn shutdown_write(&mut self) {
        if self.is_handshaking() {
            let _ = self.flush();
            self.mode = Mode::Plain;
        }
        if self.mode == Mode::Tls {
            self.tls.send_close_notify();
        }
        self.ends = true;
        // A failure means that the peer is gone already.
        let _ = self.flush();
    }
}
