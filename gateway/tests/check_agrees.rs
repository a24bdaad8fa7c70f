//! `sysconn check-config` accepts what `serve` starts with, and refuses what it does not start with.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use rcgen::generate_simple_self_signed;

/// The folder in an argument below.
const FOLDER: &str = "DIR";

fn command(name: &str, options: &[String]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysconn"));
    command.arg(name).args(options).env_clear();
    command
}

/// Whether `serve` begins to accept clients. If it does not, it ends with status 2, and says why.
fn serves(options: &[String]) -> bool {
    let mut child = command("serve", options).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    if line.is_empty() {
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(2), "{options:?}");
        expect_names(options, &String::from_utf8(ended.stderr).unwrap());
        return false;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    true
}

/// Checks that an error names one of the options, or the address that cannot be listened on.
fn expect_names(options: &[String], err: &str) {
    let line = err.lines().find_map(|line| line.strip_prefix("sysconn: ")).unwrap_or_default();
    let first = line.split([':', ' ']).next().unwrap_or_default();
    let is_named = |option: &String| option.starts_with("--") && option == first;
    let is_address = line.starts_with("cannot listen on unix:");
    assert!(options.iter().any(is_named) || is_address, "{options:?}: {err}");
}

fn fill(folder: &Path) {
    let file = |name: &str, content: &str| fs::write(folder.join(name), content).unwrap();
    for (cert, key) in [("cert", "key"), ("other-cert", "other-key")] {
        let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        file(cert, &made.cert.pem());
        file(key, &made.signing_key.serialize_pem());
    }
    file("keys", &("5a".repeat(32) + "\n"));
    file("token", "0123456789abcdef\n");
    file("empty", "");
    file("jwks", r#"{"keys":[]}"#);
    file("large", &"#".repeat(1024 * 1024 + 1));
    for directory in ["data", "recordings", "used/sysconn.redb", "locked/lock"] {
        fs::create_dir_all(folder.join(directory)).unwrap();
    }
    assert!(Command::new("mkfifo").arg(folder.join("fifo")).status().unwrap().success());
}

#[test]
fn what_is_accepted_starts_and_what_is_refused_does_not() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("agrees-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    fill(&folder);
    let name = folder.to_str().unwrap();
    let cases = [
        ("", true),
        ("--tls-cert DIR/cert --tls-key DIR/key", true),
        ("--tls-cert DIR/cert", false),
        ("--tls-cert DIR/cert --tls-key DIR/other-key", false),
        ("--tls-cert DIR/fifo --tls-key DIR/key", false),
        ("--tls-cert DIR/data --tls-key DIR/key", false),
        ("--tls-cert /dev/null --tls-key DIR/key", false),
        ("--tls-cert /dev/zero --tls-key DIR/key", false),
        ("--tls-cert DIR/large --tls-key DIR/key", false),
        ("--token-keys DIR/keys", true),
        ("--token-keys DIR/empty", false),
        ("--token-keys DIR/missing", false),
        ("--jwt-keys DIR/jwks", false),
        ("--admin 127.0.0.1:0 --admin-token-file DIR/token", true),
        ("--admin 127.0.0.1:0 --admin-token-file DIR/empty", false),
        ("--admin-token-file DIR/empty", true),
        ("--admin unix:DIR/admin", true),
        ("--admin unix:DIR/token", false),
        ("--admin unix:DIR/missing/admin", false),
        ("--listen unix:DIR/game", true),
        ("--listen unix:DIR/data", false),
        ("--listen unix:DIR/missing/game", false),
        ("--listen unix:DIR/token/game", false),
        ("--listen unix:DIR/game --admin unix:DIR/game", false),
        ("--wechat-appid wx --wechat-secret-file DIR/token", true),
        ("--wechat-appid wx --wechat-secret-file DIR/empty", false),
        ("--data DIR/data", true),
        ("--data DIR/new", true),
        ("--data DIR/missing/new", false),
        ("--data DIR/token", false),
        ("--data DIR/used", false),
        ("--data DIR/locked", false),
        ("--data /proc/new", false),
        ("--data /sys/new", false),
        ("--data /proc/tty", false),
        ("--record /proc/tty", false),
        ("--listen unix:/proc/game", false),
        ("--record DIR/recordings", true),
        ("--record DIR/missing", false),
        ("--record DIR/token", false),
        ("--config DIR/empty", true),
        ("--config DIR/large", false),
        ("--config DIR/fifo", false),
        ("--cpu 1023", false),
        ("--workers 3", true),
        ("--dev --dev-listen 127.0.0.1:0", true),
        ("--dev --dev-listen 127.0.0.1:0 --listen 0.0.0.0:0 --auth open", false),
    ];
    // At one time, since a FIFO is waited for.
    std::thread::scope(|scope| {
        for (options, is_good) in cases {
            scope.spawn(move || agree(options, is_good, name));
        }
    });
    fs::remove_dir_all(folder).unwrap();
}

/// Checks that `check-config` and `serve` say the same of options.
fn agree(options: &str, is_good: bool, folder: &str) {
    let words = options.split_whitespace().map(|word| word.replace(FOLDER, folder));
    let options: Vec<_> =
        ["--listen".to_owned(), "127.0.0.1:0".to_owned()].into_iter().chain(words).collect();
    let mut check = command("check-config", &options);
    let check = check.arg("--quiet").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    assert_eq!(serves(&options), is_good, "{options:?}");
    let checked = check.wait_with_output().unwrap();
    let expected = if is_good { Some(0) } else { Some(2) };
    let err = String::from_utf8(checked.stderr).unwrap();
    assert_eq!(checked.status.code(), expected, "{options:?}: {err}");
    assert_eq!(err.lines().any(|line| line.starts_with("sysconn: ")), !is_good, "{options:?}: {err}");
    if !is_good {
        expect_names(&options, &err);
    }
}
