//! The command line of `sysconn referee`.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::value;

/// The address by default.
const LISTEN: &str = "127.0.0.1:9004";
/// The patience by default.
const PATIENCE: Duration = Duration::from_secs(5);

/// The arguments of `referee`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefereeTask {
    pub(crate) listen: SocketAddr,
    /// Numbers and names of cases, or their beginnings; none: all cases.
    pub(crate) cases: Vec<String>,
    /// How long to wait for each thing that must happen.
    pub(crate) patience: Duration,
    /// List the cases, and end.
    pub(crate) list: bool,
    /// Print JSON in place of a table.
    pub(crate) json: bool,
}

pub(super) fn command() -> Command {
    let switch = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    Command::new("referee")
        .about("A server that judges a client, case by case")
        .display_name("sysconn")
        .arg(
            option("listen", "ADDR:PORT", "Wait for the client's driver at this address")
                .value_parser(value_parser!(SocketAddr))
                .default_value(LISTEN),
        )
        .arg(
            option(
                "case",
                "CASE",
                "Try this case, or group of cases: 4.2, 4, flags, flags/late (repeatable) [default: all]",
            )
            .action(ArgAction::Append),
        )
        .arg(
            option("patience", "DURATION", "Wait so long for each thing that must happen [default: 5s]")
                .value_parser(patience),
        )
        .arg(switch("list", "List the cases, and end"))
        .arg(switch("json", "Print the verdicts as JSON"))
}

pub(super) fn read(matches: &ArgMatches) -> RefereeTask {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    RefereeTask {
        listen: matches.get_one("listen").copied().unwrap_or(listen),
        cases: matches.get_many("case").into_iter().flatten().cloned().collect(),
        patience: matches.get_one("patience").copied().unwrap_or(PATIENCE),
        list: matches.get_flag("list"),
        json: matches.get_flag("json"),
    }
}

fn patience(text: &str) -> Result<Duration, &'static str> {
    value::duration(text)
        .filter(|patience| !patience.is_zero())
        .ok_or("expected 1ms or more, with a unit (ms, s, m, h)")
}
