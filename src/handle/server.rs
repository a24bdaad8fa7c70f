//! A handle to the whole server, for any thread.

use crate::cause::Cause;
use crate::id::ConnectionId;
use crate::mailbox::{Mail, MailboxError};
use crate::mailboxes::Mailboxes;
use crate::push::Push;
use crate::survey::Survey;
#[cfg(feature = "tls")]
use crate::tls::Tls;

/// A handle to a reactor, or to all workers of a server: cheap to clone, usable from any thread. It locks,
/// so it is not for signal handlers; a thread that waits for signals may use it.
#[derive(Clone, Debug)]
pub struct ServerHandle {
    mailboxes: Mailboxes,
}

impl ServerHandle {
    pub(crate) fn new(mailboxes: Mailboxes) -> Self {
        ServerHandle { mailboxes }
    }

    /// Ends the server. After [`Config::drain_delay`](crate::Config::drain_delay), in which only health checks fail, those
    /// who wait to be accepted are answered with 503, for at most a second, and the listeners close. A Close 1001 goes to
    /// every client, and the server ends when all are gone or the drain timeout has passed.
    pub fn drain(&self) {
        self.mailboxes.iter().for_each(|mailbox| mailbox.post_always(Mail::Drain));
    }

    /// Sends a push to the connection of that id, if it has not ended.
    ///
    /// # Errors
    /// [`MailboxError`], and then nothing was sent.
    pub fn send(&self, to: ConnectionId, push: &Push) -> Result<(), MailboxError> {
        self.mailboxes.post_to(to, Mail::Send { to, push: push.clone() })
    }

    /// Closes the connection of that id with 4010, on an operator's behalf, if it has not ended.
    ///
    /// # Errors
    /// [`MailboxError`], and then it goes on.
    pub fn kick(&self, to: ConnectionId) -> Result<(), MailboxError> {
        self.mailboxes.post_to(to, Mail::Close { to, cause: Cause::Operator })
    }

    /// Looks at all connections, on the reactor's thread. It should be quick: every client waits. Of
    /// several workers this sees the first one's; see [`survey_all`](Self::survey_all).
    ///
    /// # Errors
    /// [`MailboxError`], and then `look` is not called. Nor is it if the reactor has ended.
    pub fn survey(&self, look: impl FnOnce(&Survey<'_>) + Send + 'static) -> Result<(), MailboxError> {
        self.mailboxes.post(0, Mail::Survey(Box::new(look)))
    }

    /// Looks at all connections of all workers: `look` is called on the thread of one after the other, in
    /// the order of their numbers, and dropped after the last.
    ///
    /// # Errors
    /// [`MailboxError`] of the first worker, and then `look` is not called. Workers that have ended when
    /// it comes to them are left out.
    pub fn survey_all(&self, look: impl FnMut(&Survey<'_>) + Send + 'static) -> Result<(), MailboxError> {
        self.mailboxes.post(0, Mail::SurveyAll(Box::new(look)))
    }

    /// Has clients that come in from now on see this certificate; those that are connected notice
    /// nothing. Without effect, but for a line in the log, if [`Config::tls`](crate::Config::tls) was
    /// not set.
    ///
    /// # Errors
    /// [`MailboxError`] of the first worker that could not be told; its new clients go on seeing the
    /// certificate before, and it is worth trying again.
    #[cfg(feature = "tls")]
    pub fn set_tls(&self, tls: Tls) -> Result<(), MailboxError> {
        let results = self.mailboxes.iter().map(|mailbox| mailbox.post(Mail::SetTls(tls.clone())));
        // Whether or not one fails, all are told.
        results.fold(Ok(()), Result::and)
    }
}
