//! Mail that was collected from the mailbox but not delivered yet.

use std::collections::VecDeque;

use crate::mailbox::{Mail, Mailbox};

/// Mail from other threads, in order of arrival.
#[derive(Default)]
pub(super) struct MailQueue {
    mails: VecDeque<Mail>,
    /// The waker has fired: there is mail in the mailbox.
    has_arrived: bool,
}

impl MailQueue {
    /// Records that there is mail in the mailbox.
    pub(super) fn note_arrival(&mut self) {
        self.has_arrived = true;
    }

    /// Collects the mailbox's contents, once all earlier mail has been delivered.
    pub(super) fn collect(&mut self, mailbox: &Mailbox) {
        if self.mails.is_empty() && std::mem::take(&mut self.has_arrived) {
            // Reuse the buffer.
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

    /// Drops the collected mail. Senders that wait for an answer learn that there will be none.
    pub(super) fn clear(&mut self) {
        self.mails.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.mails.len()
    }
}
