//! The keys that JWTs are signed with: a JWK Set (RFC 7517 §5).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Header};
use ring::{agreement, rand};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// The length of the shortest secret of HS256, in bytes (RFC 7518 §3.2).
pub(crate) const MIN_SECRET_BYTES: usize = 32;
/// The shortest modulus of RS256, in bits (RFC 7518 §3.3).
pub(crate) const MIN_RSA_BITS: usize = 2048;
/// The longest modulus, in bits: a longer one would make each login slow.
pub(crate) const MAX_RSA_BITS: usize = 8192;

/// The length of a coordinate of P-256, and of a key of Ed25519, in bytes.
const CURVE_BYTES: usize = 32;

/// Why a file holds no usable keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeySetError {
    /// It is not JSON at this line and column, counted from 1.
    Json(usize, usize),
    /// It is not an object with an array `keys`.
    NotASet,
    /// No key in it is one for signatures of JWTs.
    NoKey,
    /// The key of this number, counted from 1, cannot be used.
    Key(usize, KeyError),
    /// The key of this number has the `kid` of an earlier one.
    SameKid(usize),
}

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyError {
    /// A member is missing, or is not of the type that it should be.
    Malformed,
    /// This member is not base64url without padding, or not of the length that it has to have.
    Member(&'static str),
    /// The secret has fewer than [`MIN_SECRET_BYTES`].
    ShortSecret,
    /// The modulus has fewer than [`MIN_RSA_BITS`], or more than [`MAX_RSA_BITS`].
    RsaBits(usize),
    /// `x` and `y` are no point of the curve.
    NotOnCurve,
}

impl fmt::Display for KeySetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeySetError::Json(line, column) => write!(f, "line {line}, column {column}: not JSON"),
            KeySetError::NotASet => f.write_str("expected a JWK Set: an object with an array \"keys\""),
            KeySetError::NoKey => {
                f.write_str("no key for signatures by HS256, EdDSA (Ed25519), ES256 or RS256")
            }
            KeySetError::Key(number, error) => write!(f, "key {number}: {error}"),
            KeySetError::SameKid(number) => write!(f, "key {number}: an earlier key has the same kid"),
        }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyError::Malformed => f.write_str("a member is missing, or is of the wrong type"),
            KeyError::Member(name) => {
                write!(f, "\"{name}\" is not base64url without padding, or not of the right length")
            }
            KeyError::ShortSecret => write!(f, "expected a secret of at least {MIN_SECRET_BYTES} bytes"),
            KeyError::RsaBits(bits) => {
                write!(f, "expected an RSA key of {MIN_RSA_BITS} to {MAX_RSA_BITS} bits, not {bits}")
            }
            KeyError::NotOnCurve => f.write_str("\"x\" and \"y\" are no point of P-256"),
        }
    }
}

/// A key with its algorithm.
#[derive(Debug)]
pub(crate) struct Key {
    kid: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
}

/// The keys of a file that are for signatures of JWTs.
#[derive(Debug)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
    /// The numbers of keys for something else, counted from 1.
    pub(crate) skipped: Vec<usize>,
    /// The numbers of keys that come with their private part, which a gateway needs not.
    pub(crate) private: Vec<usize>,
}

/// The members of a JWK that matter here.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    k: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    /// The private part of a public key.
    d: Option<IgnoredAny>,
}

impl KeySet {
    /// Reads a JWK Set. Keys of other algorithms, and keys that are not for signatures, are skipped
    /// (RFC 7517 §5).
    ///
    /// # Errors
    /// [`KeySetError`]: a key that is meant for signatures of JWTs but cannot be used is one too.
    pub(crate) fn from_json(text: &[u8]) -> Result<KeySet, KeySetError> {
        let set: Value =
            serde_json::from_slice(text).map_err(|error| KeySetError::Json(error.line(), error.column()))?;
        let listed = set.get("keys").and_then(Value::as_array).ok_or(KeySetError::NotASet)?;
        let mut set = KeySet { keys: Vec::new(), skipped: Vec::new(), private: Vec::new() };
        for (number, value) in (1..).zip(listed) {
            let wrong = |error| KeySetError::Key(number, error);
            let jwk = Jwk::deserialize(value).map_err(|_| wrong(KeyError::Malformed))?;
            let Some(algorithm) = jwk.algorithm() else {
                set.skipped.push(number);
                continue;
            };
            let decoding = jwk.decoding_key(algorithm).map_err(wrong)?;
            if jwk.kid.is_some() && set.keys.iter().any(|key| key.kid == jwk.kid) {
                return Err(KeySetError::SameKid(number));
            }
            if jwk.d.is_some() {
                set.private.push(number);
            }
            set.keys.push(Key { kid: jwk.kid, algorithm, decoding });
        }
        if set.keys.is_empty() { Err(KeySetError::NoKey) } else { Ok(set) }
    }

