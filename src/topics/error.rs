//! Why a subscription or a publish was refused.

use std::fmt;

/// Why a connection was not subscribed to a topic. Nothing has changed then, and
/// [`Totals::subscribe_errors`](crate::Totals) counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The connection is subscribed to 256 topics.
    TooManyForConnection,
    /// 1,048,576 topics have subscribers, on all workers together; or 786,432, for a connection that has more
    /// than 16. It can still join a topic that others have.
    TooMany,
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SubscribeError::TooManyForConnection => "the connection is subscribed to 256 topics",
            SubscribeError::TooMany => "the server has too many topics",
        })
    }
}

impl std::error::Error for SubscribeError {}

/// Why a push was not published. [`Totals::publish_errors`](crate::Totals) counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishError {
    /// 4,096 publishes to many have not reached all their subscribers; or 3,072, unless the application
    /// publishes by itself: in a tick, between turns, when a drain begins, or on a thread of its own. Nobody
    /// was sent this one.
    TooMany,
    /// Publishes that have not reached all their subscribers hold 64 MiB; or 48 MiB, as above. Nobody was
    /// sent this one.
    TooMuchData,
    /// The mailbox of a worker is full: its subscribers were not sent it, those of other workers were. Only
    /// for [`ServerHandle::publish`](crate::ServerHandle::publish).
    MailboxFull,
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PublishError::TooMany => "too many publishes are unfinished",
            PublishError::TooMuchData => "unfinished publishes hold too much data",
            PublishError::MailboxFull => "the mailbox of a worker is full",
        })
    }
}

impl std::error::Error for PublishError {}
