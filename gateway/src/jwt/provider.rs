//! The cryptography of JWTs, by ring: verifies HS256, EdDSA, ES256 and RS256. The program signs none.

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::signature::{Error, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use ring::hmac;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
    verifier_factory: |algorithm, key| {
        Ok(Box::new(RingVerifier { algorithm: *algorithm, key: key.clone() }) as Box<dyn JwtVerifier>)
    },
    // No key is turned into a JWK.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes this the provider of jsonwebtoken, which panics at the first token without one.
///
/// # Errors
/// One line, if there is another one already.
pub(crate) fn install() -> std::result::Result<(), String> {
    let _ = PROVIDER.install_default();
    match CryptoProvider::try_get_default() {
        Some(installed) if std::ptr::eq(installed, &raw const PROVIDER) => Ok(()),
        _ => Err("there is another provider for JWTs".to_owned()),
    }
}

/// Verifies the signatures of one key.
struct RingVerifier {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        self.is_of_key(message, signature).unwrap_or(false).then_some(()).ok_or_else(Error::new)
    }
}

impl RingVerifier {
    /// Whether the key has made the signature.
    fn is_of_key(&self, message: &[u8], signature: &[u8]) -> Result<bool> {
        let verified = match self.algorithm {
            Algorithm::HS256 => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, self.key.try_get_as_bytes()?);
                hmac::verify(&key, message, signature)
            }
            Algorithm::EdDSA => {
                UnparsedPublicKey::new(&ED25519, self.key.try_get_as_bytes()?).verify(message, signature)
            }
            Algorithm::ES256 => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.key.try_get_as_bytes()?)
                    .verify(message, signature)
            }
            Algorithm::RS256 => match self.key.kind() {
                DecodingKeyKind::RsaModulusExponent { n, e } => {
                    RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                }
                DecodingKeyKind::SecretOrDer(_) => return Ok(false),
            },
            _ => return Err(ErrorKind::UnsupportedAlgorithm.into()),
        };
        Ok(verified.is_ok())
    }
}
