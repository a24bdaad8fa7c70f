//! The command line of `sysconn accounts`.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};

/// The arguments of `accounts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accounts {
    pub(crate) action: AccountsAction,
    /// The directory of the store.
    pub(crate) data: PathBuf,
}

/// What to do with accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccountsAction {
    List,
    /// Show the account with a role.
    Show(u64),
    /// Remove the account with a role.
    Remove(u64),
}

/// The command.
pub(super) fn command() -> Command {
    let role = || {
        let role = Arg::new("role").value_name("ROLE_ID").required(true).value_parser(value_parser!(u64));
        role.help("The role of the account")
    };
    let action = |name: &'static str, about: &'static str| {
        let data = Arg::new("data").long("data").value_name("DIR").required(true);
        let data = data.value_parser(value_parser!(PathBuf)).help("The directory that serve had as --data");
        Command::new(name).about(about).display_name("sysconn").arg(data)
    };
    Command::new("accounts")
        .about("The accounts of a store, while no server uses it")
        .display_name("sysconn")
        .subcommand_required(true)
        .subcommand(action("list", "List all accounts and their roles"))
        .subcommand(action("show", "Show the account that has a role").arg(role()))
        .subcommand(
            action("remove", "Remove the account that has a role, which is not given again").arg(role()),
        )
}

/// Reads the arguments, which clap has checked.
pub(super) fn read(matches: &ArgMatches) -> Accounts {
    let (name, matches) = matches.subcommand().unwrap_or(("list", matches));
    let role_id = || matches.get_one::<u64>("role").copied().unwrap_or_default();
    let action = match name {
        "show" => AccountsAction::Show(role_id()),
        "remove" => AccountsAction::Remove(role_id()),
        _ => AccountsAction::List,
    };
    Accounts { action, data: matches.get_one::<PathBuf>("data").cloned().unwrap_or_default() }
}
