//! A disk that fills up while the program runs, and is freed again.

use std::process::Command;

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::common::eventually;
use super::platform::{APPID, Platform, code_of};
use super::{Client, Program, Scratch};

/// The program in a process that gets an error, and not a signal, when a file becomes too long.
fn start(platform: &Platform, secret: &Scratch, data: &Scratch) -> Program {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#, env!("CARGO_BIN_EXE_sysconn")]).env_clear();
    command.args(["serve", "--listen", "127.0.0.1:0", "--wechat-appid", APPID, "--data", data.path()]);
    command.args(["--wechat-url", &platform.url(), "--wechat-secret-file", secret.path()]);
    Program::start_as(&mut command)
}

/// Lets no file of the program be longer than that.
fn set_limit(program: &Program, bytes: Option<u64>) {
    let pid = Pid::from_raw(program.id().try_into().unwrap());
    prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

#[test]
fn a_full_disk_costs_logins_until_it_is_freed() {
    let (platform, secret, data) = (Platform::start(), Scratch::secret(), Scratch::new("data"));
    let program = start(&platform, &secret, &data);
    let log = || String::from_utf8_lossy(&program.log()).into_owned();
    let log_in = |number: usize| {
        let code = code_of(&format!("{number}-{}", "o".repeat(200)));
        Client::connect(program.address()).wechat(&code, 1).map(|told| told.role_id)
    };
    let mut roles = vec![log_in(0).unwrap()];
    for _ in 0..2 {
        let bytes = std::fs::metadata(data.0.join("sysconn.redb")).unwrap().len();
        set_limit(&program, Some(bytes));
        // What fits the file goes on.
        let error_id = loop {
            match log_in(roles.len()) {
                Ok(role_id) => roles.push(role_id),
                Err(error_id) => break error_id,
            }
        };
        assert_eq!(error_id, 6);
        eventually("the log says so", || log().contains("the store failed, and is opened again in 100ms: "));
        Client::connect(program.address()).echo(b"others are served");
        set_limit(&program, None);
        let next = roles.len();
        eventually("it works again", || log_in(next).map(|role_id| roles.push(role_id)).is_ok());
    }
    assert!(log().contains("the store was opened again; "), "{}", log());
    for (number, role_id) in roles.iter().enumerate() {
        assert_eq!(log_in(number), Ok(*role_id));
    }
    roles.sort_unstable();
    roles.dedup();
    assert!(roles.len() > 10 && roles.windows(2).all(|pair| pair[0] < pair[1]));
}
