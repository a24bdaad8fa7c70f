//! Attempts of clients to forge or flood the log.

use crate::common::Frame;
use crate::handshake::{plus, with};
use crate::stage::{Case, SERVE, Setup, play};

#[test]
fn logs() {
    play(CASES);
}

/// The lines that were logged meanwhile.
fn logged(stage: &crate::stage::Stage, act: impl FnOnce()) -> Vec<u8> {
    let before = stage.program.log().len();
    act();
    stage.witness();
    stage.program.log().split_off(before)
}

/// Bytes of the lines about bad input and panics.
fn bytes_of_bad_input(log: &[u8]) -> usize {
    let is_about = |line: &&str| line.contains("bad input id=") || line.contains("panic what=");
    String::from_utf8_lossy(log).lines().filter(is_about).map(|line| line.len() + 1).sum()
}

/// It has no control bytes except its line ends.
fn assert_clean(log: &[u8]) {
    let raw = log.iter().find(|byte| byte.is_ascii_control() && **byte != b'\n');
    assert_eq!(raw, None, "{}", log.escape_ascii());
    assert!(std::str::from_utf8(log).is_ok());
}

pub(crate) const CASES: &[Case] = &[
    Case::new("lg-01", Setup::Serve(&["--log", "trace"]), |stage| {
        let log = logged(stage, || {
            for control in ["\x1b[31m", "\x07", "\x08", "\x7f", "\r", "\n", "\u{9b}31m"] {
                stage.refuses("in the target", &with("/chat", &format!("/{control}x")), &[400]);
                let _ = stage.refuses("in a name", &plus(&format!("X{control}: a\r\n")), &[400]);
            }
            // A byte above ASCII is legal in a value, but must be escaped in the log.
            stage.accepts("a value", &plus("X: \u{9b}31m\u{202e}\r\nOrigin: x\r\n"));
            stage.closes(
                "a reason",
                &crate::common::frame(sysconn::frame::Opcode::Close, b"\x03\xe8\x1b[31m\n"),
                1000,
            );
        });
        assert_clean(&log);
    }),
    Case::new("lg-02", SERVE, |stage| {
        let log = logged(stage, || {
            for _ in 0..1000 {
                let mut client = stage.client();
                client.send(b"\x82\x04data");
                while client.next() != Frame::End {}
            }
        });
        let bytes = bytes_of_bad_input(&log);
        assert!(bytes <= 16 * 1024, "{bytes} bytes");
        assert!(bytes > 0, "the first of them is seen");
    }),
    Case::new("x-41", SERVE, |stage| {
        // Each refusal, and each end of a connection, has its line.
        let log = logged(stage, || {
            for round in 0..1000 {
                if round % 2 == 0 {
                    stage.refuses("nothing", b"\0", &[400]);
                } else {
                    drop(stage.raw());
                }
            }
        });
        assert_eq!(bytes_of_bad_input(&log), 0, "none of them is bad input");
        let lines = |event: &str| String::from_utf8_lossy(&log).matches(event).count();
        assert_eq!(lines("upgrade refused"), 500, "as many are written at once");
        assert!(lines("connection ended") > 0, "those that are still ending have theirs later");
    }),
];
