//! The errors for options that do not go together.

use sysconn::config::{ConfigError, MIN_RECORD_LIMIT, PACKET_OVERHEAD_BYTES};
use sysconn::packet::REQUEST_HEADER_BYTES;

use super::load::Given;
use super::{Exit, Options, escape, last, refuse};

/// The error text for a message limit of `serve` that is too low.
const HEADER: &str = "the header that every packet has";

impl Options {
    /// The error for options that do not go together; each value alone is in range.
    pub(super) fn conflict(&self, error: ConfigError, given: &[&Given]) -> Exit {
        let max_len = self.config.limits.max_len;
        let (name, expected) = match error {
            ConfigError::NoListener => ("listen", "at least one address".to_owned()),
            ConfigError::NoSubprotocol => {
                ("subprotocol-required", "false, or a --subprotocol beside it".to_owned())
            }
            ConfigError::Ipv6Only => {
                ("ipv6-only", "false, or no IPv4-mapped address to listen on".to_owned())
            }
            ConfigError::MaxLenBeforeLogin => {
                ("max-len-before-login", format!("at most {max_len}, which is --max-len"))
            }
            ConfigError::MaxLenForPackets => {
                ("max-len", format!("at least {REQUEST_HEADER_BYTES}, {HEADER}"))
            }
            ConfigError::MaxLenBeforeLoginForPackets => {
                ("max-len-before-login", format!("0 (off), or at least {REQUEST_HEADER_BYTES}, {HEADER}"))
            }
            ConfigError::HealthPathServed => {
                ("health-path", "a path that is none of path, or no client could connect there".to_owned())
            }
            ConfigError::RecordLimit => ("record-limit", format!("at least {MIN_RECORD_LIMIT}")),
            ConfigError::OutboxLimit => {
                let least = max_len.saturating_add(PACKET_OVERHEAD_BYTES);
                (
                    "outbox-limit",
                    format!(
                        "0 (off), or at least {least}, which is --max-len and {PACKET_OVERHEAD_BYTES} bytes"
                    ),
                )
            }
            _ => ("", String::new()),
        };
        match last(given, name) {
            Some(given) => {
                let value = given.values.first().map_or("an empty list".to_owned(), escape::quoted);
                refuse(&given.origin, &expected, &value)
            }
            None => Exit::Error(format!("sysconn: {error}")),
        }
    }
}
