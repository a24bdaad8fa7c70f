//! The connections that a server has at one time, and which of them makes room for a newer one.
//!
//! A newer connection waits in the system's queue, in order, until there is room. So nobody who sends a
//! request at once is cut off by others who connect, however many they are; they only make it wait.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

/// Connections at one time.
pub(crate) const MAX_CONNECTIONS: usize = 24;
/// How long a connection has to send its request before a newer one can take its place: so short that many
/// who send nothing, and come again once they are cut, put nobody off for long. A request that came with the
/// connection is read in any case.
const TO_ASK: Duration = Duration::from_millis(10);
/// How long it has in all for its answer to be made: longer than any takes.
const TO_ANSWER: Duration = Duration::from_secs(6);
/// How long it has to take its answer once that is made.
const TO_TAKE: Duration = Duration::from_secs(1);

/// The connections.
#[derive(Default)]
pub(super) struct Places {
    taken: Vec<Taken>,
    /// Notified when one ends.
    freed: Rc<Notify>,
}

struct Taken {
    /// When a newer connection can take its place.
    until: Rc<Cell<Instant>>,
    connection: AbortHandle,
}

/// The place of one connection, which holds it.
pub(super) struct Place {
    until: Rc<Cell<Instant>>,
    freed: Rc<Notify>,
}

impl Place {
    /// Its request has come.
    pub(super) fn asks(&self) {
        self.until.set(Instant::now() + TO_ANSWER);
    }

    /// Its answer is made.
    pub(super) fn is_answered(&self) {
        self.until.set(Instant::now() + TO_TAKE);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.freed.notify_one();
    }
}

impl Places {
    /// Waits until there is room for one more.
    pub(super) async fn room(&mut self) {
        loop {
            self.taken.retain(|taken| !taken.connection.is_finished());
            if self.taken.len() < MAX_CONNECTIONS {
                return;
            }
            let next = self.taken.iter().enumerate().min_by_key(|(_, taken)| taken.until.get());
            let Some((index, until)) = next.map(|(index, taken)| (index, taken.until.get())) else { return };
            if until <= Instant::now() {
                // What has come by now is read first. The first of the two looks at the sockets, and the
                // other one lets connections read.
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
                if self.taken.get(index).is_none_or(|taken| taken.until.get() > until) {
                    continue;
                }
                log::debug!("http: one of {MAX_CONNECTIONS} connections is cut for a newer one");
                self.taken.swap_remove(index).connection.abort();
                return;
            }
            // Which of the two came does not matter.
            let _ = timeout_at(until, self.freed.notified()).await;
        }
    }

    /// Gives a connection its place. `serve` gets it, and starts serving.
    pub(super) fn take(&mut self, serve: impl FnOnce(Place) -> AbortHandle) {
        let until = Rc::new(Cell::new(Instant::now() + TO_ASK));
        let place = Place { until: until.clone(), freed: self.freed.clone() };
        let connection = serve(place);
        self.taken.push(Taken { until, connection });
    }
}
