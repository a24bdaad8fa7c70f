//! The mailboxes of all workers of a server, by the number of the worker.

use std::sync::Arc;

use crate::id::ConnectionId;
use crate::mailbox::{Mail, Mailbox, MailboxError};

/// Where each worker of a server is left word; of a reactor without others, its own mailbox.
///
/// Whatever one thread leaves for one worker is met there in that order, and so is what one thread leaves
/// after it has seen the effect of what another one left.
#[derive(Clone, Debug)]
pub(crate) struct Mailboxes(Arc<[Arc<Mailbox>]>);

impl Mailboxes {
    pub(crate) fn new(all: Vec<Arc<Mailbox>>) -> Self {
        Mailboxes(all.into())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Mailbox> {
        self.0.iter().map(|mailbox| &**mailbox)
    }

    /// Leaves a mail for a worker, if there is such a worker, and room.
    pub(crate) fn post(&self, worker: usize, mail: Mail) -> Result<(), MailboxError> {
        self.0.get(worker).ok_or(MailboxError::Closed)?.post(mail)
    }

    /// Leaves a mail for a worker that must not get lost, under the condition of
    /// [`Mailbox::post_always`].
    pub(crate) fn post_always(&self, worker: usize, mail: Mail) {
        if let Some(mailbox) = self.0.get(worker) {
            mailbox.post_always(mail);
        }
    }

    /// Leaves a mail for the next worker behind one that has not ended, if there is one. It must be bounded by
    /// itself.
    pub(crate) fn post_to_next(&self, worker: usize, mail: Mail) {
        if let Some(next) = self.0.iter().skip(worker + 1).find(|mailbox| !mailbox.is_closed()) {
            next.post_always(mail);
        }
    }

    /// Leaves a mail about a connection for the worker that it is on. One of no worker has ended.
    pub(crate) fn post_to(&self, id: ConnectionId, mail: Mail) -> Result<(), MailboxError> {
        self.0.get(id.worker()).map_or(Ok(()), |mailbox| mailbox.post(mail))
    }
}
