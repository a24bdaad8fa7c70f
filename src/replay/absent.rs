//! Bytes that a recording does not hold: what replaces them, and how many of them a file can claim.

use std::sync::OnceLock;

use crate::recording::excess::{Excess, MAX_FRAME_BYTES};

/// Bytes that the messages of any file may inflate to, and more for each byte of the file. A message inflates
/// to up to 1032 times its length; few are compressed twice.
const INFLATED_BYTES: u64 = 128 * 1024 * 1024;
const INFLATED_BYTES_PER_BYTE: u64 = 2048;
/// Bytes that a connection may throw away and go on. It throws away those behind a violation too, but then it
/// ends.
const DISCARDED_BYTES: u64 = 4 * 1024 * 1024;

/// `len` zeros, allocated once for all replays. They are lent and not read, so that the system need not give
/// them memory.
pub(super) fn zeros(len: u64) -> Option<&'static [u8]> {
    static ZEROS: OnceLock<Vec<u8>> = OnceLock::new();
    let most = usize::try_from(MAX_FRAME_BYTES).ok()?;
    ZEROS.get_or_init(|| vec![0; most]).get(..usize::try_from(len).ok()?)
}

/// Bytes that a replay may still make that its file does not hold.
#[derive(Debug)]
pub(super) struct Budget(u64);

impl Budget {
    /// The budget of inflated and decoded bytes for a file with `file_bytes` of notes.
    pub(super) fn inflated(file_bytes: usize) -> Self {
        Budget(INFLATED_BYTES.saturating_add(INFLATED_BYTES_PER_BYTE.saturating_mul(file_bytes as u64)))
    }

    /// The budget of bytes that are thrown away.
    pub(super) fn discarded() -> Self {
        Budget(DISCARDED_BYTES)
    }

    /// Takes `bytes` from it.
    pub(super) fn take(&mut self, bytes: u64) -> Result<(), Excess> {
        self.0 = self.0.checked_sub(bytes).ok_or(Excess::Total)?;
        Ok(())
    }
}
