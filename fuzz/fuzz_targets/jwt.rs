//! Any text as a JWT, as the header and claims of one that is signed, or as a JWK Set; and logins of all
//! kinds beside tokens of all kinds. A token is accepted only if another implementation of HMAC agrees, and
//! if the rules, written down a second time, do.
//!
//! Input: the trial (1 byte: modulo 4 the text as a token (0), as header and claims with a line between them
//! (1), as a JWK Set (2), or a token and a login that are made of the bytes (3)), then the text.

#![no_main]

#[allow(dead_code, unused_imports, reason = "the program's own module, of which not all is needed here")]
#[path = "../../gateway/src/jwt/mod.rs"]
mod jwt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac_sha256::HMAC;
use jwt::{Expected, JwtError, KeySet};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use sysconn::{ClientKind, Custodian, Identity, Login};
use sysconn_fuzz::bounded;

const SECRET: [u8; 32] = [1; 32];
const NOW: u64 = 1_795_800_000;
/// The issuer and the audience that are expected.
const ISSUER: &str = "me";
const AUDIENCE: &str = "game";

thread_local! {
    static KEYS: KeySet = {
        jwt::install().expect("the only provider");
        KeySet::from_json(set(&json!({ "kty": "oct", "kid": "1", "k": encode(&SECRET) })).as_bytes()).expect("a key")
    };
}

