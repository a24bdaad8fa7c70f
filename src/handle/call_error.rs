//! Why a call on the state of a worker is refused.

use std::fmt;

use crate::mailbox::MailboxError;

/// Why [`ServerHandle::call`](crate::ServerHandle::call) failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError {
    /// The worker's mailbox did not take the call. A worker that does not exist counts as ended.
    Mailbox(MailboxError),
    /// The state of this server has another type than the function expects.
    OtherState,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Mailbox(error) => error.fmt(f),
            CallError::OtherState => f.write_str("the state of this server has another type"),
        }
    }
}

impl std::error::Error for CallError {}

impl From<MailboxError> for CallError {
    fn from(error: MailboxError) -> Self {
        CallError::Mailbox(error)
    }
}
