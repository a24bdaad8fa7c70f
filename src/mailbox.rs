//! The mailbox of a reactor, for mail from other threads: bounded, in order, with at most one wake-up per
//! turn.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cause::Cause;
use crate::id::ConnectionId;
use crate::packet::ErrorId;
use crate::presence::RoleClaim;
use crate::push::Push;
use crate::record::Login;
use crate::router::{Effect, Effects};
#[cfg(feature = "tls")]
use crate::tls::Tls;

/// The answer to a deferred request.
#[derive(Debug)]
pub(crate) enum Answer {
    Reply(Vec<u8>),
    Refuse(ErrorId),
    /// A refusal with Data.
    RefuseWith(ErrorId, Vec<u8>),
    /// Logs the connection in, then replies.
    Login(Box<Login>, Vec<u8>),
    /// Refuses a login, and logs why.
    RefuseLogin(Box<RefusedLogin>),
}

/// A login that another service has refused.
#[derive(Debug)]
pub(crate) struct RefusedLogin {
    /// The client's claims.
    pub(crate) account: String,
    pub(crate) role_id: u64,
    /// For the log only.
    pub(crate) reason: String,
}

impl Answer {
    /// Bytes of Data in the answer.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Answer::Reply(data) | Answer::RefuseWith(_, data) | Answer::Login(_, data) => data.len(),
            Answer::Refuse(_) | Answer::RefuseLogin(_) => 0,
        }
    }
}

/// A function that is called with a worker's application state.
pub(crate) type StateCall = Box<dyn FnOnce(&mut dyn Any, &mut Effects) + Send>;

/// Hides the type of the state from the mailbox. All workers of a server have the same type, and whoever
/// posts a call has checked that it is this one.
pub(crate) fn state_call<S: 'static>(call: impl FnOnce(&mut S, &mut Effects) + Send + 'static) -> StateCall {
    Box::new(move |state, effects| {
        if let Some(state) = state.downcast_mut() {
            call(state, effects);
        }
    })
}

/// One message to a reactor.
pub(crate) enum Mail {
    /// Any effect but [`Effect::Answer`], whose right to answer holds a mailbox itself.
    Effect(Effect),
    /// A deferred request was answered, and has the answer itself.
    Answered {
        to: ConnectionId,
        /// The number of the request on its connection.
        seq: u64,
    },
    ObjectEnded {
        to: ConnectionId,
        number: u64,
        cause: Cause,
    },
    CallState(StateCall),
    /// A push to whoever has a role.
    SendToRole {
        role_id: u64,
        push: Push,
    },
    /// A newer login on another machine has this role.
    ReplaceRole(RoleClaim),
    /// Other workers have finished a publish that this connection has asked for.
    PublishEnded(ConnectionId),
    #[cfg(feature = "tls")]
    SetTls(Tls),
    Drain,
}

impl Mail {
    /// Bytes of payload that this mail holds in memory until it is delivered.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Mail::Effect(effect) => effect.bytes(),
            Mail::SendToRole { push, .. } => push.frame().len(),
            Mail::Answered { .. }
            | Mail::ObjectEnded { .. }
            | Mail::CallState(_)
            | Mail::ReplaceRole(_)
            | Mail::PublishEnded(_)
            | Mail::Drain => 0,
            #[cfg(feature = "tls")]
            Mail::SetTls(_) => 0,
        }
    }
}

/// Why a reactor's mailbox did not take a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MailboxError {
    /// The mailbox is at its limit of messages or of bytes: try again later, or give up.
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

/// The limit of the payload that a mailbox holds, in bytes.
const MAX_MAILBOX_BYTES: usize = 64 * 1024 * 1024;

#[derive(Default)]
struct Waiting {
    mails: Vec<Mail>,
    bytes: usize,
    /// A wake-up is on its way; no other is needed until the reactor collects its mail.
    woken: bool,
    /// The reactor has ended.
    closed: bool,
}

