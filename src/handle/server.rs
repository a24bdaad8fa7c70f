//! A handle to the whole server, for any thread.

use crate::cause::Cause;
use crate::id::ConnectionId;
use crate::mailbox::{Mail, MailboxError};
use crate::mailboxes::Mailboxes;
use crate::push::Push;
use crate::router::Effect;
use crate::survey::Survey;
#[cfg(feature = "tls")]
use crate::tls::Tls;

/// A handle to a reactor, or to all workers of a server: cheap to clone, usable from any thread.
///
/// It takes a lock, so signal handlers must not use it; a thread that waits for signals may.
#[derive(Clone, Debug)]
pub struct ServerHandle {
    mailboxes: Mailboxes,
}

impl ServerHandle {
    pub(crate) fn new(mailboxes: Mailboxes) -> Self {
        ServerHandle { mailboxes }
    }

    /// Ends the server gracefully.
    ///
    /// During [`Drain::delay`](crate::config::Drain::delay) only health checks fail. Then clients that
    /// wait to be accepted are answered with 503, for at most a second, and the listeners close. Each client
    /// gets a Close 1001. The server ends when all clients are gone, or after the drain timeout.
    pub fn drain(&self) {
        self.mailboxes.iter().for_each(|mailbox| mailbox.post_always(Mail::Drain));
    }

    /// Sends a push to a connection, unless it has ended.
    ///
    /// # Errors
    /// [`MailboxError`], and then nothing was sent.
    pub fn send(&self, to: ConnectionId, push: &Push) -> Result<(), MailboxError> {
        self.mailboxes.post_to(to, Mail::Effect(Effect::Send { to, push: push.clone() }))
    }

    /// Closes a connection with 4010, on behalf of an operator, unless it has ended.
    ///
    /// # Errors
    /// [`MailboxError`], and then nothing was closed.
    pub fn kick(&self, to: ConnectionId) -> Result<(), MailboxError> {
        self.mailboxes.post_to(to, Mail::Effect(Effect::Close { to, cause: Cause::Operator }))
    }

    /// Calls `look` with all connections, on the reactor's thread. It should be quick: every client waits.
    ///
    /// With several workers, `look` sees only the connections of the first; see
    /// [`survey_all`](Self::survey_all). If the reactor ends first, `look` is not called.
    ///
    /// # Errors
    /// [`MailboxError`], and then `look` is not called.
    pub fn survey(&self, look: impl FnOnce(&Survey<'_>) + Send + 'static) -> Result<(), MailboxError> {
        self.mailboxes.post(0, Mail::Effect(Effect::Survey(Box::new(look))))
    }

    /// Calls `look` with all connections of the server: once for each worker, on its thread, in the order of
    /// their numbers. Workers that have ended are left out.
    ///
    /// # Errors
    /// [`MailboxError`] of the first worker, and then `look` is not called.
    pub fn survey_all(&self, look: impl FnMut(&Survey<'_>) + Send + 'static) -> Result<(), MailboxError> {
        self.mailboxes.post(0, Mail::Effect(Effect::SurveyAll(Box::new(look))))
    }

    /// Replaces the certificate. New clients see the new one; connected clients notice nothing.
    ///
    /// If [`Config::tls`](crate::Config::tls) was not set, this only writes a line to the log.
    ///
    /// # Errors
    /// [`MailboxError`] of the first worker that could not be told. Its new clients still see the certificate
    /// before; it is worth trying again.
    #[cfg(feature = "tls")]
    pub fn set_tls(&self, tls: Tls) -> Result<(), MailboxError> {
        let results = self.mailboxes.iter().map(|mailbox| mailbox.post(Mail::SetTls(tls.clone())));
        // All workers get the call, even if one fails.
        results.fold(Ok(()), Result::and)
    }
}
