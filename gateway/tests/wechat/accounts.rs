//! Accounts under `--data`: over restarts and kills, in directories that cannot be used, and by the command.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use sysconn::client::{self, ClientError};

use super::common::check_output;
use super::platform::{Platform, code_of};
use super::{Client, Program, Scratch, WechatLoggedIn, login, start};

const ACCOUNTS: usize = 1000;
const KILLS: usize = 50;
/// Accounts that log in between two kills, and more if there is time.
const EACH: usize = ACCOUNTS / KILLS;

/// Runs the program until it ends.
fn sysconn(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sysconn")).args(arguments).env_clear().output().unwrap()
}

fn end(mut program: Program) {
    program.signal(Signal::TERM);
    assert_eq!(program.wait().0.code(), Some(0));
}

/// Logs in on a server that may be killed meanwhile. `None`: nothing was told before that.
fn told_before_the_end(address: SocketAddr, account: &str) -> Option<u64> {
    let mut client = client::Client::connect(&format!("ws://{address}").parse().unwrap()).ok()?;
    match client.ask::<WechatLoggedIn>(1001, &login(&code_of(account), 1)) {
        Ok(told) => Some(told.role_id),
        Err(ClientError::Refused(error_id)) => panic!("{account}: ErrorID {error_id}"),
        Err(_) => None,
    }
}

#[test]
fn no_role_is_lost_or_given_twice_however_often_the_program_is_killed() {
    let (platform, secret, data) = (Platform::start(), Scratch::secret(), Scratch::new("data"));
    let more = ["--data", data.path(), "--workers", "2", "--log-connections", "off"];
    let roles: Mutex<BTreeMap<usize, u64>> = Mutex::default();
    let note = |number: usize, role_id| {
        let earlier = *roles.lock().unwrap().entry(number).or_insert(role_id);
        assert_eq!(earlier, role_id, "account {number}");
    };
    let random = RandomState::new();
    for kill in 0..KILLS {
        let mut program = start(&platform.url(), &secret, &more);
        let address = program.address();
        // New ones and old ones, until it is killed.
        let next = AtomicUsize::new(kill * EACH);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed) % ((kill + 1) * EACH);
                        let told = told_before_the_end(address, &format!("o{number}"));
                        let Some(role_id) = told else { return };
                        note(number, role_id);
                    }
                });
            }
            std::thread::sleep(Duration::from_micros(random.hash_one(kill) % 60_000));
            program.signal(Signal::KILL);
        });
        program.wait();
    }
    let before = roles.lock().unwrap().len();
    let program = start(&platform.url(), &secret, &more);
    for number in 0..ACCOUNTS {
        let told = Client::connect(program.address()).wechat(&code_of(&format!("o{number}")), 1).unwrap();
        note(number, told.role_id);
    }
    end(program);
    let roles = roles.into_inner().unwrap();
    assert!(before > ACCOUNTS / 10, "only {before} logins came before the kills");
    assert_eq!(roles.values().collect::<BTreeSet<_>>().len(), ACCOUNTS, "{roles:?}");
    assert_eq!(platform.wrong(), [""; 0]);

    let listed = sysconn(&["accounts", "list", "--data", data.path()]);
    assert_eq!((listed.status.code(), &*listed.stderr), (Some(0), &b""[..]));
    let lines: BTreeSet<_> = String::from_utf8(listed.stdout).unwrap().lines().map(str::to_owned).collect();
    let expected = roles.iter().map(|(number, role_id)| line(*role_id, &format!("o{number}")));
    assert_eq!(lines, expected.collect());
}

/// A line of `accounts list`.
fn line(role_id: u64, account: &str) -> String {
    format!(r#"role_id={role_id} account="{account}" platform="wechat" zone_id=1"#)
}

#[test]
fn the_command_lists_shows_and_removes_while_no_server_runs() {
    let (platform, secret, data) = (Platform::start(), Scratch::secret(), Scratch::new("data"));
    let start = || start(&platform.url(), &secret, &["--data", data.path()]);
    let log_in = |program: &Program, account| {
        Client::connect(program.address()).wechat(&code_of(account), 1).unwrap().role_id
    };
    let accounts = |words: &[&str]| {
        let output = sysconn(&[&["accounts"], words, &["--data", data.path()]].concat());
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    let missing = accounts(&["list"]);
    let expected = format!("sysconn: --data: {}/sysconn.redb: there is no such file\n", data.path());
    assert_eq!(missing, (2, String::new(), expected));
    assert!(!data.0.exists());

    let program = start();
    assert_eq!(["o1", "o\u{202e}2\n"].map(|account| log_in(&program, account)), [1, 2]);
    let in_use = format!(
        "sysconn: --data: {}: another sysconn uses this directory, and only one at a time can\n",
        data.path()
    );
    for words in [&["list"][..], &["show", "1"], &["remove", "1"]] {
        assert_eq!(accounts(words), (2, String::new(), in_use.clone()));
    }
    end(program);
    let [first, second] = [line(1, "o1") + "\n", line(2, r"o\u{202e}2\n") + "\n"];
    let list = |lines: &[&str]| (0, lines.concat(), String::new());
    let none = |role_id| (1, String::new(), format!("sysconn: no account has the role {role_id}\n"));
    assert_eq!(accounts(&["list"]), list(&[&first, &second]));
    assert_eq!(accounts(&["show", "2"]), list(&[&second]));
    for words in [&["list"][..], &["show", "2"]] {
        check_output(&[&["accounts"], words, &["--data", data.path()]].concat());
    }
    assert_eq!(accounts(&["show", "3"]), none(3));
    assert_eq!(accounts(&["remove", "2"]), list(&[&second]));
    assert_eq!(accounts(&["remove", "2"]), none(2));
    assert_eq!(accounts(&["list"]), list(&[&first]));

    let program = start();
    assert_eq!(
        ["o1", "o\u{202e}2\n"].map(|account| log_in(&program, account)),
        [1, 3],
        "2 is not given again"
    );
    end(program);
}

#[test]
fn a_directory_that_cannot_be_used_ends_the_start_with_one_line() {
    let (data, file) = (Scratch::new("data"), Scratch::new("file"));
    let refused = |path: &str, expected: &str| {
        let output = sysconn(&["serve", "--listen", "127.0.0.1:0", "--data", path]);
        assert_eq!((output.status.code(), &*output.stdout), (Some(2), &b""[..]));
        let line = String::from_utf8(output.stderr).unwrap();
        assert!(line.starts_with(&format!("sysconn: --data: {path}{expected}")), "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
    };
    let mut program = Program::start(&["serve", "--listen", "127.0.0.1:0", "--data", data.path()]);
    refused(data.path(), ": another sysconn uses this directory, and only one at a time can");
    Client::connect(program.address()).echo(b"the first one goes on");
    program.signal(Signal::KILL);
    program.wait();
    end(Program::start(&["serve", "--listen", "127.0.0.1:0", "--data", data.path()]));

    fs::write(&file.0, "a file").unwrap();
    refused(file.path(), ": cannot be made: ");
    refused("/proc/nowhere", ": cannot be made: ");
    // A file of redb in the next version of its format.
    let database = data.0.join("sysconn.redb");
    let mut bytes = fs::read(&database).unwrap();
    let version = bytes.iter().position(|byte| *byte == 3).unwrap();
    bytes[version] = 200;
    fs::write(&database, &bytes).unwrap();
    refused(data.path(), "/sysconn.redb: is no database that this version can read: ");
}
