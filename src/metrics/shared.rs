//! What the metrics of all workers share.

use std::fmt;
use std::sync::Arc;

use super::number::{Number, numbers};
use super::pulse::{Pulse, Work};
use super::routes::Routes;
use super::stamp::Stamp;
use super::worker_numbers::WorkerNumbers;

/// Figures that are kept elsewhere and can be read from any thread. None of these takes a lock.
pub(crate) trait Elsewhere: Send + Sync {
    /// Mail in the mailbox of a worker that it has not collected.
    fn mailbox_depth(&self, worker: usize) -> u64;

    /// How often the mailbox of a worker was full.
    fn mailbox_full(&self, worker: usize) -> u64;

    /// Topics with subscribers, and unfinished publishes to many.
    fn topics(&self) -> (u64, u64);

    /// Recordings that are under way.
    fn recordings(&self) -> u64;

    /// The time by the server's clock, and in milliseconds since 1970.
    fn now(&self) -> (Stamp, u64);
}

/// The metrics of a server.
pub(crate) struct SharedMetrics {
    pub(crate) workers: Vec<Arc<WorkerNumbers>>,
    pub(crate) routes: Arc<Routes>,
    /// The listeners' addresses, in the order of the configuration.
    pub(crate) listeners: Vec<String>,
    pub(crate) max_connections: Option<usize>,
    pub(crate) elsewhere: Box<dyn Elsewhere>,
    /// Stalls by command, and by other work.
    pub(crate) stalls: Box<[Number]>,
    pub(crate) other_stalls: [Number; Work::ALL.len()],
}

impl SharedMetrics {
    pub(crate) fn new(
        workers: usize,
        routes: Routes,
        listeners: Vec<String>,
        max_connections: Option<usize>,
        elsewhere: Box<dyn Elsewhere>,
    ) -> Self {
        let count = routes.count();
        let new = |_| Arc::new(WorkerNumbers::new(listeners.len(), count));
        SharedMetrics {
            workers: (0..workers).map(new).collect(),
            routes: Arc::new(routes),
            listeners,
            max_connections,
            elsewhere,
            stalls: (0..count).map(|_| Number::default()).collect(),
            other_stalls: numbers(),
        }
    }

    /// Counts a stall, from any thread.
    pub(super) fn stalled(&self, pulse: &Pulse) {
        let number = match pulse.cmd {
            Some(cmd) => self.stalls.get(self.routes.number(cmd)),
            None => self.other_stalls.get(pulse.work as usize),
        };
        if let Some(number) = number {
            number.add_shared();
        }
    }
}

impl fmt::Debug for SharedMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedMetrics").field("workers", &self.workers.len()).finish_non_exhaustive()
    }
}
