//! Tables of tokens, of their claims, and of key files.

#[path = "../../tests/common/jwt.rs"]
mod signer;

use serde_json::{Value, json};
use sysconn::{ClientKind, Custodian, Identity, Login};

use super::key_set::{KeyError, KeySetError};
use super::*;
use signer::{Signer, encode, key_set};

/// The present time of these tests.
const NOW: u64 = 1_795_800_000;

/// A login with the fields that `claims` has.
fn login() -> Login {
    let identity =
        Identity { account: "account".into(), platform: "platform".into(), zone_id: 3, role_id: 7 };
    Login { identity, kind: ClientKind::Player, ..Login::default() }
}

fn claims() -> Value {
    json!({ "sub": "account", "platform": "platform", "zone_id": 3, "role_id": 7, "kind": 1, "exp": NOW + 10 })
}

/// An object with some members changed, and those that are null taken away.
fn with(object: Value, changes: &Value) -> Value {
    let mut changed = object;
    let members = changed.as_object_mut().unwrap();
    members.extend(changes.as_object().unwrap().clone());
    members.retain(|_, value| !value.is_null());
    changed
}

fn keys(list: &[Value]) -> KeySet {
    install().unwrap();
    KeySet::from_json(key_set(list).as_bytes()).unwrap()
}

/// Verifies a token with a key by HS256, and any issuer.
fn check(claims: &Value, login: &Login) -> Result<(Login, u64), JwtError> {
    let signer = Signer::hs256(1);
    verify(&signer.token(claims), &keys(&[signer.jwk(&json!({}))]), &Expected::default(), login, NOW)
}

#[test]
fn each_algorithm_is_verified_by_its_own_key_only() {
    let signers = [Signer::hs256(1), Signer::eddsa(1), Signer::es256(), Signer::rs256()];
    let all = keys(&signers.each_ref().map(|signer| signer.jwk(&json!({}))));
    let check = |token: &str, keys: &KeySet| {
        verify(token, keys, &Expected::default(), &login(), NOW).map(|(login, _)| login)
    };
    for signer in &signers {
        let name = signer.name();
        let token = signer.token(&claims());
        assert_eq!(check(&token, &all), Ok(login()), "{name}");
        // One bit of the signature, and one of what is signed.
        let (message, signature) = token.rsplit_once('.').unwrap();
        let mut bytes: Vec<u8> =
            base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, signature).unwrap();
        bytes[10] ^= 1;
        assert_eq!(check(&format!("{message}.{}", encode(&bytes)), &all), Err(JwtError::Forged), "{name}");
        bytes.pop();
        assert_eq!(check(&format!("{message}.{}", encode(&bytes)), &all), Err(JwtError::Forged), "{name}");
        let (header, _) = token.split_once('.').unwrap();
        let other = encode(with(claims(), &json!({ "role_id": 8 })).to_string());
        assert_eq!(check(&format!("{header}.{other}.{signature}"), &all), Err(JwtError::Forged), "{name}");
        // A key cannot be used by the algorithm that the token claims.
        for claimed in ["HS256", "EdDSA", "ES256", "RS256", "HS384", "HS512", "RS512", "PS256", "ES384"] {
            if claimed != name {
                let only = keys(&[signer.jwk(&json!({ "kid": "k" }))]);
                for header in [json!({ "alg": claimed }), json!({ "alg": claimed, "kid": "k" })] {
                    let token = signer.sign(&header, &claims());
                    assert_eq!(check(&token, &only), Err(JwtError::UnknownKey), "{name} as {claimed}");
                }
            }
        }
    }
    // The attack by which a public key becomes a secret.
    let public = Signer::rs256().jwk(&json!({ "kid": "k" }));
    let secret = Signer::Hs256(public["n"].as_str().unwrap().into());
    let token = secret.sign(&json!({ "alg": "HS256", "kid": "k" }), &claims());
    assert_eq!(check(&token, &keys(&[public])), Err(JwtError::UnknownKey));
}

#[test]
fn a_kid_picks_the_key_and_without_it_there_may_be_one() {
    let (first, second, other) = (Signer::hs256(1), Signer::hs256(2), Signer::eddsa(1));
    let both =
        keys(&[first.jwk(&json!({ "kid": "1" })), second.jwk(&json!({ "kid": "2" })), other.jwk(&json!({}))]);
    for (signer, kid, expected) in [
        (&first, Some("1"), None),
        (&second, Some("2"), None),
        (&second, Some("1"), Some(JwtError::Forged)),
        (&first, Some("3"), Some(JwtError::UnknownKey)),
        (&first, Some(""), Some(JwtError::UnknownKey)),
        (&first, None, Some(JwtError::UnknownKey)),
        (&other, None, None),
        (&other, Some("1"), Some(JwtError::UnknownKey)),
    ] {
        let header = with(json!({ "alg": signer.name() }), &json!({ "kid": kid }));
        let checked = verify(&signer.sign(&header, &claims()), &both, &Expected::default(), &login(), NOW);
        assert_eq!(checked.err(), expected, "{header}");
    }
}

