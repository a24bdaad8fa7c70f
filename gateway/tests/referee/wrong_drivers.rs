//! Drivers that are wrong, and what is none: the referee ends, and says what is wrong.

use std::io::Write as _;
use std::process::Command;

use sysconn::frame::Opcode;

use super::common::{Client, Frame, Program, frame, upgrade_of};

/// A referee of two cases.
fn referee(arguments: &[&str]) -> Program {
    let common =
        ["referee", "--listen", "127.0.0.1:0", "--case", "1.1", "--case", "1.2", "--patience", "50ms"];
    Program::start_as(Command::new(env!("CARGO_BIN_EXE_sysconn")).args(common).args(arguments).env_clear())
}

fn driver(program: &Program) -> Client {
    let mut driver = Client::raw(program.address());
    driver.upgrade(&upgrade_of("/control", ""));
    driver
}

fn say(driver: &mut Client, text: &str) {
    // The referee may have ended.
    let _ = driver.stream.write_all(&frame(Opcode::Text, text.as_bytes()));
}

#[test]
fn each_wrong_driver_fails_all_cases() {
    const HELLO: &str = r#"{"event": "hello", "name": "wrong"}"#;
    for (after_hello, times, reason) in [
        ("", 0, "not tried: the driver does not report what was awaited"),
        (
            "nonsense\u{1b}[31m\n",
            1,
            r"the driver's message is not understood: expected ident at line 1 column 2: nonsense\u{1b}[31m\n",
        ),
        (r#"{"event": "open"}"#, usize::MAX, "not tried: the driver does not report what was awaited"),
    ] {
        let mut program = referee(&[]);
        let mut driver = driver(&program);
        say(&mut driver, HELLO);
        let mut writer = driver.stream.try_clone().unwrap();
        let message = frame(Opcode::Text, after_hello.as_bytes());
        let talks = std::thread::spawn(move || {
            (0..times).take_while(|_| writer.write_all(&message).is_ok()).for_each(drop);
        });
        let (status, lines) = program.wait();
        assert_eq!(status.code(), Some(1), "{after_hello:?}: {lines:?}");
        assert!(lines.iter().any(|line| line.contains(reason)), "{after_hello:?}: {lines:#?}");
        assert_eq!(lines.last().unwrap(), "wrong: 0 passed, 2 failed, 0 skipped");
        talks.join().unwrap();
    }
}

#[test]
fn one_driver_is_heard_and_what_is_none_is_told_so() {
    let mut program = referee(&["--json"]);
    let answer = |request: &[u8]| {
        let mut client = Client::raw(program.address());
        client.send(request);
        client.read_head()
    };
    for request in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], b"GET /control HTTP/1.1\r\n\r\n", &upgrade_of("/other", "")]
    {
        assert!(answer(request).starts_with("HTTP/1.1 400 "), "{request:?}");
    }
    let mut first = driver(&program);
    assert!(answer(&upgrade_of("/control", "")).starts_with("HTTP/1.1 503 "));
    say(&mut first, r#"{"event": "hello", "name": "first", "skip": ["1.1"]}"#);
    assert!(matches!(first.next(), Frame::Text(_)));
    drop(first);
    let (status, lines) = program.wait();
    let report: serde_json::Value = serde_json::from_str(&lines.join("\n")).unwrap();
    let verdicts: Vec<_> = (0..2).map(|case| report["cases"][case]["verdict"].as_str().unwrap()).collect();
    assert_eq!(
        (status.code(), &report["client"], &*verdicts),
        (Some(1), &"first".into(), &["skipped", "failed"][..])
    );
}

#[test]
fn without_a_hello_it_does_not_begin() {
    for text in ["nonsense", r#"{"event": "open"}"#] {
        let mut program = referee(&[]);
        say(&mut driver(&program), text);
        let (status, lines) = program.wait();
        assert_eq!((status.code(), lines.len()), (Some(2), 0), "{text}");
        assert!(program.log().starts_with(b"sysconn: "), "{text}");
    }
}
