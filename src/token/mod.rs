//! Signed logins: a token says that whoever shows it may log in as who it was made for, for a while.
//!
//! The game's own login service, which knows the players, makes a token with a key that the gateway knows too, and
//! hands it to the client. No state is kept: a token is good for any number of logins until it expires.
//!
//! ```text
//! token = "1." EXPIRES "." MAC
//! ```
//!
//! EXPIRES is seconds since 1970 (UTC) in decimal, without zeros in front. MAC is 64 lower-case hexadecimal digits:
//! the HMAC-SHA-256 (RFC 2104) of nine netstrings, which are `LENGTH ":" BYTES ","` each, one behind the other: the
//! words `sysconn login`, EXPIRES, the account, the platform, the zone, the role, the kind (0 tester, 1 game server,
//! 2 monitor), the custodian's account and the custodian's role. Numbers are in decimal; no custodian is the empty
//! account and role 0. So there is one text for each login, time and key, and none for two of them.

mod keys;
#[cfg(test)]
mod tests;

use std::fmt::{self, Write as _};

use crate::record::{ClientKind, Login};

pub use keys::{Keys, KeysError, MAX_KEY_BYTES, MAX_KEYS, MIN_KEY_BYTES};

/// What every token of this form begins with.
const VERSION: &str = "1.";
/// The first netstring: what else is signed with the same key is no login.
const PURPOSE: &str = "sysconn login";
/// Bytes of an HMAC-SHA-256.
const MAC_BYTES: usize = 32;

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// It is not written as a token is.
    Malformed,
    /// None of the keys has made it, or it was made for somebody else.
    Forged,
    /// It was good, and its time is over.
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
    /// The token with which somebody may log in like that before the second `expires`, made with the first key.
    #[must_use]
    pub fn sign(&self, login: &Login, expires: u64) -> String {
        let mut token = format!("{VERSION}{expires}.");
        for byte in self.first().mac(message(login, expires).as_bytes()) {
            let _ = write!(token, "{byte:02x}");
        }
        token
    }

    /// Whether the token was made with one of the keys for that very login, and is still good at the second
    /// `now`. Returns when it expires. How long it takes does not depend on how much of the token is right.
    ///
    /// # Errors
    /// [`TokenError`]. That it has expired is said only of what was once good.
    pub fn verify(&self, token: &str, login: &Login, now: u64) -> Result<u64, TokenError> {
        let (expires, mac) = read(token).ok_or(TokenError::Malformed)?;
        let message = message(login, expires);
        if !self.all().any(|key| key.has_made(&mac, message.as_bytes())) {
            return Err(TokenError::Forged);
        }
        if now < expires { Ok(expires) } else { Err(TokenError::Expired) }
    }
}

/// What is signed.
fn message(login: &Login, expires: u64) -> String {
    let Login { identity, kind, custodian } = login;
    let kind = match kind {
        ClientKind::Tester => "0",
        ClientKind::GameServer => "1",
        ClientKind::Monitor => "2",
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

/// When a token expires, and what is to be its MAC; none if it is not written as a token is.
fn read(token: &str) -> Option<(u64, [u8; MAC_BYTES])> {
    let (digits, mac) = token.strip_prefix(VERSION)?.split_once('.')?;
    let expires: u64 = digits.parse().ok()?;
    let is_lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if expires.to_string() != digits || mac.len() != 2 * MAC_BYTES || !mac.bytes().all(is_lower) {
        return None;
    }
    Some((expires, keys::from_hex(mac)?.try_into().ok()?))
}
