//! A handle to the whole reactor, for any thread.

use std::sync::Arc;

use crate::cause::Cause;
use crate::id::ConnectionId;
use crate::mailbox::{Mail, Mailbox, MailboxError};
use crate::push::Push;
use crate::survey::Survey;
#[cfg(feature = "tls")]
use crate::tls::Tls;

/// A handle to a reactor: cheap to clone, usable from any thread. It locks, so it is not for signal
/// handlers; a thread that waits for signals may use it.
#[derive(Clone, Debug)]
pub struct ServerHandle {
    mailbox: Arc<Mailbox>,
}

impl ServerHandle {
    pub(crate) fn new(mailbox: Arc<Mailbox>) -> Self {
        ServerHandle { mailbox }
    }

    /// Begins to drain: no new connections, a Close 1001 to every client, and the reactor ends
    /// when all are gone or the drain timeout has passed.
    pub fn drain(&self) {
        self.mailbox.post_always(Mail::Drain);
    }

    /// Sends a push to the connection of that id, if it has not ended.
    ///
    /// # Errors
    /// [`MailboxError`], and then nothing was sent.
    pub fn send(&self, to: ConnectionId, push: &Push) -> Result<(), MailboxError> {
        self.mailbox.post(Mail::Send { to, push: push.clone() })
    }

    /// Closes the connection of that id with 4010, on an operator's behalf, if it has not ended.
    ///
    /// # Errors
    /// [`MailboxError`], and then it goes on.
    pub fn kick(&self, to: ConnectionId) -> Result<(), MailboxError> {
        self.mailbox.post(Mail::Close { to, cause: Cause::Operator })
    }

    /// Looks at all connections, on the reactor's thread. It should be quick: every client waits.
    ///
    /// # Errors
    /// [`MailboxError`], and then `look` is not called. Nor is it if the reactor has ended.
    pub fn survey(&self, look: impl FnOnce(&Survey<'_>) + Send + 'static) -> Result<(), MailboxError> {
        self.mailbox.post(Mail::Survey(Box::new(look)))
    }

    /// Has clients that come in from now on see this certificate; those that are connected notice
    /// nothing. Without effect, but for a line in the log, if [`Config::tls`](crate::Config::tls) was
    /// not set.
    ///
    /// # Errors
    /// [`MailboxError`], and then the certificate stays the one that it was.
    #[cfg(feature = "tls")]
    pub fn set_tls(&self, tls: Tls) -> Result<(), MailboxError> {
        self.mailbox.post(Mail::SetTls(tls))
    }
}
