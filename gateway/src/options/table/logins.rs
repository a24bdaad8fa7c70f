//! Options: how logins are checked, and whom offences bar.

use super::super::entry::{Entry, InEcho, entry};
use super::super::value_type::ValueType::*;

pub(super) static ENTRIES: &[Entry] = &[
    entry(
        "token-keys",
        File(|o| &mut o.auth.token_keys),
        "",
        "Accept logins (command 1002) only with a token that is signed with a key in this file",
    )
    .in_echo(InEcho::Absent),
    entry(
        "jwt-keys",
        File(|o| &mut o.auth.jwt_keys),
        "",
        "Accept logins (command 1002) only with a token: a JWT that is signed with a key in this JWK Set counts",
    )
    .in_echo(InEcho::Absent),
    entry(
        "jwt-issuer",
        Text(|o| &mut o.auth.jwt_issuer),
        "",
        "Accept only JWTs with this issuer (iss); not given: any",
    )
    .in_echo(InEcho::Absent),
    entry(
        "jwt-audience",
        Text(|o| &mut o.auth.jwt_audience),
        "",
        "Accept only JWTs that are for this audience (aud); not given: those without one",
    )
    .in_echo(InEcho::Absent),
    entry(
        "login-replay",
        LoginReplay(|o| &mut o.auth.denies_replay),
        "allow",
        "Whether a token is good for any number of logins until it expires, or deny: for one",
    )
    .in_echo(InEcho::Absent),
    entry(
        "auth",
        Auth(|o| &mut o.auth.open),
        "",
        "open: believe every login, on addresses other than loopback too",
    )
    .in_echo(InEcho::Absent),
    entry(
        "blacklist-time",
        Timer(|o| &mut o.blacklist.time),
        "1h",
        "Bar an account, or an address, for so long after Data that does not decode; 0: never",
    )
    .in_echo(InEcho::Absent),
    entry(
        "blacklist-after",
        Offences(|o| &mut o.blacklist.after),
        "3",
        "Bar an address from this many such offences within an hour on, at most 100; 0: never",
    )
    .in_echo(InEcho::Absent),
];
