//! One worker among the others of its server.

use std::fmt;
use std::marker::PhantomData;

use crate::mailbox::{Mail, MailboxError, StateCall};
use crate::mailboxes::Mailboxes;
use crate::router::Effects;

/// What an application's state keeps in order to reach the states of the other workers: cheap to clone,
/// usable from any thread.
///
/// What one worker calls on another one happens there in that order, and what a call leaves in its
/// [`Effects`] is done before the next one begins. Answers to tickets and pushes that a call makes reach a
/// connection in the order in which they were made, too.
pub struct Worker<S> {
    index: usize,
    mailboxes: Mailboxes,
    of: PhantomData<fn(&mut S)>,
}

impl<S: 'static> Worker<S> {
    pub(super) fn new(index: usize, mailboxes: Mailboxes) -> Self {
        Worker { index, mailboxes, of: PhantomData }
    }

    /// The number of this worker, from 0; [`ConnectionId::worker`](crate::ConnectionId::worker) of its
    /// connections.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// How many workers there are, this one included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.mailboxes.count()
    }

    /// Has the worker of that number, which may be this one, call a function with its state, between two
    /// calls of handlers. It should be quick: all clients of that worker wait. A panic in it is caught and
    /// logged. Where the worker ends before it comes to it, the function is dropped uncalled, and so are the
    /// tickets in it, which refuses their requests.
    ///
    /// # Errors
    /// [`MailboxError`], and then the function is dropped uncalled. A worker that does not exist counts as
    /// one that has ended.
    pub fn call(
        &self,
        worker: usize,
        call: impl FnOnce(&mut S, &mut Effects) + Send + 'static,
    ) -> Result<(), MailboxError> {
        self.mailboxes.post(worker, Mail::Call(untyped(call)))
    }

    /// [`call`](Self::call) that is never refused for want of room, for what must not get lost. It is for
    /// what is bounded by itself, such as one call for each connection that ends: nothing else keeps the
    /// mailbox from growing.
    pub fn call_always(&self, worker: usize, call: impl FnOnce(&mut S, &mut Effects) + Send + 'static) {
        self.mailboxes.post_always(worker, Mail::Call(untyped(call)));
    }
}

/// The mailbox does not know the type of the state. All workers of a server have the same.
fn untyped<S: 'static>(call: impl FnOnce(&mut S, &mut Effects) + Send + 'static) -> StateCall {
    Box::new(move |state, effects| {
        if let Some(state) = state.downcast_mut() {
            call(state, effects);
        }
    })
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
