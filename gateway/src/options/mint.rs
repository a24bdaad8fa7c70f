//! The arguments of `token`, which mints tokens for development.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgMatches, Command, value_parser};
use sysconn::{ClientKind, Custodian, Identity, Login};

use super::value;

/// The arguments of `token`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mint {
    /// The file whose first key signs.
    pub(crate) keys: PathBuf,
    /// Whom the token is for.
    pub(crate) login: Login,
    /// How long it is good; at least a second.
    pub(crate) lifetime: Duration,
}

pub(super) fn command() -> Command {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let number = value_parser!(u64);
    Command::new("token")
        .about("Make a token for a login (command 1002), for development: services make their own")
        .display_name("sysconn")
        .arg(
            option("token-keys", "FILE", "Sign with the first key in this file")
                .value_parser(value_parser!(PathBuf))
                .required(true),
        )
        .arg(option("account", "NAME", "The account that may log in").required(true))
        .arg(option("role", "NUMBER", "The role that it plays").value_parser(number).required(true))
        .arg(
            option("platform", "NAME", "The platform [default: none]")
                .default_value("")
                .hide_default_value(true),
        )
        .arg(option("zone", "NUMBER", "The game zone").value_parser(value_parser!(u32)).default_value("0"))
        .arg(
            option("kind", "KIND", "tester, game-server, or monitor for an operator")
                .value_parser(kind)
                .default_value("tester"),
        )
        .arg(
            option("custodian", "NAME", "The account that acts on behalf of this one [default: none]")
                .default_value("")
                .hide_default_value(true),
        )
        .arg(
            option("custodian-role", "NUMBER", "The role of that account")
                .value_parser(number)
                .default_value("0"),
        )
        .arg(
            option("lifetime", "DURATION", "How long the token is good, 1s to 168h")
                .value_parser(lifetime)
                .default_value("1h"),
        )
}

pub(super) fn read(matches: &ArgMatches) -> Mint {
    let text = |name| matches.get_one::<String>(name).cloned().unwrap_or_default();
    let number = |name| matches.get_one::<u64>(name).copied().unwrap_or_default();
    let custodian = Custodian { account: text("custodian"), role_id: number("custodian-role") };
    Mint {
        keys: matches.get_one::<PathBuf>("token-keys").cloned().unwrap_or_default(),
        login: Login {
            identity: Identity {
                account: text("account"),
                platform: text("platform"),
                zone_id: matches.get_one("zone").copied().unwrap_or_default(),
                role_id: number("role"),
            },
            kind: matches.get_one("kind").copied().unwrap_or_default(),
            custodian: (custodian != Custodian::default()).then_some(custodian),
            ..Login::default()
        },
        lifetime: matches.get_one("lifetime").copied().unwrap_or_default(),
    }
}

/// The name of a kind, as here or as in proto/sysconn.proto.
pub(super) fn kind(text: &str) -> Result<ClientKind, String> {
    let label = text.to_ascii_lowercase().replace('_', "-");
    let kinds = [ClientKind::Guest, ClientKind::Player, ClientKind::Operator];
    let kind = kinds.into_iter().find(|kind| kind.label() == label);
    kind.ok_or_else(|| "expected tester, game-server or monitor".to_owned())
}

fn lifetime(text: &str) -> Result<Duration, String> {
    let lifetime = value::duration(text).filter(|lifetime| *lifetime >= Duration::from_secs(1));
    lifetime.ok_or_else(|| "expected 1s to 168h".to_owned())
}
