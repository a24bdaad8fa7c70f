//! Links between a connection and the game object that it controls: each side learns of the other's end.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::cause::Cause;
use crate::id::ConnectionId;
use crate::mailbox::{Mail, Mailbox};

/// The number of the next link. It keeps the end of a replaced object from ending the connection.
static NUMBER: AtomicU64 = AtomicU64::new(1);

/// The connection's side of a link.
pub(crate) struct Linked {
    number: u64,
    ended: Box<dyn FnOnce(Cause) + Send>,
}

impl Linked {
    pub(crate) fn new(
        connection: ConnectionId,
        mailbox: Arc<Mailbox>,
        ended: impl FnOnce(Cause) + Send + 'static,
    ) -> (Linked, Link) {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let link = Link { connection, number, mailbox };
        (Linked { number, ended: Box::new(ended) }, link)
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Calls the object's hook, now that the connection has ended.
    ///
    /// # Errors
    /// The hook panicked.
    pub(crate) fn tell(self, cause: Cause) -> std::thread::Result<()> {
        catch_unwind(AssertUnwindSafe(|| (self.ended)(cause)))
    }
}

impl fmt::Debug for Linked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Linked").field("number", &self.number).finish_non_exhaustive()
    }
}

/// The object's side of a link, for any thread. Dropping it closes the connection.
///
/// A normal drop closes it with 4005, a drop while the thread panics with 4006. After the connection has
/// ended, or another object was linked, dropping does nothing.
#[derive(Debug)]
#[must_use = "dropping the link closes the connection"]
pub struct Link {
    connection: ConnectionId,
    number: u64,
    mailbox: Arc<Mailbox>,
}

impl Link {
    /// The linked connection.
    #[must_use]
    pub fn connection(&self) -> ConnectionId {
        self.connection
    }

    /// Ends the object normally; the same as dropping the link.
    pub fn end(self) {}
}

impl Drop for Link {
    fn drop(&mut self) {
        let cause = if std::thread::panicking() { Cause::ObjectCrashed } else { Cause::ObjectEnded };
        self.mailbox.post_always(Mail::ObjectEnded { to: self.connection, number: self.number, cause });
    }
}
