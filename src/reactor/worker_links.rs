//! A worker's number, and its links to the other workers of its server.

use crate::mailbox::{Mail, MailboxError};
use crate::mailboxes::Mailboxes;
use crate::moment::Moment;

/// The shortest time between two log lines that other workers' mailboxes are full, in milliseconds.
const LOG_INTERVAL_MS: u64 = 1000;

/// This worker's place among the workers of its server.
#[derive(Debug)]
pub(super) struct WorkerLinks {
    own: usize,
    /// Messages to other workers that were dropped since the last log line.
    dropped: u64,
    told_at: Option<Moment>,
}

/// Whether a mail reached another worker's mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Posted {
    /// It did, or that worker has ended and so has no connections left.
    Yes,
    /// The mailbox is full: the mail was dropped.
    Dropped,
}

impl WorkerLinks {
    pub(super) fn new(own: usize) -> Self {
        WorkerLinks { own, dropped: 0, told_at: None }
    }

    /// This worker's number.
    pub(super) fn own(&self) -> usize {
        self.own
    }

    /// Posts a mail that counts as `messages` to another worker. If its mailbox is full, the mail is dropped,
    /// and this is logged.
    pub(super) fn post(
        &mut self,
        mailboxes: &Mailboxes,
        worker: usize,
        mail: Mail,
        messages: u64,
        now: Moment,
    ) -> Posted {
        if mailboxes.post(worker, mail) != Err(MailboxError::Full) {
            return Posted::Yes;
        }
        self.dropped += messages;
        if self.told_at.is_none_or(|at| now.since(at) >= LOG_INTERVAL_MS) {
            self.told_at = Some(now);
            let dropped = std::mem::take(&mut self.dropped);
            log::error!("the mailbox of worker {worker} is full: {dropped} messages to others were dropped");
        }
        Posted::Dropped
    }
}
