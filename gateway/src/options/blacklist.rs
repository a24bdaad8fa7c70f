//! The options about the black list.

use std::time::Duration;

/// The default of `--blacklist-time`.
const TIME: Duration = Duration::from_secs(3600);
/// The default of `--blacklist-after`.
const AFTER: usize = 3;

/// Whom offences list, and for how long.
#[derive(Clone, Debug)]
pub(crate) struct BlacklistOptions {
    /// How long an offence lists an account or an address; `None`: offences list nobody.
    pub(crate) time: Option<Duration>,
    /// The offence within an hour from which on an address is listed; `None`: none is.
    pub(crate) after: Option<usize>,
}

impl Default for BlacklistOptions {
    fn default() -> Self {
        BlacklistOptions { time: Some(TIME), after: Some(AFTER) }
    }
}
