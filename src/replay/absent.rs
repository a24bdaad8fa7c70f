//! What stands in for bytes that a recording does not hold, and how many of them a file can stand for.

use std::sync::OnceLock;

use crate::recording::excess::{Excess, MAX_FRAME_BYTES};

/// Bytes that messages of any file inflate to, and those for each byte of the file. What a message inflates to
/// is up to 1032 times as long, and nobody compresses it twice over as a habit.
const INFLATED_BYTES: u64 = 128 * 1024 * 1024;
const INFLATED_BYTES_PER_BYTE: u64 = 2048;
/// Bytes that are thrown away by connections that go on. Those behind a violation are, but they end it.
const DISCARDED_BYTES: u64 = 4 * 1024 * 1024;

/// So many zeros, which are there once for all replays. They are lent and not read, so that the system need not
/// give them memory.
pub(super) fn zeros(len: u64) -> Option<&'static [u8]> {
    static ZEROS: OnceLock<Vec<u8>> = OnceLock::new();
    let most = usize::try_from(MAX_FRAME_BYTES).ok()?;
    ZEROS.get_or_init(|| vec![0; most]).get(..usize::try_from(len).ok()?)
}

/// Bytes that a replay may still make of what its file does not hold.
#[derive(Debug)]
pub(super) struct Budget(u64);

impl Budget {
    /// What is inflated and decoded in a file with notes of so many bytes.
    pub(super) fn inflated(file_bytes: usize) -> Self {
        Budget(INFLATED_BYTES.saturating_add(INFLATED_BYTES_PER_BYTE.saturating_mul(file_bytes as u64)))
    }

    /// What is thrown away.
    pub(super) fn discarded() -> Self {
        Budget(DISCARDED_BYTES)
    }

    /// Takes so many bytes from it.
    pub(super) fn take(&mut self, bytes: u64) -> Result<(), Excess> {
        self.0 = self.0.checked_sub(bytes).ok_or(Excess::Total)?;
        Ok(())
    }
}
