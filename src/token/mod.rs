//! Login tokens: a token authorizes its holder to log in as one player until it expires.
//!
//! The login service of the game, which knows the players, signs a token with a key that the gateway knows
//! too, and gives it to the client. No state is kept: a token is valid for any number of logins until it
//! expires.
//!
//! ```text
//! token = "1." EXPIRES "." MAC
//! ```
//!
//! EXPIRES is in seconds since 1970 (UTC), in decimal without leading zeros. MAC is 64 lower-case hexadecimal
//! digits: the HMAC-SHA-256 (RFC 2104) of nine netstrings (`LENGTH ":" BYTES ","`) in a row: the words
//! `sysconn login`, EXPIRES, the account, the platform, the zone, the role, the kind (0 tester, 1 game
//! server, 2 monitor), the custodian's account, and the custodian's role. Numbers are in decimal. Without a
//! custodian its account is empty and its role is 0. Each login and time has exactly one such text, which no
//! other has.

mod keys;
#[cfg(test)]
mod tests;

use std::fmt::{self, Write as _};

use crate::record::{ClientKind, Login};

pub use keys::{Keys, KeysError, MAX_KEY_BYTES, MAX_KEYS, MIN_KEY_BYTES};

/// The first characters of every token of this form.
const VERSION: &str = "1.";
/// The first netstring: nothing else that is signed with the same key is a login.
const PURPOSE: &str = "sysconn login";
/// The length of an HMAC-SHA-256, in bytes.
const MAC_BYTES: usize = 32;

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// It does not have the form of a token.
    Malformed,
    /// It was signed with another key, or for another login.
    Forged,
    /// It is genuine, but has expired.
    Expired,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TokenError::Malformed => "not a token",
            TokenError::Forged => "made with no key that is known, or for somebody else",
            TokenError::Expired => "expired",
        })
    }
}

impl std::error::Error for TokenError {}

impl Keys {
    /// Signs a token, with the first key, that authorizes `login` before `expires`, in seconds since 1970
    /// (UTC).
    #[must_use]
    pub fn sign(&self, login: &Login, expires: u64) -> String {
        let mut token = format!("{VERSION}{expires}.");
        for byte in self.first().mac(message(login, expires).as_bytes()) {
            let _ = write!(token, "{byte:02x}");
        }
        token
    }

    /// Checks that a token was signed with one of the keys for exactly `login`, and has not expired at `now`,
    /// in seconds since 1970 (UTC). Returns the time at which it expires.
    ///
    /// The MAC is compared in constant time.
    ///
    /// # Errors
    /// [`TokenError`]. Only a genuine token is [`TokenError::Expired`].
    pub fn verify(&self, token: &str, login: &Login, now: u64) -> Result<u64, TokenError> {
        let (expires, mac) = read(token).ok_or(TokenError::Malformed)?;
        let message = message(login, expires);
        if !self.all().any(|key| key.has_made(&mac, message.as_bytes())) {
            return Err(TokenError::Forged);
        }
        if now < expires { Ok(expires) } else { Err(TokenError::Expired) }
    }
}

/// The text that is signed.
fn message(login: &Login, expires: u64) -> String {
    let Login { identity, kind, custodian, take_topics: _ } = login;
    let kind = match kind {
        ClientKind::Guest => "0",
        ClientKind::Player => "1",
        ClientKind::Operator => "2",
    };
    let (custodian, custodian_role_id) =
        custodian.as_ref().map_or(("", 0), |custodian| (&custodian.account, custodian.role_id));
    let fields = [
        PURPOSE,
        &expires.to_string(),
        &identity.account,
        &identity.platform,
        &identity.zone_id.to_string(),
        &identity.role_id.to_string(),
        kind,
        custodian,
        &custodian_role_id.to_string(),
    ];
    let mut message = String::new();
    for field in fields {
        let _ = write!(message, "{}:{field},", field.len());
    }
    message
}

/// The expiry and MAC of a token; `None` if it does not have the form of one.
fn read(token: &str) -> Option<(u64, [u8; MAC_BYTES])> {
    let (digits, mac) = token.strip_prefix(VERSION)?.split_once('.')?;
    let expires: u64 = digits.parse().ok()?;
    let is_lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if expires.to_string() != digits || mac.len() != 2 * MAC_BYTES || !mac.bytes().all(is_lower) {
        return None;
    }
    Some((expires, keys::from_hex(mac)?.try_into().ok()?))
}
