//! The command line of `sysconn replay`.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

/// The arguments of `replay`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replay {
    pub(crate) file: PathBuf,
    /// List it in place of replaying it.
    pub(crate) show: bool,
}

pub(super) fn command() -> Command {
    let file = Arg::new("file").value_name("FILE").value_parser(value_parser!(PathBuf)).required(true);
    let show = Arg::new("show").long("show").action(ArgAction::SetTrue);
    Command::new("replay")
        .about("Go through a recording again, and show the first thing that is not as it was")
        .display_name("sysconn")
        .arg(file.help("A recording, as --record makes them"))
        .arg(show.help("List what is in it instead"))
}

pub(super) fn read(matches: &ArgMatches) -> Replay {
    Replay {
        file: matches.get_one::<PathBuf>("file").cloned().unwrap_or_default(),
        show: matches.get_flag("show"),
    }
}
