//! A worker's access to the other workers of its server.

use std::fmt;
use std::marker::PhantomData;

use crate::mailbox::{Mail, MailboxError, state_call};
use crate::mailboxes::Mailboxes;
use crate::router::Effects;

/// Reaches the states of all workers from any thread. An application's state keeps it; it is cheap to clone.
///
/// Calls from one worker to another run there in order, and the [`Effects`] of a call are applied before the
/// next one begins. A connection also gets the answers and pushes of these calls in order.
pub struct Worker<S> {
    index: usize,
    mailboxes: Mailboxes,
    of: PhantomData<fn(&mut S)>,
}

impl<S: 'static> Worker<S> {
    pub(crate) fn new(index: usize, mailboxes: Mailboxes) -> Self {
        Worker { index, mailboxes, of: PhantomData }
    }

    /// The number of this worker, from 0: [`ConnectionId::worker`](crate::ConnectionId::worker) of its
    /// connections.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// The number of workers, including this one.
    #[must_use]
    pub fn count(&self) -> usize {
        self.mailboxes.count()
    }

    /// Calls a function with the state of a worker, which may be this one, between two calls of its handlers.
    ///
    /// The function runs on the worker's thread and should be quick: all clients of that worker wait. A panic
    /// in it is caught and logged. If the worker ends first, the function is dropped without being called,
    /// and tickets that it has captured refuse their requests.
    ///
    /// The call is posted at once, while [`Effects`] are applied after the handler has returned: it can
    /// overtake effects on connections of that worker that the handler added before.
    ///
    /// # Errors
    /// [`MailboxError`], and then the function is dropped without being called. A worker that does not exist
    /// counts as ended.
    pub fn call(
        &self,
        worker: usize,
        call: impl FnOnce(&mut S, &mut Effects) + Send + 'static,
    ) -> Result<(), MailboxError> {
        self.mailboxes.post(worker, Mail::CallState(state_call(call)))
    }

    /// Like [`call`](Self::call), but a full mailbox takes it too, for calls that must not get lost.
    ///
    /// Use it only where the number of calls is bounded, such as one for each connection that ends: nothing
    /// else keeps the mailbox from growing.
    pub fn call_always(&self, worker: usize, call: impl FnOnce(&mut S, &mut Effects) + Send + 'static) {
        self.mailboxes.post_always(worker, Mail::CallState(state_call(call)));
    }
}

impl<S> Clone for Worker<S> {
    fn clone(&self) -> Self {
        Worker { index: self.index, mailboxes: self.mailboxes.clone(), of: PhantomData }
    }
}

impl<S> fmt::Debug for Worker<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("index", &self.index)
            .field("count", &self.mailboxes.count())
            .finish_non_exhaustive()
    }
}
