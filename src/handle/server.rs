//! A handle to the whole reactor, for any thread.

use std::sync::Arc;

use crate::mailbox::{Mail, Mailbox};

/// A handle to a reactor: cheap to clone, usable from any thread, signal-handling ones included.
#[derive(Clone, Debug)]
pub struct ServerHandle {
    mailbox: Arc<Mailbox>,
}

impl ServerHandle {
    pub(crate) fn new(mailbox: Arc<Mailbox>) -> Self {
        ServerHandle { mailbox }
    }

    /// Begins to drain: no new connections, a Close 1001 to every client, and the reactor ends
    /// when all are gone or the drain timeout has passed.
    pub fn drain(&self) {
        self.mailbox.post_always(Mail::Drain);
    }
}
