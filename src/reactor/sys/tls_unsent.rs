//! Ciphertext on its way out, for as long as the kernel has no space for it.

use std::io::{self, ErrorKind};

use mio::net::TcpStream;

use super::transfer::send;

/// Ciphertext that the kernel has not taken. It takes no memory while there is none.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    bytes: Vec<u8>,
    /// Bytes of it that the kernel has taken.
    taken: usize,
    /// Bytes that the kernel has taken in all.
    sent: u64,
}

impl Unsent {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes that the kernel has taken so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Counts bytes that the kernel has taken without TLS.
    pub(super) fn count(&mut self, written: usize) {
        self.sent += written as u64;
    }

    /// Where TLS appends its own output, to be [flushed](Self::flush).
    pub(super) fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Gives the kernel as much of what waits as it takes. Returns the number of bytes.
    #[inline]
    pub(super) fn flush(&mut self, stream: &TcpStream) -> io::Result<usize> {
        if self.bytes.is_empty() { Ok(0) } else { self.flush_some(stream) }
    }

    #[inline(never)]
    fn flush_some(&mut self, stream: &TcpStream) -> io::Result<usize> {
        let rest = self.bytes.get(self.taken..).unwrap_or_default();
        let written = write(stream, rest)?;
        self.sent += written as u64;
        self.taken += written;
        if self.taken >= self.bytes.len() {
            (self.bytes, self.taken) = (Vec::new(), 0);
        }
        Ok(written)
    }

    /// Gives the kernel `bytes`, and keeps what it does not take. Nothing else may wait.
    pub(super) fn send(&mut self, bytes: &[u8], stream: &TcpStream) -> io::Result<()> {
        let written = write(stream, bytes)?;
        self.sent += written as u64;
        if let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            self.bytes = rest.to_vec();
        }
        Ok(())
    }
}

/// Writes once. What is left out needs an event: the kernel has no space. Returns the number of bytes.
fn write(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match send(stream, bytes) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
            written => return written,
        }
    }
}
