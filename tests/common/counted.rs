//! Sessions that count how many of them were made, and how many dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The counts of a server's sessions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    made: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
}

/// A session that counts its end. A default one is not counted.
#[derive(Debug, Default)]
pub(crate) struct Counted(Option<Counts>);

impl Counts {
    /// Makes a session.
    pub(crate) fn session(&self) -> Counted {
        self.made.fetch_add(1, Ordering::SeqCst);
        Counted(Some(self.clone()))
    }

    /// The number of sessions that were made, and of those that were dropped.
    pub(crate) fn get(&self) -> (usize, usize) {
        (self.made.load(Ordering::SeqCst), self.dropped.load(Ordering::SeqCst))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(counts) = &self.0 {
            counts.dropped.fetch_add(1, Ordering::SeqCst);
        }
    }
}
