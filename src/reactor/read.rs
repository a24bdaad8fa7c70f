//! Reads a socket: the code that all readers share.
//!
//! Quiet connections share one read-ahead buffer, whose contents are handled later (`read_ahead.rs`). All
//! others are read by themselves: straight into an incomplete large message, or into the large buffer.

use std::io::{self, ErrorKind};

use super::entry::Entry;
use super::sys::read::Read;
use crate::conn::Settings;
use crate::log_limiter::LogLimiter;
use crate::moment::Moment;

/// The result of reading a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// This many bytes came. [`Entry::readable`] says whether more can follow without an event.
    Bytes(usize),
    /// Nothing can be read for now: the socket is drained, at its end, or has failed.
    Nothing,
    /// A signal interrupted the read: try again.
    Interrupted,
    /// The client speaks HTTP where TLS is required.
    NotTls,
}

/// Where a read put its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadInto {
    /// Straight into the message that they belong to.
    Message,
    Buffer,
}

impl Entry {
    /// Whether one short read is likely to bring everything that the client has sent, so that it can be read
    /// ahead.
    #[inline]
    pub(super) fn may_be_read_ahead(&self, settings: &Settings) -> bool {
        let has_output = !self.conn.outbox.is_empty() && self.writable;
        self.readable && !self.read_on && !has_output && self.conn.says_little(settings)
    }

    /// One read by itself.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> (io::Result<Read>, ReadInto) {
        match self.conn.receive_buffer() {
            Some(buffer) => (self.socket.read(buffer), ReadInto::Message),
            None => {
                let want = self.conn.read_size().min(buffer.len());
                (self.socket.read(buffer.get_mut(..want).unwrap_or_default()), ReadInto::Buffer)
            }
        }
    }

    /// Records what a read shows about the socket.
    #[inline(always)]
    pub(super) fn note_read(
        &mut self,
        read: io::Result<Read>,
        log: &mut LogLimiter,
        now: Moment,
    ) -> Received {
        // Most reads.
        if let Ok(Read::Last(len)) = read {
            // The end may have come with these bytes, and then no event announces it.
            self.readable = self.read_on;
            return Received::Bytes(len);
        }
        match read {
            Ok(Read::Bytes(len) | Read::Last(len)) => return Received::Bytes(len),
            Ok(Read::NotTls) => return Received::NotTls,
            Ok(Read::End) => self.conn.handle_end(now),
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => return Received::Interrupted,
                ErrorKind::WouldBlock => {}
                _ => self.fail(&error, log, now),
            },
        }
        self.readable = false;
        Received::Nothing
    }
}
