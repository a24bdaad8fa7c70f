//! The command line of `sysconn blacklist`.

use std::path::PathBuf;

use clap::{Arg, ArgGroup, ArgMatches, Command, value_parser};

use super::Url;

/// The arguments of `blacklist`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BlacklistTask {
    pub(crate) action: BlacklistAction,
    pub(crate) on: BlacklistTarget,
}

/// What to do with the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BlacklistAction {
    List,
    /// List an account and an address, each if it is not empty, for so many seconds; 0: as the server says.
    Add {
        account: String,
        address: String,
        seconds: u32,
    },
    /// Remove an account and an address, each if it is not empty.
    Remove {
        account: String,
        address: String,
    },
    Clear,
}

/// Where the list is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BlacklistTarget {
    /// At a server that runs.
    Server { url: Url, offer: Offer, token_file: Option<PathBuf>, login: LoginAs },
    /// In a directory that no server uses.
    Data { directory: PathBuf, ipv6_prefix: u8 },
}

/// What a client says in its upgrade request, for servers that have lists of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) origin: Option<String>,
    pub(crate) subprotocol: Option<String>,
}

/// As whom to log in, where the token does not say it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LoginAs {
    pub(crate) account: Option<String>,
    pub(crate) platform: Option<String>,
    pub(crate) zone_id: Option<u32>,
    pub(crate) role_id: Option<u64>,
}

fn option(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

/// A command with the options that say where the list is.
fn action(name: &'static str, about: &'static str) -> Command {
    let path = value_parser!(PathBuf);
    let of_server = |arg: Arg| arg.conflicts_with("data");
    Command::new(name)
        .about(about)
        .display_name("sysconn")
        .arg(option("url", "URL", "Ask the server at ws://HOST:PORT or wss://HOST:PORT").value_parser(url))
        .arg(of_server(
            option("origin", "ORIGIN", "Say that this is the origin, to a server with a list of them")
                .value_parser(header),
        ))
        .arg(of_server(
            option("subprotocol", "NAME", "Offer this subprotocol, to a server that requires one")
                .value_parser(header),
        ))
        .arg(of_server(
            option("token-file", "FILE", "Log in with the token in this file, of an operator")
                .value_parser(path.clone()),
        ))
        .arg(of_server(option(
            "login-account",
            "NAME",
            "Log in as this account [default: a JWT's, or operator]",
        )))
        .arg(of_server(
            option("login-role", "NUMBER", "And with this role [default: a JWT's, or the highest]")
                .value_parser(value_parser!(u64)),
        ))
        .arg(of_server(option("login-platform", "NAME", "And this platform [default: a JWT's, or none]")))
        .arg(of_server(
            option("login-zone", "NUMBER", "And this zone [default: a JWT's, or 0]")
                .value_parser(value_parser!(u32)),
        ))
        .arg(
            option("data", "DIR", "Use the store in this directory, while no server does").value_parser(path),
        )
        .arg(
            option(
                "ipv6-prefix",
                "BITS",
                "With --data: take an IPv6 address for its network of so many bits",
            )
            .value_parser(value_parser!(u8).range(1..=128))
            .default_value("64"),
        )
        .group(ArgGroup::new("target").args(["url", "data"]).required(true))
}

/// Adds the options that say who is meant.
fn with_subjects(command: Command) -> Command {
    command
        .arg(option("account", "NAME", "This account"))
        .arg(option("address", "IP", "This address; an IPv6 address stands for its network"))
        .group(ArgGroup::new("who").args(["account", "address"]).required(true).multiple(true))
}

pub(super) fn command() -> Command {
    let time =
        option("time", "DURATION", "For so long: 30s, 5m, 2h, 7d [default: the server's blacklist-time]");
    Command::new("blacklist")
        .about("The black list of a server that runs, or of a store that no server uses")
        .display_name("sysconn")
        .subcommand_required(true)
        .subcommand(action("list", "List all entries"))
        .subcommand(
            with_subjects(action("add", "Bar an account, or an address")).arg(time.value_parser(seconds)),
        )
        .subcommand(with_subjects(action("remove", "Let an account, or an address, in again")))
        .subcommand(action("clear", "Remove all entries"))
}

pub(super) fn read(matches: &ArgMatches) -> BlacklistTask {
    let (name, matches) = matches.subcommand().unwrap_or(("list", matches));
    let text = |name| matches.get_one::<String>(name).cloned();
    let who = || (text("account").unwrap_or_default(), text("address").unwrap_or_default());
    let action = match name {
        "add" => {
            let (account, address) = who();
            let seconds = matches.get_one("time").copied().unwrap_or_default();
            BlacklistAction::Add { account, address, seconds }
        }
        "remove" => {
            let (account, address) = who();
            BlacklistAction::Remove { account, address }
        }
        "clear" => BlacklistAction::Clear,
        _ => BlacklistAction::List,
    };
    let on = match matches.get_one::<Url>("url") {
        Some(url) => BlacklistTarget::Server {
            url: url.clone(),
            offer: Offer { origin: text("origin"), subprotocol: text("subprotocol") },
            token_file: matches.get_one("token-file").cloned(),
            login: LoginAs {
                account: text("login-account"),
                platform: text("login-platform"),
                zone_id: matches.get_one("login-zone").copied(),
                role_id: matches.get_one("login-role").copied(),
            },
        },
        None => BlacklistTarget::Data {
            directory: matches.get_one::<PathBuf>("data").cloned().unwrap_or_default(),
            ipv6_prefix: matches.get_one("ipv6-prefix").copied().unwrap_or(64),
        },
    };
    BlacklistTask { action, on }
}

fn url(text: &str) -> Result<Url, &'static str> {
    text.parse()
}

/// A value of a header that needs no quotes.
fn header(text: &str) -> Result<String, &'static str> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_plain { Ok(text.to_owned()) } else { Err("expected ASCII characters without spaces") }
}

/// A duration of whole seconds, at least one.
fn seconds(text: &str) -> Result<u32, &'static str> {
    const EXPECTED: &str = "expected a whole number with a unit (s, m, h, d), at most 49710d";
    let (digits, unit) = text.split_at(text.len().saturating_sub(1));
    let unit_seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return Err(EXPECTED),
    };
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse::<u32>().ok().filter(|number| is_number && *number > 0);
    number.and_then(|number| number.checked_mul(unit_seconds)).ok_or(EXPECTED)
}
