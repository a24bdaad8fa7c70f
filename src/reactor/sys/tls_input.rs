//! Ciphertext on its way in: divides it into records, decrypts them, and keeps what has to wait.

use super::tls_buffers::{MIN_RECEIVE_BYTES, RECEIVE_BYTES};
use super::tls_records::{self, HEADER_BYTES, Next};
use super::tls_session::{Session, Sink};
use crate::reactor::budget::{TURN_BYTES, TURN_FRAMES};

/// The cost of a record beyond its plaintext, in bytes. A connection's share of a turn pays for as many
/// records as frames.
const RECORD_BYTES: usize = 512;
const _: () = assert!(RECORD_BYTES * TURN_FRAMES as usize == TURN_BYTES);
/// The number of records after which a read ends, so that the turn can look at the clock.
const READ_RECORDS: usize = 128;

/// What one TLS socket keeps of its input. At rest it keeps nothing.
#[derive(Debug, Default)]
pub(super) struct TlsInput {
    /// Ciphertext that could not be decrypted yet: an incomplete record, records for which the last read had
    /// no time, or those that came with the PROXY header.
    pending: Vec<u8>,
    /// The beginning of it that rustls has seen, and needs again: an incomplete handshake message.
    kept: usize,
    /// Whole records may lie beyond that.
    has_records: bool,
    /// Plaintext for which the last reader's buffer had no space.
    plain: Vec<u8>,
    /// The cost of records beyond their plaintext, in bytes.
    overhead: usize,
}

/// The plaintext that records have brought, in bytes, and the error that came after it.
pub(super) struct Opened {
    pub(super) len: usize,
    pub(super) error: Option<rustls::Error>,
}

impl TlsInput {
    /// Begins with ciphertext that came with a PROXY header.
    pub(super) fn begin(&mut self, early: &[u8]) {
        self.pending = early.to_vec();
        self.has_records = !early.is_empty();
    }

    /// The first byte that waits.
    pub(super) fn first(&self) -> Option<u8> {
        self.pending.first().copied()
    }

    /// Whether a read can go on without the kernel.
    pub(super) fn is_ready(&self) -> bool {
        self.has_records || !self.plain.is_empty()
    }

    /// The ciphertext that rustls needs to see again in each call.
    pub(super) fn kept(&mut self) -> &mut [u8] {
        self.pending.get_mut(..self.kept).unwrap_or_default()
    }

    /// The extra cost of the records since the last call, beyond their plaintext, in bytes.
    pub(super) fn take_overhead(&mut self) -> usize {
        std::mem::take(&mut self.overhead)
    }

    /// Goes on without the kernel: with plaintext that an earlier read had no space for, or else with records
    /// that it left.
    #[cold]
    pub(super) fn resume(
        &mut self,
        session: &mut Session,
        buffer: &mut [u8],
        output: &mut Vec<u8>,
    ) -> Opened {
        if self.plain.is_empty() {
            let mut pending = std::mem::take(&mut self.pending);
            return self.open(&mut pending, session, buffer, output);
        }
        let plain = std::mem::take(&mut self.plain);
        let mut sink = Sink::new(buffer, &mut self.plain);
        sink.push(&plain);
        Opened { len: sink.len(), error: None }
    }

    /// The space for the next read of ciphertext, behind what is pending, and the bytes before it. A buffer
    /// for `plain_bytes` of plaintext needs no more. Fails if an unfinished handshake message fills it.
    pub(super) fn space<'a>(&self, input: &'a mut [u8], plain_bytes: usize) -> Option<(usize, &'a mut [u8])> {
        let before = self.pending.len();
        let wanted = plain_bytes.min(RECEIVE_BYTES.saturating_sub(before)).max(MIN_RECEIVE_BYTES);
        input.get_mut(before..before + wanted).map(|space| (before, space))
    }

    /// Decrypts `input`: space for what is pending, and behind it what has come.
    pub(super) fn receive(
        &mut self,
        input: &mut [u8],
        session: &mut Session,
        buffer: &mut [u8],
        output: &mut Vec<u8>,
    ) -> Opened {
        if let Some((before, received)) = input.split_at_mut_checked(self.pending.len())
            && !before.is_empty()
        {
            let unseen = self.pending.get(self.kept..).unwrap_or_default();
            if let Next::Missing(missing) = tls_records::next(unseen)
                && missing > received.len()
            {
                // Copied once, however small the pieces are in which a record comes.
                self.pending.extend_from_slice(received);
                return Opened { len: 0, error: None };
            }
            before.copy_from_slice(&self.pending);
            self.pending = Vec::new();
        }
        self.open(input, session, buffer, output)
    }

    /// Decrypts the records in `input`, which begins with what is kept, until one is incomplete or the read
    /// has to end. Keeps the rest.
    fn open(
        &mut self,
        input: &mut [u8],
        session: &mut Session,
        buffer: &mut [u8],
        output: &mut Vec<u8>,
    ) -> Opened {
        let mut sink = Sink::new(buffer, &mut self.plain);
        let (mut used, mut seen, mut records) = (0, self.kept, 0);
        let mut error = None;
        self.has_records = false;
        loop {
            let unseen = input.get(seen..).unwrap_or_default();
            let (end, is_whole) = match tls_records::next(unseen) {
                Next::Whole(len) => {
                    if records == READ_RECORDS || !sink.takes(len) {
                        self.has_records = true;
                        break;
                    }
                    records += 1;
                    (seen + len, true)
                }
                // rustls finds an impossible header at once.
                Next::Missing(_) if unseen.len() >= HEADER_BYTES => (input.len(), false),
                Next::Missing(_) => break,
            };
            match session.open(input.get_mut(used..end).unwrap_or_default(), &mut sink, output) {
                Ok(done) => used += done,
                Err(fault) => error = Some(fault),
            }
            if error.is_some() || session.has_ended() {
                // Nothing that follows counts.
                (used, seen) = (input.len(), input.len());
                break;
            }
            if !is_whole {
                break;
            }
            seen = end;
        }
        self.kept = seen.saturating_sub(used);
        self.overhead = self.overhead.saturating_add(records * RECORD_BYTES);
        let len = sink.len();
        if let Some(rest) = input.get(used..).filter(|rest| !rest.is_empty()) {
            self.pending = rest.to_vec();
        }
        Opened { len, error }
    }
}

#[cfg(test)]
mod tests;
