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

/// Ciphertext that waits for a socket, in bytes, before no more plaintext is taken: what is left to wait
/// belongs into the outbox, which has a limit that users know.
const WAITING_BYTES: usize = 64 * 1024;
/// What a record counts as beside its plaintext, in bytes: as many of them are a connection's share as of
/// frames.
const RECORD_BYTES: usize = 512;
const _: () = assert!(RECORD_BYTES * TURN_FRAMES as usize == TURN_BYTES);
/// Records after which a read ends, so that the turn can look at the clock. One may bring some more.
const READ_RECORDS: usize = 128;

/// Boxed, so that it makes no other socket larger.
pub(crate) type BoxedTls = Box<TlsSocket>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// A PROXY header comes first, in the clear.
    Header,
    /// Not a byte of TLS has come.
    Fresh,
    Tls,
    /// No TLS is spoken (any longer): bytes come and go as they are, and only to end the connection.
    Plain,
}

/// A TCP socket with TLS on it.
///
/// Nothing of what it is given to write before the handshake is complete goes out: there is nobody who
/// could read it. Ciphertext that the kernel did not take goes out with [`flush`](Self::flush), as soon
/// as the poll says that the socket is writable.
#[derive(Debug)]
pub(crate) struct TlsSocket {
    stream: TcpStream,
    tls: ServerConnection,
    mode: Mode,
    /// Ciphertext that came with the PROXY header.
    early: Vec<u8>,
    /// Bytes that the kernel has taken, TLS's own among them.
    sent: u64,
    /// What has come, and how much of it nobody has charged anyone for.
    records: Records,
    overhead: usize,
    /// The sending side is to be shut down once all has gone out.
    ends: bool,
    /// Found behind plaintext that was given out first.
    failure: Option<io::Error>,
    /// The last read took the handshake a step further.
    stepped: bool,
}

impl TlsSocket {
    /// A socket on which TLS is spoken at once, or once [`begin_tls`](Self::begin_tls) says that a
    /// PROXY header is over. None if the library has no connection to give.
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
            records,
            overhead: 0,
            ends: false,
            failure: None,
            stepped: false,
        })
    }

    /// The PROXY header is over, and these bytes came behind it. False if none was waited for.
    pub(crate) fn begin_tls(&mut self, early: &[u8]) -> bool {
        if self.mode != Mode::Header {
            return false;
        }
        self.mode = Mode::Fresh;
        self.early = early.to_vec();
        true
    }

    /// Whether bytes come and go as they are.
    fn is_plain(&self) -> bool {
        matches!(self.mode, Mode::Header | Mode::Plain)
    }

    /// Whether nothing that is written can be read by the peer yet.
    pub(crate) fn is_handshaking(&self) -> bool {
        !self.is_plain() && self.tls.is_handshaking()
    }

    /// Whether reads since the last call have taken the handshake a step further, which takes cryptography.
    pub(crate) fn has_stepped(&mut self) -> bool {
        std::mem::take(&mut self.stepped)
    }

    /// Whether a handshake is to come, or is not complete.
    pub(crate) fn answers_later(&self) -> bool {
        self.mode == Mode::Header || self.is_handshaking()
    }

    /// What reads since the last call have cost beside the bytes that they brought, as bytes.
    pub(crate) fn take_overhead(&mut self) -> usize {
        std::mem::take(&mut self.overhead)
    }

    /// Reads until the buffer is full, the kernel has no more, as much ciphertext as the buffer is
    /// long brought less plaintext than that, or it was many records. An end without close_notify is an error
    /// (RFC 8446 §6.1).
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
            return Read::from_plain(self.stream.read(buffer), buffer.len());
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

    /// Looks at the first byte, without taking it. Every method of HTTP begins with a letter, and no
    /// record of TLS does (RFC 8446 §5.1).
    fn begin(&mut self) -> io::Result<()> {
        let mut first = [0];
        let len = match self.early.first() {
            Some(&byte) => {
                first = [byte];
                1
            }
            None => self.stream.peek(&mut first)?,
        };
        self.mode = if len > 0 && first[0].is_ascii_alphabetic() { Mode::Plain } else { Mode::Tls };
        Ok(())
    }

    /// Takes what came early, or else what one read of the kernel brings, and sends what has to be answered
    /// without anybody's doing: the handshake, key updates, alerts.
    fn receive(&mut self) -> io::Result<usize> {
        let len = if self.early.is_empty() {
            self.tls.read_tls(&mut self.records.counting(&mut self.stream))?
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

    /// Writes until all is taken or the kernel takes no more. What the kernel did not take of the last
    /// bytes that were taken waits here.
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

    /// Bytes of ciphertext that the kernel has and the peer's system has not acknowledged. None where the
    /// system cannot tell.
    pub(crate) fn unacknowledged(&self) -> Option<u64> {
        unacknowledged(&self.stream)
    }

    /// Bytes that the kernel has taken, as they travel.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// Whether the kernel has taken all that was written.
    pub(crate) fn has_flushed(&self) -> bool {
        self.is_plain() || !self.tls.wants_write()
    }

    /// Gives the kernel what waits, as much as it takes.
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

    /// Tells the peer that nothing more comes: close_notify first (RFC 8446 §6.1), unless there was no
    /// handshake. Then what comes from the peer is of no use either.
    pub(crate) fn shutdown_write(&mut self) {
        if self.is_handshaking() {
            let _ = self.flush();
            self.mode = Mode::Plain;
        }
        if self.mode == Mode::Tls {
            self.tls.send_close_notify();
        }
        self.ends = true;
        // That the peer has gone already is no news worth having.
        let _ = self.flush();
    }
}
