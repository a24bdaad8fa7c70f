//! The options that say as whom a command of the program logs in.

use clap::{Arg, ArgMatches, value_parser};
use sysconn::ClientKind;

/// As whom to log in, where the token does not say it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LoginAs {
    pub(crate) account: Option<String>,
    pub(crate) platform: Option<String>,
    pub(crate) zone_id: Option<u32>,
    pub(crate) role_id: Option<u64>,
    pub(crate) kind: Option<ClientKind>,
}

/// The names of the options: of the account, the role, the platform, the zone and, if there is one, the kind.
pub(super) type Names = [&'static str; 5];

/// The options, without their help.
pub(super) fn arguments(names: Names) -> [Arg; 5] {
    let [account, role, platform, zone, kind] = names;
    let option = |name: &'static str, value: &'static str| Arg::new(name).long(name).value_name(value);
    [
        option(account, "NAME"),
        option(role, "NUMBER").value_parser(value_parser!(u64)),
        option(platform, "NAME"),
        option(zone, "NUMBER").value_parser(value_parser!(u32)),
        option(kind, "KIND").value_parser(super::mint::kind),
    ]
}

pub(super) fn read(matches: &ArgMatches, names: Names) -> LoginAs {
    let [account, role, platform, zone, kind] = names;
    let text = |name: &str| matches.try_get_one::<String>(name).ok().flatten().cloned();
    LoginAs {
        account: text(account),
        platform: text(platform),
        zone_id: matches.try_get_one(zone).ok().flatten().copied(),
        role_id: matches.try_get_one(role).ok().flatten().copied(),
        kind: matches.try_get_one(kind).ok().flatten().copied(),
    }
}
