//! The table of options. It is the only description of each: flags with their help, keys of the file and
//! names in the environment come from it.

mod accounts;
mod development;
mod limits;
mod listeners;
mod logins;
mod observe;
mod output;
mod process;
mod timers;
mod upgrade;

use super::entry::Entry;

/// The options by what they are about, in the order of the help.
static GROUPS: &[&[Entry]] = &[
    listeners::ENTRIES,
    upgrade::ENTRIES,
    limits::ENTRIES,
    timers::ENTRIES,
    output::ENTRIES,
    process::ENTRIES,
    observe::ENTRIES,
    logins::ENTRIES,
    accounts::ENTRIES,
    development::ENTRIES,
];

/// All options, in the order of the help.
pub(super) fn entries() -> impl Iterator<Item = &'static Entry> {
    GROUPS.iter().copied().flatten()
}
