//! The options about the black list.

use std::time::Duration;

use super::Options;

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

impl Options {
    /// A line for the log about an option that has no effect, since offences list nobody.
    pub(crate) fn blacklist_warning(&self) -> Option<String> {
        let BlacklistOptions { time, after } = self.blacklist;
        let after = after.filter(|after| time.is_none() && *after != AFTER)?;
        Some(format!(
            "--blacklist-after {after} has no effect without --blacklist-time: offences list nobody"
        ))
    }
}
