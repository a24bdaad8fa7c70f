//! What other threads leave for the reactor: bounded, in order, one wake-up per turn at most.

use std::any::Any;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cause::Cause;
use crate::id::ConnectionId;
use crate::packet::ErrorId;
use crate::push::Push;
use crate::router::Effects;
use crate::survey::{SurveyCall, SurveyTour};
#[cfg(feature = "tls")]
use crate::tls::Tls;

/// The answer to a deferred request.
#[derive(Debug)]
pub(crate) enum Answer {
    Reply(Vec<u8>),
    Refuse(ErrorId),
}

/// A call on the state of the application that a worker has.
pub(crate) type StateCall = Box<dyn FnOnce(&mut dyn Any, &mut Effects) + Send>;

/// One message to the reactor.
pub(crate) enum Mail {
    Send {
        to: ConnectionId,
        push: Push,
    },
    Broadcast {
        to: Vec<ConnectionId>,
        push: Push,
    },
    Close {
        to: ConnectionId,
        cause: Cause,
    },
    SetDebug {
        to: ConnectionId,
        on: bool,
    },
    Answer {
        to: ConnectionId,
        deferral: u64,
        answer: Answer,
    },
    ObjectEnded {
        to: ConnectionId,
        number: u64,
        cause: Cause,
    },
    Survey(SurveyCall),
    SurveyAll(SurveyTour),
    /// A newer connection has taken over its role.
    Replace {
        to: ConnectionId,
    },
    Call(StateCall),
    #[cfg(feature = "tls")]
    SetTls(Tls),
    Drain,
}

impl Mail {
    /// Bytes of payload that this mail holds until it is delivered.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Mail::Send { push, .. } => push.frame().len(),
            Mail::Broadcast { to, push } => push.frame().len().saturating_add(size_of_val(to.as_slice())),
            Mail::Answer { answer: Answer::Reply(data), .. } => data.len(),
            Mail::Answer { answer: Answer::Refuse(_), .. }
            | Mail::Close { .. }
            | Mail::SetDebug { .. }
            | Mail::ObjectEnded { .. }
            | Mail::Survey(_)
            | Mail::SurveyAll(_)
            | Mail::Replace { .. }
            | Mail::Call(_)
            | Mail::Drain => 0,
            #[cfg(feature = "tls")]
            Mail::SetTls(_) => 0,
        }
    }

    /// Connections that this mail is for, at least 1: what it costs to deliver it.
    pub(crate) fn cost(&self) -> usize {
        match self {
            Mail::Broadcast { to, .. } => to.len().max(1),
            _ => 1,
        }
    }
}

/// Why a message could not be left for a reactor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailboxError {
    /// The mailbox holds as many messages, or as many bytes, as it may: try again later, or give up.
    Full,
    /// The reactor has ended.
    Closed,
}

impl fmt::Display for MailboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MailboxError::Full => "the reactor's mailbox is full",
            MailboxError::Closed => "the reactor has ended",
        })
    }
}

impl std::error::Error for MailboxError {}

/// Bytes of payload that may wait in a mailbox.
const MAX_MAILBOX_BYTES: usize = 64 * 1024 * 1024;

#[derive(Default)]
struct Waiting {
    mails: Vec<Mail>,
    bytes: usize,
    /// A wake-up is under way: it need not be repeated before the reactor has looked.
    woken: bool,
    /// Nobody will look any more.
    closed: bool,
}

/// The one place where other threads meet the reactor.
pub(crate) struct Mailbox {
    waiting: Mutex<Waiting>,
    limit: usize,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Mailbox {
    pub(crate) fn new(limit: usize, wake: Box<dyn Fn() + Send + Sync>) -> Self {
        Mailbox { waiting: Mutex::default(), limit, wake }
    }

    /// Leaves a mail, if there is room for it.
    pub(crate) fn post(&self, mail: Mail) -> Result<(), MailboxError> {
        let waiting = self.lock();
        if waiting.closed {
            return Err(MailboxError::Closed);
        }
        if waiting.mails.len() >= self.limit || waiting.bytes.saturating_add(mail.bytes()) > MAX_MAILBOX_BYTES
        {
            return Err(MailboxError::Full);
        }
        self.put(waiting, mail);
        Ok(())
    }

    /// Leaves a mail that must not get lost. Only what is bounded by itself may be posted so: one
    /// answer for each connection, one end for each object, and once that a connection was replaced.
    pub(crate) fn post_always(&self, mail: Mail) {
        self.put(self.lock(), mail);
    }

    fn put(&self, mut waiting: MutexGuard<'_, Waiting>, mail: Mail) {
        if waiting.closed {
            // What it carries may post as it is dropped.
            drop(waiting);
            return drop(mail);
        }
        waiting.bytes = waiting.bytes.saturating_add(mail.bytes());
        waiting.mails.push(mail);
        let wake = !std::mem::replace(&mut waiting.woken, true);
        drop(waiting);
        if wake {
            (self.wake)();
        }
    }

    /// Wakes the reactor, without a mail.
    pub(crate) fn wake(&self) {
        (self.wake)();
    }

    /// Swaps all that waits into `mails`, which is empty. Whatever is posted later wakes again.
    pub(crate) fn collect(&self, mails: &mut Vec<Mail>) {
        let mut waiting = self.lock();
        std::mem::swap(&mut waiting.mails, mails);
        waiting.bytes = 0;
        waiting.woken = false;
    }

    /// Takes no more mail. What waits is dropped, and who waits for an answer to it learns that there
    /// will be none.
    pub(crate) fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        let mails = std::mem::take(&mut waiting.mails);
        // What a mail carries may post as it is dropped.
        drop(waiting);
        drop(mails);
    }

    /// Mails that wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().mails.len()
    }

    /// Whether the reactor has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing that is done under the lock can panic half-way, so a poisoned lock is whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("limit", &self.limit).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn close(slot: u32) -> Mail {
        Mail::Close { to: ConnectionId::new(0, slot, 0), cause: Cause::Operator }
    }

    fn slots(mails: &[Mail]) -> Vec<usize> {
        mails
            .iter()
            .map(|mail| match mail {
                Mail::Close { to, .. } => to.slot(),
                _ => panic!("not a mail of this test"),
            })
            .collect()
    }

    #[test]
    fn order_bound_and_one_wake_up_until_collected() {
        let wakes = Arc::new(AtomicUsize::new(0));
        let counter = wakes.clone();
        let mailbox = Mailbox::new(
            3,
            Box::new(move || {
                counter.fetch_add(1, Ordering::Relaxed);
            }),
        );
        for slot in 0..3 {
            mailbox.post(close(slot)).unwrap();
        }
        assert_eq!(mailbox.post(close(3)), Err(MailboxError::Full));
        mailbox.post_always(close(4));
        assert_eq!(wakes.load(Ordering::Relaxed), 1);

        let mut mails = vec![];
        mailbox.collect(&mut mails);
        assert_eq!(slots(&mails), [0, 1, 2, 4]);
        mailbox.post(close(5)).unwrap();
        assert_eq!(wakes.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mailbox = Mailbox::new(usize::MAX, Box::new(|| {}));
        let push = Push::new(1, &vec![0; MAX_MAILBOX_BYTES / 2]);
        let mail = || Mail::Send { to: ConnectionId::new(0, 0, 0), push: push.clone() };
        mailbox.post(mail()).unwrap();
        assert_eq!(mailbox.post(mail()), Err(MailboxError::Full));
        mailbox.collect(&mut vec![]);
        mailbox.post(mail()).unwrap();
    }
}
