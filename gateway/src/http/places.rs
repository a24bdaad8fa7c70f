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
pub(super) const MAX_CONNECTIONS: usize = 24;
/// How long a connection has to send its request before a newer one can take its place.
const TO_ASK: Duration = Duration::from_millis(250);
/// How long it has in all, once it has sent it: longer than any answer takes to be made.
const TO_TAKE: Duration = Duration::from_secs(6);

/// The connections.
#[derive(Default)]
pub(super) struct Places {
    taken: Vec<Taken>,
    /// Notified when one ends.
    freed: Rc<Notify>,
}

struct Taken {
    since: Instant,
    has_asked: Rc<Cell<bool>>,
    connection: AbortHandle,
}

/// The place of one connection, which holds it.
pub(super) struct Place {
    has_asked: Rc<Cell<bool>>,
    freed: Rc<Notify>,
}

impl Place {
    /// Its request has come.
    pub(super) fn asks(&self) {
        self.has_asked.set(true);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.freed.notify_one();
    }
}

impl Taken {
    /// When a newer connection can take its place.
    fn until(&self) -> Instant {
        self.since + if self.has_asked.get() { TO_TAKE } else { TO_ASK }
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
            let next = self.taken.iter().enumerate().min_by_key(|(_, taken)| taken.until());
            let Some((index, until)) = next.map(|(index, taken)| (index, taken.until())) else { return };
            if until <= Instant::now() {
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
        let has_asked = Rc::new(Cell::new(false));
        let place = Place { has_asked: has_asked.clone(), freed: self.freed.clone() };
        let connection = serve(place);
        self.taken.push(Taken { since: Instant::now(), has_asked, connection });
    }
}
