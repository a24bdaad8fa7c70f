//! What the client library reports of a connection.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use async_nats::{Event, ServerError};
use tokio::sync::Notify;

use super::lines::Lines;

/// What a server's error begins with if the user may not do something.
const REFUSAL: &str = "Permissions Violation";
/// What it begins with if the user may not publish to the subject that follows, in quotes.
const REFUSED_PUBLISH: &str = "Permissions Violation for Publish to \"";
/// The most characters of a server's error that are kept.
const MAX_ERROR_CHARS: usize = 256;

/// What was reported of one connection.
pub(super) struct Events {
    /// Whether it was connected: from then on it is not to connect by itself.
    pub(super) was_connected: AtomicBool,
    pub(super) disconnected: Notify,
    /// The client library has dropped messages, because they were not taken in time.
    pub(super) is_slow: Notify,
    /// The server has refused something because the user may not do it.
    pub(super) is_refused: Notify,
    /// Publishes that were refused, at least: the client library can drop reports.
    pub(super) refused_publishes: AtomicU64,
    refusal: OnceLock<String>,
    lines: Arc<Lines>,
}

impl Events {
    pub(super) fn new(lines: Arc<Lines>) -> Arc<Self> {
        Arc::new(Events {
            was_connected: AtomicBool::new(false),
            disconnected: Notify::new(),
            is_slow: Notify::new(),
            is_refused: Notify::new(),
            refused_publishes: AtomicU64::new(0),
            refusal: OnceLock::new(),
            lines,
        })
    }

    /// What the server has refused first because the user may not do it, as it says so.
    pub(super) fn refusal(&self) -> Option<&str> {
        self.refusal.get().map(String::as_str)
    }

    pub(super) fn note(&self, event: &Event) {
        match event {
            Event::Disconnected | Event::Closed => self.disconnected.notify_one(),
            Event::SlowConsumer(_) => self.is_slow.notify_one(),
            Event::ServerError(ServerError::Other(error)) if error.starts_with(REFUSAL) => {
                if error.starts_with(REFUSED_PUBLISH) {
                    self.refused_publishes.fetch_add(1, Ordering::Relaxed);
                }
                self.refusal.get_or_init(|| cut(error));
                self.is_refused.notify_one();
            }
            Event::ServerError(error) => {
                if self.lines.allows("errors of NATS") {
                    log::warn!(target: crate::LOG, "NATS reports: {}", cut(&error.to_string()));
                }
            }
            Event::ClientError(_) | Event::Connected | Event::LameDuckMode | Event::Draining => {}
        }
    }
}

/// The subject of a publish, if it is what was refused.
pub(super) fn refused_subject(refusal: &str) -> Option<&str> {
    refusal.strip_prefix(REFUSED_PUBLISH)?.split('"').next()
}

/// As much of an error as is kept.
pub(super) fn cut(error: &str) -> String {
    error.chars().take(MAX_ERROR_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subject_of_a_refused_publish_is_known() {
        for (refusal, expected) in [
            ("Permissions Violation for Publish to \"sysconn.game.topic.7\"", Some("sysconn.game.topic.7")),
            ("Permissions Violation for Subscription to \"sysconn.game.nodes\"", None),
            ("Permissions Violation", None),
            ("Permissions Violation for Publish to ", None),
            ("Authorization Violation", None),
        ] {
            assert_eq!(refused_subject(refusal), expected, "{refusal}");
        }
    }

    #[test]
    fn refusals_are_counted_and_the_first_is_kept() {
        let events = Events::new(Arc::default());
        for error in ["Authorization Violation", "Permissions Violation for Publish to \"a\""] {
            events.note(&Event::ServerError(ServerError::Other(error.to_owned())));
        }
        let long = format!("{REFUSED_PUBLISH}{}", "x".repeat(1_000_000));
        events.note(&Event::ServerError(ServerError::Other(long.clone())));
        assert_eq!(events.refusal(), Some("Permissions Violation for Publish to \"a\""));
        assert_eq!(events.refused_publishes.load(Ordering::Relaxed), 2);
        assert_eq!(cut(&long).len(), MAX_ERROR_CHARS);
    }
}