fuzz_target!(|data: &[u8]| {
    let Some((trial, text)) = data.split_first() else { return };
    let lossy = String::from_utf8_lossy(text);
    // The key is made before memory is counted.
    KEYS.with(|_| ());
    bounded(|| match trial % 4 {
        0 => _ = verify(&lossy, &login(&[])),
        1 => {
            let (header, claims) = lossy.split_once('\n').unwrap_or((r#"{"alg":"HS256"}"#, &lossy));
            let _ = verify(&sign(header, claims), &login(&[]));
        }
        2 => read_keys(text),
        _ => try_login(text),
    });
});

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn set(key: &Value) -> String {
    json!({ "keys": [key] }).to_string()
}

fn sign(header: &str, claims: &str) -> String {
    let text = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
    let mac = HMAC::mac(text.as_bytes(), SECRET);
    format!("{text}.{}", encode(&mac))
}

/// Verifies a token. If it is accepted, it must be right by the second implementation.
fn verify(token: &str, login: &Login) -> Result<Login, JwtError> {
    let expected = Expected { issuer: Some(ISSUER.into()), audience: Some(AUDIENCE.into()) };
    let verified = KEYS.with(|keys| jwt::verify(token, keys, &expected, login, NOW));
    if let Err(error) = verified {
        assert!(!error.to_string().contains('\n'));
        return Err(error);
    }
    let (login, ends) = verified?;
    let (message, signature) = token.rsplit_once('.').expect("a signature");
    assert_eq!(signature, encode(&HMAC::mac(message.as_bytes(), SECRET)), "{token}");
    let (header, claims) = message.split_once('.').expect("a header");
    let part = |text: &str| -> Value {
        let bytes = URL_SAFE_NO_PAD.decode(text).expect("base64url");
        serde_json::from_slice(&bytes).expect("JSON")
    };
    let (header, claims) = (part(header), part(claims));
    assert_eq!(header["alg"], "HS256");
    assert!(header["kid"].is_null() || header["kid"] == "1", "{header}");
    let is_one_of = |claim: &Value, text: &str| {
        claim == text || claim.as_array().is_some_and(|list| list.iter().any(|one| one == text))
    };
    assert!(is_one_of(&claims["iss"], ISSUER) && is_one_of(&claims["aud"], AUDIENCE), "{claims}");
    let seconds = |claim: &Value| claim.as_u64().or(claim.as_f64().map(|seconds| seconds as u64));
    let exp = seconds(&claims["exp"]).expect("exp");
    assert_eq!(ends, exp.saturating_add(60));
    assert!(NOW < ends && seconds(&claims["nbf"]).is_none_or(|begin| begin <= NOW + 60), "{claims}");
    let number = |claim: &Value| {
        claim.as_u64().or(claim.as_str().and_then(|digits| digits.parse().ok())).unwrap_or_default()
    };
    let custodian = login.custodian.clone().unwrap_or_default();
    assert_eq!(claims["sub"], login.identity.account.as_str());
    assert_eq!(number(&claims["role_id"]), login.identity.role_id);
    assert_eq!(claims["platform"].as_str().unwrap_or_default(), login.identity.platform);
    assert_eq!(number(&claims["zone_id"]), u64::from(login.identity.zone_id));
    assert_eq!(claims["custodian"].as_str().unwrap_or_default(), custodian.account);
    assert_eq!(number(&claims["custodian_role_id"]), custodian.role_id);
    let kind = &claims["kind"];
    let is_monitor = kind == 2 || kind == "MONITOR";
    assert_eq!(is_monitor, login.kind == ClientKind::Operator, "{claims}");
    Ok(login)
}

/// A login of few values, so that two of them are often alike. Without bytes: account `a`, role 1, and no
/// more.
fn login(bytes: &[u8]) -> Login {
    let byte = |at: usize| bytes.get(at).copied().unwrap_or_default();
    let name = |byte: u8| ["", "a", "b", "\u{0}\"\\"][usize::from(byte % 4)].to_owned();
    let custodian = Custodian { account: name(byte(4)), role_id: u64::from(byte(5) % 3) };
    Login {
        identity: Identity {
            account: ["a", "b", "\u{0}\"\\"][usize::from(byte(0) % 3)].to_owned(),
            platform: name(byte(1)),
            zone_id: u32::from(byte(2) % 3),
            role_id: 1 + u64::from(byte(3) % 3),
        },
        kind: [ClientKind::Guest, ClientKind::Player, ClientKind::Operator][usize::from(byte(6) % 3)],
        custodian: (custodian != Custodian::default()).then_some(custodian),
        ..Login::default()
    }
}

/// A token for one login, and another login with it: accepted exactly if no field that the second gives
/// differs.
fn try_login(bytes: &[u8]) {
    let (of_token, given) = (login(bytes), login(bytes.get(7..).unwrap_or_default()));
    let Identity { account, platform, zone_id, role_id } = &of_token.identity;
    let custodian = of_token.custodian.clone().unwrap_or_default();
    let claims = json!({
        "iss": ISSUER, "aud": [AUDIENCE], "exp": NOW + 1, "sub": account, "platform": platform, "zone_id": zone_id,
        "role_id": role_id.to_string(), "kind": of_token.kind as u8, "custodian": custodian.account,
        "custodian_role_id": custodian.role_id,
    });
    let fields = |login: &Login| {
        let custodian = login.custodian.clone().unwrap_or_default();
        let Identity { account, platform, zone_id, role_id } = login.identity.clone();
        let kind = (login.kind as u8).to_string();
        [
            account,
            role_id.to_string(),
            platform,
            zone_id.to_string(),
            kind,
            custodian.account,
            custodian.role_id.to_string(),
        ]
    };
    let mut pairs = fields(&given).into_iter().zip(fields(&of_token));
    let is_right = pairs.all(|(given, said)| given.is_empty() || given == "0" || given == said);
    let verified = verify(&sign(r#"{"alg":"HS256","kid":"1"}"#, &claims.to_string()), &given);
    assert_eq!(verified.is_ok(), is_right, "{claims} for {given:?}");
    assert!(verified.is_err() || verified == Ok(of_token), "the token decides");
}

/// Reads a JWK Set, alone and as a key within one.
fn read_keys(text: &[u8]) {
    let within = [br#"{"keys":["#, text, b"]}"].concat();
    for text in [text, &within] {
        if let Err(error) = KeySet::from_json(text) {
            assert!(!error.to_string().contains('\n'));
        }
    }
}
