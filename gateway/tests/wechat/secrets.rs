//! No secret is in a log line, a recording or an error.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use super::common::eventually;
use super::messages::monitor;
use super::platform::{APPID, SECRET, SESSION_KEY, code_of};
use super::{Scratch, Server};

/// The codes of these tests have this in them.
const MARK: &str = "c0de7h47n0b0dy5ees";

#[test]
fn secrets_codes_and_session_keys_are_nowhere() {
    let recordings = Scratch::new("recordings");
    fs::create_dir(&recordings.0).unwrap();
    let more = ["--log", "trace", "--record", recordings.path(), "--wechat-timeout", "500ms"];
    let mut server = Server::start(&more);
    let codes =
        ["errcode-40029", "errcode-40125", "html", "half", "noise", "late", "status-500", "long", "moved"];
    for code in codes {
        assert!(server.answer(code).is_err());
        assert!(server.answer(&code_of(MARK)).is_ok(), "after {code}: {}", server.log());
    }
    // Under debug each packet is logged, of secret commands without their Data.
    let mut client = server.connect();
    let role_id = client.wechat(&code_of(MARK), 1).unwrap().role_id;
    let mut watch = server.monitor();
    let id = watch.find(role_id).id;
    let () = watch.ask(9004, &monitor::Debug { id, on: true, ..monitor::Debug::default() });
    assert!(client.wechat(&code_of(MARK), 1).is_ok());
    eventually("its packets are logged", || server.log().contains(&format!("{id} in  ")));
    drop(watch);
    server.program.signal(Signal::TERM);
    client.expect_close(1001, "draining");
    drop(client);
    assert_eq!(server.program.wait().0.code(), Some(0));

    let log = server.log();
    assert!(log.contains("TRACE") && log.contains(r#"account="c0de"#), "{log}");
    let encoded = SECRET.replace('+', "%2B").replace('/', "%2F");
    let hex: String = code_of(MARK).bytes().map(|byte| format!("{byte:02x}")).collect();
    let secrets =
        [&hex[..20], SECRET, &encoded, SESSION_KEY, "js_code", "jscode2session", APPID, &code_of(MARK)];
    let mut texts = vec![("the log".to_owned(), log.into_bytes())];
    for entry in fs::read_dir(&recordings.0).unwrap() {
        let path = entry.unwrap().path();
        texts.push((path.display().to_string(), fs::read(path).unwrap()));
    }
    assert!(texts.len() > 10);
    for (name, text) in texts {
        for secret in secrets {
            let found = text.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!found, "{secret} is in {name}: {}", String::from_utf8_lossy(&text));
        }
    }
}

#[test]
fn the_secret_is_read_again_at_sighup() {
    let server = Server::start(&[]);
    assert!(server.answer(&code_of("o1")).is_ok());
    server.platform.set_secret("another");
    fs::write(&server.secret.0, "another\n").unwrap();
    server.program.signal(Signal::HUP);
    eventually("it is read", || server.log().contains("the secret of WeChat was read again"));
    assert!(server.answer(&code_of("o1")).is_ok());
    assert_eq!(server.platform.wrong(), [""; 0]);

    fs::write(&server.secret.0, "two words\n").unwrap();
    server.program.signal(Signal::HUP);
    eventually("it stays", || server.log().contains("the secret of WeChat stays as it was: "));
    assert!(server.answer(&code_of("o1")).is_ok());
    assert_eq!(server.platform.wrong(), [""; 0]);
    assert!(!server.log().contains("another") && !server.log().contains("two words"));
}

/// The line with which the program refuses to start.
fn refusal(secret_file: &Path) -> String {
    let program = Command::new(env!("CARGO_BIN_EXE_sysconn"))
        .args(["--listen", "127.0.0.1:0", "--wechat-appid", APPID, "--wechat-secret-file"])
        .arg(secret_file)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!((program.status.code(), program.stdout.len()), (Some(2), 0));
    String::from_utf8(program.stderr).unwrap()
}

#[test]
fn a_secret_that_cannot_be_used_ends_the_start_and_is_not_shown() {
    let file = Scratch::new("bad-secret");
    let expected = format!("sysconn: --wechat-secret-file: {}: cannot be read: ", file.path());
    assert!(refusal(&file.0).starts_with(&expected));
    for content in ["", "5ecre7 w17h 5p4ce5", "0ne\n7w0"] {
        fs::write(&file.0, content).unwrap();
        let line = refusal(&file.0);
        let expected = "expected one line, a secret of 1 to 255 characters without spaces";
        assert!(line.ends_with(&format!("{expected}\n")), "{line}");
        assert!(!line.contains("5ecre7") && !line.contains("0ne"));
    }
}
