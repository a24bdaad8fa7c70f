//! Reads a socket once, for all steps that read one.
//!
//! Input of quiet connections is read ahead, into one shared buffer, and handled later (`read_ahead.rs`). All
//! others are read by themselves: straight into a large message that is on its way, or into the large buffer.

use std::io::{self, ErrorKind};

use super::entry::Entry;
use super::sys::read::Read;
use crate::conn::Settings;
use crate::log_limiter::LogLimiter;
use crate::moment::Moment;

/// What became of a connection that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// So many bytes came. Whether more can follow without an event is in [`Entry::readable`].
    Bytes(usize),
    /// Nothing comes for now: the socket is drained, at its end, or has failed.
    Nothing,
    /// A signal interrupted the read: try again.
    Interrupted,
    /// The client speaks HTTP where TLS is spoken.
    NotTls,
}

/// Where a read has put its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadInto {
    /// Straight into the message that they belong to.
    Message,
    Buffer,
}

impl Entry {
    /// Whether one short read is likely to bring all of the client's input, so that it can be read ahead.
    #[inline]
    pub(super) fn may_be_read_ahead(&self, settings: &Settings) -> bool {
        let has_output = self.writable && !self.conn.outbox.is_empty();
        self.readable
            && !self.read_on
            && !has_output
            && self.socket.is_plain()
            && self.conn.says_little(settings)
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

    /// Notes what a read shows about the socket.
    #[inline(always)]
    pub(super) fn note_read(
        &mut self,
        read: io::Result<Read>,
        log: &mut LogLimiter,
        now: Moment,
    ) -> Received {
        match read {
            Ok(Read::Bytes(len)) => return Received::Bytes(len),
            Ok(Read::Last(len)) => {
                // The end may have come with these bytes, and then has no event of its own.
                self.readable = self.read_on;
                return Received::Bytes(len);
            }
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