    /// The key that a token names by its `kid`, or without one the only key of its algorithm. The algorithm
    /// is the key's: a token that claims another one has no key.
    pub(super) fn find(&self, header: &Header) -> Option<&Key> {
        let of_algorithm = |key: &&Key| key.algorithm == header.alg;
        match &header.kid {
            Some(kid) => self.keys.iter().find(|key| key.kid.as_ref() == Some(kid)).filter(of_algorithm),
            None => {
                let mut keys = self.keys.iter().filter(of_algorithm);
                keys.next().filter(|_| keys.next().is_none())
            }
        }
    }
}

impl Jwk {
    /// The algorithm of the key; `None` if it is for something else than signatures by one of the four.
    fn algorithm(&self) -> Option<Algorithm> {
        let verifies = |ops: &Vec<String>| ops.iter().any(|op| op == "verify" || op == "sign");
        if self.purpose.as_ref().is_some_and(|purpose| purpose != "sig")
            || self.key_ops.as_ref().is_some_and(|ops| !verifies(ops))
        {
            return None;
        }
        let (algorithm, name) = match (self.kty.as_str(), self.crv.as_deref()) {
            ("oct", _) => (Algorithm::HS256, "HS256"),
            ("RSA", _) => (Algorithm::RS256, "RS256"),
            ("EC", Some("P-256")) => (Algorithm::ES256, "ES256"),
            ("OKP", Some("Ed25519")) => (Algorithm::EdDSA, "EdDSA"),
            _ => return None,
        };
        // "Ed25519" is the newer name of the same (RFC 9864).
        let is_named = |alg: &String| alg == name || (name == "EdDSA" && alg == "Ed25519");
        self.alg.as_ref().is_none_or(is_named).then_some(algorithm)
    }

    fn decoding_key(&self, algorithm: Algorithm) -> Result<DecodingKey, KeyError> {
        match algorithm {
            Algorithm::HS256 => {
                let secret = bytes("k", self.k.as_ref())?;
                if secret.len() < MIN_SECRET_BYTES {
                    return Err(KeyError::ShortSecret);
                }
                DecodingKey::from_secret(&secret).map_err(|_| KeyError::ShortSecret)
            }
            Algorithm::RS256 => {
                let (n, e) = (integer("n", self.n.as_ref())?, integer("e", self.e.as_ref())?);
                let bits = bits(&n);
                if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
                    return Err(KeyError::RsaBits(bits));
                }
                // ring takes odd exponents from 3 up to 33 bits.
                let is_odd = e.last().is_some_and(|last| last & 1 == 1);
                if !is_odd || !(2..=33).contains(&self::bits(&e)) {
                    return Err(KeyError::Member("e"));
                }
                Ok(DecodingKey::from_rsa_raw_components(&n, &e))
            }
            Algorithm::ES256 => {
                let (x, y) = (coordinate("x", self.x.as_ref())?, coordinate("y", self.y.as_ref())?);
                let point = [&[4], &x[..], &y[..]].concat();
                if !is_on_curve(&point) {
                    return Err(KeyError::NotOnCurve);
                }
                Ok(DecodingKey::from_ec_der(&point))
            }
            _ => Ok(DecodingKey::from_ed_der(&coordinate("x", self.x.as_ref())?)),
        }
    }
}

/// The bytes of a member.
fn bytes(name: &'static str, member: Option<&String>) -> Result<Vec<u8>, KeyError> {
    URL_SAFE_NO_PAD.decode(member.ok_or(KeyError::Malformed)?).map_err(|_| KeyError::Member(name))
}

fn coordinate(name: &'static str, member: Option<&String>) -> Result<Vec<u8>, KeyError> {
    bytes(name, member)
        .and_then(|bytes| if bytes.len() == CURVE_BYTES { Ok(bytes) } else { Err(KeyError::Member(name)) })
}

/// A big-endian number without leading zeros, which some services send.
fn integer(name: &'static str, member: Option<&String>) -> Result<Vec<u8>, KeyError> {
    let bytes = bytes(name, member)?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    Ok(bytes.into_iter().skip(zeros).collect())
}

/// The bits of a number without leading zeros.
fn bits(number: &[u8]) -> usize {
    let unused = number.first().map_or(0, |first| first.leading_zeros() as usize);
    (number.len() * 8).saturating_sub(unused)
}

/// Whether it is a point of P-256, which a key agreement checks before anything else.
fn is_on_curve(point: &[u8]) -> bool {
    let random = rand::SystemRandom::new();
    let Ok(own) = agreement::EphemeralPrivateKey::generate(&agreement::ECDH_P256, &random) else {
        return false;
    };
    let point = agreement::UnparsedPublicKey::new(&agreement::ECDH_P256, point);
    agreement::agree_ephemeral(own, &point, |_| ()).is_ok()
}
