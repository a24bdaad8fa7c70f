//! The claims of a JWT: whom it lets in, and from when until when.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use sysconn::{ClientKind, Custodian, Identity, Login};

use super::JwtError;

/// How much the clocks of the login service and of this machine may differ, in seconds.
pub(crate) const LEEWAY_SECONDS: u64 = 60;

/// The claims that matter here. A claim that is `null` counts as missing.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Claims {
    exp: Option<Seconds>,
    nbf: Option<Seconds>,
    sub: Option<String>,
    platform: Option<String>,
    zone_id: Option<Number>,
    role_id: Option<Number>,
    kind: Option<Kind>,
    custodian: Option<String>,
    custodian_role_id: Option<Number>,
}

impl Claims {
    /// Checks the time, in seconds since 1970 (UTC). Returns the time from which on it is refused.
    ///
    /// # Errors
    /// [`JwtError::Missing`], [`JwtError::Expired`] or [`JwtError::NotYet`].
    pub(super) fn check_time(&self, now: u64) -> Result<u64, JwtError> {
        let ends = self.exp.as_ref().ok_or(JwtError::Missing("exp"))?.0.saturating_add(LEEWAY_SECONDS);
        if now >= ends {
            return Err(JwtError::Expired);
        }
        match &self.nbf {
            Some(begin) if now.saturating_add(LEEWAY_SECONDS) < begin.0 => Err(JwtError::NotYet),
            _ => Ok(ends),
        }
    }

    /// The login that the token is for.
    ///
    /// # Errors
    /// [`JwtError::Missing`] or [`JwtError::Claims`].
    pub(super) fn login(self) -> Result<Login, JwtError> {
        let number = |claim: Option<Number>| claim.map_or(0, |number| number.0);
        let custodian = Custodian {
            account: self.custodian.unwrap_or_default(),
            role_id: number(self.custodian_role_id),
        };
        Ok(Login {
            identity: Identity {
                account: self.sub.ok_or(JwtError::Missing("sub"))?,
                platform: self.platform.unwrap_or_default(),
                zone_id: u32::try_from(number(self.zone_id)).map_err(|_| JwtError::Claims)?,
                role_id: self.role_id.ok_or(JwtError::Missing("role_id"))?.0,
            },
            kind: self.kind.map_or(ClientKind::Guest, |kind| kind.0),
            custodian: (custodian != Custodian::default()).then_some(custodian),
            ..Login::default()
        })
    }
}

/// The login that a client gets: what the token says, if each field that the client gives is as in the token.
/// A field that it leaves out, which is 0 or empty, is the token's.
///
/// # Errors
/// [`JwtError::Differs`]: the first field that is not as in the token.
pub(super) fn authorize(token: Login, given: &Login) -> Result<Login, JwtError> {
    let custodian = |login: &Login| login.custodian.clone().unwrap_or_default();
    let (of_token, of_client) = (&token.identity, &given.identity);
    let (token_custodian, client_custodian) = (custodian(&token), custodian(given));
    let checks = [
        ("account", of_client.account == of_token.account),
        ("platform", of_client.platform.is_empty() || of_client.platform == of_token.platform),
        ("zone", of_client.zone_id == 0 || of_client.zone_id == of_token.zone_id),
        ("role", of_client.role_id == of_token.role_id),
        ("kind", given.kind == ClientKind::Guest || given.kind == token.kind),
        (
            "custodian",
            client_custodian.account.is_empty() || client_custodian.account == token_custodian.account,
        ),
        (
            "custodian's role",
            client_custodian.role_id == 0 || client_custodian.role_id == token_custodian.role_id,
        ),
    ];
    match checks.into_iter().find(|(_, is_right)| !is_right) {
        Some((field, _)) => Err(JwtError::Differs(field)),
        None => Ok(Login { take_topics: given.take_topics, ..token }),
    }
}

/// A time in seconds since 1970, whole or not (RFC 7519 §2, NumericDate).
#[derive(Debug)]
struct Seconds(u64);

/// An integer, or its decimal digits in a string: many readers of JSON round numbers above 2^53.
#[derive(Debug)]
struct Number(u64);

/// A [`ClientKind`], by its number or its name in proto/sysconn.proto.
#[derive(Debug)]
struct Kind(ClientKind);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Time;
        impl Visitor<'_> for Time {
            type Value = Seconds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("seconds since 1970")
            }

            fn visit_u64<E: Error>(self, seconds: u64) -> Result<Seconds, E> {
                Ok(Seconds(seconds))
            }

            fn visit_f64<E: Error>(self, seconds: f64) -> Result<Seconds, E> {
                // A fraction is cut off, and what is too large becomes the largest number.
                if seconds >= 0.0 { Ok(Seconds(seconds as u64)) } else { Err(E::custom("before 1970")) }
            }
        }
        deserializer.deserialize_any(Time)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Decimal;
        impl Visitor<'_> for Decimal {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer, or its decimal digits")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Number, E> {
                Ok(Number(number))
            }

            fn visit_str<E: Error>(self, digits: &str) -> Result<Number, E> {
                // `parse` alone would take a sign.
                let is_decimal = digits.bytes().all(|byte| byte.is_ascii_digit());
                let number = digits.parse().ok().filter(|_| is_decimal);
                number.map(Number).ok_or_else(|| E::custom("no number"))
            }
        }
        deserializer.deserialize_any(Decimal)
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrName;
        impl Visitor<'_> for NumberOrName {
            type Value = Kind;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a kind of client")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Kind, E> {
                match number {
                    0 => Ok(Kind(ClientKind::Guest)),
                    1 => Ok(Kind(ClientKind::Player)),
                    2 => Ok(Kind(ClientKind::Operator)),
                    _ => Err(E::custom("no kind")),
                }
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Kind, E> {
                let number = ["TESTER", "GAME_SERVER", "MONITOR"].iter().position(|known| *known == name);
                self.visit_u64(number.map_or(u64::MAX, |number| number as u64))
            }
        }
        deserializer.deserialize_any(NumberOrName)
    }
}
