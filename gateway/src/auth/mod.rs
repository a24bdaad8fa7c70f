//! Checks logins: by tokens of sysconn's own form, by JWTs, or not at all.

mod key_file;
mod rules;
mod used;

use sysconn::Login;
use sysconn::token::Keys;

use crate::clock::{OnceAMinute, unix_ms};
use crate::jwt::{self, Expected, KeySet};
use crate::options::{AuthOptions, of_option, shown};

use key_file::KeyFile;

pub(crate) use used::{MAX_USED_TOKENS, TokenUse, UsedToken};

pub(crate) use rules::{MAX_NAME_BYTES, NO_ROLE, check_login};

/// The first characters of a token of sysconn's own form, with which no JWT begins.
const OWN_FORM: &str = "1.";

/// The keys that logins are checked with, shared by all workers. Without any every login is believed.
#[derive(Debug, Default)]
pub(crate) struct Auth {
    own: Option<KeyFile<Keys>>,
    jwt: Option<Jwt>,
    /// Whether each token is good for one login.
    denies_replay: bool,
    /// When the log last said that too many tokens are remembered.
    told_full: OnceAMinute,
}

/// A login that was checked.
#[derive(Debug)]
pub(crate) struct Checked {
    /// With what a JWT says about fields that the client left out.
    pub(crate) login: Login,
    /// Its token, if that works only once.
    pub(crate) token: Option<UsedToken>,
}

#[derive(Debug)]
struct Jwt {
    keys: KeyFile<KeySet>,
    expected: Expected,
}

impl Auth {
    /// Reads the files that the options name.
    ///
    /// # Errors
    /// One line that says which option names one that cannot be used, and why.
    pub(crate) fn open(options: &AuthOptions) -> Result<Self, String> {
        let parse_own: fn(&[u8]) -> _ = |text| Keys::from_text(text).map_err(|error| error.to_string());
        let own = options.token_keys.as_ref().map(|path| KeyFile::open(path, parse_own)).transpose();
        let own = own.map_err(of_option("token-keys"))?;
        let Some(path) = &options.jwt_keys else {
            return Ok(Auth { own, denies_replay: options.denies_replay, ..Auth::default() });
        };
        jwt::install()?;
        let keys = KeyFile::open(path, |text| KeySet::from_json(text).map_err(|error| error.to_string()));
        let keys = keys.map_err(of_option("jwt-keys"))?;
        let expected =
            Expected { issuer: options.jwt_issuer.clone(), audience: options.jwt_audience.clone() };
        let jwt = Jwt { keys, expected };
        jwt.log_odd_keys();
        Ok(Auth { own, jwt: Some(jwt), denies_replay: options.denies_replay, ..Auth::default() })
    }

    /// Whether logins are checked.
    pub(crate) fn is_on(&self) -> bool {
        self.own.is_some() || self.jwt.is_some()
    }

    /// Reads the files again. Clients that are logged in stay so. The log says which keys were read again,
    /// and which stay as they were.
    pub(crate) fn reload(&self) {
        let tell = |what: &str, result| match result {
            Ok(()) => log::info!("the {what} were read again"),
            Err(line) => log::error!("the {what} stay as they were: {line}"),
        };
        if let Some(file) = &self.own {
            tell("keys of logins", file.reload());
        }
        if let Some(jwt) = &self.jwt {
            let result = jwt.keys.reload();
            if result.is_ok() {
                jwt.log_odd_keys();
            }
            tell("keys of JWTs", result);
        }
    }

    /// Says that too many used tokens are remembered, once a minute at most.
    pub(crate) fn tell_full(&self) {
        if self.told_full.is_due(unix_ms()) {
            log::error!(
                "{MAX_USED_TOKENS} used tokens are remembered, and no other is accepted until one expires"
            );
        }
    }

    /// Checks that the token is valid for the login at `now`, in seconds since 1970 (UTC).
    ///
    /// # Errors
    /// Why the token is not accepted, without any part of it.
    pub(crate) fn check(&self, token: &str, login: Login, now: u64) -> Result<Checked, String> {
        let refused = |error: &dyn std::fmt::Display| format!("the token is {error}");
        let (login, signed, ends) = match (&self.own, &self.jwt) {
            (None, None) => return Ok(Checked { login, token: None }),
            (Some(file), jwt) if jwt.is_none() || token.starts_with(OWN_FORM) => {
                let checked = file.with(|keys| keys.verify(token, &login, now));
                (login, token, checked.map_err(|error| refused(&error))?)
            }
            (_, Some(jwt)) => {
                let checked = jwt.keys.with(|keys| jwt::verify(token, keys, &jwt.expected, &login, now));
                let (login, ends) = checked.map_err(|error| refused(&error))?;
                // ECDSA has several signatures for the same.
                (login, token.rsplit_once('.').map_or(token, |(signed, _)| signed), ends)
            }
            (Some(_), None) => return Err(refused(&"not a token")),
        };
        Ok(Checked { login, token: self.denies_replay.then(|| UsedToken::new(signed, ends)) })
    }
}

impl Jwt {
    /// Warns of keys that are for something else, and of those that a gateway should not have.
    fn log_odd_keys(&self) {
        let path = shown(self.keys.path());
        let (skipped, private) = self.keys.with(|keys| (keys.skipped.clone(), keys.private.clone()));
        for number in skipped {
            log::warn!(
                "{path}: key {number} is not used: it is not for signatures by HS256, EdDSA, ES256 or RS256"
            );
        }
        for number in private {
            log::warn!(
                "{path}: key {number} has its private part (\"d\"): who can read the file can make tokens"
            );
        }
    }
}