#[test]
fn what_is_no_token_is_malformed() {
    let signer = Signer::hs256(1);
    let keys = keys(&[signer.jwk(&json!({}))]);
    let good = signer.token(&claims());
    let (header, rest) = good.split_once('.').unwrap();
    let long = signer.token(&with(claims(), &json!({ "more": "x".repeat(MAX_TOKEN_BYTES) })));
    let unsigned = format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(claims().to_string()));
    let critical = signer.sign(&json!({ "alg": "HS256", "crit": ["x"], "x": 1 }), &claims());
    let unencoded = signer.sign(&json!({ "alg": "HS256", "b64": false, "crit": ["b64"] }), &claims());
    for token in [
        "",
        ".",
        "..",
        "...",
        header,
        &format!("{header}.{rest}.x"),
        &format!("{header}={rest}"),
        &long,
        &unsigned,
        &critical,
        &unencoded,
        &format!("{good}="),
        &format!("{good}\n"),
        &format!(" {good}"),
        &signer.sign_text(&format!("{}.{}", encode("[]"), encode("{}"))),
        &signer.sign_text(&format!("{}.{}", encode(r#"{"alg":"HS256","alg":"HS256"}"#), encode("{}"))),
        &signer.sign_text(&format!("{}.{}", encode("{\"alg\":\"HS256\"}"), "!")),
    ] {
        let checked = verify(token, &keys, &Expected::default(), &login(), NOW);
        assert_eq!(checked.err(), Some(JwtError::Malformed), "{token}");
    }
    for text in ["", "[]", "1", "{", "{}x", r#"{"sub":"a","sub":"b"}"#, r#"{"exp":1e400}"#, "\u{feff}{}"] {
        let token = signer.sign_text(&format!("{}.{}", encode(r#"{"alg":"HS256"}"#), encode(text)));
        let checked = verify(&token, &keys, &Expected::default(), &login(), NOW);
        assert_eq!(checked.err(), Some(JwtError::Claims), "{text}");
    }
}

#[test]
fn times_have_a_leeway_of_a_minute() {
    let late = NOW + LEEWAY_SECONDS;
    for (change, expected) in [
        (json!({ "exp": null }), Err(JwtError::Missing("exp"))),
        (json!({ "exp": NOW - 60 }), Err(JwtError::Expired)),
        (json!({ "exp": NOW - 59 }), Ok(NOW + 1)),
        (json!({ "exp": NOW as f64 - 59.5 }), Err(JwtError::Expired)),
        (json!({ "exp": NOW as f64 + 0.5 }), Ok(late)),
        (json!({ "exp": 0 }), Err(JwtError::Expired)),
        (json!({ "exp": u64::MAX }), Ok(u64::MAX)),
        (json!({ "exp": 1e300 }), Ok(u64::MAX)),
        (json!({ "exp": -1 }), Err(JwtError::Claims)),
        (json!({ "exp": -0.5 }), Err(JwtError::Claims)),
        (json!({ "exp": "1795800010" }), Err(JwtError::Claims)),
        (json!({ "exp": true }), Err(JwtError::Claims)),
        (json!({ "nbf": NOW + 60 }), Ok(late + 10)),
        (json!({ "nbf": NOW + 61 }), Err(JwtError::NotYet)),
        (json!({ "nbf": u64::MAX }), Err(JwtError::NotYet)),
        (json!({ "nbf": 0 }), Ok(late + 10)),
        (json!({ "nbf": "soon" }), Err(JwtError::Claims)),
    ] {
        let checked = check(&with(claims(), &change), &login());
        assert_eq!(checked.map(|(_, ends)| ends), expected, "{change}");
    }
}

#[test]
fn issuer_and_audience_are_checked_where_they_are_expected() {
    let signer = Signer::eddsa(3);
    let keys = keys(&[signer.jwk(&json!({}))]);
    for (issuer, audience, change, expected) in [
        (None, None, json!({ "iss": "anybody" }), None),
        (None, None, json!({ "aud": "another server" }), Some(JwtError::Audience)),
        (None, None, json!({ "aud": 1 }), Some(JwtError::Claims)),
        (Some("me"), None, json!({ "iss": "me" }), None),
        (Some("me"), None, json!({ "iss": "you" }), Some(JwtError::Issuer)),
        (Some("me"), None, json!({ "iss": 1 }), Some(JwtError::Issuer)),
        (Some("me"), None, json!({}), Some(JwtError::Issuer)),
        (None, Some("game"), json!({ "aud": "game" }), None),
        (None, Some("game"), json!({ "aud": ["web", "game"] }), None),
        (None, Some("game"), json!({ "aud": ["web"] }), Some(JwtError::Audience)),
        (None, Some("game"), json!({ "aud": [] }), Some(JwtError::Audience)),
        (None, Some("game"), json!({ "aud": "web" }), Some(JwtError::Audience)),
        (None, Some("game"), json!({}), Some(JwtError::Audience)),
        (Some("me"), Some("game"), json!({ "iss": "me", "aud": "game" }), None),
    ] {
        let expectation = Expected { issuer: issuer.map(Into::into), audience: audience.map(Into::into) };
        let checked = verify(&signer.token(&with(claims(), &change)), &keys, &expectation, &login(), NOW);
        assert_eq!(checked.err(), expected, "{issuer:?} {audience:?} {change}");
    }
}

/// A login that is changed.
fn changed(change: impl FnOnce(&mut Login)) -> Login {
    let mut login = login();
    change(&mut login);
    login
}

#[test]
fn each_field_of_a_login_must_be_as_in_the_token() {
    let custodian = |account: &str, role_id| {
        changed(|login| login.custodian = Some(Custodian { account: account.into(), role_id }))
    };
    let differs = |field| Err(JwtError::Differs(field));
    let hosted = json!({ "custodian": "owner", "custodian_role_id": "18446744073709551615" });
    let monitor = changed(|login| login.kind = ClientKind::Operator);
    let cases = [
        (json!({}), login(), Ok(login())),
        (json!({}), changed(|login| login.identity.account.push('2')), differs("account")),
        (json!({ "sub": null }), login(), Err(JwtError::Missing("sub"))),
        (json!({ "sub": 5 }), login(), Err(JwtError::Claims)),
        (json!({}), changed(|login| login.identity.role_id = 8), differs("role")),
        (json!({ "role_id": null }), login(), Err(JwtError::Missing("role_id"))),
        (json!({ "role_id": "7" }), login(), Ok(login())),
        (json!({ "role_id": "+7" }), login(), Err(JwtError::Claims)),
        (json!({ "role_id": "" }), login(), Err(JwtError::Claims)),
        (json!({ "role_id": 7.0 }), login(), Err(JwtError::Claims)),
        (json!({ "role_id": -7 }), login(), Err(JwtError::Claims)),
        (json!({ "role_id": "18446744073709551616" }), login(), Err(JwtError::Claims)),
        (
            json!({ "role_id": u64::MAX }),
            changed(|login| login.identity.role_id = u64::MAX),
            Ok(changed(|login| login.identity.role_id = u64::MAX)),
        ),
        (json!({}), changed(|login| login.identity.platform = "other".into()), differs("platform")),
        (json!({}), changed(|login| login.identity.platform.clear()), Ok(login())),
        (json!({ "platform": null }), login(), differs("platform")),
        (json!({}), changed(|login| login.identity.zone_id = 4), differs("zone")),
        (json!({}), changed(|login| login.identity.zone_id = 0), Ok(login())),
        (json!({ "zone_id": null }), login(), differs("zone")),
        (json!({ "zone_id": "3" }), login(), Ok(login())),
        (json!({ "zone_id": 1u64 << 32 }), login(), Err(JwtError::Claims)),
        (json!({}), monitor.clone(), differs("kind")),
        (json!({ "kind": null }), login(), differs("kind")),
        (json!({ "kind": "GAME_SERVER" }), login(), Ok(login())),
        (json!({ "kind": 2 }), monitor.clone(), Ok(monitor.clone())),
        (json!({ "kind": "MONITOR" }), monitor.clone(), Ok(monitor)),
        (json!({ "kind": "monitor" }), login(), Err(JwtError::Claims)),
        (json!({ "kind": 3 }), login(), Err(JwtError::Claims)),
        (json!({}), custodian("owner", 1), differs("custodian")),
        (json!({}), custodian("", 1), differs("custodian's role")),
        (hosted.clone(), custodian("owner", u64::MAX), Ok(custodian("owner", u64::MAX))),
        (hosted.clone(), custodian("owner", 1), differs("custodian's role")),
        (hosted.clone(), custodian("other", u64::MAX), differs("custodian")),
        // Who acts for another cannot hide it.
        (hosted, login(), Ok(custodian("owner", u64::MAX))),
    ];
    for (change, given, expected) in cases {
        let checked = check(&with(claims(), &change), &given);
        assert_eq!(checked.map(|(login, _)| login), expected, "{change} for {given:?}");
    }
}

#[test]
fn a_key_file_is_refused_with_the_key_that_is_wrong() {
    let (secret, edwards, curve, rsa) =
        (Signer::hs256(1), Signer::eddsa(1), Signer::es256(), Signer::rs256());
    let short = encode([1; 31]);
    let wrong = |signer: &Signer, change| with(signer.jwk(&json!({})), &change);
    for (key, error) in [
        (wrong(&secret, json!({ "k": short })), KeyError::ShortSecret),
        (wrong(&secret, json!({ "k": null })), KeyError::Malformed),
        (wrong(&secret, json!({ "k": "a+b/" })), KeyError::Member("k")),
        (wrong(&secret, json!({ "k": 5 })), KeyError::Malformed),
        (wrong(&secret, json!({ "kid": 5 })), KeyError::Malformed),
        (wrong(&edwards, json!({ "x": short })), KeyError::Member("x")),
        (wrong(&edwards, json!({ "x": null })), KeyError::Malformed),
        (wrong(&curve, json!({ "y": short })), KeyError::Member("y")),
        (wrong(&curve, json!({ "y": encode([1; 32]) })), KeyError::NotOnCurve),
        (wrong(&rsa, json!({ "n": encode([0xff; 128]) })), KeyError::RsaBits(1024)),
        (wrong(&rsa, json!({ "n": encode([0x7f; 256]) })), KeyError::RsaBits(2047)),
        (wrong(&rsa, json!({ "n": encode([0xff; 1025]) })), KeyError::RsaBits(8200)),
        (wrong(&rsa, json!({ "n": "" })), KeyError::RsaBits(0)),
        (wrong(&rsa, json!({ "e": "AQ" })), KeyError::Member("e")),
        (wrong(&rsa, json!({ "e": "AQAA" })), KeyError::Member("e")),
        (json!({ "kty": 5 }), KeyError::Malformed),
        (json!("key"), KeyError::Malformed),
    ] {
        let text = key_set(&[secret.jwk(&json!({})), key.clone()]);
        assert_eq!(KeySet::from_json(text.as_bytes()).err(), Some(KeySetError::Key(2, error)), "{key}");
    }
    let same = [secret.jwk(&json!({ "kid": "a" })), edwards.jwk(&json!({ "kid": "a" }))];
    for (text, error) in [
        (key_set(&same), KeySetError::SameKid(2)),
        (key_set(&[]), KeySetError::NoKey),
        (String::new(), KeySetError::Json(1, 0)),
        ("{\n]".into(), KeySetError::Json(2, 1)),
        ("[]".into(), KeySetError::NotASet),
        (r#"{"keys":{}}"#.into(), KeySetError::NotASet),
        (secret.jwk(&json!({})).to_string(), KeySetError::NotASet),
    ] {
        assert_eq!(KeySet::from_json(text.as_bytes()).err(), Some(error), "{text}");
    }
}

#[test]
fn keys_for_something_else_are_skipped() {
    let (secret, rsa) = (Signer::hs256(1), Signer::rs256());
    let is_used = |key: &Value| {
        let other = Signer::eddsa(9).jwk(&json!({}));
        keys(&[key.clone(), other]).skipped.is_empty()
    };
    for (key, used) in [
        (secret.jwk(&json!({})), true),
        (secret.jwk(&json!({ "use": "sig", "alg": "HS256", "more": [] })), true),
        (secret.jwk(&json!({ "key_ops": ["sign", "verify"] })), true),
        (secret.jwk(&json!({ "use": "enc" })), false),
        (secret.jwk(&json!({ "key_ops": ["encrypt"] })), false),
        (secret.jwk(&json!({ "alg": "HS512" })), false),
        (rsa.jwk(&json!({ "alg": "RS256", "use": "sig" })), true),
        (rsa.jwk(&json!({ "alg": "PS256" })), false),
        (rsa.jwk(&json!({ "alg": "RSA-OAEP" })), false),
        (Signer::eddsa(1).jwk(&json!({ "alg": "Ed25519" })), true),
        (json!({ "kty": "EC", "crv": "P-384", "x": "", "y": "" }), false),
        (json!({ "kty": "OKP", "crv": "X25519", "x": "" }), false),
        (json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "" }), false),
    ] {
        assert_eq!(is_used(&key), used, "{key}");
    }
    // A private part is seen, and makes no difference. That of a secret is no member of its own.
    let private =
        [rsa.jwk(&json!({ "d": "AQAB" })), secret.jwk(&json!({})), rsa.jwk(&json!({ "d": 5, "kid": "r" }))];
    assert_eq!(keys(&private).private, [1, 3]);
    // A modulus may have a zero in front.
    let mut padded = rsa.jwk(&json!({}));
    let n = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, padded["n"].as_str().unwrap())
        .unwrap();
    padded["n"] = encode([&[0], &n[..]].concat()).into();
    let checked = verify(&rsa.token(&claims()), &keys(&[padded]), &Expected::default(), &login(), NOW);
    assert_eq!(checked.map(|(login, _)| login), Ok(login()));
}
