//! The way out of a connection: frames that wait for the socket.

use std::io;

use sysconn::frame::{Header, Opcode, apply_mask, push_masked_frame};

use super::codec::Codec;
use super::random::Random;
use super::transport::Transport;

/// While so many bytes wait for the socket, no further request is written.
const MAX_WAITING_BYTES: usize = 64 * 1024;

/// A socket, and what it has not taken yet.
pub(super) struct Wire {
    pub(super) transport: Transport,
    out: Vec<u8>,
    /// How much of `out` was written.
    written: usize,
    /// The socket may take more. It takes nothing before it is connected.
    pub(super) is_writable: bool,
}

impl Wire {
    /// A connection whose first bytes are these.
    pub(super) fn new(transport: Transport, first: Vec<u8>) -> Self {
        Wire { transport, out: first, written: 0, is_writable: false }
    }

    /// Whether there is room for another request.
    pub(super) fn has_room(&self) -> bool {
        self.out.len() - self.written < MAX_WAITING_BYTES
    }

    /// Appends a control frame.
    pub(super) fn control(&mut self, opcode: Opcode, payload: &[u8], random: &mut Random) {
        push_masked_frame(&mut self.out, true, opcode, random.mask(), payload);
    }

    /// Appends a binary message, compressed if there is a codec.
    pub(super) fn message(&mut self, message: &[u8], codec: Option<&mut Codec>, random: &mut Random) {
        let key = random.mask();
        let Some(compressed) = codec.and_then(|codec| codec.compress(message)) else {
            push_masked_frame(&mut self.out, true, Opcode::Binary, key, message);
            return;
        };
        let header = Header {
            fin: true,
            rsv1: true,
            opcode: Opcode::Binary,
            mask: Some(key),
            payload_len: compressed.len() as u64,
        };
        self.out.extend_from_slice(&header.encode());
        let start = self.out.len();
        self.out.extend_from_slice(&compressed);
        apply_mask(self.out.get_mut(start..).unwrap_or_default(), key);
    }

    /// Writes until the socket is full.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if !self.is_writable {
            return Ok(());
        }
        self.transport.flush()?;
        while let Some(rest) = self.out.get(self.written..).filter(|rest| !rest.is_empty()) {
            match self.transport.write(rest) {
                Ok(written) => self.written += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.is_writable = false;
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        self.out.clear();
        self.written = 0;
        Ok(())
    }
}
