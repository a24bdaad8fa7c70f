//! One side of a TLS connection without its socket: takes records and gives plaintext, and the reverse.

use std::fmt;
use std::io::{self, ErrorKind};

use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus};

use super::tls_records::Plaintext;
use crate::tls::{Tls, take_server_name};

/// The most bytes that a close_notify takes, behind the answer to a key update.
const MAX_ALERT_BYTES: usize = 256;

/// Where decrypted bytes go.
pub(super) struct Sink<'a> {
    buffer: &'a mut [u8],
    len: usize,
    /// What the buffer had no space for.
    rest: &'a mut Vec<u8>,
}

impl<'a> Sink<'a> {
    pub(super) fn new(buffer: &'a mut [u8], rest: &'a mut Vec<u8>) -> Self {
        Sink { buffer, len: 0, rest }
    }

    /// Bytes in the buffer.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether a record with this much ciphertext fits, whatever is in it. The first one always does.
    pub(super) fn takes(&self, record_bytes: usize) -> bool {
        self.len == 0 || (self.rest.is_empty() && self.buffer.len() - self.len >= record_bytes)
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let space = self.buffer.get_mut(self.len..).unwrap_or_default();
        let (first, rest) = bytes.split_at(bytes.len().min(space.len()));
        if let Some(space) = space.get_mut(..first.len()) {
            space.copy_from_slice(first);
        }
        self.len += first.len();
        self.rest.extend_from_slice(rest);
    }
}

/// The server's side of a TLS connection.
pub(super) struct Session {
    tls: UnbufferedServerConnection,
    /// The peer has sent close_notify: nothing that follows counts.
    has_ended: bool,
    /// Close_notify has been sent to the peer: what it still sends is of no interest, and is not decrypted.
    has_closed: bool,
    /// An error has ended it. It is of no more use.
    has_failed: bool,
    /// Records have advanced the handshake since [`has_stepped`](Self::has_stepped).
    stepped: bool,
    /// The name of the server that the peer asked for (SNI).
    server_name: Option<Box<str>>,
}

