//! Replaces bytes that a recording lacks, and limits how many a file can claim.

use std::sync::OnceLock;

use crate::recording::excess::{Excess, MAX_FRAME_BYTES};

/// Bytes to which the messages of any file may inflate, and the additional bytes per byte of the file. A
/// message inflates to at most 1032 times its length; few are compressed twice.
const INFLATED_BYTES: u64 = 128 * 1024 * 1024;
const INFLATED_BYTES_PER_BYTE: u64 = 2048;
/// Bytes that a connection may discard and still go on. Bytes after a violation are discarded too, but then
/// the connection ends.
const DISCARDED_BYTES: u64 = 4 * 1024 * 1024;

/// `len` zeros, allocated once for all replays. They are lent but never read, so that the system need not
/// provide memory for them.
pub(super) fn zeros(len: u64) -> Option<&'static [u8]> {
    static ZEROS: OnceLock<Vec<u8>> = OnceLock::new();
    let most = usize::try_from(MAX_FRAME_BYTES).ok()?;
    ZEROS.get_or_init(|| vec![0; most]).get(..usize::try_from(len).ok()?)
}

/// Bytes missing from the file that a replay may still make.
#[derive(Debug)]
pub(super) struct Budget(u64);

impl Budget {
    /// The budget of inflated and decoded bytes for a file with `file_bytes` of notes.
    pub(super) fn inflated(file_bytes: usize) -> Self {
        Budget(INFLATED_BYTES.saturating_add(INFLATED_BYTES_PER_BYTE.saturating_mul(file_bytes as u64)))
    }

    /// The budget of discarded bytes.
    pub(super) fn discarded() -> Self {
        Budget(DISCARDED_BYTES)
    }

    /// Takes `bytes` from the budget.
    pub(super) fn take(&mut self, bytes: u64) -> Result<(), Excess> {
        self.0 = self.0.checked_sub(bytes).ok_or(Excess::Total)?;
        Ok(())
    }
}
