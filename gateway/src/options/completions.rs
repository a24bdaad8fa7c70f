//! The command line of `sysconn completions`, and what it prints.

use clap::{Arg, ArgMatches, Command, value_parser};
use clap_complete::{Shell, generate};

use super::command::program;

pub(super) fn command() -> Command {
    let shell = Arg::new("shell").value_name("SHELL").value_parser(value_parser!(Shell)).required(true);
    Command::new("completions")
        .about("Print a script with which a shell completes commands and options")
        .display_name("sysconn")
        .arg(shell.help("bash, zsh, fish, elvish or powershell"))
}

pub(super) fn print(matches: &ArgMatches) -> String {
    let mut script = Vec::new();
    if let Some(shell) = matches.get_one::<Shell>("shell") {
        generate(*shell, &mut program(), "sysconn", &mut script);
    }
    String::from_utf8_lossy(&script).into_owned()
}