impl Session {
    /// None if rustls fails to make a connection.
    pub(super) fn new(tls: &Tls) -> Option<Self> {
        let tls = tls.connection()?;
        Some(Session {
            tls,
            has_ended: false,
            has_closed: false,
            has_failed: false,
            stepped: false,
            server_name: None,
        })
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Whether [`close`](Self::close) has been called.
    pub(super) fn has_closed(&self) -> bool {
        self.has_closed
    }

    /// Whether records since the last call have advanced the handshake, which costs cryptography.
    pub(super) fn has_stepped(&mut self) -> bool {
        std::mem::take(&mut self.stepped)
    }

    pub(super) fn take_server_name(&mut self) -> Option<Box<str>> {
        self.server_name.take()
    }

    /// Decrypts `input`: what the calls before have left of theirs, and the next record, or a part of it.
    /// Plaintext goes to `sink`; TLS's own answers (the handshake, alerts) are appended to `output`. Returns
    /// how many bytes of the input it has done with. The next call gets the others again: rustls keeps a
    /// handshake message that comes in pieces there.
    pub(super) fn open(
        &mut self,
        input: &mut [u8],
        sink: &mut Sink<'_>,
        output: &mut Vec<u8>,
    ) -> Result<usize, rustls::Error> {
        if self.has_closed {
            // rustls must not answer an error with an alert behind a close_notify.
            return Ok(input.len());
        }
        if !self.tls.is_handshaking() {
            return self.process(input, sink, output);
        }
        let before = output.len();
        let processed = self.process(input, sink, output);
        // The key exchange of TLS 1.2 has no answer by itself.
        let is_taken = processed.as_ref().is_ok_and(|used| *used > 0);
        self.stepped |= is_taken || output.len() > before;
        if let Some(name) = take_server_name() {
            self.server_name = Some(name);
        }
        processed
    }

    fn process(
        &mut self,
        input: &mut [u8],
        sink: &mut Sink<'_>,
        output: &mut Vec<u8>,
    ) -> Result<usize, rustls::Error> {
        let mut used = 0;
        loop {
            let rest = input.get_mut(used..).unwrap_or_default();
            let offered = rest.len();
            let UnbufferedStatus { mut discard, state } = self.tls.process_tls_records(rest);
            let is_over = match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(Ok(record)) = traffic.next_record() {
                        discard += record.discard;
                        sink.push(record.payload);
                    }
                    discard >= offered
                }
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, output),
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    false
                }
                Ok(ConnectionState::PeerClosed) => {
                    self.has_ended = true;
                    true
                }
                Ok(_) => true,
                Err(error) => {
                    self.has_failed = true;
                    self.take_alert(input.get_mut(used..).unwrap_or_default(), output);
                    return Err(error);
                }
            };
            used += discard;
            if is_over {
                return Ok(used);
            }
        }
    }

    /// Appends the alert that an error has caused. Nothing else waits, so rustls does not look at the input.
    fn take_alert(&mut self, input: &mut [u8], output: &mut Vec<u8>) {
        while self.tls.wants_write() {
            let Ok(ConnectionState::EncodeTlsData(data)) = self.tls.process_tls_records(input).state else {
                return;
            };
            encode(data, output);
        }
    }

    /// Encrypts at most `max` bytes of `plaintext` into `output`. Returns how many bytes of both. `kept` is
    /// what the calls of [`open`](Self::open) have left of their input.
    pub(super) fn seal(
        &mut self,
        kept: &mut [u8],
        plaintext: &mut Plaintext<'_>,
        max: usize,
        record: &mut Vec<u8>,
        output: &mut [u8],
    ) -> io::Result<(usize, usize)> {
        if self.has_failed {
            return Err(ErrorKind::InvalidData.into());
        }
        let Ok(ConnectionState::WriteTraffic(mut traffic)) = self.tls.process_tls_records(kept).state else {
            return Err(ErrorKind::BrokenPipe.into());
        };
        let (mut taken, mut len) = (0, 0);
        loop {
            let chunk = plaintext.take(max - taken, record);
            if chunk.is_empty() {
                return Ok((taken, len));
            }
            let space = output.get_mut(len..).unwrap_or_default();
            len += traffic.encrypt(chunk, space).map_err(|error| match error {
                EncryptError::InsufficientSize(_) => io::Error::from(ErrorKind::WriteZero),
                EncryptError::EncryptExhausted => ErrorKind::InvalidData.into(),
            })?;
            taken += chunk.len();
        }
    }

    /// Appends a close_notify to `output`, unless an alert has been sent.
    pub(super) fn close(&mut self, kept: &mut [u8], output: &mut Vec<u8>) {
        if self.has_failed {
            return;
        }
        self.has_closed = true;
        if let Ok(ConnectionState::WriteTraffic(mut traffic)) = self.tls.process_tls_records(kept).state {
            let mut alert = [0; MAX_ALERT_BYTES];
            let len = traffic.queue_close_notify(&mut alert).unwrap_or(0);
            output.extend_from_slice(alert.get(..len).unwrap_or_default());
        }
    }
}

/// Appends TLS's own output to `output`. Returns whether that failed.
fn encode(mut data: EncodeTlsData<'_, ServerConnectionData>, output: &mut Vec<u8>) -> bool {
    let len = output.len();
    if let Err(EncodeError::InsufficientSize(error)) = data.encode(&mut []) {
        output.resize(len + error.required_size, 0);
        return data.encode(output.get_mut(len..).unwrap_or_default()).is_err();
    }
    true
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("has_ended", &self.has_ended)
            .field("has_closed", &self.has_closed)
            .field("has_failed", &self.has_failed)
            .finish_non_exhaustive()
    }
}
