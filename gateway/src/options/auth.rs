//! The options about who may log in, and the check that they go together.

use std::path::PathBuf;

use sysconn::config::Listen;

use super::load::Given;
use super::{Exit, Mode, Options, escape, last, refuse};

/// How logins are checked.
#[derive(Clone, Debug, Default)]
pub(crate) struct AuthOptions {
    /// The file of the keys that tokens of sysconn's own form are signed with.
    pub(crate) token_keys: Option<PathBuf>,
    /// The JWK Set of the keys that JWTs are signed with.
    pub(crate) jwt_keys: Option<PathBuf>,
    /// The issuer that JWTs must be from.
    pub(crate) jwt_issuer: Option<String>,
    /// The audience that JWTs must be for.
    pub(crate) jwt_audience: Option<String>,
    /// Whether `serve` may believe logins on any address. Without it there are keys, or all of
    /// `config.listen` is loopback or a Unix domain socket, or the program is `echo`.
    pub(crate) open: bool,
    /// Whether each token is good for one login.
    pub(crate) denies_replay: bool,
}

impl AuthOptions {
    /// Whether logins are checked. Without keys all of them are believed.
    fn has_keys(&self) -> bool {
        self.token_keys.is_some() || self.jwt_keys.is_some()
    }
}

impl Options {
    /// Checks that logins are either checked or believed, and that only those who may be believed can
    /// connect.
    pub(super) fn check_auth(&self, given: &[&Given]) -> Vec<Exit> {
        let mut problems = vec![];
        if self.mode == Mode::Echo {
            return problems;
        }
        let auth = &self.auth;
        for (name, value) in [("jwt-issuer", &auth.jwt_issuer), ("jwt-audience", &auth.jwt_audience)] {
            if let (Some(value), None) = (value, &auth.jwt_keys) {
                problems.push(self.without_keys(given, name, "none without --jwt-keys", value));
            }
        }
        if auth.denies_replay && !auth.has_keys() {
            let expected = "allow without --token-keys or --jwt-keys, since there are no tokens";
            problems.push(self.without_keys(given, "login-replay", expected, "deny"));
        }
        match (auth.has_keys(), auth.open) {
            (true, false) | (false, true) => {}
            (false, false) => problems.extend(self.check_loopback(given).err()),
            (true, true) => {
                let keys = if auth.token_keys.is_some() { "--token-keys" } else { "--jwt-keys" };
                let expected = format!("none beside {keys}, which has every login checked");
                problems.push(self.without_keys(given, "auth", &expected, "open"));
            }
        }
        problems
    }

    /// Whether only clients of this machine may connect.
    pub(super) fn is_for_this_machine(&self) -> bool {
        let believes = self.mode == Mode::Serve && !self.auth.has_keys() && !self.auth.open;
        believes || self.is_dev()
    }

    /// The error for an option that does not go with the keys, or with their lack.
    fn without_keys(&self, given: &[&Given], name: &str, expected: &str, value: &str) -> Exit {
        let flag = format!("--{name}");
        let origin = last(given, name).map_or(&flag, |given| &given.origin);
        refuse(origin, expected, &escape::quoted(value))
    }

    /// Without keys, anyone who can connect can log in as anyone. So that needs a local address, and no proxy
    /// that lets others in.
    fn check_loopback(&self, given: &[&Given]) -> Result<(), Exit> {
        const CHECKED: &str =
            "--token-keys or --jwt-keys to check logins, or --auth open to believe every one";
        let trusted = [
            ("proxy-protocol", "--proxy-protocol", &self.config.proxies.proxy_protocol),
            ("forwarded-for", "--forwarded-for", &self.config.proxies.forwarded_for),
        ];
        for (name, flag, proxies) in trusted {
            let Some(proxy) = proxies.first() else { continue };
            let origin = last(given, name).map_or(flag, |given| &given.origin);
            return Err(refuse(origin, &format!("no proxy, {CHECKED}"), &escape::quoted(proxy.to_string())));
        }
        self.refuse_exposed(given, &format!("a loopback address, {CHECKED}"))
    }

    /// The error for an address that other machines can connect to. `expected` is what must be in its place.
    pub(super) fn refuse_exposed(&self, given: &[&Given], expected: &str) -> Result<(), Exit> {
        let exposed = self.config.listen.iter().find(|listen| match listen {
            Listen::Tcp(address) => !address.ip().to_canonical().is_loopback(),
            Listen::Unix(_) => false,
        });
        let Some(listen) = exposed else {
            return Ok(());
        };
        let origin = last(given, "listen").map_or("--listen", |given| &given.origin);
        Err(refuse(origin, expected, &escape::quoted(listen.to_string())))
    }
}
