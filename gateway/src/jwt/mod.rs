//! Logins with JWTs (RFC 7519): checks a token against the keys of a JWK Set, its claims, and the fields of
//! the login.

mod claims;
mod key_set;
mod provider;
#[cfg(test)]
mod tests;

use std::fmt;

use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Validation, decode, decode_header};
use sysconn::Login;

use claims::{Claims, authorize};

#[cfg(test)]
pub(crate) use claims::LEEWAY_SECONDS;
pub(crate) use key_set::KeySet;
pub(crate) use provider::install;

/// The longest token, in bytes.
pub(crate) const MAX_TOKEN_BYTES: usize = 8192;

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JwtError {
    /// It does not have the form of a token.
    Malformed,
    /// No key is known that could have signed it.
    UnknownKey,
    /// The signature is not that of its key.
    Forged,
    /// A claim is not of the type that it has to be.
    Claims,
    /// This claim is missing.
    Missing(&'static str),
    /// It has expired.
    Expired,
    /// It is not valid yet.
    NotYet,
    /// It is from another issuer.
    Issuer,
    /// It is for another audience.
    Audience,
    /// This field of the login is not as in the token.
    Differs(&'static str),
}

impl fmt::Display for JwtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            JwtError::Malformed => "not a token",
            JwtError::UnknownKey => "made with no key that is known, or does not say with which",
            JwtError::Forged => "made with no key that is known",
            JwtError::Claims => "one with a claim of the wrong type",
            JwtError::Missing(claim) => return write!(f, "without the claim {claim}"),
            JwtError::Expired => "expired",
            JwtError::NotYet => "not valid yet",
            JwtError::Issuer => "from another issuer (jwt-issuer)",
            JwtError::Audience => "for another audience (jwt-audience)",
            JwtError::Differs(field) => return write!(f, "for another {field}"),
        })
    }
}

/// What a token has to say besides its player.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expected {
    /// The value of `iss`, if it is checked.
    pub(crate) issuer: Option<String>,
    /// A value of `aud`. Without one, a token that has an audience is for somebody else (RFC 7519 §4.1.3).
    pub(crate) audience: Option<String>,
}

/// Checks that a token is valid at `now`, in seconds since 1970 (UTC), and is for the login. Returns the
/// login with the fields that the client left out, and the time from which on the token is refused.
///
/// [`install`] has to be called first.
///
/// # Errors
/// [`JwtError`].
pub(crate) fn verify(
    token: &str,
    keys: &KeySet,
    expected: &Expected,
    login: &Login,
    now: u64,
) -> Result<(Login, u64), JwtError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(JwtError::Malformed);
    }
    let header = decode_header(token).map_err(|_| JwtError::Malformed)?;
    let key = keys.find(&header).ok_or(JwtError::UnknownKey)?;
    let mut validation = Validation::new(key.algorithm);
    // Times are checked below, by the clock of the caller.
    (validation.validate_exp, validation.validate_nbf) = (false, false);
    validation.required_spec_claims.clear();
    if let Some(issuer) = &expected.issuer {
        validation.set_issuer(&[issuer]);
        validation.required_spec_claims.insert("iss".to_owned());
    }
    if let Some(audience) = &expected.audience {
        validation.set_audience(&[audience]);
        validation.required_spec_claims.insert("aud".to_owned());
    }
    let claims: Claims = decode(token, &key.decoding, &validation).map_err(reason)?.claims;
    let ends = claims.check_time(now)?;
    Ok((authorize(claims.login()?, login)?, ends))
}

/// Whom a JWT is for, by what it says: for a client that has a token and no keys. `None` if it is no JWT.
pub(crate) fn unverified(token: &str) -> Option<Login> {
    insecure_decode_claims::<Claims>(token).ok()?.login().ok()
}

fn reason(error: Error) -> JwtError {
    match error.kind() {
        ErrorKind::InvalidSignature => JwtError::Forged,
        ErrorKind::InvalidIssuer => JwtError::Issuer,
        ErrorKind::InvalidAudience => JwtError::Audience,
        ErrorKind::MissingRequiredClaim(claim) if claim == "iss" => JwtError::Issuer,
        ErrorKind::MissingRequiredClaim(_) => JwtError::Audience,
        ErrorKind::InvalidClaimFormat(_) | ErrorKind::Json(_) => JwtError::Claims,
        _ => JwtError::Malformed,
    }
}
