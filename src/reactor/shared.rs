//! The state that the reactors of one server share.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::admission::Admission;
use super::sys::clock::Clock;
use crate::mailboxes::Mailboxes;
use crate::metrics::SharedMetrics;
use crate::recording::Store;
use crate::topics::SharedTopics;

/// Shared by all workers of a server.
#[derive(Clone, Debug)]
pub(super) struct ServerShared {
    pub(super) mailboxes: Mailboxes,
    pub(super) admission: Arc<Admission>,
    /// Where connections are recorded, if recording is on.
    pub(super) recordings: Option<Store>,
    pub(super) clock: Clock,
    pub(super) topics: SharedTopics,
    /// Where the grid of ticks begins: with the first turn of any worker.
    pub(super) ticks_began: Arc<OnceLock<Instant>>,
    /// The metrics of all workers, if they are on.
    pub(super) metrics: Option<Arc<SharedMetrics>>,
}
