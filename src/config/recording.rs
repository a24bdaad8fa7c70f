//! What is recorded of connections, and where.

use std::path::PathBuf;

use super::bounds::{MIN_RECORD_LIMIT, RECORD_LIMIT};
use super::error::ConfigError;

/// Recordings of what each client sends and of its results, one file for each connection.
///
/// `sysconn replay` runs a recording again; see `docs/recording.md`. It contains no Data of routes that are
/// [secret](crate::Route::secret), but all messages of a service without packets. Beyond 1000 files or 256
/// MiB no new recordings are begun.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recording {
    /// The directory for the files, which must exist.
    pub directory: PathBuf,
    /// Whether only connections under debug ([`Handle::set_debug`](crate::Handle::set_debug)) are recorded,
    /// from the moment at which that is turned on. Default: no, all are recorded from their first byte.
    pub debugged: bool,
    /// The most bytes of one recording, at least [`MIN_RECORD_LIMIT`]; then it ends. Default: 1 MiB.
    pub limit: usize,
}

impl Recording {
    /// Recordings of all connections, in this directory.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Recording { directory: directory.into(), debugged: false, limit: RECORD_LIMIT }
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.limit < MIN_RECORD_LIMIT { Err(ConfigError::RecordLimit) } else { Ok(()) }
    }
}
