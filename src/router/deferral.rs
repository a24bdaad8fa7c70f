//! A deferred request, from the call that defers it to its answer.

use std::sync::Arc;

use crate::handle::Awaited;

/// The parts of a deferred request that its answer needs. Dropping it ends the wait: its ticket frees what it
/// holds.
#[derive(Debug)]
pub(crate) struct Deferral {
    /// The number of the request on its connection.
    pub(crate) seq: u64,
    pub(crate) cmd: u16,
    pub(crate) flag: u32,
    /// Whether its ticket can log the connection in.
    pub(crate) is_login: bool,
    pub(crate) awaited: Arc<dyn Awaited>,
}

impl Drop for Deferral {
    fn drop(&mut self) {
        self.awaited.end();
    }
}
