//! Logins with tokens, in the real program over sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
#[allow(dead_code, missing_docs, unreachable_pub, reason = "made by a program, for whoever uses all of it")]
#[path = "../src/messages/generated.rs"]
#[rustfmt::skip]
mod messages;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use common::{Client, Program, Reply, eventually};
use messages::{Kind, account};
use prost::Message;
use rustix::process::Signal;
use sysconn::token::Keys;
use sysconn::{Custodian, Identity, Login};

/// The Flag of every request here.
const FLAG: u32 = 9;
/// The ErrorID of a refused login.
const REFUSED: u16 = 7;

/// A file of keys, gone when it is dropped.
struct KeyFile(PathBuf);

impl KeyFile {
    fn new(name: &str, text: &str) -> Self {
        let file = KeyFile(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.keys")));
        file.write(text);
        file
    }

    fn write(&self, text: &str) {
        fs::write(&self.0, text).unwrap();
    }

    fn start(&self, workers: &str) -> Program {
        let listen = ["serve", "--listen", "127.0.0.1:0", "--workers", workers, "--log", "debug"];
        Program::start(&[&listen[..], &["--token-keys", self.0.to_str().unwrap()]].concat())
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A key as a line of the file.
fn key(byte: u8) -> String {
    format!("{byte:02x}").repeat(32) + "\n"
}

fn keys(text: &str) -> Keys {
    Keys::from_text(text.as_bytes()).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "the clock that the server goes by")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A login without a token.
fn game(role_id: u64) -> account::Login {
    account::Login {
        account: format!("account-{role_id}"),
        platform: "platform".into(),
        zone_id: 3,
        role_id,
        kind: Kind::GameServer.into(),
        ..account::Login::default()
    }
}

/// The signed fields of the login.
fn signed(message: &account::Login) -> Login {
    let account::Login { account, platform, zone_id, role_id, custodian, custodian_role_id, .. } =
        message.clone();
    Login {
        identity: Identity { account, platform, zone_id, role_id },
        kind: match message.kind() {
            Kind::Tester => sysconn::ClientKind::Guest,
            Kind::GameServer => sysconn::ClientKind::Player,
            Kind::Monitor => sysconn::ClientKind::Operator,
        },
        custodian: Some(Custodian { account: custodian, role_id: custodian_role_id }),
        ..Login::default()
    }
}

/// The login with a token that is made with the first key.
fn with_token(text: &str, message: account::Login, expires: u64) -> account::Login {
    account::Login { token: keys(text).sign(&signed(&message), expires), ..message }
}

impl Client {
    /// Logs in. Returns the ErrorID, 0 if the login is accepted.
    fn login(&mut self, message: &account::Login) -> u16 {
        self.send_packet(1002, FLAG, &message.encode_to_vec());
        let reply = self.reply();
        if reply.error_id == 0 {
            let account::LoggedIn { role_id, account, .. } = Message::decode(&*reply.data).unwrap();
            assert_eq!((role_id, &account), (message.role_id, &message.account));
        } else {
            assert_eq!(reply, Reply::refusal(1002, FLAG, reply.error_id));
        }
        reply.error_id
    }

    /// Whether it is logged in: 1003 requires a login.
    fn is_logged_in(&mut self) -> bool {
        self.send_packet(1003, FLAG, b"");
        self.reply().error_id == 0
    }
}

fn accepts(program: &Program, message: &account::Login) -> bool {
    Client::connect(program.address()).login(message) == 0
}

#[test]
fn a_login_needs_a_token_made_for_it() {
    let file = KeyFile::new("own", &key(1));
    for workers in ["1", "2"] {
        let program = file.start(workers);
        let good = with_token(&key(1), game(1), now() + 3600);
        let monitor = account::Login { kind: Kind::Monitor.into(), ..game(1) };
        let hosted = account::Login { custodian: "owner".into(), custodian_role_id: 7, ..game(1) };
        let others = account::Login { account: "account-2".into(), ..good.clone() };
        let cases = [
            ("its own", good.clone(), 0),
            ("none", game(1), REFUSED),
            ("another role", account::Login { role_id: 2, ..good.clone() }, REFUSED),
            ("another account", others, REFUSED),
            ("another platform", account::Login { platform: "other".into(), ..good.clone() }, REFUSED),
            ("another zone", account::Login { zone_id: 4, ..good.clone() }, REFUSED),
            (
                "a player who would be a monitor",
                account::Login { token: good.token.clone(), ..monitor.clone() },
                REFUSED,
            ),
            (
                "a player who would be hosted",
                account::Login { token: good.token.clone(), ..hosted.clone() },
                REFUSED,
            ),
            ("a monitor's", with_token(&key(1), monitor, now() + 3600), 0),
            ("one of a hosted account", with_token(&key(1), hosted, now() + 3600), 0),
            ("an expired one", with_token(&key(1), game(1), now() - 1), REFUSED),
            ("one that expired long ago", with_token(&key(1), game(1), 0), REFUSED),
            ("one for ever", with_token(&key(1), game(1), u64::MAX), 0),
            ("one by another key", with_token(&key(2), game(1), now() + 3600), REFUSED),
            ("a long one", account::Login { token: "1".repeat(500_000), ..game(1) }, REFUSED),
            (
                "one of a custodian who would be a monitor",
                with_token(
                    &key(1),
                    account::Login { kind: Kind::Monitor.into(), custodian: "owner".into(), ..game(1) },
                    u64::MAX,
                ),
                REFUSED,
            ),
            (
                "no role, and its own",
                with_token(&key(1), account::Login { role_id: 0, ..game(0) }, u64::MAX),
                REFUSED,
            ),
        ];
        for (case, message, expected) in cases {
            let mut client = Client::connect(program.address());
            assert_eq!(client.login(&message), expected, "{case}");
            assert_eq!(client.is_logged_in(), expected == 0, "{case}");
            // A refused login does not invalidate the token.
            assert_eq!(client.login(&good), 0, "after {case}");
        }
        let log = String::from_utf8_lossy(&program.log()).into_owned();
        assert!(log.contains("reason=\"the token is expired"), "{log}");
        let mac = good.token.rsplit('.').next().unwrap();
        assert!(!log.contains(mac) && !log.contains(key(1).trim()), "a secret is in the log: {log}");
    }
}

#[test]
fn sighup_reads_the_keys_again() {
    let file = KeyFile::new("sighup", &key(1));
    for workers in ["1", "3"] {
        file.write(&key(1));
        let mut program = file.start(workers);
        let old = with_token(&key(1), game(1), now() + 3600);
        let new = with_token(&key(2), game(2), now() + 3600);
        let mut inside = Client::connect(program.address());
        assert_eq!((inside.login(&old), accepts(&program, &new)), (0, false));

        file.write(&(key(2) + &key(1)));
        program.signal(Signal::HUP);
        eventually("the new key is known", || accepts(&program, &new));
        inside.echo(b"undisturbed");
        let again = with_token(&key(1), game(3), now() + 3600);
        assert!(accepts(&program, &again), "tokens of the old key are good until it is taken away");

        file.write(&key(2));
        program.signal(Signal::HUP);
        eventually("the old key is forgotten", || !accepts(&program, &again));
        assert!(accepts(&program, &new));
        for (broken, what) in [("", "no key"), ("123\n", "line 1: expected a key")] {
            let before = program.log().len();
            file.write(broken);
            program.signal(Signal::HUP);
            eventually("the log says so", || {
                let log = program.log();
                let log = String::from_utf8_lossy(&log[before..]);
                log.contains("the keys of logins stay as they were: ") && log.contains(what)
            });
            assert!(accepts(&program, &new));
        }
        inside.echo(b"undisturbed");
        program.signal(Signal::TERM);
        inside.expect_close(1001, "draining");
        drop(inside);
        assert_eq!(program.wait().0.code(), Some(0));
    }
}

/// Runs `sysconn token`. Returns its exit status, its output, and its error line.
fn mint(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sysconn"))
        .arg("token")
        .args(arguments)
        .env_clear()
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_program_makes_tokens_itself() {
    let file = KeyFile::new("mint", &(key(1) + &key(2)));
    let program = file.start("1");
    let path = file.0.to_str().unwrap();
    let hosted = account::Login { custodian: "owner".into(), custodian_role_id: 9, ..game(5) };
    let monitor = account::Login { kind: Kind::Monitor.into(), ..game(6) };
    let bare = account::Login { account: "a".into(), role_id: u64::MAX, ..account::Login::default() };
    for (login, more) in [
        (bare, "--account a --role 18446744073709551615"),
        (
            hosted,
            "--account account-5 --role 5 --platform platform --zone 3 --kind game-server --custodian owner \
             --custodian-role 9 --lifetime 1m",
        ),
        (monitor, "--account account-6 --role 6 --platform platform --zone 3 --kind MONITOR"),
    ] {
        let arguments = [&["--token-keys", path][..], &more.split_whitespace().collect::<Vec<_>>()].concat();
        let before = now();
        let (status, made, error) = mint(&arguments);
        assert_eq!((status, &*error), (Some(0), ""));
        let token = made.strip_suffix('\n').unwrap().to_owned();
        let message = account::Login { token, ..login };
        assert_eq!(Client::connect(program.address()).login(&message), 0, "{more}");
        let lifetime = if more.contains("1m") { 60 } else { 3600 };
        let ends = keys(&key(1)).verify(&message.token, &signed(&message), before).unwrap();
        assert!(
            (before + lifetime..=now() + lifetime).contains(&ends),
            "the first key signs, for {lifetime} s"
        );
    }
    for (arguments, reason) in [
        ("--account a --role 0", "sysconn: token: role_id is 0\n"),
        ("--account= --role 1", "sysconn: token: the account is empty\n"),
        (
            "--account a --role 1 --kind monitor --custodian b",
            "sysconn: token: a custodian cannot be a monitor\n",
        ),
        ("--account a --role 1 --custodian-role 2", "sysconn: token: the custodian has no account\n"),
    ] {
        let arguments =
            [&["--token-keys", path][..], &arguments.split_whitespace().collect::<Vec<_>>()].concat();
        assert_eq!(mint(&arguments), (Some(2), String::new(), reason.to_owned()));
    }
    file.write("123");
    let (status, made, error) = mint(&["--token-keys", path, "--account", "a", "--role", "1"]);
    assert_eq!((status, &*made), (Some(2), ""));
    assert!(error.contains(": line 1: expected a key"), "{error}");
}

/// The program in docs/tokens.md, which game authors copy, makes tokens that are accepted.
#[test]
fn the_documented_program_makes_valid_tokens() {
    let document = include_str!("../../docs/tokens.md");
    let (_, from) = document.split_once("```python\n").unwrap();
    let (code, _) = from.split_once("```").unwrap();
    let message = account::Login {
        account: "名字:,\n".into(),
        custodian: "owner".into(),
        custodian_role_id: u64::MAX,
        ..game(5)
    };
    let call =
        "print(token(bytes([1] * 32), 1795800000, '名字:,\\n', 'platform', 3, 5, 1, 'owner', 2**64 - 1))";
    let output = Command::new("python3").args(["-c", &format!("{code}\n{call}")]).output().unwrap();
    let made = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(made.trim(), with_token(&key(1), message, 1_795_800_000).token, "{error}");
}
