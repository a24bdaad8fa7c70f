//! The mailboxes of all workers of a server, indexed by worker number.

use std::any::TypeId;
use std::sync::Arc;

use crate::id::ConnectionId;
use crate::mailbox::{Mail, Mailbox, MailboxError};

/// The mailbox of each worker of a server. A reactor without others has only its own.
///
/// A worker receives the mail of one thread in order. If a thread posts after seeing the effect of another
/// thread's mail, its mail arrives after that mail.
#[derive(Clone, Debug)]
pub(crate) struct Mailboxes {
    all: Arc<[Arc<Mailbox>]>,
    /// The type of the application's state, of which each worker has one.
    state: TypeId,
}

impl Mailboxes {
    /// The mailboxes of workers whose state is an `S`.
    pub(crate) fn new<S: 'static>(all: Vec<Arc<Mailbox>>) -> Self {
        Mailboxes { all: all.into(), state: TypeId::of::<S>() }
    }

    /// Whether the state of each worker is an `S`.
    pub(crate) fn have_state<S: 'static>(&self) -> bool {
        self.state == TypeId::of::<S>()
    }

    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn get(&self, worker: usize) -> Option<&Mailbox> {
        self.all.get(worker).map(|mailbox| &**mailbox)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Mailbox> {
        self.all.iter().map(|mailbox| &**mailbox)
    }

    /// Leaves a mail for a worker, unless there is no such worker or its mailbox is full.
    pub(crate) fn post(&self, worker: usize, mail: Mail) -> Result<(), MailboxError> {
        self.all.get(worker).ok_or(MailboxError::Closed)?.post(mail)
    }

    /// Leaves a mail that must not get lost for a worker, even in a full mailbox; see
    /// [`Mailbox::post_always`].
    pub(crate) fn post_always(&self, worker: usize, mail: Mail) {
        if let Some(mailbox) = self.all.get(worker) {
            mailbox.post_always(mail);
        }
    }

    /// Leaves a mail for the next worker after `worker` that has not ended, if there is one, even in a full
    /// mailbox.
    pub(crate) fn post_to_next(&self, worker: usize, mail: Mail) {
        if let Some(next) = self.all.iter().skip(worker + 1).find(|mailbox| !mailbox.is_closed()) {
            next.post_always(mail);
        }
    }

    /// Leaves a mail for the worker of a connection. If there is no such worker, the connection has ended.
    pub(crate) fn post_to(&self, id: ConnectionId, mail: Mail) -> Result<(), MailboxError> {
        self.all.get(id.worker()).map_or(Ok(()), |mailbox| mailbox.post(mail))
    }
}
