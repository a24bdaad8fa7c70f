//! The system clock, by which clients, tokens and the black list go.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 by the system clock, which an operator may have set since the program began.
#[expect(clippy::disallowed_methods, reason = "clients, tokens and entries use the system clock")]
pub(crate) fn unix_ms() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}
