//! The table of options. It is the only description of each: flags with their help, keys of the file and
//! names in the environment come from it.

mod accounts;
mod admin;
mod cluster;
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

/// The options by what they are about, with a title for each group, in the order of the help.
static GROUPS: &[(&str, &[Entry])] = &[
    ("Addresses", listeners::ENTRIES),
    ("The upgrade", upgrade::ENTRIES),
    ("Limits", limits::ENTRIES),
    ("Timers", timers::ENTRIES),
    ("Output", output::ENTRIES),
    ("Shutdown and threads", process::ENTRIES),
    ("Recordings and the log", observe::ENTRIES),
    ("The admin server", admin::ENTRIES),
    ("Logins", logins::ENTRIES),
    ("Accounts", accounts::ENTRIES),
    ("Cluster", cluster::ENTRIES),
    ("Development", development::ENTRIES),
];

/// All options, in the order of the help.
pub(super) fn entries() -> impl Iterator<Item = &'static Entry> {
    GROUPS.iter().flat_map(|(_, entries)| *entries)
}

/// The groups, each with its title.
pub(super) fn groups() -> impl Iterator<Item = (&'static str, &'static [Entry])> {
    GROUPS.iter().copied()
}
