//! How long a client waits in all, however often bytes come. A stream's own time-out begins anew with each.

use std::time::{Duration, Instant};

use super::error::ClientError;

/// The longest time for a connection over TCP, for an upgrade, for each read and write, and for each packet,
/// until [`set_timeout`](crate::client::Client::set_timeout) changes it.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// The end of a wait, if it has one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Option<Instant>);

impl Deadline {
    /// So long from now; `None`: never.
    pub(super) fn after(wait: Option<Duration>) -> Self {
        Deadline(wait.and_then(|wait| now().checked_add(wait)))
    }

    /// Whether the wait goes on.
    pub(super) fn check(self) -> Result<(), ClientError> {
        if self.0.is_some_and(|end| end <= now()) { Err(ClientError::TimedOut) } else { Ok(()) }
    }
}

#[expect(clippy::disallowed_methods, reason = "a blocking client has no reactor whose clock it could read")]
fn now() -> Instant {
    Instant::now()
}
