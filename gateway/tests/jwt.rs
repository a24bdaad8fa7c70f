//! Logins with JWTs, in the real program over sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
#[allow(dead_code, reason = "each test uses a part of it")]
#[path = "common/jwt.rs"]
mod jwt;
#[allow(dead_code, missing_docs, unreachable_pub, reason = "made by a program, for whoever uses all of it")]
#[path = "../src/messages/generated.rs"]
#[rustfmt::skip]
mod messages;

use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use common::{Client, Program, eventually};
use jwt::{Signer, key_set};
use messages::{Kind, account, monitor};
use prost::Message;
use rustix::process::Signal;
use serde_json::{Value, json};
use sysconn::token::Keys;

/// The ErrorID of a refused login.
const REFUSED: u16 = 7;

/// A file that is gone when this is dropped.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let file = File(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name));
        file.write(text);
        file
    }

    fn write(&self, text: &str) {
        fs::write(&self.0, text).unwrap();
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn start(workers: &str, more: &[&str]) -> Program {
    let listen = ["serve", "--listen", "127.0.0.1:0", "--workers", workers, "--log", "debug"];
    Program::start(&[&listen[..], more].concat())
}

#[expect(clippy::disallowed_methods, reason = "the clock that the server goes by")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A login, and the claims that allow it.
fn game(role_id: u64) -> (account::Login, Value) {
    let account = format!("account-{role_id}");
    let claims = json!({
        "sub": account, "platform": "platform", "zone_id": 3, "role_id": role_id.to_string(), "kind": 1,
        "exp": now() + 3600,
    });
    let login = account::Login {
        account,
        platform: "platform".into(),
        zone_id: 3,
        role_id,
        kind: Kind::GameServer.into(),
        ..account::Login::default()
    };
    (login, claims)
}

/// The login with a token.
fn with(login: &account::Login, token: String) -> account::Login {
    account::Login { token, ..login.clone() }
}

/// The ErrorID of a login, 0 if it is accepted.
fn login(client: &mut Client, message: &account::Login) -> u16 {
    client.send_packet(1002, 9, &message.encode_to_vec());
    client.reply().error_id
}

fn outcome(program: &Program, message: &account::Login) -> u16 {
    login(&mut Client::connect(program.address()), message)
}

#[test]
fn each_algorithm_logs_in_and_nothing_else_does() {
    let signers = [Signer::hs256(1), Signer::eddsa(1), Signer::es256(), Signer::rs256()];
    let keys: Vec<_> = signers.iter().map(|signer| signer.jwk(&json!({ "kid": signer.name() }))).collect();
    let file = File::new("algorithms.jwks", &key_set(&keys));
    let (message, claims) = game(5);
    for workers in ["1", "3"] {
        let program = start(workers, &["--jwt-keys", file.path()]);
        for signer in &signers {
            let header = json!({ "alg": signer.name(), "kid": signer.name() });
            assert_eq!(outcome(&program, &with(&message, signer.sign(&header, &claims))), 0, "{header}");
            assert_eq!(outcome(&program, &with(&message, signer.token(&claims))), 0, "without a kid");
            let wrong = signer.sign(&json!({ "alg": signer.name(), "kid": "other" }), &claims);
            assert_eq!(outcome(&program, &with(&message, wrong)), REFUSED, "a kid of no key");
        }
        let mut other = claims.clone();
        for (claim, value) in [
            ("sub", json!("account-6")),
            ("role_id", json!(6)),
            ("kind", json!(0)),
            ("zone_id", Value::Null),
            ("exp", json!(now() - 61)),
            ("nbf", json!(now() + 1000)),
            ("aud", json!("another server")),
        ] {
            let before = other[claim].take();
            other[claim] = value;
            let token = signers[1].token(&other);
            assert_eq!(outcome(&program, &with(&message, token)), REFUSED, "{other}");
            other[claim] = before;
        }
        let own = Keys::from_text("01".repeat(32).as_bytes()).unwrap();
        let own = own.sign(&sysconn::Login::default(), u64::MAX);
        for token in [String::new(), own, "x".repeat(500_000)] {
            assert_eq!(outcome(&program, &with(&message, token)), REFUSED);
        }
        let log = String::from_utf8_lossy(&program.log()).into_owned();
        for reason in ["expired", "not valid yet", "for another role", "for another audience", "not a token"]
        {
            assert!(log.contains(&format!("reason=\"the token is {reason}")), "{reason}: {log}");
        }
        let token = signers[1].token(&claims);
        assert!(token.split('.').all(|part| !log.contains(part)), "a token is in the log: {log}");
    }
}

#[test]
fn a_token_fills_in_what_the_client_leaves_out() {
    let signer = Signer::eddsa(2);
    let file = File::new("custodian.jwks", &key_set(&[signer.jwk(&json!({}))]));
    let program =
        start("1", &["--jwt-keys", file.path(), "--jwt-issuer", "https://me", "--jwt-audience", "game"]);
    let claims = |change: Value| {
        let (_, mut claims) = game(5);
        let object = claims.as_object_mut().unwrap();
        object.extend(json!({ "iss": "https://me", "aud": ["web", "game"] }).as_object().unwrap().clone());
        object.extend(change.as_object().unwrap().clone());
        claims
    };
    let hosted = json!({ "custodian": "owner", "custodian_role_id": 77 });
    let bare = account::Login { account: "account-5".into(), role_id: 5, ..account::Login::default() };
    let mut client = Client::connect(program.address());
    assert_eq!(login(&mut client, &with(&bare, signer.token(&claims(hosted.clone())))), 0);

    let watch =
        account::Login { account: "watch".into(), role_id: 1, kind: Kind::Monitor.into(), ..bare.clone() };
    let monitor_claims = json!({ "sub": "watch", "role_id": 1, "kind": "MONITOR" });
    let mut operator = Client::connect(program.address());
    assert_eq!(login(&mut operator, &with(&watch, signer.token(&claims(monitor_claims.clone())))), 0);
    operator.send_packet(9002, 1, b"");
    let page = monitor::ConnectionPage::decode(&*operator.reply().data).unwrap();
    let found = page.connection.iter().find(|connection| connection.role_id == 5).unwrap();
    assert_eq!((&*found.platform, found.zone_id, found.kind()), ("platform", 3, Kind::GameServer));
    assert_eq!((&*found.custodian, found.custodian_role_id), ("owner", 77), "who acts for another is seen");

    let mut as_monitor = monitor_claims.as_object().unwrap().clone();
    as_monitor.extend(hosted.as_object().unwrap().clone());
    for (case, message, change) in [
        ("a custodian as a monitor", &watch, Value::Object(as_monitor)),
        ("a custodian without an account", &bare, json!({ "custodian_role_id": 77 })),
        ("a custodian's own role", &account::Login { role_id: 77, ..bare.clone() }, hosted),
        ("another issuer", &bare, json!({ "iss": "https://you" })),
        ("a long name", &bare, json!({ "platform": "x".repeat(256) })),
    ] {
        let token = signer.token(&claims(change));
        assert_eq!(outcome(&program, &with(message, token)), REFUSED, "{case}");
    }
    client.close();
    drop(client);
    eventually("the log has the custodian at login and end", || {
        let log = String::from_utf8_lossy(&program.log()).into_owned();
        ["login ", "connection ended "].iter().all(|event| {
            log.lines()
                .any(|line| line.contains(event) && line.contains("custodian=\"owner\" custodian_role_id=77"))
        })
    });
}

#[test]
fn a_token_can_be_good_for_one_login() {
    let (signer, ecdsa) = (Signer::hs256(1), Signer::es256());
    let jwks = File::new("replay.jwks", &key_set(&[signer.jwk(&json!({})), ecdsa.jwk(&json!({}))]));
    let own_file = File::new("replay-own.keys", &"01".repeat(32));
    let data = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("replay-data");
    let _ = fs::remove_dir_all(&data);
    let options = ["--jwt-keys", jwks.path(), "--token-keys", own_file.path(), "--login-replay", "deny"];
    let start = |workers| start(workers, &[&options[..], &["--data", data.to_str().unwrap()]].concat());
    let (message, claims) = game(5);
    let own = Keys::from_text("01".repeat(32).as_bytes()).unwrap();
    let identity = sysconn::Identity {
        account: "account-5".into(),
        platform: "platform".into(),
        zone_id: 3,
        role_id: 5,
    };
    let signed = sysconn::Login { identity, kind: sysconn::ClientKind::Player, ..sysconn::Login::default() };
    let mut tokens: Vec<_> =
        ["1", "2", "3"].map(|id| with_id(&claims, id)).iter().map(|c| signer.token(c)).collect();
    tokens.extend([own.sign(&signed, now() + 600), own.sign(&signed, now() + 601)]);
    // The same claims, signed twice: ECDSA makes two signatures.
    let [first, second] = [ecdsa.token(&claims), ecdsa.token(&claims)];
    assert_ne!(first, second);
    let mut program = start("3");
    for token in &tokens {
        // A login that is refused for another reason does not use the token up.
        let other = account::Login { account: "other".into(), ..with(&message, token.clone()) };
        assert_eq!(outcome(&program, &other), REFUSED);
        let mut client = Client::connect(program.address());
        assert_eq!(login(&mut client, &with(&message, token.clone())), 0, "{token}");
        client.echo(b"logged in");
        assert_eq!(login(&mut client, &with(&message, token.clone())), REFUSED, "by the same client");
        assert_eq!(outcome(&program, &with(&message, token.clone())), REFUSED, "by another");
    }
    assert_eq!(outcome(&program, &with(&message, first)), 0);
    assert_eq!(outcome(&program, &with(&message, second.clone())), REFUSED, "another signature of the same");
    assert!(String::from_utf8_lossy(&program.log()).contains("reason=\"the token was used before\""));
    // Of those who come at once one gets in.
    let contested = with(&message, signer.token(&with_id(&claims, "contested")));
    let mut clients: Vec<_> = (0..20).map(|_| Client::connect(program.address())).collect();
    clients.iter_mut().for_each(|client| client.send_packet(1002, 9, &contested.encode_to_vec()));
    let answers: Vec<_> = clients.iter_mut().map(|client| client.reply().error_id).collect();
    assert_eq!(answers.iter().filter(|error_id| **error_id == 0).count(), 1, "{answers:?}");

    program.signal(Signal::KILL);
    program.wait();
    let program = start("1");
    for token in tokens.into_iter().chain([second, contested.token]) {
        assert_eq!(outcome(&program, &with(&message, token)), REFUSED, "after a kill");
    }
    assert_eq!(outcome(&program, &with(&message, signer.token(&with_id(&claims, "new")))), 0);
    drop(program);
    let _ = fs::remove_dir_all(&data);
}

/// The claims with an id of the token, so that it differs from others.
fn with_id(claims: &Value, id: &str) -> Value {
    let mut claims = claims.clone();
    claims["jti"] = id.into();
    claims
}

#[test]
fn sighup_reads_the_keys_again_and_both_forms_can_be_used() {
    let (old, new) = (Signer::hs256(1), Signer::hs256(2));
    let jwks = File::new("sighup.jwks", &key_set(&[old.jwk(&json!({}))]));
    let own_file = File::new("sighup-own.keys", &"01".repeat(32));
    let program = start("1", &["--jwt-keys", jwks.path(), "--token-keys", own_file.path()]);
    let (message, claims) = game(5);
    let (by_old, by_new) = (with(&message, old.token(&claims)), with(&message, new.token(&claims)));
    assert_eq!((outcome(&program, &by_old), outcome(&program, &by_new)), (0, REFUSED));
    let own = Keys::from_text("01".repeat(32).as_bytes()).unwrap();
    let identity = sysconn::Identity {
        account: "account-5".into(),
        platform: "platform".into(),
        zone_id: 3,
        role_id: 5,
    };
    let signed = sysconn::Login { identity, kind: sysconn::ClientKind::Player, ..sysconn::Login::default() };
    assert_eq!(outcome(&program, &with(&message, own.sign(&signed, now() + 60))), 0);

    jwks.write(&key_set(&[new.jwk(&json!({})), new.jwk(&json!({ "use": "enc" }))]));
    program.signal(Signal::HUP);
    eventually("the new key is known", || outcome(&program, &by_new) == 0);
    assert_eq!(outcome(&program, &by_old), REFUSED);
    let says = |line: &str| String::from_utf8_lossy(&program.log()).contains(line);
    assert!(says("key 2 is not used"));
    let weak = jwt::encode([1; 31]);
    for (text, reason) in [
        ("{", "line 1, column 1: not JSON"),
        (
            &*json!({ "keys": [{ "kty": "oct", "k": weak }] }).to_string(),
            "key 1: expected a secret of at least 32",
        ),
    ] {
        jwks.write(text);
        program.signal(Signal::HUP);
        eventually("the log says so", || says("the keys of JWTs stay as they were: ") && says(reason));
        assert_eq!(outcome(&program, &by_new), 0);
    }
}
