//! Makes keys, JWK Sets, and JWTs that are signed by ring.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

const RSA_PEM: &[u8] = include_bytes!("../../src/certificates/rsa-3072.pem");

/// A key that signs, with the algorithm of its JWTs.
pub(crate) enum Signer {
    Hs256(Vec<u8>),
    EdDsa(Ed25519KeyPair),
    Es256(EcdsaKeyPair),
    Rs256(Box<RsaKeyPair>),
}

impl Signer {
    pub(crate) fn hs256(byte: u8) -> Self {
        Signer::Hs256(vec![byte; 32])
    }

    pub(crate) fn eddsa(byte: u8) -> Self {
        Signer::EdDsa(Ed25519KeyPair::from_seed_unchecked(&[byte; 32]).unwrap())
    }

    pub(crate) fn es256() -> Self {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Signer::Es256(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap())
    }

    /// Of 3072 bits.
    pub(crate) fn rs256() -> Self {
        let der = PrivateKeyDer::from_pem_slice(RSA_PEM).unwrap();
        Signer::Rs256(Box::new(RsaKeyPair::from_pkcs8(der.secret_der()).unwrap()))
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Signer::Hs256(_) => "HS256",
            Signer::EdDsa(_) => "EdDSA",
            Signer::Es256(_) => "ES256",
            Signer::Rs256(_) => "RS256",
        }
    }

    /// The public key, or the secret, with these members besides its own.
    pub(crate) fn jwk(&self, more: &Value) -> Value {
        let mut jwk = match self {
            Signer::Hs256(secret) => json!({ "kty": "oct", "k": encode(secret) }),
            Signer::EdDsa(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref()) })
            }
            Signer::Es256(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..]) })
            }
            Signer::Rs256(pair) => {
                let key: ring::rsa::PublicKeyComponents<Vec<u8>> = pair.public().into();
                json!({ "kty": "RSA", "n": encode(&key.n), "e": encode(&key.e) })
            }
        };
        jwk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        jwk
    }

    /// A token with these claims.
    pub(crate) fn token(&self, claims: &Value) -> String {
        self.sign(&json!({ "alg": self.name(), "typ": "JWT" }), claims)
    }

    /// A token with this header, whatever it says.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&format!("{}.{}", encode(header.to_string()), encode(claims.to_string())))
    }

    /// The text with its signature.
    pub(crate) fn sign_text(&self, text: &str) -> String {
        let (message, random) = (text.as_bytes(), SystemRandom::new());
        let signature = match self {
            Signer::Hs256(secret) => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().to_vec()
            }
            Signer::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
            Signer::Es256(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Signer::Rs256(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
        };
        format!("{text}.{}", encode(signature))
    }
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A JWK Set of these keys.
pub(crate) fn key_set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}
