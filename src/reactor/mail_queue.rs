//! Mail that was collected from the mailbox and not yet delivered.

use std::collections::VecDeque;

use crate::mailbox::{Mail, Mailbox};

/// Mail of other threads, in the order in which it came.
#[derive(Default)]
pub(super) struct MailQueue {
    mails: VecDeque<Mail>,
    /// The waker was heard: there is mail in the mailbox.
    has_arrived: bool,
}

impl MailQueue {
    /// Notes that there is mail in the mailbox.
    pub(super) fn note_arrival(&mut self) {
        self.has_arrived = true;
    }

    /// Collects the mail in the mailbox, when all mail collected before is delivered.
    pub(super) fn collect(&mut self, mailbox: &Mailbox) {
        if self.mails.is_empty() && std::mem::take(&mut self.has_arrived) {
            // The buffer is used again.
            let mut mails = Vec::from(std::mem::take(&mut self.mails));
            mailbox.collect(&mut mails);
            self.mails = mails.into();
        }
    }

    pub(super) fn pop(&mut self) -> Option<Mail> {
        self.mails.pop_front()
    }

    /// Whether there is mail to deliver.
    pub(super) fn has_work(&self) -> bool {
        !self.mails.is_empty() || self.has_arrived
    }

    /// Drops the collected mail. A thread that waits for an answer to it learns that there will be none.
    pub(super) fn clear(&mut self) {
        self.mails.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.mails.len()
    }
}
