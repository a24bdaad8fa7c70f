//! What the client library reports of a connection.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_nats::{Event, ServerError};
use tokio::sync::Notify;

/// What a server's error begins with if the user may not do something.
const REFUSAL: &str = "Permissions Violation";

/// What was reported of one connection.
#[derive(Default)]
pub(super) struct Events {
    /// Whether it was connected: from then on it is not to connect by itself.
    pub(super) was_connected: AtomicBool,
    /// Whether the bus uses it. Until then [`refusal`](Self::refusal) says what is refused, and the log does
    /// not.
    pub(super) is_ready: AtomicBool,
    pub(super) disconnected: Notify,
    /// Messages that the client library has dropped because they were not taken in time.
    pub(super) slow: AtomicU64,
    pub(super) is_slow: Notify,
    refused: OnceLock<String>,
}

impl Events {
    /// What the server has refused first because the user may not do it, as it says so.
    pub(super) fn refusal(&self) -> Option<&str> {
        self.refused.get().map(String::as_str)
    }

    pub(super) fn note(&self, event: &Event) {
        match event {
            Event::Disconnected | Event::Closed => self.disconnected.notify_one(),
            Event::SlowConsumer(_) => {
                self.slow.fetch_add(1, Ordering::Relaxed);
                self.is_slow.notify_one();
            }
            Event::ServerError(ServerError::Other(error))
                if error.starts_with(REFUSAL) && !self.is_ready.load(Ordering::Relaxed) =>
            {
                let _ = self.refused.set(error.clone());
            }
            Event::ServerError(error) => log::warn!(target: crate::LOG, "NATS reports: {error}"),
            Event::ClientError(_) | Event::Connected | Event::LameDuckMode | Event::Draining => {}
        }
    }
}