/// The mailbox of one reactor. It is the only thing that other threads share with the reactor while it
/// serves.
pub(crate) struct Mailbox {
    waiting: Mutex<Waiting>,
    /// Answers to this reactor's clients that came after their deadline, and were dropped.
    late_answers: AtomicU64,
    /// How many mails wait, and how often one was refused: written under the lock, and read without.
    depth: AtomicUsize,
    times_full: AtomicU64,
    limit: usize,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Mailbox {
    pub(crate) fn new(limit: usize, wake: Box<dyn Fn() + Send + Sync>) -> Self {
        Mailbox {
            waiting: Mutex::default(),
            late_answers: AtomicU64::new(0),
            depth: AtomicUsize::new(0),
            times_full: AtomicU64::new(0),
            limit,
            wake,
        }
    }

    /// Leaves a mail, unless the mailbox is full.
    pub(crate) fn post(&self, mail: Mail) -> Result<(), MailboxError> {
        let waiting = self.lock();
        if waiting.closed {
            return Err(MailboxError::Closed);
        }
        if waiting.mails.len() >= self.limit || waiting.bytes.saturating_add(mail.bytes()) > MAX_MAILBOX_BYTES
        {
            self.times_full.fetch_add(1, Ordering::Relaxed);
            return Err(MailboxError::Full);
        }
        self.put(waiting, mail);
        Ok(())
    }

    /// Leaves a mail that must not get lost, even in a full mailbox. Only for mail whose number is bounded
    /// otherwise: one for each answer to a request of an open connection, of which that has at most
    /// [`MAX_TICKETS`](crate::config::MAX_TICKETS), one replacement for each connection and each login, one
    /// end for each object, closes, logins and logouts, which the application asks for one by one, and what
    /// holds a permit, as an unsubscription does then.
    pub(crate) fn post_always(&self, mail: Mail) {
        self.put(self.lock(), mail);
    }

    fn put(&self, mut waiting: MutexGuard<'_, Waiting>, mail: Mail) {
        if waiting.closed {
            // Dropping a mail may post another: it may contain a ticket, for instance.
            drop(waiting);
            return drop(mail);
        }
        waiting.bytes = waiting.bytes.saturating_add(mail.bytes());
        waiting.mails.push(mail);
        self.depth.store(waiting.mails.len(), Ordering::Relaxed);
        let wake = !std::mem::replace(&mut waiting.woken, true);
        drop(waiting);
        if wake {
            (self.wake)();
        }
    }

    /// Wakes the reactor without a mail.
    pub(crate) fn wake(&self) {
        (self.wake)();
    }

    /// Swaps all waiting mail into `mails`, which must be empty. The next mail wakes the reactor again.
    pub(crate) fn collect(&self, mails: &mut Vec<Mail>) {
        let mut waiting = self.lock();
        std::mem::swap(&mut waiting.mails, mails);
        waiting.bytes = 0;
        waiting.woken = false;
        self.depth.store(0, Ordering::Relaxed);
    }

    /// Takes no more mail, and drops waiting mail: senders that wait for an answer learn that there will be
    /// none.
    pub(crate) fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        let mails = std::mem::take(&mut waiting.mails);
        self.depth.store(0, Ordering::Relaxed);
        // Dropping a mail may post another: it may contain a ticket, for instance.
        drop(waiting);
        drop(mails);
    }

    /// Counts an answer that came after its deadline. It is not left here.
    pub(crate) fn count_late_answer(&self) {
        self.late_answers.fetch_add(1, Ordering::Relaxed);
    }

    /// Answers that came after their deadline.
    pub(crate) fn late_answers(&self) -> u64 {
        self.late_answers.load(Ordering::Relaxed)
    }

    /// The number of mails that wait, read without the lock.
    pub(crate) fn depth(&self) -> usize {
        self.depth.load(Ordering::Relaxed)
    }

    /// How often a mail was refused because the mailbox was full.
    pub(crate) fn times_full(&self) -> u64 {
        self.times_full.load(Ordering::Relaxed)
    }

    /// The number of mails that wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().mails.len()
    }

    /// Whether the reactor has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing under the lock can panic half-way, so the data behind a poisoned lock is consistent.
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
    use crate::push::Push;

    fn close(slot: u32) -> Mail {
        Mail::Effect(Effect::Close { to: ConnectionId::new(0, slot, 0), cause: Cause::Operator })
    }

    fn slots(mails: &[Mail]) -> Vec<usize> {
        mails
            .iter()
            .map(|mail| match mail {
                Mail::Effect(Effect::Close { to, .. }) => to.slot(),
                _ => panic!("this test posts no such mail"),
            })
            .collect()
    }

    #[test]
    fn mail_is_in_order_bounded_and_wakes_once_until_it_is_collected() {
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
    fn the_bytes_of_mail_are_bounded() {
        let mailbox = Mailbox::new(usize::MAX, Box::new(|| {}));
        let push = Push::new(1, &vec![0; MAX_MAILBOX_BYTES / 2]);
        let to = ConnectionId::new(0, 0, 0);
        let mail = || Mail::Effect(Effect::Send { to, push: push.clone() });
        mailbox.post(mail()).unwrap();
        assert_eq!(mailbox.post(mail()), Err(MailboxError::Full));
        mailbox.collect(&mut vec![]);
        mailbox.post(mail()).unwrap();
    }
}
