//! A handle to one connection, for any thread.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use crate::cause::Cause;
use crate::frame::CloseCode;
use crate::id::ConnectionId;
use crate::mailbox::{Mail, Mailbox, MailboxError};
use crate::push::Push;
use crate::router::Effect;
use crate::survey::Snapshot;

/// Why a call on a [`Handle`] failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandleError {
    /// The connection has ended.
    Gone,
    /// The reactor's mailbox is full: try again later, or give up.
    MailboxFull,
    /// The reactor did not answer in time.
    TimedOut,
}

impl fmt::Display for HandleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HandleError::Gone => f.write_str("the connection has ended"),
            HandleError::MailboxFull => MailboxError::Full.fmt(f),
            HandleError::TimedOut => f.write_str("the reactor did not answer in time"),
        }
    }
}

impl std::error::Error for HandleError {}

impl From<MailboxError> for HandleError {
    fn from(error: MailboxError) -> Self {
        match error {
            MailboxError::Full => HandleError::MailboxFull,
            MailboxError::Closed => HandleError::Gone,
        }
    }
}

/// Whether a connection is still open, as its handles see it.
#[derive(Debug)]
pub(crate) struct Life(AtomicBool);

impl Life {
    pub(crate) fn new() -> Self {
        Life(AtomicBool::new(true))
    }

    pub(crate) fn end(&self) {
        self.0.store(false, Ordering::Release);
    }

    fn is_alive(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A handle to one connection: cheap to clone, usable from any thread.
///
/// It belongs to this connection for ever: after the end every call returns [`HandleError::Gone`], and
/// nothing reaches the connection that took over its slot. Calls of one thread take effect in order. A call
/// that succeeds just before the connection ends has no effect. A packet that does not fit the outbox is
/// counted in the record's `error_send`, and [`Output::overflow`](crate::config::Output::overflow) applies;
/// the call itself has succeeded by then.
#[derive(Clone, Debug)]
pub struct Handle {
    id: ConnectionId,
    life: Arc<Life>,
    mailbox: Arc<Mailbox>,
}

impl Handle {
    pub(crate) fn new(id: ConnectionId, life: Arc<Life>, mailbox: Arc<Mailbox>) -> Self {
        Handle { id, life, mailbox }
    }

    /// The connection's id.
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// Whether the connection has not begun to close.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.life.is_alive()
    }

    /// Sends a push. It is encoded already, and several connections can share its bytes.
    ///
    /// # Errors
    /// [`HandleError`], and then nothing was sent.
    pub fn send(&self, push: &Push) -> Result<(), HandleError> {
        self.post(Effect::Send { to: self.id, push: push.clone() })
    }

    /// Closes the connection with a code of the application's. Earlier output goes out first.
    ///
    /// # Errors
    /// [`HandleError`], and then nothing was closed.
    pub fn close(&self, code: CloseCode) -> Result<(), HandleError> {
        self.post(Effect::Close { to: self.id, cause: Cause::Application(code) })
    }

    /// Turns the logging of each packet in and out on or off.
    ///
    /// # Errors
    /// [`HandleError`], and then nothing was changed.
    pub fn set_debug(&self, on: bool) -> Result<(), HandleError> {
        self.post(Effect::SetDebug { to: self.id, on })
    }

    /// Closes the connection with 4010, on behalf of an operator.
    ///
    /// # Errors
    /// [`HandleError`], and then nothing was closed.
    pub fn kick(&self) -> Result<(), HandleError> {
        self.post(Effect::Close { to: self.id, cause: Cause::Operator })
    }

    /// Returns the connection's record and the size of its outbox, as of now. Blocks until the reactor
    /// answers.
    ///
    /// Not for handlers: they have the record, and would wait for themselves.
    ///
    /// # Errors
    /// [`HandleError`]: the connection has ended, the mailbox is full, or no answer came within `timeout`.
    pub fn snapshot(&self, timeout: Duration) -> Result<Snapshot, HandleError> {
        let (answer, answered) = sync_channel(1);
        let id = self.id;
        self.post(Effect::Survey(Box::new(move |survey| {
            // The caller may have given up waiting.
            let _ = answer.try_send(survey.get(id));
        })))?;
        match answered.recv_timeout(timeout) {
            Ok(snapshot) => snapshot.ok_or(HandleError::Gone),
            Err(RecvTimeoutError::Timeout) => Err(HandleError::TimedOut),
            // The reactor was dropped, and the question with it.
            Err(RecvTimeoutError::Disconnected) => Err(HandleError::Gone),
        }
    }

    fn post(&self, effect: Effect) -> Result<(), HandleError> {
        if !self.life.is_alive() {
            return Err(HandleError::Gone);
        }
        Ok(self.mailbox.post(Mail::Effect(effect))?)
    }
}
